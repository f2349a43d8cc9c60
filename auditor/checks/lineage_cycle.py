"""lineage-cycle: versions that are recorded as their own ancestors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen, ancestry, told
from auditor.model import tiny
from auditor.model.graph import Graph
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught


@check
@dataclass(frozen=True, slots=True)
class LineageCycle(LineageRoom):
    """A version that came, by its record, from what was made of it.

    What: `cycles` counts the circles in the version's ancestry among things that cannot change: versions of
    datasets, prompts, files, and models with a revision. Circles that share a node are one. A model without
    a revision stands for all of them and may well come back; that is feedback-loop's question.

    Why it matters: time does not run in circles, so one of the cards is wrong; until it is mended, no order
    of regeneration exists, depth has no number, and impact names everything.

    Example: a hand-edited card gives `b@1` as parent of `a@1`, and `a@1` is a parent of `b@1`.

    Remedy: mend the card that was edited (git blame on `datasets/*.yaml` says when), or name the revision of
    the model that was really used.

    Limits: a wrong edge that closes no circle looks like any other.

    Source: W3C 2013, "Constraints of the PROV data model": what is derived was generated after its source.
    """

    spec: ClassVar[Spec] = Spec(
        name="lineage-cycle",
        title="Versions that are their own ancestors",
        measures=(
            Measure("cycles", "cycles", "circles in the recorded ancestry", "mend the card whose sources are wrong"),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "lineage_cycle.cycles",
                pedigree=lambda: tiny.pedigree("a@1", {"a@1": Made(parents=("b@1",)), "b@1": Made(parents=("a@1",))}),
            ),
        ),
        quiet=(
            Case(
                (),
                "lineage_cycle.cycles",
                pedigree=lambda: tiny.pedigree(
                    "a@2",
                    {"a@1": Made(generators=("ours",)), "a@2": Made(parents=("a@1",), generators=("ours",))},
                    models={"ours": Taught(trained_on=("a@1",))},
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph = pedigree.graph
        fixed = {
            node: about
            for node in ancestry(pedigree)
            if (about := graph.nodes[node]).kind != "model" or about.version is not None
        }
        part = Graph(fixed, tuple(e for e in graph.edges if e.source in fixed and e.target in fixed))
        faults = [
            Fault("cycles", cycle[0], f"recorded in a circle: {told(graph, [*cycle, cycle[0]])}", len(cycle))
            for cycle in part.cycles()
        ]
        return Seen(faults, len(fixed))
