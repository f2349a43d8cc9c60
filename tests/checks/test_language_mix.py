"""Languages: cases, expectation by majority and by setting, the sample, slices, human data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import fakes
from auditor.annotators import annotate
from auditor.checks.language_mix import LanguageMix
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model.result import Measurement

ENGLISH = "She walked slowly along the river and thought about what her brother had told her."
GERMAN = "Der Ausschuss trifft sich am Donnerstag wieder, um den neuen Haushalt zu besprechen."
FRENCH = "Le comité se réunira de nouveau jeudi pour discuter du nouveau budget de l'école."


def measured(records: Any, folder: Path, rows: int = 0, **parameters: Any) -> tuple[Measurement, list[dict[str, Any]]]:
    check = LanguageMix(**parameters)
    dataset = fakes.dataset(records, folder, shard_rows=3_000, by=("generator",) if "generator" in records[0] else ())
    dataset = annotate(dataset, ("language",), cache=folder, engine=Local(2), language_rows=rows)
    (state,) = Local(2).fold(dataset, [check])
    measurement = check.measure(state, {}, Context())
    return measurement, [r for table in check.locate(dataset, measurement, Context()) for r in table.to_pylist()]


def values(measurement: Measurement) -> dict[str, float | None]:
    return {m.name.removeprefix("language_mix."): m.value for m in measurement.metrics}


@pytest.mark.parametrize("case", LanguageMix.spec.fires)
def test_fires(case: Any, tmp_path: Path) -> None:
    measurement, rows = measured(case.rows, tmp_path)
    assert values(measurement)["unexpected"] == pytest.approx(1 / 3)
    assert [row["row"] for row in rows] == [2]
    assert rows[0]["evidence"].startswith("de (")


@pytest.mark.parametrize("case", LanguageMix.spec.quiet)
def test_quiet(case: Any, tmp_path: Path) -> None:
    measurement, rows = measured(case.rows, tmp_path)
    assert values(measurement)["unexpected"] == 0
    assert values(measurement)["unknown"] == pytest.approx(2 / 3)
    assert rows == []


def test_what_is_expected_can_be_said(tmp_path: Path) -> None:
    records = [{"text": text} for text in (ENGLISH, GERMAN, FRENCH, "12 34")]
    measurement, rows = measured(records, tmp_path, expected=("en", "de"))
    assert values(measurement) == {"unexpected": 0.25, "unknown": 0.25, "share": pytest.approx(1 / 3), "languages": 3}
    assert [row["row"] for row in rows] == [2]


def test_without_a_majority_nothing_is_unexpected_and_the_reason_is_told(tmp_path: Path) -> None:
    measurement, rows = measured([{"text": text} for text in (ENGLISH, GERMAN, FRENCH)], tmp_path)
    assert values(measurement)["unexpected"] is None
    assert "expected" in measurement.metrics[0].why
    assert rows == []


def test_slices_by_language_and_by_generator(tmp_path: Path) -> None:
    texts = [(ENGLISH, "a"), (ENGLISH, "a"), (GERMAN, "b"), (ENGLISH, "b")]
    measurement, _ = measured([{"text": f"{t} {i}", "generator": g} for i, (t, g) in enumerate(texts)], tmp_path)
    slices = {(s.by, s.group, s.metric.name): s.metric.value for s in measurement.slices}
    assert slices == {
        ("language", "en", "language_mix.share"): 0.75, ("language", "de", "language_mix.share"): 0.25,
        ("generator", "a", "language_mix.unexpected"): 0.0, ("generator", "b", "language_mix.unexpected"): 0.5,
    }  # fmt: skip


def test_notes_say_what_was_read(tmp_path: Path) -> None:
    records = [{"text": f"{ENGLISH} {i}"} for i in range(30)]
    measurement, _ = measured(records, tmp_path, rows=10)
    assert "a deterministic sample of 10 of 30 rows" in measurement.notes[0]
    assert measurement.metrics[0].n == 10
    assert "every row" in measured(records, tmp_path)[0].notes[0]


@pytest.mark.data
def test_human_english_is_english(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    records = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    seen = values(measured(records, tmp_path)[0])
    assert (seen["unexpected"] or 0) <= 0.001
    assert seen["languages"] == 1
