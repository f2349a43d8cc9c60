"""Looking at what is registered: its lineage and history, what a cause touched, what lies between two versions.

Nothing here changes anything; rows are read only for a difference.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from auditor import auditing, concluding, registration, registry, reports
from auditor.core.compare import directions
from auditor.core.lineage import impact as impacts
from auditor.core.lineage.difference import Difference, Side, difference
from auditor.core.lineage.history import History
from auditor.core.lineage.impact import Impact
from auditor.model.errors import ConfigError
from auditor.model.graph import Graph
from auditor.registry import cards, index
from auditor.registry.workspace import Workspace
from auditor.reports import exports
from auditor.reports.exports import Subject


def node(ref: str, workspace: Workspace) -> tuple[Graph, str]:
    """The graph, and the node in it that `ref` means: NAME (its current version), NAME@V, a model, a prompt,
    an unregistered file, or a node's id.

    Raises ConfigError for a word that means nothing, or several things.
    """
    graph = index.graph(workspace)
    if not {ref, ref.rpartition("@")[0]}.isdisjoint(cards.names(workspace)):
        card, version = index.find(ref, workspace)
        return graph, index.dataset_node(card.ref(version))
    found = impacts.causes(graph, ref)
    if len(found) > 1:
        named = ", ".join(str(graph.nodes[one]) for one in found[:10])
        raise ConfigError(f"{ref!r} means several things", seen=named, hint="name one of them")
    return graph, found[0]


def lineage(
    ref: str,
    format: str,  # noqa: A002  the command line's word
    workspace: Workspace,
    *,
    upstream: bool = True,
    downstream: bool = True,
    depth: int | None = None,
    color: bool = False,
) -> str:
    """What `ref` was made from and what came of it, drawn (see `reports.lineage`)."""
    graph, start = node(ref, workspace)
    return reports.lineage(
        graph,
        start,
        format,
        upstream=upstream,
        downstream=downstream,
        depth=depth,
        color=color,
        dashboards=workspace.dashboards,
    )


def impact(text: str, workspace: Workspace) -> Impact:
    """What a model, a prompt or a seed touched. text: as for `core.lineage.impact.causes`; or a file, of a prompt
    (as it is now, or as a card names it) or of a registered dataset; or `PROMPT@VERSION` of a prompt registry.

    Raises ConfigError where nothing is called so.
    """
    graph = index.graph(workspace)
    found = _by_file(text, graph, workspace)
    return impacts.impact(graph, found or impacts.causes(graph, text))


def _by_file(text: str, graph: Graph, workspace: Workspace) -> list[str]:
    """Nodes that a path means, or a prompt by its version; the cards are read only where no node is called so."""
    if graph.find(text):
        return []
    found = set()
    path = Path(text)
    if os.path.isfile(text):  # noqa: PTH113  false, never an error, for a name too long to be a file's
        with path.open("rb") as content:
            digest = "sha256:" + hashlib.file_digest(content, "sha256").hexdigest()
        found |= {node.id for node in graph.nodes.values() if node.kind == "prompt" and node.digest == digest}
    place = _place(path, workspace)
    for card in index.cards(workspace).values():
        for version in card.versions:
            if version.path in (text, place):
                found.add(index.dataset_node(card.ref(version)))
            for prompt in version.lineage.prompts:
                if text in (prompt.file, f"{prompt.name}@{prompt.version}") or place == prompt.file:
                    found.add(index.prompt_node(prompt))
    return sorted(found & graph.nodes.keys())


def _place(path: Path, workspace: Workspace) -> str | None:
    """A path as cards have it: relative to the workspace."""
    try:
        return path.resolve().relative_to(workspace.root.resolve()).as_posix()
    except (ValueError, OSError):
        return None


def history(name: str, workspace: Workspace) -> History:
    """A dataset's versions with the audits of them that are stored here. Raises ConfigError for an unknown name."""
    return auditing.history(cards.load(name, workspace), workspace)


def compared(left: str, right: str, workspace: Workspace) -> Difference:
    """What lies between two versions, `NAME@V` or paths, or one of each.

    Raises ConfigError or InputError where one of them cannot be read.
    """
    options = auditing.settled(auditing.Options(), workspace)
    worse = directions(concluding.policy(options, workspace))
    return difference(_side(left, workspace), _side(right, workspace), worse)


def _side(ref: str, workspace: Workspace) -> Side:
    version = registry.resolve(ref, workspace)
    rows = auditing.read(version, auditing.Options(), workspace)
    of = version.card.ref(version.entry) if version.card and version.entry else None
    record = auditing.stored(rows.name, rows.digest, of, workspace)
    return Side(ref, rows, version.card, version.entry, record)


def exported(ref: str, target: str, workspace: Workspace) -> str:
    """A registered version, `NAME[@V]`, as "croissant", "hf-card", "in-toto" or "openlineage"; ends in a line feed.

    Raises ConfigError for an unknown version or target, and where what the standard asks for is not recorded.
    """
    card, version = index.find(ref, workspace)
    fields = registration.fields(card, version, workspace) if target in ("openlineage", "croissant") else {}
    if target == "openlineage":
        from auditor.trackers.openlineage import registration_event

        event = registration_event(card, version, index.graph(workspace), fields=fields)
        return json.dumps(event, indent=2) + "\n"
    record = auditing.stored(card.name, version.digest, card.ref(version), workspace)
    return exports.export(Subject(card, version, record, fields), target)
