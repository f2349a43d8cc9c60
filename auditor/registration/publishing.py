"""A registered version told to the trackers: an event of lineage once, a run in MLflow whenever asked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor import reports, trackers
from auditor.files import write_text
from auditor.model.card import Card, Registered
from auditor.model.graph import Graph
from auditor.model.rows import Dataset
from auditor.readers.columns import columns
from auditor.registry import index
from auditor.registry.versions import in_place, is_url, place
from auditor.registry.workspace import Workspace
from auditor.trackers import openlineage

DEPTH = 8
"""Steps of lineage on the page in MLflow: a whole company's graph is not read on one page."""


def pending(ref: str, workspace: Workspace) -> Path:
    """Stands while a version is on its card and the trackers have not been told."""
    return workspace.home / "pending" / ref


def owe(ref: str, workspace: Workspace) -> None:
    """Before the version is on its card: the trackers are to be told, by the next call if not by this one."""
    pending(ref, workspace).parent.mkdir(exist_ok=True)
    write_text(pending(ref, workspace), "")


def announce(
    card: Card, version: Registered, rows: Dataset, workspace: Workspace, *, track: bool, uri: str | None
) -> None:
    owed = pending(card.ref(version), workspace)
    if owed.exists():
        graph = index.graph(workspace)
        trackers.tell([openlineage.registration_event(card, version, graph, fields=rows.schema)], workspace)
        owed.unlink(missing_ok=True)
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
