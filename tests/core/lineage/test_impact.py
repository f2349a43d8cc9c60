"""Impact, against a search over all paths on random graphs."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.lineage.impact import Impact, causes, impact
from auditor.model.errors import ConfigError
from auditor.model.graph import Edge, Graph, Node, NodeKind, Role

ROLES: list[Role] = ["generator", "prompt", "seed", "parent", "judge", "trained_on", "base", "eval"]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph, cycles included."""
    count = draw(st.integers(1, 8))
    nodes = {}
    for n in range(count):
        kind: NodeKind = draw(st.sampled_from(["dataset", "dataset", "model", "prompt"]))
        rows = draw(st.one_of(st.none(), st.integers(0, 9))) if kind == "dataset" else None
        ident = f"{kind}:n{n}@1"
        digest = draw(st.sampled_from([None, "sha256:one", "sha256:two"])) if kind == "dataset" else None
        if digest is not None:
            rows = len(digest)  # the same rows are as many
        nodes[ident] = Node(ident, kind, f"n{n}", "1", rows=rows, digest=digest)
    ends = st.sampled_from(sorted(nodes))
    edge = st.builds(Edge, ends, ends, st.sampled_from(ROLES), st.one_of(st.none(), st.integers(0, 9)))
    made = draw(st.lists(edge, max_size=14, unique_by=lambda e: (e.source, e.target, e.role)))
    return Graph(nodes, tuple(e for e in made if e.source != e.target))


def reached(graph: Graph, starts: list[str]) -> dict[str, int]:
    """By matrix powers' poor cousin: relax every edge as often as there are nodes."""
    far = {node: 0 if node in starts else 10**9 for node in graph.nodes}
    same = [
        (one, other)
        for one, other in itertools.permutations(graph.nodes, 2)
        if graph.nodes[one].digest is not None and graph.nodes[one].digest == graph.nodes[other].digest
    ]
    steps = [*((edge.source, edge.target) for edge in graph.edges if edge.role != "eval"), *same]
    for _, (source, target) in itertools.product(range(len(graph.nodes)), steps):
        far[target] = min(far[target], far[source] + 1)
    return {node: steps for node, steps in far.items() if steps < 10**9}


@given(graphs(), st.data())
def test_every_touched_version_and_its_rows(graph: Graph, data: st.DataObject) -> None:
    starts = data.draw(st.lists(st.sampled_from(sorted(graph.nodes)), min_size=1, max_size=3, unique=True))
    found = impact(graph, starts)
    far = reached(graph, starts)
    told = {touched.node.id: touched for touched in (*found.datasets, *found.models)}
    assert set(told) == {n for n in far if n not in starts and graph.nodes[n].kind in ("dataset", "model")}
    for node, touched in told.items():
        assert touched.distance == far[node]
        assert far[touched.via.id] == far[node] - 1
        whole = graph.nodes[node].rows
        alike = {n for n in far if graph.nodes[node].digest and graph.nodes[n].digest == graph.nodes[node].digest}
        if touched.role == "same":
            assert touched.via.id in alike
        else:
            assert any((e.source, e.target, e.role) == (touched.via.id, node, touched.role) for e in graph.edges)
        if alike:
            assert whole is not None
            by_card = [
                sum(
                    e.rows if e.rows is not None and e.role in ("generator", "prompt") else whole
                    for e in graph.edges
                    if e.target == one and e.source in far and e.role != "eval"
                )
                for one in alike
            ]
            assert touched.rows == (whole if alike & set(starts) else min(whole, max(by_card)))
            continue
        near = [e for e in graph.edges if e.target == node and e.source in far and e.role != "eval"]
        parts = [e.rows if e.role in ("generator", "prompt") else None for e in near]
        if whole is not None:
            assert touched.rows == min(whole, sum(whole if part is None else part for part in parts))
        elif None in parts:
            assert touched.rows is None
        else:
            assert touched.rows == sum(part for part in parts if part is not None)
    assert found.rows == sum(touched.rows or 0 for touched in found.datasets)


def chain() -> Graph:
    nodes = [
        Node("model:m@1", "model", "m", "1"),
        Node("model:m@2", "model", "m", "2"),
        Node("prompt:p@aaaaaaaaaaaa", "prompt", "p", "aaaaaaaaaaaa", digest="sha256:" + "a" * 64),
        Node("prompt:q@aaaaabbbbbbb", "prompt", "q", "aaaaabbbbbbb", digest="sha256:" + "a" * 5 + "b" * 59),
        Node("dataset:d@1", "dataset", "d", "1", rows=10, status="superseded"),
        Node("dataset:d@2", "dataset", "d", "2", rows=10, status="current"),
    ]
    edges = (Edge("model:m@1", "dataset:d@1", "generator", 4), Edge("model:m@2", "dataset:d@2", "generator"))
    return Graph({node.id: node for node in nodes}, edges)


def of(text: str) -> Impact:
    return impact(chain(), causes(chain(), text))


def test_a_bare_name_is_every_revision() -> None:
    assert [(str(t.node), t.rows) for t in of("m").datasets] == [("d@1", 4), ("d@2", 10)]
    assert [(str(t.node), t.rows) for t in of("m@1").datasets] == [("d@1", 4)]
    assert [str(t.node) for t in of("m").current] == ["d@2"]


def test_a_prompt_by_the_beginning_of_its_hash() -> None:
    assert causes(chain(), "aaaaaa") == ["prompt:p@aaaaaaaaaaaa"]
    assert causes(chain(), "sha256:" + "a" * 64) == ["prompt:p@aaaaaaaaaaaa"]


def test_an_ambiguous_hash_and_unknown_words_are_told() -> None:
    nodes = chain().nodes
    twins = {n: Node(n, "prompt", n, digest=f"sha256:{'c' * 20}{i}") for i, n in enumerate(["prompt:x", "prompt:y"])}
    with pytest.raises(ConfigError, match="several hashes"):
        causes(Graph({**nodes, **twins}), "cccccc")
    with pytest.raises(ConfigError, match="did you mean 'd@2'"):
        causes(chain(), "d@22")
    with pytest.raises(ConfigError, match="register a dataset first"):
        causes(Graph(), "anything")
