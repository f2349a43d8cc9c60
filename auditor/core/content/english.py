"""Rows in English: what rooms that know English alone may speak of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.model.rows import Dataset, Rows

CODE, UNKNOWN = "en", "und"
"""ISO 639, as the `language` annotator has it."""

SURE = 0.8
"""Confidence of the identifier from which a row is taken to be in another language: as in language-mix."""

MIXED = 0.05
"""Share of other languages among the rows told up to which a row that is not told (too short, or outside of the
annotator's sample) is taken to be in English."""


@dataclass(frozen=True, slots=True)
class English:
    """rows: bool [rows], those in English. other: the commonest other language, with its share of the rows that were
    looked at; empty where there is none."""

    rows: npt.NDArray[np.bool_]
    other: str = ""

    @property
    def none(self) -> bool:
        """Whether no row of some is in English."""
        return len(self.rows) > 0 and not self.rows.any()

    def __str__(self) -> str:
        return f"{int(self.rows.sum()):,} of {len(self.rows):,} rows{f' ({self.other})' if self.other else ''}"


def english(rows: Dataset) -> English:
    """The rows in English, by the `language` annotation; every row where there is none."""
    if "language" not in rows.columns:
        return English(np.ones(rows.rows, np.bool_))
    codes = pa.chunked_array([_codes(shard) for shard in rows], pa.string())
    counts = {one["values"]: one["counts"] for one in pc.value_counts(codes).to_pylist() if one["values"] is not None}
    foreign = {code: count for code, count in counts.items() if code not in (CODE, UNKNOWN)}
    mine = pc.fill_null(pc.equal(codes, CODE), False)
    if sum(foreign.values()) <= MIXED * (sum(foreign.values()) + counts.get(CODE, 0)):
        mine = pc.or_(mine, pc.fill_null(pc.equal(codes, UNKNOWN), True))
    code = min(foreign, key=lambda one: (-foreign[one], one), default="")
    other = f"{100 * foreign[code] / sum(counts.values()):.3g} % {code}" if code else ""
    return English(mine.to_numpy(), other)


def withheld(mine: English, theirs: English) -> tuple[tuple[str, ...], str]:
    """(what to tell of rows left out; why there is nothing to compare, or an empty string)."""
    sides = (("", mine), (" of the real data", theirs))
    if any(side.none for _, side in sides):
        return (), "needs English text: " + ", ".join(f"{side}{whose}" for whose, side in sides if side.none)
    return tuple(f"only rows in English are counted: {side}{whose}" for whose, side in sides if not side.rows.all()), ""


def _codes(rows: Rows) -> pa.Array:
    """Of each row the language, UNKNOWN where it is not surely another than English, null where it was not asked."""
    codes = rows.column("language")
    sure = pc.or_(
        pc.equal(codes, CODE), pc.greater_equal(rows.column("language_confidence"), pa.scalar(SURE, pa.float32()))
    )
    return pc.if_else(pc.is_null(codes), None, pc.if_else(sure, codes, UNKNOWN))
