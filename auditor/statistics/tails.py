"""What two samples say of each other's tails: rare items, outer quantiles, counts by category."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, floor, sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

RARE = 5 / 100_000
"""Share of all items up to which one is rare: at most 5 in 100,000, and at least seen once."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """A ratio with its 95 % interval; value None where it has none, for the reason `why`."""

    value: float | None
    low: float | None = None
    high: float | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Bags:
    """The items (hashes of words, of pairs of words) of each row: row i has values[offsets[i]:offsets[i + 1]]."""

    offsets: Longs
    values: Hashes

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def half(self, which: int) -> Bags:
        """The first (0) or the second (1) half of the rows."""
        rows = len(self.offsets) - 1
        low, high = (0, rows // 2) if which == 0 else (rows // 2, rows)
        offsets = self.offsets[low : high + 1]
        return Bags(offsets - offsets[0], self.values[offsets[0] : offsets[-1]])

    def among(self, wanted: Hashes) -> Longs:
        """int64 [rows]: items of each row that are among `wanted`, which ascend."""
        if not len(wanted):
            return np.zeros(len(self.offsets) - 1, np.int64)
        place = np.minimum(np.searchsorted(wanted, self.values), len(wanted) - 1)
        hits = np.concatenate(([0], np.cumsum(wanted[place] == self.values)))
        return hits[self.offsets[1:]] - hits[self.offsets[:-1]]

    @property
    def lengths(self) -> Longs:
        return np.diff(self.offsets)


def rare(bags: Bags) -> Hashes:
    """The rare items, ascending."""
    values, times = np.unique(bags.values, return_counts=True)
    return values[times <= max(1, floor(RARE * len(bags.values)))]


def rare_mass(ours: Bags, real: Bags) -> Ratio:
    """Share of rare items in our rows to that in the real ones.

    An item that is rare in a sample is rarer still elsewhere, since chance had a part in its being seen. So each half
    of the real rows (in random order) says what is rare, and the other half and our rows are counted: two samples of
    the same data give 1 at any size.
    """
    wanted = [rare(real.half(which)) for which in (0, 1)]
    theirs = np.concatenate([real.half(1 - which).among(wanted[which]) for which in (1, 0)])
    mine = (ours.among(wanted[0]) + ours.among(wanted[1])) / 2
    if not theirs.sum():
        return Ratio(None, why="no rare item of one half of the real rows is seen in the other")
    return of_shares((mine, ours.lengths), (theirs.astype(np.float64), real.lengths))


def lost_share(ours: Bags, real: Bags, seen: tuple[int, int]) -> Ratio:
    """Of the rows that rare items stand in, the share whose item no row of ours has. seen: rows of both sides together
    that a rare item stands in.

    The interval is of ours being drawn, the real rows being given: of the jackknife's variance, which is too large
    rather than too small (Efron and Stein 1981, "The jackknife estimate of variance", Annals of Statistics 9:586). A
    row takes with it what it alone has.
    """
    items, item, times = np.unique(np.concatenate([ours.values, real.values]), return_inverse=True, return_counts=True)
    mine = item[: len(ours.values)]
    here = np.bincount(mine, minlength=len(items))
    rare_ones = (times >= seen[0]) & (times <= seen[1])
    among = float(times[rare_ones].sum())
    if not among:
        return Ratio(None, why=f"nothing stands in {seen[0]} to {seen[1]} rows of both sides together")
    share = float(times[rare_ones & (here == 0)].sum()) / among
    alone = np.where(rare_ones & (here == 1), times - 1, 0)
    taken = np.bincount(np.repeat(np.arange(len(ours)), ours.lengths), alone[mine], len(ours))
    half = Z95 * sqrt(float((taken**2).sum())) / among
    return Ratio(share, max(0.0, share - half), min(1.0, share + half))


def of_shares(one: tuple[Doubles, Longs], other: tuple[Doubles, Longs]) -> Ratio:
    """The ratio of two shares sum(part) / sum(whole), rows being drawn whole.

    Each side: (part, whole) by row. Interval on the scale of the logarithm from the variance of a ratio estimator
    (Cochran 1977, "Sampling Techniques", 6.4); where our share is 0 it ends at three parts (the rule of three).
    """
    shares, spreads = [], []
    for part, whole in (one, other):
        total, n = float(whole.sum()), len(whole)
        if not total or n < 2:
            return Ratio(None, why="nothing to count")
        share = float(part.sum()) / total
        apart = float(((part - share * whole) ** 2).sum()) * n / (n - 1)
        shares.append(share)
        spreads.append(apart / total**2)
    if not shares[1]:
        return Ratio(None, why="the share is 0 in the real rows")
    value = shares[0] / shares[1]
    if not value:
        return Ratio(0.0, 0.0, 3 / float(one[1].sum()) / shares[1])
    half = exp(Z95 * sqrt(spreads[0] / shares[0] ** 2 + spreads[1] / shares[1] ** 2))
    return Ratio(value, value / half, value * half)


def of_quantiles(ours: npt.NDArray[np.floating], real: npt.NDArray[np.floating], q: float) -> Ratio:
    """The q quantile of ours to that of the real values, with the interval of order statistics on both sides
    (Conover 1999, "Practical Nonparametric Statistics", 3.2), joined in quadrature of logarithms."""
    if not len(ours) or not len(real):
        return Ratio(None, why="nothing to measure")
    sides = [_quantile(np.sort(ours), q), _quantile(np.sort(real), q)]
    (mine, *_), (theirs, *_) = sides
    if theirs <= 0 or mine <= 0:
        return Ratio(None, why=f"the {q:.0%} quantile is 0")
    value = mine / theirs
    (_, low, high), (_, their_low, their_high) = sides
    down, up = np.hypot(_log(mine, low), _log(their_high, theirs)), np.hypot(_log(high, mine), _log(theirs, their_low))
    return Ratio(value, value * exp(-down), value * exp(up))


def _quantile(ordered: npt.NDArray[np.floating], q: float) -> tuple[float, float, float]:
    n = len(ordered)
    half = Z95 * sqrt(n * q * (1 - q))
    low, high = max(0, floor(n * q - half)), min(n - 1, floor(n * q + half) + 1)
    return float(np.quantile(ordered, q)), float(ordered[low]), float(ordered[high])


def _log(above: float, below: float) -> float:
    """The logarithm of how far above lies; a bound at 0 is taken for a thousandth."""
    return float(np.log(max(above, 1e-12) / max(below, above / 1000, 1e-12)))


def cramer(ours: Longs, real: Longs) -> tuple[float, float]:
    """(V, p): association of a category with which of two samples a row is from, 0 to 1, and the chi-square test.

    ours, real: counts by category. V is Cramér's with the correction for chance of Bergsma 2013 ("A bias-correction
    for Cramér's V and Tschuprow's T", J. Korean Statistical Society 42:323-328).
    """
    from scipy.special import chdtrc  # scipy.stats takes six times as long to load

    table = np.stack([ours, real]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    n, columns = float(table.sum()), table.shape[1]
    if columns < 2 or (table.sum(axis=1) == 0).any():
        return 0.0, 1.0
    wanted = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    chi = float(((table - wanted) ** 2 / wanted).sum())
    squared = max(0.0, chi / n - (columns - 1) / (n - 1))
    return sqrt(squared / min(1.0, 1 - 1 / (n - 1))), float(chdtrc(columns - 1, chi))


def fewer(ours: Longs, real: Longs) -> Doubles:
    """float64 [k]: probability that two samples of the same size and source part so unevenly, ours getting no more
    than it has of the rows that both have (the conditional binomial test of two Poisson rates: Przyborowski and
    Wilenski 1940, Biometrika 31:313-323)."""
    from scipy.special import bdtr

    p: Doubles = np.where(ours + real > 0, bdtr(ours, ours + real, 0.5), 1.0)
    return p


def holm(p: Doubles, level: float = 0.05) -> npt.NDArray[np.bool_]:
    """Bool [k]: rejected, with a chance of at most `level` that any is wrongly (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    kept = np.flatnonzero(p[order] * (len(p) - np.arange(len(p))) > level)
    rejected = np.zeros(len(p), np.bool_)
    rejected[order[: kept[0] if len(kept) else len(p)]] = True
    return rejected


def lumped(share: float, n: int, lump: int) -> tuple[float, float, float]:
    """A share of n rows that come and go `lump` at a time, with its 95 % interval: Wilson's at n / lump."""
    units, z2 = max(1.0, n / lump), Z95**2
    centre = (share + z2 / (2 * units)) / (1 + z2 / units)
    half = Z95 / (1 + z2 / units) * sqrt(share * (1 - share) / units + z2 / (4 * units * units))
    return share, 0.0 if share == 0 else max(0.0, centre - half), 1.0 if share == 1 else min(1.0, centre + half)


def difference(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    """One - other for two shares with their intervals (Newcombe 1998, Statistics in Medicine 17:873-890, method 10)."""
    (a, a_low, a_high), (b, b_low, b_high) = one, other
    return a - b, a - b - sqrt((a - a_low) ** 2 + (b_high - b) ** 2), a - b + sqrt((a_high - a) ** 2 + (b - b_low) ** 2)
