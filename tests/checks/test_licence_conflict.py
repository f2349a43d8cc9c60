"""licence-conflict: the clauses of the shipped table, case by case, as a lawyer would read them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from auditor.checks.licence_conflict import LicenceConflict
from auditor.core.check import Context
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Facts, Made, Taught, pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests.lineages import looked

KINSHIP = kinship.load(Workspace.find())


def given(versions: Mapping[str, Made], models: Mapping[str, Taught] | None = None, **cards: Facts) -> Pedigree:
    return pedigree("x@1", versions, models=models, cards=cards, kinship=KINSHIP)


@pytest.mark.parametrize(
    ("generator", "purpose", "conflicts"),
    [
        ("gpt-4o@1", "commercial-training", 1),
        ("gpt-4o@1", "research", 0),
        ("gpt-4o@1", "evaluation", 0),
        ("gpt-4o@1", "training", 0),
        ("claude-3-opus@1", "model-release", 1),
        ("gemini-1.5-pro@1", "commercial-training", 1),
        ("grok-4@1", "commercial-training", 1),
        ("deepseek-chat@1", "commercial-training", 0),
        ("mixtral-8x7b-instruct@1", "commercial-training", 0),
        ("qwen2.5-7b-instruct@1", "commercial-training", 0),
        ("qwen2-72b-instruct@1", "training", 1),
        ("qwen2.5-3b-instruct@1", "commercial", 1),
        ("llama-2-70b-chat@1", "training", 1),
        ("llama-2-70b-chat@1", "evaluation", 0),
        ("llama-3.1-70b@1", "commercial-training", 0),
        ("llama-7b@1", "commercial-training", 1),
        ("alpaca-7b@1", "commercial-training", 2),  # its own licence, and the weights' it was tuned from
        ("c4ai-command-r-v01@1", "commercial", 1),
    ],
)
def test_generators_terms_against_the_purpose(generator: str, purpose: str, conflicts: int) -> None:
    looked_at = given({"x@1": Made(generators=(generator,))}, x=Facts(purpose=purpose))
    values, faults = looked(LicenceConflict(), looked_at)
    assert values == {"conflicts": conflicts, "behind_models": 0, "unstated": 0}
    assert all(fault["related_dataset"] == f"model:{generator}" for fault in faults)


def test_a_judge_is_bound_like_a_writer_and_a_parents_writer_too() -> None:
    versions = {
        "x@1": Made(parents=("y@1",), judges=("gpt-4o@1",)),
        "y@1": Made(generators=("claude-3-opus@1",)),
    }
    looked_at = given(versions, x=Facts(purpose="commercial-training"), y=Facts(licence="mit"))
    values, faults = looked(LicenceConflict(), looked_at)
    assert values["conflicts"] == 2
    assert {fault["related_dataset"] for fault in faults} == {"model:gpt-4o@1", "model:claude-3-opus@1"}


def test_non_commercial_data_flows_down_to_any_depth() -> None:
    versions = {
        "x@1": Made(parents=("y@1",)),
        "y@1": Made(seeds=("z@1",)),
        "z@1": Made(kind="real"),
    }
    cards = {"y": Facts(licence="mit"), "z": Facts(licence="CC BY-NC 4.0")}
    for purpose, conflicts in (("commercial-training", 1), ("non-commercial research", 0)):
        values, faults = looked(LicenceConflict(), given(versions, x=Facts(purpose=purpose), **cards))
        assert values["conflicts"] == conflicts
        assert [fault["related_dataset"] for fault in faults] == ["dataset:z@1"] * conflicts


def test_what_lies_behind_a_models_training_is_counted_apart() -> None:
    versions = {
        "x@1": Made(generators=("ours@1",)),
        "lessons@1": Made(generators=("gpt-4o@1",)),
    }
    looked_at = given(
        versions,
        {"ours@1": Taught(trained_on=("lessons@1",))},
        x=Facts(purpose="commercial-training"),
        lessons=Facts(licence="cc-by-nc-4.0"),
    )
    assert looked(LicenceConflict(), looked_at)[0] == {"conflicts": 0, "behind_models": 2, "unstated": 0}


def test_share_alike_parents_ask_for_their_licence_and_seeds_do_not() -> None:
    for licence, role, conflicts in (
        ("cc-by-sa-4.0", "parents", 0),
        ("cc-by-4.0", "parents", 1),
        ("mit", "parents", 1),
        (None, "parents", 0),
        ("mit", "seeds", 0),
    ):
        versions = {"x@1": Made(**{role: ("y@1",)}), "y@1": Made(kind="real")}
        cards = {"x": Facts(purpose="research", licence=licence), "y": Facts(licence="cc-by-sa-3.0")}
        assert looked(LicenceConflict(), given(versions, **cards))[0]["conflicts"] == conflicts, (licence, role)


def test_models_trained_on_llamas_output_are_called_so() -> None:
    versions = {"x@1": Made(generators=("llama-3.1-70b@1",))}
    models = {f"{name}@1": Taught(trained_on=("x@1",)) for name in ("team/Llama-Ours", "llama3-small", "ours")}
    values, (fault,) = looked(LicenceConflict(), given(versions, models, x=Facts(purpose="training")))
    assert values["conflicts"] == 1
    assert fault["related_dataset"] == "model:ours@1"


def test_a_licence_that_allows_its_own_line_is_kept_by_it() -> None:
    versions = {"x@1": Made(generators=("qwen2-72b-instruct@1",))}
    for students, conflicts in ((("qwen2.5-7b-ours",), 0), (("qwen2.5-7b-ours", "mistral-7b-ours"), 1), ((), 1)):
        models = {f"{student}@1": Taught(trained_on=("x@1",)) for student in students}
        values, _ = looked(LicenceConflict(), given(versions, models, x=Facts(purpose="training")))
        assert values["conflicts"] == conflicts


def test_terms_on_the_card_replace_the_tables() -> None:
    versions = {"x@1": Made(generators=("gpt-4o@1", "unheard-of@1"))}
    bought = given(versions, x=Facts(purpose="commercial-training", terms="MIT"))
    assert looked(LicenceConflict(), bought)[0] == {"conflicts": 0, "behind_models": 0, "unstated": 0}


def test_what_is_not_known_is_unstated() -> None:
    versions = {
        "x@1": Made(generators=("unheard-of@1", "ours@1"), seeds=("y@1", "z@1", "raw.jsonl")),
        "y@1": Made(kind="real"),
        "z@1": Made(kind="real"),
    }
    models = {"ours@1": Taught(base="llama-3.1-8b@1")}
    values, faults = looked(LicenceConflict(), given(versions, models, x=Facts(purpose="?"), z=Facts(licence="ask me")))
    assert values["unstated"] == 5
    told = " / ".join(fault["evidence"] for fault in faults)
    for words in (
        "terms of unheard-of",
        "y@1 has no licence",
        "'ask me', in no table",
        "the source raw.jsonl@",
        "(?)",
    ):
        assert words in told


def test_duties_are_a_note() -> None:
    versions = {
        "x@1": Made(generators=("llama-3.1-70b@1", "gemma-2-9b-it@1"), seeds=("y@1",)),
        "y@1": Made(kind="real"),
    }
    looked_at = given(versions, x=Facts(purpose="training"), y=Facts(licence="cc-by-4.0"))
    notes = LicenceConflict().inspect(Context(pedigree=looked_at)).notes
    assert [note.partition(":")[0] for note in notes] == ["attribution", "name-prefix Llama", "notice", "pass-on"]
    assert "Creative Commons Attribution 4.0" in notes[0]
