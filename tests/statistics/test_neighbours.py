"""Neighbours, and the pairs of groups that have them, against brute force."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.engines.local import Local
from auditor.statistics.neighbours import edges, nearest, pairs_of


def _vectors() -> np.ndarray:
    vectors = np.random.default_rng(4).standard_normal((2500, 16)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_the_nearest_are_those_of_brute_force() -> None:
    vectors = _vectors()
    near, cosine = nearest(vectors, 5, -1.0, Local(2).map)
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    wanted = np.sort(products, axis=1)[:, :-6:-1]
    np.testing.assert_allclose(cosine, wanted, atol=1e-6)
    np.testing.assert_allclose(np.take_along_axis(products, near.astype(np.int64), 1), cosine, atol=1e-6)


@pytest.mark.parametrize("among", [1, 700, 1024, 2000])
def test_rows_beyond_the_first_are_compared_with_these_alone(among: int) -> None:
    """Blocks are whole: a pair of rows in the block of the last one counted may be there too."""
    vectors = _vectors()
    products = vectors @ vectors.T
    np.fill_diagonal(products, -2)
    near, cosine = nearest(vectors, 3, -1.0, Local(2).map, among)
    whole = -(-among // 1024) * 1024
    products[whole:, whole:] = -2
    np.testing.assert_allclose(cosine, np.sort(products, axis=1)[:, :-4:-1], atol=1e-6)
    assert (near[whole:] < whole).all()


def test_what_is_not_near_enough_is_no_neighbour() -> None:
    near, _ = nearest(np.eye(5, dtype=np.float32), 2, 0.5, Local(1).map)
    assert (near == -1).all()


def test_groups_that_have_neighbours_in_each_other() -> None:
    draw = np.random.default_rng(1)
    near = draw.integers(-1, 40, (40, 4)).astype(np.int32)
    group = draw.integers(0, 9, 40)
    wanted = {
        (min(group[i], group[j]), max(group[i], group[j]))
        for i in range(40)
        for j in near[i]
        if j >= 0 and group[i] != group[j]
    }
    left, right = edges(near, group)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(wanted)
    nothing = np.empty(0, np.int64)
    assert [len(side) for side in pairs_of(nothing, nothing)] == [0, 0]
