"""Rules for making one verdict of two, given in the two orders of a pair.

strict: the same verdict twice, else none (positional agreement in LLMBar: Z. Zeng et al. 2023, arXiv:2310.07641).
tie: the same verdict twice, else a tie (MT-bench: L. Zheng et al. 2023, "Judging LLM-as-a-judge", section 3.4).
one-win: a win and a tie are a win, two wins of different outputs a tie (Cherry LLM: M. Li et al. 2023, "From quantity
    to quality"; Auto-J: J. Li et al. 2023, "Generative judge for evaluating alignment").
average: the mean of the two preferences, a tie as half; an unparsable one is left out (AlpacaEval: X. Li et al. 2023).

But for `average`, two verdicts of which one is invalid are rejected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.judges.orders import Both
from auditor.model.errors import ConfigError, suggest
from auditor.model.verdicts import INVALID, TIE, A, B, Verdicts

Small = npt.NDArray[np.int8]
Floats = npt.NDArray[np.float64]

POINTS = np.array([1.0, 0.0, 0.5, np.nan])
"""What a verdict is worth to A."""

GRAIN = 1 << 28
"""Points are summed as multiples of 1 / GRAIN: integers, so that no order of adding shows."""

DEFAULT = "strict"


@dataclass(frozen=True, slots=True)
class Combined:
    """verdict: int8 [p], INVALID where the rule rejects. points: float64 [p], A's share of the pair, NaN where it is
    rejected."""

    verdict: Small
    points: Floats

    @property
    def accepted(self) -> npt.NDArray[np.bool_]:
        kept: npt.NDArray[np.bool_] = self.verdict != INVALID
        return kept

    def turned(self) -> Combined:
        """The same from B's side."""
        return Combined(np.array([B, A, TIE, INVALID], np.int8)[self.verdict], 1 - self.points)


def combine(rule: str, pairs: Both, verdicts: Verdicts) -> Combined:
    """One verdict for every pair of orders. Raises ConfigError for an unknown rule."""
    return RULES[known(rule)](pairs, verdicts)


def known(rule: str) -> str:
    if rule not in RULES:
        raise ConfigError(f"unknown rule {rule!r}", wanted=", ".join(RULES), hint=suggest(rule, RULES))
    return rule


def points(verdicts: Verdicts, rows: npt.NDArray[np.int64]) -> Floats:
    """A's share of each of these verdicts (float64): by how much it is preferred where that was recorded, NaN where
    the verdict is invalid."""
    worth = POINTS[verdicts.verdict[rows]]
    strength = verdicts.strength[rows].astype(np.float64)
    if np.isnan(strength).all():
        return worth
    return np.where(np.isnan(strength) | np.isnan(worth), worth, (1 + strength) / 2)


def mean(points: Floats) -> float | None:
    """Of points but NaN; the same in any order, since they are summed as integers (to 2**-30)."""
    kept = points[~np.isnan(points)]
    return int(np.rint(kept * (1 << 30)).astype(np.int64).sum()) / (len(kept) << 30) if len(kept) else None


def _strict(pairs: Both, _verdicts: Verdicts) -> Combined:
    return _worth(np.where(pairs.agree & pairs.valid, pairs.shown_first, INVALID).astype(np.int8))


def _tie(pairs: Both, _verdicts: Verdicts) -> Combined:
    verdict = np.where(pairs.agree, pairs.shown_first, TIE)
    return _worth(np.where(pairs.valid, verdict, INVALID).astype(np.int8))


def _one_win(pairs: Both, _verdicts: Verdicts) -> Combined:
    mean = (POINTS[pairs.shown_first] + POINTS[pairs.shown_second]) / 2
    return _worth(_side(mean))


def _average(pairs: Both, verdicts: Verdicts) -> Combined:
    first = np.where(pairs.once, points(verdicts, pairs.rows_first), POINTS[pairs.shown_first])
    second = np.where(pairs.once, points(verdicts, pairs.rows_second), POINTS[pairs.shown_second])
    mean = np.where(np.isnan(first), second, np.where(np.isnan(second), first, (first + second) / 2))
    return Combined(_side(mean), mean)


def _side(mean: Floats) -> Small:
    verdict = np.select([np.isnan(mean), mean > 0.5, mean < 0.5], [INVALID, A, B], TIE)
    return verdict.astype(np.int8)


def _worth(verdict: Small) -> Combined:
    return Combined(verdict, POINTS[verdict])


RULES: Mapping[str, Callable[[Both, Verdicts], Combined]] = {
    "strict": _strict,
    "tie": _tie,
    "one-win": _one_win,
    "average": _average,
}
