"""What becomes of a version or a model after it was registered: judged, trained on, withdrawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

from auditor import trackers
from auditor.model.card import Card, Judged, Model, ModelCard, Registered, Revision, Standing, Withdrawal
from auditor.registration.registering import LOCK
from auditor.registry import cards, index, models
from auditor.registry.workspace import Workspace


def record_verdict(ref: str, judged: Judged, status: Standing | None, workspace: Workspace) -> Card:
    """Write a verdict on the card of `NAME@VERSION`, and what the version is from now on; None: as it was.

    A version that becomes current supersedes the one that was. Where the current one is rejected, the
    newest before it that was current once is so again.

    Raises ConfigError where there is no such version.
    """
    with workspace.lock(LOCK):
        card, entry = index.find(ref, workspace)
        judged_one = replace(entry, verdict=judged, status=status or entry.status)
        if judged_one.status == "current" and entry.status != "current":
            before = card.current
            judged_one = replace(judged_one, supersedes=before.version if before else entry.supersedes)
        versions = [_after(version, judged_one) for version in card.versions]
        if entry.status == "current" and judged_one.status == "rejected":
            versions = _restored(versions, entry.version)
        after = replace(card, versions=tuple(versions))
        if after != card:
            cards.save(after, workspace)
    return after


def _after(version: Registered, judged: Registered) -> Registered:
    if version.version == judged.version:
        return judged
    if judged.status == "current" and version.status == "current":
        return replace(version, status="superseded")
    return version


def _restored(versions: list[Registered], rejected: int) -> list[Registered]:
    earlier = [one for one in versions if one.version < rejected and one.status == "superseded"]
    return [replace(one, status="current") if earlier and one is earlier[-1] else one for one in versions]


def withdraw(model: Model, why: str, workspace: Workspace) -> ModelCard:
    """Say that a model must not be used any more, from today; without a revision, none of them. Withdrawn
    once, its first date stands."""
    today = dt.datetime.now(dt.UTC).date()

    def mark(revision: Revision) -> Revision:
        since = revision.withdrawn.date if revision.withdrawn else today
        return replace(revision, withdrawn=Withdrawal(since, why))

    return _changed(model, mark, workspace)


def trained(
    model: Model, on: Sequence[str], workspace: Workspace, *, base: Model | None = None
) -> tuple[ModelCard, tuple[str, ...]]:
    """Say which datasets a model was trained on (`NAME[@VERSION]`, current where no version is given) and
    what it was tuned from. Said twice, it is said once.

    Returns the model's card and the versions. Raises ConfigError where a dataset is not registered.
    """
    found = [(card, entry) for card, entry in (index.find(ref, workspace) for ref in on)]
    refs = tuple(dict.fromkeys(card.ref(entry) for card, entry in found))

    def mark(revision: Revision) -> Revision:
        together = tuple(dict.fromkeys((*revision.trained_on, *refs)))
        return replace(revision, trained_on=together, base=base or revision.base)

    return _changed(model, mark, workspace), refs


def trained_in_mlflow(workspace: Workspace, uri: str | None = None) -> list[tuple[Model, tuple[str, ...]]]:
    """Record the models of MLflow runs that logged a registered dataset to train on; returns what was found.

    Datasets are known by the digest of their rows. uri: None is the workspace's.
    """
    found: dict[Model, list[str]] = {}
    for name, version, digest in trackers.trained_models(workspace, uri or workspace.tracking_uri):
        refs = index.by_digest(digest, workspace)
        if refs:
            found.setdefault(Model(name, version), []).append(refs[-1])
    return [(model, trained(model, refs, workspace)[1]) for model, refs in found.items()]


def _changed(model: Model, change: Callable[[Revision], Revision], workspace: Workspace) -> ModelCard:
    with workspace.lock(LOCK):
        card = models.load(model.name, workspace) or ModelCard(model.name)
        before = next((one for one in card.revisions if one.revision == model.revision), None)
        after = change(before or Revision(model.revision))
        others = [after if one is before else one for one in card.revisions]
        changed = replace(card, revisions=tuple(others if before else (*others, after)))
        if changed != card:
            models.save(changed, workspace)
    return changed


def touched(model: Model, workspace: Workspace) -> list[str]:
    """`NAME@VERSION` of every registered version that a model had a part in, through any depth and
    through others with the same rows, in order."""
    graph = index.graph(workspace)
    starts = [
        node.id
        for node in graph.nodes.values()
        if node.kind == "model" and node.name == model.name and model.revision in (None, node.version)
    ]
    found = {node for start in starts for node in graph.downstream(start, twins=True)}
    return [str(graph.nodes[node]) for node in sorted(found) if graph.nodes[node].kind == "dataset"]
