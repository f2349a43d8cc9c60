"""Pairs of texts against the plain-Python words and shingles, and against a plain reading of "equal but for marks"."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from auditor.kernels.pairs import alike, may_share_letters
from auditor.kernels.texts import Spans, spans
from auditor.model.rows import strings
from tests.kernels import oracle

WORDS = st.sampled_from(["a", "B", "cat", "Cat,", "été", "ÉTÉ", "猫犬", "*x*", "\u212a", "k", "İ", "I", "?!", "42"])
TEXTS = st.lists(WORDS, max_size=30).map(" ".join)


def laid(texts: list[str], *, fold: bool) -> Spans:
    view = strings(pa.array(texts, pa.large_string()))
    return spans(view.offsets, view.data, fold=fold)


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8), st.sampled_from([0.2, 0.5, 0.8, 0.95, 1.0]))
@example([("a b c d", "a b c d e"), ("", "a"), ("?!", "?!"), ("a " * 500, "A, " * 400)], 0.5)
def test_alike_is_the_jaccard_of_shingles(pairs: list[tuple[str, str]], least: float) -> None:
    left, right = (laid([pair[side] for pair in pairs], fold=True) for side in (0, 1))
    expected = []
    for a, b in pairs:
        x, y = oracle.shingles(a, 3), oracle.shingles(b, 3)
        expected.append(bool(x and y) and len(x & y) >= least * len(x | y))
    assert alike(left, right, 3, least).tolist() == expected


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=8))
@example([("Yes, Sir!", "**yes** sir"), ("K1", "\u212a1"), ("ab", "abc"), ("", ""), ("\u0130", "i")])
def test_no_pair_that_is_equal_but_for_marks_and_case_is_missed(pairs: list[tuple[str, str]]) -> None:
    def letters(text: str) -> str:
        return "".join(c for c in text.lower() if c.isascii() and c.isalnum())

    left, right = (laid([pair[side] for pair in pairs], fold=False) for side in (0, 1))
    for (a, b), likely in zip(pairs, may_share_letters(left, right).tolist(), strict=True):
        if letters(a) == letters(b):
            assert likely, (a, b)
        elif not set("\u212aİ") & set(a + b):
            assert not likely, (a, b)
