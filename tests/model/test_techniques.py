"""The vocabulary of techniques: complete, sourced, and its requirements are facts that a lineage can hold."""

from __future__ import annotations

import dataclasses

import pytest

from auditor.model.card import Generator, Lineage, Model, Prompt, Source
from auditor.model.techniques import FACTS, PARTS, TECHNIQUES, meaning

VOCABULARY = """template augmentation simulation paraphrase translation back-translation reverse-instruction
self-instruct self-play multi-agent self-revision code-pipeline distillation persona adversarial preference-labels
iterative-self-improvement taxonomy retrieval-grounded human collected"""


def test_the_vocabulary_is_closed() -> None:
    assert sorted(TECHNIQUES) == sorted(VOCABULARY.split())
    assert {field.name for field in dataclasses.fields(Lineage)} >= PARTS.keys()
    assert not PARTS.keys() & FACTS.keys()


@pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES)
def test_each_has_a_definition_a_source_and_facts(technique) -> None:  # type: ignore[no-untyped-def]
    assert technique.definition
    assert any(str(year) in technique.source for year in range(2000, 2027))
    assert technique.requires
    for requirement in technique.requires:
        assert set(requirement.split("|")) <= PARTS.keys() | FACTS.keys()
        assert meaning(requirement)


WHOLE = Lineage(
    "self-instruct",
    generators=(Generator(Model("m", "1")),),
    prompts=(Prompt("p", "sha256:0"),),
    seeds=(Source("sha256:1"),),
    parents=(Source("sha256:2"),),
    judges=(Model("j", "1"),),
    people=("a team",),
    facts=dict.fromkeys(FACTS, "said"),
)


@pytest.mark.parametrize("technique", TECHNIQUES.values(), ids=TECHNIQUES)
def test_all_facts_satisfy_every_technique_and_none_satisfy_none(technique) -> None:  # type: ignore[no-untyped-def]
    assert technique.missing(WHOLE) == ()
    assert technique.missing(Lineage(technique.name)) == technique.requires


def test_either_of_two_will_do_and_an_empty_fact_will_not() -> None:
    distillation = TECHNIQUES["distillation"]
    taught = dataclasses.replace(WHOLE, seeds=())
    assert distillation.missing(taught) == ()
    assert distillation.missing(dataclasses.replace(taught, parents=())) == ("seeds|parents",)
    said = Lineage("template", facts={"program": ""})
    assert TECHNIQUES["template"].missing(said) == ("program|prompts",)
    assert TECHNIQUES["template"].missing(Lineage("template", facts={"program": 0})) == ()
