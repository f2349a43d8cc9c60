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
from auditor.core.sized import withheld
from auditor.engines.local import Local
from auditor.model.result import Measured, Measurement, Metric, Status
from auditor.model.rows import Dataset
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
    sized = replace(whole, sizes={"seen.rows": 80})
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
    """A share of rows, a number that grows with them, and one of them beside real ones, which are welcome and not
    needed. `room` says what the whole run saw."""

    spec: ClassVar[Spec] = Spec(
        "both",
        "Both",
        (
            Measure("share", "share", "rows whose prompt ends in 7"),
            Measure("rows", "rows", "seen", depends="size"),
            Measure("ratio", "ratio", "rows to real ones", depends="real"),
            Measure("free", "rows", "seen, without a bound", depends="size"),
        ),
    )

    def run(self, rows: Any, context: Context, engine: Any) -> Measurement:
        real = context.references.get("real")
        prompts = [text for one in rows for text in one.column("prompt").to_pylist()]
        n, name = len(rows), self.spec.metric
        ratio = None if real is None else n / len(real)
        sevens = sum(text.endswith("7") for text in prompts)
        metrics = (
            Metric(name("share"), sevens / n, "share", n),
            Metric(name("rows"), float(n), "rows", n, low=0.0, high=2.0 * n),
            Metric(name("ratio"), ratio, "ratio", n, "" if real else "no real rows", low=0.0, high=2.0),
            Metric(name("free"), float(n), "rows", n),
        )
        return Measurement(metrics, notes=(f"saw {n}",), columns={"place": np.zeros(n)})

    def locate(self, rows: Any, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        yield findings(np.arange(len(rows)), "both.share", ["seen"] * len(rows))


SIZES = {"both.share": 100, "both.rows": 100, "both.ratio": 100, "seen.rows": 100}


def made(n: int, folder: Path, what: str) -> Dataset:
    return fakes.dataset([{"prompt": f"{what} {i}", "response": "a"} for i in range(n)], folder, shard_rows=64)


def of(outcome: Measured) -> dict[str, Metric]:
    assert outcome.measurement is not None
    return {metric.name.partition(".")[2]: metric for metric in outcome.measurement.metrics}


def test_what_depends_on_the_number_of_rows_is_measured_on_a_draw_as_well(tmp_path: Path) -> None:
    """The oracle measures the drawn rows of both sides by themselves."""
    rows, real = made(250, tmp_path / "a", "mine"), made(130, tmp_path / "b", "theirs")
    (outcome,) = measure([Both()], rows, Context(references={"real": real}, sizes=SIZES), Local(1))
    sides = [side.select(np.sort(drawn(side, 100))) for side in (rows, real)]
    (alone,) = measure([Both()], sides[0], Context(references={"real": sides[1]}), Local(1))
    found, oracle = of(outcome), of(alone)
    assert found["rows"] == oracle["rows"]
    assert found["ratio"] == oracle["ratio"]
    assert (found["rows"].value, found["rows"].n, found["rows"].high) == (100, 100, 200)
    (whole,) = measure([Both()], rows, Context(references={"real": real}), Local(1))
    assert found["share"] == of(whole)["share"] == Metric("both.share", 25 / 250, "share", 250)
    assert found["free"].value == 250, "no bound of it was found at a size"
    assert outcome.measurement is not None
    assert outcome.measurement.notes == (
        "saw 250",
        "on 100 rows drawn, as many as the bounds were found at; over all 250: rows 250, ratio 1.923",
    )
    assert len(outcome.measurement.columns["place"]) == 250
    told = located(Both(), outcome, rows, Context(sizes=SIZES), tmp_path / "f.arrows", findings_schema({}))
    assert told.findings == 250


def test_as_many_rows_as_the_bounds_were_found_at_are_measured_once(tmp_path: Path) -> None:
    rows = made(100, tmp_path / "a", "mine")
    for real in (made(100, tmp_path / "b", "theirs"), None):
        references = {} if real is None else {"real": real}
        (outcome,) = measure([Both()], rows, Context(references=references, sizes=SIZES), Local(1))
        assert outcome.measurement is not None
        assert outcome.measurement.notes == ("saw 100",)


def test_bounds_of_two_files_keep_their_sizes(tmp_path: Path) -> None:
    rows, real = made(250, tmp_path / "a", "mine"), made(200, tmp_path / "b", "theirs")
    sizes = {"both.rows": 100, "both.ratio": 60}
    (outcome,) = measure([Both()], rows, Context(references={"real": real}, sizes=sizes), Local(1))
    found = of(outcome)
    assert (found["rows"].value, found["ratio"].n, found["free"].value) == (100, 60, 250)


def test_fewer_rows_than_the_bounds_were_found_at_are_no_pass_and_no_fail(tmp_path: Path) -> None:
    """A comparison needs as many on both sides, a number of the rows alone only on its own; what is found is told."""
    few, many = made(99, tmp_path / "a", "few"), made(100, tmp_path / "b", "many")
    for rows, real, enough in ((few, many, False), (many, few, False), (many, many, True)):
        context = Context(references={"real": real}, sizes=SIZES)
        needs, beside = measure([Seen(), Both()], rows, context, Local(1))
        assert of(beside)["share"].value is not None, "measured, and only judged otherwise"
        judged = of(withheld(Both(), beside, rows, context))
        assert judged["free"].value == len(rows)
        if enough:
            assert needs.status is not Status.SKIPPED
            assert (judged["share"].value, judged["rows"].value, judged["ratio"].value) == (0.1, 100, 1)
            continue
        assert needs.status is Status.SKIPPED
        assert needs.why.startswith("needs n >= 100 (rows a side that ")
        ratio = judged["ratio"]
        assert (ratio.value, ratio.low, ratio.high, ratio.why) == (None, None, None, needs.why)
        for name in ("share", "rows"):
            if rows is few:
                assert judged[name].why == (
                    "needs n >= 100 (rows that the policy's bounds were found at), has 99: "
                    "`auditor calibrate --real REAL --rows 99` finds bounds for so few"
                )
            assert (judged[name].value is None) == (rows is few)
    (unsized, _) = measure([Seen(), Both()], few, Context(references={"real": many}), Local(1))
    assert unsized.status is not Status.SKIPPED
    calibrate = ": `auditor calibrate --real REAL --rows 50`"
    for n, remedy in ((50, f"has 50 and 100 real ones{calibrate}"), (49, "has 49 and 100 real")):
        context = Context(references={"real": many}, sizes=SIZES)
        (short,) = measure([Seen()], made(n, tmp_path / f"n{n}", "few"), context, Local(1))
        assert remedy in short.why
        assert ("calibrate" in short.why) == (n == 50), "no bounds are found for fewer"
