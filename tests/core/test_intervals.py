"""Wilson intervals against SciPy's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from auditor.core.intervals import rate, wilson


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
