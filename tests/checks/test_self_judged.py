"""self-judged against a search of every pair."""

from __future__ import annotations

import networkx as nx
import pytest

from auditor.checks.self_judged import SelfJudged
from auditor.core.check import Context
from auditor.core.lineage.inspections import CONTENT
from auditor.model.kinship import key
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught, pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests.lineages import as_networkx, looked, random_pedigree

KINSHIP = kinship.load(Workspace.find())


def by_search(given: Pedigree) -> dict[tuple[str, str], str]:
    """(judge, generator) -> closest relation, by asking about every pair."""
    graph, names = given.graph, {node.id: node.name for node in given.graph.nodes.values()}
    rows = as_networkx(graph, {"parent"})
    upstream = {given.node, *nx.ancestors(as_networkx(graph, CONTENT | {"prompt", "judge"}), given.node)}
    content = as_networkx(graph, CONTENT).subgraph(upstream)
    base = as_networkx(graph, {"base"}).subgraph(upstream)
    found = {}
    for dataset in nx.ancestors(rows, given.node) | {given.node}:
        for judge in (e.source for e in graph.edges if e.target == dataset and e.role == "judge"):
            for below in nx.ancestors(rows, dataset) | {dataset}:
                for writer in (e.source for e in graph.edges if e.target == below and e.role == "generator"):
                    by_name = KINSHIP.relation(names[judge], names[writer])
                    if key(names[judge]) == key(names[writer]):
                        found[judge, writer] = "same"
                    elif by_name == "family" or nx.has_path(base, judge, writer) or nx.has_path(base, writer, judge):
                        found[judge, writer] = "family"
                    elif by_name or nx.has_path(content, judge, writer) or nx.has_path(content, writer, judge):
                        found[judge, writer] = "distilled"
    return found


@pytest.mark.parametrize("seed", range(60))
def test_pairs_and_their_relation_are_those_of_a_search(seed: int) -> None:
    given = random_pedigree(seed, kinship=KINSHIP)
    expected = by_search(given)
    values, faults = looked(SelfJudged(), given)
    assert values == {"pairs": len(expected), "same": list(expected.values()).count("same")}
    assert sorted(fault["related_dataset"] for fault in faults) == sorted(judge for judge, _ in expected)
    slices = SelfJudged().inspect(Context(pedigree=given)).slices
    seen = {s.group: s.metric.value for s in slices}
    assert seen == {relation: list(expected.values()).count(relation) for relation in set(expected.values())}


def test_random_graphs_have_all_three_relations() -> None:
    found = [r for seed in range(150) for r in by_search(random_pedigree(seed, kinship=KINSHIP)).values()]
    assert min(found.count(relation) for relation in ("same", "family", "distilled")) > 10


def test_a_judge_of_parents_rows_counts_and_one_of_seeds_does_not() -> None:
    versions = {
        "answers@1": Made(generators=("gpt-4o@2024-08-06",)),
        "kept@1": Made(parents=("answers@1",), judges=("gpt-4o-mini@2024-07-18",)),
        "new@1": Made(seeds=("answers@1",), judges=("gpt-4o-mini@2024-07-18",), generators=("claude-3-opus@1",)),
    }
    values, (fault,) = looked(SelfJudged(), pedigree("kept@1", versions, kinship=KINSHIP))
    assert values["pairs"] == 1
    assert (
        fault["evidence"] == "gpt-4o-mini@2024-07-18 judged rows that gpt-4o@2024-08-06 wrote: they are of one family"
    )
    assert looked(SelfJudged(), pedigree("new@1", versions, kinship=KINSHIP))[0]["pairs"] == 0


def test_what_the_workspace_trained_is_known_without_tables() -> None:
    taught = {"student@1": Taught(trained_on=("lessons@1",), base="some-base@1")}
    lessons = {"lessons@1": Made(generators=("teacher@1",))}
    for judge, relation in (("teacher@1", "distilled"), ("some-base@1", "family"), ("student@2", "same")):
        given = pedigree("x@1", {**lessons, "x@1": Made(generators=("student@1",), judges=(judge,))}, models=taught)
        (found,) = SelfJudged().inspect(Context(pedigree=given)).slices
        assert found.group == relation
