"""eval-ancestry: training data and an eval set that came from the same data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import CONTENT, DATA, Fault, LineageRoom, Seen, along, told, ways
from auditor.model import tiny
from auditor.model.graph import Graph, Role
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught

MEASURED: frozenset[Role] = frozenset(("eval",))


@check
@dataclass(frozen=True, slots=True)
class EvalAncestry(LineageRoom):
    """An eval set that shares an ancestor or a seed with training data, or is one.

    What: `shared` counts the eval sets, of the workspace and of those that the card names, that were made
    from the same dataset or file as this version, or are its ancestors; of an eval set, the training data
    that shares with it. The version's own ancestry is followed through seeds, parents and the training data
    of its generators, to any depth; the eval set's through seeds and parents. Equal digests are one dataset,
    whatever they are called.

    Why it matters: a score on questions that the model has seen in other words measures memory. Rewritten
    test items escape every comparison of n-grams, and lift a 13B model to GPT-4's level on MMLU and GSM8K
    (Yang et al. 2023); the lineage knows where they came from.

    Example: problems rewritten from a test set are declared as seeds of the training data.

    Remedy: make the data again without that source, or measure with a set that has another origin. Disjoint
    splits of one set share a parent: show by comparing the rows that they are disjoint, and waive this with
    that reason.

    Limits: only what is declared is followed; undeclared-source and the comparison of rows find the rest.

    Source: Yang et al. 2023, "Rethinking benchmark and contamination for language models with rephrased
    samples", arXiv:2311.04850.
    """

    spec: ClassVar[Spec] = Spec(
        name="eval-ancestry",
        title="Eval sets and training data of common origin",
        measures=(
            Measure(
                "shared",
                "datasets",
                "eval sets that share an ancestor with it (of an eval set: training data)",
                "make it again without the common source, or measure with a set of another origin",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "eval_ancestry.shared",
                pedigree=lambda: tiny.pedigree(
                    "train@1",
                    {
                        "train@1": Made(seeds=("rewritten@1",)),
                        "rewritten@1": Made(seeds=("test@1",)),
                        "test@1": Made(kind="eval"),
                    },
                ),
            ),
            Case(
                (),
                "eval_ancestry.shared",
                pedigree=lambda: tiny.pedigree(
                    "train@1",
                    {
                        "train@1": Made(generators=("ours@1",)),
                        "lessons@1": Made(parents=("items.jsonl",)),
                        "test@1": Made(kind="eval", parents=("items.jsonl",)),
                    },
                    models={"ours@1": Taught(trained_on=("lessons@1",))},
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "eval_ancestry.shared",
                pedigree=lambda: tiny.pedigree(
                    "train@1",
                    {
                        "train@1": Made(seeds=("seeds@1",), generators=("gpt-4o@2024-08-06",), evals=("test@1",)),
                        "seeds@1": Made(kind="real"),
                        "test@1": Made(kind="eval", seeds=("other@1",), generators=("gpt-4o@2024-08-06",)),
                        "other@1": Made(kind="real"),
                    },
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph, me = pedigree.graph, pedigree.node
        measures = graph.nodes[me].data == "eval"
        mine, theirs = (DATA, CONTENT) if measures else (CONTENT, DATA)
        others = _training(pedigree) if measures else _evals(pedigree)
        down = ways(graph, [me], mine, up=True)
        above = _above(graph, down)
        common = ways(graph, above, theirs, up=False)
        # In rising order of version: the newest speaks for a dataset.
        found = {graph.nodes[node].name: node for node in others if node in common}
        faults = []
        for node in found.values():
            there = along(common, node)[::-1]
            here = along(down, above[there[0]])
            faults.append(Fault("shared", node, _sentence(graph, here, there)))
        return Seen(faults, len({graph.nodes[node].name for node in others}))


def _above(graph: Graph, down: Iterable[str]) -> dict[str, str]:
    """The datasets and files among these nodes, and those with the same rows under other names -> the node
    that they equal."""
    data = [node for node in down if graph.nodes[node].kind in ("dataset", "file")]
    digests: dict[str, str] = {}
    for node in data:
        digests.setdefault(graph.nodes[node].digest or node, node)
    equal = {
        n.id: digests[n.digest] for n in graph.nodes.values() if n.digest in digests and n.kind in ("dataset", "file")
    }
    return equal | {node: node for node in data}


def _evals(pedigree: Pedigree) -> list[str]:
    graph = pedigree.graph
    named = {edge.source for edge in graph.into(pedigree.node, MEASURED)}
    known = (n.id for n in graph.nodes.values() if n.kind == "dataset" and n.data == "eval" and n.status != "rejected")
    return sorted({*named, *known}, key=lambda node: _age(graph, node))


def _training(pedigree: Pedigree) -> list[str]:
    """What models are trained on: synthetic and mixed data, what a model was trained on, and what names this
    eval set as its own; not the eval set itself."""
    graph, me = pedigree.graph, pedigree.graph.nodes[pedigree.node]
    found = {n.id for n in graph.nodes.values() if n.data in ("synthetic", "mixed") and n.status != "rejected"}
    for edge in graph.edges:
        if edge.role == "trained_on":
            found.add(edge.source)
        elif edge.role == "eval" and graph.nodes[edge.source].name == me.name:
            found.add(edge.target)
    return sorted((node for node in found if graph.nodes[node].name != me.name), key=lambda node: _age(graph, node))


def _age(graph: Graph, node: str) -> tuple[str, int, str]:
    about = graph.nodes[node]
    version = about.version or ""
    return about.name, int(version) if version.isdecimal() else 0, node


def _sentence(graph: Graph, here: list[str], there: list[str]) -> str:
    """here: from what is common down to the version; there: from its equal down to the other."""
    other = graph.nodes[there[-1]]
    if len(here) == len(there) == 1:
        return f"{graph.nodes[here[0]]} and {other} are the same rows"
    if len(there) == 1:
        return f"it was made from {other}: {told(graph, here)}"
    if len(here) == 1:
        return f"{other} was made from it: {told(graph, there)}"
    return f"{graph.nodes[here[0]]} is behind both: {told(graph, here)}, and {told(graph, there)}"
