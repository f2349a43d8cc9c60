"""The straight line from a file to a verdict; the only module that knows everybody.

read -> canonical rows -> annotate -> measure -> locate -> judge -> record -> publish and report

The second half, from `locate` on, is `concluding`, which verdicts of judges go through as well.
"""

from __future__ import annotations

import datetime as dt
import glob
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor import annotators, concluding, judging, readers, registry, reports, trackers
from auditor.annotators import embedders
from auditor.annotators.space import Spaces
from auditor.concluding import Clock, Options, Progress, Report, Silent, about, metrics, select, settled
from auditor.core import measure as measuring
from auditor.core.check import Context, Engine, Suits
from auditor.core.content.space import Embedder
from auditor.core.lineage.history import History
from auditor.core.measure import Advance
from auditor.core.state import StateStore
from auditor.model.card import Card
from auditor.model.errors import AuditorError, ConfigError, InputError, suggest
from auditor.model.pedigree import Pedigree
from auditor.model.result import Record
from auditor.model.rows import Dataset
from auditor.model.verdicts import Verdicts
from auditor.readers import accept
from auditor.registry import cards
from auditor.registry.versions import Version, is_registered, is_url
from auditor.registry.workspace import Workspace

__all__ = [
    "Options",
    "Progress",
    "Report",
    "Silent",
    "audit",
    "history",
    "loaded",
    "prepared",
    "read",
    "record_of",
    "reference",
    "resolved",
    "run",
    "select",
    "settled",
    "stored",
]


def audit(source: Any, real: Any = None, *, progress: Progress | None = None, **options: Any) -> Report:
    """Audit a dataset and return its report; the files are in `.auditor/audits/NAME/` (see `registry.folder`).

    source, real: a path, glob, folder or URL; or a pyarrow Table, a pandas or polars frame, a
    `datasets.Dataset`, or an iterable of dicts. options: fields of `Options`.

    Raises AuditorError (see `auditor.model.errors`) where the input or the configuration is wrong.
    A failed gate is not an exception: see `Report.verdict`.
    """
    for name in ("only", "skip", "by", "verdicts"):
        if isinstance(options.get(name), str | os.PathLike):
            options[name] = (os.fspath(options[name]),)
    unknown = set(options) - set(Options.__dataclass_fields__)
    if unknown:
        name = min(unknown)
        raise ConfigError(f"audit() has no option {name!r}", hint=suggest(name, Options.__dataclass_fields__))
    return run(source, Options(**options), real=real, workspace=Workspace.find(), progress=progress or Silent())


def run(source: Any, options: Options, *, real: Any, workspace: Workspace, progress: Progress) -> Report:
    """The straight line. real: None is the reference on the card of a registered version."""
    plan = concluding.plan(options, workspace, progress)
    options, checks, engine, clock = plan.options, plan.checks, plan.engine, plan.clock
    embedder = loaded(options, workspace)

    with workspace.lock(), tempfile.TemporaryDirectory(dir=workspace.scratch) as scratch:
        version = resolved(source, workspace)
        card = version.card if version and real is None else None
        registered = reference(card, workspace) if card is not None else None
        real = registered or real
        if options.gaps is not None and real is None:
            raise ConfigError("gaps are told against real data", wanted="--real FILE beside --gaps FILE")
        rows = prepared(version or source, options, workspace, engine, checks, clock)
        pedigree = _pedigree(version, rows, options, workspace)
        if pedigree and not options.name:
            rows = replace(rows, name=pedigree.card.name)
        references = {}
        if real is not None:
            # A reference is measured as a whole: it need not have the attribution columns of the audited rows. A file
            # that a card names is of the card's own fields; what is registered has a mapping of its own.
            own = card.mapping if card is not None and registered is not None and registered.card is None else {}
            whole = replace(options, by=(), name=None, verdicts=(), mapping={**own, **options.mapping})
            references["real"] = prepared(real, whole, workspace, engine, checks, clock, role=" real")
            rows = replace(rows, notes=(*rows.notes, *_unlike(rows, references["real"])))
        context = Context(
            references,
            workspace.expectations,
            Path(scratch),
            options.memory,
            pedigree=pedigree,
            cache=workspace.cache / "traces",
            space=Spaces(embedder, workspace.cache, engine, clock.stage),
            sizes=plan.policy.sizes,
            history=_before(pedigree, rows, workspace) if pedigree else None,
        )
        for check in checks:
            if isinstance(check, Suits):
                check.suits(rows, context)
        store = StateStore(workspace.cache / "states")
        measured = measuring.measure(checks, rows, context, engine, store=store, stage=clock.stage)
        beside = {role: _beside(checks, other, context, engine, store, clock) for role, other in references.items()}
        which = _which(version, registered)
        if (bought := embedders.bought(embedder)) is not None:  # locating may buy more before the record is written
            which["embedder"] = bought
        report = concluding.conclude(plan, rows, measured, context, beside=beside, which=which)

    concluding.publish(plan, report)
    if pedigree is not None:
        _tell(report, pedigree, workspace)
    return report


