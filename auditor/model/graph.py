"""The lineage graph: datasets, models, prompts and unregistered files, and what was made from what.

Edges go from cause to effect, so that *downstream* is what a change touches. Models are nodes like
any other: a dataset leads to the model that was trained on it, and the model to what it generated.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError
from heapq import heappop, heappush
from typing import Literal

NodeKind = Literal["dataset", "model", "prompt", "file"]
Role = Literal["generator", "prompt", "seed", "parent", "judge", "eval", "trained_on", "base", "distilled_from", "same"]
"""`same` is of two nodes with the same rows: no card says so, their digests do (`Graph.twins`)."""

DERIVATION: frozenset[Role] = frozenset(
    ("generator", "prompt", "seed", "parent", "judge", "trained_on", "base", "distilled_from")
)
"""Roles along which content flows. A judge chooses rows, so what it touched changes with it; an eval
set only measures."""


@dataclass(frozen=True, slots=True)
class Node:
    """id: `dataset:NAME@3`, `model:NAME@REV`, `prompt:NAME@DIGEST12`, `file:PATH@DIGEST12`; a revision
    nobody knows leaves `@…` out. kind of data: "synthetic", "real", … for datasets. rows: of a dataset.
    status: of a dataset's version. withdrawn: why, for a model. digest: of content, where known."""

    id: str
    kind: NodeKind
    name: str
    version: str | None = None
    data: str | None = None
    rows: int | None = None
    status: str | None = None
    technique: str | None = None
    digest: str | None = None
    withdrawn: str | None = None

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True)
class Edge:
    """`source` had a part (`role`) in making `target`. rows: how many rows of target, where known."""

    source: str
    target: str
    role: Role
    rows: int | None = None


