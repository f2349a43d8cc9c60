"""How often the rarest 2 to 5 % of 200 topics are missed where they are left out, and how often where nothing is."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor.engines.local import Local
from auditor.statistics import losses
from auditor.statistics.tails import Bags

TOPICS, COMMON = 200, 400


def bags(rows: Sequence[Sequence[Any]], numbers: dict[Any, int]) -> Bags:
    sets = [sorted({numbers.setdefault(word, len(numbers)) for word in row}) for row in rows]
    return Bags(np.cumsum([0, *map(len, sets)]), np.array([v for row in sets for v in row], np.uint64))


def rows(n: int, seed: int, words: int, halves: tuple[int, int], kept: int = TOPICS) -> list[list[int]]:
    """Rows of two halves of so many words, one of their topic's own, one common to all; topics' sizes are Zipf's."""
    draw = random.Random(seed)
    kinds = draw.choices(range(TOPICS), [1 / (1 + kind) for kind in range(TOPICS)], k=n)
    said = []
    for kind in kinds:
        own = range(COMMON + words * kind, COMMON + words * (kind + 1))
        half = draw.randint(*halves)
        row = draw.choices(own, k=half) + draw.choices(range(COMMON), k=half)
        if kind < kept:
            said.append(row)
    return said


def chance(ours: Sequence[Sequence[Any]], real: Sequence[Sequence[Any]]) -> float:
    numbers: dict[Any, int] = {}
    found = losses.lost(bags(ours, numbers), bags(real, numbers), Local(2).map)
    assert found is not None
    return found.p


@pytest.mark.parametrize(
    ("n", "words", "halves", "kept", "draws", "least"),
    [(10_000, 60, (3, 10), 196, 5, 5), (4_000, 20, (6, 20), 190, 5, 3)],
    ids=["short texts, 2 %", "long texts, 5 % of 4,000 rows"],
)
def test_the_rarest_of_200_topics_are_missed(
    n: int, words: int, halves: tuple[int, int], kept: int, draws: int, least: int
) -> None:
    """Of so many draws so many are told at .05; of 20 other draws 20 and 15 are."""
    told = [
        chance(rows(n, 2 * seed, words, halves, kept), rows(n, 2 * seed + 1, words, halves)) <= 0.05
        for seed in range(draws)
    ]
    assert sum(told) >= least


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.parametrize("name", ["gsm8k/train.jsonl", "alpaca/dolly_3k.json", "alpaca/random_9k.json"])
def test_halves_of_real_data_lose_nothing(shared_data: Callable[[str], Path], name: str) -> None:
    """Of 100 splits at most 11 are told at .05 and 4 at .01 (binomial, 99 %)."""
    text = shared_data(name).read_text("utf-8")
    records = json.loads(text) if name.endswith("json") else [json.loads(line) for line in text.splitlines()]
    said = [list(itertools.chain(*(str(value).lower().split() for value in one.values()))) for one in records]
    found = []
    for seed in range(100):
        random.Random(seed).shuffle(said)
        found.append(chance(said[::2], said[1::2]))
    assert sum(p <= 0.05 for p in found) <= 11
    assert sum(p <= 0.01 for p in found) <= 4
