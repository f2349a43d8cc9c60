"""Bags of words against plain Python, and back to the words."""

from __future__ import annotations

import pyarrow as pa

from auditor.core.content.bags import bags, said

TEXTS = ["The cat saw the dog", "a Cat, a bird!", "", "dog dog dog", "Ähre 漢字"]


def test_a_row_counts_a_word_once() -> None:
    found = bags(pa.array(TEXTS, pa.large_string()), 1)
    assert found.lengths.tolist() == [4, 3, 0, 1, 3]
    assert bags(pa.array(TEXTS, pa.large_string()), 2).lengths.tolist() == [4, 3, 0, 1, 2]


def test_words_are_said_as_the_first_text_has_them() -> None:
    texts = pa.array(TEXTS, pa.large_string())
    alone = bags(pa.array(["bird", "CAT", "ähre"], pa.large_string()), 1).values
    assert said(alone, texts) == ["bird", "cat", "ähre"]
    assert said(bags(pa.array(["zebra"], pa.large_string()), 1).values, texts) == []
