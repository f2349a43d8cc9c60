"""Words, shingles and normalisation against plain Python."""

import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.kernels.hashes import Sets, first_rows, hash_normalised, hash_rows, hash_texts, shingle_sets
from auditor.kernels.texts import INERT, TABLE, Spans, classes, normal, spans
from auditor.model.rows import strings
from tests.kernels import oracle


def view(texts: list[str], *, fold: bool = True) -> Spans:
    column = strings(pa.array(texts, pa.large_string()))
    return spans(column.offsets, column.data, fold=fold)


def sets(texts: list[str], size: int = 5) -> Sets:
    return shingle_sets(view(texts), size)


def values(found: Sets, row: int) -> list[int]:
    part: list[int] = found.values[found.offsets[row] : found.offsets[row + 1]].tolist()
    return part


def agree(texts: list[str], size: int) -> None:
    """Shingle hashes correspond one to one, over all texts, to the oracle's shingles."""
    found = sets(texts, size)
    known: dict[int, tuple[str, ...]] = {}
    for row, text in enumerate(texts):
        mine = values(found, row)
        assert mine == sorted(set(mine))
        assert len(mine) == len(oracle.shingles(text, size))
    for size_, text in ((size, text) for text in texts):
        for shingle in oracle.shingles(text, size_):
            key = values(sets([" ".join(shingle)], len(shingle)), 0)
            assert known.setdefault(key[0], shingle) == shingle


ALPHABET = "aB_9 .\n-éÉßİſ漢字กขあ\u0308e\u0301한\u1112\u1161Ω𠀀😀ǅ\u200dѣЯ\x00\x7f"


@settings(max_examples=60)
@given(st.lists(st.text(st.sampled_from(ALPHABET), max_size=150), min_size=1, max_size=5))
def test_sets_have_the_size_of_plain_python_s(texts: list[str]) -> None:
    for size in (1, 2, 5):
        found = sets(texts, size)
        for row, text in enumerate(texts):
            assert len(values(found, row)) == len(oracle.shingles(text, size))


@settings(max_examples=60)
@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text(left: str, right: str) -> None:
    texts = [left, right, left + " " + right]
    found = sets(texts, 2)
    want = [oracle.shingles(text, 2) for text in texts]
    for i in range(3):
        for j in range(3):
            assert len(set(values(found, i)) & set(values(found, j))) == len(want[i] & want[j])


def test_one_hash_for_each_word() -> None:
    rng = random.Random(0)
    agree(["".join(rng.choice(ALPHABET) for _ in range(rng.randint(0, 60))) for _ in range(40)], 2)


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 128, 129, 500])
def test_words_and_texts_across_the_width_of_loads(length: int) -> None:
    texts = ["x" * length + " y", "x" * length, " " * length + "x", "x y" + " z" * length]
    found = sets(texts, 1)
    for row, text in enumerate(texts):
        assert len(values(found, row)) == len(oracle.shingles(text, 1))
    left, right = hash_rows(view(texts).starts, view(texts).lengths)
    assert len(set(zip(left.tolist(), right.tolist(), strict=True))) == len(set(texts))


def test_a_sliced_column_and_chosen_rows() -> None:
    column = strings(pa.array(["drop", "a b", "É c", "last"], pa.large_string()).slice(1))
    whole = shingle_sets(spans(column.offsets, column.data, fold=True), 1)
    chosen = shingle_sets(spans(column.offsets, column.data, fold=True, rows=np.array([2, 1])), 1)
    assert [len(values(whole, i)) for i in range(3)] == [2, 2, 1]
    assert values(chosen, 0) == values(whole, 2)
    assert values(chosen, 1) == values(whole, 1)


def test_rows_left_as_they_are_are_normal_already() -> None:
    """Random strings of inert codepoints: NFC and case folding change nothing but ASCII case."""
    table = classes()
    inert = [chr(code) for code in range(TABLE) if table[code] & INERT and not 0xD800 <= code < 0xE000]
    assert len(inert) > 50_000
    rng = random.Random(1)
    for _ in range(3000):
        text = "".join(rng.choices(inert, k=40))
        assert normal(text) == "".join(c.lower() if c < "\x80" else c for c in text)


def test_repeated_words_in_a_long_text() -> None:
    text = "again and " * 200_000 + " ".join(str(i) for i in range(200_000))
    assert len(values(sets([text]), 0)) == len(oracle.shingles(text))


@settings(max_examples=100)
@given(st.lists(st.text(st.sampled_from("aAbÉé \t\n\u00a0\u3000\u2028\x1cß\u0301漢"), max_size=12), max_size=20))
def test_normalised_hashes_are_equal_where_normalised_texts_are(texts: list[str]) -> None:
    at = view(texts)
    left, right, filled = hash_normalised(at.starts, at.lengths)
    want = [" ".join(normal(text).split()) for text in texts]
    assert filled.tolist() == [bool(text) for text in want]
    seen = [text or row for row, text in enumerate(want)]
    assert first_rows(left, right, filled).tolist() == [seen.index(text) for text in seen]


def test_texts_of_a_column_are_hashed_as_rows_are() -> None:
    texts = ["", "one", "One", "é" * 40, "one"]
    left, right = hash_texts(strings(pa.array(texts, pa.large_string())))
    seen = view(texts, fold=False)
    for mine, theirs in zip((left, right), hash_rows(seen.starts, seen.lengths), strict=True):
        assert mine.tolist() == theirs.tolist()
    assert len({*zip(left.tolist(), right.tolist(), strict=True)}) == len({*texts})
