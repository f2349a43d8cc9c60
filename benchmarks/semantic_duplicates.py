"""semantic-duplicates and its search for neighbours against SemHash and Faiss, in turn, as whole processes.

    python benchmarks/semantic_duplicates.py --rows 100000 500000 --peers semhash faiss --repeats 3

All read the same Parquet file (`near_duplicates.corpus`: a fifth of the rows are edited copies) and embed with our
default embedder. `recall` is the share of 1,000 sampled rows with a partner at cosine .9, by comparing their
vectors with all, that a contender found to have one. SemHash is given our embedder as its encoder: its own default
has to be downloaded.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from math import isqrt
from pathlib import Path

import numpy as np
from near_duplicates import PIECE, corpus, dataset

THRESHOLD, SAMPLE, PROBES = 0.9, 1_000, 16
Floats = np.ndarray


def embedder() -> object:
    from auditor.annotators import embedders

    return embedders.load("hashed", Path())


def encode(texts: Sequence[str]) -> Floats:
    import pyarrow as pa

    from auditor.model.rows import strings

    return embedder().embed(strings(pa.array(texts, pa.large_string())))


def read(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return pq.read_table(path, columns=["text"]).column("text").to_pylist()


def ours(path: Path, told: dict[str, float]) -> np.ndarray:
    """The room, from texts to clusters: what it took to embed and to find neighbours is told."""
    from concurrent.futures import Future

    from pyarrow.parquet import ParquetFile

    from auditor.annotators.space import Spaces
    from auditor.checks.semantic_duplicates import SemanticDuplicates, _floor
    from auditor.core.check import Context
    from auditor.engines.local import Local

    batches = list(ParquetFile(path).iter_batches(PIECE, columns=["text"]))
    pieces: list[Future[object]] = [Future() for _ in batches]
    for piece, batch in zip(pieces, batches, strict=True):
        piece.set_result(batch)
    rows = sum(map(len, batches))
    data = dataset(range(0, rows, PIECE), pieces, rows)
    with tempfile.TemporaryDirectory() as cache:
        space = Spaces(embedder(), Path(cache), Local(2))
        told["embed"] = timed(lambda: space.vectors(data, "text"))
        floor = _floor(THRESHOLD, True, space.embedder.dimension)
        told["search"] = timed(lambda: space.neighbours(data, "text", THRESHOLD, floor))
        seen = SemanticDuplicates().run(data, Context(space=space), Local(2))
        near = space.neighbours(data, "text", THRESHOLD, floor)
        print(*seen.notes, sep="\n", file=sys.stderr)
        found = np.zeros(rows, bool)
        found[near.rows] = near.cosine[:, 0] >= THRESHOLD
        found |= (np.bincount(near.first, minlength=rows) > 1)[near.first]
        return found[near.first] | found


def semhash(path: Path, told: dict[str, float]) -> np.ndarray:
    from semhash import SemHash

    class Ours:
        def encode(self, inputs: Sequence[str], **_: object) -> Floats:
            made: list[Floats] = []
            told["embed"] = timed(lambda: made.append(encode(inputs)))
            return made[0]

    texts = read(path)
    made = SemHash.from_records(texts, model=Ours()).self_deduplicate(threshold=THRESHOLD)
    matched = {one.record for one in made.filtered}
    matched |= {one.record for one in made.selected_with_duplicates if one.duplicates}
    return np.array([text in matched for text in texts])


def faiss(path: Path, told: dict[str, float]) -> np.ndarray:
    """An inverted file, 16 of 4 sqrt(n) lists, on two threads."""
    import faiss as library

    texts = read(path)
    made: list[Floats] = []
    told["embed"] = timed(lambda: made.append(encode(texts)))
    vectors = made[0]
    library.omp_set_num_threads(2)

    def search() -> None:
        lists = 4 * isqrt(len(vectors))
        index = library.IndexIVFFlat(
            library.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, library.METRIC_INNER_PRODUCT
        )
        index.cp.niter = 5
        index.train(vectors[: 40 * lists])
        index.add(vectors)
        index.nprobe = PROBES
        made.extend(index.search(vectors, 11))

    told["search"] = timed(search)
    cosine, near = made[1], made[2]
    return ((cosine >= THRESHOLD) & (near != np.arange(len(near))[:, None])).any(axis=1)


CONTENDERS: dict[str, Callable[[Path, dict[str, float]], np.ndarray]] = {
    "ours": ours,
    "semhash": semhash,
    "faiss": faiss,
}


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def truth(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(sampled rows, whether each has a partner at the threshold)."""
    vectors = encode(read(path))
    sample = np.random.default_rng(0).permutation(len(vectors))[:SAMPLE]
    best = np.full(len(sample), -1.0)
    for start in range(0, len(vectors), 1 << 15):
        cosine = vectors[sample] @ vectors[start : start + (1 << 15)].T
        inside = np.flatnonzero((sample >= start) & (sample < start + (1 << 15)))
        cosine[inside, sample[inside] - start] = -1
        best = np.maximum(best, cosine.max(axis=1))
    return sample, best >= THRESHOLD


def one(name: str, path: Path, flags: Path) -> None:
    """A contender in a process of its own: what it told to stdout, its rows to a file."""
    told: dict[str, float] = {}
    start = time.perf_counter()
    found = CONTENDERS[name](path, told)
    told["seconds"] = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    told["cpu"] = usage.ru_utime + usage.ru_stime
    # Not ru_maxrss, which begins with what the parent had.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    told["rss"] = int(peak.split()[1]) / 1e3
    np.save(flags, found)
    print(json.dumps(told))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000])
    parser.add_argument("--peers", nargs="*", default=["semhash", "faiss"], choices=sorted(CONTENDERS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        one(given.one[0], Path(given.one[1]), Path(given.one[2]))
        return
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    with tempfile.TemporaryDirectory() as folder:
        for rows in given.rows:
            path = Path(folder) / f"{rows}.parquet"
            corpus(path, rows)
            sample, wanted = truth(path)
            print(f"\n{rows:,} rows, {path.stat().st_size / 1e6:.0f} MB, {wanted.sum()} of {SAMPLE} with a partner")
            print("| contender | seconds | embed | search | CPU s | RSS MB | recall |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            seen: dict[str, list[dict[str, float]]] = {name: [] for name in ("ours", *given.peers)}
            for _ in range(given.repeats):
                for name, runs in seen.items():
                    flags = Path(folder) / f"{name}.npy"
                    command = [sys.executable, __file__, "--one", name, str(path), str(flags)]
                    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
                    told["recall"] = float(np.load(flags)[sample][wanted].mean())
                    runs.append(told)
            for name, runs in seen.items():
                cells = [
                    f"{statistics.median(values):.{3 if key == 'recall' else 1}f}"
                    if (values := [run[key] for run in runs if key in run])
                    else ""
                    for key in ("seconds", "embed", "search", "cpu", "rss", "recall")
                ]
                print(f"| {name} | {' | '.join(cells)} |")
            print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
