"""Groups of rows by average linkage, from the sums of their vectors alone.

Average linkage (Sokal and Michener 1958) needs the sums only: the mean similarity of two groups is the product of
their sums. Merging reciprocal nearest groups in rounds (Murtagh 1983, The Computer Journal 26:354) is deterministic
and parallel. The core cosine, average similarity between two groups over that within them, is Spearman's (1904)
correction for attenuation: it does not fall as rows vary.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels import linkage
from auditor.statistics.neighbours import BLOCK, Spread, edges, nearest, pairs_of

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STRICT = 0.4
"""Average similarity at which groups stand by themselves; of GSM8K's rows 19 % are in one, of Dolly's 23 %."""

CORES = 0.75
"""Cosine of two cores that are one: halves of a pattern are near 1, templates with one word changed near .7."""

STRAY, LARGE = 8, 16
"""Rows of a stray group at most, and of a large one at the least: what is alike by chance is small."""

PART = 0.5
"""A stray group belongs to a large one if as alike to it as half of what the rows of that are to each other."""

REACH = 0.22
"""Cosine of a single row with the core that it joins."""

PRIOR, PAIRS = 0.5, 0.5
"""Similarity within a group before anything is seen of it, and the pairs of rows that this is worth."""

CHANCE = 4.0
"""Standard deviations of random cosines below which a similarity says nothing."""

NEAREST, LEAST = 10, 0.15
"""Neighbours looked at for each row, and the cosine below which there are none."""

PASSES, SETTLED = 3, 0.99
"""Times that groups look for each other, and the share of them that is left where they have stopped to merge."""


def merged(rows: Floats, group: Longs, left: Longs, right: Longs, noise: float, *, strict: bool) -> Longs:
    """int64 [n]: groups of groups, merged along edges of rows until no pair qualifies; labels from 0.

    rows: float32 [n, d] of length 1. group: int64 [n]. left, right: int64 [e], rows that may bring their groups
    together. noise: spread of cosines by chance. strict: the most alike first, by STRICT at the least; else the nearest
    cores.
    """
    labels, group = np.unique(group, return_inverse=True)
    left, right = pairs_of(group[left], group[right])
    return _agglomerated(sum_up(rows, group, len(labels)), np.bincount(group), left, right, noise, strict=strict)[group]


def settled(rows: Floats, group: Longs, noise: float, spread: Spread) -> Longs:
    """int64 [n]: groups that found each other by their cores, which are clearer than rows; labels from 0."""
    for _ in range(PASSES):
        group, size = _by_size(group)
        several = int(np.count_nonzero(size > 1))
        if not several or len(size) < 2:
            break
        sums = sum_up(rows, group, len(size))
        length = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        near, _ = nearest(sums / np.maximum(length, 1e-9)[:, None], NEAREST, LEAST, spread, several)
        left, right = edges(near, np.arange(len(size)))
        into = _agglomerated(sums, size, left, right, noise, strict=False)
        group = into[group]
        if len(np.unique(into)) > SETTLED * len(into):
            break
    return np.unique(group, return_inverse=True)[1]


def joined(rows: Floats, group: Longs, noise: float, most: int, spread: Spread) -> Longs:
    """int64 [n]: the groups after rows in those of at most `most` went to the core that is nearest, if near enough."""
    group, size = _by_size(group)
    cores = int(np.count_nonzero(size > most))
    loose = np.flatnonzero(size[group] <= most)
    if not cores or not len(loose):
        return group
    sums = sum_up(rows, group, len(size))[:cores]
    squared = np.einsum("ij,ij->i", sums, sums, dtype=np.float64)
    held = size[:cores].astype(np.float64)
    # The largest of so many random cosines: sqrt(2 ln m) standard deviations, and a half to be clear of it.
    chance = (np.sqrt(2 * np.log(cores + 1)) + 0.5) * noise * np.sqrt(squared) / held
    need = np.maximum(REACH * np.sqrt(_within(squared, held)), chance)
    scaled = (sums / (held * need)[:, None]).astype(np.float32)

    def search(start: int) -> tuple[Longs, Mask]:
        reach = rows[loose[start : start + BLOCK]] @ scaled.T
        best = reach.argmax(axis=1)
        return best, reach[np.arange(len(reach)), best] >= 1

    found = spread(search, range(0, len(loose), BLOCK))
    best, near = (np.concatenate(part) for part in zip(*found, strict=True))
    group[loose[near]] = best[near]
    return np.unique(group, return_inverse=True)[1]


def _agglomerated(sums: Floats, rows: Longs, left: Longs, right: Longs, noise: float, *, strict: bool) -> Longs:
    """int64 [m]: for each group the group that it went into. Every round merges reciprocal best pairs."""
    m = len(sums)
    parent = np.arange(m)
    size = rows.astype(np.float64)
    squared = np.einsum("ij,ij->i", sums, sums, dtype=np.float64)
    product = dot_products(sums, left, right)
    while len(left):
        between = product / (size[left] * size[right])
        within, length = _within(squared, size), np.sqrt(squared) / size
        cores = between / np.sqrt(within[left] * within[right]) / CORES
        fits = between >= CHANCE * noise * length[left] * length[right]
        if strict:
            # What is below cannot rise: the mean of a union is between those of its parts.
            kept = between >= STRICT
            left, right, product, between = left[kept], right[kept], product[kept], between[kept]
            fits = fits[kept] & (cores[kept] >= 1)
            cores = between
        else:
            small, large = np.minimum(size[left], size[right]), np.maximum(size[left], size[right])
            home = within[np.where(size[left] >= size[right], left, right)]
            stray = (small <= STRAY) & (large >= LARGE)
            cores = np.where(stray, np.maximum(cores, between / home / PART), cores)
            fits &= cores >= 1
        into, gone = chosen(size, left[fits], right[fits], cores[fits])
        if not len(into):
            break
        linkage.add_up(sums[gone], into, sums)
        np.add.at(size, into, size[gone])
        grown = np.unique(into)
        squared[grown] = np.einsum("ij,ij->i", sums[grown], sums[grown], dtype=np.float64)
        parent[gone] = into
        moved = np.zeros(m, np.bool_)
        moved[grown] = moved[gone] = True
        old = ~(moved[left] | moved[right])
        new_left, new_right = pairs_of(parent[left[~old]], parent[right[~old]])
        product = np.concatenate([product[old], dot_products(sums, new_left, new_right)])
        left, right = np.concatenate([left[old], new_left]), np.concatenate([right[old], new_right])
    return ends(parent)


def chosen(size: Doubles, left: Longs, right: Longs, score: Doubles) -> tuple[Longs, Longs]:
    """Which groups take in, and those that go into them, in this round: of two that are each other's best the smaller
    number takes the other, and a group takes in all that it is the best of and that are a fifth of its size.

    size: float64 [m]. left, right, score: [e], pairs of groups. Equal scores: the smaller number.
    """
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.lexsort((other, -np.concatenate([score, score]), one))
    one, other = one[order], other[order]
    ahead = np.ones(len(one), np.bool_)
    ahead[1:] = one[1:] != one[:-1]
    one, other = one[ahead], other[ahead]
    best = np.full(len(size), -1)
    best[one] = other
    pair = best[other] == one
    goes = pair & (one > other)
    leaving = np.zeros(len(size), np.bool_)
    leaving[one[goes]] = True
    goes |= ~pair & (5 * size[one] <= size[other]) & ~leaving[other]
    leaving[one[goes]] = True
    goes &= ~leaving[other]  # what leaves takes nobody in
    return other[goes], one[goes]


def ends(parent: Longs) -> Longs:
    """Where each ends up that follows its parent, and that its own."""
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return parent


def _within(squared: Doubles, size: Doubles) -> Doubles:
    """Average similarity of two rows of a group. squared: of its sum's length."""
    pairs = size * (size - 1) / 2
    seen: Doubles = ((squared - size) / 2 + PAIRS * PRIOR) / (pairs + PAIRS)
    return np.clip(seen, 0.12, 0.95)  # a core's length is a root of it: never nothing


def sum_up(rows: Floats, group: Longs, groups: int) -> Floats:
    """float32 [groups, d]: the sum of each group's rows, in their order."""
    sums = np.zeros((groups, rows.shape[1]), np.float32)
    linkage.add_up(rows, group, sums)
    return sums


def dot_products(sums: Floats, left: Longs, right: Longs) -> Doubles:
    """float64 [e]: of the sums of each pair of groups."""
    product = np.empty(len(left))
    linkage.products_of(sums, left, right, product)
    return product


def _by_size(group: Longs) -> tuple[Longs, Longs]:
    """Labels again so that larger groups come first, equal ones in their order; and the sizes."""
    _, group, size = np.unique(group, return_inverse=True, return_counts=True)
    order = np.argsort(-size, kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[group], size[order]
