"""What rooms share that ask whether a judge leans towards a trait of an output: longer, more marked up, its own.

Three questions, in this order: how often does the output with more of it win; what do people say of the same pairs;
and what remains once place, the other traits, the makers' strength and people's verdicts are held fixed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from auditor.core.intervals import Z95, wilson
from auditor.core.judges import panels
from auditor.core.judges.orders import counted, gold
from auditor.core.judges.panels import Panel, because
from auditor.model.result import Exhibit, Metric
from auditor.model.verdicts import TIE, UNKNOWN, A, B, Verdicts
from auditor.statistics import logistic
from auditor.statistics.logistic import Fit

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Small = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

FITTED = 100_000
"""Verdicts that a regression is fitted to at most, drawn by what was compared; odds are then known to within 2 %."""

LEAST = 30
"""Decided verdicts below which nothing is fitted: ten for each of three factors (P. Peduzzi et al. 1996, Journal of
Clinical Epidemiology 49:1373)."""

LEAST_GROUPS = 10
"""Items below which a mean has no interval."""

MAKERS = 100
"""Makers with a strength of their own, those with the most verdicts; the rest share one."""

LENGTH, MARKS, FIRST, PEOPLE = "length", "marks", "first", "people"

UNITS: Mapping[str, str] = {
    LENGTH: "a doubling of the length in words",
    MARKS: "a doubling of the marks (lists, headings, bold), plus one",
    FIRST: "shown first against shown second",
    PEOPLE: "preferred by people against not",
}
"""What the odds of each factor are of."""

NO_TEXT = "no output's text or length is known: give files with the outputs"
NO_PEOPLE = "no person judged these pairs: give people's verdicts too"


@dataclass(frozen=True, slots=True)
class Decided:
    """Verdicts of machines for A or B on two outputs whose text is known, n of them. won: bool [n], A did. people:
    int8 [n], 1 where people prefer A, -1 where B, else 0. once: every item was judged once."""

    panel: Panel
    won: Mask
    people: Small
    once: bool

    def __len__(self) -> int:
        return len(self.won)

    def sampled(self, most: int) -> Decided:
        """At most about so many of them, in a draw that the order of the file has no part in."""
        at = thinned(self.panel.verdicts, self.panel.rows, most)
        panel = Panel(self.panel.verdicts, self.panel.rows[at], self.panel.draw[at])
        return Decided(panel, self.won[at], self.people[at], self.once)

    def leaning(self, left: npt.NDArray[np.int32], right: npt.NDArray[np.int32]) -> Leaning:
        """left, right: int32, how much of a trait the outputs of every verdict of the file have, A's and B's."""
        more = np.sign(left[self.panel.rows] - right[self.panel.rows]).astype(np.int8)
        won = np.where(self.won, more, -more).astype(np.int8)
        return Leaning(self, won, np.where(more == 0, 0, self.people * more).astype(np.int8))


def decided(verdicts: Verdicts) -> Decided:
    known = (verdicts.words_a != UNKNOWN) & (verdicts.words_b != UNKNOWN)
    rows = np.flatnonzero(verdicts.by_machine & (verdicts.verdict < TIE) & known)
    people = np.zeros(len(rows), np.int8)
    if verdicts.humans.any():
        said = gold(verdicts)[rows]
        people = np.where(said == A, 1, np.where(said == B, -1, 0)).astype(np.int8)
    return Decided(panels.panel(verdicts, rows), verdicts.verdict[rows] == A, people, judged_once(verdicts, rows))


@dataclass(frozen=True, slots=True)
class Leaning:
    """Decided verdicts by a trait. won: int8 [n], 1 where the output with more of it won, -1 where that with less, 0
    where both have as much. people: int8 [n], 1 where people prefer the one with more, -1 the other, else 0."""

    decided: Decided
    won: Small
    people: Small

    def wins(self, name: str, at: Longs) -> Metric:
        """How often more wins, of verdicts `at` on outputs that differ."""
        at = at[self.won[at] != 0]
        return because(self._rate(name, self.won[at] > 0, at), "no decided verdict is on outputs that differ in it")

    def people_wins(self, name: str, at: Longs) -> Metric:
        """How often people prefer more, of the same verdicts' pairs."""
        at = at[(self.won[at] != 0) & (self.people[at] != 0)]
        return because(self._rate(name, self.people[at] > 0, at), NO_PEOPLE)

    def astray(self, name: str, towards: int, at: Longs) -> Metric:
        """How often the judge takes the one with more (1; or less, -1) where people prefer the other."""
        at = at[(self.won[at] != 0) & (self.people[at] == -towards)]
        return because(self._rate(name, self.won[at] == towards, at), NO_PEOPLE)

    def by_gap(self, gaps: Doubles, edges: Sequence[float]) -> Iterator[tuple[int, Metric, Metric]]:
        """(bin, wins, people's wins) of each bin of the gap with verdicts. edges: of bins that hold
        their lower end; the last one is open."""
        bins = np.searchsorted(np.asarray(edges), gaps, side="right") - 1
        for place in range(len(edges)):
            at = np.flatnonzero((bins == place) & (self.won != 0))
            if len(at):
                yield place, self.wins("", at), self.people_wins("", at)

    def _rate(self, name: str, hit: Mask, at: Longs) -> Metric:
        return clustered(name, hit, self.decided.panel.draw[at], once=self.decided.once)


