"""The rooms that read a lineage, over a workspace of ten thousand cards: CPU seconds of each.

    python benchmarks/lineage_rooms.py --nodes 10000 --edges 30000 --repeats 5

The last version descends from most of the graph: every room walks all of it. Versions come in time order,
each from the few hundred before it, and one node in five is a model.
"""

from __future__ import annotations

import argparse
import dataclasses
import datetime as dt
import os
import platform
import random
import statistics
import time

from auditor.core.check import Context, registered
from auditor.model.card import Card, Lineage, Registered
from auditor.model.graph import Edge, Graph, Node
from auditor.model.pedigree import Pedigree
from auditor.registry import kinship
from auditor.registry.workspace import Workspace

NAMES = ("ours", "gpt-4o", "gpt-3.5-turbo", "vicuna-13b", "claude-3-opus", "llama-3.1-8b", "llama-2-7b", "qwen2-72b")
TECHNIQUES = (None, "human", "collected", "self-instruct", "distillation", "paraphrase", "preference-labels")
LICENCES = (None, "cc-by-4.0", "cc-by-nc-4.0", "cc-by-sa-4.0", "mit", "something of our own")
REACH = 400
"""How far back a version's sources lie, in nodes."""


def workspace(nodes: int, edges: int, seed: int = 0) -> Pedigree:
    """The pedigree of the newest of `nodes` datasets and models."""
    draw = random.Random(seed)
    order = [_model(draw, place, nodes) if place % 5 == 0 else _dataset(draw, place) for place in range(nodes)]
    order.append(dataclasses.replace(_dataset(draw, nodes), data="mixed"))
    made = [
        Edge((source := order[draw.randrange(max(0, place - REACH), place)]).id, node.id, _role(draw, source, node))
        for place, node in enumerate(order[1:], 1)
        for _ in range(edges // nodes)
    ]
    # The newest is put together from five hundred, by the models of its time.
    made += [Edge(n.id, order[-1].id, "parent") for n in order[-625:-1] if n.kind == "dataset"]
    made += [Edge(n.id, order[-1].id, draw.choice(("generator", "judge"))) for n in order[-625:-1] if n.kind == "model"]
    cards = {
        node.name: Card(node.name, "mixed", licence=draw.choice(LICENCES)) for node in order if node.kind == "dataset"
    }
    version = Registered(1, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "data.jsonl", "sha256:0", 100, Lineage())
    return Pedigree(
        Card(order[-1].name, "mixed", (version,), purpose="commercial-training", licence="cc-by-4.0"),
        version,
        Graph({node.id: node for node in order}, tuple(made)),
        order[-1].id,
        kinship.load(Workspace.find()),
        dt.date(2026, 1, 31),
        cards=cards,
    )


def _dataset(draw: random.Random, place: int) -> Node:
    ref = f"set-{place // 4}@{1 + place % 4}"
    kind = draw.choice(("synthetic", "real", "mixed", "eval"))
    name, _, version = ref.partition("@")
    rows = draw.randint(1, 10_000)
    technique = draw.choice(TECHNIQUES)
    return Node(f"dataset:{ref}", "dataset", name, version, kind, rows, "current", technique, f"sha256:{place}")


def _model(draw: random.Random, place: int, nodes: int) -> Node:
    name = f"{draw.choice(NAMES)}-{draw.randrange(1 + nodes // 20)}"
    return Node(f"model:{name}@{place}", "model", name, str(place))


def _role(draw: random.Random, source: Node, target: Node) -> str:
    if target.kind == "model":
        return "trained_on" if source.kind == "dataset" else draw.choice(("base", "distilled_from"))
    return draw.choice(("seed", "parent", "eval") if source.kind == "dataset" else ("generator", "judge"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--edges", type=int, default=30_000)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    given = workspace(asked.nodes, asked.edges)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{machine}, load {os.getloadavg()[0]:.1f}")
    above = len(given.graph.upstream(given.node))
    print(f"{len(given.graph.nodes):,} nodes, {len(given.graph.edges):,} edges; {above:,} nodes are upstream\n")
    print("| room | CPU seconds, median | findings |\n| --- | --- | --- |")
    for name, room in registered().items():
        if not hasattr(room, "inspect"):
            continue
        seconds = []
        for _ in range(asked.repeats):
            fresh = dataclasses.replace(given, graph=Graph(given.graph.nodes, given.graph.edges))  # nothing indexed yet
            begun = time.process_time()
            measurement = room().inspect(Context(pedigree=fresh))
            seconds.append(time.process_time() - begun)
        print(f"| {name} | {statistics.median(seconds):.2f} | {len(measurement.tables['faults']):,} |")


if __name__ == "__main__":
    main()
