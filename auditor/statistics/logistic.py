"""Logistic regression of paired comparisons: what decides who wins, beside how strong the two are.

log-odds that A wins = factors @ weights + strength of A's maker - strength of B's maker: the model of Bradley and Terry
1952 ("Rank analysis of incomplete block designs", Biometrika 39:324) with covariates, as length-controlled AlpacaEval
has it (Dubois et al. 2024, arXiv:2404.04475, section 3). There is no intercept: which of two is called A means nothing.

Weights are of maximum likelihood. Strengths have a weak normal prior, so that a maker who always wins has a finite one.
Errors are robust to whatever verdicts on one item share (K.-Y. Liang and S. Zeger 1986, Biometrika 73:13), and never
smaller than those of independent verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
import numpy.typing as npt

from auditor.statistics.blas import single
from auditor.statistics.classify import probability
from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]
Codes = npt.NDArray[np.integer]
Mask = npt.NDArray[np.bool_]

PRIOR = 0.1
"""Precision of a strength: a standard deviation of 3.2, odds of 23 to 1 (as wide as A. Gelman et al. 2008, "A weakly
informative default prior distribution for logistic and other regression models", Annals of Applied Statistics 2)."""

STEPS = 60
HALVINGS = 30
CLOSE = 1e-10
"""Largest change of a weight, relative to its size, where Newton stops."""

ENDLESS = 25.0
"""Log-odds over a factor's standard deviation that no data can tell from infinite ones: it separates who wins."""

SINGULAR = 1e10
"""Condition of the factors' information, scaled, beyond which they cannot be told apart."""


@dataclass(frozen=True, slots=True)
class Fit:
    """weights, errors: float64 [d], log-odds a unit of each factor and their standard errors. strengths: float64
    [makers]."""

    weights: Doubles
    errors: Doubles
    strengths: Doubles

    def odds(self, factor: int) -> tuple[float, float, float]:
        """Odds ratio a unit of the factor, with its 95 % interval."""
        weight, half = float(self.weights[factor]), Z95 * float(self.errors[factor])
        return exp(weight), exp(weight - half), exp(weight + half)


def paired(factors: Doubles, won: Mask, a: Codes, b: Codes, makers: int, groups: Codes) -> Fit | None:
    """The fit, or None where factors cannot be told apart or one of them settles every comparison.

    factors: [n, d], A's side minus B's. won: bool [n], A did. a, b: int [n], the makers' codes; -1 has strength 0.
    groups: int [n], from 0, comparisons that are not independent share one. The order of rows decides the last bits.
    """
    n, d = factors.shape
    design = _Design(factors, np.where(a < 0, makers, a), np.where(b < 0, makers, b), makers)
    spread = np.sqrt((factors * factors).mean(0)) if n else np.zeros(d)
    if not n or not (spread > 0).all():
        return None
    target = won.astype(np.float64)
    ridge = np.concatenate([np.zeros(d), np.full(makers, PRIOR)])
    weights = np.zeros(d + makers)
    with single():
        loss = _loss(design.margin(weights), won, weights, ridge)
        for _ in range(STEPS):
            odds = probability(design.margin(weights))
            slope = design.across(odds - target) + ridge * weights
            curved = design.information(odds * (1 - odds)) + np.diag(ridge)
            if not _regular(curved):
                return None
            step = np.linalg.solve(curved, slope)
            for _ in range(HALVINGS):
                trial = weights - step
                value = _loss(design.margin(trial), won, trial, ridge)
                if value <= loss:
                    break
                step = step / 2
            weights, loss = trial, value
            if (np.abs(weights[:d]) * spread > ENDLESS).any():
                return None
            if (np.abs(step) <= CLOSE * (1 + np.abs(weights))).all():
                break
        else:
            return None
        odds = probability(design.margin(weights))
        seen = design.information(odds * (1 - odds))
        if not _regular(seen + np.diag(ridge)):
            return None
        bread = np.linalg.inv(seen + np.diag(ridge))
        plain = bread @ seen @ bread
        scores = design.by_group(target - odds, groups)
        held = int(np.count_nonzero(np.bincount(groups)))
        scores = scores - scores.sum(0) / held * (np.bincount(groups, minlength=len(scores)) > 0)[:, None]
        robust = bread @ (scores.T @ scores) @ bread * (held / (held - 1) if held > 1 else 1.0)
    variance = np.maximum(np.diag(plain), np.diag(robust))[:d]
    return Fit(weights[:d], np.sqrt(variance), weights[d:])


@dataclass(frozen=True, slots=True)
class _Design:
    """The matrix [n, d + makers]: factors, then 1 at A's maker and -1 at B's, never written out."""

    factors: Doubles
    a: Codes
    b: Codes
    makers: int

    def margin(self, weights: Doubles) -> Doubles:
        d = self.factors.shape[1]
        strength = np.append(weights[d:], 0.0)
        value: Doubles = self.factors @ weights[:d] + strength[self.a] - strength[self.b]
        return value

    def across(self, values: Doubles) -> Doubles:
        """Transposed, times values [n]: [d + makers]."""
        return np.concatenate([self.factors.T @ values, self._sides(values)])

    def information(self, weight: Doubles) -> Doubles:
        """Transposed, times diag(weight), times itself."""
        d, m = self.factors.shape[1], self.makers
        whole = np.zeros((d + m, d + m))
        weighted = self.factors * weight[:, None]
        whole[:d, :d] = self.factors.T @ weighted
        if m:
            mixed = np.stack([self._sides(column) for column in weighted.T]) if d else np.zeros((0, m))
            whole[:d, d:], whole[d:, :d] = mixed, mixed.T
            met = np.bincount(self.a * (m + 1) + self.b, weight, (m + 1) ** 2).reshape(m + 1, m + 1)
            both = np.diag(met.sum(0) + met.sum(1)) - met - met.T
            whole[d:, d:] = both[:m, :m]
        return whole

    def by_group(self, values: Doubles, groups: Codes) -> Doubles:
        """Rows times their value, summed by group: [groups, d + makers]."""
        size, m = int(groups.max(initial=-1)) + 1, self.makers
        factors = [np.bincount(groups, values * column, size) for column in self.factors.T]
        cells = groups.astype(np.int64) * (m + 1)
        sides = np.bincount(cells + self.a, values, size * (m + 1)) - np.bincount(
            cells + self.b, values, size * (m + 1)
        )
        return np.concatenate([np.stack(factors, 1), sides.reshape(size, m + 1)[:, :m]], axis=1)

    def _sides(self, values: Doubles) -> Doubles:
        size = self.makers + 1
        won, lost = np.bincount(self.a, values, size), np.bincount(self.b, values, size)
        net: Doubles = (won - lost).astype(np.float64)
        return net[: self.makers]


def _regular(information: Doubles) -> bool:
    """Whether the factors can be told apart from each other and from the makers' strengths."""
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all():
        return False
    return bool(np.linalg.cond(information / np.outer(scale, scale)) < SINGULAR)


def _loss(margin: Doubles, won: Mask, weights: Doubles, ridge: Doubles) -> float:
    return float(np.logaddexp(0, np.where(won, -margin, margin)).sum() + (ridge * weights * weights).sum() / 2)


def effective(hits: int, n: int, by_group: npt.NDArray[np.int64]) -> float:
    """As how many independent trials n dependent ones count: n over the design effect of their groups, at most n (J. N.
    K. Rao and A. J. Scott 1992, "A simple method for the analysis of clustered binary data", Biometrics 48:577).

    by_group: int64 [groups, 2], trials and hits. Where all or none are hits they say nothing of that: as many as there
    are groups.
    """
    held = by_group[by_group[:, 0] > 0].astype(np.float64)
    if hits in (0, n) or len(held) < 2:
        return float(len(held))
    rate = hits / n
    beyond = held[:, 1] - rate * held[:, 0]
    between = float((beyond * beyond).sum()) * len(held) / (len(held) - 1)
    return min(float(n), n * n * rate * (1 - rate) / between) if between > 0 else float(n)
