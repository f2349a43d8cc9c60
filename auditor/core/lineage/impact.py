"""What a model, a prompt or a seed has touched: every version through any depth, with its rows.

Datasets of equal digests are one, whoever published them: what was made from one was made from the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Edge, Graph, Node, Role

BY_ROW: frozenset[Role] = frozenset(("generator", "prompt"))
"""Roles whose edges say how many rows of their target they made."""

_HASH = re.compile(r"^(?:sha256:)?([0-9a-f]{6,64})$")


@dataclass(frozen=True, slots=True)
class Touched:
    """node: a dataset's version, or a model. rows: how many of its rows the cause had a part in; all of
    them where nobody recorded which; None where the number is not known, and for a model. distance: steps
    from the cause. via: the node that it came through, on a shortest way. role: as what."""

    node: Node
    rows: int | None
    distance: int
    via: Node
    role: Role


@dataclass(frozen=True, slots=True)
class Impact:
    """causes: the nodes asked about. datasets, models: nearest first, then by id."""

    causes: tuple[Node, ...]
    datasets: tuple[Touched, ...]
    models: tuple[Touched, ...]

    @property
    def rows(self) -> int:
        """Of all versions together, as far as they are known."""
        return sum(touched.rows or 0 for touched in self.datasets)

    @property
    def current(self) -> tuple[Touched, ...]:
        """The versions that are in use now."""
        return tuple(touched for touched in self.datasets if touched.node.status == "current")


def causes(graph: Graph, text: str) -> list[str]:
    """Ids of the nodes that `text` means: an id, `NAME[@VERSION]`, or the beginning of a content's hash.

    A bare name means all its versions. Raises ConfigError where nothing is called so, or where the
    beginning of a hash is that of several contents.
    """
    found = [node.id for node in graph.find(text)]
    digits = _HASH.match(text)
    if not found and digits:
        named = [node for node in graph.nodes.values() if node.digest and _hex(node).startswith(digits[1])]
        if len({_hex(node) for node in named}) > 1:
            raise ConfigError(
                f"{text!r} is the beginning of several hashes",
                seen=", ".join(sorted(_hex(node)[:16] for node in named)[:5]),
                hint="give more of its digits",
            )
        found = sorted(node.id for node in named)
    if not found:
        known = {name for node in graph.nodes.values() for name in (node.name, str(node))}
        raise ConfigError(
            f"no model, prompt or dataset is called {text[:200]!r} in this workspace",
            wanted="MODEL[@REVISION], NAME[@VERSION], a prompt's name, file or hash",
            hint=suggest(text, known) if known else "register a dataset first: auditor register NAME PATH",
        )
    return found


def impact(graph: Graph, starts: Sequence[str]) -> Impact:
    """Everything that came of `starts`, through datasets and models alike.

    The rows of a version: the sum over the edges that lead to it from what was touched; of a generator or a
    prompt with its recorded rows, and otherwise with all rows of the version; at most all. Where rows say
    who made them, and each was made once, that is exact; otherwise it is the most that can be touched.
    Of versions with the same rows: as many as of the one of them that has the most.
    """
    distance = dict.fromkeys(starts, 0)
    came: dict[str, Edge] = {}
    ring = sorted(starts)
    while ring:
        further: list[str] = []
        for node in ring:
            for edge in (*graph.out_of(node), *(Edge(node, twin, "same") for twin in graph.twins(node))):
                if edge.target not in distance:
                    distance[edge.target] = distance[node] + 1
                    came[edge.target] = edge
                    further.append(edge.target)
        ring = sorted(further)
    touched = [
        Touched(graph.nodes[node], _rows(graph, node, distance), distance[node], graph.nodes[edge.source], edge.role)
        for node, edge in came.items()
    ]
    touched.sort(key=lambda one: (one.distance, one.node.id))
    return Impact(
        tuple(graph.nodes[start] for start in sorted(starts)),
        tuple(one for one in touched if one.node.kind == "dataset"),
        tuple(one for one in touched if one.node.kind == "model"),
    )


def _rows(graph: Graph, node: str, touched: dict[str, int]) -> int | None:
    whole = graph.nodes[node].rows
    twins = [twin for twin in graph.twins(node) if twin in touched]
    if any(touched[twin] == 0 for twin in twins):
        return whole
    found = [_made(graph, one, whole, touched) for one in (node, *twins)]
    known = [rows for rows in found if rows is not None]
    return max(known) if len(known) == len(found) else whole


def _made(graph: Graph, node: str, whole: int | None, touched: dict[str, int]) -> int | None:
    """Rows of `node` that the cause had a part in by its own card; whole: of how many."""
    # Rows of a seed or a parent are its own, and say nothing of where they ended up.
    parts = [
        edge.rows if edge.rows is not None and edge.role in BY_ROW else whole
        for edge in graph.into(node)
        if edge.source in touched
    ]
    known = [rows for rows in parts if rows is not None]
    if len(known) < len(parts):
        return whole
    return sum(known) if whole is None else min(whole, sum(known))


def _hex(node: Node) -> str:
    return (node.digest or "").rpartition(":")[2]
