"""saturated-scores: scores that say little, follow the length, or have moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.judges import panels
from auditor.core.judges.biases import clustered, thinned
from auditor.core.judges.orders import keys, pairing
from auditor.core.judges.panels import Panel, because, short
from auditor.model.kinship import key
from auditor.model.result import Distribution, Exhibit, Measurement, Metric
from auditor.model.verdicts import TIE, UNKNOWN, A, Verdicts
from auditor.statistics import ranks
from auditor.statistics.normal import Z95

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

MOST = 250_000
"""Verdicts whose scores are looked at, drawn by what was scored; shares are then known to a fifth of a point."""

Crossed = tuple[int, int, int, float, float | None]
"""A verdict of one scorer, one of another, outputs that both scored, and Spearman's and Kendall's correlation."""

SCORERS = 10
"""Judges (with their prompts) that are compared with each other: 45 pairs, which fit an exhibit."""

BINS = tuple(place / 20 for place in range(21))

NO_SCORES = "no machine judge gave a score: give score_a and score_b"


@check
@dataclass(frozen=True, slots=True)
class SaturatedScores:
    """Scores of judges, critics or reward models that do not tell outputs apart.

    What: of the scores that machine judges gave, the share at either end of the scale (`at_ends`, `at_top`,
    `at_bottom`), the share that is the judge's commonest score (`commonest`), the bits in a score (`entropy`), the
    share of pairs with equal scores (`ties`), and of decided verdicts on unequal ones those that go against the judge's
    own scores (`contradicted`). `length_correlation` is Spearman's between a score and the output's words,
    `scorers_agreement` the mean of Spearman's over pairs of judges that scored the same outputs, `version_shift` the
    largest Kolmogorov-Smirnov distance between the scores that two versions of one model, with one prompt, gave the
    same outputs. A judge with each of its prompts is a scorer of its own, and ranks are within scorers.

    Why it matters: where nine of ten answers get 8 of 10, a bound at 8 keeps everything and selects nothing; a score
    that follows length selects length; and bounds found with one version of a judge mean something else with the next.

    Example: 1,000 rubric grades, of which 940 are 5 of 5.

    Remedy: ask for a finer scale or for comparisons, average several samples of the judge, take its expected score over
    the tokens of the scale, or find bounds anew for each version.

    Limits: without `low` and `high` the ends of the scale are the lowest and the highest score that each scorer gave.
    Good data has high scores: hold `at_top` against `scorers_agreement`. Ties make the test of a shift too cautious.

    Reference: Liu et al. 2023, "G-Eval", arXiv:2303.16634, section 2 (ties, and one digit that dominates); Stureborg,
    Alikaniotis and Suhara 2024, "Large language models are inconsistent and biased evaluators", arXiv:2405.01724.
    """

    low: float = 0.0
    high: float = 0.0

    spec: ClassVar[Spec] = Spec(
        name="saturated-scores",
        title="Scores of judges",
        over="verdicts",
        measures=(
            Measure("at_ends", "share", "scores at an end of the scale", "ask for a finer scale", bad="high"),
            Measure("at_top", "share", "scores at its upper end", bad="high"),
            Measure("at_bottom", "share", "scores at its lower end"),
            Measure("commonest", "share", "scores that are the judge's commonest", bad="high"),
            Measure("entropy", "bits", "information in a score", bad="low"),
            Measure("ties", "share", "pairs with equal scores", bad="high"),
            Measure(
                "contradicted",
                "share",
                "verdicts against the judge's own scores",
                "drop the verdict, or judge the pair again",
                bad="high",
            ),
            Measure("length_correlation", "correlation", "of a score and the output's words, by ranks"),
            Measure("scorers_agreement", "correlation", "of judges' scores of the same outputs, by ranks", bad="low"),
            Measure("version_shift", "distance", "between the scores of two versions of a judge", bad="high"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "score_a": 9, "score_b": 9, "verdict": "tie"},
                    {"item": "r", "judge": "j", "score_a": 9, "score_b": 2, "verdict": "a"},
                ),
                "saturated_scores.ties",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "j", "score_a": 9, "score_b": 3, "verdict": "a"},
                    {"item": "r", "judge": "j", "score_a": 1, "score_b": 2, "verdict": "b"},
                ),
                "saturated_scores.ties",
            ),
        ),
    )

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"the scale begins at {self.low:g} and ends at {self.high:g}")

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        scored = np.flatnonzero(verdicts.by_machine & ~(np.isnan(verdicts.score_a) & np.isnan(verdicts.score_b)))
        if not len(scored):
            return Measurement((), notes=(NO_SCORES,))
        some = scored[thinned(verdicts, scored, MOST)]
        scores = self._scores(verdicts, some)
        pairs = panels.panel(verdicts, _paired(verdicts, some))
        name = self.spec.metric
        every = np.arange(len(scores.rows))
        crossed = list(scores.crossed())
        overall = [
            *self._of(scores, every),
            *self._pairs(pairs, np.arange(len(pairs.rows))),
            self._agreement(crossed),
            self._shift(verdicts, scores),
        ]
        order = {name(measure.name): place for place, measure in enumerate(self.spec.measures)}
        slices = (
            *Panel(verdicts, scores.rows, scores.draw).slices(lambda at: self._of(scores, at)),
            *pairs.slices(lambda at: self._pairs(pairs, at)),
        )
        sampled = f"scores of {len(some):,} of {len(scored):,} verdicts were looked at"
        return Measurement(
            tuple(sorted(overall, key=lambda metric: order[metric.name])),
            tuple(sorted(slices, key=lambda one: (one.by, one.group, order[one.metric.name]))),
            (self._distribution(scores),),
            notes=(sampled,) if len(some) < len(scored) else (),
            exhibits=(
                *self._scorers(verdicts, scores),
                *self._matrix(verdicts, crossed),
                *self._shifts(verdicts, scores),
            ),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Verdicts against the judge's own scores."""
        rows = _paired(verdicts, np.flatnonzero(verdicts.by_machine & (verdicts.verdict < TIE)))
        rows = rows[_against(verdicts, rows)]

        names = panels.Names(verdicts)

        def evidence(at: Longs) -> pa.Array:
            some = rows[at]
            one, other = (_told(column[some]) for column in (verdicts.score_a, verdicts.score_b))
            who = panels.words(verdicts.verdict[some])
            return panels.joined(names.asked(some), ": ", who, " wins with scores ", one, " against ", other)

        yield from panels.told(rows, self.spec.metric("contradicted"), evidence)

    def _scores(self, verdicts: Verdicts, rows: Longs) -> Scores:
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
        if self.low < self.high:
            lows, highs = np.full(size, self.low), np.full(size, self.high)
        return Scores(both, scorer, output, score, words, lows, highs, panels.panel(verdicts, both).draw)

    def _of(self, scores: Scores, at: Longs) -> list[Metric]:
        name, score, scorer = self.spec.metric, scores.score[at], scores.scorer[at]
        draw = scores.draw[at]
        top, bottom = score >= scores.highs[scorer], score <= scores.lows[scorer]
        counts, which = _tally(scorer, score)
        common = counts[which] == _most(counts, which, scorer, len(scores.lows))[scorer]
        first = _commonest(common, score, scorer)
        return [
            clustered(name("at_ends"), top | bottom, draw, once=False),
            clustered(name("at_top"), top, draw, once=False),
            clustered(name("at_bottom"), bottom, draw, once=False),
            clustered(name("commonest"), first, draw, once=False),
            _entropy(name("entropy"), scorer, which, len(scores.lows)),
            _by_length(name("length_correlation"), scores, at),
        ]

    def _pairs(self, pairs: Panel, at: Longs) -> list[Metric]:
        verdicts, rows, draw = pairs.verdicts, pairs.rows[at], pairs.draw[at]
        equal = verdicts.score_a[rows] == verdicts.score_b[rows]
        told = (verdicts.verdict[rows] < TIE) & ~equal
        against = _against(verdicts, rows)
        name = self.spec.metric
        return [
            because(clustered(name("ties"), equal, draw, once=False), "no verdict has two scores"),
            because(
                clustered(name("contradicted"), against[told], draw[told], once=False),
                "no decided verdict has two different scores",
            ),
        ]

    def _agreement(self, crossed: Sequence[Crossed]) -> Metric:
        """The mean over pairs of scorers by Fisher's z; pairs share outputs, so that its error is that of the pair with
        the fewest."""
        found = [ranks.fisher(rho, n) for _, _, n, rho, _ in crossed]
        name = self.spec.metric("scorers_agreement")
        if not found:
            why = f"no two judges scored {ranks.LEAST} outputs in common"
            return Metric(name, None, "correlation", 0, why)
        z, error = sum(one for one, _ in found) / len(found), max(error for _, error in found)
        low, high = ranks.interval(z, error)
        return Metric(name, float(np.tanh(z)), "correlation", len(found), low=low, high=high)

    def _shift(self, verdicts: Verdicts, scores: Scores) -> Metric:
        name = self.spec.metric("version_shift")
        found = list(_versions(verdicts, scores))
        if not found:
            return Metric(name, None, "distance", 0, "no two versions of a judge scored the same outputs")
        _, _, left, right = max(found, key=lambda one: ranks.distance(one[2], one[3]))
        value = ranks.distance(left, right)
        low, high = ranks.band(value, len(left), len(right))
        return Metric(name, value, "distance", len(left), low=low, high=high)

    def _distribution(self, scores: Scores) -> Distribution:
        width = np.maximum(scores.highs - scores.lows, 1e-12)[scores.scorer]
        place = np.clip((scores.score - scores.lows[scores.scorer]) / width, 0, 1)
        counts = np.histogram(place, BINS)[0]
        title = "Scores, from the lowest to the highest of each scorer"
        return Distribution(
            self.spec.metric("scores"), title, "of the scale", BINS, tuple(int(count) for count in counts)
        )

    def _scorers(self, verdicts: Verdicts, scores: Scores) -> Iterator[Exhibit]:
        lines = []
        for scorer in scores.most():
            at = np.flatnonzero(scores.scorer == scorer)
            numbers = {metric.name: metric.value for metric in self._of(scores, at)}
            shown = ("at_ends", "commonest", "entropy", "length_correlation")
            cells = (short(numbers[self.spec.metric(measure)]) for measure in shown)
            ends = float(scores.lows[scorer]), float(scores.highs[scorer])
            lines.append((*_called(verdicts, int(scores.rows[at[0]])), len(at), *ends, *cells))
        yield Exhibit(
            self.spec.metric("scorers"),
            "Scorers",
            (
                "judge",
                "prompt",
                "scores",
                "lowest",
                "highest",
                "at the ends",
                "commonest",
                "bits",
                "length correlation",
            ),
            tuple(lines),
            bar="at the ends",
        )

    def _matrix(self, verdicts: Verdicts, crossed: Sequence[Crossed]) -> Iterator[Exhibit]:
        lines = [
            (" / ".join(_called(verdicts, left)), " / ".join(_called(verdicts, right)), n, short(rho), short(tau))
            for left, right, n, rho, tau in crossed
        ]
        if lines:
            yield Exhibit(
                self.spec.metric("agreement"),
                "Scorers against each other, over the outputs that both scored",
                ("scorer", "other", "outputs", "Spearman", "Kendall (tau-b)"),
                tuple(lines),
            )

    def _shifts(self, verdicts: Verdicts, scores: Scores) -> Iterator[Exhibit]:
        lines = []
        for left, right, one, other in _versions(verdicts, scores):
            value = ranks.distance(one, other)
            moved = float(np.sort(other).sum() - np.sort(one).sum()) / len(one)
            p = ranks.chance(value, len(one), len(other))
            lines.append((" / ".join(left), right[0], len(one), short(value), p, short(moved)))
        if lines:
            yield Exhibit(
                self.spec.metric("versions"),
                "Versions of one judge on the same outputs",
                ("judge / prompt", "other version", "outputs", "distance (KS)", "p-value", "mean shift"),
                tuple(lines[:50]),
            )


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


