"""Maximum mean discrepancy: do two samples of vectors come from one distribution? And how far apart are they?

Gretton, Borgwardt, Rasch, Schölkopf and Smola 2012, "A kernel two-sample test", JMLR 13:723-773: the unbiased
estimator (lemma 6) with a Gaussian kernel whose width is the median distance (section 8), judged by permutation.
Large samples take random Fourier features (Rahimi and Recht 2007, "Random features for large-scale kernel machines",
NIPS 20) instead of every pair; the permutation test is exact for the kernel that they make.
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
Doubles = npt.NDArray[np.float64]
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


def discrepancy(
    left: Floats,
    right: Floats,
    map_: Map,
    *,
    permutations: int = PERMUTATIONS,
    exact: int = EXACT,
) -> Discrepancy:
    """left, right: [n, d], of equal length from 2, rows in random order. map_: runs blocks, in order or in threads.

    The interval is normal: the variance of the statistic's linear part (Gretton et al., corollary 16) plus its variance
    under permutation, which is what is left where the sides are alike."""
    n = len(left)
    if n != len(right) or n < 2:
        raise ValueError(f"sides of {n} and {len(right)} rows, and both must have the same number, from 2")
    pooled = np.concatenate((left, right))
    width, typical = _width(left, right)
    assigned = _assignments(n, permutations)
    if n <= exact:
        within, to_left, to_all = _by_pairs(pooled, assigned, width, typical, map_)
        frequencies = 0
    else:
        within, to_left, to_all = _by_features(pooled, assigned, width, map_)
        frequencies = FREQUENCIES
    # within[p]: sum of the kernel over ordered pairs of the rows that permutation p puts left; the rest follows.
    reach = assigned.T.astype(np.float64) @ to_all
    across = reach - within
    others = float(to_all.sum()) - reach - across
    statistic = (within + others) / (n * (n - 1)) - 2 * across / n**2
    squared, null = float(statistic[0]), statistic[1:]
    p = (1 + int(np.count_nonzero(null >= squared))) / (len(null) + 1)
    # What each row adds: its mean kernel with the others of its side, less that with the other side.
    lefts = to_left[:n] / (n - 1) - (to_all - to_left)[:n] / n
    rights = (to_all - to_left)[n:] / (n - 1) - to_left[n:] / n
    spread = 4 * (float(lefts.var(ddof=1)) + float(rights.var(ddof=1))) / n + float(null.var(ddof=1))
    half = Z95 * sqrt(spread)
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


def _assignments(n: int, permutations: int) -> Floats:
    """float32 [2 n, 1 + permutations], 1 where a row stands left: first as it is, then as permuted."""
    draw = np.random.Generator(np.random.PCG64(SEED))
    assigned = np.zeros((1 + permutations, 2 * n), np.float32)
    assigned[0, :n] = 1
    for row in assigned[1:]:
        row[draw.permutation(2 * n)[:n]] = 1
    return np.ascontiguousarray(assigned.T)


def _by_pairs(
    pooled: Floats, assigned: Floats, width: float, typical: float, map_: Map
) -> tuple[Doubles, Doubles, Doubles]:
    """Sums of the kernel without its diagonal: within the left of each assignment, and of each row to the left
    and to all. A constant off the kernel changes no discrepancy and keeps single precision exact enough."""

    def block(start: int) -> tuple[Doubles, Doubles, Doubles]:
        rows = slice(start, start + BLOCK)
        kernel = _squares(pooled[rows], pooled)
        kernel *= np.float32(-1 / (2 * width**2))
        np.exp(kernel, out=kernel)
        kernel -= np.float32(typical)
        inside = np.arange(len(kernel))
        kernel[inside, inside + start] = 0
        toward = kernel @ assigned
        within = np.einsum("ij,ij->j", toward, assigned[rows], dtype=np.float64)
        return within, toward[:, 0].astype(np.float64), kernel.sum(1, dtype=np.float64)

    within, to_left, to_all = zip(*map_(block, range(0, len(pooled), BLOCK)), strict=True)
    return np.sum(within, axis=0), np.concatenate(to_left), np.concatenate(to_all)


def _by_features(pooled: Floats, assigned: Floats, width: float, map_: Map) -> tuple[Doubles, Doubles, Doubles]:
    """The same by random Fourier features, centred (which changes no discrepancy either)."""
    draw = np.random.Generator(np.random.PCG64(SEED + 1))
    waves = (draw.standard_normal((FREQUENCIES, pooled.shape[1])) / width).astype(np.float32)

    def group(start: int) -> tuple[Doubles, Doubles, Doubles]:
        phase = pooled @ waves[start : start + GROUP].T
        features = np.concatenate((np.cos(phase), np.sin(phase)), axis=1)
        features -= features.mean(0, dtype=np.float64).astype(np.float32)
        own = np.einsum("ij,ij->i", features, features, dtype=np.float64)
        lefts = assigned.T @ features
        within = np.einsum("ij,ij->i", lefts, lefts, dtype=np.float64) - assigned.T @ own
        to_left = (features @ lefts[0]).astype(np.float64) - own * assigned[:, 0]
        to_all = (features @ features.sum(0)).astype(np.float64) - own
        return within, to_left, to_all

    parts = map_(group, range(0, FREQUENCIES, GROUP))
    within, to_left, to_all = (np.sum(part, axis=0) / FREQUENCIES for part in zip(*parts, strict=True))
    return within, to_left, to_all
