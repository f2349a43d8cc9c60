"""Agreement beyond chance, against scikit-learn, the `krippendorff` package and Gwet's own figures."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from auditor.statistics import agreement


def table(left: np.ndarray, right: np.ndarray, k: int) -> np.ndarray:
    return np.bincount(left * k + right, minlength=k * k).reshape(k, k)


@pytest.mark.parametrize("seed", range(20))
def test_kappa_is_scikit_learns(seed: int) -> None:
    from sklearn.metrics import cohen_kappa_score

    random = np.random.default_rng(seed)
    k, n = int(random.integers(2, 5)), int(random.integers(5, 300))
    left = random.integers(0, k, n)
    right = np.where(random.random(n) < random.random(), left, random.integers(0, k, n))
    wanted = cohen_kappa_score(left, right, labels=range(k))
    assert float(agreement.kappa(table(left, right, k))) == pytest.approx(wanted, abs=1e-12)


def test_kappa_where_chance_leaves_no_room() -> None:
    assert np.isnan(agreement.kappa(np.array([[7, 0], [0, 0]])))
    assert np.isnan(agreement.kappa(np.zeros((3, 3))))


@pytest.mark.parametrize("scale", [1, 7, 10, 49])
def test_an_agreement_by_chance_is_zero_and_no_rounding(scale: int) -> None:
    """Rows in proportion: one rater's class tells nothing of the other's."""
    table = np.outer([3, 1, 6], [1, 3, 3]) * scale
    assert agreement.kappa(table) == 0.0


def test_many_tables_are_one_call() -> None:
    tables = np.random.default_rng(1).integers(1, 20, (50, 3, 3))
    for of in (agreement.kappa, agreement.ac1):
        assert of(tables) == pytest.approx([float(of(one)) for one in tables])


def test_ac1_is_steady_where_kappa_breaks_down() -> None:
    """Gwet's paradox of kappa: 118 yes/yes, 5 yes/no, 2 no/yes, 0 no/no; kappa -0.0234, AC1 0.9408."""
    paradox = np.array([[118, 5], [2, 0]])
    assert float(agreement.kappa(paradox)) == pytest.approx(-0.0234, abs=5e-5)
    assert float(agreement.ac1(paradox)) == pytest.approx(0.9408, abs=5e-5)


@pytest.mark.parametrize("seed", range(20))
def test_ac1_by_its_definition(seed: int) -> None:
    random = np.random.default_rng(seed)
    k, n = int(random.integers(2, 5)), 80
    left, right = random.integers(0, k, n), random.integers(0, k, n)
    seen = float((left == right).mean())
    shares = [((left == q).mean() + (right == q).mean()) / 2 for q in range(k)]
    chance = sum(share * (1 - share) for share in shares) / (k - 1)
    assert float(agreement.ac1(table(left, right, k))) == pytest.approx((seen - chance) / (1 - chance))


@pytest.mark.parametrize("seed", range(25))
def test_alpha_is_that_of_the_krippendorff_package(seed: int) -> None:
    krippendorff = pytest.importorskip("krippendorff")
    random = np.random.default_rng(seed)
    raters, units, k = int(random.integers(2, 6)), int(random.integers(4, 60)), int(random.integers(2, 4))
    truth = random.integers(0, k, units)
    said = np.where(random.random((raters, units)) < 0.6, truth, random.integers(0, k, (raters, units))).astype(float)
    said[random.random((raters, units)) < 0.3] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = krippendorff.alpha(reliability_data=said, level_of_measurement="nominal", value_domain=list(range(k)))
    counts = np.stack([(said == q).sum(0) for q in range(k)], 1)
    counts = counts[counts.sum(1) > 1]
    sizes, apart = agreement.tally(counts)
    distinct = np.unique(sizes)
    by_size = np.array([apart[sizes == size].sum() for size in distinct])
    assert float(agreement.alpha(distinct, by_size, counts.sum(0))) == pytest.approx(wanted, abs=1e-12)


def test_alpha_of_one_class_is_not_a_number() -> None:
    assert np.isnan(agreement.alpha(np.array([2]), np.array([0]), np.array([8, 0, 0])))
