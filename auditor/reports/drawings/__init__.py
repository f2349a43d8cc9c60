"""A lineage graph drawn: a tree, Mermaid, DOT, JSON, and a page to walk in a browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Graph
from auditor.reports.drawings.dot import digraph
from auditor.reports.drawings.json import document
from auditor.reports.drawings.mermaid import flowchart
from auditor.reports.drawings.page import page
from auditor.reports.drawings.parts import LARGEST, Part, part
from auditor.reports.drawings.tree import tree
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Part, bool, Path | None], str]] = {
    "text": lambda shown, color, _: tree(shown, color=color),
    "mermaid": lambda shown, *_: flowchart(shown),
    "dot": lambda shown, *_: digraph(shown),
    "json": lambda shown, *_: document(shown),
    "html": lambda shown, _, dashboards: page(shown, dashboards),
}

FORMATS = tuple(_FACES)


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
    return face(_FACES, format)(shown, color, dashboards)
