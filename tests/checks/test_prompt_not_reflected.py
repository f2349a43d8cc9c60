"""prompt-not-reflected: Alpaca's prompt and others of our own writing, on Alpaca's rows and on others'."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from auditor import annotators, fakes, readers
from auditor.checks.prompt_not_reflected import PromptNotReflected
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model import tiny
from auditor.model.card import Lineage, Prompt
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

MATHS = """You are an experienced mathematics teacher. Write one new word problem for pupils of grade school about
{topic}. Then solve it step by step. End your solution with a line that begins with "####" followed by the number."""

OTHERS = {
    "essay": 'Write a persuasive essay of at least 800 words. Use the sections "Introduction:" and "Conclusion:".',
    "german": "Write a question that a customer may ask a bank, and a polite answer, both in German.",
    "medical": "Write a discharge summary for the note below, between the tags <summary> and </summary>.",
    "code": "Complete the function. Return only the code in a fenced block that starts with ```python.",
    "json": 'Extract every person and place. Return a JSON list of objects with the keys "label", "start" and "end".',
    "dialogue": 'Simulate a phone call of at least 12 turns. Every line starts with "Customer:" or "Agent:".',
}


def measured(rows: Dataset, prompts: Mapping[str, str], *, counts: Mapping[str, int] | None = None) -> Measurement:
    pedigree = tiny.pedigree("own@1", {"own@1": tiny.Made(rows=rows.rows)})
    declared = tuple(Prompt(name, tiny.digest(text), rows=(counts or {}).get(name)) for name, text in prompts.items())
    version = replace(pedigree.version, lineage=Lineage(prompts=declared))
    texts = {tiny.digest(text): text for text in prompts.values()}
    return PromptNotReflected().run(rows, Context(pedigree=replace(pedigree, version=version, prompts=texts)), Local(1))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.removeprefix("prompt_not_reflected."): metric.value for metric in measurement.metrics}


def test_shares_are_as_counted_in_plain_python(tmp_path: Path) -> None:
    draw = random.Random(5)
    answers = [
        " ".join(["word"] * draw.randint(5, 60)) + (" #### 7" if draw.random() < 0.3 else "") for _ in range(400)
    ]
    rows = fakes.dataset([{"prompt": "Q?", "response": answer} for answer in answers], tmp_path, shard_rows=64)
    prompt = 'Answer in 20 to 40 words. End with "####". Put "Answer:" before the answer.'
    (note,) = measured(rows, {"p": prompt}).notes
    marked = sum("####" in answer for answer in answers) / 400
    within = sum(20 <= len(re.findall(r"\w+", answer)) <= 40 for answer in answers) / 400
    assert f"the mark '####': shown ({marked:.2%} of the rows)" in note
    assert f"({within:.2%} of the rows)" in note or 0.3 < within < 0.5  # unclear, and not told
    assert "the label 'Answer:': missing (0.00% of the rows)" in note


def test_a_template_that_stands_in_the_rows_is_an_echo(tmp_path: Path) -> None:
    filled = [f"Explain to a child of six years how {i} apples are shared among friends." for i in range(120)]
    rows = fakes.dataset([{"prompt": prompt, "response": "Like this."} for prompt in filled], tmp_path)
    right = measured(rows, {"p": "Explain to a child of six years how {things} are shared among friends."})
    assert (values(right)["prompts"], values(right)["shown"]) == (0, 1)
    wrong = measured(rows, {"p": "Tell a grown man of sixty winters why {things} are never lent to any stranger."})
    assert not wrong.metrics, "nothing that could be told is skipped, and never passes"
    assert "cannot be told" in wrong.notes[0]


def test_several_prompts_are_each_expected_in_their_share(tmp_path: Path) -> None:
    long = [{"prompt": "Q?", "response": " ".join(["word"] * 400)} for _ in range(30)]
    short = [{"prompt": "Q?", "response": "<answer>No.</answer>"} for _ in range(170)]
    rows = fakes.dataset([*long, *short], tmp_path)
    prompts = {"long": "Write an essay of at least 300 words.", "short": "Answer between <answer> and </answer>."}
    assert values(measured(rows, prompts, counts={"long": 30, "short": 170}))["prompts"] == 0
    assert values(measured(rows, prompts))["prompts"] == 1, "half of the rows should be long"


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    rows = fakes.dataset([{"text": f"row {i}"} for i in range(99)], tmp_path)
    assert measured(rows, {"p": MATHS}).notes == ("99 rows are too few to tell: 100 are needed",)
    assert measured(rows, {}).notes == ("the lineage declares no prompt",)
    more = fakes.dataset([{"text": f"row {i}"} for i in range(100)], tmp_path / "more")
    pedigree = tiny.pedigree("own@1", {"own@1": tiny.Made(prompts=("p",))})
    away = PromptNotReflected().run(more, Context(pedigree=pedigree), Local(1))
    assert (away.metrics, away.notes) == ((), ("p: its text is not at hand",))


@pytest.mark.data
@pytest.mark.parametrize(
    ("rows", "true"),
    [
        ("alpaca/random_9k.json", "alpaca"),
        ("alpaca/claude_t45.json", "alpaca"),
        ("gsm8k/train.jsonl", "maths"),
        ("alpaca/dolly_3k.json", ""),
        ("gpteacher/codegen-instruct.json", ""),
    ],
)
def test_alpaca_and_prompts_of_our_own(
    rows: str, true: str, shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    data = readers.open(shared_data(rows), cache=tmp_path)
    data = annotators.annotate(data, ["language"], cache=tmp_path, engine=Local(1), language_rows=500)
    prompts = {"alpaca": shared_data("alpaca/prompt.txt").read_text(), "maths": MATHS, **OTHERS}
    for name, text in prompts.items():
        assert values(measured(data, {name: text}))["prompts"] == (name != true), name
