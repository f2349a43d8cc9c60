"""Character grams against scikit-learn's analyzer and vectors in plain Python."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.kernels import grams
from auditor.kernels.texts import Spans, normal, spans
from auditor.model.rows import strings

TEXTS = [
    "",
    " ",
    "a",
    "of",
    "the cat",
    "The  CAT\tsat.\n",
    "naïve café",
    "NAÏVE CAFE\u0301",
    "don't!!! (really)",
    "x" * 300,
    "na " * 3000,
    "😀 smile",
]
IDF = np.linspace(1, 10, 1 << 16).astype(np.float32)


def read(texts: list[str | None]) -> Spans:
    column = strings(pa.array(texts, pa.large_string()))
    return spans(column.offsets, column.data, fold=True)


def words(text: str) -> Counter[str]:
    """4-grams within words as scikit-learn has them."""
    from sklearn.feature_extraction.text import CountVectorizer

    analyze = CountVectorizer(analyzer="char_wb", ngram_range=(4, 4), lowercase=False).build_analyzer()
    return Counter(analyze(normal(text)))


def cosine(left: Counter[Any], right: Counter[Any]) -> float:
    def weights(counts: Counter[Any]) -> dict[Any, float]:
        return {gram: 1 + np.log(count) for gram, count in counts.items()}

    one, other = weights(left), weights(right)
    dot = sum(weight * other.get(gram, 0.0) for gram, weight in one.items())
    return dot / np.sqrt(sum(w * w for w in one.values()) * sum(w * w for w in other.values()))


ONES = np.ones(1 << 16, np.float32)


@pytest.mark.parametrize("left", TEXTS)
@pytest.mark.parametrize("right", ["the cat sat on the mat", "cafe naïve", "na na na x"])
def test_cosines_are_those_of_scikit_learns_grams(left: str, right: str) -> None:
    seen = grams.cosines(read([left]), read([right]), ONES)[0]
    if not left.strip():
        assert seen == -1
    else:
        assert seen == pytest.approx(cosine(words(left), words(right)), abs=1e-9)


@given(st.lists(st.text("abc déÉ\u0301\t.", max_size=40), min_size=2, max_size=2))
def test_cosines_of_any_two_texts(pair: list[str]) -> None:
    seen = grams.cosines(read(pair[:1]), read(pair[1:]), ONES)[0]
    one, other = words(pair[0]), words(pair[1])
    if not normal(pair[0]).strip() or not normal(pair[1]).strip():
        assert seen == -1
    else:
        assert seen == pytest.approx(min(1.0, cosine(one, other)), abs=1e-9)


def test_scripts_without_spaces_are_read_by_codepoint_and_pair() -> None:
    same, apart = read(["我喜欢学习"]), read(["他不爱工作"])
    assert grams.cosines(same, same, ONES)[0] == pytest.approx(1)
    assert grams.cosines(same, apart, ONES)[0] == 0
    # 我, 喜, 我喜 of (我, 喜, 欢, 我喜, 喜欢): 3 / sqrt(3 * 5)
    assert grams.cosines(read(["我喜"]), read(["我喜欢"]), ONES)[0] == pytest.approx(3 / np.sqrt(15))


def threes(text: str) -> Counter[tuple[str, ...]]:
    """Of each word without spaces, each letter with the two before it."""
    return Counter(tuple(word[max(0, at - 2) : at + 1]) for word in text.split() for at in range(len(word)))


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("สวัสดีครับ ขอบคุณ", "ขอบคุณครับ"),  # Thai
        ("သင်ဘယ်လိုလဲ", "ဘယ်လိုလဲ"),  # Burmese
        ("ひらがなとカタカナ", "ひらがなだけ"),
        ("ｶﾀｶﾅ", "ｶﾅ"),  # half-width
    ],
)
def test_alphabets_without_spaces_are_read_by_three_letters(left: str, right: str) -> None:
    seen = grams.cosines(read([left]), read([right]), ONES)[0]
    assert seen == pytest.approx(cosine(threes(normal(left)), threes(normal(right))), abs=1e-9)


def test_letters_beside_signs_are_read_by_their_kind() -> None:
    # 学, を|学, then 学|を|読|… : of 学を読む the sign 学, 学を, the sign 読, を読, を読む
    one = Counter([("学",), ("学", "を"), ("読",), ("を", "読"), ("を", "読", "む")])
    two = Counter([("読",), ("読", "む")])
    assert grams.cosines(read(["学を読む"]), read(["読む"]), ONES)[0] == pytest.approx(cosine(one, two), abs=1e-9)


def test_vectors_have_length_one_and_nothing_else_where_nothing_is() -> None:
    vectors = grams.project(read([*TEXTS, None]), IDF, 256)
    length = np.linalg.norm(vectors, axis=1)
    empty = np.array([not (text or "").strip() for text in [*TEXTS, None]])
    assert np.allclose(length[~empty], 1, atol=1e-6)
    assert not length[empty].any()


@given(st.lists(st.text("aAbz \t\n\x0b\x1c\x00.~", max_size=60), min_size=1, max_size=5))
def test_ascii_is_read_like_any_text(texts: list[str]) -> None:
    """To the last bit, with a table that is empty again after each text."""
    plain = read([*texts, *texts])
    other = replace(plain, ascii=np.zeros(len(plain), np.bool_))
    assert np.array_equal(grams.project(plain, IDF, 256), grams.project(other, IDF, 256))
    turned = read([*texts, *texts[::-1]])
    assert np.array_equal(grams.cosines(plain, turned, IDF), grams.cosines(other, turned, IDF))


def test_a_projection_keeps_cosines_on_average() -> None:
    rng = np.random.default_rng(5)
    vocabulary = ["".join(rng.choice(list("abcdefghij"), 6)) for _ in range(300)]
    texts = [" ".join(rng.choice(vocabulary, 40)) for _ in range(200)]
    pairs = [
        (texts[i], " ".join([*texts[i].split()[: rng.integers(0, 40)], *texts[i - 1].split()])) for i in range(200)
    ]
    left, right = read([a for a, _ in pairs]), read([b for _, b in pairs])
    exact = grams.cosines(left, right, IDF)
    dense = (grams.project(left, IDF, 256) * grams.project(right, IDF, 256)).sum(1)
    assert abs(np.mean(dense - exact)) < 0.02
    assert np.std(dense - exact) < 2 / np.sqrt(256)


def test_the_same_whatever_stands_beside() -> None:
    together = grams.project(read(TEXTS), IDF, 256)
    alone = np.concatenate([grams.project(read([text]), IDF, 256) for text in TEXTS])
    assert np.array_equal(together, alone)


def test_document_frequency_counts_a_text_once() -> None:
    frequency = grams.document_frequency(read(["the the the", "the", "other words"]), 1 << 16)
    assert frequency.max() == 2
    assert frequency.sum() == 2 * len(words("the")) + len(words("other words"))


def test_a_very_long_text_is_read_to_its_bound() -> None:
    long = "word " * (grams.LONGEST // 5 + 1)
    assert grams.cosines(read([long]), read([long + "something quite different " * 999]), ONES)[0] == pytest.approx(
        1, abs=1e-3
    )
