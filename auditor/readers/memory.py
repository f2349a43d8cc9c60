"""Rows that are already in memory: Arrow tables, pandas and polars frames, `datasets.Dataset`, dicts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from auditor.model.errors import InputError
from auditor.model.rows import SHARD_ROWS, Dataset
from auditor.readers import quarantine, snapshot
from auditor.readers.accept import accept
from auditor.readers.quarantine import NOT_AN_OBJECT, Bad, shown
from auditor.readers.rows import Columns
from auditor.readers.shapes import BadRecord, Shapes

SHARD_BYTES = 256 << 20
"""A shard closes at this many bytes of source too, so that huge rows do not fill the memory."""


def open_records(
    source: Any,
    *,
    cache: Path,
    name: str = "data",
    mapping: Mapping[str, str] | None = None,
    max_bad_rows: str | float | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Dataset:
    """Canonical rows of a `pyarrow.Table`, a pandas or polars frame, a `datasets.Dataset` or dicts.

    Raises InputError where `source` is none of these, and what `readers.open` raises.
    """
    kind, records = _records(source)
    shapes = Shapes(mapping)
    with snapshot.lock(cache):
        reading = snapshot.Reading(kind, ("<memory>",))
        for shard in shards(records, 0, shapes, cache, shard_rows):
            reading.shards.append(shard)
        key = xxhash.xxh3_128(f"{snapshot.VERSION}:{kind}".encode())
        for shard in reading.shards:
            key.update(shard.digest.encode())
            key.update(shard.signatures)
            key.update(repr(shard.bad).encode())
        accept(reading, shapes.mapping, max_bad_rows, name)
        return snapshot.commit(reading, key.hexdigest(), name, cache)


def shards(
    records: Iterable[Any], file: int, shapes: Shapes, cache: Path, shard_rows: int
) -> Iterator[snapshot.Written]:
    """Shards of `shard_rows` records each, bad ones included in the count."""
    columns, bad, count = Columns(shapes), list[Bad](), 0
    for ordinal, record in enumerate(records, 1):
        try:
            if not isinstance(record, Mapping):
                raise BadRecord(NOT_AN_OBJECT)
            columns.add(record if type(record) is dict else dict(record), ordinal)
        except BadRecord as error:
            bad.append(Bad(file, ordinal, str(error), shown(repr(record)[: quarantine.SEEN * 2])))
        count += 1
        if count >= shard_rows:
            yield snapshot.write_shard(columns, file, bad, cache)
            columns, bad, count = Columns(shapes), [], 0
    if count:
        yield snapshot.write_shard(columns, file, bad, cache)


def _records(source: Any) -> tuple[str, Iterable[Any]]:
    kind = type(source).__module__.partition(".")[0]
    if isinstance(source, pa.Table | pa.RecordBatch):
        return "arrow", _of_table(pa.table(source) if isinstance(source, pa.Table) else pa.Table.from_batches([source]))
    if kind == "datasets":
        return "datasets", source
    if hasattr(source, "__arrow_c_stream__"):
        return kind, _of_table(pa.table(source))
    if isinstance(source, str | bytes | Mapping) or not isinstance(source, Iterable):
        raise InputError(
            "these are no rows",
            seen=type(source).__name__,
            wanted="a path, a pyarrow Table, a pandas or polars frame, a datasets.Dataset, or an iterable of dicts",
        )
    return "records", source


def _of_table(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=4096):
        yield from batch.to_pylist()
