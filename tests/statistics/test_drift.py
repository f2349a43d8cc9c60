"""The drift numbers against SciPy used naively, brute force and closed forms."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from auditor.statistics import balance, drift

SAMPLES: dict[str, Any] = {
    "normal": lambda r, n: r.normal(0.3, 1.2, n),
    "counts": lambda r, n: r.poisson(3, n),
    "heavy": lambda r, n: r.lognormal(4, 1.5, n).astype(np.float32),
    "constant": lambda r, n: np.zeros(n, np.int32),
    "two": lambda r, n: r.integers(0, 2, n),
}


@pytest.mark.parametrize("left", SAMPLES)
@pytest.mark.parametrize("right", SAMPLES)
def test_numbers_are_scipy_s(left: str, right: str) -> None:
    random = np.random.default_rng(len(left) * 31 + len(right))
    values, real = SAMPLES[left](random, 731), SAMPLES[right](random, 1013)
    found = drift.of_numbers(values, real)
    expected = stats.ks_2samp(values.astype(float), real.astype(float), method="asymp")
    assert found.effect == pytest.approx(expected.statistic, abs=1e-12)
    assert found.p == pytest.approx(expected.pvalue, abs=1e-9)
    assert drift.ks(np.sort(values).astype(float), np.sort(real).astype(float)) == found.effect
    spread = stats.iqr(real.astype(float)) or real.astype(float).std()
    if not spread:  # constant in real: of a mixture that has either side by half
        weights = np.repeat([1 / len(values), 1 / len(real)], [len(values), len(real)])
        spread = np.sqrt(np.cov(np.concatenate([values, real]).astype(float), aweights=weights, ddof=0))
    moved = stats.wasserstein_distance(values, real)
    assert found.wasserstein == (pytest.approx(moved / spread, rel=1e-9, abs=1e-9) if moved else 0)
    bins = [-np.inf, *np.unique(np.quantile(real.astype(float), np.arange(1, 10) / 10)), np.inf]
    p, q = (np.array([np.mean((x > low) & (x <= high)) for low, high in pairwise(bins)]) for x in (values, real))
    assert found.js == pytest.approx(jensenshannon(p, q, base=2) ** 2, abs=1e-9)
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    assert found.psi == pytest.approx(sum((p - q) * np.log(p / q)), abs=1e-9)
    assert (found.n, found.real) == (731, 1013)


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
    st.lists(st.integers(-5, 5), min_size=1, max_size=30),
)
def test_ks_by_brute_force(left: list[int], right: list[int]) -> None:
    at = range(-6, 7)
    gaps = [abs(sum(x <= t for x in left) / len(left) - sum(x <= t for x in right) / len(right)) for t in at]
    found = drift.of_numbers(np.array(left), np.array(right))
    assert found.effect == pytest.approx(max(gaps))
    mine, theirs = sorted(left), sorted(right)
    if len(mine) == len(theirs):  # then the distance is the mean gap of what has the same rank
        moved = np.mean([abs(a - b) for a, b in zip(mine, theirs, strict=True)])
        spread = float(np.subtract(*np.quantile(right, (0.75, 0.25)))) or float(np.std(right))
        if spread:
            assert found.wasserstein == pytest.approx(moved / spread)


def test_closed_forms_of_normals() -> None:
    quantiles = stats.norm.ppf((np.arange(40_000) + 0.5) / 40_000)
    found = drift.of_numbers(quantiles + 0.7, quantiles)
    assert found.effect == pytest.approx(2 * stats.norm.cdf(0.35) - 1, abs=1e-4)
    assert found.wasserstein == pytest.approx(0.7 / (2 * stats.norm.ppf(0.75)), abs=1e-3)
    same = drift.of_numbers(quantiles, quantiles)
    assert (same.effect, same.psi, same.js, same.wasserstein, same.p) == (0, 0, 0, 0, 1)


def test_labels_are_scipy_s() -> None:
    random = np.random.default_rng(5)
    mine, theirs = random.integers(40, 400, 8), random.integers(40, 400, 8)
    found = drift.of_labels(mine, theirs)
    p, q = mine / mine.sum(), theirs / theirs.sum()
    assert found.effect == pytest.approx(abs(p - q).sum() / 2)
    assert found.js == pytest.approx(jensenshannon(p, q, base=2) ** 2)
    assert found.p == pytest.approx(stats.chi2_contingency(np.stack([mine, theirs])).pvalue, rel=1e-9)
    assert found.wasserstein is None


def test_disjoint_labels_have_nothing_in_common() -> None:
    found = drift.of_labels(np.array([100, 0]), np.array([0, 100]))
    assert (found.effect, found.js) == (1, 1)
    assert found.psi == pytest.approx(2 * (1 - 1e-4) * np.log(1e4))
    assert found.p < 1e-9


def test_many_labels_are_held_against_chance() -> None:
    random = np.random.default_rng(6)
    even = np.full(200, 1 / 200)
    halves = [drift.of_labels(*random.multinomial(1000, even, 2), many=True) for _ in range(50)]
    assert max(one.effect for one in halves) < 0.06 < min(drift.of_labels(*random.multinomial(1000, even, 2)).effect, 1)
    assert all((one.psi, one.js, one.wasserstein) == (None, None, None) for one in halves)
    mine, theirs = random.multinomial(1000, np.r_[0.9, np.full(199, 0.1 / 199)]), random.multinomial(1000, even)
    one = drift.of_labels(mine, theirs, many=True)
    assert one.low < one.effect < one.high
    assert one.effect == pytest.approx(balance.between(mine, theirs, corrected=True).value)
    assert one.effect > 0.8


@given(st.lists(st.floats(0, 1), max_size=40))
def test_false_discoveries_are_controlled_as_by_scipy(chances: list[float]) -> None:
    found = drift.adjusted(chances)
    assert found.tolist() == pytest.approx(stats.false_discovery_control(chances).tolist() if chances else [])


def test_values_too_large_for_a_distance_have_none() -> None:
    found = drift.of_numbers(np.array([1e308, -1e308]), np.array([0.0, 1.0]))
    assert found.wasserstein is None
    assert found.effect == 0.5


def test_the_interval_covers_the_true_effect() -> None:
    truth = float(2 * stats.norm.cdf(0.2) - 1)  # of two unit normals 0.4 apart
    covered = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        found = drift.of_numbers(random.normal(0.4, 1, 600), random.normal(0, 1, 900))
        covered += found.low <= truth <= found.high
    assert covered >= 190
    one_sided = drift.of_labels(np.array([50, 0]), np.array([0, 50]))
    assert one_sided.low < 1 == one_sided.high


def test_overlays_count_every_value_on_both_sides() -> None:
    random = np.random.default_rng(3)
    cases = {
        "linear": (random.normal(0, 1, 500), random.normal(1, 1, 300)),
        "log": (random.lognormal(5, 2, 500) + 1, random.lognormal(5, 2, 300) + 1),
    }
    cases["linear whole"] = (random.integers(0, 9, 500).astype(float), random.integers(3, 12, 300).astype(float))
    cases["linear point"] = (np.full(4, 2.5), np.full(3, 2.5))
    for name, (values, real) in cases.items():
        edges, counts, reference, scale = drift.overlay(values, real)
        assert scale == name.split()[0]
        assert (counts.sum(), reference.sum()) == (len(values), len(real))
        assert (np.diff(edges) > 0).all()
        assert len(counts) == len(reference) == len(edges) - 1
    edges, counts, _, _ = drift.overlay(*cases["linear whole"])
    assert counts[:9].tolist() == np.bincount(cases["linear whole"][0].astype(int), minlength=9).tolist()


@pytest.mark.parametrize("most", [3, 39, 40, 41, 95, 1000])
def test_bins_of_whole_numbers_have_as_many_of_them_each(most: int) -> None:
    """Every number as often as any other: no bin stands out. Up to 1,000 from 1 as densities, as they are drawn."""
    values = np.repeat(np.arange(2.0, most + 1), 50)
    edges, counts, _, scale = drift.overlay(values, values)
    assert ((edges % 1) == 0.5).all()
    inner = counts[1:-1] if len(counts) > 2 else counts  # the end bins hold what lies beyond
    if scale == "linear":
        assert len(set(inner.tolist())) == 1
        assert len(set(np.diff(edges).tolist())) == 1
    assert inner / np.diff(edges)[1 : -1 if len(counts) > 2 else None] == pytest.approx(50)
    assert counts.sum() == len(values)


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [([1e17], [1e17]), ([1e17, 1e17 + 16], [1e17]), ([-1.6e308], [1.6e308]), ([1.7e308], [1.7e308]), ([5e-324], [0.0])],
)
def test_a_picture_of_numbers_at_the_ends_of_what_a_float_holds(mine: list[float], theirs: list[float]) -> None:
    at, ours, real, _ = drift.overlay(np.array(mine), np.array(theirs))
    assert len(at) == len(ours) + 1 > 1
    assert (np.diff(at) > 0).all()
    assert (ours.sum(), real.sum()) == (len(mine), len(theirs))
