"""How far raters agree, beyond what chance alone would give.

All take counts, so that they are the same for any order of the verdicts, and any leading axes, so that a bootstrap is
one call. NaN where there is nothing to compare, or chance leaves no room for agreement.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Statistic = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
Counts = npt.NDArray[np.integer] | npt.NDArray[np.floating]


def used(table: Counts) -> npt.NDArray[np.bool_]:
    """Which categories (bool [k]) either rater of a table [k, k] chose at all: the scale that AC1 counts."""
    seen: npt.NDArray[np.bool_] = (table.sum(0) + table.sum(1)) > 0
    return seen


def kappa(table: Counts) -> Floats:
    """Cohen's kappa of tables [..., k, k], one rater by the other (J. Cohen 1960, Educational and Psychological
    Measurement 20:37-46)."""

    def chance(rows: Floats, columns: Floats) -> Floats:
        expected: Floats = (rows * columns).sum(-1)
        return expected

    return _beyond(table, chance)


def ac1(table: Counts) -> Floats:
    """Gwet's AC1 of tables [..., k, k] (K. L. Gwet 2008, British Journal of Mathematical and Statistical Psychology
    61:29-48): like kappa, but steady where nearly all verdicts are of one class. All k categories belong to the
    scale, chosen or not; k is at least 2."""

    def chance(rows: Floats, columns: Floats) -> Floats:
        mean = (rows + columns) / 2
        expected: Floats = (mean * (mean.sum(-1, keepdims=True) - mean)).sum(-1) / (table.shape[-1] - 1)
        return expected

    return _beyond(table, chance)


def tally(counts: Counts) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """What alpha needs of each unit: (raters int64 [n], disagreements int64 [n]), ordered pairs of raters that chose
    differently. counts: [n, k], raters of the unit that chose each category."""
    raters = counts.sum(1, dtype=np.int64)
    same = (counts.astype(np.int64) ** 2).sum(1)
    return raters, raters * raters - same


def alpha(sizes: Counts, disagreements: Counts, chosen: Counts) -> Floats:
    """Krippendorff's alpha of nominal data with any number of raters, some of whom may be missing (K. Krippendorff
    2011, "Computing Krippendorff's alpha-reliability").

    sizes: [m], the numbers of raters that units have, each at least 2. disagreements: [..., m], of the units of each
    size together. chosen: [..., k], how often each category was chosen in them.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        seen = (disagreements / (np.asarray(sizes) - 1)).sum(-1)
        n = chosen.sum(-1).astype(np.float64)
        expected = (n * n - (chosen.astype(np.float64) ** 2).sum(-1)) / (n - 1)
        value: Floats = np.where(expected > 0, 1 - seen / expected, np.nan)
    return value


def _beyond(table: Counts, chance: Callable[[Floats, Floats], Floats]) -> Floats:
    """In squares of the count, not in shares: an agreement by chance is exactly 0."""
    counts = np.asarray(table, np.float64)
    n = counts.sum((-2, -1))
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = n * np.trace(counts, axis1=-2, axis2=-1)
        expected = chance(counts.sum(-1), counts.sum(-2))
        value = (observed - expected) / (n * n - expected)
    agreement: Floats = np.where((n > 0) & (n * n - expected > 1e-12 * n * n), value, np.nan)
    return agreement
