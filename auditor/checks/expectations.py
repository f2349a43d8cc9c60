"""expectations: Great Expectations suites over the annotated feature table."""

from __future__ import annotations

import difflib
import os
import sys
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core import suites
from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.rowwise import found, gather_groups, sliced_rates
from auditor.core.suites import Expectation, shown
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import EVIDENCE_CHARACTERS, Measurement, Metric, Slice
from auditor.model.rows import Dataset

RAW = ("digest", "prompt", "response", "rejected", "text", "messages", "source", "meta")
"""Columns of raw content, which are never given to a suite: its tables of results keep and show values."""

WRITTEN_AT_ONCE = 65_536
"""Findings in one table of `locate`."""

_one_at_a_time = threading.Lock()
"""A context shared by threads raises KeyError (Great Expectations 1.24), and so may its registries."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """success: None where there was nothing to evaluate. rows: int64, unexpected rows of a failed one,
    as positions in the frame. n: values that it looked at, 0 where it is not about rows."""

    success: bool | None
    why: str
    rows: npt.NDArray[np.int64]
    n: int = 0
    unexpected: int = 0


@check
@dataclass(frozen=True)
class Expectations:
    """Rows, or whole columns, that are not as a Great Expectations suite says.

    Why it matters: what a format must be (every answer has words, no chat has 300 turns, scores lie
    between 1 and 5) is known to the people who own the data; a suite is that knowledge as data, in a
    form that many teams have already.

    Example: `{"type": "expect_column_values_to_be_between", "kwargs": {"column": "words", "min_value":
    1, "max_value": 20000}}` finds a row of no words: "words = 0, wanted between 1 and 20000".

    Remedy: mend or drop the rows; where the suite is wrong, copy it into your own `expectations/suites/`
    under the same file name and change it there.

    Limits: suites see the annotated features and the record's own fields, never raw text. Suites apply
    by the shapes of the dataset's records (`meta.shapes`; without it, always). An expectation over a
    column without any value is not evaluated, for it would hold of nothing. Unexpected rows are found
    for failed expectations only: what `mostly` allows is no finding. An unknown type, a wrong argument
    or an empty suite is an error. `expect_column_pair_ratio_to_be_between` (column_A / column_B between
    min_value and max_value) is ours.

    Reference: Great Expectations 1.24 (docs.greatexpectations.io).
    """

    spec: ClassVar[Spec] = Spec(
        name="expectations",
        title="Expectations",
        measures=(
            Measure(
                "failed", "expectations", "expectations that do not hold", "mend the rows, or the suite", depends="size"
            ),
            Measure("evaluated", "expectations", "expectations that had something to evaluate"),
            Measure("rate", "share", "rows unexpected under a failed expectation", "mend or drop the rows"),
        ),
        annotations=("surface", "fields", "language"),
        fires=(Case(({"prompt": "Why?", "response": ""}, {"prompt": "How?", "response": "So."}), "expectations.rate"),),
        quiet=(
            Case(
                (
                    {"prompt": "What is the capital of France?", "response": "The capital of France is Paris."},
                    {"prompt": "Name a colour of the rainbow.", "response": "Red is a colour of the rainbow."},
                ),
                "expectations.failed",
            ),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        if not rows.rows:
            return Measurement((), notes=("the dataset has no rows, of which every expectation would hold",))
        expectations, notes = suites.read(context.expectations, rows.shapes)
        if not expectations:
            shapes = ", ".join(sorted(rows.shapes)) or rows.format
            return Measurement((), notes=(f"no suite is for records of shape {shapes}",))
        usable = [name for name in rows.columns if name not in RAW]
        read = {column for expectation in expectations for column in expectation.columns}
        wanted = usable if any(expectation.whole for expectation in expectations) else sorted(read)
        names = [name for name in wanted if name in usable]
        outcomes = _evaluate(expectations, _table(rows, names, engine), usable, context)
        return _measurement(expectations, outcomes, rows, notes)

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        unexpected, expectations = measurement.tables["unexpected"], measurement.tables["expectations"].to_pylist()
        name = self.spec.metric("rate")
        for start in range(0, len(unexpected), WRITTEN_AT_ONCE):
            part = unexpected.slice(start, WRITTEN_AT_ONCE)
            position, which = part.column("row").to_numpy(), part.column("which").to_numpy()
            at, places = np.unique(position, return_inverse=True)
            broken = np.unique(which)
            columns = sorted({column for code in broken for column in expectations[code]["columns"]})
            values = rows.take(at, columns)
            words = {column: _in_words(column, values.column(column)) for column in columns}
            order, seen = [], []
            for code in broken:
                mine = np.flatnonzero(which == code)
                taken = pa.array(places[mine])
                wish = _text(f"wanted {expectations[code]['wanted']}")
                told = [words[column].take(taken) for column in expectations[code]["columns"]]
                order.append(mine)
                seen.append(pc.binary_join_element_wise(*told, wish, _text(", ")))
            evidence = pa.concat_arrays(seen).take(pa.array(np.argsort(np.concatenate(order), kind="stable")))
            yield found(position, name, pc.utf8_slice_codeunits(evidence, 0, EVIDENCE_CHARACTERS))


def _in_words(name: str, column: pa.ChunkedArray) -> pa.Array:
    """`words = 0` for every value, as large strings; equal values are said once."""
    encoded = column.combine_chunks().dictionary_encode(null_encoding="encode")
    said = [f"{name} = {shown(value)}" for value in encoded.dictionary.to_pylist()]
    return pa.array(said, pa.large_string()).take(encoded.indices)


def _text(words: str) -> pa.Scalar:
    return pa.scalar(words, pa.large_string())


def _table(rows: Dataset, names: Sequence[str], engine: Engine) -> pa.Table:
    batches = engine.gather(rows, lambda shard: shard.batch.select(["row", *(n for n in names if n != "row")]))
    return pa.Table.from_batches(batches)


def _evaluate(
    expectations: Sequence[Expectation], table: pa.Table, usable: Sequence[str], context: Context
) -> list[Outcome]:
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library and of pandas about its use of it
        gx = _library()
        made = [_made(expectation) for expectation in expectations]
        session = gx.get_context(mode="ephemeral")
        session.variables.progress_bars = {"globally": False, "metric_calculations": False}
        frame = table.to_pandas(split_blocks=True)
        asset = session.data_sources.add_pandas("features").add_dataframe_asset("rows")
        whole = asset.add_batch_definition_whole_dataframe("whole")
        outcomes = []
        for done, (expectation, instance) in enumerate(zip(expectations, made, strict=True), 1):
            missing = next((name for name in expectation.columns if name not in table.column_names), None)
            if missing is not None and expectation.type != "expect_column_to_exist":
                outcomes.append(Outcome(False, _missing(missing, usable), np.zeros(0, np.int64)))
            else:
                # The library hashes all of a frame whenever it validates: it gets the columns asked for only.
                part = frame if expectation.whole or missing else frame[list(dict.fromkeys(expectation.columns))]
                outcomes.append(_validate(whole.get_batch({"dataframe": part}), expectation, instance))
            context.progress(done, len(expectations))
        return outcomes


def _missing(column: str, usable: Sequence[str]) -> str:
    if column in RAW:
        return f"{column!r} is raw text, which suites do not see: use a feature of it, such as 'words'"
    close = difflib.get_close_matches(column, usable, n=1, cutoff=0.5)
    return f"the data has no column {column!r}" + (f": did you mean {close[0]!r}?" if close else "")


def _made(expectation: Expectation) -> Any:
    """The library's own object; an unknown type, which its suites drop with a log line, is an error."""
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import (
        get_expectation_impl,
        list_registered_expectation_implementations,
    )

    try:
        kind = get_expectation_impl(expectation.type)
    except ExpectationNotFoundError as error:
        known = list_registered_expectation_implementations()
        hint = suggest(expectation.type, known)
        raise ConfigError(f"unknown expectation {expectation.type!r}", file=expectation.place, hint=hint) from error
    try:
        return kind(**expectation.kwargs, id=str(uuid.uuid5(uuid.NAMESPACE_URL, expectation.place)))
    except (ValueError, TypeError) as error:  # pydantic's errors are ValueErrors
        lines = " ".join(str(error).split())
        raise ConfigError(f"wrong arguments of {expectation.type}", file=expectation.place, seen=lines[:300]) from error


