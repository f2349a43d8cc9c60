"""The order of a plan, against networkx."""

import random
from graphlib import CycleError

import networkx as nx
import pytest

from auditor.model.graph import Edge, Graph, Node


def graph(n: int, edges: list[tuple[int, int]]) -> Graph:
    names = [f"dataset:d{i:03}@1" for i in range(n)]
    nodes = {name: Node(name, "dataset", name) for name in names}
    return Graph(nodes, tuple(Edge(names[a], names[b], "parent") for a, b in edges))


@pytest.mark.parametrize("seed", range(40))
def test_causes_stand_before_effects_and_ties_go_by_id(seed: int) -> None:
    rng = random.Random(seed)
    n = rng.randint(2, 40)
    order = rng.sample(range(n), n)  # so that ids do not follow the edges
    edges = [(order[i], order[j]) for j in range(n) for i in range(j) if rng.random() < 0.1]
    whole = graph(n, edges)
    wanted = set(rng.sample(sorted(whole.nodes), rng.randint(1, n)))

    oracle = nx.DiGraph([(edge.source, edge.target) for edge in whole.edges])
    oracle.add_nodes_from(whole.nodes)
    # Among the wanted alone, with an edge wherever one reaches another through anything.
    reach = nx.DiGraph()
    reach.add_nodes_from(wanted)
    reach.add_edges_from((a, b) for a in wanted for b in nx.descendants(oracle, a) & wanted)
    assert whole.order(wanted) == list(nx.lexicographical_topological_sort(reach))


def test_a_cycle_elsewhere_is_passed_through_and_one_between_two_is_told() -> None:
    looped = graph(4, [(0, 1), (1, 2), (2, 1), (2, 3)])
    assert looped.order(["dataset:d003@1", "dataset:d000@1"]) == ["dataset:d000@1", "dataset:d003@1"]
    assert looped.order(["dataset:d001@1", "dataset:d003@1"]) == ["dataset:d001@1", "dataset:d003@1"]
    with pytest.raises(CycleError) as raised:
        looped.order(["dataset:d001@1", "dataset:d002@1"])
    assert raised.value.args[1] == ["dataset:d001@1", "dataset:d002@1", "dataset:d001@1"]
