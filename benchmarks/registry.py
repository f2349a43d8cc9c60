"""10,000 cards with 30,000 edges: the index made cold, and a whole process that answers warm.

python benchmarks/registry.py [--cards 10000]
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from auditor.model.card import Card, Generator, Lineage, Model, ModelCard, Registered, Revision, Source
from auditor.registry import Workspace, cards, models

ASKED = {
    "find one version": "index.find('d5000', ws)",
    "by digest": "index.by_digest('sha256:' + f'{77:064x}', ws)",
    "graph, upstream and downstream": (
        "g = index.graph(ws); assert g.upstream('dataset:d9999@1'); assert g.downstream('dataset:d0@1')"
    ),
    "graph in order": "g = index.graph(ws); g.order(n for n in g.nodes if n.startswith('dataset:'))",
    "all cards": "index.cards(ws)",
    "all cards and the graph in order": (
        "index.cards(ws); g = index.graph(ws); g.order(n for n in g.nodes if n.startswith('dataset:'))"
    ),
    "what is stale: nearly all": "from auditor import regeneration; assert len(regeneration.look(ws)[0]) > 1",
}


def make(folder: Path, n: int) -> int:
    """Write n cards, each with a generator and two sources among those before it; returns the edges."""
    rng = random.Random(1)
    ws = Workspace(folder)
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    edges = 0
    for number in range(n):
        parents = tuple(Source(f"sha256:{of:064x}", f"d{of}@1", None, 100) for of in before(rng, number))
        generator = Generator(
            Model(f"model-{rng.randrange(40)}", f"r{rng.randrange(5)}"), "provider", {"temperature": 0.7}
        )
        lineage = Lineage("paraphrase", (generator,), parents=parents, people=("Ada",))
        edges += 1 + len(parents)
        version = Registered(1, now, f"data/d{number}.jsonl", f"sha256:{number:064x}", 100, lineage)
        card = Card(f"d{number}", "synthetic", (version,), owner="Ada", licence="CC-BY-4.0")
        place = cards.path(card.name, ws)
        place.parent.mkdir(exist_ok=True)
        place.write_text(cards.dump(card))  # not `save`, which waits for the disk each time
    (folder / models.LOCK).write_text("".join(f'model-{model}: "r1"\n' for model in range(40)))
    models.save(ModelCard("model-1", revisions=(Revision("r1", trained_on=("d3@1",)),)), ws)
    return edges + 1


def before(rng: random.Random, number: int) -> list[int]:
    return sorted({rng.randrange(number) for _ in range(2)}) if number else []


def process(folder: Path, words: str) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak MiB) of a whole Python process that says `words`."""
    start = "from auditor.registry import Workspace, index; from pathlib import Path; ws = Workspace(Path('.')); "
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    peak = "; import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    done = subprocess.run([sys.executable, "-c", start + words + peak], cwd=folder, check=True, capture_output=True)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - usage.ru_utime - usage.ru_stime
    return wall, cpu, float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cards", type=int, default=10_000)
    n = parser.parse_args().cards
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        edges = make(folder, n)
        print(f"{n:,} cards, {edges:,} edges\n\n| | wall s | CPU s | peak MiB |\n| --- | --- | --- | --- |")
        time.sleep(0.2)  # past the tick within which a file is read again
        print(row("index made from nothing", process(folder, "index.graph(ws)")))
        for what, words in ASKED.items():
            print(row(what, min(process(folder, words) for _ in range(3))))
        card = cards.path("d17", Workspace(folder))
        card.write_text(card.read_text().replace("Ada", "Bob"))
        print(row("after one card was edited", process(folder, "index.graph(ws)")))


def row(what: str, measured: tuple[float, float, float]) -> str:
    return f"| {what} | {measured[0]:.2f} | {measured[1]:.2f} | {measured[2]:.0f} |"


if __name__ == "__main__":
    main()
