"""The contract of a check: it measures, and never judges.

Three shapes. A `Fold` is one scan with mergeable state; a `Program` regroups rows; an `Inspection`
reads no rows. A check is a frozen dataclass whose fields are its parameters, registered by
decorator; one check is one file in `auditor/checks/` (or a package of the entry-point group
`auditor.checks`).
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.model.errors import ConfigError, suggest
from auditor.model.result import Measurement
from auditor.model.rows import Dataset, Rows

if TYPE_CHECKING:  # 0.01 s, and rooms of rows alone know no lineage
    from auditor.core.content.space import Space
    from auditor.core.lineage.history import History
    from auditor.model.kinship import Kinship
    from auditor.model.pedigree import Pedigree

S = TypeVar("S")
T = TypeVar("T")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Case:
    """A tiny dataset for documents and law tests: records as a file would hold them.

    moves: the metric (full name) that must be above zero where the case is in `fires`, and zero
    where it is in `quiet`. parameters: overrides of the check's fields. references: role -> rows; beside a
    pedigree also the rows of its sources that are at hand, by `NAME@VERSION` or by file. history, measured: earlier
    versions with their records, and what other checks have measured of these rows.
    """

    rows: tuple[Mapping[str, Any], ...]
    moves: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    references: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    pedigree: Callable[[], Pedigree] | None = None
    history: Callable[[], History] | None = None
    measured: Callable[[], Mapping[str, Measurement]] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that a check gives: `near_duplicates.` + name.

    unit: share, rows, clusters, characters … what: one line for reports. remedy: what a person does
    about the rows behind it; empty where the number has no rows of its own. bad: which way is worse, where
    `auditor calibrate` finds the bound. depends: what moves the number beside what the rows are like: `size`, how many
    they are (copies are found by the pair; the largest of many parts falls with their number); `real`, the rows that
    they are held against, and the size of both sides. Nothing: a share or mean, of which more rows are only surer.
    shown: short name of the exhibit that shows what is behind the number, where a check has several: reports show that
    of the number that decided first.
    """

    name: str
    unit: str
    what: str
    remedy: str = ""
    bad: Literal["", "high", "low"] = ""
    depends: Literal["", "size", "real"] = ""
    shown: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    """name: kebab-case, names the fault and not the remedy, never reused. reads: columns it needs;
    a missing (or wholly null) one means SKIPPED with the reason. needs: references or derived tables.
    annotations: annotators to run first. version: rises when the same rows give another number under the same name, or
    old states stop merging with new ones."""

    name: str
    title: str
    measures: tuple[Measure, ...]
    over: Literal["rows", "verdicts"] = "rows"
    reads: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    annotations: tuple[str, ...] = ()
    fires: tuple[Case, ...] = ()
    quiet: tuple[Case, ...] = ()
    version: int = 1

    @property
    def prefix(self) -> str:
        return self.name.replace("-", "_")

    def metric(self, measure: str) -> str:
        return f"{self.prefix}.{measure}"

    def remedy(self, metric: str) -> str:
        """The remedy for a metric by its full name."""
        return next((m.remedy for m in self.measures if self.metric(m.name) == metric), "")


