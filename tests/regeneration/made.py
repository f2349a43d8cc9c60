"""Cards and graphs in a few words, and a present that is a dictionary."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.card import Card, Generator, Judged, Lineage, Model, Prompt, Refresh, Registered, Source
from auditor.model.graph import Edge, Graph, Node, Role
from auditor.model.seen import Seen

DAY = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PROMPT = "sha256:" + "b" * 64


def lineage(
    *models: str, seeds: tuple[str, ...] = (), parents: tuple[str, ...] = (), judges: tuple[str, ...] = ()
) -> Lineage:
    return Lineage(
        generators=tuple(Generator(Model.parse(model)) for model in models),
        seeds=tuple(Source(digest(ref), ref) for ref in seeds),
        parents=tuple(Source(digest(ref), ref) for ref in parents),
        judges=tuple(Model.parse(model) for model in judges),
    )


def digest(ref: str) -> str:
    return f"sha256:{ref}"


def card(name: str, *lineages: Lineage, status: str = "current", **facts: object) -> Card:
    """A card with a version a lineage; the last has `status`, those before it are superseded."""
    versions = tuple(
        Registered(
            version=number,
            date=DAY,
            path=f"data/{name}.jsonl",
            digest=digest(f"{name}@{number}"),
            rows=10 * number,
            lineage=each,
            status=status if number == len(lineages) else "superseded",  # type: ignore[arg-type]
        )
        for number, each in enumerate(lineages, 1)
    )
    return Card(name, "synthetic", versions, **facts)  # type: ignore[arg-type]


def graph(
    cards: Mapping[str, Card],
    trained: Mapping[str, tuple[str, ...]] | None = None,
    withdrawn: Mapping[str, str] | None = None,
) -> Graph:
    nodes: dict[str, Node] = {}
    edges = []

    def model(text: str) -> str:
        about = Model.parse(text)
        why = (withdrawn or {}).get(text)
        return add(Node(f"model:{text}", "model", about.name, about.revision, withdrawn=why))

    def data(ref: str) -> str:
        name, _, version = ref.rpartition("@")
        return add(Node(f"dataset:{ref}", "dataset", name, version, digest=digest(ref)))

    def source(about: Source) -> str:
        if about.dataset:
            return data(about.dataset)
        return add(Node(f"file:{about.file}@{about.digest}", "file", str(about.file), digest=about.digest))

    def add(node: Node) -> str:
        nodes.setdefault(node.id, node)
        return node.id

    for each in cards.values():
        for version in each.versions:
            target = data(each.ref(version))
            made = version.lineage
            edges += [Edge(model(str(g.model)), target, "generator") for g in made.generators]
            edges += [Edge(model(str(j)), target, "judge") for j in made.judges]
            roles: tuple[tuple[Role, tuple[Source, ...]], ...] = (("seed", made.seeds), ("parent", made.parents))
            edges += [Edge(source(s), target, role) for role, found in roles for s in found]
    for name, refs in (trained or {}).items():
        edges += [Edge(data(ref), model(name), "trained_on") for ref in refs]
    return Graph(nodes, tuple(edges))


@dataclass
class Now:
    """revisions: by model name. Everything else stays as recorded unless it is named here."""

    revisions: Mapping[str, str | None] = field(default_factory=dict)
    prompts: Mapping[str, str | None] = field(default_factory=dict)
    files: Mapping[str, str | None] = field(default_factory=dict)
    verdicts: Mapping[str, str | None] = field(default_factory=dict)

    def model(self, generator: Generator) -> Seen:
        return seen(self.revisions.get(generator.model.name, generator.model.revision))

    def judge(self, model: Model) -> Seen | None:
        return seen(self.revisions[model.name]) if model.name in self.revisions else None

    def prompt(self, prompt: Prompt) -> Seen:
        return seen(self.prompts.get(prompt.name, prompt.digest))

    def file(self, source: Source) -> Seen:
        return seen(self.files.get(str(source), source.digest))

    def grounds(self, card: Card, version: Registered) -> Mapping[str, Seen]:
        assert version.verdict is not None
        return {key: seen(self.verdicts.get(key, was)) for key, was in version.verdict.digests.items()}


def seen(value: str | None) -> Seen:
    return Seen(value, "" if value else "the server is away")


__all__ = ["Judged", "Prompt", "Refresh"]
