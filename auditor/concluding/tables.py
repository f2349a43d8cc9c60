"""The tables that lie beside a record: every finding, and the features of every row.

Written batch by batch: memory grows with neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auditor.core import measure as measuring
from auditor.core.check import Context, Engine
from auditor.core.measure import Advance
from auditor.model.result import Measured
from auditor.model.rows import arrow
from auditor.model.verdicts import Audited

MAPPED = 1_000_000
"""Findings above which the report has them from the disk: a million take 150 MB, mostly evidence not looked at."""

AT_ONCE = 65_536
"""Findings that are brought into order at once."""


def locate(
    checks: Sequence[Any],
    measured: Sequence[Measured],
    rows: Audited,
    context: Context,
    engine: Engine,
    path: Path,
    advance: Advance,
) -> tuple[list[Measured], pa.Table]:
    """Write every finding to `path`, by check and row; returns the measured with their number of findings, and these.

    Checks are located in parallel, each into a file of its own beside `path`, so that memory does not grow with
    the number of findings. One that fails at it is an ERROR of that check, as in measuring.
    """
    schema = measuring.findings_schema(rows.by)
    done: list[str] = []

    def one(index: int) -> tuple[Path, Measured]:
        part = path.with_suffix(f".{index}")
        outcome = measuring.located(checks[index], measured[index], rows, context, part, schema)
        if outcome.findings:
            _by_row(part)
        done.append(outcome.check)
        advance(len(done), len(checks))
        return part, outcome

    found = engine.map(one, range(len(checks)))
    several = sum(outcome.findings for _, outcome in found) > MAPPED
    tables = [schema.empty_table()]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part, outcome in found:
            if outcome.findings:
                with pa.OSFile(str(part)) as source:  # batch by batch, not mapped: pages that are looked at stay
                    for batch in pa.ipc.open_stream(source):
                        writer.write_batch(batch.cast(schema))
                source = pa.memory_map(str(part)) if several else pa.BufferReader(part.read_bytes())
                tables.append(pa.ipc.open_stream(source).read_all())
            part.unlink(missing_ok=True)
    return [outcome for _, outcome in found], pa.concat_tables(tables[1:] or tables)


def _by_row(part: Path) -> None:
    """Put the findings of a check in the order of their rows, those of one row as the check named them, those without
    a row last. Checks name them shard by shard, and a shard ends where a file does."""
    import pyarrow.compute as pc  # 0.03 s, when something was found

    with pa.memory_map(str(part)) as source:
        found = pa.ipc.open_stream(source).read_all()
        rows = pc.fill_null(found.column("row"), np.iinfo(np.int64).max).to_numpy()
        if (rows[1:] >= rows[:-1]).all():
            return
        order = np.argsort(rows, kind="stable")
        ordered = part.with_name(f"{part.name}-ordered")
        with pa.RecordBatchStreamWriter(str(ordered), found.schema) as writer:
            for start in range(0, len(order), AT_ONCE):
                writer.write_table(found.take(order[start : start + AT_ONCE]))
    ordered.replace(part)


def features(rows: Audited, measured: Sequence[Measured], path: Path) -> None:
    """The annotated columns of every row, and what checks measured of each: for expectations, curation and later
    comparisons."""
    more = {
        f"{m.check.replace('-', '_')}.{name}": column
        for m in measured
        if m.measurement
        for name, column in m.measurement.columns.items()
    }
    heavy = {"digest", "prompt", "response", "rejected", "text", "messages", "source", "meta"}
    columns = [name for name in rows.columns if name not in heavy]
    writer: pq.ParquetWriter | None = None
    try:
        for shard in rows:
            batch = shard.batch.select(columns)
            low = int(shard.column("row")[0].as_py()) if len(shard) else 0
            for name, column in more.items():
                batch = batch.append_column(name, arrow(column[low : low + len(shard)]))
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()
