"""Record integrity: each fault by its case, habits, ids across shards, and quiet on human data."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from auditor import fakes
from auditor.checks.record_integrity import RecordIntegrity
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

GOOD = "The tide is the rise and fall of the sea. It is caused by the gravity of the Moon, and a little by the Sun."


def measured(
    records: Sequence[Mapping[str, Any]], folder: Path, shard_rows: int = 3, **parameters: Any
) -> tuple[Dataset, Measurement, RecordIntegrity]:
    check = RecordIntegrity(**parameters)
    dataset = fakes.dataset(records, folder, shard_rows=shard_rows, annotate=("surface", "fields"))
    (state,) = Local(2).fold(dataset, [check])
    return dataset, check.measure(state, {}, Context()), check


def values(measurement: Measurement) -> dict[str, float | None]:
    return {m.name.removeprefix("record_integrity."): m.value for m in measurement.metrics}


def found(dataset: Dataset, measurement: Measurement, check: RecordIntegrity) -> dict[str, list[int]]:
    rows: dict[str, list[int]] = {}
    for table in check.locate(dataset, measurement, Context()):
        for row in table.to_pylist():
            rows.setdefault(row["metric"].removeprefix("record_integrity."), []).append(row["row"])
            assert row["evidence"]
    return rows


@pytest.mark.parametrize("case", RecordIntegrity.spec.fires, ids=lambda case: case.moves)
def test_fires(case: Any, tmp_path: Path) -> None:
    dataset, measurement, check = measured(case.rows, tmp_path, **case.parameters)
    measure = case.moves.removeprefix("record_integrity.")
    assert (values(measurement)[measure] or 0) > 0
    assert measure in found(dataset, measurement, check)


@pytest.mark.parametrize("case", RecordIntegrity.spec.quiet, ids=lambda case: case.moves)
def test_quiet(case: Any, tmp_path: Path) -> None:
    dataset, measurement, check = measured(case.rows, tmp_path)
    assert values(measurement)["rate"] == 0
    assert found(dataset, measurement, check) == {}


def test_what_is_found_is_what_is_counted(tmp_path: Path) -> None:
    records = [row for case in RecordIntegrity.spec.fires if not case.parameters for row in case.rows]
    dataset, measurement, check = measured(records, tmp_path)
    rows = found(dataset, measurement, check)
    metrics = {m.name.removeprefix("record_integrity."): m for m in measurement.metrics}
    for name, metric in metrics.items():
        if name != "rate":
            assert len(rows.get(name, [])) == round((metric.value or 0) * metric.n), name
    anything = {row for name, hits in rows.items() if name != "duplicate_ids" for row in hits}
    assert metrics["rate"].value == pytest.approx(len(anything) / len(records))


def test_a_prompt_without_answer_is_empty_only_where_most_have_one(tmp_path: Path) -> None:
    prompts = [{"prompt": f"Question number {i}?", "response": None} for i in range(6)]
    assert values(measured(prompts, tmp_path)[1])["empty"] == 0
    answered = [{"prompt": f"Question number {i}?", "response": GOOD} for i in range(6, 20)]
    dataset, measurement, check = measured(answered + prompts, tmp_path)
    assert values(measurement)["empty"] == pytest.approx(6 / 20)
    assert found(dataset, measurement, check)["empty"] == list(range(14, 20))


def test_a_cut_is_a_fault_against_the_habit_only(tmp_path: Path) -> None:
    cut = "The tide is the rise and fall of the sea. It is caused by the gravity of the Moon and the Sun, of the"
    faded = "The tide is the rise and fall of the sea. It is caused by the gravity of our Moon, and of our bright sun"
    closed = [{"prompt": f"What is tide {i}?", "response": GOOD} for i in range(100)]
    one = [*closed, {"prompt": "And now?", "response": cut}, {"prompt": "And then?", "response": faded}]
    dataset, measurement, check = measured(one, tmp_path, 64)
    assert found(dataset, measurement, check) == {"truncated": [100, 101]}
    loose = [*closed[:90], *({"prompt": f"Then {i}?", "response": faded} for i in range(10)), one[100]]
    dataset, measurement, check = measured(loose, tmp_path, 64)
    assert found(dataset, measurement, check) == {"truncated": [100]}
    mostly = [*closed[:10], *({"prompt": f"Then {i}?", "response": faded} for i in range(10)), one[100]]
    assert found(*measured(mostly, tmp_path, 64)) == {}


def test_duplicate_ids_are_seen_across_shards_and_point_to_the_first(tmp_path: Path) -> None:
    ids = ["a", "b", "c", "a", "d", "b", "a"]
    records = [{"id": name, "text": f"This is the text number {i}."} for i, name in enumerate(ids)]
    for shard_rows in (1, 2, 7):
        dataset, measurement, check = measured(records, tmp_path, shard_rows)
        assert values(measurement)["duplicate_ids"] == pytest.approx(3 / 7)
        rows = [row for table in check.locate(dataset, measurement, Context()) for row in table.to_pylist()]
        assert [(row["row"], row["related"], row["evidence"]) for row in rows] == [
            (3, 0, "id a"), (5, 1, "id b"), (6, 0, "id a"),
        ]  # fmt: skip


def test_rows_without_ids_of_their_own_have_no_rate_of_duplicates(tmp_path: Path) -> None:
    metric = measured([{"text": "The same text."}] * 3, tmp_path)[1].metrics[-3]
    assert metric.name == "record_integrity.duplicate_ids"
    assert metric.value is None
    assert metric.why


def test_rates_are_sliced_by_the_generator(tmp_path: Path) -> None:
    records = [{"prompt": f"Why {i}?", "response": "" if i % 2 else GOOD, "generator": "ab"[i % 2]} for i in range(8)]
    dataset = fakes.dataset(records, tmp_path, shard_rows=3, by=("generator",), annotate=("surface",))
    (state,) = Local(1).fold(dataset, [RecordIntegrity()])
    slices = RecordIntegrity().measure(state, {}, Context()).slices
    rates = {s.group: s.metric.value for s in slices if s.metric.name == "record_integrity.rate"}
    assert rates == {"a": 0.0, "b": 1.0}
    assert not [s for s in slices if "+" in s.metric.name]


@pytest.mark.data
@pytest.mark.parametrize(("name", "most"), [("dolly_3k.json", 0.002), ("random_9k.json", 0.002)])
def test_quiet_on_ordinary_data(shared_data: Callable[[str], Path], tmp_path: Path, name: str, most: float) -> None:
    records = json.loads(shared_data(f"alpaca/{name}").read_text())
    assert (values(measured(records, tmp_path, 4_000)[1])["rate"] or 0) <= most


@pytest.mark.data
def test_quiet_on_human_code_and_maths(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    with gzip.open(shared_data("humaneval/HumanEval.jsonl.gz"), "rt") as file:
        code = [json.loads(line) for line in file]
    records = [{"prompt": row["prompt"], "response": row["canonical_solution"]} for row in code]
    assert values(measured(records, tmp_path, 4_000)[1])["rate"] == 0
    maths = [json.loads(line) for line in shared_data("gsm8k/train.jsonl").read_text().splitlines()]
    assert values(measured(maths, tmp_path, 4_000)[1])["rate"] == 0


@pytest.mark.data
def test_answers_cut_by_a_token_limit_are_found(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    records = json.loads(shared_data("alpaca/random_9k.json").read_text())
    prose = [r for r in records if len(r["output"].split()) > 60 and "\n" not in r["output"] and r["output"][-1] == "."]
    cut = [{**r, "output": " ".join(r["output"].split()[: 40 + i % 15])} for i, r in enumerate(prose[:20])]
    where = [len(prose[20:]) + i for i, r in enumerate(cut) if r["output"][-1] not in ".!?"]
    dataset, measurement, check = measured([*prose[20:], *cut], tmp_path, 4_000)
    hits = found(dataset, measurement, check).get("truncated", [])
    assert len(set(hits) & set(where)) >= 0.7 * len(where)
