"""Rates of words per 1,000 words, means, and how far two of them lie apart, with intervals that know that the words
of a row belong together.

A rate is a ratio of sums over rows, sum(c) / sum(w), and its variance that of the ratio estimator with rows as clusters
(W. Cochran 1977, "Sampling Techniques", 3rd edition, section 6.3; the "cluster-robust" variance of a Poisson rate):
sum((c - R w)^2) n / (n - 1) / sum(w)^2. A row that says "perhaps" ten times is one row. Sums are of integers, so that
they are the same in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

NONE_SEEN = 3.688879454113936
"""Upper end of the 95 % interval of a Poisson mean of which nothing was seen: -ln 0.025 (F. Garwood 1936)."""

_HALF = 0.5
"""Added to each count in a logarithm (J. Haldane 1956; F. Anscombe 1956), which is not defined at 0."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval and standard error."""

    value: float
    low: float
    high: float
    error: float


def per_thousand(counts: npt.NDArray[np.integer], words: npt.NDArray[np.integer]) -> Estimate:
    """Counts per 1,000 words over rows; counts, words: [n], with at least one word in all."""
    c, w = counts.astype(np.int64), words.astype(np.int64)
    total, among, n = int(c.sum()), int(w.sum()), len(c)
    value = total / among
    squares = int((c * c).sum()) - 2 * value * int((c * w).sum()) + value * value * int((w * w).sum())
    error = sqrt(max(0.0, squares) * n / max(1, n - 1)) / among
    low, high = value - Z95 * error, value + Z95 * error
    if total == 0:
        low, high = 0.0, NONE_SEEN / among
    return Estimate(1000 * value, 1000 * max(0.0, low), 1000 * high, 1000 * error)


def log_ratio(left: npt.NDArray[np.integer], right: npt.NDArray[np.integer]) -> Estimate:
    """ln(sum(left) / sum(right)) over the same rows: above 0 where there is more on the left. By linearisation."""
    a, b = left.astype(np.int64), right.astype(np.int64)
    n, more, less = len(a), int(a.sum()) + _HALF, int(b.sum()) + _HALF
    squares = int((a * a).sum()) / more**2 - 2 * int((a * b).sum()) / (more * less) + int((b * b).sum()) / less**2
    # Where nothing was seen on a side its half stands for one row.
    unseen = sum(_HALF / one**2 for one, seen in ((more, a.any()), (less, b.any())) if not seen)
    error = sqrt(max(0.0, squares) * n / max(1, n - 1) + unseen)
    value = log(more / less)
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)


def difference(left: Estimate, right: Estimate) -> Estimate:
    """Left - right of two independent estimates."""
    value, error = left.value - right.value, sqrt(left.error**2 + right.error**2)
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)


def precision(
    sides: Sequence[tuple[npt.NDArray[np.integer], npt.NDArray[np.integer], npt.NDArray[np.integer]]], within: float
) -> tuple[float, float]:
    """What the `difference` of two log ratios can tell, whatever they are: (half its 95 % interval if both sides, of
    (left, right, words) by row, were samples of one population; rows a side from which it is `within`).

    The variance is that of `log_ratio` in all rows together, for each side by its number of rows with a word: unlike
    the interval of the two it does not fall where one of them happens to have much. Infinite where there is nothing of
    one kind.
    """
    a, b = (np.concatenate([side[part] for side in sides]).astype(np.int64) for part in range(2))
    more, less, rows = int(a.sum()), int(b.sum()), [int(np.count_nonzero(side[2])) for side in sides]
    if not (more and less and all(rows)):
        return inf, inf
    squares = int((a * a).sum()) / more**2 - 2 * int((a * b).sum()) / (more * less) + int((b * b).sum()) / less**2
    variance = max(0.0, squares) * sum(rows)  # of one row
    return Z95 * sqrt(variance * sum(1 / n for n in rows)), 2 * variance * (Z95 / within) ** 2


def rate_ratio(left: Estimate, right: Estimate) -> Estimate | None:
    """Left / right of two independent rates above 0, with the interval of its logarithm; None where one is 0."""
    if min(left.value, right.value) <= 0:
        return None
    error = sqrt((left.error / left.value) ** 2 + (right.error / right.value) ** 2)
    value = left.value / right.value
    return Estimate(value, value * exp(-Z95 * error), value * exp(Z95 * error), error)


def mean(values: npt.NDArray[np.floating]) -> Estimate:
    """The mean of independent rows, float64 [n], n > 0."""
    n = len(values)
    value = float(np.mean(values))
    error = float(np.std(values, ddof=1)) / sqrt(n) if n > 1 else 0.0
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)


def cohens_d(left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]) -> Estimate:
    """Difference of means in pooled standard deviations (Cohen 1988, section 2.2; variance by Hedges and Olkin 1985,
    chapter 5). 0 where neither side varies and the means are equal."""
    n, m = len(left), len(right)
    spread = sqrt((float(np.var(left)) * n + float(np.var(right)) * m) / max(1, n + m - 2))
    apart = float(np.mean(left) - np.mean(right))
    value = apart / spread if spread else 0.0
    error = sqrt((n + m) / (n * m) + value * value / (2 * (n + m)))
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)


def cohens_h(share: float, n: int, real: float, m: int) -> Estimate:
    """Effect size of two shares (Cohen 1988, section 6.2): the difference of their arcsine transforms, whose variance
    is 1 / n + 1 / m whatever the shares are. 0.2 small, 0.5 medium, 0.8 large; above 0 where `share` is larger."""
    value = 2 * float(np.arcsin(sqrt(share))) - 2 * float(np.arcsin(sqrt(real)))
    error = sqrt(1 / n + 1 / m)
    return Estimate(value, value - Z95 * error, value + Z95 * error, error)
