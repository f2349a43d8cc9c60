"""How evenly labels are spread, how far two spreads are apart, and whether a bias grew."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

EXPECTED = 5
"""Rows that a category of the chi-square test should have: rarer ones are counted together (Cochran 1954)."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Total variation distance, the share of rows that would have to change their label: 0 to 1, with its 95 %
    interval and the p value of chi-square."""

    value: float
    low: float
    high: float
    p: float


def between(ours: Longs, theirs: Longs) -> Distance:
    """Of two samples. ours, theirs: rows by label."""
    mine, other = ours / ours.sum(), theirs / theirs.sum()
    pooled = (ours + theirs) / (ours.sum() + theirs.sum())
    smaller = min(ours.sum(), theirs.sum())
    table = np.stack([_lumped(side, pooled * smaller) for side in (ours, theirs)])
    wanted = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    signs = np.sign(mine - other)
    spread = _variance(mine, signs) / ours.sum() + _variance(other, signs) / theirs.sum()
    return _distance(mine, other, spread, _chi(table, wanted, table.shape[1] - 1))


def to_shares(ours: Longs, shares: Doubles) -> Distance:
    """Of a sample to what it should be. shares: by label, sum 1."""
    mine = ours / ours.sum()
    wanted = shares * ours.sum()
    table, expected = _lumped(ours, wanted), _lumped(wanted, wanted)
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


def _lumped(counts: Longs | Doubles, expected: Doubles) -> Doubles:
    rare = expected < EXPECTED
    kept = counts[~rare].astype(np.float64)
    return np.append(kept, float(counts[rare].sum())) if rare.any() else kept


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
