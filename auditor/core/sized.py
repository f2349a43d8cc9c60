"""Comparisons with real data at the size that a policy's bounds were found at (see `auditor calibrate`).

A bound found on 3,700 rows a side says nothing of 50,000: checks that need real data then run on a draw of both
sides, and what they say of rows is told by the rows' numbers in the whole. Nor does it of 100: with fewer rows chance
moves every comparison further (false alarms) and shows less of what is there (a pass that means nothing), so that
neither PASS nor FAIL would hold, and the comparison is SKIPPED with the number of rows that it needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Context, Measure, Spec
from auditor.model.result import Measurement
from auditor.model.rows import Dataset
from auditor.model.verdicts import Audited
from auditor.sketches.sample import drawn

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Draw:
    """What a check is given. ours, real: int64, the rows drawn, ascending; None where a check is given all."""

    rows: Audited
    context: Context
    ours: Longs | None = None
    real: Longs | None = None

    def whole(self, measurement: Measurement, n: int) -> Measurement:
        """Columns as long as the whole dataset of n rows, NaN for rows that were not drawn."""
        if self.ours is None or not measurement.columns:
            return measurement
        columns = {}
        for name, drawn_column in measurement.columns.items():
            columns[name] = np.full(n, np.nan, drawn_column.dtype)
            columns[name][self.ours] = drawn_column
        return replace(measurement, columns=columns)

    def told(self, found: pa.Table) -> pa.Table:
        """Findings by the rows' numbers in the whole."""
        if self.ours is None or self.real is None:
            return found
        ours, other = _places(self.ours, found.column("related")), _places(self.real, found.column("related"))
        cells = {name: _places(self.ours, found.column(name)) for name in ("row", "cluster")}
        cells["related"] = pc.if_else(pc.is_null(found.column("related_dataset")), ours, other)
        return pa.table({name: cells.get(name, found.column(name)) for name in found.column_names})


def compares(spec: Spec, measure: Measure) -> bool:
    """Whether the metric is a comparison with real data, by the names of rooms: it needs them, or is `…_to_real`."""
    return "real" in spec.needs or measure.name.endswith("_to_real")


def too_few(rows: Audited, context: Context) -> str:
    """Why these rows, or the real ones, are too few for the size that the bounds were found at; empty otherwise."""
    real = context.references.get("real")
    if context.size is None or real is None or min(rows.rows, real.rows) >= context.size:
        return ""
    has = f"has {rows.rows:,} and {real.rows:,} real ones"
    return f"needs n >= {context.size:,} (rows a side that the policy's bounds were found at), {has}"


def withheld(check: Any, measurement: Measurement, rows: Audited, context: Context) -> Measurement:
    """The measurement without the comparisons that too few rows were made for; its other metrics as they are."""
    why = too_few(rows, context)
    names = {check.spec.metric(one.name) for one in check.spec.measures if compares(check.spec, one)}
    if not why or not names:
        return measurement
    metrics = (
        replace(one, value=None, low=None, high=None, why=why) if one.name in names and one.value is not None else one
        for one in measurement.metrics
    )
    return replace(measurement, metrics=tuple(metrics))


def at_size(check: Any, rows: Audited, context: Context) -> Draw:
    """The draw for a check that compares with real data where the context has a size, else everything."""
    real = context.references.get("real")
    if context.size is None or "real" not in check.spec.needs or real is None or not isinstance(rows, Dataset):
        return Draw(rows, context)
    ours, theirs = (np.sort(drawn(side, context.size)) for side in (rows, real))
    beside = {**context.references, "real": real.select(theirs)}
    return Draw(rows.select(ours), replace(context, references=beside), ours, theirs)


def _places(chosen: Longs, at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Row numbers of the whole for places in the draw; null for null, and for what is beyond it."""
    inside = pc.if_else(pc.less(at, len(chosen)), at, pa.scalar(None, pa.int64()))
    return pa.chunked_array([pa.array(chosen)]).take(inside) if len(chosen) else inside
