"""Gaps: topics of the real data that the rows audited lack, by name, with real examples; as a table, shown, found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Context
from auditor.core.content.bags import bags
from auditor.core.rowwise import cut
from auditor.model.result import FINDING_SCHEMA, Exhibit
from auditor.model.rows import Dataset
from auditor.model.vectors import Floats
from auditor.statistics import telling
from auditor.statistics.tails import Bags
from auditor.statistics.topics import Topics

SHOWN, EXAMPLES = 25, 5
"""Gaps in the report, and real rows shown of each."""

MOST = 200
"""Gaps that are told."""

NAME_WORDS = 4
OTHERS = 4_000
"""Rows of all other topics that a gap's telling words are held against."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """A sample in drawn order. rows: row numbers. vectors: float32 [n, d]. texts: large_string [n]. Its words, and
    pairs of neighbouring words, are taken out once, whatever it is held against."""

    rows: Longs
    vectors: Floats
    texts: pa.Array

    @cached_property
    def words(self) -> Bags:
        return bags(self.texts, 1)

    @cached_property
    def pairs(self) -> Bags:
        return bags(self.texts, 2)

    def first(self, n: int) -> Side:
        """A sample of n rows."""
        return Side(self.rows[:n], self.vectors[:n], self.texts.slice(0, n))


def table(found: Topics, counts: Longs, gaps: Longs, real: Side, rows: Dataset, context: Context) -> pa.Table:
    """One line a gap and example: those of its real rows that are nearest to its centre. `…_seen` are rows of the
    samples compared; `…_rows` of the datasets, and those that would give the gap its share of ours.

    found: topics of `real`, a sample of the reference. counts: our rows in each topic, of as many. rows: ours.
    """
    shown, reference = gaps[:MOST], context.references["real"]
    names = _names(found, shown, real)
    places: list[int] = []
    of: list[int] = []
    for at, topic in enumerate(shown):
        members = np.flatnonzero(found.own == topic)
        off = np.linalg.norm(real.vectors[members] - found.centres[topic], axis=1)
        nearest = members[np.lexsort((members, off))][:EXAMPLES]
        places += nearest.tolist()
        of += [at] * len(nearest)
    topic = shown[of] if of else np.zeros(0, np.int64)
    examples = real.rows[places] if places else np.zeros(0, np.int64)
    mine, theirs = counts[topic], found.sizes[topic]
    mine_each, real_each = (
        context.rows_of(side, data) / len(real.rows) for side, data in (("data", rows), ("real", reference))
    )
    numbers = {
        "region": pa.array(of, pa.int64()),
        "name": pa.array([names[at] for at in of], pa.string()),
        "real_seen": pa.array(theirs),
        "synthetic_seen": pa.array(mine),
        "real_rows": pa.array(np.rint(theirs * real_each).astype(np.int64)),
        "synthetic_rows": pa.array(np.rint(mine * mine_each).astype(np.int64)),
        "missing_rows": pa.array(np.maximum(1, np.rint((theirs - mine) * mine_each)).astype(np.int64)),
        "place": pa.array(examples),
        "row": pa.array(context.numbers("real", examples)),
    }
    texts = reference.take(examples, ["prompt", "response", "text"])
    return pa.table({**numbers, **{name: texts.column(name) for name in texts.column_names}})


def _names(found: Topics, gaps: Longs, real: Side) -> list[str]:
    """The telling words of each gap against the others and against rows of all other topics."""
    if not len(gaps):
        return []
    group = np.full(len(found) + 1, len(gaps), np.int64)
    group[gaps] = np.arange(len(gaps))
    of = group[found.own]
    others = np.flatnonzero(of == len(gaps))[:OTHERS]
    chosen = np.sort(np.concatenate([np.flatnonzero(of < len(gaps)), others]))
    counted = telling.count(real.texts.take(pa.array(chosen)).to_pylist(), of[chosen])
    words = telling.names(counted, NAME_WORDS)
    return [", ".join(words[gap]) or f"topic {gap + 1}" for gap in range(len(gaps))]


def exhibit(name: str, gaps: pa.Table, n: int) -> tuple[Exhibit, ...]:
    """The largest gaps with an example each, of n rows a side."""
    if not len(gaps):
        return ()
    lines = gaps.select(["region", "name", "real_seen", "synthetic_seen", "text"]).to_pylist()
    first = {line["region"]: line for line in reversed(lines)}
    cells = tuple(
        (line["name"], line["real_seen"], line["synthetic_seen"], line["real_seen"] / n, cut(line["text"]))
        for _, line in sorted(first.items())[:SHOWN]
    )
    heads = ("topic", "real rows", "synthetic rows", "share of real", "a real example")
    return (Exhibit(name, "Topics of the real data that are missing", heads, cells, f"of {n:,} rows a side"),)


def findings(metric: str, gaps: pa.Table) -> pa.Table:
    """The real rows of each gap. No row of the data is at fault: what is at fault is not there."""
    n = len(gaps)
    columns = ("name", "text", "synthetic_seen", "real_seen")
    named = zip(*(gaps.column(name).to_pylist() for name in columns), strict=True)
    evidence = [
        cut(f"({name}: {few or 'no'} {'row' if few == 1 else 'rows'} for {many} real ones) {text}")
        for name, text, few, many in named
    ]
    reached = pc.divide(gaps.column("synthetic_seen").cast(pa.float64()), gaps.column("real_seen"))
    return pa.table(
        {
            "row": pa.nulls(n, pa.int64()),
            "metric": pa.repeat(metric, n),
            "related": gaps.column("place"),
            "related_dataset": pa.repeat("real", n),
            "cluster": pa.nulls(n, pa.int64()),
            "score": pc.subtract(1.0, reached),  # share of the rows due that is missing
            "evidence": pa.array(evidence, pa.large_string()),
        },
        schema=FINDING_SCHEMA,
    )
