"""Numbers of ranks: how two scores order the same things, and how far two sets of scores are apart."""

from __future__ import annotations

from math import atanh, log, sqrt, tanh

import numpy as np
import numpy.typing as npt

from auditor.statistics.normal import Z95

Doubles = npt.NDArray[np.float64]

LEAST = 10
"""Things below which no correlation is told: its interval is most of the scale."""


def midranks(values: Doubles) -> Doubles:
    """Ranks from 1, equals sharing the mean of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    fresh = np.ones(len(values), np.bool_)
    fresh[1:] = ordered[1:] != ordered[:-1]
    first = np.flatnonzero(fresh)
    size = np.diff(np.append(first, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(first + (size + 1) / 2, size)
    return ranks


def centred(values: Doubles) -> Doubles:
    """Ranks from -1/2 to 1/2: of as much weight whatever else is ranked beside them."""
    return (midranks(values) - (len(values) + 1) / 2) / max(len(values), 1)


def correlation(left: Doubles, right: Doubles) -> float | None:
    """Pearson's, of values about 0; None where one of them is always the same."""
    # Sorted, since sums of floats depend on their order.
    across, one, other = (float(np.sort(x).sum()) for x in (left * right, left * left, right * right))
    if one <= 0 or other <= 0:
        return None
    return max(-1.0, min(1.0, across / sqrt(one * other)))


def spearman(left: Doubles, right: Doubles) -> float | None:
    """Spearman's rank correlation (C. Spearman 1904); None where one side is constant, or fewer than LEAST."""
    if len(left) < LEAST:
        return None
    return correlation(centred(left), centred(right))


def fisher(rho: float, n: int) -> tuple[float, float]:
    """A Spearman correlation's z and its standard error (D. Bonett and T. Wright 2000, "Sample size requirements for
    estimating Pearson, Kendall and Spearman correlations", Psychometrika 65:23). n > 3."""
    return atanh(max(-1 + 1e-12, min(1 - 1e-12, rho))), sqrt((1 + rho * rho / 2) / (n - 3))


def interval(z: float, error: float) -> tuple[float, float]:
    """95 % interval of a correlation by its z."""
    return tanh(z - Z95 * error), tanh(z + Z95 * error)


def kendall(left: Doubles, right: Doubles) -> float | None:
    """Kendall's tau-b; None where one side is constant."""
    from scipy.stats import kendalltau  # imported where it is used: 0.7 s

    tau = float(kendalltau(left, right).statistic)
    return tau if np.isfinite(tau) else None


def distance(left: Doubles, right: Doubles) -> float:
    """Kolmogorov and Smirnov's: the largest difference of the shares at or below a value. Neither side is empty."""
    one, other = np.sort(left), np.sort(right)
    both = np.concatenate([one, other])
    below = np.searchsorted(one, both, "right") / len(one) - np.searchsorted(other, both, "right") / len(other)
    return float(np.abs(below).max())


def band(value: float, left: int, right: int) -> tuple[float, float]:
    """95 % interval of a distance between samples of these sizes: each share is known to within Massart's bound (P.
    Massart 1990, "The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality", Annals of Probability 18:1269),
    each at 97.5 %. It is a wide one."""
    reach = sum(sqrt(log(2 / 0.025) / (2 * n)) for n in (left, right))
    return max(0.0, value - reach), min(1.0, value + reach)


def chance(value: float, left: int, right: int) -> float:
    """P-value of a distance where both samples are of one continuous distribution (N. Smirnov 1948); with ties it is
    too large."""
    from scipy.special import kolmogorov  # imported where it is used: 0.1 s

    return float(kolmogorov(value * sqrt(left * right / (left + right))))


def entropy(counts: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Shannon entropy in bits of how often each value comes, and its variance (G. Basharin 1959, "On a statistical
    estimate for the entropy of a sequence of independent random variables"). One count at least is above 0."""
    share = np.sort(counts[counts > 0]) / counts.sum()
    bits = -np.log2(share)
    value = float((share * bits).sum())
    return value, max(0.0, float((share * bits * bits).sum()) - value * value) / int(counts.sum())
