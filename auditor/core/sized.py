"""Metrics at the size that their bounds were found at (see `auditor calibrate`, and `size` in a policy).

A bound found on 3,700 rows may say nothing of 50,000. What a metric depends on (`Measure.depends`) decides:

- a comparison with real data is drawn to that size on both sides: a check that needs real data runs on the draw, and
  what it says of rows is told by the rows' numbers in the whole;
- a number that moves with the number of rows is measured on a draw of so many as well: metric, interval and n are
  then the draw's, and all else that its check says (findings, columns, exhibits) is of all rows;
- a share or mean of rows is of all rows: with more of them than the bound was found at chance moves it less, so that
  false alarms can only become rarer.

With fewer rows chance moves each of them further (false alarms) and shows less of what is there (a pass that means
nothing), so that neither PASS nor FAIL would hold: it is SKIPPED with the number of rows that it needs, and how bounds
are found for as many as there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Context, Measure, Spec
from auditor.model.result import Measured, Measurement, Metric
from auditor.model.rows import Dataset
from auditor.model.verdicts import Audited
from auditor.sketches.sample import drawn

Longs = npt.NDArray[np.int64]

ALONE = frozenset({"real", "embeddings"})
"""What a check may need and still be measured on real rows alone."""

LEAST = 50
"""Rows a side below which no room measures much, and no bounds are found."""


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


def alone(check: Any) -> bool:
    """Whether the check is measured on rows, and real rows beside them, without anything else."""
    spec: Spec = check.spec
    return spec.over == "rows" and not hasattr(check, "inspect") and ALONE.issuperset(spec.needs)


def compares(spec: Spec, measure: Measure) -> bool:
    """Whether the metric is a comparison with real data."""
    return "real" in spec.needs or measure.depends == "real"


def sizes(check: Any, context: Context) -> dict[str, int]:
    """Metric -> rows that its bound was found at, of the check's metrics that have such a bound."""
    if not context.sizes or not alone(check):
        return {}
    names = (check.spec.metric(one.name) for one in check.spec.measures)
    return {name: context.sizes[name] for name in names if name in context.sizes}


def run_at(check: Any, context: Context) -> int | None:
    """Rows a side that the whole check runs on: the most that a bound of one that needs real data was found at."""
    return max(sizes(check, context).values(), default=None) if "real" in check.spec.needs else None


def too_few(check: Any, rows: Audited, context: Context) -> str:
    """Why these rows, or the real ones, are too few for the size that the check runs on; empty otherwise."""
    return _too_few(run_at(check, context), rows, context.references.get("real"))


def withheld(check: Any, measured: Measured, rows: Audited, context: Context) -> Measured:
    """Without a value of the metrics whose bounds were found on more rows than there are; to be judged by, when all
    that the check found is located. Other metrics stay as they are."""
    known = sizes(check, context)
    if not known or measured.measurement is None:
        return measured
    real = context.references.get("real")
    comparisons = {check.spec.metric(one.name) for one in check.spec.measures if compares(check.spec, one)}

    def held(metric: Metric) -> Metric:
        why = _too_few(known.get(metric.name), rows, real if metric.name in comparisons else None)
        return metric.without(why) if why and metric.value is not None else metric

    return replace(
        measured, measurement=replace(measured.measurement, metrics=tuple(map(held, measured.measurement.metrics)))
    )


def at_size(check: Any, rows: Audited, context: Context) -> Draw:
    """The draw for a check that needs real data where its bounds were found at a size, else everything."""
    size = run_at(check, context)
    return Draw(rows, context) if size is None or not isinstance(rows, Dataset) else draw(rows, context, size)


