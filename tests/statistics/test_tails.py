"""Tails against SciPy, plain Python and published figures."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from auditor.statistics import losses, tails
from auditor.statistics.tails import Bags


def bags(rows: list[list[int]]) -> Bags:
    return Bags(np.cumsum([0, *map(len, rows)]), np.array([v for row in rows for v in row], np.uint64))


def words(seed: int, rows: int, kinds: int = 4_000) -> list[list[int]]:
    draw = np.random.default_rng(seed)
    share = 1 / np.arange(1, kinds + 1)
    return [draw.choice(kinds, 25, p=share / share.sum()).tolist() for _ in range(rows)]


def test_rare_mass_as_counted_in_plain_python() -> None:
    ours, real = words(1, 300), words(2, 401)
    halves = real[:200], real[200:]
    counted = [Counter(v for row in half for v in row) for half in halves]
    rare = [{v for v, times in one.items() if times <= max(1, int(5e-5 * one.total()))} for one in counted]
    theirs = sum(v in rare[1] for row in halves[0] for v in row) + sum(v in rare[0] for row in halves[1] for v in row)
    mine = sum((v in rare[0]) + (v in rare[1]) for row in ours for v in row) / 2
    ratio = tails.rare_mass(bags(ours), bags(real))
    assert ratio.value == pytest.approx(mine / 7_500 / (theirs / 10_025))
    assert ratio.low is not None
    assert ratio.high is not None
    assert ratio.low < ratio.value < ratio.high


def test_lost_share_as_counted_in_plain_python() -> None:
    ours, real = ([sorted(set(row)) for row in words(seed, rows)] for seed, rows in ((1, 300), (2, 401)))
    mine, theirs = (Counter(v for row in side for v in row) for side in (ours, real))
    rare = {v for v in mine | theirs if 2 <= mine[v] + theirs[v] <= 40}
    among = sum(mine[v] + theirs[v] for v in rare)

    def share(without: int | None) -> float:
        left = Counter(v for place, row in enumerate(ours) if place != without for v in row)
        return sum(theirs[v] for v in rare if not left[v]) / among

    found = tails.lost_share(bags(ours), bags(real), (2, 40))
    assert found.value == pytest.approx(share(None))
    error = sum((share(place) - share(None)) ** 2 for place in range(300)) ** 0.5
    assert found.low == pytest.approx(share(None) - 1.959964 * error, abs=1e-6)
    assert found.high == pytest.approx(share(None) + 1.959964 * error, abs=1e-6)
    whole = losses.lost(bags(ours), bags(real), lambda function, items: [function(item) for item in items])
    assert whole is not None
    assert found.value == whole.share
    assert tails.lost_share(bags([[1]]), bags([[2]]), (2, 40)).why


def test_lost_share_is_no_further_off_than_it_says() -> None:
    """Of pairs of samples beside the same real rows the shares differ by more than 1.96 errors in at most 1 in 20."""
    real, beyond = [sorted(set(row)) for row in words(5, 400)], 0
    for seed in range(60):
        shares = [
            tails.lost_share(bags([sorted(set(row)) for row in words(100 + 2 * seed + side, 300)]), bags(real), (2, 40))
            for side in (0, 1)
        ]
        spread = sum(((one.high or 0) - (one.low or 0)) ** 2 for one in shares) ** 0.5 / 2
        beyond += abs((shares[0].value or 0) - (shares[1].value or 0)) > spread
    assert beyond <= 7  # the 99 % interval of 1 in 20 of 60


def test_rare_mass_of_the_same_source_is_one_at_any_size() -> None:
    inside = 0
    for seed in range(40):
        ratio = tails.rare_mass(bags(words(2 * seed, 150)), bags(words(2 * seed + 1, 600)))
        assert ratio.low is not None
        assert ratio.high is not None
        inside += ratio.low <= 1 <= ratio.high
    assert inside >= 34  # the same words make the halves a little alike
    common = tails.rare_mass(bags([[0, 1, 2]] * 50), bags(words(1, 400)))
    assert common.value == 0.0
    assert tails.rare_mass(bags([[1]]), bags([[1], [2], [3]])).value is None


def test_quantiles_are_numpys_and_their_intervals_hold_them() -> None:
    draw = np.random.default_rng(3)
    inside = 0
    for _ in range(200):
        ours, real = draw.lognormal(size=400), draw.lognormal(size=600)
        ratio = tails.of_quantiles(ours, real, 0.95)
        assert ratio.value == pytest.approx(np.quantile(ours, 0.95) / np.quantile(real, 0.95))
        assert ratio.low is not None
        assert ratio.high is not None
        inside += ratio.low <= 1 <= ratio.high
    assert inside >= 184  # 95 %, and a binomial's room
    assert tails.of_quantiles(np.zeros(9), np.zeros(9), 0.5).value is None


def test_association_is_scipys_with_bergsmas_correction() -> None:
    ours, real = np.array([40, 30, 20, 0, 9]), np.array([20, 35, 30, 0, 25])
    table = np.stack([ours, real])[:, [0, 1, 2, 4]]
    chi, p, *_ = stats.chi2_contingency(table, correction=False)
    n, r, k = table.sum(), 2, 4
    squared = max(0, chi / n - (k - 1) * (r - 1) / (n - 1))
    corrected = min(k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)) - 1
    assert tails.cramer(ours, real) == pytest.approx((np.sqrt(squared / corrected), p))
    assert tails.cramer(ours, ours)[0] == 0
    assert tails.cramer(np.array([3]), np.array([4])) == (0.0, 1.0)


def test_fewer_and_holm() -> None:
    ours, real = np.array([0, 3, 8, 0]), np.array([12, 9, 8, 0])
    wanted = [
        stats.binomtest(int(a), int(a + b), 0.5, "less").pvalue if a + b else 1.0
        for a, b in zip(ours, real, strict=True)
    ]
    assert tails.fewer(ours, real) == pytest.approx(wanted)
    # Holm's own step-down, by hand: .01 <= .05/4, .013 <= .05/3, .03 > .05/2.
    assert tails.holm(np.array([0.03, 0.01, 0.04, 0.013])).tolist() == [False, True, False, True]
    assert not tails.holm(np.zeros(0)).any()


def test_intervals_of_shares() -> None:
    value, low, high = tails.lumped(0.3, 400, 8)
    seen = stats.binomtest(15, 50).proportion_ci(method="wilson")
    assert (value, low, high) == pytest.approx((0.3, seen.low, seen.high))
    assert tails.lumped(0.0, 400, 8)[1] == 0
    # Newcombe 1998, table II: 56/70 and 48/80, method 10.
    one = stats.binomtest(56, 70).proportion_ci(method="wilson")
    other = stats.binomtest(48, 80).proportion_ci(method="wilson")
    found = tails.difference((0.8, one.low, one.high), (0.6, other.low, other.high))
    assert found == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
