"""What is read out of prompts, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from auditor.core.lineage.demands import read


@pytest.mark.parametrize(
    ("prompt", "demands"),
    [
        ('End your solution with "####" and the final number.', ["the mark '####'"]),
        ("Write the plan between <plan> and </plan>.", ["the mark '<plan>'", "the mark '</plan>'"]),
        ("Put the result in `\\boxed{}` at the end.", ["the mark '\\\\boxed{}'"]),
        ('Use the sections "Summary:" and "Next steps:".', ["the label 'Summary:'", "the label 'Next steps:'"]),
        ('Return JSON with the keys "city", "mayor" and "answer".', ["the key 'city'", "the key 'mayor'"]),
        ('Return the keys "city" and "mayor".', []),
        ("Return only code in a block that starts with ```python.", ["a fenced block"]),
        ("Answer in at most 1,200 words.", ["at most 1200 words in the response"]),
        ("The answer must not be longer than 80 words.", ["at most 80 words in the response"]),
        ("The answer must be no more than 80 words.", ["at most 80 words in the response"]),
        ("Use no fewer than 300 words.", ["at least 300 words in the response"]),
        ("Each reply has between 20 and 40 words.", ["20 to 40 words in the response"]),
        ("Write a 50-60 word summary.", ["50 to 60 words in the response"]),
        ("The question should have at least 30 words.", ["at least 30 words in the prompt"]),
        ("The passage has at least 300 words.", []),
        ("Answer in French.", ["the language 'fr'"]),
        ("Translate this from English into German, and then in French.", []),
        ('For example, "what is the highest peak in the world".', []),
        ("Generate diverse data.", []),
        ("", []),
    ],
)
def test_demands(prompt: str, demands: list[str]) -> None:
    assert [str(demand).replace("1,200", "1200") for demand in read(prompt)] == demands


@pytest.mark.data
def test_alpaca(shared_data: Callable[[str], Path]) -> None:
    prompt = shared_data("alpaca/prompt.txt").read_text()
    assert [str(demand) for demand in read(prompt)] == [
        "the mark '<noinput>'", "at most 100 words in the response", "the language 'en'"
    ]  # fmt: skip
