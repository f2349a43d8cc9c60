"""Random lineage graphs, drawn from a seed: what the lineage rooms are held against their oracles on."""

from __future__ import annotations

import random
from typing import Any

import networkx as nx

from auditor.core.check import Context
from auditor.model import tiny
from auditor.model.graph import Graph
from auditor.model.kinship import Kinship
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Facts, Made, Taught

MODELS = ("ours", "mine", "gpt-4o", "gpt-3.5-turbo", "vicuna-13b", "claude-3-opus", "llama-3.1-8b", "llama-2-7b")
TECHNIQUES = (None, "human", "collected", "self-instruct", "distillation", "paraphrase", "preference-labels")
LICENCES = (None, "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "mit", "something of our own")
PURPOSES = (None, "commercial-training", "research", "evaluation", "who knows")


def random_pedigree(seed: int, *, kinship: Kinship | None = None, cycles: bool = True) -> Pedigree:
    """A workspace of a few datasets and models with every kind of edge; with `cycles`, some lead back."""
    draw = random.Random(seed)
    refs = [f"d{i}@{v}" for i in range(draw.randint(1, 6)) for v in range(1, draw.randint(2, 4))]
    draw.shuffle(refs)
    models = [f"{name}@{revision}" for name in draw.sample(MODELS, draw.randint(1, 5)) for revision in (1, 2)]
    models += draw.sample(MODELS, draw.randint(0, 2))

    def some(among: list[str], most: int) -> tuple[str, ...]:
        return tuple(draw.sample(among, min(len(among), draw.randint(0, most))))

    versions: dict[str, Made] = {}
    for place, ref in enumerate(refs):
        earlier = refs if cycles and draw.random() < 0.15 else refs[:place]
        parents = some(earlier, 2)
        made = Made(
            kind=draw.choice(("synthetic", "synthetic", "real", "mixed", "eval")),
            technique=draw.choice(TECHNIQUES),
            generators=some(models, 2) if draw.random() < 0.6 else (),
            prompts=some(["write", "rewrite"], 1),
            seeds=some([*earlier, "seeds.jsonl"], 2),
            parents=parents,
            evals=some(refs, 1),
            judges=some(models, 2) if draw.random() < 0.4 else (),
            rows=draw.randint(1, 1000),
            shares={parent: draw.randint(1, 400) for parent in parents if draw.random() < 0.5},
            content=draw.choice((None, None, None, None, "the same rows")),
        )
        versions[ref] = made
    # A model knows the datasets before a place of its own, so that without `cycles` time runs one way.
    taught: dict[str, Taught] = {}
    for model in models:
        used = [place for place, ref in enumerate(refs) if model in (*versions[ref].generators, *versions[ref].judges)]
        before = refs if cycles else refs[: min(used, default=len(refs))]
        taught[model] = Taught(
            trained_on=some(before, 2) if draw.random() < 0.6 else (),
            base=draw.choice([None, None, "base-model@1"]),
            distilled_from=("teacher@1",) if draw.random() < 0.2 else (),
            withdrawn="leaks" if draw.random() < 0.2 else None,
        )
    facts = {
        ref.partition("@")[0]: Facts(
            owner=draw.choice((None, "team")), purpose=draw.choice(PURPOSES), licence=draw.choice(LICENCES)
        )
        for ref in refs
    }
    return tiny.pedigree(draw.choice(refs), versions, models=taught, cards=facts, kinship=kinship)


def as_networkx(graph: Graph, roles: frozenset[str] | set[str]) -> nx.MultiDiGraph:
    """The graph's edges of those roles, for oracles."""
    found = nx.MultiDiGraph()
    found.add_nodes_from(graph.nodes)
    found.add_edges_from((edge.source, edge.target, {"role": edge.role}) for edge in graph.edges if edge.role in roles)
    return found


def looked(check: Any, pedigree: Pedigree) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """(value by measure, faults) of a room, as `core.measure` and a report would have them."""
    measurement = check.inspect(Context(pedigree=pedigree))
    values = {metric.name.partition(".")[2]: metric.value for metric in measurement.metrics}
    return values, measurement.tables["faults"].to_pylist()
