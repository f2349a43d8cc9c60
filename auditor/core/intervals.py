"""Rates with their interval.

The Wilson score interval (E. B. Wilson 1927, JASA 22:209-212) keeps its coverage at small n and at
rates near 0, where most faults live. Our own closed form because importing `scipy.stats` costs
0.7 s of an audit; tests hold it against `scipy.stats.binomtest(...).proportion_ci("wilson")`.
"""

from __future__ import annotations

from math import sqrt

from auditor.model.result import Metric
from auditor.statistics.normal import Z95

__all__ = ["Z95", "rate", "ratio", "wilson"]


def wilson(hits: float, n: float) -> tuple[float, float]:
    """95 % interval of hits / n, n > 0; both may be of as many independent trials as dependent ones are worth."""
    rate, z2 = hits / n, Z95 * Z95
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    half = Z95 / (1 + z2 / n) * sqrt(rate * (1 - rate) / n + z2 / (4 * n * n))
    low = 0.0 if hits == 0 else max(0.0, centre - half)
    high = 1.0 if hits == n else min(1.0, centre + half)
    return low, high


def rate(name: str, hits: int, n: int) -> Metric:
    """Hits / n as a share with its interval, or None where there is nothing to divide by."""
    if n == 0:
        return Metric(name, None, "share", 0, why="no rows to measure")
    low, high = wilson(hits, n)
    return Metric(name, hits / n, "share", n, low=low, high=high)


def ratio(name: str, ours: Metric, theirs: Metric) -> Metric:
    """One rate over another of independent rows, with the interval that follows from theirs (MOVER-R; Donner and Zou
    2012, "Closed-form confidence intervals for functions of the normal mean and standard deviation", Statistical
    Methods in Medical Research 21). None where either has no value or the other rate is 0. n: of the smaller side."""
    n = min(ours.n, theirs.n)
    if ours.value is None or not theirs.value:
        return Metric(name, None, "ratio", n, why="one side has no number")
    a, b = float(ours.value), float(theirs.value)
    (low, high), (below, above) = wilson(a * ours.n, ours.n), wilson(b * theirs.n, theirs.n)
    # Each bound moves one rate to its own and the other to its opposite one; no radicand is below 0.
    lowest, highest = low * (2 * a - low), high * (2 * a - high)
    most, least = above * (2 * b - above), below * (2 * b - below)
    under = lowest / (a * b + sqrt(max(0.0, (a * b) ** 2 - lowest * most))) if a else 0.0
    over = (a * b + sqrt(max(0.0, (a * b) ** 2 - highest * least))) / least
    return Metric(name, a / b, "ratio", n, low=under, high=over)
