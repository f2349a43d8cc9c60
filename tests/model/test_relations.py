"""Names of models, their relations, and what purposes put data to: the shipped tables."""

from __future__ import annotations

import pytest

from auditor.model.kinship import Family, Kinship, bare, key, pinned, same
from auditor.registry import kinship
from auditor.registry.workspace import Workspace

SHIPPED = kinship.load(Workspace.find())


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-2024-08-06", "gpt-4"),
        ("openai/gpt-3.5-turbo-0125", "gpt-3.5"),
        ("gpt-35-turbo", "gpt-3.5"),
        ("o3-mini", "openai-o"),
        ("openai/gpt-oss-120b", "gpt-oss"),
        ("text-davinci-003", "gpt-3"),
        ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", "claude"),
        ("anthropic/claude-opus-4-1", "claude"),
        ("models/gemini-1.5-pro-002", "gemini"),
        ("google/gemma-2-9b-it", "gemma"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", "llama-3"),
        ("llama3:8b", "llama-3"),
        ("meta-llama/Llama-2-7b-chat-hf", "llama-2"),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-32B", "deepseek-r1-distill-qwen"),
        ("deepseek-ai/DeepSeek-V3", "deepseek"),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", "mixtral"),
        ("mistral-large-latest", "mistral-platform"),
        ("Qwen/Qwen2.5-72B-Instruct", "qwen-2.5-72b"),
        ("Qwen/Qwen2-72B-Instruct", "qwen-2-72b"),
        ("microsoft/Phi-3-mini-4k-instruct", "phi"),
        ("lmsys/vicuna-13b-v1.5", "vicuna-1.5"),
        ("HuggingFaceH4/zephyr-7b-beta", "zephyr"),
        ("allenai/Llama-3.1-Tulu-3-8B", "tulu-3"),
        ("TinyLlama/TinyLlama-1.1B-Chat-v1.0", "tinyllama"),
        ("ours", None),
        ("my-gpt-4-copy", None),
    ],
)
def test_families_by_name(model: str, family: str | None) -> None:
    found = SHIPPED.family(model)
    assert (found.name if found else None) == family


@pytest.mark.parametrize(
    ("left", "right", "relation"),
    [
        ("gpt-4o", "openai/gpt-4o-2024-08-06", "same"),
        ("llama3.1:latest", "llama3.1", "same"),
        ("ours", "Ours", "same"),
        ("gpt-4o", "gpt-3.5-turbo", "family"),
        ("gemma-2-9b-it", "gemini-1.5-pro", "family"),
        ("llama-2-70b-chat", "vicuna-13b-v1.5", "family"),
        ("vicuna-13b", "alpaca-7b", "family"),
        ("gpt-4", "vicuna-13b", "distilled"),
        ("prometheus-7b-v2.0", "gpt-4-turbo", "distilled"),
        ("deepseek-r1", "deepseek-r1-distill-llama-8b", "distilled"),
        ("deepseek-r1-distill-llama-8b", "llama-3.1-70b", "family"),
        ("claude-3-opus", "gpt-4", None),
        ("ours", "gpt-4", None),
        ("text-davinci-002", "text-davinci-003", "family"),
    ],
)
def test_relations(left: str, right: str, relation: str | None) -> None:
    assert SHIPPED.relation(left, right) == relation
    assert SHIPPED.relation(right, left) == relation


def test_names() -> None:
    assert bare(" Org/Sub/Name ") == "name"
    assert key("anthropic.claude-3-haiku-20240307-v1:0") == "claude-3-haiku"
    assert key("Qwen2.5-7B-Instruct-GPTQ") == "qwen2.5-7b-instruct"
    assert pinned("gpt-4-0613")
    assert pinned("gpt-4o-2024-08-06")
    assert not pinned("gpt-4o")
    assert not pinned("gpt-4o-latest")
    assert not same("text-davinci-002", "text-davinci-003")


def test_every_family_has_a_source_and_is_found_by_some_name() -> None:
    for family in SHIPPED.families:
        assert "arXiv:" in family.source or "https://" in family.source, family.name
        # The first pattern, filled, must not be caught by a family that stands before it.
        example = family.names[0].replace("*", "")
        found = SHIPPED.family(example)
        assert found is not None
        assert found.name == family.name, f"{example}: {found.name} stands before {family.name}"
    for terms in SHIPPED.terms.values():
        assert "://" in terms.source or "arXiv:" in terms.source


def test_generations_by_the_tables() -> None:
    assert SHIPPED.generations("claude-3-opus") == 0
    assert SHIPPED.generations("vicuna-7b") == 1
    assert SHIPPED.generations("judgelm-7b") == 1
    circular = Kinship(
        (Family("a", ("a",), "s", distilled_from=("b",)), Family("b", ("b",), "s", distilled_from=("a",)))
    )
    assert circular.generations("a") == 2  # each once


def test_terms_of_weights_come_along() -> None:
    assert [terms.name for terms in SHIPPED.terms_of("vicuna-13b-v1.5")] == ["llama-2-community"]
    assert [terms.name for terms in SHIPPED.terms_of("DeepSeek-R1-Distill-Llama-70B")] == ["mit", "llama-3.1-community"]
    assert SHIPPED.terms_of("ours") == ()


@pytest.mark.parametrize(
    "spelling", ["CC-BY-NC-4.0", "cc by nc 4.0", "Creative Commons Attribution-NonCommercial 4.0", "cc_by_nc"]
)
def test_licences_by_any_spelling(spelling: str) -> None:
    licence = SHIPPED.licence(spelling)
    assert licence is not None
    assert licence.name == "cc-by-nc-4.0"
    assert SHIPPED.licence("do what you like") is None


@pytest.mark.parametrize(
    ("purpose", "uses"),
    [
        ("commercial-training", {"commercial", "competing-model", "other-model"}),
        ("Commercial Training", {"commercial", "competing-model", "other-model"}),
        ("research", {"other-model"}),
        ("evaluation", set()),
        ("for non-commercial research only", {"other-model"}),
        ("Fine-tuning our product's assistant", {"commercial", "other-model"}),
        ("constraining the benchmarked", None),
        ("a present for grandma", None),
    ],
)
def test_purposes(purpose: str, uses: set[str] | None) -> None:
    assert SHIPPED.uses(purpose) == uses


def test_no_tables_know_nothing() -> None:
    assert Kinship().family("gpt-4") is None
    assert Kinship().relation("gpt-4", "gpt-4") == "same"
    assert Kinship().uses("research") is None