@dataclass(frozen=True)
class Graph:
    """Nodes by id, and edges; every edge's ends are nodes. Immutable; walks are deterministic."""

    nodes: Mapping[str, Node] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()

    @cached_property
    def _into(self) -> Mapping[str, list[Edge]]:
        return self._by(lambda edge: edge.target)

    @cached_property
    def _out_of(self) -> Mapping[str, list[Edge]]:
        return self._by(lambda edge: edge.source)

    def _by(self, end: Callable[[Edge], str]) -> Mapping[str, list[Edge]]:
        found: dict[str, list[Edge]] = {}
        for edge in sorted(self.edges, key=lambda e: (e.source, e.target, e.role)):
            found.setdefault(end(edge), []).append(edge)
        return found

    def into(self, node: str, roles: frozenset[Role] = DERIVATION) -> list[Edge]:
        """Edges from what `node` was made of."""
        return [edge for edge in self._into.get(node, ()) if edge.role in roles]

    def out_of(self, node: str, roles: frozenset[Role] = DERIVATION) -> list[Edge]:
        """Edges to what was made of `node`."""
        return [edge for edge in self._out_of.get(node, ()) if edge.role in roles]

    @cached_property
    def _alike(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for node in sorted(self.nodes):
            about = self.nodes[node]
            # Datasets without rows are not copies of one another.
            if about.kind in ("dataset", "file") and about.digest and about.rows != 0:
                found.setdefault(about.digest, []).append(node)
        return found

    def twins(self, node: str) -> list[str]:
        """Other datasets and files with the same rows: by their digests they are one, whatever they are called."""
        return [other for other in self._alike.get(self.nodes[node].digest or "", ()) if other != node]

    def upstream(self, start: str, depth: int | None = None, roles: frozenset[Role] = DERIVATION) -> dict[str, int]:
        """Ancestors of `start` with their distance (1: a direct source), nearest first; start is not in it."""
        return self._walk(start, depth, lambda node: (edge.source for edge in self.into(node, roles)))

    def downstream(
        self, start: str, depth: int | None = None, roles: frozenset[Role] = DERIVATION, *, twins: bool = False
    ) -> dict[str, int]:
        """What came of `start`, with the distance, nearest first; start is not in it.

        twins: through what has the same rows, too, which is one step away.
        """

        def step(node: str) -> Iterator[str]:
            yield from (edge.target for edge in self.out_of(node, roles))
            yield from self.twins(node) if twins else ()

        return self._walk(start, depth, step)

    @staticmethod
    def _walk(start: str, depth: int | None, step: Callable[[str], Iterable[str]]) -> dict[str, int]:
        distance = {start: 0}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            if depth is not None and distance[node] >= depth:
                continue
            for other in step(node):
                if other not in distance:
                    distance[other] = distance[node] + 1
                    queue.append(other)
        del distance[start]
        return distance

    def order(self, nodes: Iterable[str]) -> list[str]:
        """`nodes` so that causes stand before their effects, through whatever lies between; the least id
        first of those that could stand next. Linear in the graph.

        Raises graphlib.CycleError where two of them lie on one cycle.
        """
        wanted = set(nodes)
        around = wanted | self._above(wanted)
        components = self.components(around)
        home = {node: index for index, component in enumerate(components) for node in component}
        named: dict[int, str] = {}
        for node in sorted(wanted):
            if home[node] in named:
                raise CycleError("two nodes are on a cycle", [named[home[node]], node, named[home[node]]])
            named[home[node]] = node
        effects: list[set[int]] = [set() for _ in components]
        for node in around:
            for edge in self.into(node):
                if edge.source in around and home[edge.source] != home[node]:
                    effects[home[edge.source]].add(home[node])
        waiting = [0] * len(components)
        for index in (effect for of in effects for effect in of):
            waiting[index] += 1
        free = [index for index, causes in enumerate(waiting) if not causes]
        ready: list[tuple[str, int]] = []
        done: list[str] = []
        while free or ready:
            index = free.pop() if free else heappop(ready)[1]
            if index in named:
                node = named.pop(index)
                heappush(ready, (node, index))  # its turn comes when nothing unnamed is left to pass through
                continue
            done += [node for node in components[index] if node in wanted]
            for effect in effects[index]:
                waiting[effect] -= 1
                if not waiting[effect]:
                    free.append(effect)
        return done

    def _above(self, nodes: set[str]) -> set[str]:
        """What any of `nodes` was made of, at any depth."""
        found: set[str] = set()
        todo = list(nodes)
        while todo:
            for edge in self.into(todo.pop()):
                if edge.source not in found:
                    found.add(edge.source)
                    todo.append(edge.source)
        return found

    def cycles(self) -> Iterator[tuple[str, ...]]:
        """Each strongly connected component with a cycle, as one of its shortest cycles from its least node."""
        for component in self.components():
            start = component[0]
            if len(component) > 1 or any(edge.source == start for edge in self.into(start)):
                yield self._back_to(start)

    def components(self, nodes: Iterable[str] | None = None, roles: frozenset[Role] = DERIVATION) -> list[list[str]]:
        """Strongly connected components of the graph, or of what is left of it with `nodes` alone, causes
        before effects (Tarjan 1972, without recursion: a chain of lineage may be thousands long)."""
        wanted = self.nodes.keys() if nodes is None else set(nodes)
        found: list[list[str]] = []
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        open_: set[str] = set()
        for root in sorted(wanted):
            if root in index:
                continue
            work = [(root, self._sources(root, roles, wanted))]
            while work:
                node, sources = work[-1]
                if node not in index:
                    index[node] = low[node] = len(index)
                    stack.append(node)
                    open_.add(node)
                for source in sources:
                    if source not in index:
                        work.append((source, self._sources(source, roles, wanted)))
                        break
                    if source in open_:
                        low[node] = min(low[node], index[source])
                else:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == index[node]:
                        component = [stack.pop()]
                        while component[-1] != node:
                            component.append(stack.pop())
                        open_.difference_update(component)
                        found.append(sorted(component))
        return found

    def _sources(self, node: str, roles: frozenset[Role], wanted: Collection[str]) -> Iterator[str]:
        return (edge.source for edge in self._into.get(node, ()) if edge.role in roles and edge.source in wanted)

    def _back_to(self, start: str) -> tuple[str, ...]:
        """The shortest way from `start`, which lies on a cycle, to itself, without the repeated end."""
        came: dict[str, str] = {}
        queue = deque([start])
        while queue:
            node = queue.popleft()
            for edge in self.out_of(node):
                if edge.target == start:
                    path = [node]
                    while path[-1] != start:
                        path.append(came[path[-1]])
                    return tuple(reversed(path))
                if edge.target not in came:
                    came[edge.target] = node
                    queue.append(edge.target)
        return ()

    def find(self, text: str) -> list[Node]:
        """Nodes that `text` means: an id, `NAME@VERSION`, or a bare name (all its versions), in id order."""
        if text in self.nodes:
            return [self.nodes[text]]
        return [node for _, node in sorted(self.nodes.items()) if text in (str(node), node.name)]


__all__ = ["DERIVATION", "CycleError", "Edge", "Graph", "Node", "NodeKind", "Role"]
