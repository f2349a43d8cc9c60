"""synthetic-depth: how many generations of synthetic data stand behind a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import (
    CONTENT,
    DATA,
    Fault,
    LineageRoom,
    Seen,
    ancestry,
    by_machine,
    generated,
    told,
)
from auditor.model import tiny
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught


@check
@dataclass(frozen=True, slots=True)
class SyntheticDepth(LineageRoom):
    """Synthetic data made from synthetic data: the number of generations.

    What: `generations` is the longest chain of writing behind the version. What people wrote has none; what
    a model or a program wrote has one more than the deepest of its seeds, parents and generators; what was
    only collected, mixed, filtered or labelled is as deep as its deepest source; a model is as deep as the
    deepest data it was trained on, or its base, and one deeper than a model it was distilled from (as the
    graph or the table of families has it).

    Why it matters: errors and narrowing of each generation are the next one's truth; language models
    trained on the output of their predecessors lose the tails within a few generations.

    Example: gpt-4o writes `a` (1); `ours` is trained on `a` and writes `b` (2); gpt-4o rewrites `b` into
    `c` (3).

    Remedy: go back to sources that people wrote for the next version, or mix them in (see real-share).

    Limits: a provider's model counts as trained on no synthetic data unless its maker said so, so the number
    is a lower bound. Where the lineage leads in a circle there is no number; see feedback-loop, lineage-cycle.

    Source: Shumailov et al. 2024, Nature 631, 755-759 (generations 0 to 9 of OPT-125m on wikitext2, figure 1).
    """

    spec: ClassVar[Spec] = Spec(
        name="synthetic-depth",
        title="Generations of synthetic ancestors",
        measures=(
            Measure(
                "generations",
                "generations",
                "longest chain of models and programs writing from each other's output",
                "make the next version from sources that people wrote, or mix them in",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "synthetic_depth.generations",
                pedigree=lambda: tiny.pedigree(
                    "b@1",
                    {"a@1": Made(generators=("gpt-4o@2024-08-06",)), "b@1": Made(generators=("ours@1",))},
                    models={"ours@1": Taught(trained_on=("a@1",))},
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "synthetic_depth.generations",
                pedigree=lambda: tiny.pedigree(
                    "mix@1",
                    {
                        "mix@1": Made(kind="real", parents=("a@1", "b@1")),
                        "a@1": Made(kind="real", technique="human"),
                        "b@1": Made(kind="real", technique="collected"),
                    },
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph, nodes = pedigree.graph, ancestry(pedigree, CONTENT)
        depth: dict[str, int] = {}
        deepest: dict[str, str] = {}
        for component in graph.components(nodes, CONTENT):
            node = component[0]
            edges = graph.into(node, CONTENT)
            if len(component) > 1 or any(edge.source == node for edge in edges):
                return Seen(unknown={"generations": f"the lineage leads in a circle through {graph.nodes[node]}"})
            # A distillation leaves out the dataset that was written for it.
            behind = [(depth[edge.source] + (edge.role == "distilled_from"), edge.source) for edge in edges]
            most, source = max(behind, default=(0, ""))
            depth[node] = most + _wrote(pedigree, node)
            if graph.nodes[node].kind == "model":
                depth[node] = max(depth[node], pedigree.kinship.generations(graph.nodes[node].name))
            if source:
                deepest[node] = source
        generations = depth[pedigree.node]
        chain = [pedigree.node]
        while chain[-1] in deepest and depth[chain[-1]]:
            chain.append(deepest[chain[-1]])
        faults = [
            Fault("generations", pedigree.node, f"{generations} generations: {told(graph, chain[::-1])}", generations)
            for _ in range(generations > 1)
        ]
        return Seen(faults, len(nodes), {"generations": generations})


def _wrote(pedigree: Pedigree, node: str) -> int:
    """1 where a model or a program wrote this dataset's own rows; what is called synthetic without a writer
    has its sources' rows, or else was written by somebody."""
    graph = pedigree.graph
    if graph.nodes[node].kind != "dataset" or not generated(graph, node):
        return 0
    return int(by_machine(graph, node) or not graph.into(node, DATA))