def _validate(batch: Any, expectation: Expectation, instance: Any) -> Outcome:
    nothing = np.zeros(0, np.int64)
    result = batch.validate(instance, result_format="BASIC")
    # Results are matched by id, for they come in another order than the suite.
    if result.expectation_config is None or result.expectation_config.id != instance.id:
        raise RuntimeError(f"{expectation.place}: the library returned the result of another expectation")
    raised = _raised(result.exception_info)
    if raised:
        return Outcome(False, f"could not be evaluated: {raised}", nothing)
    seen = result.result
    if "unexpected_count" not in seen:
        value = seen.get("observed_value")
        if (value is None and "observed_value" in seen) or (isinstance(value, float) and np.isnan(value)):
            return Outcome(None, "there is no value to evaluate", nothing)
        return Outcome(bool(result.success), f"observed {shown(value)}" if value is not None else "", nothing)
    count, unexpected = int(seen["element_count"]), int(seen["unexpected_count"])
    n = count - int(seen.get("missing_count") or 0)
    if n == 0 and not expectation.type.endswith("_be_null"):
        return Outcome(None, "there is no value to evaluate", nothing)
    n = n or count
    why = f"{unexpected:,} of {n:,} values are not" if unexpected else ""
    if result.success:
        return Outcome(True, why, nothing, n, unexpected)
    full = batch.validate(instance, result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False})
    rows = np.asarray(full.result.get("unexpected_index_list") or (), np.int64)
    return Outcome(False, why, rows, n, unexpected)