def _versions(
    verdicts: Verdicts, scores: Scores
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Doubles, Doubles]]:
    """(judge and prompt, another version of the judge with it, scores of both on the outputs in common)."""
    first = np.zeros(len(scores.lows), np.int64)
    first[scores.scorer[::-1]] = scores.rows[::-1]
    versions: dict[tuple[str, str], list[int]] = {}
    for scorer in scores.most():
        judge, *prompt = _called(verdicts, int(first[scorer]))
        versions.setdefault((key(judge), "".join(prompt)), []).append(scorer)
    couples = [couple for _, several in sorted(versions.items()) for couple in combinations(sorted(several), 2)]
    for left, right, one, other in scores.together(couples):
        if len(one) >= ranks.LEAST:
            yield _called(verdicts, left), _called(verdicts, right), one, other


def _paired(verdicts: Verdicts, rows: Longs) -> Longs:
    return rows[~(np.isnan(verdicts.score_a[rows]) | np.isnan(verdicts.score_b[rows]))]


def _against(verdicts: Verdicts, rows: Longs) -> npt.NDArray[np.bool_]:
    """Whether the one with the lower score won."""
    one, other = verdicts.score_a[rows], verdicts.score_b[rows]
    against: npt.NDArray[np.bool_] = (verdicts.verdict[rows] < TIE) & (one != other)
    against &= (one > other) != (verdicts.verdict[rows] == A)
    return against


