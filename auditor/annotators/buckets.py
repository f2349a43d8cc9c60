"""Candidates for all nearest neighbours at once: texts whose sketches begin alike are compared with each other.

A sketch has a bit for each of 256 random directions: on which side of it, from the mean of all texts, the vector lies.
Two texts agree in a bit with the probability 1 - angle / pi (Charikar 2002, "Similarity estimation techniques from
rounding algorithms", STOC). A table draws some of the bits, as many as leave buckets of a few dozen texts; texts of one
bucket are compared by their whole sketches, in words of 64 bits, and only those whose sketches are near enough by
their vectors. There are as many tables as a pair at the cosine asked for needs to meet in one of them (Indyk and
Motwani 1998, "Approximate nearest neighbors", STOC).

An inverted file compares vectors with thousands of others, 256 products each; here four words are, with hundreds. No
two threads touch the same text: a text has one bucket of a table.
"""

from __future__ import annotations

from collections.abc import Callable
from math import acos, ceil, log, log2, pi
from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditor.core.check import Engine
from auditor.kernels.nearest import beginnings, candidates, grouped, told
from auditor.model.vectors import Floats, Longs, Vectors

WORDS = 4
"""Words of 64 bits of a sketch: at 256 bits an angle is known to 5 degrees."""

FILLED = 32
"""Texts of a bucket, on average: half as many take more tables, twice as many more comparisons; 16 and 64 took as
long."""

MISSED = 0.01
"""Of the pairs at the cosine asked for exactly, what tables may miss; of those above it they miss less."""

TABLES = (16, 256)
"""Tables, at least and at most."""

BATCH = 8
"""Tables that are made at a time; after each batch texts with all their neighbours ask for nearer ones only."""

LONGEST = 256
"""Of a longer bucket each text is compared with so many that lie next to it by further bits: the time stays in
proportion to the texts, and what is missed is in the measured recall."""

FURTHER = 12
"""Bits beyond those of the bucket by which its texts are sorted."""

CLOSE = 16
"""Vectors that a text is compared with for a table, at most. A hundred thousand rows of 200 frames need the bound; of
others one text in three is compared with one vector in all tables."""

SURE = 2.0
"""Standard deviations of a sketch's distance that a pair at the floor may lie beyond what is expected of it."""

APART = 0.47
"""Share of bits beyond which sketches say nothing."""

LEARNT = 1 << 15
"""Texts that the mean is taken of: the first, in the order of hashes."""

BLOCK, PARTS = 4_096, 32
"""Texts that are sketched at a time, and parts of a table that threads share."""

SEED = 20020519
"""Of the directions and of the bits that tables draw."""

Ints = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]
Table = tuple[Ints, Longs]


class Ordered(Protocol):
    """Vectors of texts in an order that has nothing to do with what they say. rows: int64 [m]."""

    @property
    def vectors(self) -> Vectors: ...
    @property
    def rows(self) -> Longs: ...
    def __len__(self) -> int: ...
    def part(self, low: int, high: int) -> Floats: ...


