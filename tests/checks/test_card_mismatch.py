"""count-mismatch and digest-mismatch: cards that were right once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor import fakes
from auditor.checks.count_mismatch import CountMismatch
from auditor.checks.digest_mismatch import DigestMismatch
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model import tiny
from auditor.model.card import Generator, Lineage, Model, Prompt
from auditor.model.pedigree import Pedigree
from auditor.model.rows import Quarantine

RECORDS = [{"prompt": f"Name the number {i}.", "response": str(i)} for i in range(20)]


def faults(check: Any, records: Sequence[dict[str, Any]], pedigree: Pedigree, folder: Path) -> list[dict[str, Any]]:
    rows = fakes.dataset(records, folder)
    measurement = check.run(rows, Context(pedigree=pedigree), Local(1))
    found: list[dict[str, Any]] = measurement.tables["faults"].to_pylist()
    assert all(fault["row"] is None for fault in found)
    return found


def registered(folder: Path, *, rows: int = 20, **made: Any) -> Pedigree:
    """RECORDS as they were registered."""
    own = fakes.dataset(RECORDS, folder / "own")
    versions = {"own@1": tiny.Made(rows=rows, **made), "seeds@1": tiny.Made("real"), "parent@1": tiny.Made()}
    return fakes.at_hand(tiny.pedigree("own@1", versions), {"own@1": own})


def test_the_rows_that_were_registered_are_no_fault_in_any_order(tmp_path: Path) -> None:
    pedigree = registered(tmp_path)
    for check in (DigestMismatch(), CountMismatch()):
        assert not faults(check, RECORDS[::-1], pedigree, tmp_path / "again")


@pytest.mark.parametrize("change", ["mended", "lost", "doubled"])
def test_a_changed_row_changes_the_digest_and_a_lost_one_the_count(change: str, tmp_path: Path) -> None:
    records = {
        "mended": [*RECORDS[:-1], {"prompt": "Name the number 19.", "response": "nineteen"}],
        "lost": RECORDS[:-3],
        "doubled": [*RECORDS, RECORDS[0]],
    }[change]
    pedigree = registered(tmp_path)
    (fault,) = faults(DigestMismatch(), records, pedigree, tmp_path / change)
    assert (fault["metric"], fault["related_dataset"]) == ("digest_mismatch.rows", "dataset:own@1")
    assert pedigree.version.digest in fault["evidence"]
    apart = {"mended": [], "lost": [3.0], "doubled": [1.0]}[change]
    assert [fault["score"] for fault in faults(CountMismatch(), records, pedigree, tmp_path / change)] == apart


def test_seeds_that_changed_since_are_found_by_their_card_and_by_their_rows(tmp_path: Path) -> None:
    pedigree = registered(tmp_path, seeds=("seeds@1", "old.jsonl"), parents=("parent@1",))
    assert not faults(DigestMismatch(), RECORDS, pedigree, tmp_path / "a")
    seeds = fakes.dataset(RECORDS[:5], tmp_path / "seeds")
    here = replace(pedigree, seeds={"old.jsonl": seeds})
    (fault,) = faults(DigestMismatch(), RECORDS, here, tmp_path / "b")
    assert fault["metric"] == "digest_mismatch.sources"
    assert fault["related_dataset"].startswith("file:old.jsonl@")
    assert seeds.digest in fault["evidence"]
    card = pedigree.cards["parent"]
    other = replace(card, versions=(replace(card.versions[0], digest=tiny.digest("other")),))
    anew = replace(pedigree, cards={**pedigree.cards, "parent": other})
    (fault,) = faults(DigestMismatch(), RECORDS, anew, tmp_path / "c")
    assert fault["related_dataset"] == "dataset:parent@1"


def test_numbers_of_a_card_must_fit_each_other(tmp_path: Path) -> None:
    pedigree = registered(tmp_path)
    for generators, prompts, found in (
        ((12, 8), (20,), 0),
        ((12, 9), (20,), 1),
        ((12, None), (21,), 1),
        ((21,), (21,), 2),
    ):
        lineage = Lineage(
            generators=tuple(Generator(Model(f"m{i}"), rows=n) for i, n in enumerate(generators)),
            prompts=tuple(Prompt(f"p{i}", tiny.digest(str(i)), rows=n) for i, n in enumerate(prompts)),
        )
        changed = replace(pedigree, version=replace(pedigree.version, lineage=lineage))
        assert len(faults(CountMismatch(), RECORDS, changed, tmp_path / "a")) == found


def test_rows_in_the_quarantine_are_told(tmp_path: Path) -> None:
    rows = replace(fakes.dataset(RECORDS[:18], tmp_path / "rows"), quarantine=Quarantine(count=2))
    measurement = CountMismatch().run(rows, Context(pedigree=registered(tmp_path)), Local(1))
    (fault,) = measurement.tables["faults"].to_pylist()
    assert "2 are in the quarantine" in fault["evidence"]
    assert {metric.name: metric.value for metric in measurement.metrics} == {
        "count_mismatch.rows": 2, "count_mismatch.facts": 0
    }  # fmt: skip
