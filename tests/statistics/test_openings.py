"""Openings by plain slicing; verbs and objects of instructions as people read them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from auditor.statistics.openings import EMPTY, VERBS, WORDS, beginnings, heads, instructions, longest, openings, worded
from tests.kernels import oracle

TEXTS = st.lists(st.text("ab éÉ猫.,\n", max_size=12), min_size=1, max_size=12)


@given(TEXTS, st.integers(1, 4))
def test_openings_are_equal_where_the_first_words_are(texts: list[str], words: int) -> None:
    keys = openings(heads(pa.array(texts, pa.large_string()), 6), words).tolist()
    first = [tuple(oracle.words(text)[:words]) for text in texts]
    for key, mine in zip(keys, first, strict=True):
        assert (key == 0) == (len(mine) < words)
    for left in range(len(texts)):
        for right in range(left):
            if len(first[left]) == words:
                assert (keys[left] == keys[right]) == (first[left] == first[right])


def test_verbs_and_objects() -> None:
    cases = {
        "Write a short story about a cat": ("write", "story"),
        "Please could you translate this sentence into French?": ("translate", "sentence"),
        "Given the numbers below, find their mean.": ("find", "mean"),
        "CLASSIFY the following animals": ("classify", "animals"),
        "What is the capital of France?": None,
        "Explain": None,
        "": None,
    }
    texts = list(cases)
    keys, verb, to = instructions(heads(pa.array(texts, pa.large_string()), WORDS))
    for i, (text, wanted) in enumerate(cases.items()):
        words = oracle.words(text)
        assert (None if not keys[i] else (words[verb[i]], words[to[i]])) == wanted
    again, _, _ = instructions(heads(pa.array(["Write me a new story.", "write story", None]), WORDS))
    assert again[0] == again[1] == keys[0]
    assert again[2] == 0


def test_numbers_and_names_are_masked() -> None:
    texts = pa.array(
        ["The answer is 160.", "The answer is 7, since", "the Answer Is Bob", "The answer was 5", "A 1 B 2", None]
    )
    head, _, _ = beginnings(texts, 4)
    keys = openings(head, 4).tolist()
    assert keys[0] == keys[1] == keys[0]
    assert len({keys[0], keys[3], 0}) == 3
    assert keys[4:] == [0, 0]
    assert worded(head, 4).tolist()[:2] == [True, True]
    assert not worded(beginnings(pa.array(["In 2020, 3 of 7 were"]), 4)[0], 4)[0]


def test_an_opening_is_shown_as_far_as_it_is_shared() -> None:
    plain = [f"Sure, here is a list of {n} things about cat{n}" for n in range(20)]
    assert longest(pa.array(plain), 4) == "Sure, here is a list of ⟨…⟩ things about"
    assert longest(pa.array([*plain, *["Sure, here is an end"] * 2]), 4) == "Sure, here is a list of ⟨…⟩ things about"
    assert longest(pa.array([*plain, *["Sure, here is an end"] * 3]), 4) == "Sure, here is a"
    assert longest(pa.array(["The answer is 5."] * 3), 4) == "The answer is ⟨…⟩"


def test_lists() -> None:
    assert len(set(VERBS)) == len(VERBS)
    assert not set(VERBS) & set(EMPTY)
