"""Fields of the records that may be labels: their columns, and each against its target or the real data."""

from __future__ import annotations

from collections.abc import Mapping
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
        values = f"{len(theirs.key):,} values in {theirs.rows:,} real rows"
        return Field(imbalance=even, unique=f"{cut(name, 40)} ({values})")
    compared = to_sample(of_values(name, Values(rows, column, mine), Values(real, beside, theirs)), "real", least)
    crosses = None
    if sexes is not None and max(len(mine.key), len(theirs.key)) <= LABELS:
        key = np.intersect1d(mine.key, theirs.key)
        crosses = crossed(rows, column, key, sexes[0]), crossed(real, beside, key, sexes[1])
    few = compared.distance is None and mine.rows and theirs.rows and min(mine.rows, theirs.rows) < least
    return Field(compared, even, crosses, f"{cut(name, 40)} ({mine.rows:,} and {theirs.rows:,})" if few else "")
