"""Points of the map: what is alike lies together, and the same vectors give the same points."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.engines.local import Local
from auditor.statistics.layout import place


def _clusters(k: int, n: int, spread: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    cores = draw.standard_normal((k, 64))
    labels = draw.integers(0, k, n)
    vectors = (cores[labels] + spread * draw.standard_normal((n, 64))).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), labels


def test_clusters_are_clusters_in_the_picture() -> None:
    """Trustworthiness in the plane: of each point's five nearest nearly all are of its own cluster."""
    vectors, labels = _clusters(12, 900, 0.4, 1)
    points = place(vectors, Local(2).map)
    assert points.shape == (900, 2)
    assert (np.abs(points) <= 1).mean() > 0.99
    apart = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = np.argsort(apart, axis=1)[:, :5]
    assert np.mean(labels[nearest] == labels[:, None]) > 0.98


def test_threads_change_nothing() -> None:
    vectors, _ = _clusters(5, 1500, 0.8, 2)
    assert place(vectors, Local(1).map).tobytes() == place(vectors, Local(3).map).tobytes()


@pytest.mark.parametrize("n", [0, 1, 2, 3, 20])
def test_a_few_or_equal_points(n: int) -> None:
    points = place(np.tile(np.eye(8, dtype=np.float32)[:1], (n, 1)), Local(1).map)
    assert points.shape == (n, 2)
    assert np.isfinite(points).all()
