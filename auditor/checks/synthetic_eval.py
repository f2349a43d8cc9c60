"""synthetic-eval: measuring with questions that a model wrote, or with none that are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import DATA, Fault, LineageRoom, Seen, along, generated, told, ways
from auditor.model import tiny
from auditor.model.graph import Graph, Role
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made

MEASURED: frozenset[Role] = frozenset(("eval",))


@check
@dataclass(frozen=True, slots=True)
class SyntheticEval(LineageRoom):
    """An eval set with synthetic ancestors, or training data that names no real eval set.

    What: `ancestors` counts the synthetic datasets among the eval sets that the version names and what they
    were made from (of an eval set: itself and what it was made from). `unnamed` is 1 where synthetic or
    mixed training data names no eval set at all, or none without synthetic ancestors.

    Why it matters: questions that a model wrote cover what the generator thinks of, not what people ask;
    scores on them hold for simple tasks and mislead on harder ones, and small models do better on their own.
    A synthetic set tested only on synthetic questions has never met the world.

    Example: training data and its eval set by the same prompt of the same model, split at random.

    Remedy: name a real eval set (`evals:` on the card, `--eval`), or have people write or check a few hundred
    questions.

    Limits: a synthetic question that people checked still counts; say so in a waiver.

    Source: Maheshwari et al. 2024, "Efficacy of synthetic data as a benchmark", arXiv:2409.11968.
    """

    spec: ClassVar[Spec] = Spec(
        name="synthetic-eval",
        title="Eval sets that were written by models, or are not named",
        measures=(
            Measure(
                "ancestors",
                "datasets",
                "synthetic datasets in and behind the eval sets",
                "measure with questions that people wrote or checked",
            ),
            Measure(
                "unnamed", "datasets", "training data that names no real eval set", "name one on the card (`evals:`)"
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "synthetic_eval.ancestors",
                pedigree=lambda: tiny.pedigree(
                    "train@1",
                    {"train@1": Made(evals=("test@1",)), "test@1": Made(kind="eval", generators=("gpt-4o",))},
                ),
            ),
            Case(
                (),
                "synthetic_eval.unnamed",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": Made()}),
            ),
        ),
        quiet=tuple(
            Case(
                (),
                f"synthetic_eval.{measure}",
                pedigree=lambda: tiny.pedigree(
                    "train@1",
                    {"train@1": Made(evals=("test@1",)), "test@1": Made(kind="eval", technique="human")},
                ),
            )
            for measure in ("ancestors", "unnamed")
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph, me = pedigree.graph, pedigree.node
        about = graph.nodes[me]
        evals = [me] if about.data == "eval" else sorted({edge.source for edge in graph.into(me, MEASURED)})
        found: dict[str, Fault] = {}
        real = 0
        for one in evals:
            down = ways(graph, [one], DATA, up=True)
            synthetic = [node for node in down if generated(graph, node)]
            for node in synthetic:
                found.setdefault(node, Fault("ancestors", node, _sentence(graph, along(down, node))))
            real += not synthetic
        faults = list(found.values())
        if about.data in ("synthetic", "mixed") and not real:
            why = "none of the eval sets it names is free of synthetic ancestors" if evals else "it names no eval set"
            faults.append(Fault("unnamed", me, f"{about}: {why}"))
        return Seen(faults, len(evals))


def _sentence(graph: Graph, down: list[str]) -> str:
    if len(down) == 1:
        return f"the eval set {graph.nodes[down[0]]} was written by a model or a program"
    return f"the eval set {graph.nodes[down[-1]]} was made from synthetic data: {told(graph, down)}"
