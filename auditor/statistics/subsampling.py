"""Intervals from subsamples, for numbers that a bootstrap would spoil.

A bootstrap draws copies, and copies are what diversity metrics count. Subsamples without replacement are
valid under weaker conditions (Politis, Romano and Wolf 1999, "Subsampling", theorem 2.2.1).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import sqrt

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

BLOCKS = 16


def interval(
    statistic: Callable[[npt.NDArray[np.int64]], float], n: int, value: float, blocks: int = BLOCKS
) -> tuple[float, float]:
    """95 % interval of a statistic of n items that converges as 1 / sqrt(n).

    statistic: of the items at these places (int64, ascending). The items must be in an order that has nothing
    to do with what they are (that of `sketches.sample.drawn`): each of the `blocks` disjoint runs of them is a
    random subsample. value: the statistic of all n, about which the interval lies.
    """
    edges = np.linspace(0, n, blocks + 1).astype(np.int64)
    seen = np.array([statistic(np.arange(low, high)) for low, high in pairwise(edges)])
    half = Z95 * float(np.std(seen, ddof=1)) * sqrt((n / blocks) / n)
    return value - half, value + half
