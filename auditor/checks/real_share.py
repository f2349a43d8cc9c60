"""real-share: how much of a version people wrote, and whether real data of earlier rounds was kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import CONTENT, ROWS, WROTE, Fault, LineageRoom, Seen, ancestry, generated
from auditor.model import tiny
from auditor.model.graph import Graph, Role
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught

TRAINED: frozenset[Role] = frozenset(("trained_on",))


@check
@dataclass(frozen=True, slots=True)
class RealShare(LineageRoom):
    """The share of real rows by ancestry, and whether each round accumulates data or replaces it.

    What: `share` is the share of the version's rows that people wrote. A version that a model or a program
    wrote has none, whatever it was shown; one that people wrote, or that was collected, and has no parents
    is all real; one that was put together has its parents' shares, weighted by the rows that each gave (as
    the card says, or else by their sizes), and rows that no parent gave are its own kind. Its interval is
    what the unregistered part could make of it. `accumulated` is the share of the rows that its generators
    (and theirs, through any depth) were trained on that are in it, by ancestry: 1 where every round keeps
    the data of the rounds before, 0 where it replaces them. `lost` counts the real ones of those rows that
    are not in it. Both speak of rounds, so they have no value where no generator's training data is known.

    Why it matters: models trained on the newest synthetic data alone ("replace") get worse round by round
    without end; where the real data and all earlier rounds are kept ("accumulate"), the error stays
    bounded, however small the share of real rows becomes.

    Example: `ours@1` is trained on 1,000 real rows and writes `s`. A version of `s` alone has share 0,
    accumulated 0 and 1,000 rows lost; `s` and the 1,000 rows together have accumulated 1 and none lost.

    Remedy: keep the real data in every round (`--parent`), or mix it in when training and say so.

    Limits: rows are counted by the cards, not compared; the checks of verified lineage read them.

    Source: Gerstgrasser et al. 2024, "Is model collapse inevitable? Breaking the curse of recursion by
    accumulating real and synthetic data", arXiv:2404.01413.
    """

    spec: ClassVar[Spec] = Spec(
        name="real-share",
        title="Real rows by ancestry, kept or replaced",
        measures=(
            Measure("share", "share", "rows that people wrote, by ancestry"),
            Measure("accumulated", "share", "rows its generators were trained on that are in it"),
            Measure(
                "lost",
                "rows",
                "real rows that its generators were trained on and that are not in it",
                "put the real data back in beside the synthetic (a parent), in every round",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "real_share.lost",
                pedigree=lambda: tiny.pedigree(
                    "s@1",
                    {"real@1": Made(kind="real", technique="human"), "s@1": Made(generators=("ours@1",))},
                    models={"ours@1": Taught(trained_on=("real@1",))},
                ),
            ),
            Case(
                (),
                "real_share.share",
                pedigree=lambda: tiny.pedigree(
                    "mix@1", {"mix@1": Made(kind="mixed", parents=("real@1",)), "real@1": Made(kind="real", rows=40)}
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "real_share.lost",
                pedigree=lambda: tiny.pedigree(
                    "mix@1",
                    {
                        "real@1": Made(kind="real", technique="human"),
                        "s@1": Made(generators=("ours@1",)),
                        "mix@1": Made(kind="mixed", parents=("real@1", "s@1"), rows=200),
                    },
                    models={"ours@1": Taught(trained_on=("real@1",))},
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph, me = pedigree.graph, pedigree.node
        lessons = _lessons(pedigree)
        shares = _shares(graph, {*_with_parents(graph, [me]), *lessons})
        low, high = shares[me]
        rows = graph.nodes[me].rows or 0
        values: dict[str, float] = {"share": low}
        ranges = {"share": (low, high)} if low != high else {}
        total = sum(lessons.values())
        if not total:
            why = "nothing is known of what its generators were trained on"
            return Seen((), rows, values, {"accumulated": why, "lost": why}, ranges)
        inside = _with_parents(graph, [me])
        missing = {node: size for node, size in lessons.items() if node not in inside}
        faults = []
        for node, size in missing.items():
            real = round(size * shares[node][0])
            if real:
                sentence = f"{real} real rows of {graph.nodes[node]} taught its generators and are not in it"
                faults.append(Fault("lost", node, sentence, real))
        values["accumulated"] = 1 - sum(missing.values()) / total
        values["lost"] = sum(int(fault.score or 0) for fault in faults)
        return Seen(faults, rows, values, ranges=ranges)


def _lessons(pedigree: Pedigree) -> dict[str, int]:
    """Rows of what the generators behind the version were trained on: of the datasets that were not put
    together from others, so that none is counted twice."""
    graph = pedigree.graph
    taught = {edge.source for node in ancestry(pedigree, CONTENT) for edge in graph.into(node, TRAINED)}
    found = _with_parents(graph, taught)
    return {node: graph.nodes[node].rows or 0 for node in sorted(found) if not graph.into(node, ROWS)}


def _with_parents(graph: Graph, starts: Iterable[str]) -> set[str]:
    found = set(starts)
    queue = list(found)
    while queue:
        for edge in graph.into(queue.pop(), ROWS):
            if edge.source not in found:
                found.add(edge.source)
                queue.append(edge.source)
    return found


def _shares(graph: Graph, nodes: Iterable[str]) -> dict[str, tuple[float, float]]:
    """(known, possible) share of real rows of each node. On a circle nothing is known."""
    found: dict[str, tuple[float, float]] = {}
    for component in graph.components(nodes, ROWS):
        for node in component:
            found[node] = _share(graph, node, found) if len(component) == 1 else (0.0, 1.0)
    return found


def _share(graph: Graph, node: str, known: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    about, parents = graph.nodes[node], graph.into(node, ROWS)
    if about.data == "synthetic" or (generated(graph, node) and about.data != "mixed"):
        return 0.0, 0.0
    if about.data is None:  # a file, or a version that nobody registered
        return 0.0, 1.0
    given = [float((graph.nodes[e.source].rows or 0) if e.rows is None else e.rows) for e in parents]
    rows = float(about.rows or sum(given))
    if not rows:
        return 0.0, 1.0
    # Parents that give more rows than there are have each given a part.
    scale = min(1.0, rows / sum(given)) if sum(given) else 0.0
    shares = [known.get(edge.source, (0.0, 1.0)) for edge in parents]
    low, high = (sum(g * scale * s[side] for g, s in zip(given, shares, strict=True)) for side in (0, 1))
    own = rows - sum(given) * scale
    if about.data == "mixed" and graph.into(node, WROTE):
        return low / rows, high / rows
    if about.data == "mixed" or any(edge.rows is None and not graph.nodes[edge.source].rows for edge in parents):
        return low / rows, (high + own) / rows
    return (low + own) / rows, (high + own) / rows
