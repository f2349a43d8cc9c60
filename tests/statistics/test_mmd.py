"""MMD against brute force over all pairs, its size where nothing differs, and its power where something does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations, product
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from auditor.statistics import mmd
from auditor.statistics.blas import single


@pytest.fixture(autouse=True)
def _one_thread_a_product() -> Iterator[None]:
    with single():
        yield


def one_by_one(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    return [function(item) for item in items]


def in_threads(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(function, items))


def vectors(n: int, seed: int, shift: float = 0.0, d: int = 32) -> Any:
    """Unit vectors about a common direction, as embeddings are."""
    draw = np.random.default_rng(seed)
    made = draw.standard_normal((n, d)) / np.arange(1, d + 1) ** 0.5
    made[:, 0] += 1 + shift
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def brute_force(left: Any, right: Any, width: float) -> float:
    def mean(one: Any, other: Any, same: bool) -> float:
        squares = ((one[:, None, :].astype(float) - other[None, :, :]) ** 2).sum(2)
        kernel = np.exp(-squares / (2 * width**2))
        n = len(one)
        return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)) if same else kernel.mean())

    return mean(left, left, True) + mean(right, right, True) - 2 * mean(left, right, False)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("n", [2, 50, 300, 700])
def test_the_estimate_is_that_of_all_pairs(n: int, shift: float) -> None:
    left, right = vectors(n, 1), vectors(n, 2, shift)
    found = mmd.discrepancy(left, right, one_by_one, permutations=19)
    pooled = np.concatenate((left, right)).astype(float)
    if n <= 500:
        squares = ((pooled[:, None] - pooled[None]) ** 2).sum(2)[np.triu_indices(2 * n, 1)]
        assert found.width == pytest.approx(np.sqrt(np.median(squares)), rel=1e-6)
    assert found.squared == pytest.approx(brute_force(left, right, found.width), abs=1e-6)
    assert found.frequencies == 0


def test_p_is_that_of_permuting_by_hand() -> None:
    left, right = vectors(30, 3), vectors(30, 4, 0.15)
    found = mmd.discrepancy(left, right, one_by_one, permutations=199)
    pooled = np.concatenate((left, right))
    draw = np.random.Generator(np.random.PCG64(mmd.SEED))
    above = 0
    for _ in range(199):
        chosen = draw.permutation(60)[:30]
        rest = np.setdiff1d(np.arange(60), chosen)
        above += brute_force(pooled[chosen], pooled[rest], found.width) >= found.squared
    assert found.p == pytest.approx((1 + above) / 200, abs=1 / 200)


@pytest.mark.parametrize("shift", [0.3, 0.6])
def test_random_features_are_near_all_pairs(shift: float) -> None:
    left, right = vectors(1000, 5), vectors(1000, 6, shift)
    every = mmd.discrepancy(left, right, in_threads, permutations=99)
    some = mmd.discrepancy(left, right, in_threads, permutations=99, exact=0)
    assert some.frequencies == mmd.FREQUENCIES
    assert some.squared == pytest.approx(every.squared, rel=0.2)
    assert some.p == every.p == 0.01


@pytest.mark.parametrize("exact", [0, 5000])
def test_threads_change_nothing(exact: int) -> None:
    left, right = vectors(1200, 7), vectors(1200, 8, 0.05)
    one = mmd.discrepancy(left, right, one_by_one, permutations=19, exact=exact)
    assert one == mmd.discrepancy(left, right, in_threads, permutations=19, exact=exact)


def false_alarms(splits: int, n: int, exact: int) -> int:
    alarms = 0
    for seed in range(splits):
        both = vectors(2 * n, 1000 + seed)
        alarms += mmd.discrepancy(both[:n], both[n:], in_threads, permutations=99, exact=exact).p <= 0.05
    return alarms


@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exact", [0, 5000])
def test_size_where_nothing_differs(splits: int, exact: int) -> None:
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= false_alarms(splits, 120, exact) <= high


def test_power_rises_with_what_is_planted() -> None:
    found = []
    for shift in (0.0, 0.2, 0.4, 0.8):
        p = [
            mmd.discrepancy(vectors(100, seed), vectors(100, 500 + seed, shift), in_threads, permutations=99).p
            for seed in range(20)
        ]
        found.append(sum(one <= 0.05 for one in p))
    assert found == sorted(found)
    assert found[0] <= 4
    assert found[-1] == 20


def test_the_interval_covers() -> None:
    far = vectors(5_000, 9), vectors(5_000, 10, 0.3)
    truth = mmd.discrepancy(*far, in_threads, permutations=19).squared
    covered = 0
    for part in range(40):
        rows = slice(125 * part, 125 * (part + 1))
        found = mmd.discrepancy(far[0][rows], far[1][rows], in_threads, permutations=19)
        covered += found.low <= truth <= found.high
    assert covered >= 34


def test_the_same_rows_on_both_sides_are_no_further_than_chance() -> None:
    same = vectors(100, 11)
    found = mmd.discrepancy(same, same, one_by_one, permutations=99)
    assert found.squared < 0
    assert found.p > 0.9
    equal = np.repeat(same[:1], 60, axis=0)
    assert mmd.discrepancy(equal, equal, one_by_one, permutations=19).squared == pytest.approx(0, abs=1e-6)
    assert mmd.discrepancy(equal, equal, one_by_one, permutations=19).p == 1


def test_sides_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="3 and 2"):
        mmd.discrepancy(vectors(3, 1), vectors(2, 1), one_by_one)


def answers(n: int, seed: int, shared: int, shift: float = 0.0, d: int = 32) -> tuple[Any, Any, Any]:
    """Two sides of unit vectors that are more of their prompt than of their own, the first `shared` prompts the same in
    another order; and the pairs."""
    draw = np.random.default_rng(seed)
    scale = np.arange(1, d + 1) ** 0.5
    asked = draw.standard_normal((2 * n, d)) / scale
    order = draw.permutation(n)
    sides = []
    for prompts, more in ((asked[:n], 0.0), (np.concatenate((asked[:shared], asked[n + shared :]))[order], shift)):
        made = prompts + 0.5 * draw.standard_normal((n, d)) / scale
        made[:, 0] += 1 + more
        sides.append((made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32))
    return *sides, np.column_stack((np.arange(shared), np.argsort(order)[:shared]))


def without_pairs(left: Any, right: Any, width: float, pairs: Any) -> float:
    """The estimate, with the kernel across the sides averaged over all but the pairs."""
    out = np.ones((len(left), len(right)), bool)
    out[pairs[:, 0], pairs[:, 1]] = False
    kernel = [
        np.exp(-((one[:, None, :].astype(float) - other[None, :, :]) ** 2).sum(2) / (2 * width**2))
        for one, other in ((left, left), (right, right), (left, right))
    ]
    off = ~np.eye(len(left), dtype=bool)
    return float(kernel[0][off].mean() + kernel[1][off].mean() - 2 * kernel[2][out].mean())


@pytest.mark.parametrize(("shared", "shift"), [(40, 0.0), (40, 0.5), (15, 0.0), (15, 0.5), (1, 0.2)])
def test_the_estimate_leaves_pairs_out(shared: int, shift: float) -> None:
    left, right, pairs = answers(40, shared, shared, shift)
    found = mmd.discrepancy(left, right, one_by_one, permutations=19, pairs=pairs)
    assert found.squared == pytest.approx(without_pairs(left, right, found.width, pairs), abs=1e-7)


@pytest.mark.parametrize(("n", "shared"), [(8, 8), (6, 3), (7, 5)])
@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_every_swap(n: int, shared: int, seed: int) -> None:
    """All swaps of the pairs with all ways to part the other rows, listed one by one."""
    left, right, pairs = answers(n, seed, shared, 0.4)
    found = mmd.discrepancy(left, right, one_by_one, permutations=3999, pairs=pairs)
    pooled = np.concatenate((left, right))
    alone = sorted({*range(2 * n)} - {*pairs[:, 0].tolist()} - {*(pairs[:, 1] + n).tolist()})
    above = total = 0
    for swaps, kept in product(product((0, 1), repeat=shared), combinations(alone, len(alone) // 2)):
        ours = [(one, n + other)[swap] for swap, (one, other) in zip(swaps, pairs.tolist(), strict=True)]
        theirs = [(n + other, one)[swap] for swap, (one, other) in zip(swaps, pairs.tolist(), strict=True)]
        chosen, rest = [*ours, *kept], [*theirs, *sorted({*alone} - {*kept})]
        held = np.column_stack((np.arange(shared), np.arange(shared)))
        above += without_pairs(pooled[chosen], pooled[rest], found.width, held) >= found.squared - 1e-7
        total += 1
    truth = above / total
    assert found.p == pytest.approx(truth, abs=4 * np.sqrt(truth * (1 - truth) / 4000) + 1 / 4000)


def test_random_features_of_pairs_are_near_all_pairs() -> None:
    left, right, pairs = answers(1000, 5, 700, 0.3)
    every = mmd.discrepancy(left, right, in_threads, permutations=99, pairs=pairs)
    some = mmd.discrepancy(left, right, in_threads, permutations=99, exact=0, pairs=pairs)
    assert some.squared == pytest.approx(every.squared, rel=0.2)
    assert some.high - some.low == pytest.approx(every.high - every.low, rel=0.2)
    assert some.p == every.p == 0.01


@pytest.mark.parametrize("splits", [40, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("exact", [0, 5000])
@pytest.mark.parametrize("shared", [120, 60])
def test_size_where_both_sides_answer_the_same_prompts(splits: int, exact: int, shared: int) -> None:
    """And what permuting all rows makes of it: hardly an alarm, and an estimate below 0."""
    alarms, unpaired, estimates = 0, 0, []
    for seed in range(splits):
        left, right, pairs = answers(120, 10_000 + seed, shared)
        found = mmd.discrepancy(left, right, in_threads, permutations=99, exact=exact, pairs=pairs)
        plain = mmd.discrepancy(left, right, in_threads, permutations=99, exact=exact)
        alarms, unpaired = alarms + (found.p <= 0.05), unpaired + (plain.p <= 0.05)
        estimates.append((found.squared, plain.squared))
    low, high = binom.interval(0.99, splits, 0.05)
    assert low <= alarms <= high
    assert unpaired <= 1 + splits * 0.01
    (new, old), errors = np.mean(estimates, axis=0), np.std(estimates, axis=0) / np.sqrt(splits)
    assert abs(new) < 3 * errors[0]
    assert old < -5 * errors[1]


def test_power_where_both_sides_answer_the_same_prompts() -> None:
    seen = np.zeros(2, int)
    for seed in range(20):
        left, right, pairs = answers(120, seed, 120, 0.25)
        for place, held in enumerate((pairs, mmd.NONE)):
            seen[place] += mmd.discrepancy(left, right, in_threads, permutations=99, pairs=held).p <= 0.05
    assert seen[0] >= 18
    assert seen[1] <= 1


def test_the_interval_of_pairs_covers() -> None:
    """Without what the two of a pair share it is narrower than that of rows drawn one by one."""
    truth = mmd.discrepancy(*answers(5_000, 1, 0, 0.3)[:2], in_threads, permutations=19).squared
    covered, widths = 0, []
    for seed in range(60):
        left, right, pairs = answers(125, 100 + seed, 125, 0.3)
        found = mmd.discrepancy(left, right, in_threads, permutations=99, pairs=pairs)
        plain = mmd.discrepancy(left, right, in_threads, permutations=99)
        covered += found.low <= truth <= found.high
        widths.append((found.high - found.low) / (plain.high - plain.low))
    assert covered >= 52
    assert np.mean(widths) < 0.9


@pytest.mark.parametrize("exact", [0, 5000])
def test_pairs_of_equal_rows_are_no_further_than_chance(exact: int) -> None:
    same, order = vectors(300, 11), np.random.default_rng(1).permutation(300)
    pairs = np.column_stack((order, np.arange(300)))
    found = mmd.discrepancy(same, same[order], one_by_one, permutations=99, exact=exact, pairs=pairs)
    assert found.squared == 0
    assert found.p == 1


def test_partners_are_as_many_as_more_pairs_across_than_within() -> None:
    draw = np.random.default_rng(3)
    for n, kinds in ((40, 8), (40, 60), (200, 150), (200, 1_000)):
        asked = draw.integers(0, kinds, n)
        left, right = asked.astype(np.uint64), draw.permutation(asked).astype(np.uint64)
        right[: n // 4] = draw.integers(kinds, 2 * kinds, n // 4)
        pairs = mmd.partners(left, right)
        across = sum(one == other for one, other in product(left, right))
        within = sum(one == other for side in (left, right) for one, other in combinations(side, 2))
        few = across - within <= 1.959964 * np.sqrt(across + within)
        assert len(pairs) == (0 if few else across - within)
        assert len({*pairs[:, 0]}) == len({*pairs[:, 1]}) == len(pairs)
        assert np.array_equal(left[pairs[:, 0]], right[pairs[:, 1]])
    same = draw.permutation(50).astype(np.uint64)
    assert np.array_equal(same[mmd.partners(same, same[::-1])[:, 0]], same)
    assert not len(mmd.partners(same, same + np.uint64(50)))


def test_groups_that_fell_to_the_sides_by_chance_or_lie_in_one_have_no_partners() -> None:
    twice = np.arange(1_000, dtype=np.uint64) // 2
    draws = [np.random.default_rng(seed).permutation(twice) for seed in range(200)]
    held = [len(mmd.partners(rows[:500], rows[500:])) for rows in draws]
    assert np.count_nonzero(held) <= binom.interval(0.99, 200, 0.025)[1]
    four, one = np.arange(400) // 4, np.concatenate((np.arange(100), np.arange(1_000, 1_300)))
    assert not len(mmd.partners(four.astype(np.uint64), one.astype(np.uint64)))
