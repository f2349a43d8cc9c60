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
from auditor.model.result import Measurement, Metric, Status
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


@dataclass(frozen=True)
class Both:
    """A metric of the rows alone, and one of them beside real ones, for which real rows are welcome and not needed."""

    spec: ClassVar[Spec] = Spec("both", "Both", (Measure("rows", "rows", "seen"), Measure("rows_to_real", "ratio", "")))

    def run(self, rows: Any, context: Context, engine: Any) -> Measurement:
        beside = len(rows) / len(context.references["real"])
        ratio = Metric("both.rows_to_real", beside, "ratio", len(rows), low=0.0, high=2.0)
        return Measurement((Metric("both.rows", float(len(rows)), "rows", len(rows)), ratio))


def test_fewer_rows_than_the_bounds_were_found_at_are_no_pass_and_no_fail(tmp_path: Path) -> None:
    few = fakes.dataset([{"text": f"few {i}"} for i in range(99)], tmp_path / "a")
    many = fakes.dataset([{"text": f"many {i}"} for i in range(100)], tmp_path / "b")
    for rows, real, enough in ((few, many, False), (many, few, False), (many, many, True)):
        context = Context(references={"real": real}, size=100)
        needs, beside = measure([Seen(), Both()], rows, context, Local(1))
        assert beside.measurement is not None
        alone, ratio = beside.measurement.metrics
        assert alone.value == len(rows)
        if enough:
            assert (needs.status, ratio.value) == (Status.PASS, 1)
            continue
        assert needs.status is Status.SKIPPED
        assert needs.why.startswith("needs n >= 100 (")
        assert (ratio.value, ratio.low, ratio.high, ratio.why) == (None, None, None, needs.why)
    (unsized, _) = measure([Seen(), Both()], few, Context(references={"real": many}), Local(1))
    assert unsized.status is Status.PASS
