"""`register`, top to bottom: read, who made it, DVC, the card, the trackers."""

from __future__ import annotations

from dataclasses import replace

from auditor import readers
from auditor.auditing import Progress, Silent
from auditor.core.secrets import veiled
from auditor.model.card import Card, Registered
from auditor.registration import entries, keeping, publishing, reading
from auditor.registration.provenance import provenance
from auditor.registration.request import Registration, Request
from auditor.registration.sources import Lookup
from auditor.registry import cards, index, plain
from auditor.registry.versions import is_url
from auditor.registry.workspace import Workspace

LOCK = "registry"
"""Lock of the workspace under which cards are read and written."""


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
    path, shown = reading.located(request.path, workspace)
    with progress.stage("read") as advance:
        rows, content = reading.read(request, path, shown, mapping, workspace, advance)
    lookup = Lookup(
        workspace,
        lambda file: readers.open(file, cache=workspace.cache, processes=request.threads),
        request.named,
    )
    with progress.stage("lineage"):
        # No password of an address, and no key of an interface, gets onto a card: cards are in git for ever.
        lineage = plain.lineage(veiled(plain.of_lineage(provenance(request, before, rows, content, lookup))))

    with workspace.lock(LOCK):
        before = _card(request.name, workspace)
        card = entries.facts(request, before, lineage)
        known = entries.known(request, before, rows, content, lineage)
        if known is None:
            known = entries.following(request, card, rows, lineage, shown, lookup.notes)
        created = card.version(known.version) is None
        if dry_run:
            return Registration(entries.entered(card, known), known, created, tuple(lookup.notes))
        with progress.stage("dvc"):
            known = replace(known, dvc=keeping.kept(known, content, path, workspace, lookup.notes))
        card = entries.entered(card, known)
        if created:
            publishing.owe(card.ref(known), workspace)
        if card != before:
            cards.save(card, workspace)
    if created:
        _relatives(card, known, workspace, lookup.notes)
    if track or uri or publishing.pending(card.ref(known), workspace).exists():
        with progress.stage("track"):
            publishing.announce(card, known, rows, workspace, track=track, uri=uri)
    pushed = None
    if push:
        with progress.stage("push"):
            pushed = keeping.pushed(known, path, workspace, lookup.notes)
    return Registration(card, known, created, tuple(lookup.notes), pushed)


def _card(name: str, workspace: Workspace) -> Card | None:
    return cards.load(name, workspace) if cards.path(name, workspace).is_file() else None


def _relatives(card: Card, version: Registered, workspace: Workspace, notes: list[str]) -> None:
    others = [ref for ref in index.by_digest(version.digest, workspace) if ref.rpartition("@")[0] != card.name]
    if others:
        notes.append(f"the same rows are registered as {', '.join(others[:5])}")
    if (workspace.root / ".git" / "MERGE_HEAD").exists():
        notes.append("git is in the middle of a merge: commit the card with it, or after it")