@dataclass(frozen=True)
class Context:
    """What a check may know beside its rows; injected, so that no check imports a sibling.

    references: role ("real", "eval", …) -> dataset. pedigree: card and lineage graph of a registered
    version, or None (a check that needs "lineage" is then skipped). expectations: folders of suites and word lists,
    the user's before ours. scratch: an existing folder for spilled files, emptied afterwards.
    memory: bytes of working memory. progress: told (done, total) by long work. cache: a folder for what is
    costly to make again, under names that tell its content; None keeps nothing. space: embeddings, or None (a check
    that needs "embeddings" is then skipped). history: earlier versions of a registered dataset with their stored
    records. measured: what the checks before have measured, by check: for inspections, which run last. sizes: metric
    -> rows (a side) that its bound was found at; see `core.sized`. kinship: which models are relatives, for
    judges of verdicts; a pedigree has its own. known: what one room has worked out of the rows and others ask for.
    drawn: where a check is given a draw, the numbers in the whole of the rows of each side ("data", "real"). whole: how
    many rows each side has then. asked: metrics whose bare values are asked for, by a split of a calibration: other
    metrics, intervals, tables, exhibits, slices and notes need not be made; None is all that a check can say.
    """

    references: Mapping[str, Dataset] = field(default_factory=dict)
    expectations: tuple[Path, ...] = ()
    scratch: Path | None = None
    memory: int = 2 << 30
    progress: Callable[[int, int], None] = lambda done, total: None
    pedigree: Pedigree | None = None
    cache: Path | None = None
    space: Space | None = None
    history: History | None = None
    measured: Mapping[str, Measurement] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)
    kinship: Kinship | None = None
    known: dict[str, Any] = field(default_factory=dict)
    drawn: Mapping[str, npt.NDArray[np.int64]] = field(default_factory=dict)
    whole: Mapping[str, int] = field(default_factory=dict)
    asked: frozenset[str] | None = None

    def asks(self, metric: str) -> bool:
        """Whether this metric, by its full name, is to be measured."""
        return self.asked is None or metric in self.asked

    def rows_of(self, side: str, rows: Dataset) -> int:
        """How many rows a side has, where a check is given a draw too."""
        return self.whole.get(side, rows.rows)

    def numbers(self, side: str, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """What people call these rows of a side: their numbers in the whole, in what a check shows by itself. Findings
        are told by the rows that the check was given."""
        return self.drawn[side][rows] if side in self.drawn else rows


class Engine(Protocol):
    """Three motions; a check never knows where they run."""

    threads: int

    def fold(self, rows: Dataset, folds: Sequence[Fold[Any]]) -> list[Any]: ...

    def shuffle(
        self, rows: Dataset, emit: Callable[[Rows], pa.Table], reduce: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        """emit(shard) -> table with a uint64 `key`; rows of equal key meet in one call of reduce
        (which may see many keys at once, sorted by key, row)."""
        ...

    def gather(self, rows: Dataset, extract: Callable[[Rows], C]) -> list[C]:
        """extract(shard) for every shard, in parallel, results in shard order."""
        ...

    def map(self, function: Callable[[T], C], items: Iterable[T]) -> list[C]:
        """function(item) in parallel threads (kernels release the GIL), results in order."""
        ...


class Fold(Protocol[S]):
    """One scan, mergeable state: merge is associative and commutative with empty() as identity, and
    folding two halves and merging measures exactly like folding the whole. update and merge may
    change and return their first argument, never the second."""

    @property
    def spec(self) -> Spec: ...

    def empty(self) -> S: ...
    def update(self, state: S, rows: Rows) -> S: ...
    def merge(self, left: S, right: S) -> S: ...
    def measure(self, state: S, references: Mapping[str, S], context: Context) -> Measurement: ...


class Program(Protocol):
    """A check that regroups rows: duplicates, contamination, clusters. Where its spec is `over` verdicts, `rows` are
    `model.verdicts.Verdicts`."""

    @property
    def spec(self) -> Spec: ...

    def run(self, rows: Any, context: Context, engine: Engine) -> Measurement: ...


class Inspection(Protocol):
    """A check that reads no rows: lineage, licences, expiry, trends over records."""

    @property
    def spec(self) -> Spec: ...

    def inspect(self, context: Context) -> Measurement: ...


@runtime_checkable
class Locates(Protocol):
    """The optional second pass: every affected row, in row order, as batches of FINDING_SCHEMA."""

    @property
    def spec(self) -> Spec: ...

    def locate(self, rows: Any, measurement: Measurement, context: Context) -> Iterator[pa.Table]: ...


@runtime_checkable
class Suits(Protocol):
    """A check with parameters that name something of the rows. Raises ConfigError where these have nothing of the
    name: asked of the audited rows alone, before anything is measured."""

    def suits(self, rows: Any, context: Context) -> None: ...


@runtime_checkable
class Tunes(Protocol):
    """A check with a parameter that depends on the embedder, and that real rows can find."""

    def tuned(self, real: Any, context: Context) -> tuple[Any, str]:
        """The check with that parameter, and one line of how it was found, or why it was not; the check itself and an
        empty line where it is known. Asked by `auditor calibrate`."""
        ...


_registered: dict[str, type[Any]] = {}


def check(cls: type[C]) -> type[C]:
    """Register a check class under its spec's name."""
    name = cls.spec.name  # type: ignore[attr-defined]
    other = _registered.get(name)
    if other is not None and other.__qualname__ != cls.__qualname__:
        raise ConfigError(f"two checks are called {name!r}: {other.__module__} and {cls.__module__}")
    _registered[name] = cls
    return cls


ROOMS = "auditor.checks"
"""The package of our rooms, found late because rooms import core; and the entry-point group of others."""


def registered() -> dict[str, type[Any]]:
    """Every check by name, in name order: ours and those of installed packages."""
    from importlib.metadata import entry_points  # 0.01 s, which building one of ours should not cost

    for room in sorted(_rooms()):
        importlib.import_module(f"{ROOMS}.{room}")
    for point in entry_points(group=ROOMS):
        point.load()
    return dict(sorted(_registered.items()))


def _rooms() -> set[str]:
    import pkgutil

    return {module.name for module in pkgutil.iter_modules(importlib.import_module(ROOMS).__path__)}


def _class(name: str) -> type[Any]:
    """The check of that name; one of ours is found without importing the others."""
    room = name.replace("-", "_")
    if name not in _registered and room in _rooms():
        importlib.import_module(f"{ROOMS}.{room}")
    if name not in _registered and name not in (known := registered()):
        raise ConfigError(f"unknown check {name!r}", hint=suggest(name, known))
    return _registered[name]


def build(name: str, parameters: Mapping[str, Any]) -> Any:
    """An instance of the check with parameters converted to its fields' types.

    Raises ConfigError for an unknown check or parameter (with a suggestion) and for a value of the
    wrong type.
    """
    cls = _class(name)
    fields = {f.name: f for f in dataclasses.fields(cls)}
    values: dict[str, Any] = {}
    for key, value in parameters.items():
        if key not in fields:
            raise ConfigError(f"check {name!r} has no parameter {key!r}", hint=suggest(key, fields))
        values[key] = _convert(name, key, value, fields[key])
    try:
        return cls(**values)
    except ValueError as error:
        raise ConfigError(f"check {name!r}: {error}") from error


def _convert(check_name: str, key: str, value: Any, parameter: dataclasses.Field[Any]) -> Any:
    default = parameter.default
    wanted: type[Any] = tuple if default is dataclasses.MISSING else type(default)
    try:
        if wanted is bool:
            if isinstance(value, bool):
                return value
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[str(value).lower()]
        if wanted is tuple:
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(str(part).strip() for part in parts)
        if wanted is int and isinstance(value, float) and value != int(value):
            raise ValueError
        return wanted(value)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"parameter {key!r} of check {check_name!r} has the wrong type",
            seen=repr(value),
            wanted=f"{wanted.__name__}, such as {default!r}",
        ) from error


def parameters(instance: Any) -> dict[str, Any]:
    """The check's fields as JSON values: recorded with every measurement."""
    return {
        f.name: list(value) if isinstance(value := getattr(instance, f.name), tuple) else value
        for f in dataclasses.fields(instance)
    }
