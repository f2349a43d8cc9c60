"""The lineage graph against NetworkX."""

from __future__ import annotations

import itertools

import networkx as nx
import pytest

from auditor.core.lineage.inspections import CONTENT, reaching, way
from auditor.model.graph import DERIVATION
from tests.lineages import as_networkx, random_pedigree


@pytest.mark.parametrize("seed", range(60))
def test_components_and_cycles(seed: int) -> None:
    graph = random_pedigree(seed).graph
    oracle = as_networkx(graph, DERIVATION)
    components = graph.components()
    assert sorted(components) == sorted(sorted(each) for each in nx.strongly_connected_components(oracle))
    place = {node: i for i, component in enumerate(components) for node in component}
    assert all(place[edge.source] <= place[edge.target] for edge in graph.edges if edge.role in DERIVATION)
    cycles = list(graph.cycles())
    for cycle in cycles:
        assert all(oracle.has_edge(a, b) for a, b in zip(cycle, (*cycle[1:], cycle[0]), strict=True))
        ways = [nx.shortest_path_length(oracle, after, cycle[0]) + 1 for after in oracle.successors(cycle[0])
                if nx.has_path(oracle, after, cycle[0])]  # fmt: skip
        assert len(cycle) == min(ways)
    circular = [c for c in components if len(c) > 1 or oracle.has_edge(c[0], c[0])]
    assert len(cycles) == len(circular)


@pytest.mark.parametrize("seed", range(40))
def test_marks_reach_what_a_path_leads_to(seed: int) -> None:
    graph = random_pedigree(seed).graph
    oracle = as_networkx(graph, CONTENT)
    nodes = sorted(graph.nodes)
    marks = {node: 1 << place for place, node in enumerate(nodes)}
    reached = reaching(graph, nodes, marks, CONTENT)
    for node in nodes:
        assert reached[node] == sum(marks[other] for other in nx.ancestors(oracle, node) | {node})


@pytest.mark.parametrize("seed", range(40))
def test_ways_are_shortest(seed: int) -> None:
    pedigree = random_pedigree(seed)
    oracle = as_networkx(pedigree.graph, DERIVATION)
    starts = sorted(pedigree.graph.nodes)[::3]
    lengths = [
        nx.shortest_path_length(oracle, s, pedigree.node) for s in starts if nx.has_path(oracle, s, pedigree.node)
    ]
    found = way(pedigree.graph, starts, pedigree.node)
    assert bool(found) == bool(lengths)
    if found:
        assert len(found) == min(lengths) + 1
        assert found[0] in starts
        assert found[-1] == pedigree.node
        assert all(oracle.has_edge(a, b) for a, b in itertools.pairwise(found))


def test_a_chain_of_ten_thousand_is_no_recursion() -> None:
    from auditor.model.graph import Edge, Graph, Node

    names = [f"dataset:d@{i}" for i in range(10_000)]
    edges = tuple(Edge(a, b, "parent") for a, b in itertools.pairwise(names))
    graph = Graph({name: Node(name, "dataset", "d") for name in names}, edges)
    assert [component[0] for component in graph.components()] == names
    assert list(graph.cycles()) == []
