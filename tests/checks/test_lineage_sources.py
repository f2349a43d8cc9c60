"""unregistered-source, withdrawn-source and lineage-cycle against NetworkX."""

from __future__ import annotations

from dataclasses import replace

import networkx as nx
import pytest

from auditor.checks.lineage_cycle import LineageCycle
from auditor.checks.unregistered_source import UnregisteredSource
from auditor.checks.withdrawn_source import WithdrawnSource
from auditor.model.graph import DERIVATION
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught, pedigree
from tests.lineages import as_networkx, looked, random_pedigree

SEEDS = range(60)


def behind(given: Pedigree) -> set[str]:
    return nx.ancestors(as_networkx(given.graph, DERIVATION), given.node) - {given.node}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_has_no_card_is_unregistered(seed: int) -> None:
    given = random_pedigree(seed)
    gone = min(given.cards)
    given = replace(given, cards={name: card for name, card in given.cards.items() if name != gone})
    nodes = given.graph.nodes
    expected = {
        n for n in behind(given) if nodes[n].kind == "file" or (nodes[n].kind == "dataset" and nodes[n].name == gone)
    }
    values, faults = looked(UnregisteredSource(), given)
    assert {fault["related_dataset"] for fault in faults} == expected
    assert values == {"sources": len(expected)}


def test_the_evidence_says_what_is_missing_and_where_it_goes() -> None:
    versions = {"a@1": Made(seeds=("raw.jsonl", "b@9", "c@1")), "b@1": Made(), "d@1": Made(parents=("a@1",))}
    faults = looked(UnregisteredSource(), pedigree("d@1", versions))[1]
    assert [fault["evidence"] for fault in faults] == [
        "a version that is not registered: b@9 -> a@1 -> d@1",
        "a dataset that has no card: c@1 -> a@1 -> d@1",
        next(f["evidence"] for f in faults if "raw.jsonl" in f["evidence"]),
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_withdrawn_models_are_found_at_any_depth_and_through_equal_rows(seed: int) -> None:
    given = random_pedigree(seed)
    nodes = given.graph.nodes
    joined = as_networkx(given.graph, DERIVATION)
    datasets = [node for node in nodes.values() if node.kind == "dataset" and node.digest]
    joined.add_edges_from((a.id, b.id) for a in datasets for b in datasets if a.digest == b.digest)
    expected = {node for node in nx.ancestors(joined, given.node) if nodes[node].withdrawn}
    values, faults = looked(WithdrawnSource(), given)
    assert {fault["related_dataset"] for fault in faults} == expected
    assert values == {"sources": len(expected)}
    assert all("is withdrawn (leaks): " in fault["evidence"] for fault in faults)


def test_the_way_from_a_withdrawn_model_tells_where_equal_rows_are() -> None:
    versions = {
        "theirs@1": Made(generators=("gpt",), content="rows"),
        "ours@1": Made(kind="real", content="rows"),
        "mix@1": Made(parents=("ours@1",)),
    }
    _, (fault,) = looked(WithdrawnSource(), pedigree("mix@1", versions, models={"gpt": Taught(withdrawn="leaks")}))
    assert fault["evidence"] == "gpt is withdrawn (leaks): gpt -> theirs@1 = ours@1 -> mix@1"


@pytest.mark.parametrize("seed", range(120))
def test_circles_among_what_cannot_change(seed: int) -> None:
    given = random_pedigree(seed)
    nodes = given.graph.nodes
    fixed = {n for n in behind(given) | {given.node} if nodes[n].kind != "model" or nodes[n].version}
    part = as_networkx(given.graph, DERIVATION).subgraph(fixed)
    circles = [c for c in nx.strongly_connected_components(part) if len(c) > 1 or any(part.has_edge(n, n) for n in c)]
    values, faults = looked(LineageCycle(), given)
    assert values == {"cycles": len(circles)}
    assert {fault["related_dataset"] for fault in faults} == {min(circle) for circle in circles}


def test_random_graphs_have_circles_and_none() -> None:
    found = [looked(LineageCycle(), random_pedigree(seed))[0]["cycles"] for seed in range(120)]
    assert min(found.count(0), len(found) - found.count(0)) > 10


def test_a_revision_that_learnt_from_what_it_wrote_is_a_circle_and_a_bare_name_is_not() -> None:
    for model, circles in (("ours@1", 1), ("ours", 0)):
        given = pedigree("a@1", {"a@1": Made(generators=(model,))}, models={model: Taught(trained_on=("a@1",))})
        assert looked(LineageCycle(), given)[0]["cycles"] == circles
