"""unstable-judge: another verdict when the same is asked again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.judges import panels
from auditor.core.judges.orders import asking, keys, rising, summed
from auditor.model.result import Measurement, Metric
from auditor.model.verdicts import WORDS, Verdicts

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

GRAIN = 1 << 24
"""Shares and entropies are summed as multiples of 1 / GRAIN: integers, so that no order of adding shows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions that were asked more than once, g of them. rows: int64 [g], a verdict of each. counts: int64 [g, 4],
    its verdicts by code."""

    rows: Longs
    counts: Longs

    @property
    def repeats(self) -> Longs:
        repeats: Longs = self.counts.sum(1)
        return repeats

    @property
    def wavers(self) -> npt.NDArray[np.bool_]:
        wavers: npt.NDArray[np.bool_] = (self.counts > 0).sum(1) > 1
        return wavers


@check
@dataclass(frozen=True, slots=True)
class UnstableJudge:
    """A judge that contradicts itself when it is asked the same again.

    What: verdicts of one machine judge on the same pair in the same order by the same prompt. `rate` is the share of
    such questions with more than one verdict, `stability` the mean share of each question's commonest verdict
    (repetition stability of Shi et al.; 1 is always the same), `entropy` the mean entropy of its verdicts in bits
    (0 is always the same, 1 is a coin). An unparsable answer is a verdict of its own.

    Why it matters: what differs between repeats is noise. Position bias can only be told from noise where repeats
    agree, and a gain smaller than the noise is none.

    Example: A, A, B to the same question in the same order.

    Remedy: lower the temperature, take the majority of several repeats, or report the interval with the noise in it.

    Limits: needs repeats. A temperature of 0 makes a judge repeat itself without making it right. With few repeats
    entropy is too low, by about (verdicts seen - 1) / (2 ln 2 x repeats) bits (Miller 1955).

    Reference: Shi et al. 2024, arXiv:2406.07791, section 2 (repetition stability); Shannon 1948 (entropy).
    """

    spec: ClassVar[Spec] = Spec(
        name="unstable-judge",
        title="Repeats of the same question",
        over="verdicts",
        measures=(
            Measure(
                "rate",
                "share",
                "questions asked again with more than one verdict",
                "take the majority of several repeats, or lower the temperature",
                bad="high",
            ),
            Measure("stability", "share", "mean share of a question's commonest verdict", bad="low"),
            Measure("entropy", "bits", "mean entropy of a question's verdicts", bad="high"),
            Measure("repeats", "verdicts", "mean number of verdicts to a question that was asked again"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a", "repeat": 0},
                    {"item": "q", "judge": "j", "first": "a", "verdict": "b", "repeat": 1},
                ),
                "unstable_judge.rate",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a", "repeat": 0},
                    {"item": "q", "judge": "j", "first": "a", "verdict": "a", "repeat": 1},
                    {"item": "q", "judge": "j", "first": "b", "verdict": "b", "repeat": 0},
                ),
                "unstable_judge.rate",
            ),
        ),
    )

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        asked = _asked(verdicts)
        if not len(asked.rows):
            why = "no question was put to a judge more than once: give each a few repeats in the same order"
            return Measurement((), notes=(why,))
        panel = panels.panel(verdicts, asked.rows)
        repeats, most = asked.repeats, asked.counts.max(1)
        shares = asked.counts / repeats[:, None]
        bits = -(shares * np.log2(np.where(shares > 0, shares, 1))).sum(1)
        grains = [np.rint(one * GRAIN).astype(np.int64) for one in (most / repeats, bits)]
        name = self.spec.metric

        def of(at: Longs) -> Sequence[Metric]:
            ones = np.ones(len(at), np.int64)
            sums = summed(panel.draw[at], [ones, *(one[at] for one in grains), repeats[at]])

            def mean(metric: str, unit: str, column: int, grain: int) -> Metric:
                return panels.estimated(name(metric), unit, sums, lambda s: s[:, column] / s[:, 0] / grain, len(at), "")

            return [
                rate(name("rate"), int(asked.wavers[at].sum()), len(at)),
                mean("stability", "share", 1, GRAIN),
                mean("entropy", "bits", 2, GRAIN),
                mean("repeats", "verdicts", 3, 1),
            ]

        return Measurement(tuple(of(np.arange(len(asked.rows)))), panel.slices(of))

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        asked = _asked(verdicts)
        at = np.flatnonzero(asked.wavers)
        at = at[np.argsort(asked.rows[at], kind="stable")]

        names = panels.Names(verdicts)

        def evidence(places: Longs) -> pa.Array:
            counts = asked.counts[at[places]]
            said = [
                panels.joined(f" {word} x ", pa.array(n).cast(pa.large_string()))
                for word, n in zip(WORDS, counts.T, strict=True)
            ]
            shown = [pc.if_else(pa.array(n > 0), part, "") for part, n in zip(said, counts.T, strict=True)]
            return panels.joined(names.asked(asked.rows[at[places]]), ":", *shown)

        yield from panels.told(asked.rows[at], self.spec.metric("rate"), evidence)


def _asked(verdicts: Verdicts) -> Asked:
    rows = np.flatnonzero(verdicts.by_machine)
    order, question = rising(keys(*asking(verdicts), verdicts.first, at=rows))
    starts = np.flatnonzero(np.diff(question, prepend=-1))
    sizes = np.diff(starts, append=len(rows))
    # Only those asked again are counted: where none is, there is no table of four columns a verdict.
    again = rows[order[np.repeat(sizes > 1, sizes)]]
    sizes = sizes[sizes > 1]
    place = np.repeat(np.arange(len(sizes)), sizes)
    counts = np.bincount(place * 4 + verdicts.verdict[again], minlength=len(sizes) * 4).reshape(-1, 4)
    return Asked(again[np.cumsum(sizes) - sizes], counts)