def _raised(info: Mapping[str, Any]) -> str:
    """The message of an exception in a result: it stands flat, or by metric."""
    each = [info] if "raised_exception" in info else list(info.values())
    messages = [str(i.get("exception_message") or "") for i in each if i.get("raised_exception")]
    return " ".join(messages[0].split())[:300] or "an exception without a message" if messages else ""


def _measurement(
    expectations: Sequence[Expectation], outcomes: Sequence[Outcome], rows: Dataset, notes: Sequence[str]
) -> Measurement:
    name = Expectations.spec.metric
    evaluated = [outcome for outcome in outcomes if outcome.success is not None]
    if not evaluated:
        return Measurement((), notes=("no expectation had any value to evaluate", *notes))
    positions = np.concatenate([shard.numpy("row") for shard in rows])
    at_fault = np.zeros(rows.rows, np.bool_)
    slices: list[Slice] = []
    told = list(notes)
    labels: dict[str, int] = {}
    for expectation, outcome in zip(expectations, outcomes, strict=True):
        label = expectation.label
        labels[label] = labels.get(label, 0) + 1
        label = label if labels[label] == 1 else f"{label} ({labels[label]})"
        if outcome.success is None:
            why = outcome.why
            slices.append(Slice("expectation", label, Metric(name("failed"), None, "expectations", 0, why=why)))
            told.append(f"not evaluated: {label}: {why}")
            continue
        failed = Metric(name("failed"), int(not outcome.success), "expectations", 1, why=outcome.why)
        slices.append(Slice("expectation", label, failed))
        if outcome.n:
            slices.append(Slice("expectation", label, rate(name("rate"), outcome.unexpected, outcome.n)))
        if not outcome.success:
            told.append(f"failed: {label}" + (f": {outcome.why}" if outcome.why else ""))
        at_fault[outcome.rows] = True
    n_failed = sum(not outcome.success for outcome in evaluated)
    metrics = (
        Metric(name("failed"), n_failed, "expectations", len(evaluated)),
        Metric(name("evaluated"), len(evaluated), "expectations", len(expectations)),
        rate(name("rate"), int(at_fault.sum()), rows.rows),
    )
    slices += sliced_rates(name("rate"), at_fault, gather_groups(rows))
    ordered = tuple(sorted(slices, key=lambda s: (s.by, s.group, s.metric.name)))
    return Measurement(metrics, ordered, notes=tuple(told), tables=_tables(expectations, outcomes, positions))


