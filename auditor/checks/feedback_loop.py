"""feedback-loop: a generator that descends from its own output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import CONTENT, WROTE, Fault, LineageRoom, Seen, ancestry, reaching, told, way
from auditor.model import kinship, tiny
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught


@check
@dataclass(frozen=True, slots=True)
class FeedbackLoop(LineageRoom):
    """A model in the ancestry that was trained on what it, or an earlier revision of it, wrote.

    What: models are nodes of the lineage graph, with edges from the datasets they were trained on. `loops`
    counts the models, among those that wrote this version or anything it came from, whose own output leads
    back to them through any number of datasets and models; all revisions of a name are one model. `length`
    is the number of steps of the shortest loop (model to dataset to model: 2).

    Why it matters: a model trained on its own output forgets the tails of the distribution first and the
    rest later ("model collapse"), and each round looks as good as the last to the model itself.

    Example: `ours@1` writes `sft@1`; `ours@2` is trained on `sft@1` and writes `sft@2`: one loop of length 2.

    Remedy: break the loop with data that another model or people wrote, keep the real data of every round
    (see real-share), or verify each round's rows from outside (tests, solvers, people).

    Limits: a loop through a provider's training data is not seen; models of one family that lead to each
    other are told as a note. A round of self-improvement that is wanted needs a waiver with its reason.

    Source: Shumailov et al. 2024, "AI models collapse when trained on recursively generated data", Nature 631,
    755-759; Alemohammad et al. 2023, "Self-consuming generative models go MAD", arXiv:2307.01850.
    """

    spec: ClassVar[Spec] = Spec(
        name="feedback-loop",
        title="Models that descend from their own output",
        measures=(
            Measure(
                "loops",
                "models",
                "models of the ancestry that were trained on their own output",
                "write the next round with another model, or verify it from outside and waive this with the reason",
            ),
            Measure("length", "steps", "steps of the shortest loop; 0 where there is none"),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "feedback_loop.loops",
                pedigree=lambda: tiny.pedigree(
                    "sft@2",
                    {"sft@1": Made(generators=("ours@1",)), "sft@2": Made(generators=("ours@2",))},
                    models={"ours@2": Taught(trained_on=("sft@1",))},
                ),
            ),
            Case(
                (),
                "feedback_loop.length",
                pedigree=lambda: tiny.pedigree(
                    "sft@1", {"sft@1": Made(generators=("ours",))}, models={"ours": Taught(trained_on=("sft@1",))}
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "feedback_loop.loops",
                pedigree=lambda: tiny.pedigree(
                    "sft@2",
                    {"sft@1": Made(generators=("teacher@1",)), "sft@2": Made(generators=("ours@1",))},
                    models={"ours@1": Taught(trained_on=("sft@1",), base="teacher@1")},
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph, nodes = pedigree.graph, ancestry(pedigree, CONTENT)
        writers = sorted({edge.source for node in nodes for edge in graph.into(node, WROTE)})
        names = {model: kinship.key(graph.nodes[model].name) for model in writers}
        looped = _own(pedigree, nodes, names)
        loops: dict[str, list[str]] = {}
        for model in looped:
            wrote = {
                edge.target for other in writers if names[other] == names[model] for edge in graph.out_of(other, WROTE)
            }
            down = way(graph, wrote, model, CONTENT)
            first = min(e.source for e in graph.into(down[0], WROTE) if names.get(e.source) == names[model])
            loop = [first, *down]
            if names[model] not in loops or len(loop) < len(loops[names[model]]):
                loops[names[model]] = loop
        faults = [
            Fault("loops", loop[-1], f"{name} learnt from its own output: {told(graph, loop)}", len(loop) - 1)
            for name, loop in loops.items()
        ]
        shortest = min((len(loop) - 1 for loop in loops.values()), default=0)
        return Seen(
            faults, len(set(names.values())), {"length": shortest}, notes=_relatives(pedigree, nodes, names, loops)
        )


def _own(pedigree: Pedigree, nodes: list[str], groups: dict[str, str]) -> list[str]:
    """The models that the output of their own group reaches. groups: model -> group."""
    graph = pedigree.graph
    bit = {group: 1 << place for place, group in enumerate(sorted(set(groups.values())))}
    marks: dict[str, int] = {}
    for model, group in groups.items():
        for edge in graph.out_of(model, WROTE):
            marks[edge.target] = marks.get(edge.target, 0) | bit[group]
    reached = reaching(graph, nodes, marks, CONTENT)
    return [model for model, group in groups.items() if reached[model] & bit[group]]


def _relatives(
    pedigree: Pedigree, nodes: list[str], names: dict[str, str], loops: dict[str, list[str]]
) -> tuple[str, ...]:
    """What is no loop of one model, and one of its family."""
    families = {model: pedigree.kinship.family(name) for model, name in names.items()}
    lines = {model: family.line or family.name for model, family in families.items() if family is not None}
    found = sorted({names[model] for model in _own(pedigree, nodes, lines)} - loops.keys())
    if not found:
        return ()
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    return (f"learnt from the output of models of its own family: {shown}",)
