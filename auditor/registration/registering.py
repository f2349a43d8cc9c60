"""`register`, top to bottom: read, who made it, DVC, the card, the trackers."""

from __future__ import annotations

import datetime as dt
import glob
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor import readers, reports, trackers
from auditor.auditing import Progress, Silent
from auditor.core import objects
from auditor.core.places import OUTSIDE
from auditor.core.secrets import nameless, veiled
from auditor.engines.local import Local
from auditor.files import write_text
from auditor.model.card import Card, Kind, Lineage, Refresh, Registered, Source, Standing, Tracked
from auditor.model.errors import AuditorError, ConfigError, InputError, UnreadableFile
from auditor.model.graph import Graph
from auditor.model.rows import Dataset
from auditor.readers.columns import columns
from auditor.registration import makers
from auditor.registration.differences import differences
from auditor.registration.sources import Lookup
from auditor.registry import cards, index, plain
from auditor.registry.versions import in_place, is_url, place
from auditor.registry.workspace import Workspace
from auditor.trackers import openlineage
from auditor.trackers.dvc import Dvc

LOCK = "registry"
"""Lock of the workspace under which cards are read and written."""

ATTEMPTS = 5
"""Times that a file which is touched while it is read is read again; what is read once is remembered."""

DEPTH = 8
"""Steps of lineage on the page in MLflow: a whole company's graph is not read on one page."""

_BY_PEOPLE = ("human", "collected")


