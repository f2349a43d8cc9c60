"""unregistered-source: files and datasets in the ancestry that nobody registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen, along, ancestry, told, ways
from auditor.model import tiny
from auditor.model.graph import DERIVATION, Node
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made


@check
@dataclass(frozen=True, slots=True)
class UnregisteredSource(LineageRoom):
    """A seed or parent, at any depth, that no card stands behind.

    What: `sources` counts the files and datasets upstream of the version that are not registered versions:
    files given by path, and references to a dataset or version that has no card (any more). A file whose
    rows are registered under a name counts as that version.

    Why it matters: there the lineage ends in the dark. Who wrote it, under which licence, whether it is
    itself synthetic, and whether it is still the same file: nobody can say.

    Example: `--seeds seeds.jsonl` where seeds.jsonl came from a colleague.

    Remedy: `auditor register NAME FILE` for each, with what is known of it; versions that use the same rows
    are joined to it by digest.

    Limits: models are not sources; what they were trained on is asked for by no one but their makers.

    Source: Gebru et al. 2021, "Datasheets for datasets", arXiv:1803.09010, section 3.3 (collection process).
    """

    spec: ClassVar[Spec] = Spec(
        name="unregistered-source",
        title="Sources that nobody registered",
        measures=(
            Measure(
                "sources",
                "datasets",
                "files and datasets behind it that have no card",
                "register them: auditor register NAME FILE",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "unregistered_source.sources",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": Made(seeds=("seeds.jsonl",))}),
            ),
            Case(
                (),
                "unregistered_source.sources",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": Made(parents=("gone@3",))}),
            ),
        ),
        quiet=(
            Case(
                (),
                "unregistered_source.sources",
                pedigree=lambda: tiny.pedigree(
                    "train@1", {"train@1": Made(seeds=("seeds@1",)), "seeds@1": Made(kind="real")}
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph = pedigree.graph
        sources = [
            graph.nodes[node] for node in ancestry(pedigree)[1:] if graph.nodes[node].kind in ("dataset", "file")
        ]
        down = ways(graph, [pedigree.node], DERIVATION, up=True)
        faults = [
            Fault("sources", node.id, f"{_what(pedigree, node)}: {told(graph, along(down, node.id))}")
            for node in sources
            if node.kind == "file" or not _registered(pedigree, node)
        ]
        return Seen(faults, len(sources))


def _registered(pedigree: Pedigree, node: Node) -> bool:
    card = pedigree.cards.get(node.name)
    return card is not None and any(str(version.version) == node.version for version in card.versions)


def _what(pedigree: Pedigree, node: Node) -> str:
    if node.kind == "file":
        return "a file that is not registered"
    return "a version that is not registered" if node.name in pedigree.cards else "a dataset that has no card"
