"""self-judged: rows that were chosen or scored by a relative of the model that wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import CONTENT, ROWS, WROTE, Fault, LineageRoom, Seen, ancestry, reaching
from auditor.model import kinship, tiny
from auditor.model.graph import Role
from auditor.model.kinship import Family, Relation
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Made, Taught

JUDGED: frozenset[Role] = frozenset(("judge",))
TUNED: frozenset[Role] = frozenset(("base",))

WORDS: Mapping[Relation, str] = {
    "same": "they are one model",
    "family": "they are of one family",
    "distilled": "one learnt from the other's output",
}


@check
@dataclass(frozen=True, slots=True)
class SelfJudged(LineageRoom):
    """Rows judged by the model that wrote them, or by a relative of it.

    What: `pairs` counts pairs of a judge and a generator, of this version or of the parents whose rows are
    in it, that are the same model (whatever its revision), of one family, or one distilled from the other;
    sliced by that relation, the closest; `same` counts the first kind alone. What is a relative: the tables
    in `expectations/lineage`, and what the workspace's own models were tuned from and trained on.

    Why it matters: a judge prefers its own words, and those it taught: GPT-4 recognises and favours its own
    summaries (Panickssery et al. 2024), and judges favour students of their own or their relatives' data (Li
    et al. 2025). What such a judge let through is what it would have written itself.

    Example: answers by gpt-4o-mini, filtered by gpt-4o: `family`. Answers by Vicuna, scored by GPT-4:
    `distilled`.

    Remedy: judge with a model of another family, or with several of them and people on a sample.

    Limits: a relation that its maker did not publish is not in the tables.

    Source: the three relations of Li et al. 2025, "Preference leakage", arXiv:2502.01534; Panickssery et al.
    2024, "LLM evaluators recognize and favor their own generations", arXiv:2404.13076.
    """

    spec: ClassVar[Spec] = Spec(
        name="self-judged",
        title="Judges that are relatives of the model they judge",
        measures=(
            Measure(
                "pairs",
                "pairs",
                "judge and generator are one model, of one family, or one learnt from the other",
                "judge again with a model of another family",
            ),
            Measure("same", "pairs", "those of them that are one model"),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "self_judged.pairs",
                pedigree=lambda: tiny.pedigree(
                    "best@1", {"best@1": Made(generators=("gpt-4o@2024-08-06",), judges=("gpt-4o@2024-11-20",))}
                ),
            ),
            Case(
                (),
                "self_judged.pairs",
                pedigree=lambda: tiny.pedigree(
                    "best@1",
                    {
                        "best@1": Made(generators=("ours@1",), judges=("teacher@1",)),
                        "lessons@1": Made(generators=("teacher@1",)),
                    },
                    models={"ours@1": Taught(trained_on=("lessons@1",))},
                ),
            ),
        ),
        quiet=(
            Case(
                (),
                "self_judged.pairs",
                pedigree=lambda: tiny.pedigree(
                    "best@1", {"best@1": Made(generators=("gpt-4o@2024-08-06",), judges=("claude-opus@20240229",))}
                ),
            ),
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        graph = pedigree.graph
        rows = ancestry(pedigree, ROWS)
        models = sorted({edge.source for node in rows for edge in graph.into(node, WROTE | JUDGED)})
        bit = {model: 1 << place for place, model in enumerate(models)}
        written = {node: _union(bit[edge.source] for edge in graph.into(node, WROTE)) for node in rows}
        wrote = reaching(graph, rows, written, ROWS)
        judged: dict[str, int] = {}
        for node in rows:
            for edge in graph.into(node, JUDGED):
                judged[edge.source] = judged.get(edge.source, 0) | wrote[node]
        relatives = Relatives.among(pedigree, bit)
        faults = [
            _fault(pedigree, judge, models[place], relation)
            for judge, writers in sorted(judged.items())
            for relation, kin in relatives.of(judge, writers).items()
            for place in _places(kin)
        ]
        same = sum(fault.by == ("relation", "same") for fault in faults)
        return Seen(faults, sum(writers.bit_count() for writers in judged.values()), {"same": same})


def _fault(pedigree: Pedigree, judge: str, writer: str, relation: Relation) -> Fault:
    names = pedigree.graph.nodes
    sentence = f"{names[judge]} judged rows that {names[writer]} wrote: {WORDS[relation]}"
    return Fault("pairs", judge, sentence, by=("relation", relation))


@dataclass(frozen=True, slots=True)
class Relatives:
    """Sets of models as bits of an integer, so that thousands of judges and generators are paired in one
    step each. same: by the name all revisions share. families: with the models in each. tuned, taught: by
    model, those whose weights or words are in it, or it in theirs, as the graph has it."""

    pedigree: Pedigree
    same: Mapping[str, int]
    families: Mapping[str, tuple[Family, int]]
    tuned: Mapping[str, int]
    taught: Mapping[str, int]

    @classmethod
    def among(cls, pedigree: Pedigree, bit: Mapping[str, int]) -> Relatives:
        graph = pedigree.graph
        same: dict[str, int] = {}
        families: dict[str, tuple[Family, int]] = {}
        for model, mine in bit.items():
            name = graph.nodes[model].name
            same[kinship.key(name)] = same.get(kinship.key(name), 0) | mine
            family = pedigree.kinship.family(name)
            if family is not None:
                families[family.name] = (family, families.get(family.name, (family, 0))[1] | mine)
        above = ancestry(pedigree)
        tuned, taught = (_both_ways(reaching(graph, above, bit, roles), bit) for roles in (TUNED, CONTENT))
        return cls(pedigree, same, families, tuned, taught)

    def of(self, judge: str, writers: int) -> dict[Relation, int]:
        """Those of the writers that are the judge's relatives, each under its closest relation."""
        name = self.pedigree.graph.nodes[judge].name
        mine = self.pedigree.kinship.family(name)
        kin: dict[Relation, int] = {
            "same": self.same[kinship.key(name)],
            "family": self.tuned[judge],
            "distilled": self.taught[judge],
        }
        if mine is not None:
            for theirs, models in self.families.values():
                relation = self.pedigree.kinship.akin(mine, theirs)
                if relation is not None:
                    kin[relation] |= models
        found: dict[Relation, int] = {}
        for closest, models in kin.items():
            found[closest] = models & writers
            writers &= ~models
        return found


def _both_ways(reached: Mapping[str, int], bit: Mapping[str, int]) -> dict[str, int]:
    """For each model, those upstream of it and those downstream."""
    models = list(bit)
    found = {model: reached[model] for model in models}
    for model in models:
        for place in _places(reached[model]):
            found[models[place]] |= bit[model]
    return found


def _union(bits: Iterable[int]) -> int:
    return reduce(or_, bits, 0)


def _places(bits: int) -> Iterator[int]:
    while bits:
        low = bits & -bits
        yield low.bit_length() - 1
        bits ^= low
