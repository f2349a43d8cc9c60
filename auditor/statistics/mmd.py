"""Maximum mean discrepancy: do two samples of vectors come from one distribution? And how far apart are they?

Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, "A kernel two-sample test", JMLR 13:723-773: the unbiased
estimator (lemma 6) with a Gaussian kernel whose width is the median distance (section 8), judged by permutation.
Large samples take random Fourier features (Rahimi and Recht 2007, "Random features for large-scale kernel machines",
NIPS 20) instead of every pair; the permutation test is exact for the kernel that they make.

Two answers to one prompt are no independent draws. Under the null they can be swapped, and not given to anybody else
(Good 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses", section 3.7 on matched pairs), and the kernel
between them says nothing of the distributions: Gretton et al.'s estimator of paired samples (after lemma 6) leaves it
out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

Floats = npt.NDArray[np.float32]
Keys = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Map = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]

EXACT = 5_000
"""Rows a side up to which every pair is looked at."""

FREQUENCIES = 1_024
"""Of the random features: the relative error of the squared discrepancy is about 1 / sqrt of it."""

PERMUTATIONS = 499
"""So that the smallest p is 1 / 500 (Davison and Hinkley 1997, section 4.3: 99 to 999)."""

HEURISTIC = 1_000
"""Rows of both sides together whose distances make the median."""

BLOCK, GROUP = 512, 64
"""Rows of a block of the kernel; frequencies of a group. Fixed, so that threads do not change a sum."""

NONE = np.empty((0, 2), np.int64)
"""No pairs."""

TIE = 1e-8
"""Differences of the squared discrepancy that single precision may leave (4e-10 was seen) where swaps change nothing,
because the rows of a pair are equal."""

SEED = 2012


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """squared: the unbiased estimate, below 0 where the sides are more alike than chance. low, high: its 95 %
    interval. p: of the permutation test. width: of the kernel. frequencies: 0 where every pair was looked at."""

    squared: float
    low: float
    high: float
    p: float
    width: float
    frequencies: int


def partners(left: Keys, right: Keys) -> Longs:
    """Pairs of rows, one of each side, that are to be swapped: int64 [k, 2], positions on the left and on the right.

    left, right: uint64 [n], the group of each row, rows in random order. A group of a left and b right rows has a b
    pairs across the sides and a (a - 1) / 2 + b (b - 1) / 2 within them. As many are held as there are more across than
    within, all where both sides answer the same prompts: the statistic counts the kernel within sides and against that
    across them, and so its mean is that of the null. Where groups fell to the sides at random the difference is 0 on
    average and its variance the number of pairs; up to there, and where groups lie within sides, none is held.
    """
    n = len(left)
    names, group = np.unique(np.concatenate((left, right)), return_inverse=True)
    ours, theirs = (np.bincount(side, minlength=len(names)) for side in (group[:n], group[n:]))
    across, more = int((ours * theirs).sum()), n - int(((ours - theirs) ** 2).sum()) // 2
    held = more if more > Z95 * sqrt(2 * across - more) else 0
    # Of each group the first of a side with the first of the other, the second with the second.
    both = [_first(side, count) for side, count in ((group[:n], theirs), (group[n:], ours))]
    pairs = np.stack(both, axis=1)
    return pairs[np.argsort(pairs[:, 0])][:held]


def _first(group: Longs, most: Longs) -> Longs:
    """Rows in the order of their groups, at most `most[g]` of group g."""
    order = np.argsort(group, kind="stable")
    ends = np.cumsum(np.bincount(group, minlength=len(most)))
    within = np.arange(len(group)) - np.concatenate(([0], ends))[group[order]]
    return order[within < most[group[order]]]


def discrepancy(
    left: Floats,
    right: Floats,
    map_: Map,
    *,
    permutations: int = PERMUTATIONS,
    exact: int = EXACT,
    pairs: Longs = NONE,
) -> Discrepancy:
    """left, right: [n, d], of equal length from 2, rows in random order. map_: runs blocks, in order or in threads.
    pairs: int64 [k, 2], of rows left and right that belong together, each row in one pair at most. A permutation swaps
    pairs, and mixes the rows that are in none. permutations: 0 leaves the test out: p is 1.

    The interval is normal: the variance of the statistic's linear part (Gretton et al., corollary 16; the two of a pair
    vary together) plus its variance under permutation, which is what is left where the sides are alike."""
    n = len(left)
    if n != len(right) or n < 2:
        raise ValueError(f"sides of {n} and {len(right)} rows, and both must have the same number, from 2")
    pooled = np.concatenate((left, right))
    width, typical = _width(left, right)
    assigned = _assignments(n, permutations, pairs)
    if n <= exact:
        within, to_left, to_all, paired = _by_pairs(pooled, assigned, width, typical, map_, pairs)
        frequencies = 0
    else:
        within, to_left, to_all, paired = _by_features(pooled, assigned, width, map_, pairs)
        frequencies = FREQUENCIES
    # within[p]: sum of the kernel over ordered pairs of the rows that permutation p puts left; the rest follows.
    reach = assigned.T.astype(np.float64) @ to_all
    across = reach - within
    others = float(to_all.sum()) - reach - across
    statistic = (within + others) / (n * (n - 1)) - 2 * (across - paired) / (n**2 - len(pairs))
    squared, null = float(statistic[0]), statistic[1:]
    tie = TIE if len(pairs) else 0.0
    p = (1 + int(np.count_nonzero(null >= squared - tie))) / (len(null) + 1)
    squared = squared if abs(squared) > tie else 0.0
    # What each row adds: its mean kernel with the others of its side, less that with the other side.
    lefts = to_left[:n] / (n - 1) - (to_all - to_left)[:n] / n
    rights = (to_all - to_left)[n:] / (n - 1) - to_left[n:] / n
    spread = 4 * (float(lefts.var(ddof=1)) + float(rights.var(ddof=1))) / n
    spread += float(null.var(ddof=1)) if len(null) > 1 else 0.0
    together = float((lefts - lefts.mean())[pairs[:, 0]] @ (rights - rights.mean())[pairs[:, 1]])
    half = Z95 * sqrt(max(0.0, spread + 8 * together / (n * (n - 1))))
    return Discrepancy(squared, squared - half, squared + half, p, width, frequencies)


def _width(left: Floats, right: Floats) -> tuple[float, float]:
    """The median distance between rows of the two sides mixed, and the mean kernel at it; 1 where all are equal."""
    half = HEURISTIC // 2
    some = np.concatenate((left[:half], right[:half])).astype(np.float64)
    squares = _squares(some, some)[np.triu_indices(len(some), 1)]
    width = sqrt(float(np.median(squares))) or 1.0
    return width, float(np.exp(-squares / (2 * width**2)).mean())


def _squares(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Squared distances [len(one), len(other)], never below 0."""
    found: npt.NDArray[Any] = one @ other.T
    found *= -2
    found += np.einsum("ij,ij->i", one, one)[:, None]
    found += np.einsum("ij,ij->i", other, other)
    found[found < 0] = 0
    return found


