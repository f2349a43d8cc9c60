"""Bounds from nulls: their false alarms on new data, by simulation and by what chance exactly is."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta, binom

from auditor.statistics.bounds import Bound, as_new, by_chance, jointly, quantile


def test_limits_are_rounded_away_from_the_null() -> None:
    high = Bound("x.y", True, 0.12345678, (0.1,))
    assert high.text == "> 0.123457"
    assert replace(high, limit=0.12345612).text == "> 0.123457"
    assert replace(high, high=False).text == "< 0.123456"
    assert replace(high, limit=0.0).text == "> 0"


def test_a_bound_is_a_value_of_its_null_and_is_only_made_laxer() -> None:
    high, low = quantile("x.y", True, range(96), 0.1), quantile("x.y", False, range(96), 0.1)
    assert high is not None
    assert low is not None
    assert (high.limit, low.limit) == (87, 8)  # ceil(.9 * 97) = 88th of 0 to 95, from either end
    assert quantile("x.y", True, range(8), 0.1) is None, "nine values at least tell a tenth"
    assert high.no_tighter(90).limit == 90
    assert high.no_tighter(80) == high.no_tighter(None) == high
    assert (low.no_tighter(5).limit, low.no_tighter(9).limit) == (5, 8)


@pytest.mark.parametrize("rows", [1000, 1500, 4000])
@pytest.mark.parametrize("expected", [0.02, 0.5, 2, 8, 200])
def test_new_rows_break_the_bound_of_a_share_at_the_rate(rows: int, expected: float) -> None:
    """Real sets of `rows`, 500 to a draw, of a fault that is expected so often in 500 rows; then new rows, as many and
    three times as many."""
    rng, size, sets, rate = np.random.default_rng(5), 500, 300, 0.05
    alarms, plain = np.zeros(2), 0.0
    for faults in rng.binomial(rows, expected / size, sets):
        shares = rng.hypergeometric(faults, rows - faults, size, 200) / size
        bound = quantile("x.y", True, as_new(shares, True, size, rows).tolist(), rate)
        assert bound is not None
        limit = bound.no_tighter(by_chance(shares, np.full(200, float(size)), True, rate)).limit
        alarms += [1 - binom.cdf(math.floor(limit * n + 1e-9), n, expected / size) for n in (size, 3 * size)]
        plain += 1 - binom.cdf(math.floor(np.sort(shares)[190] * size + 1e-9), size, expected / size)
    # The mean over 300 sets has an error of .01; the widened quantile itself is of 200 splits.
    assert (alarms / sets < rate + 0.025).all(), alarms / sets
    if rows == 1000 and expected >= 0.5:
        assert plain / sets > 0.1, "without either correction"


def test_a_metric_on_new_rows_varies_as_the_widened_draws_do() -> None:
    """Means of halves of a sample, against means of new samples about the sample's own."""
    rng = np.random.default_rng(6)
    spread, true = [], []
    for _ in range(200):
        sample = rng.exponential(size=400)
        halves = np.array([rng.permutation(sample)[:200].mean() for _ in range(60)])
        spread.append(np.var(as_new(halves, True, 200, 400)))
        true.append(rng.exponential(size=200).mean() - sample.mean())
    assert np.mean(spread) == pytest.approx(np.var(true), rel=0.25)
    low = as_new(halves, False, 200, 400)
    assert (low > 0).all()
    assert np.std(np.log(low)) == pytest.approx(math.sqrt(3) * np.std(np.log(halves)))


def test_chance_is_that_of_clopper_and_pearson() -> None:
    n = np.full(20, 700.0)
    assert by_chance(np.zeros(20), n, True, 0.05) == pytest.approx(1 - 0.05 ** (1 / 700))
    assert by_chance(np.ones(20), n, False, 0.05) == pytest.approx(0.05 ** (1 / 700))
    some = np.arange(20) / 700
    assert by_chance(some, n, True, 0.01) == pytest.approx(beta.ppf(0.99, 9.5 + 1, 700 - 9.5))
    assert by_chance(some, n, False, 0.01) == pytest.approx(beta.ppf(0.01, 9.5, 700 - 9.5 + 1))
    assert by_chance(np.zeros(20), n, False, 0.05) == 0
    assert by_chance(np.ones(20), n, True, 0.05) == 1
    assert by_chance(np.full(20, 0.7512345), n, True, 0.05) is None, "a share of no rows"


@pytest.mark.parametrize("rate", [0.5, 0.05, 0.01, 0.05 / 80])
@pytest.mark.parametrize("size", [50, 500, 3700])
def test_a_fault_that_no_real_row_has_keeps_the_rate_whatever_its_true_share(rate: float, size: int) -> None:
    limit = by_chance(np.zeros(3), np.full(3, float(size)), True, rate)
    assert limit is not None
    real = 2 * size
    for audited in (size, size + 1, 2 * size, 10 * size, 1000 * size):
        least = math.floor(limit * audited) + 1  # faults that break the bound
        # All faults among real and audited rows fall to the audited ones.
        assert (audited / (audited + real)) ** least <= rate


def test_all_bounds_together_have_the_rate() -> None:
    """Of 40 metrics in normal noise, a third of them one and the same, half of them worse when low: of new splits
    five in a hundred break any of the bounds. Each at five in a hundred, more than half do."""
    rng = np.random.default_rng(3)

    def splits(n: int) -> list[dict[str, float]]:
        shared = rng.normal(size=n)
        noise = [shared if m % 3 == 0 else rng.normal(size=n) for m in range(40)]
        return [{f"x.{m}": float(np.exp(noise[m][i])) for m in range(40)} for i in range(n)]

    seen = splits(400)
    found = [quantile(f"x.{m}", m % 2 == 0, [one[f"x.{m}"] for one in seen], 0.05) for m in range(40)]
    each = [bound for bound in found if bound is not None]
    assert len(each) == 40
    bounds = jointly(each, seen, 0.05)
    new = splits(2_000)
    alarms, before = (sum(any(b.broken(one) for b in some) for one in new) for some in (bounds, each))
    assert before > 0.5 * len(new)
    assert 0.03 * len(new) <= alarms <= 0.075 * len(new)  # the quantile itself is of 400 splits
    assert all(bound.limit > 0 for bound in bounds)
