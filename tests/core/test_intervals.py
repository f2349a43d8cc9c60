"""Wilson intervals against SciPy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from auditor.core.intervals import rate, ratio, wilson
from auditor.model.result import Metric


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_equals_scipy(counts: tuple[int, int]) -> None:
    hits, n = counts
    expected = binomtest(hits, n).proportion_ci(method="wilson")
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_a_rate_of_nothing_has_a_reason_and_no_value() -> None:
    metric = rate("some.rate", 0, 0)
    assert metric.value is None
    assert metric.why


def test_the_interval_holds_the_rate_at_the_ends() -> None:
    for hits, n in ((0, 5), (5, 5)):
        metric = rate("some.rate", hits, n)
        assert metric.low is not None
        assert metric.high is not None
        assert metric.value is not None
        assert metric.low <= metric.value <= metric.high


@pytest.mark.parametrize(("p", "q", "n", "m"), [(0.5, 0.5, 60, 60), (0.9, 0.35, 400, 40), (0.05, 0.15, 100, 100)])
def test_a_ratio_of_rates_is_covered(p: float, q: float, n: int, m: int) -> None:
    draw = np.random.default_rng(1)
    held = 0
    for ours, theirs in zip(draw.binomial(n, p, 2000), draw.binomial(m, q, 2000), strict=True):
        metric = ratio("some.ratio", rate("a", int(ours), n), rate("b", int(theirs), m))
        if metric.low is not None and metric.high is not None:
            held += metric.low <= p / q <= metric.high
    assert 0.935 < held / 2000 < 0.97


@given(st.integers(0, 40), st.integers(1, 30), st.integers(40, 60), st.integers(30, 50))
def test_the_interval_of_a_ratio_holds_it(ours: int, theirs: int, n: int, m: int) -> None:
    metric = ratio("some.ratio", rate("a", ours, n), rate("b", theirs, m))
    assert metric.value == pytest.approx(ours * m / (n * theirs))
    assert metric.low is not None
    assert metric.high is not None
    assert metric.value is not None
    assert 0 <= metric.low <= metric.value * (1 + 1e-12)
    assert metric.value < metric.high * (1 + 1e-12)
    assert metric.n == min(n, m)


def test_a_ratio_to_nothing_has_a_reason_and_no_value() -> None:
    for ours, theirs in ((rate("a", 3, 9), rate("b", 0, 9)), (Metric("a", None, "share", 0), rate("b", 3, 9))):
        metric = ratio("some.ratio", ours, theirs)
        assert metric.value is None
        assert metric.why
