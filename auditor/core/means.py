"""What the bounds of a policy were found with (see `auditor calibrate`, and `found_with` in a policy).

A bound is a quantile of what a metric was by one embedder, by one version of its check, with some parameters, and
among some real rows. By another embedder or version, with other parameters, or held against other real rows, the metric
is another number, which that bound says nothing of: it is SKIPPED with both named. The embedder counts for every metric
of a check that needs one: where a metric is not made of vectors, they still chose the rows (which are near copies,
which can be read). The real rows count for comparisons with them: what is measured of the data alone is as it is,
whatever it lies beside. Real data that grew is other real data, and so are the same files read otherwise (`--map`).
"""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor.core import check as checking
from auditor.core.check import Context
from auditor.core.content.space import Embedder
from auditor.core.sized import compares
from auditor.model.result import Measured, Metric
from auditor.model.rows import Dataset

_REGISTERED = re.compile(r".+@\d+")


@dataclass(frozen=True, slots=True)
class Real:
    """The real rows. name: as an audit may be given them: NAME@VERSION where they are registered, the file where they
    are one; else what they are called. digest: of the rows as they were read (`Dataset.digest`)."""

    name: str
    rows: int
    digest: str

    @classmethod
    def of(cls, rows: Dataset) -> Real:
        file = rows.files[0] if len(rows.files) == 1 and not _REGISTERED.fullmatch(rows.name) else ""
        return cls(file if Path(file).suffix else rows.name, rows.rows, rows.digest)

    @property
    def remedy(self) -> str:
        """How an audit is given them, by what can be typed."""
        typed = _REGISTERED.fullmatch(self.name) or Path(self.name).suffix
        return f"audit with --real {shlex.quote(self.name)}" if typed else "audit with the real data of then"

    @property
    def described(self) -> dict[str, Any]:
        """As JSON values."""
        return {"name": self.name, "rows": self.rows, "digest": self.digest}

    def __str__(self) -> str:
        return f"{self.name} ({self.rows:,} rows, {self.digest[:19]})"


@dataclass(frozen=True, slots=True)
class Means:
    """embedder: NAME@REVISION. parameters: of the check, as JSON values; its defaults for those that are not named.
    version: of the check. Of what is empty, 0 or None nothing is said."""

    embedder: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    version: int = 0
    real: Real | None = None

    @property
    def described(self) -> dict[str, Any]:
        """As JSON values."""
        real = {} if self.real is None else {"real": self.real.described}
        version = {"version": self.version} if self.version else {}
        return {"embedder": self.embedder, "parameters": dict(self.parameters), **version, **real}


def own(check: Any, root: Path) -> dict[str, Any]:
    """The check's parameters that are not its defaults, as JSON values. Paths below root (a workspace's word lists)
    are told from there: they are the same in another checkout."""
    standard = _standard(check)
    told = {name: _portable(value, root) for name, value in checking.parameters(check).items()}
    return {name: value for name, value in told.items() if name not in standard or value != standard[name]}


def unlike(check: Any, means: Means, context: Context, root: Path) -> str:
    """Why an audit with this check and context is not judged by bounds that were found by these means; empty where it
    is."""
    if means.version not in (0, check.spec.version):
        now = check.spec.version
        return f"its bounds were found by version {means.version} of {check.spec.name}, this is {now}: calibrate again"
    embedder = None if context.space is None else context.space.embedder
    if embedder is not None and "embeddings" in check.spec.needs and not _same(means.embedder, embedder):
        now, name = f"{embedder.name}@{embedder.revision}", means.embedder.rpartition("@")[0]
        to = f"calibrate with --embedder {embedder.name}, or audit with --embedder {name}"
        remedy = "calibrate again" if name == embedder.name else to
        return f"its bounds were found by the embedder {means.embedder}, this audit uses {now}: {remedy}"
    standard = _standard(check)
    then, here = {**standard, **means.parameters}, {**standard, **own(check, root)}
    moved = sorted(name for name in {*then, *here} if then.get(name) != here.get(name))
    if not moved:
        return ""
    was, has = ([_told(check, name, side.get(name)) for name in moved] for side in (then, here))
    back = " ".join(f"--set {_set(check, name, then.get(name))}" for name in moved)
    remedy = f"audit with {back}, or calibrate again" if here.keys() >= set(moved) else "calibrate again"
    return f"its bounds were found with {', '.join(was)}, this audit has {', '.join(has)}: {remedy}"


def elsewhere(means: Means, real: Dataset | None) -> str:
    """Why a comparison with these real rows is not judged by bounds that were found by these means; empty where it
    is."""
    if means.real is None or real is None or means.real.digest == real.digest:
        return ""
    now = Real.of(real)
    alike = (now.name, now.rows) == (means.real.name, means.real.rows)
    remedy = "read them as then (--map)" if alike else means.real.remedy
    return f"its bounds were found among {means.real}, this audit compares with {now}: calibrate again, or {remedy}"


def withheld(check: Any, measured: Measured, means: Mapping[str, Means], context: Context, root: Path) -> Measured:
    """Without a value of the metrics whose bounds were found by other means, to be judged by. means: by metric, of
    those whose bounds say it."""
    if measured.measurement is None:
        return measured
    comparisons = {check.spec.metric(one.name) for one in check.spec.measures if compares(check.spec, one)}
    real = context.references.get("real")

    def held(metric: Metric) -> Metric:
        if metric.value is None or metric.name not in means:
            return metric
        by = means[metric.name]
        why = unlike(check, by, context, root) or (elsewhere(by, real) if metric.name in comparisons else "")
        return metric.without(why) if why else metric

    found = tuple(map(held, measured.measurement.metrics))
    return replace(measured, measurement=replace(measured.measurement, metrics=found))


def _same(then: str, now: Embedder) -> bool:
    """Whether NAME@REVISION is this embedder; a folder of weights, which has another name wherever it is named from, by
    the revision alone, which is of the bytes."""
    name, _, revision = then.rpartition("@")
    address = "://" in name or "://" in now.name
    return not then or (revision == now.revision and (name == now.name or not address))


def _standard(check: Any) -> dict[str, Any]:
    """Defaults of the check's parameters, as JSON values; of those that have one."""
    known = {one.name: one.default for one in dataclasses.fields(check) if one.default is not dataclasses.MISSING}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in known.items()}


def _portable(value: Any, root: Path) -> Any:
    if isinstance(value, list):
        return [_portable(one, root) for one in value]
    if isinstance(value, str) and Path(value).is_absolute() and Path(value).is_relative_to(root):
        return Path(value).relative_to(root).as_posix()
    return value


def _told(check: Any, name: str, value: Any) -> str:
    """As people read it: a value that stands for something else (`words` of its field) with what it stands for."""
    words = {one.name: one.metadata.get("words", {}) for one in dataclasses.fields(check)}.get(name, {})
    own = next((said for meant, said in words.items() if meant == value), None)
    return _set(check, name, value) + ("" if own is None else f" ({own})")


def _set(check: Any, name: str, value: Any) -> str:
    """As `--set` has it."""
    said = ",".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)
    return f"{check.spec.name}.{name}={said}"
