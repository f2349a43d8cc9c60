"""What every audit does once its rows are read: what was asked for, and from measurements to a verdict on disk.

measured -> locate -> judge -> record -> reports -> MLflow. Rows are those of a dataset (`auditing`) or the recorded
verdicts of judges (`adjudicating`).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import inspect
import os
import platform
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from auditor import registry, reports, trackers
from auditor.core import check as checking
from auditor.core import means, places, sized
from auditor.core import measure as measuring
from auditor.core import policy as policies
from auditor.core import verdict as judging
from auditor.core.check import Context, Engine
from auditor.core.measure import Advance, unwatched
from auditor.engines.local import Local
from auditor.files import slug, write_text
from auditor.model.errors import ConfigError, suggest
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measured, Metric, Record, Status
from auditor.model.rows import Dataset, arrow
from auditor.model.verdicts import Audited
from auditor.registry.workspace import Workspace
from auditor.reports.view import View


class Progress(Protocol):
    """Told what is going on: `with progress.stage("read") as advance: advance(done, total)`."""

    def stage(self, name: str) -> AbstractContextManager[Advance]: ...


class Silent:
    """Nobody is watching."""

    stage = staticmethod(unwatched)


@dataclass(frozen=True, slots=True)
class Options:
    """What one audit is asked for; every field has the default of the command line.

    checks: parameters by check, {"near-duplicates": {"threshold": 0.7}}. only, skip: check names.
    by: attribution columns; None takes them by itself. mapping: canonical column -> field. memory:
    bytes of working memory; 0 is half of the machine. out: folder of the audit's files. embedder: what
    turns texts into vectors, by name or path. gaps: file for what the real data has and the rows lack. verdicts: files
    of what judges said of the rows.
    """

    policy: str | None = None
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    by: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    max_bad_rows: str | None = None
    baseline: Path | None = None
    waivers: Path | None = None
    fail_on: str = "fail"
    out: Path | None = None
    memory: int = 0
    threads: int = 0
    track: bool = False
    tracking_uri: str | None = None
    top: int = 20
    name: str | None = None
    embedder: str | None = None
    gaps: Path | None = None
    verdicts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Paths may be given as text: a call from Python has no command line to make them of it."""
        for name in ("baseline", "waivers", "out", "gaps"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, str | os.PathLike):
                raise ConfigError(f"{name!r} is a path", seen=type(given).__name__, wanted="text, or a pathlib.Path")
            object.__setattr__(self, name, None if given is None else Path(given))
        embedder: Any = self.embedder
        if isinstance(embedder, os.PathLike):
            object.__setattr__(self, "embedder", os.fspath(embedder))


@dataclass(frozen=True)
class Report:
    """What an audit returns. `record` is the truth, everything else a view of it.

    places: format or file name -> where it was written. exit_code: as the command line would end.
    """

    record: Record
    exit_code: int
    places: Mapping[str, Path]
    view: View = field(repr=False)

    @property
    def verdict(self) -> Status:
        return self.record.verdict

    @property
    def metrics(self) -> Mapping[str, Metric]:
        return self.record.metrics

    @property
    def dataset(self) -> Audited:
        return self.view.dataset

    @property
    def fields(self) -> Mapping[str, str]:
        """Of the records as they were given (see `Dataset.schema`); none of judges' verdicts."""
        return self.dataset.schema if isinstance(self.dataset, Dataset) else {}

    @cached_property
    def findings(self) -> pa.Table:
        """Every affected row: one line a row and metric, with evidence, partner and remedy."""
        return pq.read_table(self.places["findings.parquet"])

    def render(self, format: str) -> str:  # noqa: A002  the command line's word
        return reports.render(format, self.view)

    def __repr__(self) -> str:
        return self.render("text")

    def _repr_html_(self) -> str:
        from html import escape

        page = escape(self.render("html"), quote=True)
        return f'<iframe srcdoc="{page}" sandbox="allow-scripts" style="width:100%;height:720px;border:0"></iframe>'


