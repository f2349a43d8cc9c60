"""The lineage as a Mermaid flowchart: GitHub, GitLab and many wikis draw it where it stands."""

from __future__ import annotations

import re

from auditor.model.graph import NodeKind
from auditor.reports.drawings.parts import ROLES, Part, facts
from auditor.reports.escaping import one_line

_SHAPES: dict[NodeKind, tuple[str, str]] = {
    "dataset": ("[", "]"),
    "model": ("([", "])"),
    "prompt": ("[/", "/]"),
    "file": ("[(", ")]"),
}
_PLAIN = re.compile(r"[^\w .,:@/+·-]")


def flowchart(part: Part) -> str:
    """Ends in a line feed. Every character that could be markup is an entity code (`#NNN;`)."""
    names = {node.id: f"n{place}" for place, node in enumerate(part.nodes)}
    lines = ["flowchart LR"]
    for node in part.nodes:
        left, right = _SHAPES[node.kind]
        label = f"{_text(str(node))}<br/>{_text(' · '.join(facts(node)))}"
        lines.append(f'    {names[node.id]}{left}"{label}"{right}')
    for edge in part.edges:
        arrow = "-.->" if edge.role in ("eval", "same") else "-->"
        lines.append(f"    {names[edge.source]} {arrow}|{ROLES[edge.role]}| {names[edge.target]}")
    lines.append("    classDef start stroke-width:3px")
    lines.append("    classDef withdrawn stroke:#a8221a,stroke-dasharray:4 3")
    lines.append(f"    class {names[part.start]} start")
    withdrawn = [names[node.id] for node in part.nodes if node.withdrawn is not None]
    if withdrawn:
        lines.append(f"    class {','.join(withdrawn)} withdrawn")
    if part.left_out:
        lines.append(f"    %% {part.left_out} more nodes are not shown")
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", one_line(text, 100))
