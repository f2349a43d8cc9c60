"""How texts are written, against the same in plain Python."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given

from auditor.kernels import stylometry
from tests.kernels.in_python import TEXTS, ascii_letter, column, kind, lowered, sentences


def syllables(word: str) -> int:
    """Talburt's rules."""
    if len(word) <= 3:
        return 1
    groups = len(re.findall(r"[aeiouy]+", word))
    if re.search(r"[^aeiouyl]e$|[^aeiouy]e[sd]$", word):
        groups -= 1
    return max(1, groups)


@given(TEXTS)
def test_form_is_as_in_python(texts: list[str]) -> None:
    found = stylometry.form(column(texts))
    for row, text in enumerate(texts):
        split = sentences(text)
        words = [word for one, _ in split for word in one]
        latin = [word for word in words if ascii_letter(word[0])]
        assert found.words[row] == len(words)
        assert found.sentences[row] == len(split)
        assert found.latin[row] == len(latin)
        assert found.syllables[row] == sum(map(syllables, latin))
        assert found.suffixed[row] == sum(len(word) >= 5 and word.endswith(("ed", "ing")) for word in latin)
        assert found.lone_i[row] == len(re.findall(r"(?<![^\W_])(?<!['’])i(?![^\W_]|['’][A-Za-z])", marked(text)))
        first = next((c for c in text if ascii_letter(c) or (not c.isascii() and kind(c))), "")
        assert found.lower[row] == (int(first.islower()) if first.isascii() and first else -1)
        last = next((c for c in reversed(text) if not c.isspace()), " ")
        assert found.open_end[row] == bool(kind(last))
        assert found.elongated[row] == len(re.findall(r"([a-hj-vyz])\1{2,}", lowered(text)))
        assert found.loud[row] == len(re.findall(r"[?!]{2,}", text))
        assert found.pictures[row] == sum(0x2600 <= ord(c) <= 0x27BF or 0x1F300 <= ord(c) <= 0x1FAFF for c in text)


def marked(text: str) -> str:
    """Letters of words as letters, whole words of spaceless scripts and everything else as a space."""
    return "".join(c if c in "'’" or (kind(c) == 1 and c.isascii()) else "Z" if kind(c) == 1 else " " for c in text)


@pytest.mark.parametrize(
    ("word", "count"),
    [("the", 1), ("table", 2), ("readability", 5), ("loved", 1), ("computer", 3), ("algorithm", 3), ("free", 1)],
)
def test_syllables_by_talburt(word: str, count: int) -> None:
    assert stylometry.form(column([word])).syllables.tolist() == [count]


def test_a_long_text_and_none() -> None:
    assert stylometry.form(column(["." * 1_000_000])).words.tolist() == [0]
    for text in (column([]), column([None, ""])):
        assert not stylometry.form(text).words.any()


def test_accents_written_apart_are_parts_of_words() -> None:
    decomposed = unicodedata.normalize("NFD", "général")
    assert stylometry.form(column([decomposed])).words.tolist() == [1]