def judged_once(verdicts: Verdicts, rows: Longs) -> bool:
    items = verdicts.item.codes[rows]
    return bool(np.bincount(items[items >= 0]).max(initial=0) <= 1)


def clustered(name: str, hit: Mask, groups: npt.NDArray[np.int32], *, once: bool) -> Metric:
    """A rate of verdicts of which those in one group (int32 [n]) depend on each other, unless all were judged once."""
    n, hits = len(hit), int(hit.sum())
    if not n:
        return Metric(name, None, "share", 0, "no verdict to measure")
    worth = float(n)
    if not once:
        cells = counted(2, groups, hit.view(np.int8))
        worth = logistic.effective(hits, n, np.stack([cells.sum(1), cells[:, 1]], 1))
    low, high = wilson(hits / n * worth if hits < n else worth, worth)
    return Metric(name, hits / n, "share", n, low=low, high=high)


def averaged(name: str, unit: str, table: Longs, grain: int) -> Metric:
    """A mean with its 95 % interval by linearisation over groups (W. Cochran 1977, "Sampling techniques", section
    9A.1); none below LEAST_GROUPS. table: int64 [groups, 2], how many values each has, and their sum in 1 / grain."""
    held = table[table[:, 0] > 0]
    n, groups = int(held[:, 0].sum()), len(held)
    if not n:
        return Metric(name, None, unit, 0, "nothing to average")
    value = int(held[:, 1].sum()) / n / grain
    if groups < LEAST_GROUPS:
        return Metric(name, value, unit, n)
    beyond = np.sort(np.abs(held[:, 1] / grain - value * held[:, 0]))  # sorted: sums of floats know their order
    half = Z95 * sqrt(float((beyond * beyond).sum()) * groups / (groups - 1)) / n
    least = 0.0 if unit == "share" else -1.0
    return Metric(name, value, unit, n, low=max(least, value - half), high=min(1.0, value + half))


@dataclass(frozen=True, slots=True)
class Control:
    """A fit of who wins. names: of its factors, [m, d]. fit: None, with `why`. rows: int64 [m], verdicts that it is of.
    makers: codes of those with a strength of their own; a, b: int64 [m], places of each verdict's two among them, or
    -1."""

    names: tuple[str, ...]
    fit: Fit | None
    why: str
    rows: Longs
    makers: Longs
    factors: Doubles
    a: Longs
    b: Longs

    def odds(self, name: str, factor: str) -> Metric:
        n = len(self.rows)
        if self.fit is None or factor not in self.names:
            return Metric(name, None, "times", n, self.why or f"all outputs have as much: {factor}")
        value, low, high = self.fit.odds(self.names.index(factor))
        return Metric(name, value, "times", n, low=low, high=high)

    def equal(self, verdicts: Verdicts, factor: str) -> Iterator[tuple[str, int, float, float]]:
        """(maker, verdicts, win rate, win rate had both outputs as much of `factor`), those with the most verdicts
        first: length-controlled win rates (Dubois et al. 2024, section 3), of decided verdicts."""
        if self.fit is None or factor not in self.names:
            return
        place = self.names.index(factor)
        strength = np.append(self.fit.strengths, 0.0)
        margin = self.factors @ self.fit.weights + strength[self.a] - strength[self.b]
        alike = 1 / (1 + np.exp(self.factors[:, place] * self.fit.weights[place] - margin))
        won = verdicts.verdict[self.rows] == A
        sums = []
        for maker in range(len(self.makers)):
            left, right = self.a == maker, self.b == maker
            met = int(left.sum() + right.sum())
            wins = int(won[left].sum() + (~won[right]).sum())
            sums.append((met, maker, wins / met, float(alike[left].sum() + (1 - alike[right]).sum()) / met))
        for met, maker, share, level in sorted(sums, key=lambda one: (-one[0], one[1])):
            yield verdicts.a.names[self.makers[maker]], met, share, level

    def exhibit(self, name: str) -> Iterator[Exhibit]:
        """Every factor's odds, and what else was held fixed."""
        if self.fit is None:
            return
        lines = []
        for place, factor in enumerate(self.names):
            value, low, high = self.fit.odds(place)
            lines.append((UNITS[factor], round(value, 6), round(low, 6), round(high, 6)))
        held = f"and the strength of {len(self.makers):,} makers" if len(self.makers) else "no makers are named"
        yield Exhibit(
            name,
            "What decides who wins, each factor with the others held fixed",
            ("factor", "odds ratio", "low", "high"),
            tuple(lines),
            f"logistic regression of {len(self.rows):,} decided verdicts; {held}",
        )