class Clock:
    """Keeps the seconds of each stage, and says where and when the audit ran."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begun = time.perf_counter()
        self._started = dt.datetime.now(dt.UTC)
        self._seconds: dict[str, float] = {}
        self._inner = 0.0

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """A stage may open another: its own time is without the inner one's."""
        begun, outer, self._inner = time.perf_counter(), self._inner, 0.0
        with self._progress.stage(name) as advance:
            yield advance
        seconds = time.perf_counter() - begun
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds - self._inner
        self._inner = outer + seconds

    def run(self, measured: Sequence[Measured], places: Mapping[str, Path]) -> dict[str, Any]:
        return {
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._begun, 3),
            "host": socket.gethostname(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": [trackers.redact(word) for word in (Path(sys.argv[0]).name, *sys.argv[1:])],
            "stages": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
            "checks": {
                m.check: {
                    "seconds": round(m.seconds, 3),
                    "rows_per_second": round(m.rows / m.seconds) if m.seconds > 0 else None,
                }
                for m in measured
            },
            "paths": {name: str(path) for name, path in places.items()},
        }


@dataclass(frozen=True)
class Plan:
    """What one audit is going to do. asked: as the call gave it; options: with what it left open filled in. left_out:
    checks that --only and --skip keep from running."""

    asked: Options
    options: Options
    workspace: Workspace
    checks: Sequence[Any]
    policy: policies.Policy
    baseline: Record | None
    waivers: judging.Waivers
    engine: Engine
    clock: Clock
    left_out: tuple[str, ...]


def plan(asked: Options, workspace: Workspace, progress: Progress, over: str = "rows") -> Plan:
    """Settle everything that can be wrong before a row is read. Raises ConfigError."""
    clock = Clock(progress)
    options = settled(asked, workspace)
    checks, bounds = select(options, workspace, over), policy(options, workspace)
    if options.gaps is not None:  # a file that was asked for and cannot be written is no pass
        if not any(check.spec.name == reports.GAPS for check in checks):
            raise ConfigError("gaps are asked for without the check that finds them", wanted=f"{reports.GAPS} to run")
        bounds = replace(bounds, required=tuple(sorted({*bounds.required, reports.GAPS})))
    return Plan(
        asked,
        options,
        workspace,
        checks,
        bounds,
        reports.from_json(registry.load(options.baseline)) if options.baseline else None,
        waivers(options, workspace),
        Local(options.threads),
        clock,
        _left_out(checks, over),
    )


def conclude(
    plan: Plan,
    rows: Audited,
    measured: Sequence[Measured],
    context: Context,
    *,
    beside: Mapping[str, Any] | None = None,
    which: Mapping[str, Any] | None = None,
) -> Report:
    """Locate, judge, record, and write the files. beside: the references as the record has them. which: what else
    its `run` block says of the rows. context.scratch is a folder to write in."""
    options, workspace, clock, checks = plan.options, plan.workspace, plan.clock, plan.checks
    scratch = context.scratch
    assert scratch is not None
    with clock.stage("locate") as advance:
        found = scratch / "findings.parquet"
        measured, findings = _locate(checks, measured, rows, context, plan.engine, found, advance)
    measured = [sized.withheld(check, one, rows, context) for check, one in zip(checks, measured, strict=True)]
    known, root = plan.policy.means, workspace.root
    measured = [means.withheld(check, one, known, context, root) for check, one in zip(checks, measured, strict=True)]
    verdicts, verdict, exit_code = judging.judge(
        measured,
        plan.policy,
        baseline=plan.baseline,
        waivers=plan.waivers,
        today=dt.datetime.now(dt.UTC).date(),
        dataset=rows.name,
        digest=rows.digest,
        findings=lambda: pq.read_table(found),
        fail_on=options.fail_on,
    )
    record = _record(plan, rows, measured, verdicts, verdict, beside or {}, context.pedigree)
    with clock.stage("report"):
        features = scratch / "features.parquet"
        _features(rows, measured, features)
        own = _beyond_defaults(plan, context.references)
        folder = options.out or registry.folder(rows.name, rows.digest, own, workspace)
        tables = {path.name: path for path in (found, features) if path.exists()}
        if rows.quarantine.path is not None and rows.quarantine.count:
            tables["quarantine.jsonl"] = rows.quarantine.path
        made = {name: content for m in measured if m.measurement for name, content in m.measurement.artifacts.items()}
        places = {name: folder / name for name in ("audit.json", "report.html", *tables, *made)}
        record = replace(record, run={**clock.run(measured, places), **(which or {})})
        view = View(
            record=record,
            findings=findings,
            dataset=rows,
            specs={check.spec.name: check.spec for check in checks},
            places=places,
            top=options.top,
            dashboards=workspace.dashboards,
            docs={check.spec.name: inspect.getdoc(type(check)) or "" for check in checks},
            tables={m.check: m.measurement.tables for m in measured if m.measurement},
        )
        pages = {"report.html": reports.render("html", view).encode(), "audit.json": reports.to_json(record)}
        registry.save({**tables, **made, **pages}, folder)
        if options.gaps is not None and (lacking := reports.gaps(view)) is not None:
            write_text(options.gaps, lacking)
    return Report(record, exit_code, places, view)


