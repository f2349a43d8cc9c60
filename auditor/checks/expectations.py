"""expectations: Great Expectations suites over the annotated feature table."""

from __future__ import annotations

import difflib
import hashlib
import os
import threading
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.rowwise import findings, gather_groups, sliced_rates
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import FINDING_SCHEMA, Measurement, Metric, Slice
from auditor.model.rows import Dataset

RAW = ("digest", "prompt", "response", "rejected", "text", "messages", "source", "meta")
"""Columns of raw content, which are never given to a suite: its tables of results keep and show values."""

SHAPES = (
    *("alpaca", "kto", "mapped", "messages", "preference", "prompt-completion", "prompt-response"),
    *("query-response", "question-answer", "record", "sharegpt", "text"),
)
"""Record shapes that a suite may name in `meta.shapes`."""

WRITTEN_AT_ONCE = 65_536
"""Findings in one table of `locate`."""

_one_at_a_time = threading.Lock()
"""A context shared by threads raises KeyError (Great Expectations 1.24), and so may its registries."""


@dataclass(frozen=True, slots=True)
class Expectation:
    """One line of a suite. place: file and position, for messages."""

    type: str
    kwargs: Mapping[str, Any]
    place: str

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that it reads; none where it is about the table."""
        named = [self.kwargs[key] for key in ("column", "column_A", "column_B") if key in self.kwargs]
        listed = self.kwargs.get("column_list", ())
        return tuple(str(name) for name in (*named, *(listed if isinstance(listed, list) else ())))


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
            Measure("failed", "expectations", "expectations that do not hold", "Mend the rows, or the suite."),
            Measure("evaluated", "expectations", "expectations that had something to evaluate"),
            Measure("rate", "share", "rows unexpected under a failed expectation", "Mend or drop the rows."),
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
        expectations, notes = _suites(context.expectations, rows)
        if not expectations:
            shapes = ", ".join(sorted(rows.shapes)) or rows.format
            return Measurement((), notes=(f"no suite is for records of shape {shapes}",))
        usable = [name for name in rows.columns if name not in RAW]
        wanted = (
            usable if any(not e.columns for e in expectations) else sorted({c for e in expectations for c in e.columns})
        )
        names = [name for name in wanted if name in usable]
        outcomes = _evaluate(expectations, _table(rows, names, engine), usable, context)
        return _measurement(expectations, outcomes, rows, notes)

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        unexpected = measurement.tables["unexpected"]
        name = self.spec.metric("rate")
        for start in range(0, len(unexpected), WRITTEN_AT_ONCE):
            part = unexpected.slice(start, WRITTEN_AT_ONCE)
            position = part.column("row").to_numpy()
            seen: list[str] = [""] * len(part)
            wants = part.column("expectation").to_pylist()
            for label in sorted(set(wants)):
                mine = [i for i, want in enumerate(wants) if want == label]
                columns = orjson.loads(part.column("columns")[mine[0]].as_py())
                values = rows.take(position[mine], columns).to_pylist()
                wish = part.column("wanted")[mine[0]].as_py()
                for i, value in zip(mine, values, strict=True):
                    seen[i] = ", ".join(f"{c} = {_shown(value[c])}" for c in columns) + f", wanted {wish}"
            table = findings(position, name, seen)
            yield table.cast(FINDING_SCHEMA)


def _suites(folders: Sequence[Path], rows: Dataset) -> tuple[list[Expectation], list[str]]:
    """Expectations of the suites that apply, and which these were; the first file of a name wins."""
    files: dict[str, Path] = {}
    for folder in folders:
        for path in sorted((folder / "suites").glob("*.json")):
            files.setdefault(path.name, path)
    found: list[Expectation] = []
    notes = []
    for name, path in sorted(files.items()):
        content = path.read_bytes()
        shapes, expectations = _suite(name, content)
        if shapes and not set(shapes) & set(rows.shapes):
            continue
        digest = hashlib.sha256(content).hexdigest()[:12]
        notes.append(f"suite {name} ({len(expectations)} expectations, sha256 {digest})")
        found += expectations
    return found, notes


def _suite(name: str, content: bytes) -> tuple[tuple[str, ...], list[Expectation]]:
    try:
        suite = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error}", file=name, line=error.lineno) from error
    listed = suite.get("expectations") if isinstance(suite, dict) else None
    if not isinstance(listed, list):
        raise ConfigError("not a suite", file=name, wanted='{"name": …, "expectations": […], "meta": {"shapes": […]}}')
    if not listed:
        raise ConfigError(
            "the suite is empty, and would pass anything", file=name, hint="add expectations or delete it"
        )
    meta = suite.get("meta") or {}
    shapes = tuple(meta.get("shapes", ())) if isinstance(meta, dict) else ()
    for shape in shapes:
        if shape not in SHAPES:
            raise ConfigError(f"unknown shape {shape!r} in meta.shapes", file=name, hint=suggest(str(shape), SHAPES))
    expectations = []
    for position, each in enumerate(listed, 1):
        place = f"{name}, expectation {position}"
        if not isinstance(each, dict) or not isinstance(each.get("type"), str):
            raise ConfigError("an expectation has no type", file=place, wanted='{"type": "expect_…", "kwargs": {…}}')
        expectations.append(Expectation(each["type"], each.get("kwargs") or {}, place))
    return shapes, expectations


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
        batch = asset.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": frame})
        outcomes = []
        for done, (expectation, instance) in enumerate(zip(expectations, made, strict=True), 1):
            missing = next((name for name in expectation.columns if name not in table.column_names), None)
            if missing is not None and expectation.type != "expect_column_to_exist":
                outcomes.append(Outcome(False, _missing(missing, usable), np.zeros(0, np.int64)))
            else:
                outcomes.append(_validate(batch, expectation, instance))
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
        return Outcome(bool(result.success), f"observed {_shown(value)}" if value is not None else "", nothing)
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
    parts: list[pa.Table] = []
    labels: dict[str, int] = {}
    for expectation, outcome in zip(expectations, outcomes, strict=True):
        label = _label(expectation)
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
        if len(outcome.rows):
            parts.append(_unexpected(positions[outcome.rows], label, expectation))
    n_failed = sum(not outcome.success for outcome in evaluated)
    metrics = (
        Metric(name("failed"), n_failed, "expectations", len(evaluated)),
        Metric(name("evaluated"), len(evaluated), "expectations", len(expectations)),
        rate(name("rate"), int(at_fault.sum()), rows.rows),
    )
    slices += sliced_rates(name("rate"), at_fault, gather_groups(rows))
    ordered = tuple(sorted(slices, key=lambda s: (s.by, s.group, s.metric.name)))
    empty = _unexpected(np.zeros(0, np.int64), "", Expectation("", {}, ""))
    unexpected = pa.concat_tables([empty, *parts]).sort_by([("row", "ascending"), ("expectation", "ascending")])
    return Measurement(metrics, ordered, notes=tuple(told), tables={"unexpected": unexpected})


def _unexpected(rows: npt.NDArray[np.int64], label: str, expectation: Expectation) -> pa.Table:
    def same(text: str) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(rows), np.int32)), pa.array([text])).cast(
            pa.string()
        )

    columns = orjson.dumps(list(expectation.columns)).decode()
    return pa.table(
        {"row": rows, "expectation": same(label), "columns": same(columns), "wanted": same(_wanted(expectation))}
    )


def _label(expectation: Expectation) -> str:
    """`words between 1 and 20000`."""
    about = ", ".join(expectation.columns) or "table"
    kind = expectation.type
    if kind.startswith("expect_column_values_"):
        return f"{about} {_wanted(expectation)}"
    words = kind.removeprefix("expect_").removeprefix("table_").removeprefix("column_").replace("_", " ")
    statistic, _, _ = words.partition(" to be between")
    if kind.endswith("_to_be_between"):
        return f"{statistic} of {about} {_wanted(expectation)}"
    return f"{about}: {words} {_arguments(expectation)}".strip()


def _wanted(expectation: Expectation) -> str:
    kwargs = expectation.kwargs
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    mostly = kwargs.get("mostly")
    most = f" in at least {mostly:.6g} of rows" if isinstance(mostly, int | float) and mostly < 1 else ""
    if low is not None or high is not None:
        if low is None or high is None:
            return (f"at least {_shown(low)}" if high is None else f"at most {_shown(high)}") + most
        return f"between {_shown(low)} and {_shown(high)}{most}"
    verb = expectation.type.removeprefix("expect_column_values_").removeprefix("expect_").removeprefix("to_")
    verb = verb.removeprefix("be_").replace("_", " ")
    return f"{verb} {_arguments(expectation)}".strip() + most


def _arguments(expectation: Expectation) -> str:
    plumbing = ("column", "column_A", "column_B", "column_list", "mostly", "ignore_row_if", "meta")
    values = [value for key, value in sorted(expectation.kwargs.items()) if key not in plumbing]
    return ", ".join(_shown(value) for value in values)


def _shown(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower() if value is not None else "null"
    if isinstance(value, int | np.integer):
        return str(value)
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_shown(one) for one in value[:8]) + (", …" if len(value) > 8 else "")
    return repr(value)[:120]


@cache
def _library() -> Any:
    """Great Expectations, silent and offline, with our expectations registered."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import by the versions that send usage statistics
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
