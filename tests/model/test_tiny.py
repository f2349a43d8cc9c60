"""Tiny pedigrees are what the registry makes of the same cards."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.model.card import Model, ModelCard, Revision, Withdrawal
from auditor.model.tiny import TODAY, Made, Taught, pedigree
from auditor.registry import cards, index, models
from auditor.registry.workspace import Workspace

VERSIONS = {
    "seeds@1": Made(kind="real", technique="human", people=("annotators",)),
    "test@1": Made(kind="eval", technique="collected", facts={"origin": "https://example.org"}),
    "sft@1": Made(
        technique="self-instruct",
        generators=("gpt-4o@2024-08-06", "ours@1"),
        prompts=("Write a task",),
        seeds=("seeds@1", "raw.jsonl"),
        judges=("claude-3-opus",),
        evals=("test@1",),
    ),
    "sft@2": Made(kind="mixed", parents=("sft@1", "seeds@1"), shares={"sft@1": 60}, status="candidate"),
}
TAUGHT = {
    "ours@1": Taught(trained_on=("seeds@1",), base="llama-3.1-8b", withdrawn="leaks"),
    "ours@2": Taught(trained_on=("sft@1", "gone@4"), distilled_from=("gpt-4o@2024-08-06",)),
}


def test_the_registry_reads_the_same_graph(tmp_path: Path) -> None:
    made = pedigree("sft@2", VERSIONS, models=TAUGHT)
    workspace = Workspace(tmp_path)
    for card in made.cards.values():
        cards.save(card, workspace)
    revisions = tuple(
        Revision(
            Model.parse(text).revision,
            Model.parse(taught.base) if taught.base else None,
            taught.trained_on,
            tuple(Model.parse(other) for other in taught.distilled_from),
            Withdrawal(TODAY, taught.withdrawn) if taught.withdrawn else None,
        )
        for text, taught in TAUGHT.items()
    )
    models.save(ModelCard("ours", revisions=revisions), workspace)
    read = index.graph(workspace)
    assert index.cards(workspace) == made.cards
    assert sorted(read.edges, key=str) == sorted(made.graph.edges, key=str)
    assert read.nodes == made.graph.nodes


def test_a_version_that_is_not_there() -> None:
    with pytest.raises(AssertionError, match="not one of the versions"):
        pedigree("sft@3", VERSIONS)
