"""Checks against real data run at the size their bounds were found at, and speak of rows by their own numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet

from auditor import fakes
from auditor.core.check import Context, Measure, Spec
from auditor.core.measure import findings_schema, located, measure
from auditor.core.rowwise import findings
from auditor.engines.local import Local
from auditor.model.result import Measurement, Metric
from auditor.sketches.sample import drawn


@dataclass(frozen=True)
class Seen:
    """Says how many rows it was given, and names those whose prompt ends in 7, beside the real row of that place."""

    spec: ClassVar[Spec] = Spec("seen", "Seen", (Measure("rows", "rows", "rows seen"),), needs=("real",))

    def run(self, rows: Any, context: Context, engine: Any) -> Measurement:
        n = float(len(rows) + len(context.references["real"]))
        numbers = np.concatenate([one.numpy("row") for one in rows]).astype(np.float64)
        return Measurement((Metric("seen.rows", n, "rows", len(rows)),), columns={"place": numbers})

    def locate(self, rows: Any, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        for opened in rows:
            hits = [i for i, text in enumerate(opened.column("prompt").to_pylist()) if text.endswith("7")]
            at = opened.numpy("row")[hits]
            texts = opened.column("prompt").take(pa.array(hits, pa.int64())).to_pylist()
            yield findings(at, "seen.rows", texts, related=pa.array(at)).set_column(
                3, "related_dataset", pa.array(["real"] * len(at), pa.string())
            )


def test_a_policys_size_is_what_checks_against_real_see(tmp_path: Path) -> None:
    mine = [{"prompt": f"mine {i}", "response": "a"} for i in range(300)]
    theirs = [{"prompt": f"theirs {i}", "response": "a"} for i in range(200)]
    rows = fakes.dataset(mine, tmp_path / "a", shard_rows=70)
    real = fakes.dataset(theirs, tmp_path / "b", shard_rows=90)
    whole = Context(references={"real": real})
    sized = replace(whole, size=80)
    for context, n in ((whole, 500), (sized, 160)):
        (outcome,) = measure([Seen()], rows, context, Local(1))
        assert outcome.measurement is not None
        assert outcome.measurement.metrics[0].value == n
        column = outcome.measurement.columns["place"]
        assert len(column) == 300
        path = tmp_path / f"{n}.arrows"
        located(Seen(), outcome, rows, context, path, findings_schema({}))
        found = pa.ipc.open_stream(path.read_bytes()).read_all().to_pylist()
        assert all(one["evidence"] == f"mine {one['row']}" for one in found)
        assert all(one["line"] == one["row"] + 1 for one in found)
        if n == 160:
            chosen = np.sort(drawn(rows, 80))
            assert np.flatnonzero(~np.isnan(column)).tolist() == chosen.tolist()
            other = np.sort(drawn(real, 80))
            expected = {int(row): int(other[i]) for i, row in enumerate(chosen) if str(row).endswith("7")}
            assert {one["row"]: one["related"] for one in found} == expected
        else:
            assert [one["row"] for one in found] == list(range(7, 300, 10))


def test_fewer_rows_than_the_size_are_all_there(tmp_path: Path) -> None:
    rows = fakes.dataset([{"prompt": f"p {i}", "response": "a"} for i in range(30)], tmp_path)
    (outcome,) = measure([Seen()], rows, Context(references={"real": rows}, size=80), Local(1))
    assert outcome.measurement is not None
    assert outcome.measurement.metrics[0].value == 60
