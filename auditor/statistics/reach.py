"""How far one sample reaches into the topics of another: which it leaves out, and how much of the other lies there.

A topic is judged that has `least` rows of the sample that the topics were learnt from; fewer can be missed by chance.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from auditor.statistics import tails, topics
from auditor.statistics.topics import Each, Floats, Topics

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Share = tuple[float, float, float]
"""A share with its 95 % interval."""

RAREST = 0.1
"""Share of the topics that are the tail: those with the fewest real rows around."""


@dataclass(frozen=True, slots=True)
class Reach:
    """topics: how many are judged. rarest, missed: how many of them are the tail, and how many of these no row
    reaches. mass: share of the real rows of judged topics that lie in unreached ones. gaps: int64, topics with far
    fewer rows than are due to them, most rows missing first. effect: how differently all topics are filled."""

    topics: int
    rarest: int
    missed: int
    mass: Share
    gaps: Longs
    effect: float


def judged(found: Topics, least: int) -> Mask:
    """Bool [k]: topics with rows enough to judge."""
    mask: Mask = found.sizes >= least
    return mask


def reach(found: Topics, counts: Longs, n: int, least: int, part: float) -> Reach | None:
    """What a sample with `counts` rows of each topic reaches, of the n rows that the topics were learnt from; None
    where no topic can be judged. part: a gap has less than this of the rows due to it."""
    known, sizes = judged(found, least), found.sizes
    many = int(np.count_nonzero(known))
    if not many:
        return None
    rarest = known & (found.around <= np.sort(found.around[known])[ceil(RAREST * many) - 1])
    missed = known & (counts == 0)
    lost = tails.holm(tails.fewer(counts[known], sizes[known])) & (counts < part * sizes)[known]
    gaps = np.flatnonzero(known)[lost]
    # Rows in no judged topic are a category of their own: what lies between the topics is a difference too.
    effect, _ = tails.cramer(_with_rest(counts[known], n), _with_rest(sizes[known], n))
    return Reach(
        many,
        int(np.count_nonzero(rarest)),
        int(np.count_nonzero(missed & rarest)),
        _mass(missed, sizes, known, least),
        gaps[np.lexsort((gaps, counts[gaps] - sizes[gaps]))],
        effect,
    )


def by_chance(vectors: Floats, least: int, each: Each) -> Share | None:
    """Mass of the topics of one half of these rows that the other half does not reach; None where none is judged."""
    middle = len(vectors) // 2
    found = topics.learn(vectors[:middle], each)
    known = judged(found, least)
    if not known.any():
        return None
    counts = found.count(found.reached(vectors[middle : 2 * middle], each))
    return _mass(known & (counts == 0), found.sizes, known, least)


def _mass(missed: Mask, sizes: Longs, known: Mask, least: int) -> Share:
    """Share of the rows of judged topics that lie in missed ones. What chance alone loses is topics of little more
    than `least` rows, so that is how rows come and go."""
    among = int(sizes[known].sum())
    return tails.lumped(float(sizes[missed].sum()) / among, among, least)


def _with_rest(counts: Longs, n: int) -> Longs:
    return np.append(counts, n - int(counts.sum()))
