"""eval-ancestry against sets of ancestors."""

from __future__ import annotations

import networkx as nx
import pytest

from auditor.checks.eval_ancestry import EvalAncestry
from auditor.core.lineage.inspections import CONTENT, DATA
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught, pedigree
from tests.lineages import as_networkx, looked, random_pedigree


def by_sets(given: Pedigree) -> set[str]:
    """Names of the eval sets (of an eval set: of training data) that share a dataset or file with the version."""
    graph, me = given.graph, given.graph.nodes[given.node]

    def origin(node: str, roles: frozenset[str]) -> set[str]:
        behind = nx.ancestors(as_networkx(graph, roles), node) | {node}
        data = [graph.nodes[n] for n in behind if graph.nodes[n].kind in ("dataset", "file")]
        return {n.id for n in data} | {n.digest for n in data if n.digest}

    if me.data == "eval":
        training = {n.id for n in graph.nodes.values() if n.data in ("synthetic", "mixed")}
        training |= {e.source for e in graph.edges if e.role == "trained_on"}
        training |= {e.target for e in graph.edges if e.role == "eval" and graph.nodes[e.source].name == me.name}
        mine = origin(given.node, DATA)
        others = {n for n in training if graph.nodes[n].name != me.name}
        return {graph.nodes[n].name for n in others if mine & origin(n, CONTENT)}
    evals = {n.id for n in graph.nodes.values() if n.data == "eval"}
    evals |= {e.source for e in graph.edges if e.role == "eval" and e.target == given.node}
    mine = origin(given.node, CONTENT)
    return {graph.nodes[n].name for n in evals if mine & origin(n, DATA)}


@pytest.mark.parametrize("seed", range(60))
def test_shared_origins_are_those_of_the_sets(seed: int) -> None:
    given = random_pedigree(seed)
    values, faults = looked(EvalAncestry(), given)
    expected = by_sets(given)
    assert {given.graph.nodes[fault["related_dataset"]].name for fault in faults} == expected
    assert values == {"shared": len(expected)}


def test_random_graphs_have_both() -> None:
    found = [len(by_sets(random_pedigree(seed))) for seed in range(200)]
    assert found.count(0) > 30
    assert len(found) - found.count(0) > 30


@pytest.mark.parametrize(
    ("versions", "evidence"),
    [
        (
            {"train@1": Made(seeds=("test@1",)), "test@1": Made(kind="eval")},
            "it was made from test@1: test@1 -> train@1",
        ),
        (
            {"train@1": Made(kind="real"), "test@1": Made(kind="eval", parents=("train@1",))},
            "test@1 was made from it: train@1 -> test@1",
        ),
        (
            {"train@1": Made(seeds=("web.jsonl",)), "test@1": Made(kind="eval", parents=("web.jsonl",))},
            "is behind both: web.jsonl",
        ),
        (
            {"train@1": Made(content="same"), "test@1": Made(kind="eval", content="same")},
            "train@1 and test@1 are the same rows",
        ),
        (
            {
                "train@1": Made(seeds=("copy@1",)),
                "copy@1": Made(kind="real", content="same"),
                "test@1": Made(kind="eval", content="same"),
            },
            "it was made from test@1: copy@1 -> train@1",
        ),
    ],
)
def test_the_evidence_says_how(versions: dict[str, Made], evidence: str) -> None:
    (fault,) = looked(EvalAncestry(), pedigree("train@1", versions))[1]
    assert evidence in fault["evidence"]
    (other,) = looked(EvalAncestry(), pedigree("test@1", {**versions, "user@1": Made(kind="eval")}, models={
        "m@1": Taught(trained_on=("train@1",))}))[1]  # fmt: skip
    assert other["related_dataset"] == "dataset:train@1"


def test_a_rejected_eval_is_none() -> None:
    versions = {"train@1": Made(seeds=("test@1",)), "test@1": Made(kind="eval", status="rejected")}
    assert looked(EvalAncestry(), pedigree("train@1", versions))[0]["shared"] == 0
