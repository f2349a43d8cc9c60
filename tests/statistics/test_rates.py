"""Rates, ratios and effect sizes: closed forms, published tables, and whether the intervals cover."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
from scipy import stats

from auditor.statistics import rates


def test_a_rate_is_the_ratio_of_sums_with_its_jackknife_error() -> None:
    random = np.random.default_rng(0)
    words = random.integers(5, 200, 800)
    counts = random.binomial(words, random.beta(1, 60, 800))
    found = rates.per_thousand(counts, words)
    assert found.value == pytest.approx(1000 * counts.sum() / words.sum())
    left_out = 1000 * (counts.sum() - counts) / (words.sum() - words)
    jackknife = np.sqrt((len(words) - 1) / len(words) * ((left_out - left_out.mean()) ** 2).sum())
    assert found.error == pytest.approx(jackknife, rel=0.02)
    assert (found.low, found.high) == pytest.approx(
        (found.value - 1.96 * found.error, found.value + 1.96 * found.error), rel=1e-3
    )


def test_the_rate_s_interval_covers_where_rows_repeat_themselves() -> None:
    """Rows that like a word say it often: an interval for independent words would cover half as often."""
    truth, covered, naive = 1000 * 0.02, 0, 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        words = random.integers(20, 120, 300)
        counts = random.poisson(words * random.gamma(0.2, 0.02 / 0.2, 300))
        found = rates.per_thousand(counts, words)
        covered += found.low <= truth <= found.high
        half = 1.96 * 1000 * np.sqrt(counts.sum()) / words.sum()
        naive += abs(found.value - truth) <= half
    assert covered >= 270
    assert naive < 200


def test_nothing_seen_has_garwood_s_interval() -> None:
    found = rates.per_thousand(np.zeros(4, np.int32), np.array([100, 200, 0, 700]))
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(stats.chi2.ppf(0.975, 2) / 2)


def test_sums_do_not_depend_on_the_order_of_rows() -> None:
    random = np.random.default_rng(1)
    words, counts = random.integers(0, 1000, 500), random.integers(0, 9, 500)
    order = random.permutation(500)
    assert rates.per_thousand(counts, words) == rates.per_thousand(counts[order], words[order])
    assert rates.log_ratio(counts, words) == rates.log_ratio(counts[order], words[order])


def test_the_log_ratio_s_error_is_the_jackknife_s() -> None:
    random = np.random.default_rng(2)
    left, right = random.poisson(0.6, 900), random.poisson(1.7, 900)
    found = rates.log_ratio(left, right)
    assert found.value == pytest.approx(log((left.sum() + 0.5) / (right.sum() + 0.5)))
    out = np.log((left.sum() - left) / (right.sum() - right))
    assert found.error == pytest.approx(np.sqrt(899 / 900 * ((out - out.mean()) ** 2).sum()), rel=0.02)


def test_a_log_ratio_of_what_was_not_seen_is_wide() -> None:
    found = rates.log_ratio(np.zeros(50, np.int64), np.ones(50, np.int64))
    assert found.value == pytest.approx(log(0.5 / 50.5))
    assert found.high > log(1 / 50)


def test_the_precision_of_a_difference_is_its_spread_over_samples_of_one_source() -> None:
    random = np.random.default_rng(0)
    likes = random.gamma(0.5, 2, 6000)
    left, right, words = random.poisson(0.2 * likes), random.poisson(0.3 * likes), np.full(6000, 40)
    differences, halves = [], []
    for _ in range(600):
        order = random.permutation(6000)
        sides = [(left[part], right[part], words[part]) for part in (order[:400], order[400:1600])]
        differences.append(rates.difference(*(rates.log_ratio(a, b) for a, b, _ in sides)).value)
        halves.append(rates.precision(sides, 0.1)[0])
    assert np.mean(halves) == pytest.approx(1.96 * np.std(differences), rel=0.1)
    # As many rows as it asks for know it as closely as was asked.
    rows = round(rates.precision([(left, right, words)] * 2, 0.1)[1])
    repeated = [np.tile(one, 9)[:rows] for one in (left, right, words)]
    assert rates.precision([tuple(repeated)] * 2, 0.1)[0] == pytest.approx(0.1, rel=0.05)


def test_nothing_of_one_kind_tells_nothing() -> None:
    some, none, words = np.ones(9, int), np.zeros(9, int), np.full(9, 5)
    assert rates.precision([(some, none, words)] * 2, 0.5) == (np.inf, np.inf)
    assert rates.precision([(some, some, words), (some, some, none)], 0.5) == (np.inf, np.inf)
    # An empty row is none.
    padded = [np.concatenate([one, none]) for one in (some, 2 * some, words)]
    assert rates.precision([tuple(padded)] * 2, 0.5) == rates.precision([(some, 2 * some, words)] * 2, 0.5)


def test_differences_and_ratios() -> None:
    one, two = rates.Estimate(3.0, 0, 0, 0.3), rates.Estimate(1.0, 0, 0, 0.4)
    assert rates.difference(one, two).error == pytest.approx(0.5)
    assert rates.difference(one, two).value == 2
    ratio = rates.rate_ratio(one, two)
    assert ratio is not None
    assert ratio.value == 3
    assert ratio.low == pytest.approx(3 * np.exp(-1.959964 * np.hypot(0.1, 0.4)))
    assert rates.rate_ratio(one, rates.Estimate(0, 0, 1, 0)) is None


def test_cohen_s_own_values() -> None:
    # Cohen 1988, table 6.2.2: phi(.40) = 1.369, phi(.65) = 1.875; h by the book is their difference.
    found = rates.cohens_h(0.65, 50, 0.40, 50)
    assert found.value == pytest.approx(1.875 - 1.369, abs=1e-3)
    assert found.error == pytest.approx(0.2)
    left, right = np.array([1.0, 2, 3, 4, 5]), np.array([2.0, 3, 4, 5, 6, 7])
    pooled = np.sqrt((4 * left.var(ddof=1) + 5 * right.var(ddof=1)) / 9)
    assert rates.cohens_d(left, right).value == pytest.approx((left.mean() - right.mean()) / pooled)
    assert rates.cohens_d(np.ones(3), np.ones(4)).value == 0


def test_the_interval_of_h_covers() -> None:
    truth = 2 * np.arcsin(np.sqrt(0.1)) - 2 * np.arcsin(np.sqrt(0.16))
    covered = 0
    for seed in range(500):
        random = np.random.default_rng(seed)
        found = rates.cohens_h(random.binomial(400, 0.1) / 400, 400, random.binomial(700, 0.16) / 700, 700)
        covered += found.low <= truth <= found.high
    assert 460 <= covered <= 490


def test_means_are_scipy_s() -> None:
    values = np.random.default_rng(4).normal(3, 2, 400)
    found = rates.mean(values)
    assert found.error == pytest.approx(stats.sem(values))
    assert rates.mean(np.array([2.0])).low == 2
