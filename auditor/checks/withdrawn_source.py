"""withdrawn-source: data that a withdrawn model had a part in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen, along, told, ways
from auditor.model import tiny
from auditor.model.graph import DERIVATION
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught


@check
@dataclass(frozen=True, slots=True)
class WithdrawnSource(LineageRoom):
    """A version that a withdrawn model wrote, judged, or taught the writer of.

    What: `sources` counts the models upstream of the version, through any number of datasets and models,
    that `auditor withdraw` took out of use. Datasets with the same rows are one, whoever registered them.

    Why it matters: a model is withdrawn because what it wrote must not be used: it leaked, its terms changed,
    its training data was not its maker's. What it wrote stays in every dataset that came of it until they
    are made again.

    Example: a teacher is withdrawn; the student it taught wrote last month's preference pairs.

    Remedy: `auditor impact MODEL` names what it touched, `auditor stale` says in which order to make it
    again, and `auditor regenerate` does so with what `models.lock.yaml` names now.

    Limits: a model that is withdrawn as a whole is withdrawn at every revision; one revision alone is not the
    others.

    Source: NIST AI 100-1 (2023), "AI risk management framework", GOVERN 1.7 (decommissioning systems safely).
    """

    spec: ClassVar[Spec] = Spec(
        name="withdrawn-source",
        title="Withdrawn models in the ancestry",
        measures=(
            Measure(
                "sources",
                "models",
                "withdrawn models that had a part in it, through any depth",
                "make it again with another model: auditor regenerate",
            ),
        ),
        needs=("lineage",),
        version=2,
        fires=(
            Case(
                (),
                "withdrawn_source.sources",
                pedigree=lambda: tiny.pedigree(
                    "pairs@1",
                    {"pairs@1": Made(generators=("student@1",)), "lessons@1": Made(generators=("teacher@1",))},
                    models={
                        "student@1": Taught(trained_on=("lessons@1",)),
                        "teacher@1": Taught(withdrawn="it repeats its training data"),
                    },
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "withdrawn_source.sources",
                pedigree=lambda: tiny.pedigree(
                    "pairs@1",
                    {"pairs@1": Made(generators=("student@2",))},
                    models={"student@1": Taught(withdrawn="an early try"), "student@2": Taught()},
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph = pedigree.graph
        down = ways(graph, [pedigree.node], DERIVATION, up=True, twins=True)
        models = [node for node in down if graph.nodes[node].kind == "model"]
        faults = [
            Fault(
                "sources",
                node,
                f"{graph.nodes[node]} is withdrawn ({why}): {told(graph, along(down, node))}",
            )
            for node in models
            if (why := graph.nodes[node].withdrawn) is not None
        ]
        return Seen(faults, len(models))