def publish(plan: Plan, report: Report) -> None:
    """The audit as an MLflow run, where that was asked for."""
    options = plan.options
    if not (options.track or options.tracking_uri):
        return
    with plan.clock.stage("track"), tempfile.TemporaryDirectory() as drawn:
        for name, svg in reports.pictures(report.view).items():
            write_text(Path(drawn) / name, svg)
        sent = {**report.places, **{path.name: path for path in sorted(Path(drawn).iterdir())}}
        name = str(report.record.dataset["name"])
        trackers.publish(
            report.record,
            sent,
            uri=options.tracking_uri,
            experiment=slug(name),
            workspace=plan.workspace,
            fields=report.fields,
        )


def settled(options: Options, workspace: Workspace) -> Options:
    """What the call left open, from `auditor.yaml`, then from the defaults."""
    uri = options.tracking_uri or workspace.tracking_uri
    return replace(
        options,
        policy=options.policy or workspace.policy or "default",
        by=options.by if options.by is not None else (workspace.by or None),
        max_bad_rows=options.max_bad_rows or workspace.max_bad_rows,
        memory=options.memory or workspace.memory or _half_of_memory(),
        tracking_uri=trackers.checked(uri) if uri else None,
        embedder=options.embedder or workspace.embedder,
    )


def select(options: Options, workspace: Workspace, over: str = "rows") -> list[Any]:
    """Instances of the checks of rows (or of verdicts) to run, in name order, with settings overridden by the call."""
    known = checking.registered()
    for name in (*options.only, *options.skip, *options.checks, *workspace.checks):
        if name not in known:
            alike = [one for one, cls in known.items() if cls.spec.over == over]
            several = "," in name and name in (*options.only, *options.skip)
            hint = "for several, repeat the option: --only A --only B" if several else suggest(name, alike)
            raise ConfigError(f"unknown check {name!r}", hint=hint)
    names = [
        name
        for name, cls in known.items()
        if cls.spec.over == over and (not options.only or name in options.only) and name not in options.skip
    ]
    if options.only and all(known[name].spec.over != over for name in options.only):
        theirs, ours = ("verdicts", "datasets") if over == "rows" else ("datasets", "verdicts")
        command = "auditor judge audit" if over == "rows" else "auditor audit"
        raise ConfigError(
            f"{', '.join(options.only)}: of {theirs}, and {ours} are audited here", hint=f"`{command}` asks that"
        )
    if not names:
        raise ConfigError("no check is left to run", hint="see `auditor checks` and give fewer --skip")
    lists = tuple(str(path) for path in sorted((workspace.root / "expectations" / "words").glob("*.yaml")))
    found = {"refusals-and-artifacts": {"words": lists}} if lists and len(workspace.expectations) > 1 else {}
    return [
        checking.build(name, {**found.get(name, {}), **workspace.checks.get(name, {}), **options.checks.get(name, {})})
        for name in names
    ]


def _left_out(checks: Sequence[Any], over: str) -> tuple[str, ...]:
    ran = {check.spec.name for check in checks}
    return tuple(name for name, cls in checking.registered().items() if cls.spec.over == over and name not in ran)


def _beyond_defaults(plan: Plan, references: Mapping[str, Dataset]) -> dict[str, Any]:
    """What the call itself asked for that decides what the record says; nothing where it left all to the workspace."""
    asked, policy, baseline, waivers = plan.asked, plan.policy, plan.baseline, plan.waivers
    wanted = {
        "only": sorted(asked.only),
        "skip": sorted(asked.skip),
        "checks": asked.checks,
        "by": asked.by,
        "policy": policy.digest if asked.policy else None,
        "waivers": waivers.described() if asked.waivers else None,
        "baseline": baseline.dataset.get("digest", "unknown") if baseline else None,
        "embedder": asked.embedder,
        "verdicts": sorted(asked.verdicts),
        "gaps": asked.gaps is not None,
        "references": {role: rows.digest for role, rows in references.items()},
    }
    return {name: value for name, value in wanted.items() if value}