def search(
    texts: Ordered, k: int, asked: float, floor: float, engine: Engine, advance: Callable[[int, int], None]
) -> tuple[Ints, Floats, str]:
    """(near int32 [m, k], cosine float32 [m, k], what was searched): places of the nearest others of every text among
    those at a cosine of `floor` or more, by falling cosine; -1 where there are fewer. Tables are as many as pairs at a
    cosine of `asked` need."""
    m = len(texts)
    draw = np.random.default_rng(SEED)
    sketches, spread = _sketches(texts, draw, engine)
    near, cosine = np.full((m, k), -1, np.int32), np.full((m, k), -1, np.float32)
    bits = min(32 - FURTHER, max(1, round(log2(m / FILLED))))
    tables = _tables(asked, float(np.median(spread)), bits)
    drawn = [draw.permutation(64 * WORDS)[: bits + FURTHER] for _ in range(tables)]
    for done in range(0, tables, BATCH):
        limits = _limits(cosine[:, -1], floor, spread)
        for order, starts in engine.map(
            lambda places: grouped(beginnings(sketches, places), bits, FURTHER), drawn[done : done + BATCH]
        ):
            _compared(texts, (order, starts), sketches, limits, floor, near, cosine, engine)
        advance(m * min(done + BATCH, tables) // tables, m)
    return near, cosine, f"sketches of {64 * WORDS} bits, {tables} tables of {bits} bits"


def _sketches(texts: Ordered, draw: np.random.Generator, engine: Engine) -> tuple[Words, Floats]:
    """(uint64 [m, WORDS], float32 [m]): sketches, and each text's squared distance from the mean."""
    m, dimension = len(texts), texts.vectors.dimension
    turned = (2 * draw.integers(0, 2, (dimension, 64 * WORDS)) - 1).astype(np.float32)
    mean = texts.part(0, min(m, LEARNT)).mean(axis=0, dtype=np.float64).astype(np.float32)
    shift, length = mean @ turned, mean @ mean
    sketches, spread = np.empty((m, WORDS), np.uint64), np.empty(m, np.float32)

    def sketch(low: int) -> None:
        part = texts.part(low, min(low + BLOCK, m))
        sides = part @ turned > shift
        sketches[low : low + len(part)] = np.packbits(sides, axis=1).view(np.uint64)
        spread[low : low + len(part)] = 1 - 2 * (part @ mean) + length

    engine.map(sketch, range(0, m, BLOCK))
    return sketches, spread


def _tables(asked: float, spread: float, bits: int) -> int:
    """How many it takes for a pair at that cosine, as far from the mean as texts usually are, to meet in one."""
    least, most = TABLES
    centred = 1 - (1 - asked) / max(spread, 1e-6)
    if not 0 < centred < 1:  # any two texts are as near as that, or only equal ones are
        return least
    meet = (1 - acos(centred) / pi) ** bits
    return min(most, max(least, ceil(log(MISSED) / log(1 - meet))))


def _limits(worst: Floats, floor: float, spread: Floats) -> Longs:
    """int64 [m]: bits in which the sketch of a text may differ from that of one it asks for: SURE to hold a pair at the
    floor; where a text has all its neighbours, what is expected of one nearer than the worst of them."""
    full = worst >= floor
    # |x - y|^2 is 2 (1 - cosine), whatever the mean; the angle at the mean follows from it and the distance to it.
    centred = 1 - (1 - np.maximum(worst, np.float32(floor))) / np.maximum(spread, np.float32(1e-6))
    share = np.arccos(np.clip(centred, -1, 1)) / pi
    beyond = np.where(full, 0.0, SURE) * np.sqrt(64 * WORDS * share * (1 - share))
    limits: Longs = np.minimum(64 * WORDS * share + beyond, APART * 64 * WORDS).astype(np.int64)
    return limits


def _compared(
    texts: Ordered,
    table: Table,
    sketches: Words,
    limits: Longs,
    floor: float,
    near: Ints,
    cosine: Floats,
    engine: Engine,
) -> None:
    """What the buckets of a table have to tell, merged into near and cosine."""
    order, starts = table
    cuts = np.searchsorted(starts, np.linspace(0, len(texts), PARTS + 1).astype(np.int64))

    def compare(part: int) -> None:
        low, high = int(cuts[part]), int(cuts[part + 1])
        if low == high:
            return
        left, right = candidates(order, starts, low, high, LONGEST, CLOSE, sketches, limits, near)
        for begin in range(0, len(left), BLOCK):
            one, other = left[begin : begin + BLOCK], right[begin : begin + BLOCK]
            mine, its = (texts.vectors.take(texts.rows[side]) for side in (one, other))
            told(one, other, np.einsum("ij,ij->i", mine, its), floor, near, cosine)

    engine.map(compare, range(PARTS))
