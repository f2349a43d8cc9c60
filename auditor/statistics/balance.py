"""How evenly labels are spread, how far two spreads are apart, and whether a bias grew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

EXPECTED = 5
"""Rows that each cell of a chi-square test should expect (Cochran 1954, Biometrics 10:417-451)."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Total variation distance, the share of rows that would have to change their label: 0 to 1, with its 95 %
    interval and the p value of chi-square."""

    value: float
    low: float
    high: float
    p: float


def between(ours: Longs, theirs: Longs, *, corrected: bool = False) -> Distance:
    """Of two samples. ours, theirs: rows by label, one at least on each side. corrected: see `beyond_chance`."""
    mine, other = ours / ours.sum(), theirs / theirs.sum()
    signs = np.sign(mine - other)
    spread = _variance(mine, signs) / ours.sum() + _variance(other, signs) / theirs.sum()
    found = _distance(mine, other, spread, chi_square_p(ours, theirs))
    if not corrected:
        return found
    value, low, high = beyond_chance((found.value, found.low, found.high), ours, theirs)
    return Distance(value, low, high, found.p)


def beyond_chance(distances: Sequence[float], ours: Longs, theirs: Longs) -> list[float]:
    """Total variation distances of these two samples, corrected as kappa and Rand's index are (Cohen 1960; Hubert and
    Arabie 1985): on average 0 where both are of one source, 1 where they have no label in common.

    With many labels for the rows there are, chance alone sets two samples far apart: two of 1,000 rows over 200 even
    labels by 0.18.
    """
    chance = by_chance(ours, theirs)
    return [max(0.0, (one - chance) / (1 - chance)) if chance < 1 else 0.0 for one in distances]


def by_chance(ours: Longs, theirs: Longs) -> float:
    """Mean total variation distance of two samples that were dealt out of one pack: labels as often as both have them
    together. Half the sum of each label's mean absolute deviation, of which De Moivre gave the binomial one in closed
    form (Diaconis and Zabell 1991, Statistical Science 6:284-302); a pack is drawn from without putting back, which
    makes it narrower by the root of (N - T) / (N - 1)."""
    from scipy.special import gammaln  # scipy.stats takes six times as long to load

    n, m = int(ours.sum()), int(theirs.sum())
    every, share = n + m, n / (n + m)
    total, times = np.unique(ours + theirs, return_counts=True)
    total, times = total[total > 0], times[total > 0]
    above = np.floor(total * share) + 1
    ways = gammaln(total + 1.0) - gammaln(above + 1) - gammaln(total - above + 1)
    deviation = 2 * above * np.exp(ways + above * log(share) + (total - above + 1) * log(1 - share))
    narrower = np.sqrt((every - total) / (every - 1))
    return float((times * deviation * narrower).sum()) * (1 / n + 1 / m) / 2


def chi_square_p(ours: Longs, theirs: Longs) -> float:
    """Chance of label counts (int64 [labels] each) at least as different; 1 where there is nothing to compare.

    Labels too rare for the test are taken together, those that are about as common in both: however many labels there
    are and however unequal the sides, what one side alone is full of shows in its own small group.
    """
    table = np.stack([ours, theirs]).astype(np.float64)
    pooled, smaller = table.sum(axis=0), table.sum(axis=1).min()
    group = _grouped(pooled * (smaller / pooled.sum()))
    table = np.stack([np.bincount(group, side) for side in table])
    table = table[:, table.sum(axis=0) > 0]
    wanted: Doubles = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return _chi(table, wanted, table.shape[1] - 1)


def to_shares(ours: Longs, shares: Doubles) -> Distance:
    """Of a sample to what it should be. shares: by label, sum 1."""
    mine = ours / ours.sum()
    wanted = shares * ours.sum()
    group = _grouped(wanted)
    table, expected = (np.bincount(group, side).astype(np.float64) for side in (ours, wanted))
    # A label that nobody asked for has no expectation to be lumped into: it is a difference without doubt.
    stray = bool((ours[shares == 0] > 0).any())
    filled = expected > 0
    p = 0.0 if stray else _chi(table[filled], expected[filled], int(filled.sum()) - 1)
    signs = np.sign(mine - shares)
    return _distance(mine, shares, _variance(mine, signs) / ours.sum(), p)


def _distance(mine: Doubles, other: Doubles, spread: float, p: float) -> Distance:
    value = float(np.abs(mine - other).sum()) / 2
    half = Z95 * sqrt(spread)
    return Distance(value, max(0.0, value - half), min(1.0, value + half), p)


def _variance(shares: Doubles, signs: Doubles) -> float:
    """Of half the signed sum of one draw (delta method, multinomial)."""
    return float((shares * signs**2).sum() - (shares * signs).sum() ** 2) / 4


def _grouped(expected: Doubles) -> Longs:
    """Group of each label: its own where it expects enough rows; the rarer ones, from the commonest on, by twice as
    many rows as a group must expect, so that no label is too large for one. What is left joins the group before."""
    rare = np.flatnonzero(expected < EXPECTED)
    group = np.cumsum(expected >= EXPECTED) - 1
    if len(rare):
        order = rare[np.argsort(-expected[rare], kind="stable")]
        piece = np.floor(np.cumsum(expected[order]) / (2 * EXPECTED)).astype(np.int64)
        piece = np.unique(piece, return_inverse=True)[1]
        if piece[-1] and expected[order[piece == piece[-1]]].sum() < EXPECTED:
            piece = np.minimum(piece, piece[-1] - 1)
        group[order] = len(expected) - len(rare) + piece
    return group.astype(np.int64)


def _chi(table: Doubles, wanted: Doubles, freedom: int) -> float:
    from scipy.special import chdtrc  # scipy.stats takes six times as long to load

    if freedom < 1:
        return 1.0
    some = wanted > 0
    return float(chdtrc(freedom, ((table - wanted)[some] ** 2 / wanted[some]).sum()))


def imbalance(counts: Longs) -> float:
    """1 less the entropy of the labels to what it is where all are as common: 0 even, 1 all of one label."""
    some = counts[counts > 0]
    if len(counts) < 2 or not len(some):
        return 0.0
    shares = some / some.sum()
    return max(0.0, 1 + float((shares * np.log(shares)).sum()) / log(len(counts)))


def amplification(ours: Longs, before: Longs) -> float:
    """How much further labels lead that led before (Zhao, Wang, Yatskar, Ordonez and Chang 2017, "Men also like
    shopping", EMNLP, section 3): over contexts, the mean of the growth of those shares above an even one.

    ours, before: int64 [contexts, labels], each context with a row on both sides.
    """
    mine = ours / ours.sum(axis=1, keepdims=True)
    then = before / before.sum(axis=1, keepdims=True)
    led = then > 1 / ours.shape[1]
    return float(np.where(led, mine - then, 0).sum() / len(ours))