def control(verdicts: Verdicts, these: Decided, at: Longs | None = None) -> Control:
    """Who wins, by everything that is known of both outputs, over all of `these` or those at places `at`.

    Rows are put in an order of their own, so that the order of the file does not show in the last bits.
    """
    rows = these.panel.rows if at is None else these.panel.rows[at]
    people = these.people if at is None else these.people[at]
    draw = these.panel.draw if at is None else these.panel.draw[at]
    kept = thinned(verdicts, rows, FITTED)
    rows, people, draw = rows[kept], people[kept], draw[kept]
    won = verdicts.verdict[rows] == A
    a, b = verdicts.a.codes[rows], verdicts.b.codes[rows]
    columns = {
        LENGTH: doublings(verdicts.words_a[rows], verdicts.words_b[rows], 0),
        MARKS: doublings(verdicts.marks_a[rows], verdicts.marks_b[rows], 1),
        FIRST: np.array([0.5, -0.5, 0.0])[verdicts.first[rows]],  # A, B and, from behind, UNKNOWN
        PEOPLE: people / 2,
    }
    used = {factor: column for factor, column in columns.items() if column.any()}
    seen = (verdicts.words_a, verdicts.words_b, verdicts.marks_a, verdicts.marks_b, verdicts.first, verdicts.verdict)
    order = np.argsort(_mixed(draw, a, b, people, *(column[rows] for column in seen)), kind="stable")
    rows, draw = rows[order], draw[order]
    factors = np.stack([column[order] for column in used.values()], 1) if used else np.zeros((len(rows), 0))
    makers, left, right = _strong(a[order], b[order])
    fit = None
    if len(rows) >= LEAST and used:
        fit = logistic.paired(factors, won[order], left, right, len(makers), draw)
    why = "" if fit else "a factor settles every verdict, or goes with another throughout: no odds can be told"
    if len(rows) < LEAST:
        why = f"fewer than {LEAST} decided verdicts"
    return Control(tuple(used), fit, why, rows, makers, factors, left, right)


def doublings(left: npt.NDArray[np.int32], right: npt.NDArray[np.int32], beside: int) -> Doubles:
    """log2 of how many times as much the left one has, `beside` added to both; nothing counts as one."""
    one, other = (np.maximum(side.astype(np.float64) + beside, 1) for side in (left, right))
    ratio: Doubles = np.log2(one) - np.log2(other)
    return ratio


def _strong(a: npt.NDArray[np.int32], b: npt.NDArray[np.int32]) -> tuple[Longs, Longs, Longs]:
    """Codes of the makers with a strength of their own, and each verdict's two as places among them; -1 for others, and
    for an output that is held against another of the same maker."""
    apart = (a >= 0) & (b >= 0) & (a != b)
    met = np.bincount(np.concatenate([a[apart], b[apart]]))
    most = np.lexsort((np.arange(len(met)), -met))[:MAKERS]
    makers = np.sort(most[met[most] > 0])
    place = np.full(len(met) + 1, -1)
    place[makers] = np.arange(len(makers))
    return makers, place[np.where(apart, a, -1)], place[np.where(apart, b, -1)]


def thinned(verdicts: Verdicts, rows: Longs, most: int) -> Longs:
    """Places of at most about `most` of the rows, by item, makers, judge and prompt: both orders and repeats of a pair
    stay together, in whatever order the file has them."""
    if len(rows) <= most:
        return np.arange(len(rows))
    compared = (verdicts.item, verdicts.a, verdicts.b, verdicts.judge, verdicts.prompt)
    mixed = _mixed(*(column.codes[rows] for column in compared))
    return np.flatnonzero(mixed <= np.uint64(int(most / len(rows) * (2**64 - 1))))


def _mixed(*columns: npt.NDArray[np.integer]) -> npt.NDArray[np.uint64]:
    """A number for each combination of codes, as good as drawn by lot (splitmix64, Steele et al. 2014, chained)."""
    mixed = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        mixed += column.astype(np.int64).view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed
