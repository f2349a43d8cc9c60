"""Who is near whom, and sums over it, against dense matrices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels import vicinity

Longs = npt.NDArray[np.int64]


def linked(n: int, seed: int) -> tuple[Longs, Longs, Longs]:
    """A symmetric matrix with itself on the diagonal, and the same as (starts, links)."""
    some = np.random.default_rng(seed).random((n, n)) < 0.08
    dense = (some | some.T | np.eye(n, dtype=bool)).astype(np.int64)
    return dense, np.concatenate(([0], np.cumsum(dense.sum(axis=1)))), np.nonzero(dense)[1]


def test_the_nearest_are_those_of_the_largest_cosine() -> None:
    draw = np.random.default_rng(1)
    has = draw.random((60, 40)) < 0.1
    has[:, has.sum(axis=0) < 2] = False
    weights = draw.random(40).astype(np.float32) + 1
    order = np.argsort(has.sum(axis=0), kind="stable")
    words = np.concatenate([[word for word in order if row[word]] for row in has]).astype(np.int64)
    starts, first = (np.concatenate(([0], np.cumsum(has.sum(axis=axis)))) for axis in (1, 0))
    lengths = np.sqrt(has @ weights.astype(np.float64))
    norms = (1 / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    near = np.full((20, 5), -1, np.int32)
    vicinity.nearest(starts, words, weights, first, np.nonzero(has.T)[1].astype(np.int32), norms, 30, 10**6, near)
    alike = (has * weights.astype(np.float64)) @ has.T * norms
    for i, found in enumerate(near, 30):
        alike[i, i] = 0
        kept = found[found >= 0]
        assert len(kept) == min(5, np.count_nonzero(alike[i]))
        assert np.allclose(alike[i, kept], np.sort(alike[i])[::-1][: len(kept)], rtol=1e-6)


def test_ways_of_two_steps() -> None:
    dense, starts, links = linked(50, 2)
    total, squares = np.zeros(50, np.int64), np.zeros(50, np.int64)
    vicinity.paths(starts, links, total, squares)
    twice = dense @ dense
    assert total.tolist() == twice.sum(axis=1).tolist()
    assert squares.tolist() == (twice**2).sum(axis=1).tolist()


def test_sums_and_gains_over_links() -> None:
    dense, starts, links = linked(50, 3)
    draw = np.random.default_rng(4)
    labels = draw.integers(0, 2, (50, 7)).astype(np.int16)
    sums = np.empty_like(labels)
    vicinity.add_links(starts, links, labels, sums)
    assert np.array_equal(sums, dense @ labels)
    gain, cost = draw.random((2, 2, 50))
    cost *= 20
    gains = np.ones((2, 7))
    vicinity.add_gains(starts, links, sums, gain, cost, gains)
    more = gain[:, :, None] * (dense @ dense @ labels) - cost[:, :, None]
    assert 0.1 < np.mean(more > 0) < 0.9
    assert np.allclose(gains, 1 + np.maximum(more, 0).sum(axis=1))


def test_words_that_only_real_rows_have() -> None:
    draw = np.random.default_rng(5)
    has, labels = draw.random((30, 50)) < 0.1, draw.integers(0, 2, (50, 7)).astype(np.int16)
    found = np.zeros(7, np.int64)
    first = np.concatenate(([0], np.cumsum(has.sum(axis=1))))
    vicinity.add_whole(first, np.nonzero(has)[1].astype(np.int32), labels, found)
    sizes = has.sum(axis=1)
    assert found.tolist() == [int(sizes[has @ column == sizes].sum()) for column in labels.T]
    assert found.any()
