"""Running checks: all folds in one scan, then the programs, then the inspections.

A check that raises is an ERROR of that check alone; one without its input is SKIPPED and says what
to give it. States are remembered by content (see `core.state`).
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Context, Engine, Locates, Spec, parameters
from auditor.core.sized import at_size, draw, merged, redone, too_few
from auditor.core.state import StateStore, state_key
from auditor.model.errors import AuditorError
from auditor.model.result import AUDITED, FINDING_SCHEMA, LINEAGE, Measured, Measurement, Status
from auditor.model.rows import Dataset, Rows
from auditor.model.verdicts import Audited

Advance = Callable[[int, int], None]
Stage = Callable[[str], AbstractContextManager[Advance]]
"""stage(name) opens a progress line; within it advance(done, total) moves it."""


@contextmanager
def unwatched(_name: str) -> Iterator[Advance]:
    """A stage that nobody watches."""
    yield lambda done, total: None


NEEDS = {
    "real": "give real data to compare with: --real FILE",
    "eval": "give the benchmarks to look for: --eval FILE",
    "lineage": "register the dataset: auditor register NAME FILE --generator MODEL@REVISION …",
    "embeddings": "embeddings are off: choose an embedder with --embedder",
    "history": "register versions of the dataset and audit each: auditor register NAME FILE",
}
"""What to give for a reference that a check needs."""


@dataclass
class Remembered:
    """A fold that looks into the store before it folds a shard, keeps time, and holds its own errors.

    update(state, rows) is merge(state, update(empty(), rows)) by the law of folds, and the second
    half is what the store knows.
    """

    fold: Any
    store: StateStore | None
    advance: Callable[[int], None]
    seconds: float = 0.0
    error: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def spec(self) -> Spec:
        spec: Spec = self.fold.spec
        return spec

    def empty(self) -> Any:
        return self.fold.empty()

    def merge(self, left: Any, right: Any) -> Any:
        return left if self.error else self.fold.merge(left, right)

    def measure(self, state: Any, references: Mapping[str, Any], context: Context) -> Measurement:
        measurement: Measurement = self.fold.measure(state, references, context)
        return measurement

    def update(self, state: Any, rows: Rows) -> Any:
        if self.error:
            return state
        begun = time.thread_time()
        try:
            state = self.fold.merge(state, self._of(rows))
        except Exception as error:  # noqa: BLE001  a broken check must not take the others down
            self.error = _describe(error)
        with self._lock:
            self.seconds += time.thread_time() - begun
        self.advance(len(rows))
        return state

    def _of(self, rows: Rows) -> Any:
        fresh = self.fold.empty()
        if self.store is None or not rows.identity:
            return self.fold.update(fresh, rows)
        key = state_key(rows.identity, self.spec.name, self.spec.version, parameters(self.fold), dict(rows.by))
        known = self.store.get(key, type(fresh))
        if known is not None:
            return known
        state = self.fold.update(fresh, rows)
        self.store.put(key, state)
        return state


def measure(
    checks: Sequence[Any],
    rows: Audited,
    context: Context,
    engine: Engine,
    *,
    store: StateStore | None = None,
    stage: Stage = unwatched,
) -> list[Measured]:
    """Measure every check, in the order given."""
    outcome: dict[str, Measured] = {}
    runnable = []
    for check in checks:
        why = missing(check, rows, context)
        if why:
            outcome[check.spec.name] = _measured(check, rows, status=Status.SKIPPED, why=why)
        else:
            runnable.append(check)
    folds = [check for check in runnable if hasattr(check, "merge")]
    if folds and isinstance(rows, Dataset):
        with stage("scan") as advance:
            for measured in _fold(folds, rows, context, engine, store, advance):
                outcome[measured.check] = measured
    for check in runnable:
        if hasattr(check, "run"):
            name = check.spec.name
            with stage(name) as advance:
                outcome[name] = _run(check, rows, replace(context, progress=advance), engine)
    if isinstance(rows, Dataset):
        for size, metrics in redone(runnable, rows, context).items():
            part = draw(rows, context, size)
            again = [check for check in runnable if check.spec.name in metrics]
            for found in measure(again, part.rows, part.context, engine, stage=lambda one: stage(f"{one}, drawn")):
                name = found.check
                outcome[name] = merged(outcome[name], found, metrics[name], size)
    inspections = [check for check in runnable if hasattr(check, "inspect")]
    if inspections:
        so_far = {name: measured.measurement for name, measured in outcome.items() if measured.measurement}
        context = replace(context, measured={**context.measured, **so_far})
        with stage("lineage") as advance:
            for done, check in enumerate(inspections, 1):
                outcome[check.spec.name] = _run(check, rows, context, engine)
                advance(done, len(inspections))
    return [outcome[check.spec.name] for check in checks]


ASKED = {"judge_accepted": "no judge was asked: give what judges said of these rows with --verdicts FILE"}
"""Columns that no field of a record is: why they are not there."""

UNSAID = {"judge_accepted": "no judge said which answer of these rows is better: scores by themselves accept none"}
"""The same: why they are there, and empty."""


def missing(check: Any, rows: Audited, context: Context) -> str:
    """Why the check cannot run on these rows, or an empty string."""
    given = {"lineage": context.pedigree, "embeddings": context.space, "history": context.history}
    for need in check.spec.needs:
        if (given[need] if need in given else context.references.get(need)) is None:
            return f"needs {need!r}: {NEEDS.get(need, 'not given')}"
    if why := too_few(check, rows, context):
        return why
    if check.spec.reads and not rows.rows:
        return "the dataset has no rows"
    for column in check.spec.reads:
        if column not in rows.columns:
            if column in ASKED:
                return ASKED[column]
            return f"the data has no {column!r}: map a field to it with --map {column}=FIELD"
        if all(shard.column(column).null_count == len(shard) for shard in rows):
            if column in UNSAID:
                return UNSAID[column]
            shapes = ", ".join(rows.shapes) or rows.format
            return f"no row has a {column!r} (recognised as {shapes}): map a field to it with --map {column}=FIELD"
    return ""


def _fold(
    checks: Sequence[Any],
    rows: Dataset,
    context: Context,
    engine: Engine,
    store: StateStore | None,
    advance: Advance,
) -> Iterator[Measured]:
    total = sum(d.rows for d in (rows, *context.references.values())) * len(checks)
    done, lock = [0], threading.Lock()

    def count(n: int) -> None:
        with lock:
            done[0] += n
            advance(done[0], total)

    remembered = [Remembered(check, store, count) for check in checks]
    states = engine.fold(rows, remembered)
    references = {role: engine.fold(reference, remembered) for role, reference in context.references.items()}
    for index, (check, kept) in enumerate(zip(checks, remembered, strict=True)):
        if not kept.error:
            try:
                theirs = {role: folded[index] for role, folded in references.items()}
                measurement = kept.measure(states[index], theirs, context)
                yield _measured(check, rows, measurement=measurement, seconds=kept.seconds)
                continue
            except Exception as error:  # noqa: BLE001  as above
                kept.error = _describe(error)
        yield _measured(check, rows, status=Status.ERROR, why=kept.error, seconds=kept.seconds)


def _run(check: Any, rows: Audited, context: Context, engine: Engine) -> Measured:
    begun = time.perf_counter()
    try:
        if hasattr(check, "run"):
            given = at_size(check, rows, context)
            measurement = given.whole(check.run(given.rows, given.context, engine), rows.rows)
        else:
            measurement = check.inspect(context)
    except Exception as error:  # noqa: BLE001  as above
        seconds = time.perf_counter() - begun
        return _measured(check, rows, status=Status.ERROR, why=_describe(error), seconds=seconds)
    return _measured(check, rows, measurement=measurement, seconds=time.perf_counter() - begun)


def _measured(
    check: Any,
    rows: Audited,
    *,
    measurement: Measurement | None = None,
    status: Status = Status.MEASURED,
    why: str = "",
    seconds: float = 0.0,
) -> Measured:
    spec = check.spec
    # A check may decline by giving no metrics and a note: not measured is never measured as fine.
    if measurement is not None and not measurement.metrics:
        status, why, measurement = Status.SKIPPED, "; ".join(measurement.notes) or "nothing to measure", None
    return Measured(spec.name, spec.version, parameters(check), measurement, status, why, seconds, rows.rows)


def _describe(error: Exception) -> str:
    if isinstance(error, AuditorError):  # says all there is to know: seen, wanted, what to try
        return str(error).replace("\n  ", "; ")
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"


def located(check: Any, measured: Measured, rows: Audited, context: Context, path: Path, schema: pa.Schema) -> Measured:
    """Stream the check's findings to an Arrow stream at `path`, its words as dictionaries; returns `measured` with
    their number, or as an ERROR where locating them failed. No file is written where there is nothing to find."""
    count = 0
    begun = time.thread_time()
    same = ("metric", "related_dataset", "check", "whose", "file", "remedy", *(f"by.{name}" for name in rows.by))
    with ExitStack() as opened:
        writer: pa.RecordBatchStreamWriter | None = None
        try:
            for found in _findings(check, measured, rows, context):
                columns = zip(schema.names, found.select(schema.names).cast(schema).columns, strict=True)
                table = pa.table({name: one.dictionary_encode() if name in same else one for name, one in columns})
                writer = writer or opened.enter_context(pa.RecordBatchStreamWriter(str(path), table.schema))
                writer.write_table(table)
                count += len(table)
        except OSError:
            raise  # a full disk is nobody's check's fault
        except Exception as error:  # noqa: BLE001  as above
            return replace(measured, measurement=None, status=Status.ERROR, why=_describe(error))
    return replace(measured, findings=count, seconds=measured.seconds + time.thread_time() - begun)


def _findings(check: Any, measured: Measured, rows: Audited, context: Context) -> Iterator[pa.Table]:
    """A check's findings with what every finding carries: check, whose row it is, its id, file and line, remedy, and
    the attribution of the row (`by.NAME`)."""
    measurement = measured.measurement
    if measurement is None or not isinstance(check, Locates) or not any(m.value for m in measurement.metrics):
        return
    given = at_size(check, rows, context)
    for found in map(given.told, check.locate(given.rows, measurement, given.context)):
        about = _about(found, rows, context)
        metric = found.column("metric").combine_chunks().dictionary_encode()
        remedies = pa.array([check.spec.remedy(name) for name in metric.dictionary.to_pylist()], pa.string())
        extra: dict[str, Any] = {
            "check": pa.repeat(check.spec.name, len(found)),
            **dict(zip(about.column_names, about.columns, strict=True)),
            "remedy": remedies.take(metric.indices),
        }
        yield pa.table({**dict(zip(found.column_names, found.columns, strict=True)), **extra})


def _about(found: pa.Table, rows: Audited, context: Context) -> pa.Table:
    """Whose row each finding is of; the row's id, file, line and attribution.

    A row of a reference is in that reference's file: where the data lacks what the real data has, no row of the data
    can be pointed to. A fault of the lineage is of the card, or where there is none of the dataset's first file.
    """
    row, related = found.column("row"), found.column("related")
    elsewhere = pc.if_else(pc.is_valid(related), found.column("related_dataset"), LINEAGE)
    whose = pc.if_else(pc.is_valid(row), AUDITED, elsewhere)
    sides = {AUDITED: (rows, row), **{role: (other, related) for role, other in context.references.items()}}
    parts, order = [], []
    for role in whose.unique().to_pylist():
        mine = pc.equal(whose, role)
        side, places = sides.get(role, (None, row))
        parts.append(_placed(role, side, places.filter(mine), rows, context))
        order.append(np.flatnonzero(mine.to_numpy()))
    if len(parts) == 1:
        return parts[0]
    return pa.concat_tables(parts).take(np.argsort(np.concatenate(order), kind="stable"))


def _placed(whose: str, side: Audited | None, at: pa.ChunkedArray, rows: Audited, context: Context) -> pa.Table:
    """A line a finding of one dataset; side: None for faults of the lineage. at: its rows."""
    n, by = len(at), list(rows.by)
    if side is None:
        first = rows.files[0] if rows.files else None
        card = first if context.pedigree is None else f"datasets/{context.pedigree.card.name}.yaml"
        taken = pa.table({name: pa.nulls(n, kind) for name, kind in (("id", pa.large_string()), ("line", pa.int64()))})
        files = pa.repeat(pa.scalar(card, pa.string()), n)
    else:
        taken = side.take(at.to_numpy(), ["id", "file", "line", *(by if side is rows else ())])
        files = pa.array(side.files, pa.string()).take(taken.column("file"))
    groups = [taken.column(name) if name in taken.column_names else pa.nulls(n) for name in by]
    return pa.table(
        {
            "whose": pa.repeat(whose, n),
            "id": taken.column("id"),
            "file": files,
            "line": taken.column("line"),
            **{f"by.{name}": group.cast(pa.large_string()) for name, group in zip(by, groups, strict=True)},
        }
    )


def findings_schema(by: Mapping[str, Any]) -> pa.Schema:
    """Columns of findings.parquet for a dataset with these attribution columns."""
    extra = [
        ("check", pa.string()),
        ("whose", pa.string()),
        ("id", pa.large_string()),
        ("file", pa.string()),
        ("line", pa.int64()),
        ("remedy", pa.string()),
        *((f"by.{name}", pa.large_string()) for name in by),
    ]
    return pa.schema([*FINDING_SCHEMA, *(pa.field(name, kind) for name, kind in extra)])
