"""How far apart the two outputs of a pair are in quality, as far as the verdicts tell.

The answer quality gap of Shi et al. 2024 ("Judging the judges", arXiv:2406.07791) is |win rate - 1/2|; here it is told
as a share of the widest there can be, 2 |win rate - 1/2|: 0 is even, 1 is always the same winner. A tie is half a win.
No pair is measured by its own verdicts, or consistency would be told by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.judges.orders import Both, keys, pairing, ranked
from auditor.model.verdicts import INVALID, UNKNOWN, Verdicts

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

MOST = 1_000_000
"""Pairs that are looked at, of drawn items: what they say is known to a tenth of a point."""

LEAST = 2
"""Opinions that make a win rate: one alone is always decided."""

LEAST_MET = 10
"""Other pairs of the same two makers that make one."""

HALVES = np.array([2.0, 0.0, 1.0, 0.0])
"""Of A for a verdict, in halves: A, B, tie; an invalid one is left out."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """Pairs with a known gap, m of them. at: int64 [m], their places among all pairs. gap: float64 [m], 0 to 1. by:
    whose win rate it is of."""

    at: Longs
    gap: Floats
    by: str


def gaps(verdicts: Verdicts, pairs: Both) -> Gaps | None:
    """By the first of these that is known of half of the pairs and not the same for all: people's win rate on the two
    outputs, that of other judges, of one maker against the other (that of the paper), the judge's own scores."""
    if not len(pairs):
        return None
    items = _drawn(verdicts, len(pairs))
    at = np.flatnonzero(items[verdicts.item.codes[pairs.rows_first]])
    found: dict[str, Callable[[], Floats]] = {
        "people's win rate": lambda: _voted(verdicts, pairs.rows_first[at], items, people=True),
        "other judges' win rate": lambda: _voted(verdicts, pairs.rows_first[at], items, people=False),
        "the win rate of one maker against the other": lambda: _met(verdicts, pairs, at),
        "the judge's scores": lambda: _scored(verdicts, pairs, at),
    }
    for by, measure in found.items():
        gap = measure()
        known = ~np.isnan(gap)
        if 2 * known.sum() >= len(at) and np.ptp(gap[known]) > 0:
            return Gaps(at[known], gap[known], by)
    return None


def _drawn(verdicts: Verdicts, pairs: int) -> npt.NDArray[np.bool_]:
    """Items (bool, by code; the last is none) that are looked at: by the hash of their place in the alphabet."""
    mixed = np.arange(len(verdicts.item.names) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    drawn: npt.NDArray[np.bool_] = mixed >> np.uint64(11) < np.uint64(min(1.0, MOST / pairs) * 2**53)
    return drawn


def _voted(verdicts: Verdicts, ours: Longs, items: npt.NDArray[np.bool_], *, people: bool) -> Floats:
    """By what people, or judges but the pair's own, say of the same two outputs, NaN where fewer than LEAST do. ours:
    a verdict of each pair."""
    machine = verdicts.by_machine if verdicts.humans.any() or not people else None
    if machine is None:
        return np.full(len(ours), np.nan)
    voting = (~machine if people else machine) & (verdicts.verdict != INVALID) & (verdicts.judge.codes != UNKNOWN)
    votes = np.flatnonzero(voting & items[verdicts.item.codes])
    rows = np.concatenate([votes, ours])
    pair, n = ranked(keys(*pairing(verdicts), at=rows))
    worth = HALVES[verdicts.verdict[votes]]
    points, met = _tallied(pair, worth, n)
    if not people:
        seat, m = ranked(keys(pair, verdicts.judge.codes[rows]))
        own_points, own_met = _tallied(seat, worth, m)
        points, met = points - own_points, met - own_met
    return _gap(points, met, LEAST)


def _tallied(cell: Longs, worth: Floats, n: int) -> tuple[Floats, Floats]:
    """(points, verdicts) in the cells of those that are asked for: the votes come first in `cell`."""
    votes, asked = cell[: len(worth)], cell[len(worth) :]
    points, met = np.bincount(votes, worth, n), np.bincount(votes, minlength=n)
    return points[asked].astype(np.float64), met[asked].astype(np.float64)


def _met(verdicts: Verdicts, pairs: Both, at: Longs) -> Floats:
    """By the two makers' other pairs, whoever judged: consistent wins, and half of what is not decided alike in both
    orders (Shi et al. 2024: the overall win rate)."""
    rows = pairs.rows_first[at]
    a, b = verdicts.a.codes[rows], verdicts.b.codes[rows]
    counts = pairs.valid[at] & (a != UNKNOWN) & (b != UNKNOWN) & (a != b)
    if not counts.any():
        return np.full(len(at), np.nan)
    two, n = ranked(keys(a, b))
    twice = pairs.agree[at]
    worth = np.where(twice, HALVES[pairs.shown_first[at]], 1.0)
    worth[~counts] = 0
    points = np.bincount(two, worth, n)[two].astype(np.float64) - worth
    met = np.bincount(two, counts, n)[two].astype(np.float64) - counts
    return np.where(counts, _gap(points, met, LEAST_MET), np.nan)


def _gap(points: Floats, met: Floats, least: int) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        gap: Floats = np.where(met >= least, np.abs(points / met - 1), np.nan)
    return np.round(gap, 9)  # 12 / 10 - 1 is below 0.2


def _scored(verdicts: Verdicts, pairs: Both, at: Longs) -> Floats:
    """By the mean difference of both scores in the two orders, as a share of the scale that was used."""
    orders = pairs.rows_first[at], pairs.rows_second[at]
    first_a, second_a, first_b, second_b = (
        column[rows].astype(np.float64) for column in (verdicts.score_a, verdicts.score_b) for rows in orders
    )
    four = np.stack([first_a, second_a, first_b, second_b])
    known = ~np.isnan(four).any(0)
    widest = float(np.ptp(four[:, known])) if known.any() else 0.0
    if not widest:
        return np.full(len(at), np.nan)
    return np.round(np.abs(first_a + second_a - first_b - second_b) / 2 / widest, 9)
