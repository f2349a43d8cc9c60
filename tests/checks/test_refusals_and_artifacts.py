"""refusals-and-artifacts: its cases, its lists, and rates on real data that were read by eye."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.refusals_and_artifacts import CATEGORIES, RefusalsAndArtifacts
from auditor.core.check import Case, build, parameters
from auditor.model.errors import ConfigError


def flagged(rows: list[dict], **given: tuple[str, ...]) -> dict[str, int]:
    masks = RefusalsAndArtifacts(**given).flag(fakes.rows(rows)).masks
    return {name: int(mask.sum()) for name, mask in masks.items() if mask.any()}


@pytest.mark.parametrize("case", RefusalsAndArtifacts.spec.fires, ids=lambda case: case.moves)
def test_fires(case: Case) -> None:
    check = RefusalsAndArtifacts(**case.parameters)
    rows = fakes.rows(case.rows)
    name = case.moves.split(".")[1]
    hits = np.flatnonzero(check.flag(rows).masks[name])
    assert hits.tolist() == [0]
    assert all(check.evidence(rows, name, hits))


@pytest.mark.parametrize("row", RefusalsAndArtifacts.spec.quiet[0].rows, ids=lambda row: row["response"][:20])
def test_quiet(row: dict) -> None:
    assert flagged([row]) == {}


@pytest.mark.parametrize(
    ("response", "category"),
    [
        ("I’m sorry, but I can’t assist with that.", "refusal"),
        ("I cannot set up a reminder for you.", "refusal"),
        ("I'm an AI and cannot taste.", "ai_self_mention"),
        ("My name is ChatGPT.", "teacher_mention"),
        ("Dear {{name}}, hello", "template_slot"),
        ("Sincerely,\n[Your Name]", "template_slot"),
        ("Fine.\n### Instruction: next one", "prompt_scaffolding"),
        ("Fine.<|im_end|>", "prompt_scaffolding"),
        ("All done.\n##", "prompt_scaffolding"),
        ("See bit.ly/xxxx", "fabricated_url"),
        ("N/A", "no_input_placeholder"),
    ],
)
def test_each_list(response: str, category: str) -> None:
    assert category in flagged([{"prompt": "Tell me.", "response": response}])
    assert category in flagged([{"text": response}])  # a bare text is looked at as an answer


def test_each_field_of_a_record_is_looked_at_from_its_start() -> None:
    no = "Sorry, but I cannot answer that."
    assert flagged([{"topic": "rain", "out": no}, {"out": no, "topic": "rain"}]) == {"refusal": 2}
    assert flagged([{"topic": "rain", "out": f"It rained.\nBob: {no}"}]) == {}  # a line, and no field
    assert flagged([{"text": f"Bob: {no}", "label": 1}, {"text": f"It rained.\nBob: {no}"}]) == {}
    assert flagged([{"response": "It rained.", "label": 1}]) == {}  # the key is no scaffolding
    assert flagged([{"topic": "rain", "out": "Output: It rained."}]) == {"prompt_scaffolding": 1}
    rows = fakes.rows([{"topic": "rain", "out": no, "more": "x" * 200}])
    assert RefusalsAndArtifacts().evidence(rows, "refusal", np.array([0])) == [no]


def test_lists_and_phrases_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- {category: custom, in: prompt, phrases: ['top secret (v2)']}\n")
    rows = [{"prompt": "A TOP  secret (v2) thing", "response": "ok"}]
    assert flagged(rows) == {}
    assert flagged(rows, words=(str(path),)) == {"custom": 1}
    before = RefusalsAndArtifacts(words=(str(path),))
    path.write_text("- {category: custom, in: prompt, phrases: ['other']}\n")
    after = RefusalsAndArtifacts(words=(str(path),))
    assert before.lexicon != after.lexicon  # so that no remembered state outlives its list


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- {category: refusals, in: response, phrases: [x]}", "did you mean 'refusal'"),
        ("- {category: refusal, in: answer, phrases: [x]}", "unknown name 'answer'"),
        ("- {category: refusal, in: response, phrase: [x]}", "did you mean 'phrases'"),
        ("- {category: refusal, in: response, patterns: ['(']}", "not a regular expression"),
        ("- {category: refusal, in: response, patterns: ['(?=x)']}", "not a regular expression"),
        ("- {category: refusal, in: response}", "neither phrases nor patterns"),
    ],
)
def test_a_wrong_list_is_refused(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=r"mine\.yaml:1") as caught:
        RefusalsAndArtifacts(words=(str(path),))
    assert message in str(caught.value)


def test_recorded_parameters_build_the_same_check() -> None:
    check = RefusalsAndArtifacts(phrases=("a", "b"))
    assert build("refusals-and-artifacts", parameters(check)) == check
    with pytest.raises(ConfigError, match="lexicon"):
        build("refusals-and-artifacts", {"lexicon": "made-up"})


@pytest.mark.data
def test_real_data_is_flagged_as_read_by_eye(shared_data: Callable[[str], Path]) -> None:
    """Human maths has none of it; Alpaca's known `<noinput>` rows are found by plain string search too."""
    maths = [json.loads(line) for line in shared_data("gsm8k/train.jsonl").read_text().splitlines()]
    assert flagged(maths) == {}
    alpaca = json.loads(shared_data("alpaca/random_9k.json").read_text())
    rows = fakes.rows(alpaca)
    mask = RefusalsAndArtifacts().flag(rows).masks["no_input_placeholder"]
    plain = np.array(["<noinput>" in f"{r['instruction']}{r['input']}".lower() for r in alpaca])
    assert plain.sum() > 5
    assert mask[plain].all()
    assert set(flagged(alpaca)) <= set(CATEGORIES)
    human = json.loads(shared_data("alpaca/dolly_3k.json").read_text())
    assert sum(flagged(human).values()) < 0.01 * len(human)
