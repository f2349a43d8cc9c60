"""A whole default audit at several sizes: seconds by stage, rows a second, anonymous memory.

    python benchmarks/whole_audit.py --rows 100000 300000 1000000 --memory 3GB
    python benchmarks/whole_audit.py --rows 100000 --real 100000      against as many rows of another draw

Memory is the peak of anonymous resident memory (RssAnon, summed over the audit's processes): the
memory-mapped snapshot does not count, because the kernel may drop it at any time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
AUDITOR = [sys.executable, "-c", "from auditor.cli import main; main()"]


def anonymous(process: psutil.Process) -> int:
    """Bytes of anonymous resident memory of a process and its children."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            status = Path(f"/proc/{one.pid}/status").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("RssAnon"))
    return total


def audited(data: Path, folder: Path, memory: str, extra: list[str]) -> tuple[float, int, dict[str, object]]:
    """Wall seconds, peak anonymous bytes and the record of one audit in a workspace of its own."""
    begun = time.perf_counter()
    command = [*AUDITOR, "audit", str(data), "--out", str(folder / "out"), "--memory", memory, "--quiet", *extra]
    running = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    peak, watched = 0, psutil.Process(running.pid)
    while running.poll() is None:
        try:
            peak = max(peak, anonymous(watched))
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    seconds = time.perf_counter() - begun
    if running.wait() not in (0, 1):
        raise SystemExit(f"the audit ended with {running.returncode}")
    return seconds, peak, json.loads((folder / "out" / "audit.json").read_text())


def main() -> None:
    """Print one block a size, cold (nothing cached) and warm (snapshot and states cached)."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--memory", default="3GB")
    parser.add_argument("--real", type=int, metavar="ROWS", help="rows of a reference, drawn with another seed")
    parser.add_argument("--extra", nargs=argparse.REMAINDER, default=[], help="passed on to `auditor audit`")
    arguments = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.2f}, "
        f"Python {platform.python_version()}"
    )
    for rows in arguments.rows:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            data = folder / "corpus.jsonl"
            subprocess.run([sys.executable, HERE / "make_corpus.py", "--rows", str(rows), "--out", data], check=True)
            extra = arguments.extra
            if arguments.real:
                real = folder / "real.jsonl"
                drawn = ["--rows", str(arguments.real), "--seed", "8", "--out", real]
                subprocess.run([sys.executable, HERE / "make_corpus.py", *drawn], check=True)
                extra = ["--real", str(real), *extra]
            for state in ("cold", "warm"):
                seconds, peak, record = audited(data, folder, arguments.memory, extra)
                run = record["run"]
                assert isinstance(run, dict)
                print(
                    f"\n{rows:,} rows, {data.stat().st_size / 1e6:,.0f} MB, {state}: {seconds:.1f} s, "
                    f"{rows / seconds:,.0f} rows/s, anonymous memory {peak / 1e9:.2f} GB, load {os.getloadavg()[0]:.2f}"
                )
                print("  stages  " + ", ".join(f"{name} {s:.1f}" for name, s in run["stages"].items()))
                print("  checks  " + ", ".join(f"{name} {c['seconds']:.1f}" for name, c in run["checks"].items()))


if __name__ == "__main__":
    main()
