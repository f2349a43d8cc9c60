"""`auditor judge audit` of many recorded verdicts, as whole processes: seconds, processor time and peak memory.

    python benchmarks/verdicts.py --verdicts 10000000 --kinds parquet csv

The verdicts are drawn: eight judges, ten makers, both orders, ten verdicts a question, grades from 1 to 10. A judge
keeps its verdict in the other order in `--consistent` of the pairs and draws it again in the rest; grades know nothing
of verdicts, so that four in ten contradict theirs and are findings. The bound is 60 s and 2 GB for ten million on two
cores. `anonymous` is the most memory that no file stands behind, looked at every 20 ms (Linux); `resident` also counts
pages of mapped files, which the system may take back.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PIECE = 1_000_000
VERDICTS = ("a", "b", "tie", "invalid")
SHARES = (0.5, 0.38, 0.1, 0.02)


def piece(begin: int, n: int, consistent: float, seed: int) -> pa.Table:
    """n verdicts from the `begin`-th, two by two the same pair in both orders."""
    draw = np.random.default_rng([seed, begin])
    number = np.arange(begin, begin + n)
    pair = number // 2
    verdict = draw.choice(len(VERDICTS), n, p=SHARES)
    kept = np.repeat(draw.random(n // 2) < consistent, 2)
    verdict = np.where(kept, verdict[(number // 2 * 2) - begin], verdict)

    def names(codes: np.ndarray, words: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(words)).dictionary_decode()

    return pa.table(
        {
            "item": pa.array(np.char.add("question-", (number // 10).astype(str))),
            "a": names(pair % 5, [f"model-{i}" for i in range(5)]),
            "b": names(pair // 5 % 5, [f"other-{i}" for i in range(5)]),
            "first": names(number % 2, ["a", "b"]),
            "verdict": names(verdict, list(VERDICTS)),
            "judge": names(number // 10 % 8, [f"judge-{i}" for i in range(8)]),
            "prompt": names(np.zeros(n), ["pair-v2"]),
            "score_a": pa.array(draw.integers(1, 11, n)),
            "score_b": pa.array(draw.integers(1, 11, n)),
        }
    )


def write(path: Path, verdicts: int, consistent: float, seed: int) -> None:
    from pyarrow import csv

    writer: object = None
    for begin in range(0, verdicts, PIECE):
        table = piece(begin, min(PIECE, verdicts - begin), consistent, seed)
        if path.suffix == ".parquet":
            writer = writer or pq.ParquetWriter(path, table.schema)
            writer.write_table(table)
        else:
            writer = writer or csv.CSVWriter(path, table.schema)
            writer.write(table)
    writer.close()


def watch(process: int, peak: list[int]) -> None:
    """The most anonymous memory (KiB) of a process, until it has ended."""
    status = Path(f"/proc/{process}/status")
    while True:
        try:
            found = re.search(r"RssAnon:\s+(\d+)", status.read_text())
        except OSError:
            return
        if not found:  # it has ended, and nobody has waited for it yet
            return
        peak[0] = max(peak[0], int(found[1]))
        time.sleep(0.02)


def audit(path: Path, folder: Path) -> dict[str, object]:
    """One audit as a process of its own."""
    command = [str(Path(sys.executable).parent / "auditor"), "judge", "audit", str(path), "--quiet"]
    begun = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    peak = [0]
    watcher = threading.Thread(target=watch, args=(process.pid, peak), daemon=True)
    watcher.start()
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    watcher.join()
    return {
        "seconds": round(time.perf_counter() - begun, 1),
        "processor": round(used.ru_utime + used.ru_stime, 1),
        "anonymous": round(peak[0] * 1024 / 1e9, 2),
        "resident": round(used.ru_maxrss * 1024 / 1e9, 2),
        "exit": os.waitstatus_to_exitcode(status),
        "said": " ".join(said.split()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--verdicts", type=int, default=10_000_000)
    parser.add_argument("--kinds", nargs="+", default=["parquet", "csv"], choices=["parquet", "csv"])
    parser.add_argument("--consistent", type=float, default=0.8)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in given.kinds:
            path = Path(folder) / f"verdicts.{kind}"
            write(path, given.verdicts, given.consistent, given.seed)
            result = {"kind": kind, "verdicts": given.verdicts, "megabytes": path.stat().st_size // 1_000_000}
            print(json.dumps({**result, **audit(path, Path(folder))}), flush=True)
            path.unlink()


if __name__ == "__main__":
    main()
