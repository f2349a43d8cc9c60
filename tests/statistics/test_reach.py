"""Reach over topics laid out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.statistics.reach import by_chance, judged, reach
from auditor.statistics.tails import lumped
from auditor.statistics.topics import Topics


def topics(sizes: list[int], around: list[int]) -> Topics:
    own = np.repeat(np.arange(len(sizes)), sizes)
    return Topics(np.eye(len(sizes), dtype=np.float32), np.ones(len(sizes)), own, np.array(around))


def test_what_is_reached_as_counted_by_hand() -> None:
    """Of 20 topics of 30 rows (one of 5, not judged) two are the rarest; one of these and a common one have no row."""
    sizes, around = [30] * 19 + [5], [10, 11, *range(40, 58)]
    found, counts = topics(sizes, around), np.array([0, 30, 0, 8, 25, *[33] * 14, 9])
    n = 600
    assert judged(found, 8).sum() == 19
    seen = reach(found, counts, n, 8, 0.25)
    assert seen is not None
    assert (seen.topics, seen.rarest, seen.missed) == (19, 2, 1)
    assert seen.mass == pytest.approx(lumped(60 / 570, 570, 8))
    assert seen.gaps.tolist() == [0, 2]  # topic 3 has more than a quarter of the rows due to it
    assert 0 < seen.effect < 0.5
    assert reach(topics([5, 5], [1, 1]), np.array([0, 0]), 10, 8, 0.25) is None


def test_one_half_reaches_the_other() -> None:
    draw = np.random.default_rng(1)
    centres = draw.normal(size=(12, 64))
    vectors = centres[draw.integers(0, 12, 800)] + 0.3 * draw.normal(size=(800, 64))
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    share = by_chance(unit, 8, lambda function, items: [function(item) for item in items])
    assert share is not None
    assert share[0] < 0.02
    assert by_chance(unit[:10], 8, lambda function, items: [function(item) for item in items]) is None
