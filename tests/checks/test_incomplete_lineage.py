"""incomplete-lineage: each fact is asked for by itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from auditor.checks.incomplete_lineage import SEEDS, TOLD, WHOLE, IncompleteLineage
from auditor.model.techniques import PARTS, TECHNIQUES
from auditor.model.tiny import Facts, Made, pedigree
from tests.lineages import looked

SUPPLIED = Made(
    generators=("gpt-4o@2024-08-06",),
    prompts=("write",),
    seeds=("seeds@1",),
    parents=("seeds@1",),
    judges=("claude-3-opus@20240229",),
    people=("a team",),
)


@pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES)
def test_every_requirement_that_is_not_met_is_one_fault(technique) -> None:  # type: ignore[no-untyped-def]
    bare = pedigree("x@1", {"x@1": Made(technique=technique.name), "seeds@1": SEEDS})
    values, faults = looked(IncompleteLineage(), bare)
    assert values["missing"] == len(technique.requires)
    for requirement in technique.requires:
        for name in requirement.split("|"):
            assert any(f" {name} " in f" {fault['evidence']} " for fault in faults)
    facts = {n: "said" for r in technique.requires for n in r.split("|") if n not in PARTS}
    full = replace(SUPPLIED, technique=technique.name, facts=facts)
    assert looked(IncompleteLineage(), pedigree("x@1", {"x@1": full, "seeds@1": SEEDS}))[0]["missing"] == 0


def test_a_technique_that_is_not_said_is_a_fact_missing() -> None:
    values, faults = looked(IncompleteLineage(), pedigree("x@1", {"x@1": Made()}))
    assert values == {"missing": 1, "unpinned": 0, "card": 3}
    assert {fault["related_dataset"] for fault in faults} == {"dataset:x@1"}


def test_columns_are_asked_for_their_own_technique() -> None:
    split = Made(kind="mixed", fields={"prompt": "self-instruct", "response": "human"})
    values, faults = looked(IncompleteLineage(), pedigree("x@1", {"x@1": split}))
    assert values["missing"] == 4  # generators, prompts and seeds of the one, people of the other
    assert sum("'response' column" in fault["evidence"] for fault in faults) == 1


@pytest.mark.parametrize(
    ("change", "unpinned"),
    [
        ({}, 0),
        ({"generators": ("gpt-4o",)}, 1),
        ({"generators": ("gpt-4o-latest", "gpt-4-0613")}, 1),
        ({"judges": ("judge", "other@2")}, 1),
        ({"seeds": ("gone@7",)}, 1),
        ({"generators": ("a",), "judges": ("b",)}, 2),
    ],
)
def test_names_without_a_revision_are_unpinned(change: dict[str, tuple[str, ...]], unpinned: int) -> None:
    given = pedigree("x@1", {"x@1": replace(WHOLE, **change), "seeds@1": SEEDS}, cards={"x": TOLD})
    assert looked(IncompleteLineage(), given)[0] == {"missing": 0, "unpinned": unpinned, "card": 0}


def test_the_card_is_asked_for_each() -> None:
    given = pedigree("x@1", {"x@1": WHOLE, "seeds@1": SEEDS}, cards={"x": Facts(owner="we")})
    values, faults = looked(IncompleteLineage(), given)
    assert values["card"] == 2
    assert {fault["evidence"].split()[-1] for fault in faults} == {"purpose", "licence"}