MAPPED = 1_000_000
"""Findings above which the report has them from the disk: a million take 150 MB, mostly evidence not looked at."""

AT_ONCE = 65_536
"""Findings that are brought into order at once."""


def _locate(
    checks: Sequence[Any],
    measured: Sequence[Measured],
    rows: Audited,
    context: Context,
    engine: Engine,
    path: Path,
    advance: Advance,
) -> tuple[list[Measured], pa.Table]:
    """Write every finding to `path`, by check and row; returns the measured with their number of findings, and these.

    Checks are located in parallel, each into a file of its own beside `path`, so that memory does not grow with
    the number of findings. One that fails at it is an ERROR of that check, as in measuring.
    """
    schema = measuring.findings_schema(rows.by)
    done: list[str] = []

    def one(index: int) -> tuple[Path, Measured]:
        part = path.with_suffix(f".{index}")
        outcome = measuring.located(checks[index], measured[index], rows, context, part, schema)
        if outcome.findings:
            _by_row(part)
        done.append(outcome.check)
        advance(len(done), len(checks))
        return part, outcome

    found = engine.map(one, range(len(checks)))
    several = sum(outcome.findings for _, outcome in found) > MAPPED
    tables = [schema.empty_table()]
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part, outcome in found:
            if outcome.findings:
                with pa.OSFile(str(part)) as source:  # batch by batch, not mapped: pages that are looked at stay
                    for batch in pa.ipc.open_stream(source):
                        writer.write_batch(batch.cast(schema))
                source = pa.memory_map(str(part)) if several else pa.BufferReader(part.read_bytes())
                tables.append(pa.ipc.open_stream(source).read_all())
            part.unlink(missing_ok=True)
    return [outcome for _, outcome in found], pa.concat_tables(tables[1:] or tables)


def _by_row(part: Path) -> None:
    """Put the findings of a check in the order of their rows, those of one row as the check named them, those without
    a row last. Checks name them shard by shard, and a shard ends where a file does."""
    import pyarrow.compute as pc  # 0.03 s, when something was found

    with pa.memory_map(str(part)) as source:
        found = pa.ipc.open_stream(source).read_all()
        rows = pc.fill_null(found.column("row"), np.iinfo(np.int64).max).to_numpy()
        if (rows[1:] >= rows[:-1]).all():
            return
        order = np.argsort(rows, kind="stable")
        ordered = part.with_name(f"{part.name}-ordered")
        with pa.RecordBatchStreamWriter(str(ordered), found.schema) as writer:
            for start in range(0, len(order), AT_ONCE):
                writer.write_table(found.take(order[start : start + AT_ONCE]))
    ordered.replace(part)


def _features(rows: Audited, measured: Sequence[Measured], path: Path) -> None:
    """The annotated columns of every row, and what checks measured of each: for expectations, curation and later
    comparisons."""
    more = {
        f"{m.check.replace('-', '_')}.{name}": column
        for m in measured
        if m.measurement
        for name, column in m.measurement.columns.items()
    }
    heavy = {"digest", "prompt", "response", "rejected", "text", "messages", "source", "meta"}
    columns = [name for name in rows.columns if name not in heavy]
    writer: pq.ParquetWriter | None = None
    try:
        for shard in rows:
            batch = shard.batch.select(columns)
            low = int(shard.column("row")[0].as_py()) if len(shard) else 0
            for name, column in more.items():
                batch = batch.append_column(name, arrow(column[low : low + len(shard)]))
            writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
            writer.write_batch(batch)
    finally:
        if writer is not None:
            writer.close()


