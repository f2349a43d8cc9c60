"""How far the values of one feature lie from those of real data: five numbers, each for another reader.

| number | of what | source |
| --- | --- | --- |
| effect | numbers: Kolmogorov-Smirnov statistic; labels: total variation distance: the largest difference in share of any half-line, or of any set of labels; of many labels what is beyond chance (`balance.beyond_chance`) | Kolmogorov 1933, Smirnov 1948 |
| psi | population stability index over the bins below, in nats; not of many labels, where it is large by chance | N. Siddiqi 2006, "Credit Risk Scorecards", Wiley |
| js | Jensen-Shannon divergence over the same bins, in bits: 0 alike, 1 disjoint | J. Lin 1991, IEEE Trans. Inf. Theory 37:145-151 |
| wasserstein | Wasserstein-1 distance by the interquartile range of real; where that is 0 by its standard deviation; where real is constant by that of both sides, each weighing half, which makes it 2 at most | L. Kantorovich 1942 |
| p | KS: distribution of the two-sided statistic at n m / (n + m); labels: Pearson's chi-square, rare ones grouped (`balance.chi_square_p`) | SciPy's |

Bins are the ten quantile bins of real, closed on the right, equal edges merged: at most ten, and at least two, so that
a feature that is constant in real has a bin for what is above it.
"""  # noqa: E501  the table of sources

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics import balance
from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

BINS = 10
"""Deciles of real, as the population stability index is always computed (Siddiqi 2006)."""

AT_ONCE = sqrt(log(40) / 2)
"""How far, by the root of 1 / n + 1 / m, the largest difference of two samples goes above the true one in 2.5 %."""

FLOOR = 1e-4
"""Share that an empty bin is given in the index, whose logarithm is not defined at 0: the usual value."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One feature. psi, js: None for many labels. wasserstein: None for labels, and for numbers too far apart for a
    number to hold. n, real: values compared.

    low, high: 95 % interval of the effect: that of a difference of two shares, those of the half-line (or set of
    labels) that differ most (Raghavachari 1973, Annals of Statistics 1:67-73: the limit where there is a difference;
    where there is none the effect is still above 0, and p tells). A maximum errs upwards, so that of numbers `low`
    holds for all half-lines at once (Massart 1990, Annals of Probability 18:1269-1283); of many labels it does not.
    """

    effect: float
    low: float
    high: float
    psi: float | None
    js: float | None
    wasserstein: float | None
    p: float
    n: int
    real: int


def of_numbers(values: npt.NDArray[np.number], real: npt.NDArray[np.number]) -> Drift:
    """Both finite and not empty, in any order; equal to SciPy's `ks_2samp`, `wasserstein_distance`, `jensenshannon`."""
    mine, theirs = np.sort(values).astype(np.float64), np.sort(real).astype(np.float64)
    n, m = len(mine), len(theirs)
    points = np.sort(np.concatenate([mine, theirs]), kind="stable")  # two runs: a merge
    below, theirs_below = np.searchsorted(mine, points, "right") / n, np.searchsorted(theirs, points, "right") / m
    gaps = np.abs(below - theirs_below)
    at = int(gaps.argmax())
    effect = float(gaps[at])
    with np.errstate(over="ignore", invalid="ignore"):
        moved = float(np.sum(gaps[:-1] * np.diff(points)))
        unit = _spread(mine, theirs) if moved else 1.0
        scaled = moved / unit
    wasserstein = scaled if np.isfinite([scaled, unit]).all() else None
    inner = edges(theirs)
    mine_in, theirs_in = binned(mine, inner) / n, binned(theirs, inner) / m
    _, high = _interval(float(below[at]), n, float(theirs_below[at]), m)
    low = max(0.0, effect - AT_ONCE * sqrt(1 / n + 1 / m))
    index, divergence = psi(mine_in, theirs_in), js(mine_in, theirs_in)
    return Drift(effect, low, high, index, divergence, wasserstein, ks_p(effect, n, m), n, m)


def of_labels(ours: Longs, theirs: Longs, *, many: bool = False) -> Drift:
    """Rows by label, int64 [labels] each, both with at least one row. many: so many labels that chance sets samples
    apart; the effect is then what is beyond it."""
    n, m = int(ours.sum()), int(theirs.sum())
    p, q = ours / n, theirs / m
    more = p > q
    found = float(np.abs(p - q).sum()) / 2, *_interval(float(p[more].sum()), n, float(q[more].sum()), m)
    chance = balance.chi_square_p(ours, theirs)
    if many:
        effect, low, high = balance.beyond_chance(found, ours, theirs)
        return Drift(effect, low, high, None, None, None, chance, n, m)
    return Drift(*found, psi(p, q), js(p, q), None, chance, n, m)


def ks(left: Doubles, right: Doubles) -> float:
    """Kolmogorov-Smirnov statistic of two sorted, non-empty samples."""
    points = np.concatenate([left, right])
    gaps = np.searchsorted(left, points, "right") / len(left) - np.searchsorted(right, points, "right") / len(right)
    return float(np.abs(gaps).max())


def ks_p(statistic: float, n: int, m: int) -> float:
    """Chance of a statistic at least as large where both samples have one distribution, as SciPy's
    `ks_2samp(method="asymp")`; with ties, which counts have, the true chance is smaller still (Noether 1963)."""
    from scipy.stats import kstwo

    return float(np.clip(kstwo.sf(statistic, max(2.0, np.round(n * m / (n + m)))), 0, 1))


def adjusted(chances: Sequence[float]) -> Doubles:
    """The p values that control the false discovery rate (Benjamini and Hochberg 1995, JRSS B 57:289-300)."""
    p = np.asarray(chances, np.float64)
    order = np.argsort(-p, kind="stable")
    ranked = p[order] * len(p) / np.arange(len(p), 0, -1)
    out = np.empty(len(p))
    out[order] = np.minimum.accumulate(np.minimum(ranked, 1)) if len(p) else ranked
    return out


def edges(real: npt.NDArray[np.number]) -> Doubles:
    """Inner edges of the quantile bins, ascending, 1 to BINS - 1 of them; a value at an edge lies in the bin below."""
    inner: Doubles = np.unique(np.quantile(real.astype(np.float64), np.arange(1, BINS) / BINS))
    return inner


def binned(values: npt.NDArray[np.number], inner: Doubles) -> Longs:
    """int64 [len(inner) + 1]: values in each bin."""
    return np.bincount(np.searchsorted(inner, values, "left"), minlength=len(inner) + 1).astype(np.int64)


def psi(shares: Doubles, real: Doubles) -> float:
    """Population stability index of shares of the same bins, or labels."""
    p, q = np.maximum(shares, FLOOR), np.maximum(real, FLOOR)
    return float(np.sum((p - q) * np.log(p / q)))


def js(shares: Doubles, real: Doubles) -> float:
    """Jensen-Shannon divergence in bits: the square of SciPy's `jensenshannon(base=2)`."""
    middle = (shares + real) / 2
    both = [np.sum(one[one > 0] * np.log2(one[one > 0] / middle[one > 0])) for one in (shares, real)]
    return min(1.0, max(0.0, float(both[0] + both[1]) / 2))


def _interval(p: float, n: int, q: float, m: int) -> tuple[float, float]:
    """95 % interval of |p - q|, shares of n and of m (normal approximation; Agresti and Caffo 2000's added rows keep
    it from closing where a share is 0 or 1)."""
    half = Z95 * sqrt(sum((x * k + 1) * ((1 - x) * k + 1) / (k + 2) ** 3 for x, k in ((p, n), (q, m))))
    return max(0.0, abs(p - q) - half), min(1.0, abs(p - q) + half)


def _spread(values: Doubles, real: Doubles) -> float:
    """Above 0 where any two values differ; infinite where a number cannot hold it."""
    low, high = np.quantile(real, (0.25, 0.75))
    apart = float(np.mean(values) - np.mean(real))
    return float(high - low) or float(np.std(real)) or sqrt(float(np.var(values)) / 2 + (apart / 2) ** 2)


BARS = 30
"""Bars of an overlaid histogram."""

DRAWN = 1e300
"""Numbers further from 0 are drawn here: the distance of two of them is still a number."""


def overlay(values: Doubles, real: Doubles) -> tuple[Doubles, Longs, Longs, str]:
    """Edges, counts of both sides and scale ("linear" or "log") of a histogram of both, neither empty.

    It spans the 0.5 to 99.5 % quantiles of both; what lies beyond is counted in the end bins. Every bin of whole
    numbers has as many of them, one where their range is small, with its edges half-way between two. What is positive
    and spans more than two powers of ten has a logarithmic axis; there bins of few whole numbers cannot be of equal
    width, and are to be drawn as densities.
    """
    ends = np.quantile(values, (0.005, 0.995)), np.quantile(real, (0.005, 0.995))
    low, high = np.clip([min(e[0] for e in ends), max(e[1] for e in ends)], -DRAWN, DRAWN)
    scale = "linear"
    whole = all((one == np.round(one)).all() for one in (values, real))
    whole = whole and max(-low, high) < 2**52
    if low >= 1 and high > 100 * low:
        at, scale = np.geomspace(low, high + whole, BARS + 1), "log"
        at = np.round(at) - 0.5 if whole else at
    elif whole:
        low, high = np.floor(low), np.ceil(high)
        each = np.ceil((high - low + 1) / BARS)
        at = np.arange(low, high + each + 1, each) - 0.5
    elif low < high:
        at = np.linspace(low, high, BARS + 1)
    else:
        at = low + np.array([-1, 1]) * max(0.5, np.spacing(abs(low)))
    at = np.unique(at)
    counts = [np.histogram(np.clip(one, at[0], at[-1]), at)[0].astype(np.int64) for one in (values, real)]
    return at, counts[0], counts[1], scale
