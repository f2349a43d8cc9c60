"""Lexical diversity against plain Python, NumPy's own fits, and figures that others published."""

from __future__ import annotations

import gzip
import json
import math
import random
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from auditor.kernels.diversity import leading_words, unique_ngrams
from auditor.kernels.texts import spans
from auditor.model.rows import strings
from auditor.statistics import lexical
from auditor.statistics.lexical import Stream


def made(seed: int, texts: int, most: int = 40, kinds: int = 30) -> list[list[str]]:
    draw = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(kinds)]
    return [draw.choices([f"w{i}" for i in range(kinds)], weights, k=draw.randint(1, most)) for _ in range(texts)]


def run(texts: list[list[str]]) -> Stream:
    column = strings(pa.array([" ".join(text) for text in texts], pa.large_string()))
    offsets, hashes, _ = leading_words(spans(column.offsets, column.data, fold=True), 10_000)
    return lexical.stream(hashes, np.repeat(np.arange(len(texts)), np.diff(offsets)))


def grams(texts: list[list[str]], n: int) -> list[tuple[str, ...]]:
    return [tuple(text[i : i + n]) for text in texts for i in range(len(text) - n + 1)]


def bleu(hypothesis: list[str], references: list[list[str]]) -> float:
    """BLEU-4 as in NLTK 3.8's sentence_bleu with smoothing method 1, written out."""
    logs = 0.0
    for n in range(1, 5):
        mine = Counter(grams([hypothesis], n))
        most: Counter[tuple[str, ...]] = Counter()
        for reference in references:
            most |= Counter(grams([reference], n))
        match, whole = sum((mine & most).values()), max(1, sum(mine.values()))
        if n == 1 and match == 0:
            return 0.0
        logs += math.log((match or 0.1) / whole) / 4
    nearest = min((abs(len(r) - len(hypothesis)), len(r)) for r in references)[1]
    penalty = 1.0 if len(hypothesis) > nearest else math.exp(1 - nearest / len(hypothesis))
    return penalty * math.exp(logs)


@pytest.mark.parametrize("seed", range(4))
def test_distinct_and_entropy(seed: int) -> None:
    texts = made(seed, 30)
    stream = run(texts)
    whole = len(stream.words)
    for n in (1, 2, 3, 4):
        counts = Counter(grams(texts, n))
        total = sum(counts.values())
        assert lexical.distinct(stream, n, 0, whole) == len(counts) / total
        bits = -sum(count / total * math.log2(count / total) for count in counts.values())
        assert lexical.entropy(stream, n, 0, whole) == pytest.approx(bits, abs=1e-9)
    low = len(texts[0]) + len(texts[1])
    high = low + len(texts[2]) + len(texts[3])
    counts = Counter(grams(texts[2:4], 2))
    assert lexical.distinct(stream, 2, low, high) == pytest.approx(len(counts) / sum(counts.values()))


@pytest.mark.parametrize("seed", range(6))
def test_self_bleu(seed: int) -> None:
    texts = made(seed, 25, most=12 if seed % 2 else 40, kinds=200 if seed < 2 else 20)
    stream = run(texts)
    wanted = [bleu(text, texts[:i] + texts[i + 1 :]) for i, text in enumerate(texts)]
    assert lexical.self_bleu(stream, 0, len(stream.words)) == pytest.approx(np.mean(wanted), abs=1e-9)
    # A text that begins before or ends behind is left out.
    inner = texts[1:-1]
    wanted = [bleu(text, inner[:i] + inner[i + 1 :]) for i, text in enumerate(inner)]
    low, high = max(1, len(texts[0]) - 1), len(stream.words) - 1
    if len(texts[0]) > 1 and len(texts[-1]) > 1:
        assert lexical.self_bleu(stream, low, high) == pytest.approx(np.mean(wanted), abs=1e-9)


def test_of_one_text_or_none() -> None:
    one = run([["a", "b", "a", "b", "c"]])
    assert lexical.self_bleu(one, 0, 5) is None
    assert lexical.zipf_slope(one, 0, 5) is None
    none = lexical.stream(np.zeros(0, np.uint64), np.zeros(0, np.int64))
    assert lexical.self_bleu(none, 0, 0) is None
    assert lexical.mtld(none, 0, 0) is None
    assert lexical.distinct(none, 2, 0, 0) == lexical.entropy(none, 2, 0, 0) == 0.0


def test_mtld() -> None:
    def forward(words: list[str]) -> float:
        factors, seen = 0.0, list[str]()
        for word in words:
            seen.append(word)
            if Fraction(len(set(seen)), len(seen)) <= Fraction(72, 100):
                factors, seen = factors + 1, []
        factors += (1 - len(set(seen)) / len(seen)) / 0.28 if seen else 0.0
        return len(words) / factors

    texts = made(9, 40, kinds=80)
    words = [word for text in texts for word in text]
    wanted = (forward(words) + forward(words[::-1])) / 2
    assert lexical.mtld(run(texts), 0, len(words)) == pytest.approx(wanted)
    assert lexical.mtld(run([[f"w{i}" for i in range(50)]]), 0, 50) is None


