"""Both fits against scikit-learn, the AUC and its variance against plain Python, the test's size by simulation."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest
from scipy.sparse import random_array
from scipy.stats import binom, mannwhitneyu
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from auditor.statistics import classify

ALONE = np.arange(1_000, dtype=np.uint64)
"""Groups of rows that share nothing."""


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_dense_fit_is_scikit_learns(penalty: float) -> None:
    draw = np.random.default_rng(1)
    rows = draw.standard_normal((400, 12)).astype(np.float32)
    synthetic = draw.random(400) < 1 / (1 + np.exp(-rows @ draw.standard_normal(12) - 0.5))
    found = classify.dense(rows, synthetic, penalty)
    wanted = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(rows.astype(float), synthetic)
    assert found.weights == pytest.approx(wanted.coef_[0], abs=1e-4)
    assert found.intercept == pytest.approx(wanted.intercept_[0], abs=1e-4)


@pytest.mark.parametrize("penalty", [1.0, 10.0])
def test_sparse_fit_is_scikit_learns_wherever_it_begins(penalty: float) -> None:
    draw = np.random.default_rng(2)
    rows = random_array((500, 80), density=0.1, format="csr", rng=draw)
    synthetic = draw.random(500) < 1 / (1 + np.exp(-rows @ draw.standard_normal(80) * 3))
    wanted = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=10_000).fit(rows, synthetic)
    far = classify.Linear(np.full(80, 3.0), -2.0)
    for start in (None, far):
        found = classify.sparse(rows, synthetic, penalty, start)
        assert found.weights == pytest.approx(wanted.coef_[0], abs=5e-3)
        odds = rows @ found.weights + found.intercept
        assert odds == pytest.approx(wanted.decision_function(rows), abs=5e-3)


@pytest.mark.parametrize("ties", [False, True])
def test_auc_and_its_variance(ties: bool) -> None:
    draw = np.random.default_rng(3)
    synthetic = np.arange(90) < 40
    score = draw.standard_normal(90) + 0.7 * synthetic
    if ties:
        score = np.round(score)
    found = classify.auc(score, synthetic, ALONE[:90])
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(synthetic, score))
    wins = (score[synthetic][:, None] > score[~synthetic]) + 0.5 * (score[synthetic][:, None] == score[~synthetic])
    by_hand = wins.mean(1).var(ddof=1) / 40 + wins.mean(0).var(ddof=1) / 50  # DeLong 1988, as it is written
    assert found.variance == pytest.approx(by_hand)
    assert classify.auc(score, np.arange(90) < 1, ALONE[:90]) is None


def test_variance_of_clusters_is_obuchowskis() -> None:
    draw = np.random.default_rng(5)
    group = draw.integers(0, 25, 90).astype(np.uint64)
    synthetic = draw.random(90) < 0.4
    score = np.round(draw.standard_normal(90) + draw.standard_normal(25)[group] + 0.7 * synthetic, 1)
    found = classify.auc(score, synthetic, group)
    assert found is not None
    m, n = int(synthetic.sum()), int((~synthetic).sum())
    wins = (score[synthetic][:, None] > score[~synthetic]) + 0.5 * (score[synthetic][:, None] == score[~synthetic])
    theta, over, under = wins.mean(), wins.mean(1), wins.mean(0)
    ours, theirs = ([], [])  # type: tuple[list[float], list[float]]
    for one in range(25):  # Obuchowski 1997, section 2, as it is written
        ours.append(sum(v - theta for v in over[group[synthetic] == one]))
        theirs.append(sum(v - theta for v in under[group[~synthetic] == one]))
    left, right = (len(set(group[side].tolist())) for side in (synthetic, ~synthetic))
    both = len(set(group.tolist()))
    s10 = left / ((left - 1) * m) * sum(v * v for v in ours)
    s01 = right / ((right - 1) * n) * sum(v * v for v in theirs)
    s11 = both / (both - 1) * sum(a * b for a, b in zip(ours, theirs, strict=True))
    assert found.value == pytest.approx(roc_auc_score(synthetic, score))
    assert found.variance == pytest.approx(s10 / m + s01 / n + 2 / (m * n) * s11)
    assert classify.auc(score, synthetic, np.zeros(90, np.uint64)) is None


@pytest.mark.parametrize("paired", [True, False], ids=["both sides of a pair", "one side's likes"])
def test_groups_keep_the_size_of_p_and_the_cover_of_the_interval(paired: bool) -> None:
    """400 draws of scores that groups of four share, nothing else: two rows of each side in them, or four of one."""
    group = np.repeat(np.arange(40, dtype=np.uint64), 4)
    synthetic = np.arange(160) % 4 < 2 if paired else group < 20
    alarms, covered = np.zeros(2, int), np.zeros(2, int)
    for seed in range(400):
        draw = np.random.default_rng(seed)
        score = draw.standard_normal(160) + 1.5 * draw.standard_normal(40)[group]
        for at, known in enumerate((group, ALONE[:160])):
            p, found = classify.mann_whitney(score, synthetic, known), classify.auc(score, synthetic, known)
            assert p is not None
            assert found is not None
            alarms[at] += p <= 0.05
            covered[at] += abs(found.value - 0.5) <= NormalDist().inv_cdf(0.975) * found.variance**0.5
    low, high = binom.interval(0.99, 400, 0.05)
    assert low <= alarms[0] <= high
    assert 400 - high <= covered[0] <= 400 - low + 8
    # Rows taken for independent: far too sure of one side's likes, and blind where both sides share.
    assert (alarms[1] < low and covered[1] > 395) if paired else (alarms[1] > 2 * high and covered[1] < 350)


@pytest.mark.parametrize("ties", [False, True])
def test_p_is_scipys(ties: bool) -> None:
    draw = np.random.default_rng(4)
    synthetic = draw.random(200) < 0.4
    score = draw.standard_normal(200) + 0.2 * synthetic
    if ties:
        score = np.round(score)
    wanted = mannwhitneyu(
        score[synthetic], score[~synthetic], alternative="greater", method="asymptotic", use_continuity=False
    )
    assert classify.mann_whitney(score, synthetic, ALONE[:200]) == pytest.approx(wanted.pvalue)
    assert classify.mann_whitney(np.zeros(200), synthetic, ALONE[:200]) == 1
    assert classify.mann_whitney(score, np.zeros(200, np.bool_), ALONE[:200]) is None


def test_folds_are_compared_within_themselves() -> None:
    fold = np.repeat([0, 1], 20)
    synthetic = np.tile([True, False], 20)
    score = np.where(fold == 0, 100.0, 0.0) + synthetic  # perfect in each fold, whatever lies between them
    found = classify.over_folds(score, synthetic, fold, ALONE[:40])
    assert found is not None
    assert found.value == 1
    assert classify.over_folds(score, np.ones(40, np.bool_), fold, ALONE[:40]) is None


GROUPS = {
    "alone": (ALONE[:240], np.arange(240) < 120),
    "pairs": (np.tile(ALONE[:120], 2), np.arange(240) < 120),
    "likes": (np.repeat(ALONE[:80], 3), np.arange(240) < 120),
}


@pytest.mark.parametrize("kin", GROUPS)
def test_size_and_interval_where_nothing_differs(kin: str) -> None:
    """400 sets of noise, that of a group shared by its rows: false alarms of p, and the cover of the AUC's interval."""
    group, synthetic = GROUPS[kin]
    alarms = covered = 0
    for seed in range(400):
        draw = np.random.default_rng(seed)
        rows = draw.standard_normal((240, 10)) + (kin != "alone") * 1.5 * draw.standard_normal((240, 10))[group]
        fold, half = draw.integers(0, 5, 240)[group], (draw.random(240) < 0.5)[group]
        vectors = rows.astype(np.float32)
        model = classify.dense(vectors[~half], synthetic[~half], 10.0)
        p = classify.mann_whitney(vectors[half] @ model.weights, synthetic[half], group[half])
        alarms += p is not None and p <= 0.05
        odds = np.empty(240)
        for k in range(5):
            model = classify.dense(vectors[fold != k], synthetic[fold != k], 10.0)
            odds[fold == k] = vectors[fold == k] @ model.weights
        found = classify.over_folds(odds, synthetic, fold, group)
        assert found is not None
        covered += abs(found.value - 0.5) <= NormalDist().inv_cdf(0.975) * found.variance**0.5
    low, high = binom.interval(0.99, 400, 0.05)
    assert low <= alarms <= high
    assert covered >= 360
