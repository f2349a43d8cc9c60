"""What is lost against plain Python, dense matrices and planted losses; its size where nothing is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from math import log

import numpy as np
import numpy.typing as npt
import pytest

from auditor.engines.local import Local
from auditor.statistics import losses
from auditor.statistics.losses import Lost
from auditor.statistics.tails import Bags

Rows = Sequence[Sequence[int]]


def bags(rows: Rows) -> Bags:
    sets = [sorted(set(row)) for row in rows]
    return Bags(np.cumsum([0, *map(len, sets)]), np.array([v for row in sets for v in row], np.uint64))


def words(seed: int, rows: int, kinds: int = 4_000) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, kinds + 1)
    return [draw.choice(kinds, 25, p=share / share.sum()).tolist() for _ in range(rows)]


def lost(ours: Rows, real: Rows, threads: int = 1) -> Lost:
    found = losses.lost(bags(ours), bags(real), Local(threads).map)
    assert found is not None
    return found


def subjects(n: int, seed: int, kept: int = 60) -> list[list[int]]:
    """Rows of ten words: five of one of 60 subjects (sizes of Zipf), of 40 words each, and five of 300 common ones."""
    draw = random.Random(seed)
    kinds = draw.choices(range(60), [1 / (1 + kind) for kind in range(60)], k=n)
    own = [[1_000 + 40 * kind + draw.randrange(40) for _ in range(5)] for kind in kinds]
    said = [[*mine, *draw.choices(range(300), k=5)] for mine in own]
    return [row for kind, row in zip(kinds, said, strict=True) if kind < kept]


def test_lost_words_as_counted_in_plain_python() -> None:
    ours, real = words(1, 200), words(2, 250)
    found = lost(ours, real)
    rows = Counter(v for row in [*ours, *real] for v in set(row))
    seldom = {v for v, many in rows.items() if 2 <= many <= 40}
    gone = seldom - {v for row in ours for v in row}
    assert found.share == pytest.approx(sum(rows[v] for v in gone) / sum(rows[v] for v in seldom))
    assert found.items.tolist() == sorted(gone, key=lambda v: (-rows[v], v))
    # Two rows of one side: chance has it that neither is ours with (250 / 450)(249 / 449), and so on.
    expected = sum(rows[v] * np.prod([(250 - i) / (450 - i) for i in range(rows[v])]) for v in seldom)
    assert found.by_chance == pytest.approx(expected / sum(rows[v] for v in seldom), rel=0.02)


def test_places_as_dense_matrices_have_them() -> None:
    """Likeness, mutual neighbours, walks of two steps, how likely they are if lost, and the chance of as much."""
    ours, real = words(3, 140), words(4, 160)
    both, n = [*ours, *real], 300
    place = np.random.Generator(np.random.Philox(key=losses.SEED)).permutation(n)
    rows = Counter(v for row in both for v in set(row))
    telling = sorted(v for v, many in rows.items() if 2 <= many <= 40)
    has = np.zeros((n, len(telling)))
    for at, row in zip(place, both, strict=True):
        has[at, [telling.index(v) for v in set(row) if v in telling]] = 1
    weighed = has * [log(n / rows[v]) for v in telling]
    alike = weighed @ weighed.T / np.maximum(np.linalg.norm(weighed, axis=1), 1e-9)
    near = np.zeros((n, n), bool)
    for i in range(n):
        order = [j for j in np.lexsort((np.arange(n), -alike[i])) if j != i and alike[i, j] > 0]
        near[i, order[: losses.NEAR]] = True
    linked = (near & near.T) | np.eye(n, dtype=bool)
    starts, links = losses.mutual(losses._table(bags(ours), bags(real), place), Local(1).map)
    assert np.array_equal(links, np.nonzero(linked)[1])
    assert np.array_equal(np.diff(starts), linked.sum(axis=1))
    walks = linked.astype(float) @ linked
    truth = np.zeros(n, bool)
    truth[place[140:]] = True
    labels = np.concatenate([losses._labelled(truth, block) for block in range(losses.BLOCKS)], axis=1)
    assert labels[:, 0].tolist() == truth.tolist()
    assert set(labels.sum(axis=0)) == {160}
    sums = walks @ labels
    # As many rows as would give the sum its variance without weights; how much likelier what is seen is if it is lost.
    total, share = walks.sum(axis=1), 160 / n
    several = total > 1
    effective = (total**2 / (walks**2).sum(axis=1))[several, None]
    is_real = sums[several] / total[several, None]
    chances = [
        share_of_more(np.where(has.T @ labels == has.sum(axis=0)[:, None], has.sum(axis=0)[:, None], 0).sum(axis=0))
    ]
    for left, least in losses.LEFT:
        likelier = is_real * log((1 - left * (1 - share)) / share) + (1 - is_real) * log(left)
        chances.append(share_of_more(np.maximum(effective * likelier - least, 0).sum(axis=0)))
    found = lost(ours, real)
    assert found.words == chances[0][0]
    assert found.places == share_of_more(1 / chances[1] + 1 / chances[2])[0]
    assert found.p == share_of_more(1 / chances[0] + 1 / chances[1] + 1 / chances[2])[0]


def share_of_more(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """By labelling, the share of all that give as much or more."""
    share: npt.NDArray[np.float64] = np.mean(values[:, None] >= values - 1e-9, axis=0)
    return share


def test_threads_change_nothing() -> None:
    ours, real = subjects(1_500, 1), subjects(1_500, 2)
    one, other = lost(ours, real), lost(ours, real, 2)
    assert (one.share, one.by_chance, one.words, one.places, one.p) == (
        other.share,
        other.by_chance,
        other.words,
        other.places,
        other.p,
    )
    assert one.items.tolist() == other.items.tolist()


def test_nothing_to_tell_rows_by() -> None:
    nowhere = losses.lost(bags([[1]]), bags([[2]]), Local(1).map)
    assert nowhere is None
    assert losses.lost(bags([]), bags([[2], [2]]), Local(1).map) is None
    assert losses.lost(bags([[7]] * 100), bags([[7]] * 100), Local(1).map) is None
    # All words are in many rows: none is rare, and places tell all the same.
    draw = random.Random(1)
    rows = [draw.sample(range(65), 3) for _ in range(1_300)]
    found = lost(rows[:600], rows[600:])
    assert (found.share, found.by_chance, found.words, len(found.items)) == (None, None, 1.0, 0)
    assert 0 < found.p <= 1


def test_size_and_power() -> None:
    """Of 40 draws with nothing lost at most 6 are told at 5 % (binomial, 99 %); a subject of 20 rows is, and so are the
    rarest 4 of 60 subjects of short rows, whose words are in one row or two each."""
    told = Counter[str]()
    for seed in range(40):
        told["nothing"] += lost(subjects(800, 2 * seed), subjects(800, 2 * seed + 1)).p <= 0.05
        if seed < 10:
            draw = np.random.default_rng(1000 + seed)
            subject = [(9_000 + draw.choice(20, 10, replace=False)).tolist() for _ in range(20)]
            rows = words(seed, 800)
            told["a subject"] += lost(rows[:400], [*rows[400:], *subject]).p <= 0.05
        if seed < 5:
            told["short"] += lost(subjects(4_000, seed, kept=56), subjects(4_000, seed + 50)).p <= 0.05
    assert told["nothing"] <= 6
    assert told["a subject"] == 10
    assert told["short"] == 5
