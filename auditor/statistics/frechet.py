"""Fréchet distance of two samples of vectors, taken for Gaussians, without the bias of a finite sample.

Dowson and Landau 1982, "The Fréchet distance between multivariate normal distributions", J. Multivariate Analysis 12;
as a measure of generators: Heusel et al. 2017, "GANs trained by a two time-scale update rule", NeurIPS. The plug-in
value is biased upwards by a term in 1 / n; two sizes extrapolate it away (Chong and Forsyth 2020, "Effectively
unbiased FID and Inception Score and where to find them", CVPR).
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

ENOUGH = 4
"""Rows a dimension and side below which the bias is not yet a line in 1 / n, and nothing is said."""

GROUPS = 8
"""For the jackknife; even, as half of them make the smaller sample."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over rows: n, float64 [d], float64 [d, d]. They add up and can be taken away."""

    n: int
    total: Doubles
    squares: Doubles

    @classmethod
    def of(cls, rows: Floats) -> Moments:
        values = rows.astype(np.float64)
        return cls(len(rows), values.sum(0), values.T @ values)

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.n + other.n, self.total + other.total, self.squares + other.squares)

    def __sub__(self, other: Moments) -> Moments:
        return Moments(self.n - other.n, self.total - other.total, self.squares - other.squares)

    @property
    def mean(self) -> Doubles:
        return self.total / self.n

    @property
    def covariance(self) -> Doubles:
        """float64 [d, d], by n - 1."""
        return (self.squares - np.outer(self.total, self.mean)) / (self.n - 1)


def of_gaussians(mean: Doubles, covariance: Doubles, other_mean: Doubles, other_covariance: Doubles) -> float:
    """Squared Fréchet (2-Wasserstein) distance of two Gaussians, in closed form."""
    values, vectors = np.linalg.eigh(covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ other_covariance @ root), 0)).sum()
    apart = mean - other_mean
    distance = float(apart @ apart + np.trace(covariance) + np.trace(other_covariance) - 2 * shared)
    return max(0.0, distance)


def enough(n: int, dimension: int) -> bool:
    return n >= ENOUGH * dimension


def distance(
    left: Floats, right: Floats, map_: Map, *, jackknife: bool = True
) -> tuple[float, float | None, float | None]:
    """(value, low, high): the squared distance at infinitely many rows, with the 95 % interval of a delete-a-group
    jackknife (Efron and Tibshirani 1993, section 11.5), or without it. left, right: [n, d] in random order; at least
    4 d rows. May fall below 0 by chance where the sides are alike."""
    edges = np.linspace(0, len(left), GROUPS + 1).astype(np.int64)

    def group(index: int) -> tuple[Moments, Moments]:
        rows = slice(edges[index], edges[index + 1])
        return Moments.of(left[rows]), Moments.of(right[rows])

    groups = map_(group, range(GROUPS))

    def without(index: int) -> float:
        kept = [moments for place, moments in enumerate(groups) if place != index]
        whole = _between(kept)
        # Two samples of half the size: every other group.
        halves = (_between(kept[::2]) + _between(kept[1::2])) / 2
        sizes: list[int] = [sum(left.n for left, _ in part) for part in (kept, kept[::2], kept[1::2])]
        small = (1 / sizes[1] + 1 / sizes[2]) / 2
        slope = (halves - whole) / (small - 1 / sizes[0])
        value: float = whole - slope / sizes[0]
        return value

    value, *others = map_(without, (GROUPS, *(range(GROUPS) if jackknife else ())))
    if not others:
        return value, None, None
    half = Z95 * sqrt((GROUPS - 1) * float(np.var(others)))
    return value, value - half, value + half


def _between(groups: list[tuple[Moments, Moments]]) -> float:
    left, right = groups[0]
    for more_left, more_right in groups[1:]:
        left, right = left + more_left, right + more_right
    return of_gaussians(left.mean, left.covariance, right.mean, right.covariance)
