"""Kill a regeneration at random moments: the workspace reads back whole, and the next run completes.

python -m tests.soak.kill_regenerate --kills 200
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import yaml

from auditor.core import objects
from auditor.regeneration import look
from auditor.registry import cards, index, models
from auditor.registry.workspace import Workspace
from tests.regeneration import chain

WORKER = """
import sys
from pathlib import Path
from auditor.registry.workspace import Workspace
from tests.regeneration import chain
done = chain.regenerate(Workspace(Path(sys.argv[1])))
sys.exit(0 if all(one.what in ("current", "turned away", "left alone") for one in done) else repr(done))
"""


def campaign(kills: int, seed: int, folder: Path, every: int = 1) -> int:
    """Number of kills that hit a running regeneration. every: so many kills stand between two runs that
    are let be, so that a killed run's successor is killed as well.

    Raises AssertionError where anything was left broken, lost or made for nothing.
    """
    random_ = random.Random(seed)
    ws = chain.lay(folder / "ws", rows=8)
    chain.ran(ws.root)
    chain.lock(ws.root, "writer", "r0")
    took, hit, idle = let_be(ws), 0, True
    for kill in range(1, kills + 1):
        if idle:
            # Every third is turned away at its gate, and has to leave everything as it was.
            chain.lock(ws.root, "writer", "refuser" if kill // every % 3 == 2 else f"r{kill}")
        process = start(ws.root)
        time.sleep(random_.uniform(0.2, took))
        idle = process.poll() is not None
        hit += not idle
        process.send_signal(signal.SIGKILL)
        process.wait()
        whole(ws)
        if kill % every == 0 or kill == kills:
            let_be(ws)
            idle = True
    assert "c talker@1" not in chain.ran(ws.root), "the other branch was made too"
    return hit


def let_be(ws: Workspace) -> float:
    """Seconds that a run to its end takes."""
    begun = time.monotonic()
    last = start(ws.root)
    last.wait()
    assert last.returncode == 0, (ws.root / "worker.log").read_text()[-4000:]
    settled(ws)
    return time.monotonic() - begun


def start(root: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with (root / "worker.log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", WORKER, str(root)], env=environment, stdout=log, stderr=log)


def whole(ws: Workspace) -> None:
    """Whatever was cut off, every file can be read and says what can be."""
    fresh = Workspace(ws.root)
    for name in cards.names(fresh):
        card = cards.load(name, fresh)
        assert card.current is not None, f"{name} has no current version"
        assert [version.version for version in card.versions] == list(range(1, len(card.versions) + 1))
        assert len({version.version for version in card.versions if version.status == "current"}) == 1
    assert index.graph(fresh).nodes
    assert models.locked(fresh)
    # DVC may be at work still, and writes its lock in place: it is whole once DVC is done (`settled`).


def settled(ws: Workspace) -> None:
    """After a run that was let be: nothing is left to do, and what lies in place is what the cards say."""
    fresh = Workspace(ws.root)
    (a, b) = (cards.load(name, fresh) for name in ("a", "b"))
    lock = yaml.safe_load((ws.root / "dvc.lock").read_text())["stages"]
    for card in (a, b):
        current = card.current
        assert current is not None
        assert current.dvc is not None
        lies = objects.content(ws.root / current.path).md5
        assert lies == current.dvc.md5 == lock[card.name]["outs"][0]["md5"], card.ref(current)
        assert not [version for version in card.versions if version.status == "candidate"]
    turned_away = models.locked(fresh)["writer"] == "refuser"
    stale = [told.dataset for told in look(fresh)[0]]
    assert stale == (["a", "b"] if turned_away else [])
    assert (a.versions[-1].status == "rejected") is turned_away
    identities = [(str(version.lineage.generators), version.digest) for version in a.versions]
    assert all(one != next_ for one, next_ in pairwise(identities)), "a version was registered twice"
    assert not list((ws.home / "regeneration").glob("*.json"))
    for line in (ws.home / "regeneration.jsonl").read_text().splitlines():
        json.loads(line)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        hits = campaign(arguments.kills, arguments.seed, Path(place))
    print(f"{arguments.kills} kills, {hits} of them in a running regeneration: the workspace was whole every time")
