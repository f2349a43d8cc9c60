"""What rooms share that look at a version's lineage and read no rows.

Such a room says what it saw (`look`): faults, each at a node of the graph, and numbers that are no count
of faults. Metrics, slices and findings follow. A fault of lineage is no row: its finding has `row` null
and names the node as `related_dataset`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import pyarrow as pa

from auditor.core.check import Context, Measure, Spec
from auditor.core.rowwise import cut
from auditor.model.graph import DERIVATION, Graph, Role
from auditor.model.pedigree import Pedigree
from auditor.model.result import FINDING_SCHEMA, Measurement, Metric, Number, Slice
from auditor.model.rows import Dataset
from auditor.model.techniques import TECHNIQUES

WROTE: frozenset[Role] = frozenset(("generator",))
ROWS: frozenset[Role] = frozenset(("parent",))
DATA: frozenset[Role] = frozenset(("seed", "parent"))
CONTENT: frozenset[Role] = DERIVATION - {"prompt", "judge"}
"""Roles along which words travel: a prompt and a judge shape rows, and put no words of a dataset into them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. node: id in the graph of what is at fault. evidence: one sentence. score: a length, a
    share or a number of days where the fault has one. by: (slice, group) where the measure is sliced."""

    measure: str
    node: str
    evidence: str
    score: float | None = None
    by: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What a room saw. among: what was looked at, in the measure's unit (n of the metric). values: of
    measures that do not count faults. unknown: measure -> why there is no number. ranges: measure ->
    (low, high), where part of the lineage is not known."""

    faults: Sequence[Fault] = ()
    among: int = 0
    values: Mapping[str, Number] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Faultfinding:
    """A check that names faults of lineage and no rows; whatever it looks at, it says what it saw.

    A measure that is given no value is the number of its faults.
    """

    spec: ClassVar[Spec]

    def measured(self, seen: Seen) -> Measurement:
        """What was seen as metrics, slices and findings."""
        return Measurement(
            tuple(self._metric(measure, seen) for measure in self.spec.measures),
            tuple(self._slices(seen)),
            notes=seen.notes,
            tables={"faults": self._findings(seen)},
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        faults = measurement.tables["faults"]
        if len(faults):
            yield faults

    def _metric(self, measure: Measure, seen: Seen) -> Metric:
        name = self.spec.metric(measure.name)
        if measure.name in seen.unknown:
            return Metric(name, None, measure.unit, seen.among, seen.unknown[measure.name])
        value = seen.values.get(measure.name, sum(fault.measure == measure.name for fault in seen.faults))
        low, high = seen.ranges.get(measure.name, (None, None))
        return Metric(name, value, measure.unit, seen.among, low=low, high=high)

    def _slices(self, seen: Seen) -> Iterator[Slice]:
        units = {measure.name: measure.unit for measure in self.spec.measures}
        counts: dict[tuple[str, str, str], int] = {}
        for fault in seen.faults:
            if fault.by is not None:
                key = (*fault.by, fault.measure)
                counts[key] = counts.get(key, 0) + 1
        for (by, group, measure), count in sorted(counts.items()):
            yield Slice(by, group, Metric(self.spec.metric(measure), count, units[measure], seen.among))

    def _findings(self, seen: Seen) -> pa.Table:
        faults = sorted(seen.faults, key=lambda f: (f.measure, f.node, f.evidence))
        n = len(faults)
        columns = {
            "row": pa.nulls(n, pa.int64()),
            "metric": pa.array([self.spec.metric(f.measure) for f in faults], pa.string()),
            "related": pa.nulls(n, pa.int64()),
            "related_dataset": pa.array([f.node for f in faults], pa.string()),
            "cluster": pa.nulls(n, pa.int64()),
            "score": pa.array([f.score for f in faults], pa.float64()),
            "evidence": pa.array([cut(f.evidence) for f in faults], pa.large_string()),
        }
        return pa.table(columns, schema=FINDING_SCHEMA)


class LineageRoom(Faultfinding):
    """An Inspection that also locates. A room gives `spec` and `look`."""

    def look(self, pedigree: Pedigree) -> Seen:
        raise NotImplementedError

    def inspect(self, context: Context) -> Measurement:
        assert context.pedigree is not None, "checks that need lineage are skipped without one"
        return self.measured(self.look(context.pedigree))


def reaching(graph: Graph, nodes: Sequence[str], marks: Mapping[str, int], roles: frozenset[Role]) -> dict[str, int]:
    """For each of `nodes`, the union (bitwise or) of the marks on it and on all that leads to it along `roles`.

    marks: node -> bits of a Python integer. One walk in which causes stand before effects, so that
    thousands of ancestors are traced at the cost of one; nodes of a cycle share what reaches any of them.
    """
    reached: dict[str, int] = {}
    for component in graph.components(nodes, roles):
        bits = 0
        for node in component:
            bits |= marks.get(node, 0)
            for edge in graph.into(node, roles):
                bits |= reached.get(edge.source, 0)
        reached |= dict.fromkeys(component, bits)
    return reached


def ancestry(pedigree: Pedigree, roles: frozenset[Role] = DERIVATION) -> list[str]:
    """The version's node and everything upstream of it, nearest first."""
    return [pedigree.node, *pedigree.graph.upstream(pedigree.node, roles=roles)]


def way(graph: Graph, starts: Collection[str], end: str, roles: frozenset[Role] = DERIVATION) -> list[str]:
    """One of the shortest ways down to `end` from any of `starts`, both included; empty where none leads there."""
    down: dict[str, str] = {}
    queue = deque([end])
    while queue:
        node = queue.popleft()
        if node in starts:
            found = [node]
            while found[-1] != end:
                found.append(down[found[-1]])
            return found
        for edge in graph.into(node, roles):
            if edge.source not in down and edge.source != end:
                down[edge.source] = node
                queue.append(edge.source)
    return []


def ways(
    graph: Graph, starts: Iterable[str], roles: frozenset[Role], *, up: bool, twins: bool = False
) -> dict[str, str]:
    """The next step of a shortest way back to the nearest of `starts`, for every node upstream (`up`) or
    downstream of them, nearest first; each start leads to itself. `along` follows it. twins: through what has the same
    rows, too, which is one step away."""
    step = {node: node for node in sorted(starts)}
    queue = deque(step)
    while queue:
        node = queue.popleft()
        edges = graph.into(node, roles) if up else graph.out_of(node, roles)
        others = [edge.source if up else edge.target for edge in edges]
        for other in [*others, *graph.twins(node)] if twins else others:
            if other not in step:
                step[other] = node
                queue.append(other)
    return step


def along(step: Mapping[str, str], node: str) -> list[str]:
    """From `node` to the start that `ways` led from."""
    found = [node]
    while step[found[-1]] != found[-1]:
        found.append(step[found[-1]])
    return found


def generated(graph: Graph, node: str) -> bool:
    """Whether rows of this dataset are synthetic: it says so, names a generator, or its technique is a machine's."""
    return graph.nodes[node].data == "synthetic" or by_machine(graph, node)


def by_machine(graph: Graph, node: str) -> bool:
    """Whether it is known that a model or a program wrote rows of this dataset."""
    technique = TECHNIQUES.get(graph.nodes[node].technique or "")
    machine = technique is not None and technique.written in ("model", "program")
    return machine or bool(graph.into(node, WROTE))


def told(graph: Graph, nodes: Sequence[str]) -> str:
    """A way for people: `seeds@1 -> gpt-4o -> train@2`, `=` between what has the same rows; its middle left out where
    it is long."""
    names = [str(graph.nodes[node]) for node in nodes]
    after = ["", *(" = " if here in graph.twins(before) else " -> " for before, here in pairwise(nodes))]
    steps = [join + name for join, name in zip(after, names, strict=True)]
    return "".join(steps if len(steps) <= 6 else [*steps[:3], f" -> … {len(steps) - 5} more …", *steps[-2:]])
