"""Habits of writing, one by one, on sentences that have or lack them; the grade against its formula."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from auditor.core.content import lexicons
from auditor.kernels.wording import lists
from auditor.model.rows import Strings, strings
from auditor.statistics import habits, readability

LEXICON = lexicons.load("casual", [Path(__file__).parents[2] / "expectations"], (), habits.CATEGORIES)
KNOWN = lists({**LEXICON, "verbs": habits.forms(LEXICON["verbs"])})


def column(*texts: str | None) -> Strings:
    return strings(pa.array(texts, pa.large_string()))


@pytest.mark.parametrize(
    ("habit", "has", "lacks"),
    [
        ("lower_case", ["how do i cook rice?", "1. rice", "Can i go?"], ["How do I cook?", "1", "", "Écoute", "IDs."]),
        ("dropped_marks", ["whats up", "I dont know"], ["What's its name?", "We're well."]),
        ("open_end", ["tell me", "x = 3", "走"], ["Tell me.", "(done)", "```", "Why?  \n", ""]),
        ("fragments", ["python tuple or dict", "best pizza in town?", "Rome vs Athens"],
         ["Sort a list", "What is Rome?", "Planning a trip", "", "42", "猫"]),
        ("vague", ["fix this", "make it better please", "What is that?"],
         ["Fix this Python function quickly", "Sort a list", "Explain how this engine burns its fuel in winter."]),
        ("casual", ["lol ok", "sooo good", "Why??", "Nice \U0001f600", "pls help"],
         ["World War III.", "www.example.com", "Why?"]),
    ],
)  # fmt: skip
def test_each_habit(habit: str, has: list[str], lacks: list[str]) -> None:
    assert habits.of(column(*has), KNOWN)[habit].tolist() == [True] * len(has)
    assert habits.of(column(*lacks), KNOWN)[habit].tolist() == [False] * len(lacks)


def test_depth_counts_marks_of_inference() -> None:
    found = habits.depth(
        column("It rains, because clouds form; therefore we stay. First, wait.", "Paris.", None), KNOWN
    )
    assert found[:2].tolist() == [3, 0]
    assert np.isnan(found[2])


def test_the_grade_is_kincaid_s_formula() -> None:
    """`The cat sat on the mat.` has 6 words of one syllable in one sentence: -1.45, as every calculator says."""
    found = habits.of(column("The cat sat on the mat.", "", "x " * 500), KNOWN)["grade"]
    assert found[0] == pytest.approx(0.39 * 6 + 11.8 - 15.59)
    assert np.isnan(found[1])
    assert found[2] == habits.GRADES[1]
    # The opening of the formula's own report's field: 13 words, 24 syllables, 1 sentence.
    raw = readability.grade(np.array([13, 0]), np.array([1, 0]), np.array([24, 0]))
    assert raw[0] == pytest.approx(0.39 * 13 + 11.8 * 24 / 13 - 15.59)
    assert np.isnan(raw[1])


def test_regular_forms() -> None:
    assert {"makes", "making", "tries", "tried", "stopped", "stopping", "watches", "used"} <= set(
        habits.forms(["make", "try", "stop", "watch", "use"])
    )
