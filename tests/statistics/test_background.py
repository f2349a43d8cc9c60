"""What all rows share is found and taken off, and is left where it is what they say."""

from __future__ import annotations

import numpy as np
import pytest

from auditor.statistics.background import background, backgrounds, noise_of, shared

WIDE = 256


def _directions(n: int, seed: int) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((n, WIDE)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _around(core: np.ndarray, share: float, n: int, seed: int) -> np.ndarray:
    """Rows of which `share` of the squared length is the core's direction."""
    own = _directions(n, seed)
    own -= np.outer(own @ core, core)
    own /= np.linalg.norm(own, axis=1, keepdims=True)
    return np.float32(np.sqrt(share)) * core + np.float32(np.sqrt(1 - share)) * own


def test_what_texts_share_and_what_is_their_own() -> None:
    said = [[1, 2, 3, 10 + i] for i in range(8)] + [[1, 2, 40, 41, 42, 43], [50]]
    offsets = np.cumsum([0, *map(len, said)])
    assert shared(offsets, np.array([word for one in said for word in one], np.uint64)) == (3, 1)
    assert shared(np.zeros(1, np.int64), np.zeros(0, np.uint64)) == (0, 0)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.9])
def test_a_scaffold_around_different_rows_is_taken_off(share: float) -> None:
    core = _directions(1, 1)[0]
    vectors = _around(core, share, 1500, 2)
    found = background(vectors)
    rows = found.off(vectors)
    assert found.common == pytest.approx(share, abs=0.02)
    assert np.abs(rows @ core).max() < 0.1
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)


def test_what_is_said_to_be_a_template_stays() -> None:
    vectors = _around(_directions(1, 3)[0], 0.8, 200, 4)
    found = background(vectors, template=True)
    assert found.off(vectors) is vectors
    assert found.common == pytest.approx(0.8, abs=0.02)


def test_few_patterns_without_a_scaffold_have_no_background() -> None:
    vectors = np.concatenate([_around(core, 0.8, 100, 5 + i) for i, core in enumerate(_directions(4, 9))])
    assert background(vectors).off(vectors) is vectors


def test_what_two_sides_share_is_the_same_or_each_its_own() -> None:
    """The halves of a set are measured alike, with a template where both are one; different scaffolds stay apart."""
    core, other = _directions(2, 21)
    one, two = _around(core, 0.5, 400, 22), _around(core, 0.5, 400, 23)
    mine, theirs = backgrounds(one, two, (False, False))
    assert mine is theirs
    assert mine.subtracted
    assert mine.centre @ core > 0.95
    assert not backgrounds(one, two, (True, True))[0].subtracted
    mine, theirs = backgrounds(one, _around(other, 0.5, 400, 24), (True, False))
    assert (mine.subtracted, theirs.subtracted) == (False, True)
    assert theirs.centre @ other > 0.95


@pytest.mark.parametrize("n", [0, 1, 2])
def test_one_or_two_rows_share_nothing(n: int) -> None:
    vectors = _directions(2, 25)[:n]
    assert background(vectors).off(vectors) is vectors


def test_a_pattern_of_most_rows_is_not_the_background() -> None:
    """Two rows of three are one pattern; what is taken off is what these have in common with the others.

    With nine of ten the pattern is taken for the background: nothing here tells which of the two a direction is.
    """
    scaffold, core = _directions(2, 11)
    inside = 0.7 * core[None] + np.sqrt(0.51) * _directions(1333, 12)
    outside = _directions(667, 13)
    vectors = (0.6 * scaffold + 0.8 * np.concatenate([inside, outside])).astype(np.float32)
    order = np.random.default_rng(14).permutation(2000)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True))[order]
    rows = background(vectors).off(vectors)
    alike = rows @ rows.T
    most = order < 1333
    assert alike[np.ix_(most, most)].mean() > 0.35  # .49 if the background were found to the last digit
    assert alike[np.ix_(~most, ~most)].mean() == pytest.approx(0, abs=0.05)


def test_the_spread_of_chance_is_that_of_random_directions() -> None:
    assert noise_of(_directions(3000, 15)) == pytest.approx(1 / 16, rel=0.05)
    assert noise_of(np.eye(3, WIDE, dtype=np.float32)) == 1 / 16  # no cosine below zero: what is usual
    opposite = np.array([[1, 0, 0, 0], [-1, 0, 0, 0]] * 50, np.float32)
    assert noise_of(opposite) == 1  # at most twice as much
