"""Habits of writing that people have and generators leave out, a row at a time, by form and word lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.stylometry import form
from auditor.kernels.wording import Lists, tally
from auditor.model.rows import Strings
from auditor.statistics import readability

CATEGORIES = ("slang", "dropped", "vague", "function", "verbs", "reasoning")
"""Word lists that are needed, in the order of their bits."""

HABITS = ("lower_case", "dropped_marks", "open_end", "fragments", "vague", "casual")

FRAGMENT, SHORT, CONTENT = 12, 8, 2
"""Words of a fragment at most, and of a vague request; words of content that a vague one has at most. Ours: half of
the requests that people wrote for Dolly have 10 words or fewer."""

GRADES = (-3.4, 25.0)
"""Grades are cut here: one word of one syllable has -3.4, and a table without a full stop has hundreds."""


def of(text: Strings, known: Lists) -> dict[str, npt.NDArray[Any]]:
    """Each of HABITS as bool [n]; `among`: the text has a word; `cased`: its first letter is one of ASCII, or it has
    the word i, so that `lower_case` can be told; `grade`: float64 [n], NaN where there is no word."""
    counts, words = tally(text, known)
    seen = form(text)
    slang, dropped, vague, function, verbs, _ = (counts[:, place] for place in range(len(CATEGORIES)))
    grade = readability.grade(seen.words, seen.sentences, seen.syllables)
    return {
        "among": words > 0,
        "cased": (seen.lower >= 0) | (seen.lone_i > 0),
        "lower_case": (seen.lower == 1) | (seen.lone_i > 0),
        "dropped_marks": dropped > 0,
        "open_end": seen.open_end == 1,
        "fragments": (seen.latin > 0) & (words <= FRAGMENT) & (verbs == 0) & (seen.suffixed == 0),
        "vague": (words > 0) & (words <= SHORT) & (vague > 0) & (words - vague - function <= CONTENT),
        "casual": (slang > 0) | (seen.elongated > 0) | (seen.pictures > 0) | (seen.loud > 0),
        "grade": np.clip(grade, *GRADES),
    }


def depth(text: Strings, known: Lists) -> npt.NDArray[np.float64]:
    """Marks of inference and of steps in each text, float64 [n]; NaN where there is none."""
    counts, words = tally(text, known)
    found = counts[:, CATEGORIES.index("reasoning")].astype(np.float64)
    found[words == 0] = np.nan
    return found


def forms(verbs: Sequence[str]) -> tuple[str, ...]:
    """The regular forms of each verb; that some of them are no words does no harm."""
    found: dict[str, None] = {}
    for verb in verbs:
        stem = verb[:-1] if verb.endswith(("e", "y")) else verb
        made = (verb, f"{verb}s", f"{verb}es", f"{verb}d", f"{verb}ed", f"{verb}ing", f"{stem}ing")
        found |= dict.fromkeys((*made, f"{stem}ies", f"{stem}ied", f"{verb}{verb[-1]}ed", f"{verb}{verb[-1]}ing"))
    return tuple(found)
