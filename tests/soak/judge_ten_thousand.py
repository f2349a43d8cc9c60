"""Ten thousand judgments at the endpoint's limit, past every fault: none lost, none bought twice, memory flat.

python -m tests.soak.judge_ten_thousand --count 10000 --rpm 1500
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.judging.server import serving

GROWTH = 16 << 20
"""Bytes by which the resident memory may differ between the second and the last quarter of a run."""


@dataclass(frozen=True, slots=True)
class Seen:
    """pace: requests a minute, retries included, over those allowed. memory: resident bytes at the end of the first
    quarter, and at most after it. requests: made in all. seconds: from the first to the last."""

    pace: float
    memory: tuple[int, int]
    requests: int
    seconds: float


def campaign(count: int, rpm: float, folder: Path) -> Seen:
    """One run of `count` judgments against a server with latency, 429 with Retry-After, 500, cut streams, broken JSON
    and answers beside the point. Raises AssertionError where an answer was lost, or asked for again."""
    with serving(failing=0.15, odd=0.05, latency=0.01, keep_bodies=False) as server:
        words = [server.url, str(folder / "store.db"), str(folder / "verdicts.jsonl"), str(count // 2), str(rpm)]
        process = subprocess.Popen([sys.executable, "-m", "tests.judging.asked", *words], env=os.environ)
        watched, early, late = psutil.Process(process.pid), 0, 0
        while process.poll() is None:
            try:
                size = watched.memory_info().rss
            except psutil.NoSuchProcess:
                break
            if len(server.answered) < count // 4:
                early = max(early, size)
            else:
                late = max(late, size)
            time.sleep(0.05)
        assert process.wait() == 0
        assert len(server.answered) == count
        assert set(server.answered.values()) == {1}, "an answer was asked for again"
        times = sorted(server.times)
    lines = Counter((folder / "verdicts.jsonl").read_text().splitlines())
    assert (len(lines), lines.total()) == (count, count)
    seconds = times[-1] - times[0]
    return Seen((len(times) - 1) / seconds * 60 / rpm, (early, late), len(times), seconds)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--rpm", type=float, default=1500)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = campaign(given.count, given.rpm, Path(folder))
    early, late = (size >> 20 for size in seen.memory)
    print(
        f"{given.count:,} judgments in {seen.seconds:.0f} s, {seen.requests:,} requests, {100 * seen.pace:.1f} % of "
        f"{given.rpm:g} a minute; {early} MiB resident in the first quarter, {late} MiB after it"
    )
    assert 0.9 < seen.pace <= 1.02
    assert seen.memory[1] - seen.memory[0] < GROWTH


if __name__ == "__main__":
    main()
