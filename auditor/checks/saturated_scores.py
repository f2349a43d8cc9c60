"""saturated-scores: scores that say little, follow the length, or have moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.judges import panels, scoring
from auditor.core.judges.biases import clustered, thinned
from auditor.core.judges.panels import Panel, because, short
from auditor.core.judges.scoring import Crossed, Scores
from auditor.model.result import Distribution, Exhibit, Measurement, Metric
from auditor.model.verdicts import TIE, Verdicts
from auditor.statistics import ranks

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.int32]
Doubles = npt.NDArray[np.float64]

MOST = 250_000
"""Verdicts whose scores are looked at, drawn by what was scored; shares are then known to a fifth of a point."""

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
        scores = scoring.scored(verdicts, some, (self.low, self.high))
        pairs = panels.panel(verdicts, scoring.paired(verdicts, some))
        every = np.arange(len(scores.rows))
        crossed = list(scores.crossed())
        overall = [
            *self._of(scores, every),
            *self._pairs(pairs, np.arange(len(pairs.rows))),
            self._agreement(crossed),
            self._shift(verdicts, scores),
        ]
        order = panels.places(self.spec)
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
        rows = scoring.paired(verdicts, np.flatnonzero(verdicts.by_machine & (verdicts.verdict < TIE)))
        rows = rows[scoring.against(verdicts, rows)]

        names = panels.Names(verdicts)

        def evidence(at: Longs) -> pa.Array:
            some = rows[at]
            one, other = (_told(column[some]) for column in (verdicts.score_a, verdicts.score_b))
            who = panels.words(verdicts.verdict[some])
            return panels.joined(names.asked(some), ": ", who, " wins with scores ", one, " against ", other)

        yield from panels.told(rows, self.spec.metric("contradicted"), evidence)

    def _of(self, scores: Scores, at: Longs) -> list[Metric]:
        name, score, scorer = self.spec.metric, scores.score[at], scores.scorer[at]
        draw = scores.draw[at]
        top, bottom = score >= scores.highs[scorer], score <= scores.lows[scorer]
        value = scoring.values(scorer, score)
        return [
            clustered(name("at_ends"), top | bottom, draw, once=False),
            clustered(name("at_top"), top, draw, once=False),
            clustered(name("at_bottom"), bottom, draw, once=False),
            clustered(name("commonest"), scoring.commonest(scorer, score, value), draw, once=False),
            scoring.entropy(name("entropy"), scorer, value, len(scores.lows)),
            scoring.by_length(name("length_correlation"), scores, at),
        ]

    def _pairs(self, pairs: Panel, at: Longs) -> list[Metric]:
        verdicts, rows, draw = pairs.verdicts, pairs.rows[at], pairs.draw[at]
        equal = verdicts.score_a[rows] == verdicts.score_b[rows]
        told = (verdicts.verdict[rows] < TIE) & ~equal
        against = scoring.against(verdicts, rows)
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
        found = list(scoring.versions(verdicts, scores))
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
            lines.append((*scoring.called(verdicts, int(scores.rows[at[0]])), len(at), *ends, *cells))
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
            (
                " / ".join(scoring.called(verdicts, left)),
                " / ".join(scoring.called(verdicts, right)),
                n,
                short(rho),
                short(tau),
            )
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
        for left, right, one, other in scoring.versions(verdicts, scores):
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


def _told(scores: npt.NDArray[np.float32]) -> pa.Array:
    distinct, places = np.unique(scores, return_inverse=True)
    return pa.array([f"{score:g}" for score in distinct.tolist()], pa.large_string()).take(pa.array(places))
