"""How patterns are shown: the words that tell them, a typical row, and where their rows lie on a map of both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Engine
from auditor.core.content.grouped import Longs, Side
from auditor.core.rowwise import cut
from auditor.model.rows import Dataset
from auditor.statistics import layout, telling
from auditor.statistics.patterns import Patterns

SHOWN = 20
"""Patterns that have a name."""

NAMED_BY, REST = 20, 300
"""Rows of a pattern, and of all others, from which its telling words are taken."""

WORDS = 5
MAPPED = 2_000

READ, EXAMPLE, HOVER = 500, 200, 160
"""Characters of a row that names are taken from, that are shown as an example, and on the map."""

Mapped = tuple[Dataset, Side, Patterns | None, Sequence[str]]
"""A side of the map, with the names of its largest patterns."""


def named(rows: Dataset, side: Side, found: Patterns) -> tuple[list[str], list[str]]:
    """Telling words of each of the largest patterns, and the row that is nearest to the mean of its rows."""
    many = min(SHOWN, int(np.count_nonzero(found.sizes > 1)))
    if not many:
        return [], []
    chosen = [np.flatnonzero(found.labels == one) for one in range(many)]
    rest = np.flatnonzero(found.labels >= many)[:REST]
    group = np.repeat(np.arange(many + 1), [*(min(len(one), NAMED_BY) for one in chosen), len(rest)])
    at = np.concatenate([*(one[:NAMED_BY] for one in chosen), rest])
    texts = _read(rows, side.rows[at], side.scope, READ)
    words = telling.names(telling.count(texts, group), WORDS)
    names = [", ".join(words[one]) or f"pattern {one + 1}" for one in range(many)]
    usual = [int(np.argmax(held @ held.mean(axis=0))) for held in (side.vectors[one] for one in chosen)]
    typical = np.array([side.rows[one[at]] for one, at in zip(chosen, usual, strict=True)])
    return names, [cut(text, EXAMPLE) for text in _read(rows, typical, side.scope, EXAMPLE + 1)]


def mapped(sides: Sequence[Mapped], engine: Engine) -> pa.Table:
    """Points of the data and of real rows, each with its pattern, that one's name and its text; -1 for patterns without
    a name."""
    points = layout.place(np.concatenate([side.vectors[:MAPPED] for _, side, _, _ in sides]), engine.map)
    parts = []
    for what, (rows, side, found, names) in zip(("synthetic", "real"), sides, strict=False):
        at = side.rows[:MAPPED]
        pattern = np.full(len(at), -1)
        known = np.zeros(0, np.int64) if found is None else found.labels[: len(at)]
        pattern[: len(known)] = np.where(known < len(names), known, -1)
        columns = {
            "side": pa.repeat(what, len(at)),
            "pattern": pa.array(pattern),
            "row": pa.array(at),
            "name": pa.array([names[one] if one >= 0 else "" for one in pattern], pa.string()),
            "text": pa.array(_read(rows, at, side.scope, HOVER), pa.large_string()),
        }
        parts.append(pa.table(columns))
    table = pa.concat_tables(parts)
    return table.append_column("x", pa.array(points[:, 0])).append_column("y", pa.array(points[:, 1]))


def _read(rows: Dataset, at: Longs, column: str, characters: int) -> list[str]:
    texts: list[str] = pc.utf8_slice_codeunits(rows.take(at, [column]).column(0), 0, characters).to_pylist()
    return texts
