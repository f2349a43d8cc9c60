"""Word differences: what is unmarked is common to both, and nothing is lost."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from auditor.reports.differences import WORDS, differences

WORD = st.text("abc \n日本", max_size=40)


@given(WORD, WORD)
def test_segments_are_the_texts_and_the_unmarked_parts_are_equal(left: str, right: str) -> None:
    a, b = differences(left, right)
    assert "".join(text for text, _ in a) == left
    assert "".join(text for text, _ in b) == right
    assert "".join(text for text, marked in a if not marked) == "".join(text for text, marked in b if not marked)


def test_only_the_changed_words_are_marked() -> None:
    a, b = differences("the cat sat down", "the dog sat down")
    assert a == (("the ", False), ("cat", True), (" sat down", False))
    assert b == (("the ", False), ("dog", True), (" sat down", False))


def test_a_script_without_spaces_differs_by_character() -> None:
    a, _ = differences("水は蒸発する", "水は凝結する")
    assert [text for text, marked in a if marked] == ["蒸発"]


def test_long_texts_are_cut_and_say_so() -> None:
    a, b = differences("word " * 50_000, "other " * 50_000)
    for segments in (a, b):
        text = "".join(part for part, _ in segments)
        assert text.endswith("…")
        assert len(re.findall(r"\w+", text)) == WORDS
