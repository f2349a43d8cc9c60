"""The lineage in Graphviz' DOT language: `auditor lineage NAME --format dot | dot -Tsvg`."""

from __future__ import annotations

from auditor.model.graph import NodeKind
from auditor.reports.drawings.parts import ROLES, Part, facts
from auditor.reports.escaping import one_line

_SHAPES: dict[NodeKind, str] = {"dataset": "box", "model": "oval", "prompt": "parallelogram", "file": "cylinder"}


def digraph(part: Part) -> str:
    """Ends in a line feed. Texts are quoted strings in which a backslash and a quote stand for themselves."""
    lines = ["digraph lineage {", "  rankdir=LR;", '  node [fontname="sans-serif", fontsize=11];']
    lines.append('  edge [fontname="sans-serif", fontsize=9];')
    for node in part.nodes:
        label = f"{_text(str(node))}\\n{_text(' · '.join(facts(node)))}"
        attributes = [f'label="{label}"', f"shape={_SHAPES[node.kind]}"]
        if node.id == part.start:
            attributes.append("penwidth=3")
        if node.withdrawn is not None:
            attributes.append('style=dashed, color="#a8221a"')
        lines.append(f'  "{_text(node.id, 1000)}" [{", ".join(attributes)}];')
    for edge in part.edges:
        dashed = ", style=dashed" if edge.role in ("eval", "same") else ""
        ends = f'"{_text(edge.source, 1000)}" -> "{_text(edge.target, 1000)}"'
        lines.append(f'  {ends} [label="{ROLES[edge.role]}"{dashed}];')
    if part.left_out:
        lines.append(f"  // {part.left_out} more nodes are not shown")
    return "\n".join([*lines, "}"]) + "\n"


def _text(text: str, length: int = 100) -> str:
    return one_line(text, length).replace("\\", "\\\\").replace('"', '\\"')
