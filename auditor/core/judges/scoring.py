"""Scores that judges gave outputs: whose each is, on what scale, which outputs several scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt

from auditor.core.judges import panels
from auditor.core.judges.orders import keys, pairing
from auditor.model.kinship import key
from auditor.model.result import Metric
from auditor.model.verdicts import TIE, UNKNOWN, A, Verdicts
from auditor.statistics import ranks
from auditor.statistics.normal import Z95

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

Crossed = tuple[int, int, int, float, float | None]
"""A verdict of one scorer, one of another, outputs that both scored, and Spearman's and Kendall's correlation."""

SCORERS = 10
"""Judges (with their prompts) that are compared with each other: 45 pairs, which fit an exhibit."""


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores one by one, s of them. rows: int64 [s], their verdicts. scorer: int64 [s], judge and prompt. output: int64
    [s], item and maker. score: float64 [s]. words: int32 [s], of the output. lows, highs: float64 [scorers], ends of
    each scale. draw: int32 [s], bootstrap group of the item."""

    rows: Longs
    scorer: Longs
    output: Longs
    score: Doubles
    words: Ints
    lows: Doubles
    highs: Doubles
    draw: Ints

    def most(self) -> list[int]:
        """Scorers with the most scores, then by their number."""
        counts = np.bincount(self.scorer)
        return [int(one) for one in np.lexsort((np.arange(len(counts)), -counts))[:SCORERS]]

    def means(self, at: Longs) -> tuple[Longs, Longs, Doubles, Ints]:
        """(scorer, output, mean score, words) of each output that each scorer scored, of scores `at`: several orders
        and repeats are one opinion."""
        order = at[np.lexsort((self.score[at], self.output[at], self.scorer[at]))]
        scorer, output = self.scorer[order], self.output[order]
        fresh = np.ones(len(order), np.bool_)
        fresh[1:] = (scorer[1:] != scorer[:-1]) | (output[1:] != output[:-1])
        first = np.flatnonzero(fresh)
        sizes = np.diff(np.append(first, len(order)))
        mean = np.add.reduceat(self.score[order], first) / sizes
        return scorer[first], output[first], mean, np.maximum.reduceat(self.words[order], first)

    def crossed(self) -> Iterator[Crossed]:
        """The scorers with the most scores, two by two."""
        for left, right, one, other in self.together(list(combinations(self.most(), 2))):
            rho = ranks.spearman(one, other)
            if rho is not None:
                yield left, right, len(one), rho, ranks.kendall(one, other)

    def together(self, couples: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, Doubles, Doubles]]:
        """(a verdict of one scorer, of the other, both mean scores of the outputs in common) of each couple."""
        if not couples:
            return
        wanted = np.unique(np.array(couples))
        scorer, output, mean, _ = self.means(np.flatnonzero(np.isin(self.scorer, wanted)))
        mine = {int(one): (output[scorer == one], mean[scorer == one]) for one in wanted}
        shown = {int(one): int(self.rows[self.scorer == one].min()) for one in wanted}
        for left, right in couples:
            _, one, other = np.intersect1d(mine[left][0], mine[right][0], assume_unique=True, return_indices=True)
            yield shown[left], shown[right], mine[left][1][one], mine[right][1][other]


def scored(verdicts: Verdicts, rows: Longs, scale: tuple[float, float]) -> Scores:
    """Of these verdicts. scale: its ends, where the first is below the second; else the lowest and the highest score
    of each scorer are."""
    sides = (verdicts.score_a, verdicts.words_a, verdicts.a), (verdicts.score_b, verdicts.words_b, verdicts.b)
    at = [rows[~np.isnan(score[rows])] for score, _, _ in sides]
    both = np.concatenate(at)
    score = np.concatenate([score[one] for one, (score, _, _) in zip(at, sides, strict=True)]).astype(np.float64)
    words = np.concatenate([words[one] for one, (_, words, _) in zip(at, sides, strict=True)])
    makers = len(verdicts.a.names)
    maker = np.concatenate(
        [
            np.where((made := maker.codes[one]) >= 0, made, makers + side)  # nobody's: told apart by their side
            for side, (one, (_, _, maker)) in enumerate(zip(at, sides, strict=True))
        ]
    )
    scorer_keys = keys(verdicts.judge.codes[both], verdicts.prompt.codes[both])
    _, scorer = np.unique(scorer_keys, return_inverse=True)
    _, output = np.unique(keys(pairing(verdicts)[0][both], maker), return_inverse=True)
    size = int(scorer.max()) + 1
    order = np.lexsort((score, scorer))
    begins = np.searchsorted(scorer[order], np.arange(size))
    lows, highs = np.minimum.reduceat(score[order], begins), np.maximum.reduceat(score[order], begins)
    if scale[0] < scale[1]:
        lows, highs = np.full(size, scale[0]), np.full(size, scale[1])
    return Scores(both, scorer, output, score, words, lows, highs, panels.panel(verdicts, both).draw)


