"""Points for a picture: vectors in two dimensions, so that what is alike lies together.

A graph of neighbours with weights that fall with distance, laid out by attraction along edges and repulsion of random
others (LargeVis, Tang et al. 2016, WWW; its curve 1 / (1 + d^2)) with the rates and clipping of UMAP (McInnes, Healy
and Melville 2018), beginning from the two principal components. Distances between groups mean nothing, and neither do
the axes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels import layouts
from auditor.statistics.background import background
from auditor.statistics.blas import single
from auditor.statistics.neighbours import Floats, Spread, nearest

NEIGHBOURS = 10
EPOCHS = 90
REPULSIONS = 4


def place(vectors: Floats, spread: Spread) -> Floats:
    """float32 [n, 2], all but the farthest within -1 to 1. vectors: float32 [n, d] of length 1, in a random order."""
    n = len(vectors)
    if n < 3:
        return np.zeros((n, 2), np.float32)
    with single():
        rows = background(vectors).off(vectors)
        near, cosine = nearest(rows, min(NEIGHBOURS, n - 1), -1.0, spread)
        _, axes = np.linalg.eigh((rows.T @ rows).astype(np.float64))
        points = rows.astype(np.float64) @ axes[:, :-3:-1]
    # An eigenvector's sign is arbitrary: the third moment decides it.
    points *= np.where(np.sum(points**3, axis=0) < 0, -1.0, 1.0)
    points *= 10 / max(float(np.abs(points).max()), 1e-9)
    # Equal vectors begin at one point, from which nothing could part them.
    turn = np.arange(n) * 2.399963229728653  # the golden angle
    points += 0.01 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    left, right = np.repeat(np.arange(n), near.shape[1]), near.ravel().astype(np.int64)
    best = cosine[:, :1]
    width = np.maximum(best - cosine.mean(axis=1, keepdims=True), 0.05)
    weight = np.exp((cosine - best) / width).ravel().astype(np.float64)
    real = right >= 0
    layouts.attract_and_repel(points, left[real], right[real], weight[real], EPOCHS, REPULSIONS)
    points -= points.mean(axis=0)
    reach: npt.NDArray[np.float64] = np.quantile(np.abs(points), 0.999, axis=0)
    scaled: Floats = (points / np.maximum(reach, 1e-9)).astype(np.float32)
    return scaled
