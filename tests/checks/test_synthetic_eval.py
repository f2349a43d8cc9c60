"""synthetic-eval against sets of ancestors."""

from __future__ import annotations

import networkx as nx
import pytest

from auditor.checks.synthetic_eval import SyntheticEval
from auditor.core.lineage.inspections import DATA
from auditor.model.pedigree import Pedigree
from auditor.model.techniques import TECHNIQUES
from auditor.model.tiny import Made, pedigree
from tests.lineages import as_networkx, looked, random_pedigree


def by_sets(given: Pedigree) -> tuple[set[str], bool]:
    """(synthetic datasets in and behind the eval sets, whether one eval set has none)."""
    graph, data = given.graph, as_networkx(given.graph, DATA)
    wrote = {e.target for e in graph.edges if e.role == "generator"}
    by_machine = {name for name, technique in TECHNIQUES.items() if technique.written in ("model", "program")}
    synthetic = {
        n.id for n in graph.nodes.values() if n.data == "synthetic" or n.id in wrote or n.technique in by_machine
    }
    evals = {e.source for e in graph.edges if e.role == "eval" and e.target == given.node}
    if graph.nodes[given.node].data == "eval":
        evals = {given.node}
    behind = {one: (nx.ancestors(data, one) | {one}) & synthetic for one in evals}
    return set().union(*behind.values()), any(not found for found in behind.values())


@pytest.mark.parametrize("seed", range(60))
def test_ancestors_are_those_of_the_sets(seed: int) -> None:
    given = random_pedigree(seed)
    values, faults = looked(SyntheticEval(), given)
    synthetic, real = by_sets(given)
    assert values["ancestors"] == len(synthetic)
    assert {f["related_dataset"] for f in faults if f["metric"].endswith("ancestors")} == synthetic
    training = given.graph.nodes[given.node].data in ("synthetic", "mixed")
    assert values["unnamed"] == int(training and not real)


def test_one_real_eval_is_enough_and_people_may_rewrite() -> None:
    versions = {
        "train@1": Made(evals=("made@1", "real@1")),
        "made@1": Made(kind="eval", parents=("rewritten@1",), technique="human"),
        "rewritten@1": Made(generators=("gpt-4o@1",)),
        "real@1": Made(kind="eval", technique="human"),
    }
    values, (fault,) = looked(SyntheticEval(), pedigree("train@1", versions))
    assert values == {"ancestors": 1, "unnamed": 0}
    assert fault["evidence"] == "the eval set made@1 was made from synthetic data: rewritten@1 -> made@1"
