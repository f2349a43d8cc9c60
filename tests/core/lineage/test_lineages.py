"""Two lineages fact by fact."""

from __future__ import annotations

from dataclasses import replace

from auditor.core.lineage.lineages import Difference, differences, facts
from auditor.model.card import Generator, Lineage, Model, Prompt, Source

MADE = Lineage(
    "self-instruct",
    (Generator(Model("gpt-4o", "2024-05-13"), "openai", {"temperature": 0.7}, rows=1200),),
    (Prompt("make", "sha256:aa", file="make.txt"),),
    (Source("sha256:bb", "seeds@1", rows=175),),
    judges=(Model("judge"),),
    people=("Ada",),
    fields={"response": "human"},
    facts={"language": "de"},
)


def test_equal_lineages_do_not_differ() -> None:
    assert differences(MADE, replace(MADE)) == []


def test_another_revision_is_a_change_of_the_same_generator() -> None:
    newer = replace(MADE, generators=(replace(MADE.generators[0], model=Model("gpt-4o", "2024-08-06")),))
    assert differences(MADE, newer) == [Difference("generator gpt-4o revision", "2024-05-13", "2024-08-06")]


def test_another_version_of_the_seeds() -> None:
    newer = replace(MADE, seeds=(Source("sha256:cc", "seeds@2", rows=180),))
    assert differences(MADE, newer) == [
        Difference("seed seeds", "sha256:bb", "sha256:cc"),
        Difference("seed seeds version", "1", "2"),
        Difference("seed seeds rows", "175", "180"),
    ]


def test_every_field_of_a_lineage_is_told() -> None:
    told = " ".join(facts(MADE))
    for word in (
        "technique",
        "temperature",
        "provider",
        "prompt make file",
        "judge judge",
        "person Ada",
        "field response",
    ):
        assert word in told
    for name in Lineage.__dataclass_fields__:
        empty = Lineage().__getattribute__(name)
        filled = (
            getattr(MADE, name) or {"parents": MADE.seeds, "evals": MADE.seeds, "columns": {"generator": "model"}}[name]
        )
        assert differences(Lineage(), replace(Lineage(), **{name: filled})), name
        assert filled != empty


def test_a_generator_without_any_fact_is_told() -> None:
    added = differences(Lineage(), Lineage(generators=(Generator(Model("m")), Generator(Model("m")))))
    assert [one.fact for one in added] == ["generator m", "generator m #2"]