def loaded(options: Options, workspace: Workspace) -> Embedder:
    """The embedder of settled options. Raises ConfigError, pointing into `auditor.yaml` where that named it."""
    name = options.embedder or embedders.DEFAULT
    try:
        return embedders.load(name, workspace.answers, workspace.cache)
    except ConfigError as error:
        if name == workspace.embedder and error.file is None:
            raise workspace.settings.refused("embedder", error) from error
        raise


def read(source: Any, options: Options, workspace: Workspace, advance: Advance = lambda done, total: None) -> Dataset:
    """Canonical rows of anything that `audit` takes, or of a version that was resolved."""
    version = source if isinstance(source, Version) else resolved(source, workspace)
    if version is not None:
        return readers.open(
            version.source,
            cache=workspace.cache,
            mapping={**(version.card.mapping if version.card else {}), **options.mapping},
            max_bad_rows=options.max_bad_rows,
            processes=options.threads,
            name=options.name or version.name,
            progress=advance,
        )
    return readers.open_records(
        source,
        cache=workspace.cache,
        name=options.name or "data",
        mapping=options.mapping,
        max_bad_rows=options.max_bad_rows,
    )


def resolved(source: Any, workspace: Workspace) -> Version | None:
    """What a name or a path means; None for Python objects."""
    if isinstance(source, Version):
        return source
    return registry.resolve(os.fspath(source), workspace) if isinstance(source, str | os.PathLike) else None


def _unlike(rows: Dataset, real: Dataset) -> Iterator[str]:
    """What makes a comparison with this real data mean less than it seems."""
    if rows.digest == real.digest:
        yield "the real data is the very data that is audited: whatever is compared is equal"
    for column in ("prompt", "response"):
        mine, theirs = (any(part.column(column).null_count < len(part) for part in side) for side in (rows, real))
        if mine != theirs:
            where, other = ("the data has", "the real data") if mine else ("the real data has", "the data")
            yield f"{where} a {column} and {other} has none: compare what both have with --set CHECK.scope=…"


def reference(card: Card, workspace: Workspace) -> Version | None:
    """The real data that a card says its dataset is compared with: what is registered, a URL, or files of the
    workspace. Raises ConfigError for a path out of it, InputError where the data is not at hand."""
    said = card.real
    if said is None:
        return None
    if is_url(said) or is_registered(said, workspace):
        return registry.resolve(said, workspace)
    found = cards.confined(said, workspace, card.name, "real")
    if glob.has_magic(said) and not found.exists():
        for match in glob.iglob(str(found), recursive=True):  # noqa: PTH207  any root
            cards.confined(match, workspace, card.name, "real")
    return registry.resolve(str(found), workspace)


def _which(version: Version | None, real: Version | None) -> dict[str, Any]:
    """Which rows of a registered version these are: an audit reads those that were registered, a gate what lies
    in their place. real: what its card has them compared with."""
    if version is None or version.entry is None:
        return {}
    told = {"rows": "as registered" if version.registered else f"in their place, {version.entry.path}"}
    if real is not None:
        told["real"] = real.card.ref(real.entry) if real.card and real.entry else real.name
    return told