def versions(verdicts: Verdicts, scores: Scores) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Doubles, Doubles]]:
    """(judge and prompt, another version of the judge with it, scores of both on the outputs in common)."""
    first = np.zeros(len(scores.lows), np.int64)
    first[scores.scorer[::-1]] = scores.rows[::-1]
    alike: dict[tuple[str, str], list[int]] = {}
    for scorer in scores.most():
        judge, *prompt = called(verdicts, int(first[scorer]))
        alike.setdefault((key(judge), "".join(prompt)), []).append(scorer)
    couples = [couple for _, several in sorted(alike.items()) for couple in combinations(sorted(several), 2)]
    for left, right, one, other in scores.together(couples):
        if len(one) >= ranks.LEAST:
            yield called(verdicts, left), called(verdicts, right), one, other


def paired(verdicts: Verdicts, rows: Longs) -> Longs:
    """Those of these verdicts that have two scores."""
    return rows[~(np.isnan(verdicts.score_a[rows]) | np.isnan(verdicts.score_b[rows]))]


def against(verdicts: Verdicts, rows: Longs) -> npt.NDArray[np.bool_]:
    """Whether the one with the lower score won, bool [n]."""
    one, other = verdicts.score_a[rows], verdicts.score_b[rows]
    lost: npt.NDArray[np.bool_] = (verdicts.verdict[rows] < TIE) & (one != other)
    lost &= (one > other) != (verdicts.verdict[rows] == A)
    return lost


def values(scorer: Longs, score: Doubles) -> Longs:
    """int64 [s]: the place of each score among the different ones, by rising scorer and score."""
    order = np.lexsort((score, scorer))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (scorer[order][1:] != scorer[order][:-1]) | (score[order][1:] != score[order][:-1])
    value = np.empty(len(order), np.int64)
    value[order] = np.cumsum(fresh) - 1
    return value


def commonest(scorer: Longs, score: Doubles, value: Longs) -> npt.NDArray[np.bool_]:
    """Where a scorer's commonest score stands, bool [s]: of several as common the highest. value: of `values`."""
    size, counts = int(scorer.max(initial=-1)) + 1, np.bincount(value)
    most = np.zeros(size, np.int64)
    np.maximum.at(most, scorer, counts[value])
    common = counts[value] == most[scorer]
    highest = np.full(size, -np.inf)
    np.maximum.at(highest, scorer[common], score[common])
    found: npt.NDArray[np.bool_] = common & (score == highest[scorer])
    return found


def entropy(name: str, scorer: Longs, value: Longs, size: int) -> Metric:
    """Bits in a score: the mean over scorers, by their scores. value: of `values`."""
    held = np.bincount(scorer, minlength=size)
    mean = variance = 0.0
    for one in np.flatnonzero(held):
        bits, spread = ranks.entropy(np.bincount(value[scorer == one]))
        weight = int(held[one]) / len(scorer)
        mean, variance = mean + weight * bits, variance + weight * weight * spread
    half = Z95 * sqrt(variance)
    return Metric(name, mean, "bits", len(scorer), low=max(0.0, mean - half), high=mean + half)


def by_length(name: str, scores: Scores, at: Longs) -> Metric:
    """Spearman's correlation of scores with the outputs' words, by ranks within each scorer."""
    at = at[scores.words[at] != UNKNOWN]
    scorer, _, mean, words = scores.means(at) if len(at) else (at, at, np.zeros(0), np.zeros(0, np.int32))
    left, right = np.zeros(len(mean)), np.zeros(len(mean))
    for one in np.unique(scorer):
        mine = scorer == one
        left[mine], right[mine] = ranks.centred(mean[mine]), ranks.centred(words[mine].astype(np.float64))
    rho = ranks.correlation(left, right) if len(mean) >= ranks.LEAST else None
    if rho is None:
        why = f"fewer than {ranks.LEAST} scored outputs of known length, or all are alike"
        return Metric(name, None, "correlation", len(mean), why)
    low, high = ranks.interval(*ranks.fisher(rho, len(mean)))
    return Metric(name, rho, "correlation", len(mean), low=low, high=high)


def called(verdicts: Verdicts, row: int) -> tuple[str, str]:
    """Judge and prompt of a verdict."""
    return panels.named(verdicts.judge, row), panels.named(verdicts.prompt, row)
