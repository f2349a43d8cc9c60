"""wins-for-nothing: empty, tiny and constant outputs that win."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.judges import panels
from auditor.core.judges.biases import NO_PEOPLE, NO_TEXT, clustered, judged_once
from auditor.core.judges.orders import gold
from auditor.core.judges.outputs import Outputs, outputs
from auditor.core.judges.panels import Panel, because
from auditor.core.rowwise import cut
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric
from auditor.model.verdicts import TIE, UNKNOWN, A, B, Verdicts

Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

SOMETHING, SHORT, CONSTANT, EMPTY = range(4)
"""What an output is, the worst of what it is: rising."""

KINDS = {EMPTY: "empty", CONSTANT: "constant", SHORT: "short"}

NONE = "no decided verdict is on such an output beside another kind"
NO_CONSTANT = "without the outputs' texts, constant ones are not seen"


@check
@dataclass(frozen=True, slots=True)
class WinsForNothing:
    """Outputs that say nothing and win all the same.

    What: an output says nothing if it has no words (`empty`), is the same text for at least `copies` items
    (`constant`), or has fewer than `words` words (`short`). Of the decided verdicts of machine judges on one such
    output beside one that is none, the share that it wins (`rate`), and the same for each kind; `people_rate` is what
    people say of the same pairs. `present` is the share of verdicts with any such output.

    Why it matters: whatever wins without answering shows what a judge looks at instead; a constant text written for the
    judge's prompt has topped public leaderboards, and an empty answer that wins is a fault of the pipeline, or of the
    judge, in the preferences that a model is trained on.

    Example: "" wins against "Paris." with A shown first.

    Remedy: drop these verdicts, and put an empty and a constant output among the pairs that a judge is tested with: it
    must lose against every real one.

    Limits: "Yes" is an answer to some questions: hold `short_rate` against `people_rate`. A refusal that is the same
    for many items counts as constant. Without texts only lengths are known, and constant outputs are not seen.

    Reference: Zheng et al. 2024, "Cheating automatic LLM benchmarks: null models achieve high win rates",
    arXiv:2410.07137.
    """

    words: int = 3
    copies: int = 10

    spec: ClassVar[Spec] = Spec(
        name="wins-for-nothing",
        title="Outputs that say nothing",
        over="verdicts",
        measures=(
            Measure("rate", "share", "decided verdicts on an output that says nothing that it won", bad="high"),
            Measure("empty_rate", "share", "the same, of empty outputs", "drop the verdict, or the judge", bad="high"),
            Measure(
                "constant_rate",
                "share",
                "the same, of one text for many items",
                "drop the verdict, or the judge",
                bad="high",
            ),
            Measure("short_rate", "share", "the same, of outputs of a word or two", "read it: is it an answer?"),
            Measure("people_rate", "share", "the same pairs by people"),
            Measure("present", "share", "verdicts with an output that says nothing"),
        ),
        fires=(
            Case(
                ({"item": "q", "judge": "j", "verdict": "a", "output_a": "", "output_b": "It is in the south."},),
                "wins_for_nothing.empty_rate",
            ),
        ),
        quiet=(
            Case(
                ({"item": "q", "judge": "j", "verdict": "b", "output_a": "", "output_b": "It is in the south."},),
                "wins_for_nothing.rate",
            ),
        ),
    )

    def __post_init__(self) -> None:
        if self.words < 1 or self.copies < 2:
            raise ValueError("words is at least 1, and copies at least 2")

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        known = (verdicts.words_a != UNKNOWN) & (verdicts.words_b != UNKNOWN)
        rows = np.flatnonzero(verdicts.by_machine & known)
        if not len(rows):
            return Measurement((), notes=(NO_TEXT,))
        texts = outputs(verdicts)
        nothing = self._nothing(verdicts, texts, rows)
        wins = nothing.wins
        name = self.spec.metric

        def of(at: Longs) -> Sequence[Metric]:
            return [
                wins.rate(name("rate"), at),
                *(wins.rate(name(f"{KINDS[kind]}_rate"), at[wins.kind[at] == kind]) for kind in KINDS),
            ]

        overall = [*of(np.arange(len(wins.panel.rows))), wins.people_rate(name("people_rate"))]
        if texts is None:
            constant = name("constant_rate")
            overall = [Metric(m.name, None, m.unit, 0, NO_CONSTANT) if m.name == constant else m for m in overall]
        return Measurement(
            (*overall, rate(name("present"), nothing.present, len(rows))),
            wins.panel.slices(of),
            exhibits=tuple(self._texts(verdicts, texts, wins)) if texts is not None else (),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Every verdict for an output that says nothing, by its kind."""
        known = (verdicts.words_a != UNKNOWN) & (verdicts.words_b != UNKNOWN)
        wins = self._nothing(verdicts, outputs(verdicts), np.flatnonzero(verdicts.by_machine & known)).wins
        for kind, word in KINDS.items():
            at = np.flatnonzero(wins.won & (wins.kind == kind))
            rows, is_a = wins.panel.rows[at], wins.is_a[at]

            def evidence(places: Longs, rows: Longs = rows, is_a: Mask = is_a) -> Sequence[str]:
                taken = verdicts.take(rows[places], ("response", "rejected"))
                sides = zip(taken.column("response").to_pylist(), taken.column("rejected").to_pylist(), strict=True)
                return [
                    f"{panels.asked(verdicts, row)}: {cut((one if mine else other) or '', 60)!r} wins against "
                    f"{cut((other if mine else one) or '', 60)!r}"
                    for row, mine, (one, other) in zip(rows[places], is_a[places], sides, strict=True)
                ]

            yield from panels.told(rows, self.spec.metric(f"{word}_rate"), evidence)

    def _nothing(self, verdicts: Verdicts, texts: Outputs | None, rows: Longs) -> Nothing:
        """Verdicts `rows` by what their outputs are."""
        constant = None if texts is None else texts.items(verdicts) >= self.copies
        kinds = []
        sides = (verdicts.words_a, texts.of_a if texts else None), (verdicts.words_b, texts.of_b if texts else None)
        for words, of in sides:
            kind = np.where(words[rows] < self.words, SHORT, SOMETHING)
            if constant is not None and of is not None:
                place = of[rows]
                kind = np.where((place >= 0) & constant[place], CONSTANT, kind)
            kinds.append(np.where(words[rows] == 0, EMPTY, kind).astype(np.int8))
        left, right = kinds
        present = (left != SOMETHING) | (right != SOMETHING)
        kept = ((left == SOMETHING) != (right == SOMETHING)) & (verdicts.verdict[rows] < TIE)
        at, is_a = rows[kept], left[kept] != SOMETHING
        people = np.full(len(at), TIE, np.int8)
        if verdicts.humans.any():
            said = gold(verdicts)[at]
            people = np.where((said == A) | (said == B), said, TIE).astype(np.int8)
        wins = Wins(
            panels.panel(verdicts, at),
            is_a,
            np.maximum(left, right)[kept],
            (verdicts.verdict[at] == A) == is_a,
            people,
            judged_once(verdicts, at),
        )
        return Nothing(wins, int(present.sum()))

    def _texts(self, verdicts: Verdicts, texts: Outputs, wins: Wins) -> Iterator[Exhibit]:
        """What these outputs say, those with the most verdicts first."""
        rows = wins.panel.rows
        place = np.where(wins.is_a, texts.of_a[rows], texts.of_b[rows])
        counts = np.bincount(place[place >= 0], minlength=len(texts))
        won = np.bincount(place[(place >= 0) & wins.won], minlength=len(texts))
        items = texts.items(verdicts)
        lines = []
        for text in np.lexsort((np.arange(len(counts)), -counts))[:EXHIBIT_ROWS]:
            if counts[text]:
                shown = cut(texts.texts[int(text)].as_py(), 80)
                share = round(int(won[text]) / int(counts[text]), 6)
                lines.append((shown, int(items[text]), int(counts[text]), share))
        if lines:
            yield Exhibit(
                self.spec.metric("texts"),
                "Outputs that say nothing",
                ("output", "items", "decided verdicts", "wins"),
                tuple(lines),
                bar="wins",
            )


@dataclass(frozen=True, slots=True)
class Wins:
    """Decided verdicts with one output that says nothing, n of them. is_a: bool [n], it is A. kind: int8 [n]. won: bool
    [n]. people: int8 [n], A or B where people prefer one, else TIE. once: every item was judged once."""

    panel: Panel
    is_a: Mask
    kind: Small
    won: Mask
    people: Small
    once: bool

    def rate(self, name: str, at: Longs) -> Metric:
        return because(clustered(name, self.won[at], self.panel.draw[at], once=self.once), NONE)

    def people_rate(self, name: str) -> Metric:
        at = np.flatnonzero(self.people != TIE)
        hit = (self.people[at] == A) == self.is_a[at]
        return because(clustered(name, hit, self.panel.draw[at], once=self.once), NO_PEOPLE)


@dataclass(frozen=True, slots=True)
class Nothing:
    """present: verdicts with any output that says nothing."""

    wins: Wins
    present: int
