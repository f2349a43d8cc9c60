"""Fields of the records that may be labels: their columns, and each against its target or the real data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.content.labels import LABELS, Values, crossed, hashes, tally
from auditor.core.content.shares import Compared, of_values, to_sample, to_target
from auditor.core.rowwise import cut
from auditor.model.rows import Dataset
from auditor.statistics import balance

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_NAMED = 8
"""Fields that a note names."""


@dataclass(frozen=True, slots=True)
class Field:
    """What is said of one field of the records. imbalance: of the data alone, with its rows. sexes: int64 [labels, 2]
    of either side, rows that name a man, a woman, by label. few, unique: why it was not compared."""

    compared: Compared | None = None
    imbalance: tuple[float, int] | None = None
    sexes: tuple[Longs, Longs] | None = None
    few: str = ""
    unique: str = ""


def columns_of(rows: Dataset) -> dict[str, str]:
    """Fields of the records with their columns of the `fields` annotator, by name; one whose name was taken stands as
    `meta.NAME`."""
    found = {name: f"meta.{name}" if f"meta.{name}" in rows.columns else name for name in sorted(rows.fields)}
    return {name: column for name, column in found.items() if column in rows.columns}


def held_against(
    name: str,
    own: tuple[Dataset, str],
    other: tuple[Dataset | None, str | None],
    target: Mapping[str, float] | None,
    sexes: tuple[Mask, Mask] | None,
    least: int,
) -> Field:
    """Of one field, data and column, and the same of real where that has it. target: label -> share, where it is
    declared. sexes: bool [rows, 2] of either side, rows that name a man, a woman. least: rows a side."""
    (rows, column), (real, beside) = own, other
    mine = tally(rows, column)
    even = None
    if 2 <= len(mine.key) <= LABELS and mine.rows >= least and name != "language":
        even = balance.imbalance(mine.count), mine.rows
    if target is not None:
        counts = dict(zip(target, mine.of(hashes(tuple(target))).tolist(), strict=True))
        return Field(to_target(name, counts, mine.rows, target, least), even)
    if real is None or beside is None:
        return Field(imbalance=even)
    theirs = tally(real, beside)
    if len(theirs.key) > LABELS and real.fields.get(name.removeprefix("meta.")) == "int":
        return Field(imbalance=even)  # numbers, and no labels
    if theirs.tells_apart:
        return Field(imbalance=even, unique=unique(name, len(theirs.key), theirs.rows))
    compared = to_sample(of_values(name, Values(rows, column, mine), Values(real, beside, theirs)), "real", least)
    crosses = None
    if sexes is not None and max(len(mine.key), len(theirs.key)) <= LABELS:
        key = np.intersect1d(mine.key, theirs.key)
        crosses = crossed(rows, column, key, sexes[0]), crossed(real, beside, key, sexes[1])
    scarce = compared.distance is None and mine.rows and theirs.rows and min(mine.rows, theirs.rows) < least
    return Field(compared, even, crosses, few(name, mine.rows, theirs.rows) if scarce else "")


def few(name: str, rows: int, real: int) -> str:
    """A field that too few rows of a side have, for `left_out`."""
    return f"{cut(name, 40)} ({rows:,} and {real:,})"


def unique(name: str, values: int, rows: int) -> str:
    """A field of which nearly every real row has a value of its own, for `left_out`."""
    return f"{cut(name, 40)} ({values:,} values in {rows:,} real rows)"


def left_out(least: int, few: Iterable[str], unique: Iterable[str]) -> tuple[str, ...]:
    """Notes of fields that are not compared, and why."""
    notes = (
        told(f"in fewer than {least:,} rows of a side, not compared", few),
        told("no labels but names of rows, not compared", unique),
    )
    return tuple(note for note in notes if note)


def told(what: str, names: Iterable[str]) -> str:
    """`fields on one side only: mood, style and 3 more`; empty where there is none."""
    listed = list(names)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{what}: {', '.join(listed[:_NAMED])}{more}" if listed else ""
