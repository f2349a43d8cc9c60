"""The lineage as a tree for the terminal: what a version was made from, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from auditor.core.lineage.impact import BY_ROW
from auditor.model.graph import Edge, Graph, Node, Role
from auditor.reports import wording
from auditor.reports.drawings import parts
from auditor.reports.drawings.parts import EFFECTS, ROLES, Part
from auditor.reports.escaping import one_line

_NAME, _FACT = 80, 100
"""Characters of a name and of a fact: longer ones are hostile, or of no use in a tree."""

_STYLES = {"dataset": "bold", "model": "cyan", "prompt": "magenta", "file": "dim"}
_GRAVE = ("WITHDRAWN", "rejected")


@dataclass(frozen=True, slots=True)
class _Line:
    """One line: what leads to it, and the node, or the words that stand in its place."""

    stem: str
    node: Node | None
    said: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Side:
    """A direction to walk in: the edges of a node, and which end of them lies further on."""

    title: str
    step: Callable[[Graph, str], list[Edge]]
    end: Callable[[Edge], str]
    words: Mapping[Role, str]


_SIDES = (
    _Side("made from", parts.into, lambda edge: edge.source, ROLES),
    _Side("went into", parts.out_of, lambda edge: edge.target, EFFECTS),
)


def tree(part: Part, *, color: bool = False) -> str:
    """Two branches, "made from" and "went into". A node that stands above already is not unfolded
    again; beyond the depth, the number of nodes that are not shown. Ends in a line feed."""
    graph, start = part.graph, part.start
    lines = [_Line("", graph.nodes[start], parts.facts(graph.nodes[start]))]
    branches = [side for side in _SIDES if any(side.end(edge) in part.distance for edge in side.step(graph, start))]
    for place, side in enumerate(branches):
        last = place == len(branches) - 1
        lines.append(_Line("└── " if last else "├── ", None, [side.title]))
        lines.extend(_branch(part, side, "    " if last else "│   "))
    if len(lines) == 1:
        lines.append(_Line("└── ", None, ["nothing is recorded of what it was made from, or of what came of it"]))
    text = [_written(line, color) for line in lines]
    if part.left_out:
        beyond = f" beyond depth {part.depth}" if part.depth is not None else ""
        text.append(f"{wording.count(part.left_out, 'more node')}{beyond}")
    return "\n".join(text) + "\n"


def _branch(part: Part, side: _Side, stem: str) -> Iterator[_Line]:
    """Depth first, by a stack of our own: a chain of versions may be longer than Python's."""
    shown = {part.start}
    stack = [(stem, _steps(part, part.start, side))]
    while stack:
        stem, edges = stack[-1]
        if not edges:
            stack.pop()
            continue
        edge = edges.pop(0)
        other = part.graph.nodes[side.end(edge)]
        # A role says that its node is a model or a prompt; of data, only the role of an eval set says what it is.
        plain = ("model", "prompt", *(["eval"] if edge.role == "eval" else []))
        said = [side.words[edge.role], *(fact for fact in parts.facts(other) if fact not in plain)]
        if edge.rows is not None and edge.role in BY_ROW:
            said.append(f"{wording.count(edge.rows, 'row')} of {one_line(str(part.graph.nodes[edge.target]), _NAME)}")
        again = other.id in shown
        if again:
            said.append("see above")
        yield _Line(stem + ("├── " if edges else "└── "), other, said)
        # An eval set only measures: what it was made from is the lineage of another.
        if again or edge.role == "eval":
            continue
        shown.add(other.id)
        stack.append((stem + ("│   " if edges else "    "), _steps(part, other.id, side)))


def _steps(part: Part, node: str, side: _Side) -> list[Edge]:
    near = node == part.start
    return [e for e in side.step(part.graph, node) if side.end(e) in part.distance and (near or e.role != "eval")]


def _written(line: _Line, color: bool) -> str:
    said = [one_line(fact, _FACT) for fact in line.said]
    if line.node is None:
        return line.stem + _styled(" · ".join(said), "dim", color)
    name = one_line(str(line.node), _NAME)
    facts = " · ".join(_styled(fact, "bold red" if fact.startswith(_GRAVE) else "dim", color) for fact in said)
    return f"{line.stem}{_styled(name, _STYLES[line.node.kind], color)}  {facts}"


def _styled(text: str, style: str, color: bool) -> str:
    if not color:
        return text
    from rich.color import ColorSystem
    from rich.style import Style

    return Style.parse(style).render(text, color_system=ColorSystem.STANDARD)
