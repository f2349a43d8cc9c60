"""Parts of a pattern claim each other's rows and unite; what has no end is no pattern."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.engines.local import Local
from auditor.statistics.claims import united
from tests.planted import around, same


def _rows(k: int, each: int, alike: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(k), each))
    return around(labels, alike, seed + 100), labels


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_parts_of_a_pattern_unite(parts: int) -> None:
    rows, labels = _rows(8, 60, 0.5, 1)
    cut = labels * parts + np.random.default_rng(2).integers(0, parts, len(labels))
    found, given, stands = united(rows, cut, np.zeros(len(rows), np.int64), Local(2).map)
    assert same(found, labels)
    assert not given.any()  # each part has the others around it
    assert stands.all()


def test_patterns_stand_as_they_are_given() -> None:
    rows, labels = _rows(8, 60, 0.5, 3)
    found, given, stands = united(rows, labels, np.zeros(len(rows), np.int64), Local(1).map)
    assert same(found, labels)
    assert given.all()
    assert stands.all()


def test_rows_of_a_stranger_go_where_they_are_nearest() -> None:
    """A tenth of each pattern was put into the next one; that it is cut in two is what makes groups look again."""
    rows, labels = _rows(8, 100, 0.5, 4)
    draw = np.random.default_rng(5)
    wrong = np.where(draw.random(len(labels)) < 0.1, (labels + 1) % 8, labels)
    found, _, stands = united(
        rows, wrong * 2 + draw.integers(0, 2, len(labels)), np.zeros(len(rows), np.int64), Local(2).map
    )
    assert same(found, labels)
    assert stands.all()


def test_groups_of_rows_that_have_nothing_in_common_are_none() -> None:
    rows, _ = _rows(400, 1, 0.0, 6)
    _, given, stands = united(rows, np.arange(400) // 20, np.zeros(len(rows), np.int64), Local(1).map)
    assert not given.any()
    assert not stands.any()


def test_single_rows_are_no_groups() -> None:
    rows, labels = _rows(5, 1, 0.5, 7)
    found, given, stands = united(rows, labels, np.zeros(len(rows), np.int64), Local(1).map)
    assert found.tolist() == labels.tolist()
    assert not given.any()
    assert not stands.any()


def test_what_is_usual_is_so_in_each_set_by_itself() -> None:
    """Pairs stand where rows are patterns, and not where each has its like in none: there a pair is chance."""
    rows, labels = _rows(150, 2, 0.5, 8)
    strangers = around(np.arange(300), 0.0, 9)
    group = np.concatenate([labels, 150 + np.arange(300)])
    both = np.concatenate([rows, strangers])
    _, apart, _ = united(both, group, np.repeat([0, 1], 300), Local(1).map)
    _, together, _ = united(both, group, np.zeros(600, np.int64), Local(1).map)
    assert apart[:300].all()
    assert not together[:300].any()
