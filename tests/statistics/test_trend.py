"""Slopes and tests of trend against SciPy, and all orders counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from auditor.statistics.trend import falling, quantile, theil_sen


@pytest.mark.parametrize("n", [2, 3, 4, 5, 8, 20, 41])
@pytest.mark.parametrize("ties", [False, True])
def test_theil_sen(n: int, ties: bool) -> None:
    from scipy import stats

    draw = np.random.default_rng(n)
    for _ in range(5):
        x = np.cumsum(draw.integers(1, 4, n)).astype(float)
        y = draw.integers(0, 4, n).astype(float) if ties else draw.normal(size=n)
        slope, _, low, high = stats.theilslopes(y, x, 0.95)
        assert theil_sen(x.tolist(), y.tolist()) == pytest.approx((slope, low, high))


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_falling_counts_all_orders(n: int) -> None:
    values = np.random.default_rng(n).permutation(n).astype(float).tolist()

    def falls(series: tuple[float, ...] | list[float]) -> int:
        return sum(left > right for left, right in itertools.combinations(series, 2))

    orders = [falls(order) for order in itertools.permutations(values)]
    assert falling(values) == pytest.approx(np.mean([order >= falls(values) for order in orders]))


def test_falling_as_scipy() -> None:
    from scipy import stats

    draw = np.random.default_rng(0)
    for n in (6, 15, 33):
        y = draw.normal(size=n) - 0.05 * np.arange(n)
        wanted = stats.kendalltau(np.arange(n), y, alternative="less", method="exact").pvalue
        assert falling(y.tolist()) == pytest.approx(wanted)
    y = np.round(draw.normal(size=60) - 0.02 * np.arange(60), 1)
    wanted = stats.kendalltau(np.arange(60), y, alternative="less", method="asymptotic").pvalue
    assert falling(y.tolist()) == pytest.approx(wanted, abs=0.01)  # SciPy has no correction for continuity


def test_flat() -> None:
    assert falling([1.0, 1.0, 1.0, 1.0]) == 1.0
    assert theil_sen([1, 2], [3.0, 3.0]) == (0.0, 0.0, 0.0)
    assert falling([4.0, 3.0, 2.0, 1.0]) == pytest.approx(1 / 24)


def test_quantiles_are_those_of_scipy() -> None:
    from scipy import stats

    for share in (0.95, 0.9975):
        assert quantile(share, None) == pytest.approx(stats.norm.ppf(share))
        assert quantile(share, 14) == pytest.approx(stats.t.ppf(share, 14))
