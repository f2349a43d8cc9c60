"""synthetic-depth against every path of the ancestry."""

from __future__ import annotations

import networkx as nx
import pytest

from auditor.checks.synthetic_depth import SyntheticDepth
from auditor.core.lineage.inspections import CONTENT
from auditor.model.pedigree import Pedigree
from auditor.model.techniques import TECHNIQUES
from auditor.model.tiny import Made, Taught, pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests.lineages import as_networkx, looked, random_pedigree

KINSHIP = kinship.load(Workspace.find())


def by_paths(given: Pedigree) -> int:
    """The most writings on any path that ends in the version, each path walked by itself."""
    graph = given.graph

    def weight(node: str) -> int:
        about, into = graph.nodes[node], [edge.role for edge in graph.edges if edge.target == node]
        if about.kind != "dataset":
            return 0
        technique = TECHNIQUES.get(about.technique or "")
        if "generator" in into or (technique and technique.written in ("model", "program")):
            return 1
        return int(about.data == "synthetic" and "seed" not in into and "parent" not in into)

    def walk(node: str, so_far: int) -> list[int]:
        mine = so_far + weight(node)
        about = graph.nodes[node]
        ends = [mine + (KINSHIP.generations(about.name) if about.kind == "model" else 0)]
        for edge in graph.edges:
            if edge.target == node and edge.role in CONTENT:
                ends += walk(edge.source, mine + (edge.role == "distilled_from"))
        return ends

    return max(walk(given.node, 0))


@pytest.mark.parametrize("seed", range(60))
def test_depth_is_the_most_of_any_path(seed: int) -> None:
    given = random_pedigree(seed, kinship=KINSHIP, cycles=False)
    assert looked(SyntheticDepth(), given)[0]["generations"] == by_paths(given)


@pytest.mark.parametrize("seed", range(60))
def test_a_circle_has_no_depth(seed: int) -> None:
    given = random_pedigree(seed, kinship=KINSHIP)
    content = as_networkx(given.graph, CONTENT)
    behind = content.subgraph(nx.ancestors(content, given.node) | {given.node})
    value = looked(SyntheticDepth(), given)[0]["generations"]
    assert (value is None) == (not nx.is_directed_acyclic_graph(behind))


def test_the_shipped_example_and_what_only_moves_rows() -> None:
    versions = {
        "people@1": Made(kind="real", technique="human"),
        "a@1": Made(generators=("gpt-4o@1",), seeds=("people@1",)),
        "b@1": Made(generators=("ours@1",)),
        "c@1": Made(generators=("gpt-4o@1",), seeds=("b@1",), technique="paraphrase"),
        "kept@1": Made(parents=("c@1",), technique="preference-labels", judges=("claude@1",)),
        "mixed@1": Made(kind="mixed", parents=("kept@1", "people@1")),
        "answered@1": Made(kind="real", technique="human", seeds=("c@1",)),
    }
    taught = {"ours@1": Taught(trained_on=("a@1",))}
    expected = {"people@1": 0, "a@1": 1, "b@1": 2, "c@1": 3, "kept@1": 3, "mixed@1": 3, "answered@1": 3}
    for ref, generations in expected.items():
        values, faults = looked(SyntheticDepth(), pedigree(ref, versions, models=taught, kinship=KINSHIP))
        assert values["generations"] == generations, ref
        assert [fault["score"] for fault in faults] == ([generations] if generations > 1 else [])
    assert "a@1 -> ours@1 -> b@1 -> c@1" in looked(
        SyntheticDepth(), pedigree("c@1", versions, models=taught, kinship=KINSHIP)
    )[1][0]["evidence"]  # fmt: skip


def test_a_distilled_writer_stands_a_generation_deeper() -> None:
    versions = {"a@1": Made(generators=("vicuna-13b@1",)), "b@1": Made(generators=("ours@1",))}
    taught = {"ours@1": Taught(distilled_from=("gpt-4o@1",))}
    for ref in versions:
        assert looked(SyntheticDepth(), pedigree(ref, versions, models=taught, kinship=KINSHIP))[0] == {
            "generations": 2
        }
