"""Groups by average linkage, against SciPy and against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import pdist

from auditor.engines.local import Local
from auditor.statistics.agglomeration import STRICT, chosen, dot_products, ends, joined, merged, settled, sum_up
from auditor.statistics.neighbours import edges, nearest
from tests.planted import around, same

NOISE = 1 / 16


def _rows(k: int, n: int, alike: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.random.default_rng(seed).integers(0, k, n)
    return around(labels, alike, seed + 100), labels


@pytest.mark.parametrize("alike", [0.3, 0.55, 0.8])
def test_strict_groups_are_those_of_scipy(alike: float) -> None:
    """Where a neighbour is known of every row that has one: rows alike by less than STRICT join nothing."""
    rows, labels = _rows(20, 400, alike, 1)
    near, _ = nearest(rows, 10, 0.15, Local(1).map)
    alone = np.arange(len(rows))
    found = merged(rows, alone, *edges(near, alone), NOISE, strict=True)
    wanted = fcluster(linkage(pdist(rows, "cosine"), "average"), 1 - STRICT, "distance")
    if alike > STRICT:
        assert same(found, wanted)
        assert same(found, labels)
    else:
        assert np.bincount(found).max() <= 3
        assert np.bincount(wanted).max() <= 3


def test_groups_of_much_variation_meet_by_their_cores() -> None:
    """Pairs of rows alike by .3, too little for STRICT; as groups of ten their cores are one."""
    rows, labels = _rows(12, 1200, 0.3, 2)
    tens = np.unique(labels * 100 + np.arange(1200) % 10, return_inverse=True)[1]
    assert same(settled(rows, tens, NOISE, Local(2).map), labels)


def test_patterns_stay_apart_where_rows_are_far() -> None:
    rows, labels = _rows(12, 600, 0.5, 3)
    assert same(settled(rows, labels, NOISE, Local(1).map), labels)


def test_single_rows_join_the_core_that_is_near_and_none_else() -> None:
    rows, labels = _rows(10, 500, 0.5, 4)
    strangers = _rows(100, 100, 0.0, 5)[0]
    group = np.concatenate([np.where(np.arange(500) % 5 == 0, 10 + np.arange(500), labels), 600 + np.arange(100)])
    found = joined(np.concatenate([rows, strangers]), group, NOISE, 1, Local(2).map)
    assert same(found, np.concatenate([labels, 600 + np.arange(100)]))
    assert joined(strangers, np.arange(100), NOISE, 1, Local(1).map).tolist() == list(range(100))


def _plain(size: list[float], pairs: list[tuple[int, int, float]]) -> dict[int, int]:
    """Who goes into whom, as the docstring of `chosen` says it, in plain loops."""
    best: dict[int, int] = {}
    for group in range(len(size)):
        seen = [(-score, b if a == group else a) for a, b, score in pairs if group in (a, b)]
        if seen:
            best[group] = min(seen)[1]
    mutual = {one: other for one, other in best.items() if best[other] == one and one > other}
    small = {
        one: other
        for one, other in best.items()
        if best[other] != one and 5 * size[one] <= size[other] and other not in mutual
    }
    going = mutual | small
    return {one: other for one, other in going.items() if other not in going}


def test_who_takes_in_whom_in_a_round() -> None:
    draw = np.random.default_rng(6)
    for _ in range(50):
        size = draw.choice([1.0, 2.0, 5.0, 30.0], 14)
        left, right = np.triu_indices(14, 1)
        kept = draw.random(len(left)) < 0.3
        left, right = left[kept], right[kept]
        score = draw.choice([0.1, 0.2, 0.3, 0.4, 0.5], len(left))
        into, gone = chosen(size, left, right, score)
        wanted = _plain(size.tolist(), list(zip(left.tolist(), right.tolist(), score.tolist(), strict=True)))
        assert dict(zip(gone.tolist(), into.tolist(), strict=True)) == wanted


def test_sums_products_and_where_chains_end() -> None:
    rows, labels = _rows(5, 60, 0.4, 7)
    sums = sum_up(rows, labels, 6)
    wanted = np.array([rows[labels == group].sum(axis=0) for group in range(6)])
    np.testing.assert_allclose(sums, wanted, atol=1e-5)
    left, right = np.array([0, 1, 4]), np.array([2, 3, 5])
    np.testing.assert_allclose(dot_products(sums, left, right), np.sum(wanted[left] * wanted[right], axis=1), atol=1e-5)
    assert ends(np.array([0, 0, 1, 2, 4, 4])).tolist() == [0, 0, 0, 0, 4, 4]
