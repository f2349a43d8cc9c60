"""Rows of which it is known what they were made from: vectors about cores, and texts from templates."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

WIDE = 256


def around(labels: np.ndarray, alike: float, seed: int) -> np.ndarray:
    """float32 [n, WIDE] of length 1, about random cores; two rows of a core are alike by `alike`."""
    draw = np.random.default_rng(seed)
    cores, own = draw.standard_normal((int(labels.max()) + 1, WIDE)), draw.standard_normal((len(labels), WIDE))
    cores /= np.linalg.norm(cores, axis=1, keepdims=True)
    own -= np.sum(own * cores[labels], axis=1, keepdims=True) * cores[labels]
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    return (np.sqrt(alike) * cores[labels] + np.sqrt(1 - alike) * own).astype(np.float32)


def same(one: np.ndarray, other: np.ndarray) -> bool:
    """The same groups, whatever their numbers."""
    return (
        len(set(zip(one.tolist(), other.tolist(), strict=True))) == len(set(one.tolist())) == len(set(other.tolist()))
    )


def vocabulary(size: int, draw: random.Random) -> list[str]:
    """Made-up words of two to four syllables."""
    starts, ends = "b c d f g h j k l m n p r s t v w z st br tr pl".split(), "a e i o u ai ou er in on as el".split()
    words: set[str] = set()
    while len(words) < size:
        words.add("".join(draw.choice(starts) + draw.choice(ends) for _ in range(draw.choice((2, 2, 3, 4)))))
    return sorted(words)


def templated(
    n: int, seed: int, words: tuple[int, int], slots: tuple[int, int], among: int = 1500, k: int = 80
) -> list[str]:
    """n texts of k templates of so many words (of `among` different ones) and slots, each with one of 1,500 words."""
    draw = random.Random(seed)
    known = vocabulary(1500, draw)
    used = draw.sample(known, among)
    templates = []
    for _ in range(k):
        made = draw.choices(used, k=draw.randint(*words))
        for place in sorted(draw.sample(range(len(made)), draw.randint(*slots)), reverse=True):
            made.insert(place, "")
        templates.append(made)
    return [" ".join(word or draw.choice(known) for word in draw.choice(templates)) for _ in range(n)]


VERBS = "Write Explain Describe List Summarise Translate Compare Design Suggest Classify".split()
OBJECTS = (
    "a short poem about",
    "the main causes of",
    "five uses of",
    "the history of",
    "a lesson plan on",
    "an advertisement for",
    "the benefits of",
    "a story involving",
)


def combined(n: int, seed: int, slots: int = 1, objects: Sequence[str] = OBJECTS) -> list[str]:
    """n texts of ten verbs by eight objects, with so many words of 1,500 behind them."""
    draw = random.Random(seed)
    known = vocabulary(1500, draw)
    return [
        f"{draw.choice(VERBS)} {draw.choice(objects)} {' and '.join(draw.choices(known, k=slots))}." for _ in range(n)
    ]
