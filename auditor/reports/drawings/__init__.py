"""A lineage graph drawn: a tree, Mermaid, DOT, JSON, and a page to walk in a browser."""

from __future__ import annotations

from pathlib import Path

from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Graph
from auditor.reports.drawings.parts import LARGEST, part

FORMATS = ("text", "mermaid", "dot", "json", "html")


def draw(
    graph: Graph,
    start: str,
    format: str,  # noqa: A002  the command line's word
    *,
    upstream: bool = True,
    downstream: bool = True,
    depth: int | None = None,
    color: bool = False,
    dashboards: Path | None = None,
) -> str:
    """The surroundings of node `start` in one of `FORMATS`, ending in a line feed.

    depth: steps from the start; None draws all. A page shows at most `LARGEST` nodes and says what it
    leaves out. color: escape codes in a text. dashboards: the workspace's own templates.

    Raises ConfigError for a node that the graph does not have, and for an unknown format.
    """
    if start not in graph.nodes:
        raise ConfigError(f"nothing is called {start!r} in this lineage", hint=suggest(start, graph.nodes))
    most = LARGEST if format == "html" else None
    shown = part(graph, start, upstream=upstream, downstream=downstream, depth=depth, most=most)
    if format == "text":
        from auditor.reports.drawings.tree import tree

        return tree(shown, color=color)
    if format == "mermaid":
        from auditor.reports.drawings.mermaid import flowchart

        return flowchart(shown)
    if format == "dot":
        from auditor.reports.drawings.dot import digraph

        return digraph(shown)
    if format == "json":
        from auditor.reports.drawings.json import document

        return document(shown)
    if format == "html":
        from auditor.reports.drawings.page import page

        return page(shown, dashboards)
    raise ConfigError(f"unknown format {format!r}", hint=suggest(format, FORMATS))
