"""Kill an audit at random moments: the workspace stays readable, and the next run completes the same.

python -m tests.soak.kill_audit --kills 200
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
from pathlib import Path

COMMAND = [sys.executable, "-c", "from auditor.cli import main; main()", "audit", "data.jsonl", "--quiet"]
SKIPPED = ["--skip", "expectations", "--skip", "language-mix"]


def campaign(kills: int, rows: int, seed: int, folder: Path) -> int:
    """Number of kills that hit a running audit. Raises AssertionError where anything was left broken."""
    random_ = random.Random(seed)
    with (folder / "data.jsonl").open("w") as file:
        for i in range(rows):
            words = " ".join(f"w{random_.randrange(5000)}" for _ in range(60))
            file.write(json.dumps({"id": str(i), "prompt": f"question {i}", "response": words}) + "\n")
    environment = {**os.environ, "NO_COLOR": "1"}
    whole = subprocess.run([*COMMAND, *SKIPPED], cwd=folder, env=environment, capture_output=True)
    begun = time.monotonic()  # of the second run: the first may have compiled kernels
    subprocess.run([*COMMAND, *SKIPPED], cwd=folder, env=environment, capture_output=True)
    took = 1.5 * (time.monotonic() - begun)  # a run without a cache takes longer
    assert whole.returncode in (0, 1), whole.stderr.decode()
    expected = record(folder)
    hit = 0
    for kill in range(kills):
        if kill % 3 == 0:
            # A third of the runs start cold, so that reading and first folds are hit as well.
            subprocess.run(
                [*COMMAND[:3], "cache", "clean"], cwd=folder, env=environment, check=True, capture_output=True
            )
        process = subprocess.Popen(
            [*COMMAND, *SKIPPED], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(random_.uniform(0.05, took))
        hit += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert record(folder) == expected, f"kill {kill} left another record"
    again = subprocess.run([*COMMAND, *SKIPPED], cwd=folder, env=environment, capture_output=True)
    assert again.returncode == whole.returncode, again.stderr.decode()
    assert record(folder) == expected
    left = list((folder / ".auditor" / "scratch").iterdir())
    assert not left, f"the next run left {left}"
    return hit


def record(folder: Path) -> dict[str, object]:
    """The one audit's record without its run block; fails where the file is not whole."""
    (path,) = (folder / ".auditor" / "audits").rglob("audit.json")
    value: dict[str, object] = json.loads(path.read_text())
    value.pop("run")
    return value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        hits = campaign(arguments.kills, arguments.rows, arguments.seed, Path(place))
    print(f"{arguments.kills} kills, {hits} of them in a running audit: the record was whole every time")
