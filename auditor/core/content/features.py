"""Columns that two datasets have in common, brought out as numbers and labels: what drift compares."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.content.fields import columns_of, told
from auditor.core.rowwise import cut
from auditor.model.rows import MAKERS, ROUNDS, Dataset

SURFACE = (
    *("chars", "words", "lines", "tokens", "prompt_chars", "prompt_words", "response_chars", "response_words"),
    *("turns", "mean_word_length", "unique_word_ratio", "alpha_ratio", "digit_ratio", "upper_ratio"),
    *("punctuation_ratio", "symbol_ratio", "whitespace_ratio", "non_ascii_ratio"),
    *("replacement_chars", "control_chars"),
)
"""Columns of the `surface` annotator."""

SPOKEN = {
    "chars": ("Characters", "characters"),
    "words": ("Words", "words"),
    "lines": ("Lines", "lines"),
    "tokens": ("Tokens, approximately", "tokens"),
    "prompt_chars": ("Characters of the prompt", "characters"),
    "prompt_words": ("Words of the prompt", "words"),
    "response_chars": ("Characters of the response", "characters"),
    "response_words": ("Words of the response", "words"),
    "turns": ("Turns of the conversation", "turns"),
    "mean_word_length": ("Mean length of the words", "characters"),
    "unique_word_ratio": ("Distinct words", "share of words"),
    "alpha_ratio": ("Letters", "share of characters"),
    "digit_ratio": ("Digits", "share of characters"),
    "upper_ratio": ("Capital letters", "share of characters"),
    "punctuation_ratio": ("Punctuation", "share of characters"),
    "symbol_ratio": ("Symbols", "share of characters"),
    "whitespace_ratio": ("White space", "share of characters"),
    "non_ascii_ratio": ("Characters beyond ASCII", "share of characters"),
    "replacement_chars": ("Replacement characters", "characters"),
    "control_chars": ("Control characters", "characters"),
}
"""What people call them, and the unit. A field of the records never has the name of one (see `_fields`)."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column of both sides. label: compared as categories, else as numbers. field: it came with the records."""

    column: str
    label: bool = False
    field: bool = False


def features(rows: Dataset, real: Dataset) -> tuple[list[Feature], tuple[str, ...]]:
    """What both sides have, and notes on what is left out. Who or what made a row is no feature: it is bound to
    differ."""
    mine, theirs = _fields(rows), _fields(real)
    found = [Feature(name) for name in SURFACE if name in rows.columns and name in real.columns]
    unlike = []
    for name in sorted(mine.keys() & theirs.keys()):
        kinds = {mine[name], theirs[name]}
        numbers = kinds <= {"int", "float"}
        if len(kinds) > 1 and not numbers:
            unlike.append(f"{cut(name, 40)} ({mine[name]}, in real {theirs[name]})")
        else:
            found.append(Feature(name, not numbers, field=True))
    if "language" in rows.columns and "language" in real.columns:
        found.append(Feature("language", label=True))
    alone = sorted(cut(name, 40) for name in mine.keys() ^ theirs.keys())
    notes = told("fields on one side only, not compared", alone), told("of another type in real, not compared", unlike)
    return found, tuple(note for note in notes if note)


def spoken(column: str) -> tuple[str, str]:
    """Title and unit of a column for people; a field of the records has its own name for both."""
    return SPOKEN.get(column, (column, column))


def text_of(rows: Dataset, real: Dataset, scope: str) -> tuple[str, tuple[str, ...]]:
    """The text column to compare, one that both sides have: that of the scope or else the whole text, which is told."""
    for side, missing in ((rows, "the data"), (real, "the real data")):
        if all(shard.column(scope).null_count == len(shard) for shard in side):
            return "text", (f"{missing} has no {scope}: whole texts are compared",)
    return scope, ()


def values_of(rows: Dataset, column: str) -> npt.NDArray[np.float64]:
    """A numeric column in row order, float64 [rows]; NaN where a row has none."""
    parts = [shard.column(column).to_numpy(zero_copy_only=False).astype(np.float64) for shard in rows]
    return np.concatenate(parts) if parts else np.zeros(0)


def is_identifier(values: npt.NDArray[np.float64]) -> bool:
    """Whether whole numbers tell rows apart rather than measure them: 99 in 100 differ."""
    return bool((values == np.round(values)).all()) and len(np.unique(values)) > 0.99 * len(values)


def _fields(rows: Dataset) -> dict[str, str]:
    """Columns of fields with their types, but for makers and rounds."""
    return {column: rows.fields[name] for name, column in columns_of(rows).items() if name not in (*MAKERS, *ROUNDS)}