def draw(rows: Dataset, context: Context, size: int) -> Draw:
    """At most `size` rows of the data and of the real data, where that is given, and no further draw of them."""
    ours, real = _drawn(rows, size, context), context.references.get("real")
    theirs = None if real is None else _drawn(real, size, context)
    beside = dict(context.references) | ({} if real is None or theirs is None else {"real": real.select(theirs)})
    numbers = {"data": ours} | ({} if theirs is None else {"real": theirs})
    whole = {"data": rows.rows} | ({} if real is None else {"real": real.rows})
    given = replace(context, references=beside, sizes={}, drawn=numbers, whole=whole)
    return Draw(rows.select(ours), given, ours, theirs)


def redone(checks: Sequence[Any], rows: Audited, context: Context) -> dict[int, dict[str, tuple[str, ...]]]:
    """Size -> check -> its metrics that are to be measured on a draw of so many rows as well: those that depend on
    their number, and are measured on more."""
    found: dict[int, dict[str, tuple[str, ...]]] = {}
    beside = [rows, *(other for role, other in context.references.items() if role == "real")]
    for check in checks:
        name, known, own = check.spec.name, sizes(check, context), run_at(check, context)
        for measure in check.spec.measures:
            metric = check.spec.metric(measure.name)
            size = known.get(metric)
            depends = measure.depends or compares(check.spec, measure)
            if size is None or size == own or not depends:
                continue
            if rows.rows >= size and any(side.rows > size for side in beside):
                found.setdefault(size, {}).setdefault(name, ())
                found[size][name] += (metric,)
    return dict(sorted(found.items()))


def merged(whole: Measured, part: Measured, metrics: Sequence[str], size: int) -> Measured:
    """Some metrics of a check as they are on a draw of `size` rows, with a note of what they are over all."""
    if whole.measurement is None:
        return whole
    found = {} if part.measurement is None else {one.name: one for one in part.measurement.metrics}
    was = {one.name: one for one in whole.measurement.metrics if one.name in metrics}
    if not was:
        return whole
    now = tuple(
        one if one.name not in was else found.get(one.name) or one.without(part.why)
        for one in whole.measurement.metrics
    )
    told = ", ".join(f"{name.partition('.')[2]} {_shown(one)}" for name, one in was.items())
    note = f"on {size:,} rows drawn, as many as the bounds were found at; over all {whole.rows:,}: {told}"
    measurement = replace(whole.measurement, metrics=now, notes=(*whole.measurement.notes, note))
    return replace(whole, measurement=measurement, seconds=whole.seconds + part.seconds)


def _shown(metric: Metric) -> str:
    return "no value" if metric.value is None else f"{metric.value:.4g}"


def _too_few(size: int | None, rows: Audited, real: Dataset | None) -> str:
    fewest = rows.rows if real is None else min(rows.rows, real.rows)
    if size is None or fewest >= size:
        return ""
    has = f"{rows.rows:,}" if real is None else f"{rows.rows:,} and {real.rows:,} real ones"
    side = "rows" if real is None else "rows a side"
    # Bounds are found on halves of the real rows.
    most = rows.rows if real is None else min(rows.rows, real.rows // 2)
    remedy = f": `auditor calibrate --real REAL --rows {most}` finds bounds for so few" if most >= LEAST else ""
    return f"needs n >= {size:,} ({side} that the policy's bounds were found at), has {has}{remedy}"


def _drawn(rows: Dataset, size: int, context: Context) -> Longs:
    """The rows drawn, ascending; hashes are put in order once for all checks (0.1 s of a million rows)."""
    key = f"drawn {size} of {':'.join(shard.digest for shard in rows.shards)}"
    if key not in context.known:
        context.known[key] = np.sort(drawn(rows, size))
    found: Longs = context.known[key]
    return found


def _places(chosen: Longs, at: pa.ChunkedArray) -> pa.ChunkedArray:
    """Row numbers of the whole for places in the draw; null for null, and for what is beyond it."""
    inside = pc.if_else(pc.less(at, len(chosen)), at, pa.scalar(None, pa.int64()))
    return pa.chunked_array([pa.array(chosen)]).take(inside) if len(chosen) else inside