def test_zipf_slope() -> None:
    words = [[f"w{rank}"] * round(10_000 / rank) for rank in range(1, 400)]
    counts = np.array([len(one) for one in words])
    slope = np.polyfit(np.log(np.arange(1, 400)), np.log(counts), 1)[0]
    stream = run(words)
    assert lexical.zipf_slope(stream, 0, len(stream.words)) == pytest.approx(slope)
    assert slope == pytest.approx(-1, abs=0.01)


def test_compression_ratio() -> None:
    for content in (b"abc" * 5000, bytes(random.Random(1).randbytes(5000))):
        assert lexical.compression_ratio(content) == pytest.approx(len(content) / len(gzip.compress(content)), rel=1e-3)


def test_standardised_by_hand() -> None:
    """One length on both sides, and one that only the others have, which must not count."""
    ours = (np.array([[8, 8, 8]]), np.array([[10, 10, 10]]), np.array([11]))
    theirs = (np.array([[9, 9, 9], [1, 1, 1]]), np.array([[10, 10, 10], [99, 99, 99]]), np.array([11, 100]))
    found = lexical.standardised(*ours, *theirs)
    assert found == pytest.approx((0.8**3, 0.9**3))
    assert lexical.standardised(*ours, *(column[1:] for column in theirs)) is None


def test_standardised_undoes_length() -> None:
    """Texts of the same source cut short look more diverse; weighed by length they do not."""
    long, short = made(1, 400, most=120, kinds=60), [text[:20] for text in made(2, 400, most=120, kinds=60)]
    counted = []
    for texts in (short, long):
        column = strings(pa.array([" ".join(text) for text in texts], pa.large_string()))
        counted.append(unique_ngrams(spans(column.offsets, column.data, fold=False)))
    plain = lexical.product(*counted[0][:2]) / lexical.product(*counted[1][:2])  # type: ignore[operator]
    assert plain > 1.1
    fair = lexical.standardised(*counted[0], *counted[1])
    assert fair is not None
    assert fair[0] / fair[1] == pytest.approx(1, abs=0.06)


def test_budget() -> None:
    assert lexical.budget([999, 5000], (1000, 2000)) == 0
    assert lexical.budget([2500, 5000], (1000, 2000, 5000)) == 2000


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "human", "machine"),
    [
        ("wikitext_contrastive_k_5_alpha_0.6_result.json", 92.98, 89.35),
        ("book_contrastive_k_6_alpha_0.6_result.json", 94.68, 93.06),
    ],
)
def test_published_diversity(shared_data: Callable[[str], Path], file: str, human: float, machine: float) -> None:
    """Su and Xu 2022 by their program's convention (the last n-gram of a text is dropped, each share is rounded to
    four places), and ours, which counts all."""
    rows = json.loads(shared_data(f"contrastive/{file}").read_text())
    sides = {human: [row["reference_text"] for row in rows], machine: [row["generated_result"]["0"] for row in rows]}
    for published, texts in sides.items():
        shares = []
        ours: list[float | None] = []
        for cut in (True, False):
            words = [" ".join(text.split()[:-1] if cut else text.split()) for text in texts]
            column = strings(pa.array(words, pa.large_string()))
            unique, total, _ = unique_ngrams(spans(column.offsets, column.data, fold=False))
            shares.append(unique.sum(axis=0) / total.sum(axis=0))
            ours.append(lexical.product(unique, total))
        theirs = np.prod(np.round(shares[0], 4))
        assert 100 * theirs == pytest.approx(published, abs=0.01)
        # 0.03 for the last n-grams, 0.08 for one text that loops in Burmese, where to us each codepoint is a word.
        assert 100 * (ours[1] or 0) == pytest.approx(published, abs=0.11)


def test_words_are_left_out() -> None:
    rest = lexical.without(run([["a", "b", "a", "b"], ["c", "d"]]), 1, 5)
    assert rest.words.tolist() == [rest.words[0], rest.words[1]]
    assert rest.owner.tolist() == [0, 1]


def test_cut_offs_are_those_of_texts_as_long() -> None:
    draw = np.random.default_rng(4)
    usual = np.concatenate([draw.uniform(0.8, 1, 100), draw.uniform(0.5, 0.6, 100), draw.uniform(0.1, 0.2, 10)])
    lengths = np.repeat([20, 150, 2000], [100, 100, 10])
    mine = draw.uniform(0.3, 0.4, 300)
    words = np.repeat([31, 128, 1000, 3000], [100, 100, 70, 30])
    below = lexical.cut_offs(mine, words, usual, lengths, 0.5)

    def fence(known: np.ndarray) -> float:
        low, middle, high = np.percentile(known, (25, 50, 75))
        return float(min(middle / 2, low - 3 * (high - low)))

    wanted = [fence(usual[:100]), fence(usual[100:200]), fence(mine[200:270]), fence(usual)]
    np.testing.assert_allclose(below, np.repeat(wanted, [100, 100, 70, 30]))
    assert lexical.cut_offs(mine[:0], words[:0], usual, lengths, 0.5).tolist() == []
