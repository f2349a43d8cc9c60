"""intransitive-verdicts: A beats B, B beats C, and C beats A."""

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
from auditor.core.judges.orders import keys, pairing, ranked, settled, summed
from auditor.core.judges.panels import because
from auditor.kernels.triads import triads
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric
from auditor.model.verdicts import TIE, UNKNOWN, A, B, Verdicts

Floats = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

MAKERS = 4000
"""More makers are not compared: the table of who beats whom grows with their square."""

AHEAD = np.array([1.0, -1.0, 0.0, 0.0])
"""Of A for a verdict: A, B, tie, invalid."""

NONE = "no judge compared three makers with each other on one item"


@dataclass(frozen=True, slots=True)
class Tournaments:
    """What one judge with one prompt makes of one item with three or more comparisons, t of them. rows: int64 [t], a
    verdict of each. decided, cyclic: int64 [t], triads. worst: int64 [t], cyclic triads that there can be where every
    two makers were compared and decided, else 0. cycle: int64 [t, 3], makers, each beats the next; -1 without."""

    rows: Longs
    decided: Longs
    cyclic: Longs
    worst: Longs
    cycle: Longs


@check
@dataclass(frozen=True, slots=True)
class IntransitiveVerdicts:
    """Preferences that go round in a circle.

    What: of every three makers that a machine judge (with one prompt) compared with each other on one item, all three
    comparisons decided, the share that form a cycle (`rate`; one in four by chance). A comparison judged several
    times, or in both orders, is its majority. `items_rate` is the share of judged items with any cycle, `consistence`
    the coefficient of Kendall and Babington Smith over the items where every two makers were compared: 1 without a
    cycle, 0 where there are as many as there can be. `majority_cycles` are cycles among the makers as a whole: A beats
    B on most items, B beats C, and C beats A.

    Why it matters: a circle has no order. No ranking, score or reward model can fit it: Elo and Bradley-Terry give it
    numbers all the same.

    Example: long beats short, correct beats long, and short beats correct.

    Remedy: leave the item out of a ranking, or judge it again in both orders; where makers as a whole go in a circle,
    show the table of wins and not a ranking.

    Limits: needs three makers on one item under one name; ties decide nothing. Cycles come of noise as well as of
    taste: hold `rate` against `unstable-judge` and `position-inconsistency`.

    Reference: Kendall and Babington Smith 1940, "On the method of paired comparisons", Biometrika 31:324; Xu et al.
    2025, "Investigating non-transitivity in LLM-as-a-judge", arXiv:2502.14074.
    """

    spec: ClassVar[Spec] = Spec(
        name="intransitive-verdicts",
        title="Circles of preferences",
        over="verdicts",
        measures=(
            Measure(
                "rate",
                "share",
                "triads of makers that go in a circle",
                "leave the item out of a ranking, or judge it again in both orders",
                bad="high",
            ),
            Measure("items_rate", "share", "judged items with a circle"),
            Measure("triads", "triads", "three makers with three decided comparisons on one item"),
            Measure("cycles", "triads", "of them, those in a circle"),
            Measure("consistence", "share", "1 without a circle, 0 with as many as there can be", bad="low"),
            Measure("majority_rate", "share", "triads of makers that go in a circle by their wins over all items"),
            Measure("majority_cycles", "triads", "the number of these"),
        ),
        fires=(
            Case(
                (
                    {"item": "q", "judge": "j", "a": "x", "b": "y", "verdict": "a"},
                    {"item": "q", "judge": "j", "a": "y", "b": "z", "verdict": "a"},
                    {"item": "q", "judge": "j", "a": "z", "b": "x", "verdict": "a"},
                ),
                "intransitive_verdicts.rate",
            ),
        ),
        quiet=(
            Case(
                (
                    {"item": "q", "judge": "j", "a": "x", "b": "y", "verdict": "a"},
                    {"item": "q", "judge": "j", "a": "y", "b": "z", "verdict": "a"},
                    {"item": "q", "judge": "j", "a": "x", "b": "z", "verdict": "a"},
                ),
                "intransitive_verdicts.rate",
            ),
        ),
    )

    def run(self, verdicts: Verdicts, context: Context, engine: Engine) -> Measurement:
        if len(verdicts.a.names) > MAKERS:
            return Measurement((), notes=(f"{len(verdicts.a.names):,} makers: at most {MAKERS:,} are compared",))
        found = _tournaments(verdicts)
        majority = _majority(verdicts)
        if not found.decided.any() and not majority.decided.any():
            return Measurement((), notes=("no three makers were compared with each other: name makers a and b",))
        panel = panels.panel(verdicts, found.rows)
        name = self.spec.metric

        def of(at: Longs) -> Sequence[Metric]:
            sums = summed(panel.draw[at], [found.decided[at], found.cyclic[at]])
            whole = found.worst[at] > 0
            complete = summed(
                panel.draw[at], [np.where(whole, found.cyclic[at], 0), np.where(whole, found.worst[at], 0)]
            )
            decided, cyclic = int(found.decided[at].sum()), int(found.cyclic[at].sum())
            judged = int((found.decided[at] > 0).sum())
            few = "no judge compared every two of three makers or more on one item"
            return [
                panels.estimated(name("rate"), "share", sums, lambda s: _ratio(s[:, 1], s[:, 0]), decided, NONE),
                because(rate(name("items_rate"), int((found.cyclic[at] > 0).sum()), judged), NONE),
                Metric(name("triads"), decided, "triads", judged),
                Metric(name("cycles"), cyclic, "triads", decided),
                panels.estimated(
                    name("consistence"),
                    "share",
                    complete,
                    lambda s: 1 - _ratio(s[:, 0], s[:, 1]),
                    int(whole.sum()),
                    few,
                ),
            ]

        decided, cyclic = int(majority.decided.sum()), int(majority.cyclic.sum())
        overall = (
            *of(np.arange(len(found.rows))),
            because(rate(name("majority_rate"), cyclic, decided), "no three makers with a majority each"),
            Metric(name("majority_cycles"), cyclic, "triads", decided),
        )
        return Measurement(
            overall,
            tuple(one for one in panel.slices(of) if one.metric.value is not None),
            exhibits=tuple(self._commonest(verdicts, found)),
        )

    def locate(self, verdicts: Verdicts, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Every judged item with a circle, at one of its verdicts."""
        found = _tournaments(verdicts)
        at = np.flatnonzero(found.cyclic)
        at = at[np.argsort(found.rows[at], kind="stable")]

        def evidence(places: Longs) -> pa.Array:
            told = [
                f"{panels.named(verdicts.item, found.rows[i])[:80]}: {_circle(verdicts, found.cycle[i])}"
                + (f", and {found.cyclic[i] - 1:,} more" if found.cyclic[i] > 1 else "")
                for i in at[places]
            ]
            return pa.array(told, pa.large_string())

        yield from panels.told(found.rows[at], self.spec.metric("rate"), evidence)

    def _commonest(self, verdicts: Verdicts, found: Tournaments) -> Iterator[Exhibit]:
        circles, counts = np.unique(found.cycle[found.cyclic > 0], axis=0, return_counts=True)
        most = np.lexsort((*circles.T[::-1], -counts))[:EXHIBIT_ROWS]
        if len(most):
            yield Exhibit(
                self.spec.metric("circles"),
                "Circles",
                ("circle", "judged items"),
                tuple((_circle(verdicts, circles[place]), int(counts[place])) for place in most),
                "the first of each item",
                bar="judged items",
            )


def _tournaments(verdicts: Verdicts) -> Tournaments:
    rows = _compared(verdicts)
    asked = (verdicts.judge.codes, verdicts.prompt.codes, *pairing(verdicts))
    said = settled(keys(*asked, at=rows), verdicts.verdict[rows], rows)
    group = keys(*asked[:3], at=said.rows)
    return _counted(verdicts, said.rows, said.verdict, group)


def _majority(verdicts: Verdicts) -> Tournaments:
    """Makers as a whole: who wins more verdicts of each two, whoever judged."""
    rows = _compared(verdicts)
    place, n = ranked(keys(verdicts.a.codes, verdicts.b.codes, at=rows))
    said = verdicts.verdict[rows]
    margin = np.bincount(place, AHEAD[said], n)
    verdict = np.select([margin > 0, margin < 0], [A, B], TIE).astype(np.int8)
    one = np.zeros(n, np.int64)
    one[place] = rows
    return _counted(verdicts, one, verdict, np.zeros(n, np.int64))


def _compared(verdicts: Verdicts) -> Longs:
    _, a, b = pairing(verdicts)
    rows: Longs = np.flatnonzero(verdicts.by_machine & (a != UNKNOWN) & (b != UNKNOWN) & (a != b))
    return rows


def _counted(verdicts: Verdicts, rows: Longs, verdict: npt.NDArray[np.int8], group: Longs) -> Tournaments:
    """group: int64 [n], rising; a pair of makers comes once in each."""
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    sizes = np.diff(np.append(starts, len(group)))
    several = sizes >= 3
    edges = np.flatnonzero(np.repeat(several, sizes))
    bounds = np.concatenate([[0], np.cumsum(sizes[several])]).astype(np.int64)
    left, right = (column.codes[rows[edges]].astype(np.int64) for column in (verdicts.a, verdicts.b))
    decided, cyclic, pairs, nodes, cycle = triads(bounds, left, right, verdict[edges], len(verdicts.a.names))
    whole = (nodes >= 3) & (pairs == nodes * (nodes - 1) // 2)
    worst = np.where(nodes % 2, nodes**3 - nodes, nodes**3 - 4 * nodes) // 24
    first = rows[starts[several]]
    return Tournaments(first, decided, cyclic, np.where(whole, worst, 0), cycle.reshape(-1, 3))


def _circle(verdicts: Verdicts, cycle: Longs) -> str:
    names = [verdicts.a.names[code][:40] for code in cycle]
    return " > ".join([*names, names[0]])


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        value: Floats = part / whole
    return value
