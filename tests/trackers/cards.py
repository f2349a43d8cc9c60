"""A small family: human seeds, a synthetic set grown from them, and one grown from that; with an eval set beside."""

from __future__ import annotations

import datetime as dt
import hashlib

from auditor.model.card import Card, Generator, Lineage, Model, Prompt, Registered, Source, Tracked
from auditor.model.graph import Edge, Graph, Node, Role

DAY = dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC)
PROMPT = "Write a task like {{seed}}.\n"


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def registered(number: int, letter: str, rows: int, lineage: Lineage | None = None) -> Registered:
    lineage = lineage or Lineage(technique="human", people=("Ann",))
    return Registered(
        number,
        DAY + dt.timedelta(days=number),
        f"data/{letter}.jsonl",
        digest(letter),
        rows,
        lineage,
        dvc=Tracked("5d41402abc4b2a76b9719d911017c592", 1234, f"data/{letter}.jsonl.dvc"),
        supersedes=number - 1 or None,
    )


SEEDS = Card("seeds", "real", (registered(1, "a", 175),), owner="team:data", licence="CC-BY-4.0")
EVALS = Card("exam", "eval", (registered(1, "e", 40),))
MADE = Card(
    "made",
    "synthetic",
    (
        registered(
            1,
            "b",
            9000,
            Lineage(
                technique="self-instruct",
                generators=(
                    Generator(
                        Model("acme/big-model", "2026-01-15"), "acme", {"temperature": 0.7, "stop": None}, digest("f")
                    ),
                ),
                prompts=(
                    Prompt("grow", "sha256:" + hashlib.sha256(PROMPT.encode()).hexdigest(), file="prompts/grow.txt"),
                ),
                seeds=(Source(digest("a"), "seeds@1", rows=175), Source(digest("c"), file="https://u:pw@h.example/web.jsonl")),
                evals=(Source(digest("e"), "exam@1"),),
                judges=(Model("judge-model", "3"),),
                fields={"response": "distillation"},
            ),
        ),
    ),
    owner="team:data",
    purpose="research",
    description="Tasks grown from the seeds.",
)  # fmt: skip
GROWN = Card(
    "grown",
    "mixed",
    (
        registered(1, "d", 12000, Lineage(technique="paraphrase", parents=(Source(digest("b"), "made@1"),),
                   generators=(Generator(Model("small-model")),))),
    ),
)  # fmt: skip
CARDS = (SEEDS, EVALS, MADE, GROWN)


def graph(*cards: Card) -> Graph:
    """Of the cards that are registered so far."""
    nodes: dict[str, Node] = {}
    edges: list[Edge] = []
    for card in cards:
        for version in card.versions:
            here = f"dataset:{card.ref(version)}"
            nodes[here] = Node(here, "dataset", card.name, str(version.version), card.kind, version.rows,
                               version.status, version.lineage.technique, version.digest)  # fmt: skip
    for card in cards:
        for version in card.versions:
            here = f"dataset:{card.ref(version)}"
            roles: list[tuple[Role, Source]] = [("seed", s) for s in version.lineage.seeds]
            roles += [("parent", s) for s in version.lineage.parents]
            roles += [("eval", s) for s in version.lineage.evals]
            for role, source in roles:
                name = (
                    f"dataset:{source.dataset}" if source.dataset else f"file:{source.file}@{str(source.digest)[7:19]}"
                )
                nodes.setdefault(name, Node(name, "dataset" if source.dataset else "file", str(source)))
                edges.append(Edge(name, here, role, source.rows))
            for generator in version.lineage.generators:
                name = f"model:{generator.model}"
                nodes[name] = Node(name, "model", generator.model.name, generator.model.revision)
                edges.append(Edge(name, here, "generator", generator.rows))
    return Graph(nodes, tuple(edges))
