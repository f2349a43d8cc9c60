"""What near-duplicates keeps in memory under a budget: anonymous resident memory, mapped files left out.

    python benchmarks/near_duplicates_memory.py --rows 500000 --memory 2048 64

The rows are laid out as the snapshot is, and mapped; every budget runs in a process of its own. A
method gives the same partners (last column, a digest of them) under every budget.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from near_duplicates import corpus


def anonymous() -> int:
    """Anonymous resident memory of this process, in KB."""
    return int(re.findall(r"RssAnon:\s*(\d+)", Path("/proc/self/status").read_text())[0])


def lay_out(source: Path, folder: Path) -> None:
    """Shards as `readers.snapshot` lays them out, with the one column that is read."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = 0
    for batch in pq.ParquetFile(source).iter_batches(65_536, columns=["text"]):
        rows = pa.record_batch({"row": pa.array(np.arange(start, start + len(batch)))})
        for name, columns in ((f"{start:09}.arrow", batch), (f"{start:09}.rows", rows)):
            with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, columns.schema) as writer:
                writer.write_batch(columns)
        start += len(batch)


def measure(folder: Path, method: str, megabytes: int) -> None:
    import pyarrow as pa

    from auditor.checks.near_duplicates import NearDuplicates
    from auditor.core.check import Context
    from auditor.engines.local import Local
    from auditor.model.rows import Dataset, Shard

    shards, start = [], 0
    for path in sorted(folder.glob("*.arrow")):
        rows = pa.ipc.open_file(pa.memory_map(str(path))).read_all().num_rows
        shards.append(Shard(path.stem, start, rows, path, path.with_suffix(".rows")))
        start += rows
    data = Dataset("bench", "", "text", start, tuple(shards), (), {}, {})
    before, peak, done = anonymous(), [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.process_time()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        seen = NearDuplicates(method=method).run(data, Context(scratch=Path(scratch), memory=megabytes << 20), Local(2))
        spilled = sum(path.stat().st_size for path in Path(scratch).iterdir()) >> 20
    seconds = time.process_time() - begun
    done.set()
    watcher.join()
    found = seen.tables["partners"]
    partners = hashlib.sha256(b"".join(found.column(i).chunk(0).buffers()[1] for i in range(4))).hexdigest()[:12]
    print(
        f"{method:8}{megabytes:11,}{before / 1024:11.0f}{peak[0] / 1024:9.0f}{spilled:12,}{seconds:8.2f}  {partners}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--memory", type=int, nargs="+", default=[2048, 64], help="budgets in MB")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        measure(Path(options.measure[0]), options.measure[1], int(options.measure[2]))
        return
    with tempfile.TemporaryDirectory() as name:
        corpus(Path(name) / "rows.parquet", options.rows)
        lay_out(Path(name) / "rows.parquet", Path(name))
        print(f"{options.rows:,} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; anonymous memory in MB")
        print(
            f"{'method':8}{'budget MB':>11}{'before':>11}{'peak':>9}{'spilled MB':>12}{'CPU s':>8}  partners",
            flush=True,
        )
        for method in ("sketch", "exact"):
            for budget in options.memory:
                command = [sys.executable, __file__, "--measure", name, method, str(budget)]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
