"""Kill a registration at random moments: the card is always whole, and the next run completes it.

python -m tests.soak.kill_register --kills 200
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path

from auditor.core import objects
from auditor.model.card import Generator, Lineage, Model
from auditor.registration import Request, register
from auditor.registry import Workspace, cards, index


def campaign(kills: int, seed: int, folder: Path, dvc_every: int) -> int:
    """Number of kills that hit a running registration; every `dvc_every`th versions its bytes with DVC.

    Raises AssertionError where anything was lost, doubled or left broken.
    """
    rng = random.Random(seed)
    ws = Workspace(folder)
    data = folder / "data.jsonl"
    took = {False: 1.0, True: 8.0}
    hit = 0
    for kill in range(kills):
        dvc = kill % dvc_every == 0
        data.write_text("".join(json.dumps({"prompt": f"{kill} {row}", "response": "x"}) + "\n" for row in range(200)))
        child = started(folder, kill, dvc)
        time.sleep(rng.uniform(0, took[dvc]))
        # Every other time DVC, a process of its own, lives on and is met by the next run.
        (os.killpg if kill % 2 else os.kill)(child, signal.SIGKILL)
        hit += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        known = cards.load("sft", ws).versions if "sft" in cards.names(ws) else ()
        assert [version.version for version in known] in (list(range(1, kill + 1)), list(range(1, kill + 2))), kill

        begun = time.monotonic()
        code = os.waitstatus_to_exitcode(os.waitpid(started(folder, kill, dvc), 0)[1])
        took[dvc] = time.monotonic() - begun
        assert code == 0, f"the run after kill {kill} ended with {code}"
        card = cards.load("sft", ws)
        assert [version.version for version in card.versions] == list(range(1, kill + 2))
        assert len({version.digest for version in card.versions}) == kill + 1
        assert [version.status for version in card.versions] == ["superseded"] * kill + ["current"]
        assert str(card.versions[-1].lineage.generators[0].model) == f"m@{kill}"
        if dvc:
            tracked = card.versions[-1].dvc
            assert tracked is not None
            assert tracked.md5 == objects.content(data).md5
            assert objects.whole(tracked.md5, folder / ".dvc" / "cache")
    assert len(index.graph(ws).nodes) == 2 * kills
    assert not list((ws.home / "pending").iterdir())
    left = [file.name for file in (*folder.iterdir(), *(folder / "datasets").iterdir()) if file.suffix == ".tmp"]
    assert len(left) <= hit, left
    return hit


def started(folder: Path, kill: int, dvc: bool) -> int:
    """A process that registers, as the leader of a group of its own."""
    child = os.fork()  # nothing has started a thread here
    if child:
        while os.getpgid(child) != child:
            time.sleep(0.001)
        return child
    os.setpgid(0, 0)
    code = 1
    try:
        os.chdir(folder)
        lineage = Lineage("distillation", (Generator(Model("m", str(kill))),))
        done = register(Request("sft", "data.jsonl", lineage, dvc=dvc, threads=1), Workspace(folder))
        if dvc and done.version.dvc is None:
            print(done.notes, file=sys.stderr)
        code = int(dvc and done.version.dvc is None)
    except Exception:  # noqa: BLE001  told, and the exit code says it
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--dvc-every", type=int, default=2)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        hits = campaign(arguments.kills, arguments.seed, Path(name), arguments.dvc_every)
    print(f"{hits} of {arguments.kills} kills hit a running registration; nothing was lost or doubled")
