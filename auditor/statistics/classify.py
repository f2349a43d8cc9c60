"""Logistic regression with a fixed penalty, and how well a score tells two groups apart, with its error.

Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", ICLR: two samples are of one distribution where no
classifier tells them apart on rows it was not fitted to. Both fits minimise a convex function, so what they find
depends on nothing but the rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.statistics.ranks import midranks

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]

STEPS = 50
"""Of Newton at most; a strong penalty takes five."""

CLOSE = 1e-6
"""Of the largest change of a weight, where Newton stops."""


@dataclass(frozen=True, slots=True)
class Linear:
    """log-odds = rows @ weights + intercept."""

    weights: Doubles
    intercept: float


def dense(rows: Floats, synthetic: Mask, penalty: float) -> Linear:
    """Minimise the sum of the log-losses and penalty / 2 * |weights|**2 by Newton (Hastie et al. 2009, section 4.4.1).
    rows: [n, d]. synthetic: bool [n]."""
    n, d = rows.shape
    wide = np.concatenate((rows, np.ones((n, 1), np.float32)), axis=1)
    target = synthetic.astype(np.float64)
    ridge = np.full(d + 1, float(penalty))
    ridge[d] = 1e-6  # the intercept is free; the trace keeps one group alone finite
    weights = np.zeros(d + 1)
    for _ in range(STEPS):
        odds = probability(wide @ weights.astype(np.float32))
        slope = (wide.T @ (odds - target).astype(np.float32)).astype(np.float64) + ridge * weights
        curved = wide * (odds * (1 - odds)).astype(np.float32)[:, None]
        curvature = (wide.T @ curved).astype(np.float64) + np.diag(ridge)
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if float(np.abs(step).max()) < CLOSE:
            break
    return Linear(weights[:d], float(weights[d]))


def matrix(rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]], width: int) -> Any:
    """Rows of features (offsets [n + 1], columns) as a SciPy CSR matrix of float64 [n, width], each of length 1."""
    from scipy.sparse import csr_matrix

    offsets, columns = rows
    sizes = np.diff(offsets)
    return csr_matrix((np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes), columns, offsets), (len(sizes), width))


def sparse(rows: Any, synthetic: Mask, penalty: float, start: Linear | None = None) -> Linear:
    """The same for a SciPy CSR matrix [n, d] of float64, by L-BFGS (Liu and Nocedal 1989). start: where to begin."""
    from scipy.optimize import minimize

    across = rows.T.tocsr()
    sign = np.where(synthetic, 1.0, -1.0)
    d = rows.shape[1]

    def loss(weights: Doubles) -> tuple[float, Doubles]:
        margin = sign * (rows @ weights[:d] + weights[d])
        wrong = -sign * probability(-margin)
        value = float(np.logaddexp(0, -margin).sum()) + penalty / 2 * float(weights[:d] @ weights[:d])
        return value, np.concatenate((across @ wrong + penalty * weights[:d], [wrong.sum()]))

    begin = np.zeros(d + 1) if start is None else np.concatenate((start.weights, [start.intercept]))
    options = {"maxiter": 500, "gtol": 1e-4 * sqrt(len(synthetic)), "ftol": 1e-9, "maxcor": 10}
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", options=options).x
    return Linear(found[:d], float(found[d]))


@dataclass(frozen=True, slots=True)
class Auc:
    """value: chance that a synthetic row scores above a real one. variance: of it, by DeLong. pairs: compared."""

    value: float
    variance: float
    pairs: int


def auc(score: Doubles, synthetic: Mask, group: Keys) -> Auc | None:
    """Area under the ROC curve, ties half, with its variance. None where a side has rows of fewer than two groups.

    group: uint64 [n], equal for rows that are not independent draws, such as two answers to one question. The variance
    is that of clusters (Obuchowski 1997, "Nonparametric analysis of clustered ROC curve data", Biometrics 53:567-578,
    equation 3); where every row is a group of its own it is DeLong's (DeLong, DeLong and Clarke-Pearson 1988,
    Biometrics 44; by ranks as in Sun and Xu 2014)."""
    ours, theirs = score[synthetic], score[~synthetic]
    m, n = len(ours), len(theirs)
    groups, place = np.unique(group, return_inverse=True)
    had = [np.bincount(place[side], minlength=len(groups)) > 0 for side in (synthetic, ~synthetic)]
    left, right = (int(np.count_nonzero(one)) for one in had)
    if min(left, right) < 2:
        return None
    together = midranks(np.concatenate((ours, theirs)))
    above = (together[:m] - midranks(ours)) / n
    below = 1 - (together[m:] - midranks(theirs)) / m
    value = float(above.mean())
    a = np.bincount(place[synthetic], (above - value) / m, len(groups))
    b = np.bincount(place[~synthetic], (below - value) / n, len(groups))
    variance = left / (left - 1) * float(a @ a) + right / (right - 1) * float(b @ b)
    variance += 2 * len(groups) / (len(groups) - 1) * float(a @ b)
    return Auc(value, max(variance, 0.0), m * n)


def over_folds(score: Doubles, synthetic: Mask, fold: npt.NDArray[np.int64], group: Keys) -> Auc | None:
    """AUC within each fold, averaged by pairs: scores of different folds come from different fits. None where no
    fold has both sides. group: as of `auc`; each stands in one fold. The folds' fits share most of their rows, and so
    their luck: the variance is widened for that
    by 1 + k / (k - 1) (Nadeau and Bengio 2003, "Inference for the generalization error", Machine Learning 52, equation
    7: 1 / k + test / train in place of 1 / k); on halves of GSM8K it is so indeed."""
    k = int(fold.max()) + 1
    parts = [auc(score[mine], synthetic[mine], group[mine]) for mine in (fold == one for one in range(k))]
    found = [one for one in parts if one is not None]
    pairs = sum(one.pairs for one in found)
    if not pairs:
        return None
    value = sum(one.value * one.pairs for one in found) / pairs
    widened = 1 + k / (k - 1) if k > 1 else 1.0
    return Auc(value, widened * sum(one.variance * (one.pairs / pairs) ** 2 for one in found), pairs)


def mann_whitney(score: Doubles, synthetic: Mask, group: Keys) -> float | None:
    """Chance of an AUC as high where both sides score alike (Mann and Whitney 1947; normal, ties as in Hollander and
    Wolfe 1999, section 4.1). None where a side is empty.

    group: as of `auc`. Rows of one add the covariance of their ranks to the variance, as they are (Liang and Zeger
    1986, Biometrika 73): that of two sides of a pair makes it smaller, that of one side's likes larger."""
    m, n = int(np.count_nonzero(synthetic)), int(np.count_nonzero(~synthetic))
    if not m or not n:
        return None
    ranks = midranks(score)
    area = (float(ranks[synthetic].sum()) / m - (m + 1) / 2) / n
    total = m + n
    off = (ranks - (total + 1) / 2) / total
    pulls = off * np.where(synthetic, 1 / m, -1 / n)
    of_groups = np.bincount(np.unique(group, return_inverse=True)[1], pulls)
    covariance = float(of_groups @ of_groups) - float(pulls @ pulls)
    variance = float(off @ off) / (total - 1) * (1 / m + 1 / n) + covariance
    return NormalDist().cdf((0.5 - area) / sqrt(variance)) if variance > 1e-12 else 1.0


def probability(margin: npt.NDArray[Any]) -> Doubles:
    """1 / (1 + exp(-margin)) without overflow."""
    return 0.5 + 0.5 * np.tanh(margin.astype(np.float64) / 2)