def _record(
    plan: Plan,
    rows: Audited,
    measured: Sequence[Measured],
    verdicts: Sequence[Any],
    verdict: Status,
    references: Mapping[str, Any],
    pedigree: Pedigree | None,
) -> Record:
    from auditor import __version__

    policy, checks = plan.policy, plan.checks
    status = judging.by_check(verdicts)
    described = tuple(
        {
            "name": m.check,
            "title": check.spec.title,
            "version": m.version,
            "parameters": dict(m.parameters),
            "status": str(status[m.check]),
            "why": m.why,
            "rows": m.rows,
            "findings": m.findings,
            "notes": list(m.measurement.notes) if m.measurement else [],
        }
        for m, check in zip(measured, checks, strict=True)
    )
    done = [m.measurement for m in measured if m.measurement]
    return Record(
        tool={"name": "auditor", "version": __version__},
        dataset={**about(rows), **_registered(pedigree)},
        policy={
            "name": policy.name,
            "digest": policy.digest,
            "required": list(policy.required),
            **({"left_out": list(plan.left_out)} if plan.left_out else {}),
        },
        checks=described,
        metrics={m.name: m for m in metrics(measured)},
        slices=tuple(s for m in done for s in m.slices),
        distributions=tuple(d for m in done for d in m.distributions),
        exhibits=tuple(e for m in done for e in m.exhibits),
        ladder=tuple(one for m in done for one in m.ladder),
        vocabularies=tuple(v for m in done for v in m.vocabularies),
        verdicts=tuple(verdicts),
        verdict=verdict,
        references=references,
        waivers=plan.waivers.described(),
        baseline=_ratchet(plan, rows),
    )


def _ratchet(plan: Plan, rows: Audited) -> dict[str, Any] | None:
    baseline, options = plan.baseline, plan.options
    if baseline is None or options.baseline is None:
        return None
    why = judging.foreign(baseline, rows.name, rows.digest)
    return {"file": options.baseline.name, "dataset": baseline.dataset.get("name"), "why": why}


def metrics(measured: Sequence[Measured]) -> list[Metric]:
    return [metric for m in measured if m.measurement for metric in m.measurement.metrics]


def _registered(pedigree: Pedigree | None) -> dict[str, Any]:
    """Which version of which card the rows are, and who made them; nothing for data that nobody registered."""
    if pedigree is None:
        return {}
    lineage = pedigree.version.lineage
    return {
        "version": pedigree.card.ref(pedigree.version),
        "lineage": {
            "kind": pedigree.card.kind,
            "technique": lineage.technique,
            "generators": [str(generator.model) for generator in lineage.generators],
            "prompts": [f"{prompt.name} {prompt.digest}" for prompt in lineage.prompts],
            "seeds": [str(source) for source in lineage.seeds],
            "parents": [str(source) for source in lineage.parents],
            "judges": [str(judge) for judge in lineage.judges],
        },
    }


def about(rows: Audited) -> dict[str, Any]:
    return {
        "name": rows.name,
        "rows": rows.rows,
        "format": rows.format,
        "digest": rows.digest,
        "files": [Path(file).name for file in rows.files],
        "shapes": dict(rows.shapes),
        "fields": dict(rows.fields),
        "by": list(rows.by),
        "quarantine": {
            "count": rows.quarantine.count,
            "reasons": dict(rows.quarantine.reasons),
            "examples": [dict(example) for example in rows.quarantine.examples],
        },
        "notes": list(rows.notes),
    }


def policy(options: Options, workspace: Workspace) -> policies.Policy:
    """The bounds that an audit with these options is judged by. Raises ConfigError."""
    known = list(checking.registered())
    if not isinstance(options.policy, str | os.PathLike | None):
        raise ConfigError(
            "a policy is a name or a file", seen=type(options.policy).__name__, wanted="'default', or a path to YAML"
        )
    wanted = os.fspath(options.policy or "default")
    return policies.load(wanted, workspace.expectations, _known_metrics(), known, workspace.root)


def _known_metrics() -> list[str]:
    checks = checking.registered().values()
    return [cls.spec.metric(measure.name) for cls in checks for measure in cls.spec.measures]


def waivers(options: Options, workspace: Workspace) -> judging.Waivers:
    """Those that an audit with these options may use. Raises ConfigError."""
    path = options.waivers or workspace.root / "waivers.yaml"
    if options.waivers is None and not path.exists():
        return judging.Waivers()
    if options.waivers is None:
        places.kept(path, workspace.root)
    return judging.load_waivers(path, list(checking.registered()), _known_metrics())


def _half_of_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total) // 2
