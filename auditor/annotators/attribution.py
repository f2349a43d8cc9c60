"""Who made a row: the columns by which every rate is sliced and every finding labelled."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from auditor.annotators.fields import column_name
from auditor.model.errors import ConfigError, suggest
from auditor.model.rows import MAKERS, ROUNDS, Dataset

MOST_VALUES = 1_000
"""A column with more distinct values identifies rows rather than groups of them."""

KEPT = 100
"""Labels kept, the most frequent; the rest are `(other)`."""

_NUMBERED = re.compile(r"[^\W\d]*[ _-]?\d{1,4}(?:\.\d+)?")
"""A round: `3`, `round 3`, `r3`. A field called `generation` may hold what was generated."""

_NOT_GROUPS = frozenset(
    ("digest", "prompt", "response", "rejected", "text", "messages", "source", "meta", "row", "copy")
)


def attribution(dataset: Dataset, columns: Sequence[str] | None = None) -> Dataset:
    """The dataset with `by` set: column -> labels, most frequent first, then by name.

    columns: what was asked for, by column or field name; None takes the columns of `MAKERS` that have from 2 to
    MOST_VALUES distinct values, and those of `ROUNDS` that have from 2 to KEPT, all numbers. Needs the `fields`
    annotation.

    Raises ConfigError for a column that is not there or that cannot be a label.
    """
    by: dict[str, tuple[str, ...]] = {}
    if columns is not None:
        for name in columns:
            column = _named(dataset, name)
            by[column] = _labels(_count(dataset, column))
    else:
        here = set(dataset.columns)
        for name in (*MAKERS, *ROUNDS):
            column = column_name(name)
            if column in here and name in dataset.fields:
                most = KEPT if name in ROUNDS else MOST_VALUES
                counts = _count(dataset, column, most=most)
                if name in ROUNDS and not all(_NUMBERED.fullmatch(label) for label in counts):
                    continue
                if 2 <= len(counts) <= most:
                    by[column] = _labels(counts)
    return replace(dataset, by=by)


def _named(dataset: Dataset, name: str) -> str:
    possible = [column for column in dataset.columns if column not in _NOT_GROUPS]
    for column in (column_name(name), name):
        if column in possible:
            return column
    raise ConfigError(f"--by: the data has no column {name!r}", hint=suggest(name, possible))


def _count(dataset: Dataset, column: str, most: int | None = None) -> Counter[str]:
    """Rows of each value, nulls left out; counting stops early past `most` distinct values."""
    counts: Counter[str] = Counter()
    for rows in dataset:
        found = pc.value_counts(rows.column(column).drop_null().cast(pa.large_string()))
        for label, n in zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True):
            counts[label] += n
        if most is not None and len(counts) > most:
            break
    return counts


def _labels(counts: Counter[str]) -> tuple[str, ...]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(label for label, _ in ranked[:KEPT])