def _tally(scorer: Longs, score: Doubles) -> tuple[Longs, Longs]:
    """How often each value of each scorer comes, and each score's value among them (by rising scorer and value)."""
    order = np.lexsort((score, scorer))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (scorer[order][1:] != scorer[order][:-1]) | (score[order][1:] != score[order][:-1])
    which = np.empty(len(order), np.int64)
    which[order] = np.cumsum(fresh) - 1
    return np.bincount(which), which


def _most(counts: Longs, which: Longs, scorer: Longs, size: int) -> Longs:
    """The count of each scorer's commonest value, int64 [size]."""
    most = np.zeros(size, np.int64)
    np.maximum.at(most, scorer, counts[which])
    return most


def _commonest(common: npt.NDArray[np.bool_], score: Doubles, scorer: Longs) -> npt.NDArray[np.bool_]:
    """Of values that are as common, only the highest of each scorer."""
    highest = np.full(int(scorer.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(highest, scorer[common], score[common])
    found: npt.NDArray[np.bool_] = common & (score == highest[scorer])
    return found


def _entropy(name: str, scorer: Longs, which: Longs, size: int) -> Metric:
    """The mean over scorers, by their scores."""
    held = np.bincount(scorer, minlength=size)
    value = variance = 0.0
    for one in np.flatnonzero(held):
        bits, spread = ranks.entropy(np.bincount(which[scorer == one]))
        weight = int(held[one]) / len(scorer)
        value, variance = value + weight * bits, variance + weight * weight * spread
    half = Z95 * sqrt(variance)
    return Metric(name, value, "bits", len(scorer), low=max(0.0, value - half), high=value + half)


def _by_length(name: str, scores: Scores, at: Longs) -> Metric:
    """Spearman's, by ranks within each scorer."""
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


def _told(scores: npt.NDArray[np.float32]) -> pa.Array:
    distinct, places = np.unique(scores, return_inverse=True)
    return pa.array([f"{score:g}" for score in distinct.tolist()], pa.large_string()).take(pa.array(places))


def _called(verdicts: Verdicts, row: int) -> tuple[str, str]:
    return panels.named(verdicts.judge, row), panels.named(verdicts.prompt, row)