def _tables(
    expectations: Sequence[Expectation], outcomes: Sequence[Outcome], positions: npt.NDArray[np.int64]
) -> dict[str, pa.Table]:
    """`unexpected`: row and which expectation it breaks, in row order; `expectations`: what these want."""
    sizes = [len(outcome.rows) for outcome in outcomes]
    row = positions[np.concatenate([outcome.rows for outcome in outcomes])]
    which = np.repeat(np.arange(len(outcomes), dtype=np.int32), sizes)
    order = np.argsort(row, kind="stable")
    return {
        "unexpected": pa.table({"row": row[order], "which": which[order]}),
        "expectations": pa.table(
            {"columns": [list(e.columns) for e in expectations], "wanted": [e.wanted for e in expectations]}
        ),
    }


class _Later(ModuleType):
    """Stands for a module until something in it is asked for."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(import_module(self.__name__), name)


@contextmanager
def _later(*names: str) -> Iterator[None]:
    """What is imported within gets these modules when it first uses them, not at once. They are as they
    were afterwards: only the importers keep what stands for them."""
    waiting = {name: _Later(name) for name in names if name not in sys.modules}
    for name, module in waiting.items():
        package, _, child = name.rpartition(".")
        if package:
            setattr(import_module(package), child, module)  # `from package import child` looks there first
        else:
            sys.modules[name] = module
    try:
        yield
    finally:
        for name, module in waiting.items():
            package, _, child = name.rpartition(".")
            place = vars(sys.modules[package]) if package else sys.modules
            if place.get(child) is module:
                del place[child]


@cache
def _library() -> Any:
    """Great Expectations, silent and offline, with our expectations registered."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import by the versions that send usage statistics
    # For one divergence, two tests of distributions and the drawing of results: a third of the time.
    with _later("scipy.stats", "altair"):
        import great_expectations
    from great_expectations.execution_engine.pandas_execution_engine import PandasExecutionEngine
    from great_expectations.expectations.expectation import ColumnPairMapExpectation
    from great_expectations.expectations.metrics.map_metric_provider.column_pair_condition_partial import (
        column_pair_condition_partial,
    )
    from great_expectations.expectations.metrics.map_metric_provider.column_pair_map_metric_provider import (
        ColumnPairMapMetricProvider,
    )

    metric = "column_pair_values.ratio_between"

    class ColumnPairRatio(ColumnPairMapMetricProvider):
        condition_metric_name = metric
        condition_domain_keys = ("batch_id", "table", "column_A", "column_B", "row_condition", "ignore_row_if")
        condition_value_keys = ("min_value", "max_value")

        @column_pair_condition_partial(engine=PandasExecutionEngine)
        def _pandas(cls, column_A, column_B, **kwargs):  # type: ignore[no-untyped-def]  # noqa: N803, N805  its protocol
            ratio = column_A / column_B
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            fine = ratio.isna()  # 0 / 0, or a value that is missing
            return fine | ((ratio >= (-np.inf if low is None else low)) & (ratio <= (np.inf if high is None else high)))

    class ExpectColumnPairRatioToBeBetween(ColumnPairMapExpectation):
        """column_A / column_B of every row lies between min_value and max_value, both included."""

        min_value: float | None = None
        max_value: float | None = None
        ignore_row_if: str = "either_value_is_missing"
        map_metric = metric
        success_keys = ("column_A", "column_B", "ignore_row_if", "mostly", "min_value", "max_value")

    return great_expectations
