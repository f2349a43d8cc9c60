"""real-share: the two regimes of Gerstgrasser et al. 2024, and shares recomputed with fractions."""

from __future__ import annotations

from fractions import Fraction

import networkx as nx
import pytest

from auditor.checks.real_share import RealShare
from auditor.core.check import Context
from auditor.model.pedigree import Pedigree
from auditor.model.techniques import TECHNIQUES
from auditor.model.tiny import Made, Taught, pedigree
from tests.lineages import as_networkx, looked, random_pedigree

ROUNDS = 6


def rounds(accumulate: bool) -> Pedigree:
    """Round 0 is 100 real rows; each later round has 100 rows of a model trained on the round before, and
    with `accumulate` everything of the rounds before as well."""
    versions = {"round-0@1": Made(kind="real", technique="human")}
    taught = {}
    for i in range(1, ROUNDS + 1):
        taught[f"model@{i}"] = Taught(trained_on=(f"round-{i - 1}@1",))
        versions[f"new-{i}@1"] = Made(generators=(f"model@{i}",))
        parents = (f"round-{i - 1}@1", f"new-{i}@1") if accumulate else (f"new-{i}@1",)
        versions[f"round-{i}@1"] = Made(kind="mixed", parents=parents, rows=100 * (i + 1) if accumulate else 100)
    return pedigree(f"round-{ROUNDS}@1", versions, models=taught)


def test_accumulating_keeps_the_real_rows_and_replacing_loses_them() -> None:
    """Section 2 of the paper: after n rounds the real share is 1/(n + 1), or nothing."""
    kept, faults = looked(RealShare(), rounds(accumulate=True))
    assert kept["share"] == pytest.approx(1 / (ROUNDS + 1))
    assert (kept["accumulated"], kept["lost"], faults) == (1, 0, [])
    replaced, (fault,) = looked(RealShare(), rounds(accumulate=False))
    assert (replaced["share"], replaced["accumulated"], replaced["lost"]) == (0, 0, 100)
    assert fault["related_dataset"] == "dataset:round-0@1"
    assert fault["evidence"] == "100 real rows of round-0@1 taught its generators and are not in it"


def share(given: Pedigree, node: str) -> tuple[Fraction, Fraction]:
    """(known, possible) share of real rows, by the sentences of the docstring."""
    about = given.graph.nodes[node]
    parents = [e for e in given.graph.edges if e.target == node and e.role == "parent"]
    generators = [e for e in given.graph.edges if e.target == node and e.role == "generator"]
    technique = TECHNIQUES.get(about.technique or "")
    written = bool(generators) or bool(technique and technique.written in ("model", "program"))
    if about.data == "synthetic" or (written and about.data != "mixed"):
        return Fraction(0), Fraction(0)
    if about.data is None:
        return Fraction(0), Fraction(1)
    assert about.rows
    sizes = {e.source: e.rows if e.rows is not None else given.graph.nodes[e.source].rows for e in parents}
    total = Fraction(sum(size or 0 for size in sizes.values()))
    squeeze = min(Fraction(1), about.rows / total) if total else Fraction(0)
    low = high = Fraction(0)
    for parent, size in sizes.items():
        known, possible = share(given, parent)
        low += known * (size or 0) * squeeze
        high += possible * (size or 0) * squeeze
    own = about.rows - total * squeeze
    unknown = about.data == "mixed" or None in sizes.values()
    if not (about.data == "mixed" and generators):
        high += own
        low += 0 if unknown else own
    return low / about.rows, high / about.rows


@pytest.mark.parametrize("seed", range(60))
def test_shares_are_those_of_fractions(seed: int) -> None:
    given = random_pedigree(seed, cycles=False)
    metric = RealShare().inspect(Context(pedigree=given)).metrics[0]
    low, high = share(given, given.node)
    assert metric.value == pytest.approx(float(low))
    assert (metric.low, metric.high) == (
        (None, None) if low == high else (pytest.approx(float(low)), pytest.approx(float(high)))
    )


@pytest.mark.parametrize("seed", range(60))
def test_what_was_lost_is_what_no_parent_holds(seed: int) -> None:
    given = random_pedigree(seed)
    rows, graph = as_networkx(given.graph, {"parent"}), given.graph
    content = as_networkx(graph, {"generator", "seed", "parent", "trained_on", "base", "distilled_from"})
    behind = nx.ancestors(content, given.node) | {given.node}
    taught = {e.source for e in graph.edges if e.role == "trained_on" and e.target in behind}
    lessons = {n for t in taught for n in nx.ancestors(rows, t) | {t} if rows.in_degree(n) == 0}
    inside = nx.ancestors(rows, given.node) | {given.node}
    values, faults = looked(RealShare(), given)
    total = sum(graph.nodes[n].rows or 0 for n in lessons)
    if not total:
        assert values["accumulated"] is values["lost"] is None
        return
    assert values["accumulated"] == pytest.approx(1 - sum(graph.nodes[n].rows or 0 for n in lessons - inside) / total)
    real = {n: round((graph.nodes[n].rows or 0) * share(given, n)[0]) for n in lessons - inside}
    assert values["lost"] == sum(real.values())
    assert {fault["related_dataset"] for fault in faults} == {n for n, count in real.items() if count}
