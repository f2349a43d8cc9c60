"""Neighbours: the nearest rows of each row by cosine, exact, over blocks of products, and the graph that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels import linkage

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Spread = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]
"""`Engine.map`: function over items in parallel, results in order."""

BLOCK = 1024


def nearest(rows: Floats, k: int, least: float, spread: Spread, among: int = 0) -> tuple[Ints, Floats]:
    """int32 [n, k] and float32 [n, k]: the nearest others of each row with a cosine above `least`, else -1.

    among: only pairs with one of the first so many rows; 0 for all.
    """
    n = len(rows)
    starts = range(0, n, BLOCK)
    blocks = [(i, j) for i in starts if i < (among or n) for j in starts if j >= i]
    parts = min(4, max(1, len(blocks) // 4))

    def search(part: int) -> tuple[Ints, Floats]:
        near = np.full((n, k), -1, np.int32)
        cosine = np.full((n, k), least, np.float32)
        for i, j in blocks[part::parts]:
            products = rows[i : i + BLOCK] @ rows[j : j + BLOCK].T
            hits = np.flatnonzero(products > cosine[i : i + BLOCK, -1:])
            linkage.keep_nearest(products, hits, i, j, near, cosine, False)
            if i != j:
                hits = np.flatnonzero(products > cosine[j : j + BLOCK, -1])
                linkage.keep_nearest(products, hits, i, j, near, cosine, True)
        return near, cosine

    found = spread(search, range(parts))
    near = np.concatenate([one for one, _ in found], axis=1)
    cosine = np.concatenate([other for _, other in found], axis=1)
    if parts > 1:
        order = np.lexsort((near, -cosine), axis=1)[:, :k]
        near, cosine = np.take_along_axis(near, order, 1), np.take_along_axis(cosine, order, 1)
    return near, cosine


def edges(near: Ints, group: Longs) -> tuple[Longs, Longs]:
    """Pairs of different groups that have neighbours in each other, each pair once, ascending."""
    n, k = near.shape
    one, other = np.repeat(np.arange(n), k), near.ravel().astype(np.int64)
    real = other >= 0
    return pairs_of(group[one[real]], group[other[real]])


def pairs_of(one: Longs, other: Longs) -> tuple[Longs, Longs]:
    """The smaller and the larger of each pair of different numbers, each pair once, ascending."""
    low, high = np.minimum(one, other), np.maximum(one, other)
    apart = low != high
    width = int(high.max(initial=0)) + 1
    keys = np.unique(low[apart] * width + high[apart])
    return keys // width, keys % width