def _pedigree(version: Version | None, rows: Dataset, options: Options, workspace: Workspace) -> Pedigree | None:
    """What is known of the registered version that the rows are."""
    known = registry.whose(version, rows.digest, workspace)
    if known is None:
        return None
    card, entry = known

    def other(ref: str) -> Dataset | None:
        try:
            return read(ref, replace(options, mapping={}, name=None), workspace)
        except AuditorError:
            return None

    again = version is not None and registry.reread(entry, rows.digest, readers.VERSION, version.source, workspace)
    today = dt.datetime.now(dt.UTC).date()
    return registry.pedigree(card, entry, workspace, today, other, reader=readers.VERSION, reread=again)


def _tell(report: Report, pedigree: Pedigree, workspace: Workspace) -> None:
    """The audit of a registered version as an OpenLineage event."""
    from auditor.trackers import openlineage

    event = openlineage.audit_event(report.record, pedigree.card, pedigree.version, fields=report.fields)
    trackers.tell([event], workspace, url=workspace.openlineage_url)


def stored(name: str, digest: str, ref: str | None, workspace: Workspace) -> Record | None:
    """The stored audit of these rows, of all checks where there is such a one, else of the most; None where there is
    none that can be read, and was not made when they lay in the place of another version than `ref`."""
    partial = None
    for path in registry.stored(name, digest, workspace):
        try:
            record = reports.from_json(registry.load(path))
        except (ConfigError, InputError):
            continue
        if ref is None or record.dataset.get("version", ref) == ref:
            if not record.left_out:
                return record
            partial = record if partial is None or len(record.checks) > len(partial.checks) else partial
    return partial


def history(card: Card, workspace: Workspace, before: int | None = None) -> History:
    """A dataset's versions (all, or those below `before`) with the audits of them that are stored here."""
    versions = tuple(one for one in card.versions if before is None or one.version < before)
    found = {one.version: stored(card.name, one.digest, card.ref(one), workspace) for one in versions}
    return History(replace(card, versions=versions), {version: record for version, record in found.items() if record})


def _before(pedigree: Pedigree, rows: Dataset, workspace: Workspace) -> History:
    """The versions before this one, and what is stored of these very rows."""
    card, version = pedigree.card, pedigree.version
    present = stored(card.name, rows.digest, card.ref(version), workspace)
    return replace(history(card, workspace, before=version.version), present=present)


def record_of(source: str, options: Options, workspace: Workspace) -> Record:
    """The record at `source` where it is one (by its content; or an audit's folder), else of an audit of it."""
    path = Path(source)
    if (path / registry.RECORD).is_file() or (path.suffix == ".json" and path.is_file()):
        content = registry.load(path)
        if path.is_dir() or reports.is_record(content):
            return reports.from_json(content)
    return run(source, options, real=None, workspace=workspace, progress=Silent()).record


def prepared(
    source: Any,
    options: Options,
    workspace: Workspace,
    engine: Engine,
    checks: Sequence[Any],
    clock: Progress,
    role: str = "",
) -> Dataset:
    """Rows read and annotated for these checks, each in a stage of `clock`."""
    with clock.stage(f"read{role}") as advance:
        rows = read(source, options, workspace, advance)
    with clock.stage(f"annotate{role}") as advance:
        wanted = {"surface", "fields", *(a for check in checks for a in check.spec.annotations)}
        language = next((check for check in checks if check.spec.name == "language-mix"), None)
        sample = language.sample if language else annotators.LANGUAGE_SAMPLE
        rows = annotators.annotate(
            rows,
            sorted(wanted),
            cache=workspace.cache,
            engine=engine,
            language_rows=sample,
            progress=advance,
        )
        if options.verdicts:
            rows = annotators.joined(rows, _verdicts(options), workspace.cache)
        return annotators.attribution(rows, options.by)


def _verdicts(options: Options) -> Verdicts:
    """What judges said of the rows."""
    said = judging.open(options.verdicts)
    accept.bearable(said, options.max_bad_rows)
    return said


def _beside(
    checks: Sequence[Any], rows: Dataset, context: Context, engine: Engine, store: StateStore, clock: Clock
) -> dict[str, Any]:
    """The reference measured with the same checks: numbers to hold the audited ones against. The card of the audited
    rows is not its own."""
    alone = replace(context, references={}, history=None, pedigree=None)
    measured = measuring.measure(
        checks, rows, alone, engine, store=store, stage=lambda name: clock.stage(f"{name} real")
    )
    return {"dataset": about(rows), "metrics": {m.name: m for m in metrics(measured)}}