@dataclass(frozen=True, slots=True)
class Request:
    """What `register` is asked for. None, or an empty mapping, leaves what the card says already.

    path: file or folder, or a URL; the caller's, or relative to the workspace. named_in: the card file that
    gives the path, which then leads nowhere out of the workspace. lineage: as declared: a `Source` may have only
    `file` (a path or a name), a `Prompt` only `file`; None is that of the current version. like: `NAME@VERSION`
    whose lineage holds where `lineage` says nothing. named: sources that a file of another tool names -> that
    file, for errors. status: "candidate" for a version that a gate has yet to
    judge, which supersedes
    nothing so far. again: rows of an older version become a new one (a step back). remade: the rows were
    made anew from the lineage given: the same ones with another lineage are a new version, not a
    contradiction. by_row: take what rows say of their makers. dvc: version the bytes.
    """

    name: str
    path: str
    lineage: Lineage | None = None
    kind: Kind | None = None
    owner: str | None = None
    purpose: str | None = None
    licence: str | None = None
    terms: str | None = None
    description: str | None = None
    stage: str | None = None
    real: str | None = None
    policy: str | None = None
    refresh: Refresh = field(default_factory=Refresh)
    mapping: Mapping[str, str] = field(default_factory=dict)
    status: Standing = "current"
    why: str = ""
    again: bool = False
    remade: bool = False
    by_row: bool = True
    dvc: bool = True
    max_bad_rows: str | None = None
    threads: int = 0
    like: str | None = None
    named_in: Path | None = None
    named: Mapping[Source, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registration:
    """created: False where the version was registered already. notes: what the user should know. pushed:
    whether the bytes are at the DVC remote; None where that was not asked for."""

    card: Card
    version: Registered
    created: bool
    notes: tuple[str, ...] = ()
    pushed: bool | None = None

    @property
    def ref(self) -> str:
        return self.card.ref(self.version)


def register(
    request: Request,
    workspace: Workspace,
    progress: Progress | None = None,
    *,
    push: bool = False,
    track: bool = False,
    uri: str | None = None,
    dry_run: bool = False,
) -> Registration:
    """Register a version of a dataset; the same rows with the same lineage are registered once.

    Interrupted at any point, the card is whole, and the same call again completes it. track: also as a
    run in MLflow, at `uri` or where the workspace has it. dry_run: say what would be, write nothing
    but caches.

    Raises AuditorError where the data cannot be read, a source is unknown, the card is broken, or the
    rows are registered with another lineage. What DVC or a tracker refuses is a note.
    """
    progress = progress or Silent()
    cards.path(request.name, workspace)
    before = _card(request.name, workspace)
    mapping = {**(before.mapping if before else {}), **request.mapping}
    if request.named_in is not None and not is_url(request.path):
        cards.inside(request.path, workspace, request.named_in, "path")
    path, shown = _located(request.path, workspace)
    with progress.stage("read") as advance:
        rows, content = _read(request, path, shown, mapping, workspace, advance)
    lookup = Lookup(
        workspace,
        lambda file: readers.open(file, cache=workspace.cache, processes=request.threads),
        request.named,
    )
    with progress.stage("lineage"):
        # No password of an address, and no key of an interface, gets onto a card: cards are in git for ever.
        lineage = plain.lineage(veiled(plain.of_lineage(_lineage(request, before, rows, content, lookup))))

    with workspace.lock(LOCK):
        before = _card(request.name, workspace)
        card = _facts(request, before, lineage)
        known = _known(request, before, rows, content, lineage)
        if known is None:
            known = _next(request, card, rows, lineage, shown, lookup.notes)
        created = card.version(known.version) is None
        if dry_run:
            return Registration(_with(card, known), known, created, tuple(lookup.notes))
        with progress.stage("dvc"):
            known = replace(known, dvc=_versioned(known, content, path, workspace, lookup.notes))
        card = _with(card, known)
        if created:
            _pending(card.ref(known), workspace).parent.mkdir(exist_ok=True)
            write_text(_pending(card.ref(known), workspace), "")
        if card != before:
            cards.save(card, workspace)
    if created:
        _relatives(card, known, workspace, lookup.notes)
    if track or uri or _pending(card.ref(known), workspace).exists():
        with progress.stage("track"):
            _announce(card, known, rows, workspace, track=track, uri=uri)
    pushed = None
    if push:
        with progress.stage("push"):
            pushed = _push(known, path, workspace, lookup.notes)
    return Registration(card, known, created, tuple(lookup.notes), pushed)


def _card(name: str, workspace: Workspace) -> Card | None:
    return cards.load(name, workspace) if cards.path(name, workspace).is_file() else None


def _located(given: str, workspace: Workspace) -> tuple[Path | None, str]:
    """(path on this machine or None for a URL, path as the card has it)."""
    if is_url(given):
        return None, nameless(given)
    if given == "-":
        raise ConfigError("standard input cannot be registered", hint="write it to a file of the workspace first")
    here = Path(given)
    path = Path(os.path.abspath(here if here.exists() else workspace.root / given))  # noqa: PTH100  links stay
    if path.exists():
        return path, os.path.relpath(path, workspace.root).replace(os.sep, "/")
    if glob.has_magic(given):
        raise ConfigError("a pattern cannot be registered", seen=given[:200], hint="register the folder")
    raise UnreadableFile(f"no such file {given[:200]!r}", hint=f"paths may be relative to {workspace.root}")


def _read(
    request: Request,
    path: Path | None,
    shown: str,
    mapping: Mapping[str, str],
    workspace: Workspace,
    advance: Callable[[int, int], None],
) -> tuple[Dataset, objects.Content | None]:
    """The rows, and beside them DVC's hash of the very bytes that they were read from.

    Read again where the file's times moved meanwhile: another process that registers it lets DVC lay it anew.
    """
    for _ in range(ATTEMPTS):
        stamp = _stamp(path)
        with ThreadPoolExecutor(1) as beside:
            hashed = beside.submit(objects.content, path) if path is not None and request.dvc else None
            try:
                rows = readers.open(
                    request.path if path is None else path,
                    cache=workspace.cache,
                    mapping=mapping,
                    max_bad_rows=request.max_bad_rows or workspace.max_bad_rows,
                    processes=request.threads,
                    name=request.name,
                    progress=advance,
                )
                content = hashed.result() if hashed else None
            except (OSError, InputError):
                if _stamp(path) == stamp:
                    raise
                continue
        if _stamp(path) == stamp:
            return rows, content
    raise _changed(shown)


def _stamp(path: Path | None) -> Any:
    """What changes when a file does, or any file of a folder."""
    if path is None:
        return None
    files = [path] if not path.is_dir() else sorted(Path(at, name) for at, _, names in os.walk(path) for name in names)
    stats = [(str(file), file.stat()) for file in files if file.exists()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _lineage(
    request: Request, before: Card | None, rows: Dataset, content: objects.Content | None, lookup: Lookup
) -> Lineage:
    last = (before.current or before.versions[-1]) if before and before.versions else None
    if request.like is None and request.lineage is None and last is not None and _same(last, rows, content):
        return last.lineage
    if request.like is not None:
        _, model = index.find(request.like, lookup.workspace)
        declared = over(request.lineage, _carried(model, rows, lookup, f"what was not given is that of {request.like}"))
    else:
        declared = request.lineage or Lineage()
        if request.lineage is None and last is not None:
            note = f"lineage is that of version {last.version}: nothing else was given"
            declared = _carried(last, rows, lookup, note)
    found, notes = makers.by_row(
        lookup.lineage(declared),
        rows,
        Local(request.threads),
        lookup.workspace.cache,
        unasked=request.by_row,
    )
    lookup.notes.extend(notes)
    return found


def over(lineage: Lineage | None, base: Lineage) -> Lineage:
    """`base` with what `lineage` says in its place, fact by fact."""
    said = {name: getattr(lineage, name) for name in Lineage.__dataclass_fields__} if lineage else {}
    return replace(base, **{name: value for name, value in said.items() if value})


def _carried(last: Registered, rows: Dataset, lookup: Lookup, note: str) -> Lineage:
    """The lineage of another version, for one of which less is said: prompts as they are
    now, and of what only rows named nothing, since these are other rows."""
    lookup.notes.append(note)
    old = last.lineage
    named = {fact for fact, name in old.columns.items() if name in rows.fields}
    return replace(
        old,
        generators=tuple(
            replace(generator, rows=None)
            for generator in old.generators
            if generator.rows is None or generator.model.revision or "generator" not in named
        ),
        prompts=tuple(
            replace(prompt, rows=None, digest="" if prompt.file else prompt.digest)
            for prompt in old.prompts
            if prompt.rows is None or prompt.file or "prompt" not in named
        ),
        columns={fact: name for fact, name in old.columns.items() if fact in named},
    )


def _facts(request: Request, before: Card | None, lineage: Lineage) -> Card:
    """The card with the facts of the request put in."""
    kind = request.kind or (before.kind if before else _kind(lineage))
    card = before or Card(request.name, kind)
    given = veiled({fact: getattr(request, fact) for fact in plain.FACTS if getattr(request, fact)})
    refresh = Refresh(request.refresh.expires or card.refresh.expires, request.refresh.every or card.refresh.every)
    mapping = {**card.mapping, **request.mapping}
    return replace(card, kind=kind, refresh=refresh, mapping=mapping, **given)


def _kind(lineage: Lineage) -> Kind:
    if lineage.generators:
        return "synthetic"
    if lineage.technique in _BY_PEOPLE:
        return "real"
    raise ConfigError(
        "is the data synthetic or real?",
        wanted="--kind synthetic, real, mixed or eval",
        hint="or name what made it: --generator MODEL@REVISION, --technique human",
    )


def _same(version: Registered, rows: Dataset, content: objects.Content | None) -> bool:
    """Whether these are the version's rows: by their digest, or by their bytes where another reader read them then."""
    bytes_ = version.dvc is not None and content is not None and version.dvc.md5 == content.md5
    return version.digest == rows.digest or (bytes_ and version.reader != readers.VERSION)


def _known(
    request: Request, before: Card | None, rows: Dataset, content: objects.Content | None, lineage: Lineage
) -> Registered | None:
    """The version that these rows are already; None where they are new."""
    same = [version for version in before.versions if _same(version, rows, content)] if before else []
    if not same or before is None:
        return None
    newest = same[-1]
    for version in reversed(same):
        if not list(differences(version.lineage, lineage)):
            stands = version.status in ("current", "candidate") or version is before.versions[-1]
            return version if stands or not request.again else None
    if request.remade or (request.again and newest.status in ("superseded", "rejected")):
        return None
    raise ConfigError(
        f"these rows are registered as {before.ref(newest)} with another lineage",
        seen="; ".join(f"{name}: {old} -> {new}" for name, old, new in differences(newest.lineage, lineage)),
        wanted="the same lineage, or other rows",
        hint=f"lineage is recorded once: where it is wrong, mend it in datasets/{before.name}.yaml",
    )


def _next(request: Request, card: Card, rows: Dataset, lineage: Lineage, shown: str, notes: list[str]) -> Registered:
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    last = card.versions[-1] if card.versions else None
    if last is not None and last.date > now:
        notes.append(f"the clock says {now.isoformat()}, before version {last.version} was registered: is it right?")
    current = card.current
    return Registered(
        version=last.version + 1 if last else 1,
        date=now,
        path=shown,
        digest=rows.digest,
        rows=rows.rows,
        lineage=lineage,
        supersedes=current.version if current else None,
        status=request.status,
        why=request.why,
        reader=readers.VERSION,
    )


def _with(card: Card, version: Registered) -> Card:
    """The card with the version in it: a new one that is current supersedes the one that was."""
    others = [one for one in card.versions if one.version != version.version]
    if version.status == "current":
        others = [replace(one, status="superseded") if one.status == "current" else one for one in others]
    return replace(card, versions=tuple(sorted((*others, version), key=lambda one: one.version)))


def _versioned(
    version: Registered, content: objects.Content | None, path: Path | None, workspace: Workspace, notes: list[str]
) -> Tracked | None:
    """Where DVC keeps the bytes. What it refuses is told and not fatal: the next registration tries again.

    content: the bytes whose rows were read; None where they shall not be kept.
    """
    if version.dvc is not None and content is not None and content.md5 != version.dvc.md5:
        notes.append(f"the rows are those of version {version.version} in other bytes: DVC keeps the first ones")
    if version.dvc is not None or path is None or content is None:
        return version.dvc
    if not path.is_relative_to(workspace.root):
        notes.append("DVC does not keep it: the data lies outside the workspace")
        notes.append(f"its card is read again only where {OUTSIDE} names a folder that it lies in")
        return None
    dvc = Dvc(workspace.root)
    try:
        tracked = dvc.add(path)
    except (AuditorError, OSError) as error:
        if "already tracked by SCM" in str(error):  # DVC's words
            notes.append("git keeps the bytes, so DVC does not")
            return None
        said = "; ".join(line.strip() for line in str(error).splitlines()).rstrip(".")
        notes.append(f"DVC does not keep it yet: {said}. Register it again to try again")
        return None
    if tracked.md5 != content.md5:
        raise _changed(version.path)
    if not dvc.holds(tracked):
        notes.append(f"{tracked.file} makes it, and DVC's cache does not have these bytes: dvc commit")
    return tracked


def _changed(path: str) -> InputError:
    return InputError("the data changed while it was registered", file=path, hint="run it again")


def _relatives(card: Card, version: Registered, workspace: Workspace, notes: list[str]) -> None:
    others = [ref for ref in index.by_digest(version.digest, workspace) if ref.rpartition("@")[0] != card.name]
    if others:
        notes.append(f"the same rows are registered as {', '.join(others[:5])}")
    if (workspace.root / ".git" / "MERGE_HEAD").exists():
        notes.append("git is in the middle of a merge: commit the card with it, or after it")


def _pending(ref: str, workspace: Workspace) -> Path:
    """Stands while a version is on its card and the trackers have not been told."""
    return workspace.home / "pending" / ref


def _announce(
    card: Card, version: Registered, rows: Dataset, workspace: Workspace, *, track: bool, uri: str | None
) -> None:
    pending = _pending(card.ref(version), workspace)
    if pending.exists():
        graph = index.graph(workspace)
        trackers.tell([openlineage.registration_event(card, version, graph, fields=rows.schema)], workspace)
        pending.unlink(missing_ok=True)
    if track or uri or workspace.tracking_uri:
        publish(card, version, workspace, uri=uri, fields=rows.schema)


def publish(
    card: Card,
    version: Registered,
    workspace: Workspace,
    *,
    uri: str | None = None,
    fields: Mapping[str, str] | None = None,
) -> None:
    """The version as a run in MLflow, as the card has it now: again, it is the same run brought up to date;
    and so is that of the version whose place it took.

    fields: of the records, where they were read. Never raises for MLflow's sake.
    """
    graph = index.graph(workspace)
    before = card.version(version.supersedes) if version.supersedes and version.status == "current" else None
    for one, known in ((version, fields), (before, None)):
        if one is not None:
            _publish(card, one, graph, workspace, uri, known)


def publish_all(workspace: Workspace, uri: str | None = None) -> tuple[int, int]:
    """Every registered version as a run in MLflow, the oldest first, such as of before MLflow was set up. What is
    there already is brought up to date.

    Returns how many were published, and how many not: where one is not taken the others are not tried.
    """
    graph = index.graph(workspace)
    versions = [(card, version) for card in index.cards(workspace).values() for version in card.versions]
    versions.sort(key=lambda one: (one[1].date, one[0].name, one[1].version))
    for done, (card, version) in enumerate(versions):
        if _publish(card, version, graph, workspace, uri) is None:
            return done, len(versions) - done
    return len(versions), 0


def _publish(
    card: Card,
    version: Registered,
    graph: Graph,
    workspace: Workspace,
    uri: str | None,
    seen: Mapping[str, str] | None = None,
) -> str | None:
    node = index.dataset_node(card.ref(version))
    page = reports.lineage(graph, node, "html", depth=DEPTH, dashboards=workspace.dashboards)
    uri = uri or workspace.tracking_uri
    known = fields(card, version, workspace) if seen is None else seen
    return trackers.publish_version(card, version, graph, page=page, uri=uri, workspace=workspace, fields=known)


def fields(card: Card, version: Registered, workspace: Workspace) -> Mapping[str, str]:
    """Top-level fields of a version's records, as `Dataset.schema`; empty where its bytes are not in their place."""
    if is_url(version.path) or not in_place(card, version, workspace):
        return {}
    return columns(place(card, version, workspace))


def _push(version: Registered, path: Path | None, workspace: Workspace, notes: list[str]) -> bool:
    if version.dvc is None or path is None:
        notes.append("there is nothing to push: DVC does not keep it")
        return False
    try:
        Dvc(workspace.root).push([path])
    except AuditorError as error:
        notes.append(f"not pushed: {' '.join(str(error).split())}. Run it again, or dvc push")
        return False
    return True
