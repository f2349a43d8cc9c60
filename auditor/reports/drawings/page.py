"""The lineage as one page to walk in a browser.

The picture is laid out here, so that it is whole without script; the script adds panning, zooming,
search and the facts of a node.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from auditor.core.lineage.impact import BY_ROW
from auditor.model.graph import Edge, Node
from auditor.reports import dashboards, wording
from auditor.reports.drawings import layout as layouts
from auditor.reports.drawings.parts import ROLES, Part, facts
from auditor.reports.escaping import one_line, visible

_NAME, _SAID = 24, 33
"""Narrow letters that a box holds of a name, and of what is said of it."""


@dataclass(frozen=True, slots=True)
class Box:
    """A node as it is drawn. number: its place in the page's data. label: for who cannot see it."""

    number: int
    node: Node
    x: float
    y: float
    name: str
    said: str
    label: str


@dataclass(frozen=True, slots=True)
class Arrow:
    """An edge as it is drawn. source, target: numbers of boxes."""

    edge: Edge
    source: int
    target: int
    path: str
    backward: bool


def page(part: Part, own: Path | None = None) -> str:
    """The page as an HTML document. own: the workspace's folder of templates, before ours."""
    from markupsafe import Markup

    nodes = part.nodes
    numbers = {node.id: number for number, node in enumerate(nodes)}
    placed = layouts.layout([node.id for node in nodes], [(edge.source, edge.target) for edge in part.edges])
    boxes = [_box(number, node, *placed.places[node.id]) for number, node in enumerate(nodes)]
    arrows = [
        Arrow(edge, numbers[edge.source], numbers[edge.target], path, number in placed.backward)
        for number, (edge, path) in enumerate(zip(part.edges, placed.paths, strict=True))
    ]
    start = part.graph.nodes[part.start]
    return dashboards.page(
        "lineage.html.j2",
        own,
        style="lineage.css",
        script="lineage.js",
        title=str(start),
        data=Markup(_data(part, boxes, arrows)),  # noqa: S704  JSON with every character of markup escaped
        boxes=boxes,
        arrows=arrows,
        start=numbers[part.start],
        said=facts(start),
        roles=ROLES,
        size=layouts,
        width=placed.width,
        height=placed.height,
        summary=_summary(part),
        into={box.number: [a for a in arrows if a.target == box.number] for box in boxes},
        left_out=wording.count(part.left_out, "more node") if part.left_out else "",
        depth=part.depth,
    )


def _box(number: int, node: Node, x: float, y: float) -> Box:
    said = facts(node)
    # A model's box is round, and a withdrawal is set in bold.
    room = _SAID - (4 if node.kind == "model" else 0) - (3 if node.withdrawn is not None else 0)
    return Box(
        number,
        node,
        round(x, 1),
        round(y, 1),
        _fit(one_line(str(node), 200), _NAME, _NAME // 3),
        _fit(one_line(" · ".join(said), 200), room, 0),
        one_line(f"{node}, {', '.join(said)}", 300),
    )


def _fit(text: str, letters: int, back: int) -> str:
    """As much of a text as a box holds, with the last `back` letters of a longer one. Wide letters count two."""
    wide = [2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text]
    if sum(wide) <= letters:
        return text
    head, tail, room = "", "", letters - 1
    for c, width in zip(reversed(text), reversed(wide), strict=True):
        if width > back:
            break
        tail, back, room = c + tail, back - width, room - width
    for c, width in zip(text, wide, strict=True):
        if width > room:
            break
        head, room = head + c, room - width
    return f"{head}…{tail}"


def _summary(part: Part) -> str:
    kinds: dict[str, int] = {}
    for node in part.nodes:
        kinds[node.kind] = kinds.get(node.kind, 0) + 1
    nouns = {"dataset": "dataset version", "model": "model", "prompt": "prompt", "file": "unregistered file"}
    return ", ".join(wording.count(kinds[kind], noun) for kind, noun in nouns.items() if kind in kinds)


def _data(part: Part, boxes: list[Box], arrows: list[Arrow]) -> str:
    """What the script knows: nodes with their facts, edges by number. Safe inside a script element."""
    about: dict[str, Any] = {
        "start": next(box.number for box in boxes if box.node.id == part.start),
        "nodes": [
            {key: visible(value) if isinstance(value, str) else value for key, value in asdict(box.node).items()}
            | {"label": visible(str(box.node)), "x": box.x, "y": box.y}
            for box in boxes
        ],
        "edges": [
            [a.source, a.target, ROLES[a.edge.role], a.edge.rows if a.edge.role in BY_ROW else None] for a in arrows
        ],
    }
    text = json.dumps(about, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
