"""Rooms that ask whether a judge leans towards outputs with more of a trait: what they share.

Such a room declares its trait, and how a report puts it; what is measured is the same (see `core.judges.biases`). Names
of metrics are made from the trait's words: `longer_wins`, `longer_odds`, `people_longer_wins`, `longer_though_worse`,
`shorter_though_worse`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Context, Engine, Spec
from auditor.core.judges import panels
from auditor.core.judges.biases import NO_TEXT, Control, Decided, Leaning, control, decided
from auditor.core.judges.panels import short
from auditor.model.result import Distribution, Exhibit, Measurement, Metric
from auditor.model.verdicts import Codes, Verdicts

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Trait:
    """of: how much A's and B's outputs have, int32 [n] each. more, less: the words that metrics begin with. factor: its
    name among those of `core.judges.biases`. unit, fewer: `12 against 9 UNIT, people prefer the FEWER`.

    apart: how far two outputs are apart, float64, of what they have; edges: lower ends of its bins, the last one open;
    bins: their names. title: of the table by these bins; head: of its first column; wins: of its column of shares."""

    of: Callable[[Verdicts], tuple[Codes, Codes]]
    more: str
    less: str
    factor: str
    unit: str
    fewer: str
    apart: Callable[[Codes, Codes], Doubles]
    edges: tuple[float, ...]
    bins: tuple[str, ...]
    title: str
    head: str
    wins: str


class Traitwise:
    """A program over verdicts whose question is one trait."""

    spec: ClassVar[Spec]
    trait: ClassVar[Trait]

    def beside(
        self, verdicts: Verdicts, these: Decided, held: Control
    ) -> tuple[Sequence[Distribution], Sequence[Exhibit]]:
        """What else the room shows."""
        raise NotImplementedError

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        these = decided(verdicts)
        if not len(these):
            return Measurement((), notes=(NO_TEXT,))
        trait, name = self.trait, self.spec.metric
        left, right = trait.of(verdicts)
        lean = these.leaning(left, right)

        def of(at: Longs, held: Control) -> Sequence[Metric]:
            return [
                lean.wins(name(f"{trait.more}_wins"), at),
                held.odds(name(f"{trait.more}_odds"), trait.factor),
                lean.people_wins(name(f"people_{trait.more}_wins"), at),
                lean.astray(name(f"{trait.more}_though_worse"), 1, at),
                lean.astray(name(f"{trait.less}_though_worse"), -1, at),
            ]

        held = control(verdicts, these)
        rows = these.panel.rows
        distributions, exhibits = self.beside(verdicts, these, held)
        return Measurement(
            tuple(of(np.arange(len(these)), held)),
            these.panel.slices(lambda at: of(at, control(verdicts, these, at))),
            tuple(distributions),
            exhibits=(
                *self._by_gap(lean, trait.apart(left[rows], right[rows])),
                *held.exhibit(name("factors")),
                *exhibits,
            ),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Verdicts for the output with more of it where people prefer the other."""
        these, trait = decided(verdicts), self.trait
        both = trait.of(verdicts)
        lean = these.leaning(*both)
        rows = these.panel.rows[(lean.won > 0) & (lean.people < 0)]
        names = panels.Names(verdicts)

        def evidence(at: Longs) -> pa.Array:
            one, other = (pa.array(column[rows[at]]).cast(pa.large_string()) for column in both)
            told = f" {trait.unit}, people prefer the {trait.fewer}"
            return panels.joined(names.asked(rows[at]), ": ", one, " against ", other, told)

        yield from panels.told(rows, self.spec.metric(f"{trait.more}_though_worse"), evidence)

    def _by_gap(self, lean: Leaning, gaps: Doubles) -> Iterator[Exhibit]:
        trait = self.trait
        lines = []
        for place, wins, people in lean.by_gap(gaps, trait.edges):
            lines.append((trait.bins[place], wins.n, *map(short, (wins.value, wins.low, wins.high, people.value))))
        if lines:
            yield Exhibit(
                self.spec.metric("by_gap"),
                trait.title,
                (trait.head, "verdicts", trait.wins, "low", "high", f"people: {trait.wins}"),
                tuple(lines),
                bar=trait.wins,
            )
