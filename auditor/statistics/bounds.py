"""Bounds from null distributions: what a metric is where nothing is wrong, over many splits of real data.

A bound is a quantile of the null: at most `rate` of new values break it (the ceil((1 - rate)(splits + 1))-th in order:
Vovk, Gammerman and Shafer 2005, "Algorithmic learning in a random world", on conformal prediction).
"""

from __future__ import annotations

import decimal
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Values = Mapping[str, float]

WHOLE = 1e-6
"""What the number of rows behind a share may be off a whole number by."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A metric's bound: at fault beyond `limit`, to the side that is worse. null: its values over the splits,
    ascending."""

    metric: str
    high: bool
    limit: float
    null: tuple[float, ...]

    @property
    def text(self) -> str:
        """Six digits, rounded away from the null."""
        direction = decimal.ROUND_CEILING if self.high else decimal.ROUND_FLOOR
        limit = decimal.Context(prec=6, rounding=direction).create_decimal_from_float(self.limit)
        return f"{'>' if self.high else '<'} {float(limit):.6g}"

    def broken(self, values: Values) -> bool:
        value = values.get(self.metric)
        return value is not None and (value > self.limit if self.high else value < self.limit)

    def no_tighter(self, limit: float | None) -> Bound:
        """The same, or with this limit where that is the laxer one."""
        if limit is None or (limit <= self.limit if self.high else limit >= self.limit):
            return self
        return replace(self, limit=limit)

    @property
    def median(self) -> float:
        return self.null[len(self.null) // 2]


def quantile(metric: str, high: bool, values: Sequence[float], rate: float) -> Bound | None:
    """The bound that at most `rate` of new values break; None where there are too few to tell."""
    seen = sorted(values)
    place = math.ceil((1 - rate) * (len(seen) + 1))
    if place > len(seen):
        return None
    return Bound(metric, high, seen[place - 1] if high else seen[len(seen) - place], tuple(seen))


def as_new(values: Doubles, high: bool, size: int, rows: int) -> Doubles:
    """What a metric of the rows alone would be on new data of `size` rows, from what it is on draws of as many out of
    `rows`; float64 [splits].

    Draws share rows with the whole that their median stands for, and new rows do not: about the whole a mean of a draw
    has the variance v (1/size - 1/rows), and a mean of new rows v (1/size + 1/rows). So the distances from the median
    are widened by the root of (rows + size) / (rows - size), which is 1.7 for halves (the correction of the delete-d
    jackknife: Efron and Tibshirani 1993, "An introduction to the bootstrap", 11.7, and the variance of a new mean on
    top). Without it 16 instead of 5 in a hundred new sets break a bound found on halves. A comparison of one part of a
    split with the other needs none of this: they share nothing.

    Where low is worse and nothing is at or below 0, distances are those of logarithms, so that a limit stays above 0.
    """
    log = not high and float(np.min(values)) > 0
    scaled = np.log(values) if log else values
    middle = np.sort(scaled)[len(scaled) // 2]
    wider = middle + math.sqrt((rows + size) / (rows - size)) * (scaled - middle)
    widened: Doubles = np.exp(wider) if log else wider
    return widened


def by_chance(values: Doubles, n: Doubles, high: bool, rate: float) -> float | None:
    """The limit of a share that chance alone allows new rows at this rate: that of Clopper and Pearson (1934) for the
    mean number of rows with the fault among as many rows; None where the share does not count rows. n: float64
    [splits], rows that it is a share of.

    Of a fault that no real row has, the null is 0 in every split, and a bound of 0 would fail a million rows for one
    of them. The limit is then 1 - rate^(1/n), and it keeps the rate whatever the true share is: were k faults among
    the real rows r and the m audited ones, all fall to the m with a chance of at most (m / (m + r))^k, which is below
    the rate for every k > m * limit, m >= n and r >= 2n. Seldom, but not never, is as chancy: a few faults in all real
    rows tell little of their quantile, and without this limit up to 23 instead of 5 in a hundred new sets break it
    (simulated, 0.02 to 200 expected faults).
    """
    from scipy.special import betaincinv

    hits = values * n
    if not len(n) or np.abs(hits - np.rint(hits)).max() > WHOLE * max(1.0, float(n.max())):
        return None
    k, m = float(hits.mean()), float(n.mean())
    if high:
        return float(betaincinv(k + 1, m - k, 1 - rate)) if k < m else 1.0
    return float(betaincinv(k, m - k + 1, rate)) if k > 0 else 0.0


def jointly(bounds: Sequence[Bound], splits: Sequence[Values], rate: float) -> tuple[Bound, ...]:
    """Bounds that at most `rate` of audits break any of: each is moved away from its median by one factor, which is
    the quantile over the splits of the largest excess of any metric, in units of median to own bound (max-T: Westfall
    and Young 1993, "Resampling-based multiple testing"). So correlated metrics do not pay for one another.

    Metrics that are worse when low and never 0 (ratios, p) are measured on a log scale, where a limit stays above 0.
    """
    scales = [_Scale.of(bound) for bound in bounds]
    excess = sorted(max((scale.excess(one) for scale in scales), default=0.0) for one in splits)
    factor = excess[min(math.ceil((1 - rate) * (len(excess) + 1)), len(excess)) - 1]
    return tuple(replace(scale.bound, limit=scale.limit(factor)) for scale in scales)


@dataclass(frozen=True, slots=True)
class _Scale:
    """How far a metric is from its median, in units of how far its own bound is (where that is the median itself, the
    worst value of the null). unit: 0 where nothing is worse than the median."""

    bound: Bound
    log: bool
    middle: float
    unit: float

    @classmethod
    def of(cls, bound: Bound) -> _Scale:
        log = not bound.high and bound.null[0] > 0 and bound.limit > 0
        middle, limit, last = (
            math.log(value) if log else value
            for value in (bound.median, bound.limit, bound.null[-1] if bound.high else bound.null[0])
        )
        return cls(bound, log, middle, abs(limit - middle) or abs(last - middle))

    def excess(self, values: Values) -> float:
        value = values.get(self.bound.metric)
        if value is None or not self.unit:
            return 0.0
        return ((math.log(value) if self.log else value) - self.middle) / self.unit * (1 if self.bound.high else -1)

    def limit(self, factor: float) -> float:
        moved = self.middle + factor * self.unit * (1 if self.bound.high else -1)
        return math.exp(moved) if self.log else moved
