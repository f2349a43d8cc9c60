"""Patterns of planted sets: as many found as were planted, however the rows vary."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

from auditor.annotators.embedders.hashed import Hashed
from auditor.engines.local import Local
from auditor.model.rows import strings
from auditor.statistics.normal import Z95
from auditor.statistics.patterns import Patterns, compare, deviation, effective, find
from tests.planted import combined, templated, vocabulary

EMBEDDER = Hashed()
SYSTEM = "You are a helpful and honest assistant. If you do not know the answer, say so politely.\n\n### Instruction:\n"

Planted = tuple[list[str], list[int]]


def _found(texts: list[str], seed: int = 0) -> tuple[Patterns, np.ndarray]:
    """Patterns of the texts in a random order, as `drawn` gives them; and the order."""
    order = np.random.default_rng(seed).permutation(len(texts))
    vectors = EMBEDDER.embed(strings(pa.array([texts[i] for i in order], pa.large_string())))
    return find(vectors, Local(2).map), order


def _replaced(k: int, n: int, sizes: list[int] | None = None, most: float = 0.4, words: int = 1000) -> Planted:
    """k sentences of 8 to 40 words; of each row 10 % to `most` of the words are others."""
    draw = random.Random(k)
    known = vocabulary(words, draw)
    base = [draw.choices(known, k=draw.randint(8, 40)) for _ in range(k)]
    labels = [i % k for i in range(n)] if sizes is None else [i for i, many in enumerate(sizes) for _ in range(many)]
    texts = []
    for label in labels:
        share = draw.uniform(0.1, most)
        texts.append(" ".join(draw.choice(known) if draw.random() < share else word for word in base[label]))
    return texts, labels


def _slotted(k: int, n: int) -> Planted:
    """k templates of 6 to 16 words with one to three slots for numbers, names and phrases."""
    draw = random.Random(k)
    known = vocabulary(1500, draw)
    templates = []
    for _ in range(k):
        words = draw.choices(known, k=draw.randint(6, 16))
        for place in draw.sample(range(len(words)), draw.randint(1, 3)):
            words[place] = ""
        templates.append(words)
    fill: list[Callable[[], str]] = [
        lambda: str(draw.randint(1, 9999)),
        lambda: draw.choice(known).title(),
        lambda: " ".join(draw.choices(known, k=2)),
    ]
    labels = [i % k for i in range(n)]
    return [" ".join(word or draw.choice(fill)() for word in templates[label]) for label in labels], labels


def _edited(k: int, n: int) -> Planted:
    """k texts of 30 to 90 words with words dropped, added, swapped and replaced, all below a system prompt."""
    draw = random.Random(k)
    known = vocabulary(2000, draw)
    base = [draw.choices(known, k=draw.randint(30, 90)) for _ in range(k)]
    labels = [i % k for i in range(n)]
    texts = []
    for label in labels:
        words = list(base[label])
        for _ in range(int(draw.uniform(0.05, 0.35) * len(words))):
            at, kind = draw.randrange(len(words) - 1), draw.randrange(4)
            if kind == 0:
                del words[at]
            elif kind == 1:
                words.insert(at, draw.choice(known))
            elif kind == 2:
                words[at], words[at + 1] = words[at + 1], words[at]
            else:
                words[at] = draw.choice(known)
        texts.append(SYSTEM + " ".join(words) + "\n\n### Response:\n")
    return texts, labels


def _every(k: int, n: int, least: int = 8, most: int = 40, share: float = 0.4) -> Planted:
    """k sentences of `least` to `most` words; of every single row two fifths of the words are others."""
    draw = random.Random(k + 7)
    known = vocabulary(1000, draw)
    base = [draw.choices(known, k=draw.randint(least, most)) for _ in range(k)]
    texts = []
    for i in range(n):
        words = list(base[i % k])
        for place in draw.sample(range(len(words)), round(share * len(words))):
            words[place] = draw.choice(known)
        texts.append(" ".join(words))
    return texts, [i % k for i in range(n)]


def _every_short(k: int, n: int) -> Planted:
    return _every(k, n, 8, 12)


def _turned(k: int, n: int) -> Planted:
    """Two clauses, one or the other first; of every row three tenths of the words are others."""
    draw = random.Random(k + 5)
    known = vocabulary(1500, draw)
    clauses = [[draw.choices(known, k=draw.randint(5, 15)) for _ in "ab"] for _ in range(k)]
    texts = []
    for i in range(n):
        one, other = clauses[i % k] if draw.random() < 0.5 else clauses[i % k][::-1]
        words = one + other
        for place in draw.sample(range(len(words)), round(0.3 * len(words))):
            words[place] = draw.choice(known)
        texts.append(" ".join(words))
    return texts, [i % k for i in range(n)]


def _filled(k: int, n: int) -> Planted:
    """k templates of 8 to 20 words with one to three slots of one to ten words; a few words are everywhere (Zipf)."""
    draw = random.Random(k + 3)
    known = vocabulary(3000, draw)
    draw.shuffle(known)
    usual = list(accumulate(1 / (rank + 3) for rank in range(3000)))
    templates = []
    for _ in range(k):
        words = draw.choices(known, cum_weights=usual, k=draw.randint(8, 20))
        for place in sorted(draw.sample(range(len(words) + 1), draw.randint(1, 3)), reverse=True):
            words.insert(place, "")
        templates.append(words)
    texts = []
    for i in range(n):
        slots = (draw.choices(known, cum_weights=usual, k=draw.randint(1, 10)) for _ in templates[i % k])
        texts.append(
            " ".join(" ".join([word] if word else slot) for word, slot in zip(templates[i % k], slots, strict=True))
        )
    return texts, [i % k for i in range(n)]


def _entropy(labels: list[int]) -> float:
    counts = np.bincount(labels)
    shares = [int(count) / len(labels) for count in counts if count]
    return math.exp(-sum(share * math.log(share) for share in shares))


@pytest.mark.parametrize("make", [_replaced, _slotted, _edited, _every, _turned, _filled])
@pytest.mark.parametrize(("k", "n"), [(50, 2000), (500, 4000)])
def test_as_many_patterns_as_were_planted(make: Callable[[int, int], Planted], k: int, n: int) -> None:
    patterns, _ = _found(make(k, n)[0])
    assert patterns.effective == pytest.approx(k, rel=0.15)


def _short(k: int, n: int) -> Planted:
    """Sentences of 8 to 12 words."""
    draw = random.Random(k)
    known = vocabulary(1000, draw)
    base = [draw.choices(known, k=draw.randint(8, 12)) for _ in range(k)]
    texts = []
    for i in range(n):
        share = draw.uniform(0.1, 0.4)
        texts.append(" ".join(draw.choice(known) if draw.random() < share else word for word in base[i % k]))
    return texts, [i % k for i in range(n)]


@pytest.mark.slow
@pytest.mark.parametrize("make", [_replaced, _slotted, _edited, _short])
@pytest.mark.parametrize(("k", "n"), [(50, 50_000), (500, 20_000), (5000, 10_000), (5000, 50_000)])
def test_as_many_patterns_as_were_planted_in_many_rows(make: Callable[[int, int], Planted], k: int, n: int) -> None:
    """Effective patterns found, seeds as here:

    |  | n | k = 50 | 200 | 1,000 | 5,000 |
    | --- | --- | --- | --- | --- | --- |
    | sentences of 8 to 12 words, 10 to 40 % replaced | 10,000 | 52 | 205 | 1,005 | 5,711 |
    | of 8 to 40 words, 10 to 40 % replaced | 10,000 | 51 | 202 | 1,009 | 5,539 |
    | one to three slots | 10,000 | 50 | 200 | 1,000 | 5,030 |
    | edited below a system prompt | 10,000 | 50 | 200 | 1,000 | 5,000 |
    | sentences of 8 to 12 words, 10 to 40 % replaced | 50,000 | 55 | | | 5,212 |
    """
    patterns, _ = _found(make(k, n)[0])
    assert patterns.effective == pytest.approx(k, rel=0.15)


@pytest.mark.parametrize("make", [_every_short, _filled])
def test_two_hundred_patterns_of_fifty_rows(make: Callable[[int, int], Planted]) -> None:
    """Short rows of which much is replaced fall into fragments; templates of common words need a background."""
    patterns, _ = _found(make(200, 10_000)[0])
    assert patterns.effective == pytest.approx(200, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("make", "k", "n"),
    [
        (_every, 1000, 10_000),
        (_every, 50, 50_000),
        (_every, 5000, 50_000),
        (_every_short, 50, 50_000),
        (_every_short, 1000, 50_000),
        (_turned, 5000, 50_000),
        (_filled, 5000, 50_000),
    ],
)
def test_two_fifths_of_every_row_replaced(make: Callable[[int, int], Planted], k: int, n: int) -> None:
    patterns, _ = _found(make(k, n)[0])
    assert patterns.effective == pytest.approx(k, rel=0.1)


@pytest.mark.data
def test_falls_as_patterns_of_much_variation_are_mixed_into_real_rows(shared_data: Callable[[str], Path]) -> None:
    rows = orjson.loads(shared_data("alpaca/dolly_3k.json").read_bytes())
    real = [f"{row['instruction']}\n{row['input']}\n{row['output']}" for row in rows]
    planted, _ = _every(50, len(real))
    seen = []
    for share in (0, 0.1, 0.3, 0.5, 0.7, 0.9, 1):
        many = int(share * len(real))
        seen.append(_found(real[many:] + planted[:many])[0].effective)
    assert seen == sorted(seen, reverse=True)
    assert seen[0] > 0.6 * len(real)
    assert seen[-1] == pytest.approx(50, rel=0.1)


HALVES: dict[str, Callable[[int, int], list[str]]] = {
    "long, up to four slots": lambda n, seed: templated(n, seed, (20, 40), (1, 4)),
    "short, one slot": lambda n, seed: templated(n, seed, (4, 7), (1, 1)),
    "of thirty words": lambda n, seed: templated(n, seed, (6, 12), (3, 3), among=30),
    "of twenty words": lambda n, seed: templated(n, seed, (6, 12), (1, 1), among=20),
    "verbs by objects": combined,
    "verbs by objects, two slots": lambda n, seed: combined(n, seed, 2),
    "verbs by objects, five slots": lambda n, seed: combined(n, seed, 5),
    "below a system prompt": lambda n, seed: [SYSTEM + text for text in templated(n, seed, (6, 12), (1, 2))],
}


def test_halves_of_one_set_are_alike_within_their_interval() -> None:
    """80 templates in 600 rows a side, where each half by itself may find other groups. Of 680 draws of 17 kinds (those
    here among them) 96 % held 1; the binomial 99 % of 95 % of 48 draws are 41 to 48."""
    held, seen = [], []
    for seed in range(6):
        for make in HALVES.values():
            texts = make(1200, seed)
            vectors = EMBEDDER.embed(strings(pa.array(texts, pa.large_string())))
            one, other = compare(vectors[:600], vectors[600:], Local(2).map)
            log_ratio = math.log(one.effective / other.effective)
            half = Z95 * math.hypot(deviation(one.sizes), deviation(other.sizes))
            held.append(abs(log_ratio) <= half)
            seen.append(log_ratio)
    assert sum(held) >= 41
    assert abs(np.mean(seen)) < 0.03
    assert np.exp(np.abs(seen)).max() < 1.5


def test_a_scaffold_on_one_side_alone_is_no_pattern() -> None:
    draw = random.Random(11)
    words = vocabulary(4000, draw)
    texts = [" ".join(draw.choices(words, k=draw.randint(10, 50))) for _ in range(800)]
    asked = [SYSTEM + text for text in texts[:400]]
    vectors = EMBEDDER.embed(strings(pa.array(asked + texts[400:], pa.large_string())))
    one, other = compare(vectors[:400], vectors[400:], Local(1).map)
    assert one.effective > 0.97 * 400
    assert other.effective > 0.97 * 400


@pytest.mark.data
@pytest.mark.parametrize("make", [_replaced, _every, _filled])
def test_planted_patterns_beside_real_rows(
    make: Callable[[int, int], Planted], shared_data: Callable[[str], Path]
) -> None:
    """Six rows a pattern: what is usual among questions that are all alike says nothing about the planted rows, nor the
    other way round."""
    rows = [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()][:3000]
    real = [f"{row['question']}\n{row['answer']}" for row in rows]
    planted, _ = make(500, 3000)
    order = np.random.default_rng(1).permutation(3000)
    vectors = EMBEDDER.embed(
        strings(pa.array([planted[i] for i in order] + [real[i] for i in order], pa.large_string()))
    )
    one, other = compare(vectors[:3000], vectors[3000:], Local(2).map)
    assert one.effective == pytest.approx(500, rel=0.1)
    assert other.effective == pytest.approx(find(vectors[3000:], Local(2).map).effective, rel=0.01)


@pytest.mark.parametrize("k", [1, 4, 50])
def test_planted_patterns_beside_diverse_rows(k: int) -> None:
    draw = random.Random(12)
    words = vocabulary(4000, draw)
    diverse = [" ".join(draw.choices(words, k=draw.randint(10, 50))) for _ in range(1000)]
    planted, _ = _replaced(k, 1000, most=0.3)
    vectors = EMBEDDER.embed(strings(pa.array(planted + diverse, pa.large_string())))
    one, other = compare(vectors[:1000], vectors[1000:], Local(1).map, (k == 1, False))
    assert one.effective == pytest.approx(k, rel=0.15)
    assert other.effective > 950


def test_a_pattern_of_both_sides_is_one() -> None:
    """Copies across sides, too: the same rows in another order are the same."""
    texts = templated(300, 1, (6, 12), (1, 2), k=20)
    vectors = EMBEDDER.embed(strings(pa.array(texts, pa.large_string())))
    order = np.random.default_rng(2).permutation(300)
    one, other = compare(vectors, vectors[order], Local(1).map)
    assert one.sizes.tolist() == other.sizes.tolist()
    same_rows = one.labels[order]
    assert [one.sizes[label] for label in same_rows] == [other.sizes[label] for label in other.labels]


@pytest.mark.parametrize("sizes", [[300] * 3, [5, 4, 3, 2, 1, 1, 1], [9, *[1] * 40], [40, 20, 10, 5, 2, 1]])
def test_the_deviation_is_the_jackknife_with_half_of_what_pairs_make(sizes: list[int]) -> None:
    """Each row, and each pair of rows of a pattern, left out one by one."""
    counts = np.array(sizes)
    n = int(counts.sum())

    def logs(held: np.ndarray) -> float:
        return float(sum(c * math.log(c) for c in held.tolist() if c))

    def without(*patterns: int) -> np.ndarray:
        held = counts.copy()
        for one in patterns:
            held[one] -= 1
        return held

    change = np.repeat([logs(counts) - logs(without(one)) for one in range(len(counts))], counts)
    jackknife = (n - 1) / n * np.sum((change - change.mean()) ** 2) / (n - 1) ** 2
    pairs = sum(
        c * (c - 1) / 2 * (logs(counts) - 2 * logs(without(one)) + logs(without(one, one))) ** 2
        for one, c in enumerate(counts.tolist())
        if c > 1
    )
    wanted = max(jackknife - pairs / n**2, pairs / n**2, (2 * math.log(2) / n) ** 2)
    assert deviation(counts) == pytest.approx(math.sqrt(wanted), rel=1e-9)


@pytest.mark.parametrize(
    "shares",
    [np.full(80, 1 / 80), 1 / np.arange(1, 81) / np.sum(1 / np.arange(1, 81)), np.full(20_000, 1 / 20_000)],
    ids=["even", "uneven", "nearly all single"],
)
def test_the_deviation_is_that_of_many_draws(shares: np.ndarray) -> None:
    draw = np.random.default_rng(3)
    counts = [draw.multinomial(600, shares) for _ in range(400)]
    wanted = np.std([math.log(effective(one)) for one in counts])
    assert np.sqrt(np.mean([deviation(one) ** 2 for one in counts])) == pytest.approx(wanted, rel=0.2)


def test_uneven_patterns_count_by_their_entropy() -> None:
    sizes = [max(2, 800 // (rank + 1)) for rank in range(60)]
    texts, labels = _replaced(60, 0, sizes)
    patterns, order = _found(texts)
    assert patterns.effective == pytest.approx(_entropy(labels), rel=0.15)
    largest = np.array(labels)[order][patterns.labels == 0]
    assert np.bincount(largest).argmax() == 0
    assert np.mean(largest == 0) > 0.97


@pytest.mark.parametrize("k", [1, 30])
def test_falls_as_patterns_are_mixed_into_diverse_rows(k: int) -> None:
    draw = random.Random(1)
    words = vocabulary(4000, draw)
    diverse = [" ".join(draw.choices(words, k=draw.randint(10, 50))) for _ in range(1500)]
    planted, _ = _replaced(k, 1500, most=0.3)
    seen = []
    for share in (0, 0.1, 0.3, 0.6, 0.8, 0.9):
        many = int(share * 1500)
        seen.append(_found(diverse[many:] + planted[:many])[0].effective)
    assert seen[0] > 1450
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == pytest.approx(_entropy([*range(150), *(150 + i % k for i in range(1350))]), rel=0.25)


def test_copies_weigh_and_number_by_size() -> None:
    texts = ["the same text again"] * 30 + ["quite another one, though"] * 20 + ["and a third"] * 10
    patterns, order = _found(texts)
    assert patterns.sizes.tolist() == [30, 20, 10]
    assert patterns.effective == pytest.approx(_entropy([0] * 30 + [1] * 20 + [2] * 10))
    assert [texts[i] for i in order[patterns.labels == 0]] == texts[:30]


@pytest.mark.parametrize("texts", [["one"], ["one"] * 40, ["one", "two"], ["one", "two", "three"] * 5])
def test_next_to_nothing(texts: list[str]) -> None:
    patterns, _ = _found(texts)
    assert patterns.sizes.sum() == len(texts)
    assert len(patterns.sizes) == len(set(texts))


def test_threads_and_blocks_change_nothing() -> None:
    texts, _ = _replaced(300, 3000)
    vectors = EMBEDDER.embed(strings(pa.array(texts, pa.large_string())))
    one, many = find(vectors, Local(1).map), find(vectors, Local(3).map)
    assert one.labels.tolist() == many.labels.tolist()


def test_the_effective_number_of_equal_shares_is_their_count() -> None:
    assert effective(np.array([7] * 12)) == pytest.approx(12)
    assert effective(np.array([], np.int64)) == 0
    sizes = np.array(list(accumulate(range(1, 9))))
    assert effective(sizes) == pytest.approx(math.exp(-sum(s / sizes.sum() * math.log(s / sizes.sum()) for s in sizes)))


@pytest.mark.data
def test_diverse_text_is_mostly_its_own_pattern(shared_data: Callable[[str], Path]) -> None:
    rows = [orjson.loads(line) for line in shared_data("gsm8k/train.jsonl").read_bytes().splitlines()][:4000]
    patterns, _ = _found([f"{row['question']}\n{row['answer']}" for row in rows])
    assert patterns.effective > 0.75 * len(rows)
