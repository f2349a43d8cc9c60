"""The lineage for machines: nodes and edges, nothing shortened but by the depth asked for."""

from __future__ import annotations

import dataclasses
import json

from auditor.reports.drawings.parts import Part


def document(part: Part) -> str:
    """`{"start", "depth", "left_out", "nodes": [{id, kind, name, …, distance}], "edges": [{source, target,
    role, rows}]}`; distance is below zero for what the start was made from. Ends in a line feed."""
    about = {
        "start": part.start,
        "depth": part.depth,
        "left_out": part.left_out,
        "nodes": [{**dataclasses.asdict(node), "distance": part.distance[node.id]} for node in part.nodes],
        "edges": [dataclasses.asdict(edge) for edge in part.edges],
    }
    # Escaped to ASCII: a name may hold what a terminal obeys.
    return json.dumps(about, indent=2) + "\n"