def _assignments(n: int, permutations: int, pairs: Longs) -> Floats:
    """float32 [2 n, 1 + permutations], 1 where a row stands left: first as it is, then as permuted."""
    one, other = pairs[:, 0], n + pairs[:, 1]
    alone = np.setdiff1d(np.arange(2 * n), np.concatenate((one, other)))
    draw = np.random.Generator(np.random.PCG64(SEED))
    assigned = np.zeros((1 + permutations, 2 * n), np.float32)
    assigned[0, :n] = 1
    for row in assigned[1:]:
        row[alone[draw.permutation(len(alone))[: len(alone) // 2]]] = 1
        row[one] = draw.integers(0, 2, len(pairs))
        row[other] = 1 - row[one]
    return np.ascontiguousarray(assigned.T)


def _by_pairs(
    pooled: Floats, assigned: Floats, width: float, typical: float, map_: Map, pairs: Longs
) -> tuple[Doubles, Doubles, Doubles, float]:
    """Sums of the kernel without its diagonal: within the left of each assignment, of each row to the left and to all,
    and over the pairs. A constant off the kernel changes no discrepancy and keeps single precision exact enough."""
    n = len(pooled) // 2
    apart = (pooled[pairs[:, 0]] - pooled[n + pairs[:, 1]]).astype(np.float64)
    paired = np.exp(np.einsum("ij,ij->i", apart, apart) / (-2 * width**2)) - typical

    def block(start: int) -> tuple[Doubles, Doubles, Doubles]:
        rows = slice(start, start + BLOCK)
        kernel = _squares(pooled[rows], pooled)
        kernel *= np.float32(-1 / (2 * width**2))
        np.exp(kernel, out=kernel)
        kernel -= np.float32(typical)
        inside = np.arange(len(kernel))
        kernel[inside, inside + start] = 0
        to_left, to_right = kernel[:, :n].sum(1, dtype=np.float64), kernel[:, n:].sum(1, dtype=np.float64)
        within = np.empty(assigned.shape[1])
        within[0] = to_left[: max(0, n - start)].sum()  # by itself: the same with or without permutations
        permuted = assigned[:, 1:]
        within[1:] = np.einsum("ij,ij->j", kernel @ permuted, permuted[rows], dtype=np.float64)
        return within, to_left, to_left + to_right

    within, to_left, to_all = zip(*map_(block, range(0, len(pooled), BLOCK)), strict=True)
    return np.sum(within, axis=0), np.concatenate(to_left), np.concatenate(to_all), float(paired.sum())


def _by_features(
    pooled: Floats, assigned: Floats, width: float, map_: Map, pairs: Longs
) -> tuple[Doubles, Doubles, Doubles, float]:
    """The same by random Fourier features, centred (which changes no discrepancy either, and next to nothing where
    pairs are left out)."""
    n = len(pooled) // 2
    draw = np.random.Generator(np.random.PCG64(SEED + 1))
    waves = (draw.standard_normal((FREQUENCIES, pooled.shape[1])) / width).astype(np.float32)

    def group(start: int) -> tuple[Doubles, Doubles, Doubles, Doubles]:
        phase = pooled @ waves[start : start + GROUP].T
        features = np.concatenate((np.cos(phase), np.sin(phase)), axis=1)
        features -= features.mean(0, dtype=np.float64).astype(np.float32)
        own = np.einsum("ij,ij->i", features, features, dtype=np.float64)
        lefts = assigned.T @ features
        within = np.einsum("ij,ij->i", lefts, lefts, dtype=np.float64) - assigned.T @ own
        to_left = (features @ lefts[0]).astype(np.float64) - own * assigned[:, 0]
        to_all = (features @ features.sum(0)).astype(np.float64) - own
        paired = np.einsum("ij,ij->", features[pairs[:, 0]], features[n + pairs[:, 1]], dtype=np.float64)
        return within, to_left, to_all, paired

    parts = map_(group, range(0, FREQUENCIES, GROUP))
    within, to_left, to_all, paired = (np.sum(part, axis=0) / FREQUENCIES for part in zip(*parts, strict=True))
    return within, to_left, to_all, float(paired)
