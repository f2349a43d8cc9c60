"""What rooms over verdicts share in telling numbers: by judge and prompt, with intervals over items, as findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Spec
from auditor.core.judges.orders import BLOCK, drawn, keys, rising
from auditor.core.rowwise import findings, found
from auditor.model.result import EXHIBIT_ROWS, Metric, Slice
from auditor.model.verdicts import WORDS, Coded, Verdicts
from auditor.statistics import bootstrap

Longs = npt.NDArray[np.int64]

MOST = 100
"""Judges, or prompts, that are told apart: those with the most verdicts. Their names come from the file."""

STEP = 65_536
"""Findings in one table, since `locate` streams them."""


@dataclass(frozen=True, slots=True)
class Panel:
    """Verdicts (or pairs of them) by who judged. rows: int64 [n], a verdict of each. draw: int32 [n], the bootstrap
    group of each one's item."""

    verdicts: Verdicts
    rows: Longs
    draw: npt.NDArray[np.int32]

    def slices(self, measure: Callable[[Longs], Sequence[Metric]]) -> tuple[Slice, ...]:
        """Metrics by judge and by prompt. measure: of the places in `rows` of one of them."""
        made: list[Slice] = []
        for by, coded in (("judge", self.verdicts.judge), ("judge_prompt", self.verdicts.prompt)):
            codes = coded.codes[self.rows]
            for code, at in _groups(codes, len(coded.names)):
                made.extend(Slice(by, coded.names[code], metric) for metric in measure(at))
        return tuple(sorted(made, key=lambda one: (one.by, one.group, one.metric.name)))

    def cells(self) -> Iterator[tuple[str, str, Longs]]:
        """(judge, prompt, places in `rows`) of every judge with each of its prompts, those with the most first."""
        judge, prompt = self.verdicts.judge, self.verdicts.prompt
        order, risen = rising(keys(judge.codes, prompt.codes, at=self.rows))
        starts = np.flatnonzero(np.diff(risen, prepend=-1))
        ends = np.append(starts[1:], len(order))
        for place in np.argsort(starts - ends, kind="stable")[:EXHIBIT_ROWS]:
            at = order[starts[place] : ends[place]]
            row = int(self.rows[at[0]])
            yield named(judge, row), named(prompt, row), at


def _groups(codes: npt.NDArray[np.int32], names: int) -> Iterator[tuple[int, Longs]]:
    """(code, places with it) of the MOST that come most often."""
    # By blocks, and sorted by bytes: at ten million verdicts there is no room for wider numbers.
    counts = np.zeros(names + 1, np.int64)
    for low in range(0, len(codes), BLOCK):
        counts += np.bincount(codes[low : low + BLOCK] + 1, minlength=names + 1)
    counts = counts[1:]
    most = np.lexsort((np.arange(names), -counts))[:MOST]
    rank = np.full(names + 1, len(most), np.uint8)  # the last is of UNKNOWN
    rank[most] = np.arange(len(most))
    order = np.argsort(rank[codes], kind="stable")
    ends = np.cumsum(counts[most])
    for code, end in zip(most.tolist(), ends.tolist(), strict=True):
        if counts[code]:
            yield code, order[end - counts[code] : end]


def panel(verdicts: Verdicts, rows: Longs) -> Panel:
    groups = drawn(verdicts)
    items = verdicts.item.codes[rows]
    return Panel(verdicts, rows, np.append(groups, np.int32(0))[items].astype(np.int32))


def places(spec: Spec) -> dict[str, int]:
    """Metric -> its place among the measures, in whose order metrics are told."""
    return {spec.metric(measure.name): place for place, measure in enumerate(spec.measures)}


def estimated(
    name: str,
    unit: str,
    tables: Longs,
    statistic: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]],
    n: int,
    why: str,
) -> Metric:
    """A number of counts with its bootstrap interval over items; None, with `why`, where it cannot be told.

    tables: int64 [groups, k], counts by bootstrap group. statistic: of their sums [..., k], NaN where undefined.
    """
    value = float(statistic(tables.sum(0, keepdims=True).astype(np.float64))[0]) if n else np.nan
    if not np.isfinite(value):
        return Metric(name, None, unit, n, why=why)
    low, high = bootstrap.interval(tables, statistic) or (None, None)
    return Metric(name, value, unit, n, low=low, high=high)


def because(metric: Metric, why: str) -> Metric:
    """The metric, with this reason where it has no value."""
    return metric if metric.value is not None else Metric(metric.name, None, metric.unit, metric.n, why)


def told(
    rows: Longs,
    metric: str,
    evidence: Callable[[Longs], Sequence[str] | pa.Array],
    related: Longs | None = None,
) -> Iterator[pa.Table]:
    """Findings about these verdicts, in their order. evidence: of places in `rows`, one text each; as an Arrow array
    of large strings it is to be cut already."""
    for low in range(0, len(rows), STEP):
        at = np.arange(low, min(low + STEP, len(rows)))
        texts = evidence(at)
        other = None if related is None else pa.array(related[at])
        arrow = isinstance(texts, pa.Array)
        yield (found if arrow else findings)(rows[at], metric, texts, related=other)


class Names:
    """Evidence about verdicts by the million, joined by Arrow: no Python string for each. Names are cut."""

    def __init__(self, verdicts: Verdicts) -> None:
        self._verdicts = verdicts
        self._item, self._maker, self._judge = (
            pc.utf8_slice_codeunits(pa.array(column.names, pa.large_string()), 0, most)
            for column, most in ((verdicts.item, 80), (verdicts.a, 40), (verdicts.judge, 40))
        )

    def judge(self, rows: Longs) -> pa.Array:
        return _taken(self._judge, self._verdicts.judge.codes[rows])

    def asked(self, rows: Longs) -> pa.Array:
        """As `asked`, of many."""
        a, b = self._verdicts.a.codes[rows], self._verdicts.b.codes[rows]
        item = _taken(self._item, self._verdicts.item.codes[rows])
        whole = joined(item, ": ", _taken(self._maker, a), " / ", _taken(self._maker, b))
        return pc.if_else(pa.array((a >= 0) & (b >= 0)), whole, item)


def joined(*parts: pa.Array | str) -> pa.Array:
    """Texts and columns of texts, one after the other."""
    strings = [pa.scalar(part, pa.large_string()) if isinstance(part, str) else part for part in parts]
    return pc.binary_join_element_wise(*strings, pa.scalar("", pa.large_string()))


def words(verdicts: npt.NDArray[np.integer]) -> pa.Array:
    """Codes of verdicts as words."""
    return pa.array(WORDS, pa.large_string()).take(pa.array(verdicts))


def _taken(names: pa.Array, codes: npt.NDArray[np.int32]) -> pa.Array:
    return pc.fill_null(names.take(pa.array(codes, mask=codes < 0)), "")


def named(column: Coded, row: int) -> str:
    """The name that the column has for a verdict, empty where it has none."""
    code = int(column.codes[row])
    return column.names[code] if code >= 0 else ""


def asked(verdicts: Verdicts, row: int) -> str:
    """What a verdict is of, for evidence: its item, and the two makers where they are known."""
    item, a, b = (named(column, row) for column in (verdicts.item, verdicts.a, verdicts.b))
    return f"{item[:80]}: {a[:40]} / {b[:40]}" if a and b else item[:80]


def short(number: float | None) -> float | None:
    """A number of a table: six places, and none that is not finite."""
    return None if number is None or not np.isfinite(number) else round(number, 6)
