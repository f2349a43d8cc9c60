"""Whether a short series falls: slopes and tests that ask nothing of its noise.

P. K. Sen 1968, "Estimates of the regression coefficient based on Kendall's tau", JASA 63:1379-1389 (slope and
interval). H. B. Mann 1945, "Nonparametric tests against trend", Econometrica 13:245-259.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erf, sqrt

import numpy as np

from auditor.statistics.normal import Z95

EXACT = 40
"""Longest series without ties whose p is exact."""


TELLS = 4
"""Values from which their order alone can tell a slope from chance (Mann 1945: 1 / 24 at four)."""


@dataclass(frozen=True, slots=True)
class Slope:
    """Change for each step of one, with its interval; low and high are None where nothing tells the error."""

    value: float
    low: float | None
    high: float | None


def slope(x: Sequence[float], y: Sequence[float], errors: Sequence[float | None], z: float = Z95) -> Slope:
    """The median slope of all pairs. errors: of each value its standard error, None where it is not known. z: half the
    width of the interval in standard errors.

    With fewer than TELLS values the interval is that of their own errors, propagated to the slope by least squares (the
    difference of two values over their distance); from there on Sen's, which sees what moves from place to place
    beside, and never narrower than theirs.
    """
    value, low, high = theil_sen(x, y, z)
    places = np.asarray(x, float) - np.mean(x)
    told = [one for one in errors if one is not None]
    half = None
    if len(told) == len(errors):
        half = z * float(np.sqrt((places**2 * np.array(told) ** 2).sum())) / float((places**2).sum())
    if len(places) < TELLS:
        return Slope(value, None, None) if half is None else Slope(value, value - half, value + half)
    return Slope(value, min(low, value - (half or 0.0)), max(high, value + (half or 0.0)))


def error(low: float | None, high: float | None) -> float | None:
    """The standard error of a value with this 95 % interval."""
    return None if low is None or high is None else (high - low) / 2 / Z95


def quantile(share: float, freedom: int | None) -> float:
    """Errors that a difference stays below with this chance: of a normal, or where the error is itself an estimate of
    so many degrees of freedom, by Student's t (1908, "The probable error of a mean", Biometrika 6:1)."""
    from scipy.special import ndtri, stdtrit  # scipy.stats takes six times as long to load

    return float(ndtri(share) if freedom is None else stdtrit(freedom, share))


def theil_sen(x: Sequence[float], y: Sequence[float], z: float = Z95) -> tuple[float, float, float]:
    """(slope, low, high): the median slope of all pairs, and its interval by Kendall's variance with ties in y (Sen
    1968), 95 % where z is 1.96. At least two places, all of x different. Below four the interval is that of all
    slopes."""
    places, values = np.asarray(x, float), np.asarray(y, float)
    left, right = np.triu_indices(len(places), 1)
    slopes = np.sort((values[right] - values[left]) / (places[right] - places[left]))
    half = z * sqrt(_variance(values))
    low = round((len(slopes) - half) / 2) - 1
    high = round((len(slopes) + half) / 2)
    return (
        float(np.median(slopes)),
        float(slopes[max(low, 0)]),
        float(slopes[min(high, len(slopes) - 1)]),
    )


def falling(y: Sequence[float]) -> float:
    """Mann and Kendall's one-sided p that a series fell by chance: the probability, under every order being as
    likely, of as many falls or more. Exact without ties up to EXACT values, else normal with the correction for ties
    and continuity. Three values cannot go below 1/6, four give 1/24."""
    values = np.asarray(y, float)
    n = len(values)
    left, right = np.triu_indices(n, 1)
    score = int(np.sign(values[right] - values[left]).sum())
    if len(np.unique(values)) == n and n <= EXACT:
        discordant = (n * (n - 1) // 2 - score) // 2
        counts = _inversions(n)
        return sum(counts[discordant:]) / sum(counts)
    variance = _variance(values)
    if variance == 0:
        return 1.0
    return (1 + erf((score + 1) / sqrt(2 * variance))) / 2 if score < 0 else 1.0


def _variance(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    n = len(values)
    ties = np.unique(values, return_counts=True)[1]
    return float(n * (n - 1) * (2 * n + 5) - (ties * (ties - 1) * (2 * ties + 5)).sum()) / 18


def _inversions(n: int) -> list[int]:
    """How many orders of n values have 0, 1, 2 … pairs out of order (Mahonian numbers)."""
    counts = [1]
    for size in range(2, n + 1):
        longer = [0] * (len(counts) + size - 1)
        for place, count in enumerate(counts):
            for more in range(size):
                longer[place + more] += count
        counts = longer
    return counts
