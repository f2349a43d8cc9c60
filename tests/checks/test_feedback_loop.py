"""feedback-loop against a search from every output of every model."""

from __future__ import annotations

import networkx as nx
import pytest

from auditor.checks.feedback_loop import FeedbackLoop
from auditor.core.check import Context
from auditor.core.lineage.inspections import CONTENT
from auditor.model.kinship import key
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught, pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace
from tests.lineages import as_networkx, looked, random_pedigree


def by_search(given: Pedigree) -> dict[str, int]:
    """Name of a model that its own output leads to -> steps of its shortest loop."""
    content = as_networkx(given.graph, CONTENT)
    behind = nx.ancestors(content, given.node) | {given.node}
    wrote = [(e.source, e.target) for e in given.graph.edges if e.role == "generator"]
    names = {node: key(given.graph.nodes[node].name) for node, _ in wrote}
    loops: dict[str, int] = {}
    for model in {model for model, dataset in wrote if dataset in behind}:
        for other, dataset in wrote:
            if names[other] == names[model] and dataset in behind and nx.has_path(content, dataset, model):
                steps = 1 + nx.shortest_path_length(content, dataset, model)
                loops[names[model]] = min(steps, loops.get(names[model], steps))
    return loops


@pytest.mark.parametrize("seed", range(60))
def test_loops_are_those_of_a_search(seed: int) -> None:
    given = random_pedigree(seed)
    expected = by_search(given)
    values, faults = looked(FeedbackLoop(), given)
    assert values == {"loops": len(expected), "length": min(expected.values(), default=0)}
    assert sorted(fault["score"] for fault in faults) == sorted(expected.values())
    assert {fault["evidence"].partition(" ")[0] for fault in faults} == expected.keys()


def test_random_graphs_have_loops_and_none() -> None:
    found = [len(by_search(random_pedigree(seed))) for seed in range(200)]
    assert found.count(0) > 50
    assert len(found) - found.count(0) > 50


def test_through_many_models_and_datasets() -> None:
    """ours@1 -> a -> second -> b -> third -> c -> ours@2 -> d: six steps from ours back to ours."""
    versions = {
        "a@1": Made(generators=("ours@1",)),
        "b@1": Made(generators=("second@1",)),
        "c@1": Made(generators=("third@1",)),
        "d@1": Made(generators=("ours@2",)),
        "e@1": Made(kind="mixed", parents=("d@1",)),
    }
    taught = {
        "second@1": Taught(trained_on=("a@1",)),
        "third@1": Taught(trained_on=("b@1",)),
        "ours@2": Taught(trained_on=("c@1",)),
    }
    for start in ("d@1", "e@1"):
        values, (fault,) = looked(FeedbackLoop(), pedigree(start, versions, models=taught))
        assert values == {"loops": 1, "length": 6}
        assert fault["related_dataset"] == "model:ours@2"
        assert "its own output: ours@1 -> a@1 -> second@1 -> … 2 more … -> c@1 -> ours@2" in fault["evidence"]
    assert looked(FeedbackLoop(), pedigree("c@1", versions, models=taught))[0]["loops"] == 0


def test_snapshots_of_one_model_are_one_model() -> None:
    versions = {
        "a@1": Made(generators=("gpt-4o-2024-05-13",)),
        "b@1": Made(generators=("openai/gpt-4o-2024-08-06",)),
    }
    taught = {"openai/gpt-4o-2024-08-06": Taught(trained_on=("a@1",))}
    assert looked(FeedbackLoop(), pedigree("b@1", versions, models=taught))[0]["loops"] == 1


def test_relatives_are_a_note() -> None:
    versions = {"a@1": Made(generators=("gpt-3.5-turbo@1",)), "b@1": Made(generators=("gpt-4o@1",))}
    given = pedigree(
        "b@1", versions, models={"gpt-4o@1": Taught(trained_on=("a@1",))}, kinship=kinship.load(Workspace.find())
    )
    measurement = FeedbackLoop().inspect(Context(pedigree=given))
    assert [metric.value for metric in measurement.metrics] == [0, 0]
    assert measurement.notes == ("learnt from the output of models of its own family: gpt-4o",)
