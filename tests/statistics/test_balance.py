"""Balance against SciPy, resampling and the paper's own example."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from auditor.statistics import balance


def test_distance_of_two_samples() -> None:
    ours, theirs = np.array([60, 30, 110]), np.array([120, 90, 90])
    seen = balance.between(ours, theirs)
    assert seen.value == pytest.approx(np.abs(ours / 200 - theirs / 300).sum() / 2)
    assert seen.p == pytest.approx(stats.chi2_contingency(np.stack([ours, theirs]), correction=False).pvalue)
    draw = np.random.default_rng(1)
    again = [
        np.abs(draw.multinomial(200, ours / 200) / 200 - draw.multinomial(300, theirs / 300) / 300).sum() / 2
        for _ in range(4_000)
    ]
    assert (seen.high - seen.low) / 2 == pytest.approx(1.96 * np.std(again), rel=0.1)
    assert balance.between(ours, ours).value == 0
    assert balance.between(ours, ours).p == pytest.approx(1)


def test_distance_to_what_is_declared() -> None:
    ours, shares = np.array([60, 30, 110]), np.array([0.5, 0.2, 0.3])
    seen = balance.to_shares(ours, shares)
    assert seen.value == pytest.approx(np.abs(ours / 200 - shares).sum() / 2)
    assert seen.p == pytest.approx(stats.chisquare(ours, shares * 200).pvalue)
    assert balance.to_shares(np.array([50, 50, 1]), np.array([0.5, 0.5, 0])).p == 0
    assert balance.to_shares(np.array([7]), np.array([1.0])).p == 1


def test_rare_labels_raise_no_false_alarm() -> None:
    draw, shares = np.random.default_rng(2), 1 / np.arange(1, 51) ** 1.2
    shares /= shares.sum()
    low = [balance.between(draw.multinomial(150, shares), draw.multinomial(400, shares)).p < 0.05 for _ in range(400)]
    assert np.mean(low) < stats.binom.ppf(0.999, 400, 0.05) / 400


def test_labels_that_are_rare_are_tested_together() -> None:
    mine, theirs = np.array([500, 480, 1, 0, 2]), np.array([490, 510, 0, 3, 1])
    together = np.array([[500, 480, 3], [490, 510, 4]])
    expected = stats.chi2_contingency(np.stack([mine, theirs])[:, :2]).pvalue
    assert balance.chi_square_p(mine, theirs) == pytest.approx(stats.chi2_contingency(together).pvalue)
    assert balance.chi_square_p(mine, theirs) != pytest.approx(expected)
    assert balance.chi_square_p(np.array([3]), np.array([9])) == 1
    # From the commonest on, up to ten rows that are expected: 4 and 4, then 4, 4 and 3, and 1 with those before it.
    rare = np.array([[100, 8, 1, 6, 2, 3, 1], [100, 0, 7, 2, 6, 3, 1]])
    groups = np.array([[100, 9, 12], [100, 7, 12]])
    assert balance.chi_square_p(*rare) == pytest.approx(stats.chi2_contingency(groups).pvalue)


@pytest.mark.parametrize(("labels", "n", "m"), [(200, 1000, 1000), (1000, 3000, 90_000), (60, 150, 40_000)])
def test_many_labels_raise_no_false_alarm_and_none_is_missed(labels: int, n: int, m: int) -> None:
    draw, even = np.random.default_rng(labels), np.full(labels, 1 / labels)
    halves = [balance.between(draw.multinomial(n, even), draw.multinomial(m, even), corrected=True) for _ in range(200)]
    assert sum(one.p < 0.05 for one in halves) <= stats.binom.ppf(0.999, 200, 0.05)
    assert np.mean([one.value > 0 for one in halves]) < 0.75
    assert max(one.value for one in halves) < 0.15
    skewed = draw.multinomial(n, np.r_[0.5, np.full(labels - 1, 0.5 / (labels - 1))])
    found = balance.between(skewed, draw.multinomial(m, even), corrected=True)
    assert found.p < 1e-9
    assert found.value > 0.3
    ours, theirs = np.r_[draw.multinomial(n, even), 0 * even], np.r_[0 * even, draw.multinomial(m, even)]
    apart = balance.between(ours.astype(np.int64), theirs.astype(np.int64), corrected=True)
    assert apart.value == pytest.approx(1)


def test_a_label_that_one_side_is_full_of_is_told_beside_a_far_larger_side() -> None:
    assert balance.between(np.r_[100, np.zeros(49, np.int64)], np.full(50, 200)).p < 1e-9


def test_chance_is_what_dealing_gives() -> None:
    draw = np.random.default_rng(9)
    pack = np.r_[draw.integers(1, 9, 150), 300, 40, 0]
    n, m = 400, int(pack.sum()) - 400
    dealt = draw.multivariate_hypergeometric(pack, n, size=4_000)
    seen = np.abs(dealt / n - (pack - dealt) / m).sum(axis=1).mean() / 2
    assert balance.by_chance(dealt[0], pack - dealt[0]) == pytest.approx(seen, rel=0.01)
    assert balance.by_chance(np.array([7]), np.array([3])) == pytest.approx(0)
    assert balance.beyond_chance([0.0], np.array([7]), np.array([3])) == [0]


def test_imbalance_is_what_entropy_leaves() -> None:
    assert balance.imbalance(np.array([5, 5, 5])) == pytest.approx(0)
    assert balance.imbalance(np.array([9, 0])) == 1
    assert balance.imbalance(np.array([70, 20, 10])) == pytest.approx(1 - stats.entropy([70, 20, 10]) / np.log(3))
    assert balance.imbalance(np.array([7])) == 0


def test_amplification_of_the_paper() -> None:
    """Zhao et al. 2017, section 1: 67 % of the agents of cooking are women in training, 84 % in predictions."""
    assert balance.amplification(np.array([[16, 84]]), np.array([[33, 67]])) == pytest.approx(0.17)
    both = balance.amplification(np.array([[16, 84], [60, 40]]), np.array([[33, 67], [80, 20]]))
    assert both == pytest.approx((0.17 - 0.2) / 2)
    assert balance.amplification(np.array([[10, 20]]), np.array([[5, 5]])) == 0
