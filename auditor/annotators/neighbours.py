"""The nearest other texts of every distinct text: exact while that is quick, by sketches in buckets beyond.

All of it runs over texts in the order of their hashes, in blocks of fixed size with one BLAS thread each, so that
neither the file's order nor its shards nor the number of threads moves a number.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import xxhash

from auditor.annotators import buckets
from auditor.annotators.store import sealed
from auditor.core.check import Engine
from auditor.kernels.hashes import first_rows, hash_texts
from auditor.kernels.nearest import keep
from auditor.model.rows import Dataset, arrow
from auditor.model.vectors import Floats, Longs, Neighbours, Vectors
from auditor.statistics.blas import single

VERSION = 5

NEAR = 10
"""Neighbours of each text."""

FLAT = 20_000
"""Distinct texts up to which each is compared with all: 2 seconds of one core at 256 dimensions."""

BLOCK, WIDE = 512, 4_096
"""Texts that one thread compares at a time, and with how many."""

SAMPLE = 1_000
"""Texts on which the recall of an index is measured: a second of one core for each 100,000 texts, as much as the search
itself takes."""

FLOATS = 1e-6
"""The sum of a product depends on the shape of its block by some 1e-7."""

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Mixed:
    """The vectors of distinct texts in the order of the texts' hashes. rows: int64 [m]."""

    vectors: Vectors
    rows: Longs

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, low: int, high: int) -> Floats:
        return self.vectors.take(self.rows[low:high])


def neighbours(
    rows: Dataset,
    column: str,
    vectors: Vectors,
    judged: float,
    floor: float,
    folder: Path,
    engine: Engine,
    advance: Callable[[int, int], None],
) -> Neighbours:
    """Those of a column of a dataset at a cosine of `floor` or more, made now unless the folder has them; their recall
    is measured at a cosine of `judged`. See `model.vectors.Neighbours`.

    Those of a selection are not kept: another split of the same rows has others.
    """
    if any(shard.of is not None for shard in rows.shards):
        return _found(rows, column, vectors, judged, floor, engine, advance)
    asked = (column, vectors.embedder, str(judged), str(floor), str(NEAR), str(VERSION))
    content = ":".join((*(shard.digest for shard in rows.shards), *asked))
    digest = xxhash.xxh3_128_hexdigest(content.encode())
    path = folder / digest[:2] / f"neighbours-{column}-{digest}.arrow"
    sealed(path, 1, lambda: _packed(_found(rows, column, vectors, judged, floor, engine, advance)))
    return _opened(path)


def _found(
    rows: Dataset,
    column: str,
    vectors: Vectors,
    judged: float,
    floor: float,
    engine: Engine,
    advance: Callable[[int, int], None],
) -> Neighbours:
    left, right = _hashes(rows, column, engine)
    present = vectors.present
    first = first_rows(left, right, present)
    distinct = np.flatnonzero(present & (first == np.arange(len(first))))
    first[~present] = -1
    order = np.lexsort((right[distinct], left[distinct]))
    mixed = Mixed(vectors, distinct[order])
    with single():
        if len(mixed) <= FLAT:
            near, cosine = _exact(mixed, len(mixed), floor, engine)
            index, recall = "flat", 1.0
        else:
            near, cosine, index = buckets.search(mixed, NEAR, judged, floor, engine, advance)
            recall = _recall(mixed, cosine, judged, engine)
    # From places in the order of hashes to places among the rows; of equals the first row comes first.
    near = np.where(near >= 0, order[near], -1).astype(np.int32)
    np.clip(cosine, -1, 1, out=cosine)
    by = np.lexsort((near, -cosine))
    placed, scored = np.empty_like(near), np.empty_like(cosine)
    placed[order] = np.take_along_axis(near, by, 1)
    scored[order] = np.take_along_axis(cosine, by, 1)
    return Neighbours(first, distinct, placed, scored, index, recall, judged)


def _hashes(rows: Dataset, column: str, engine: Engine) -> tuple[Hashes, Hashes]:
    none = np.zeros(0, np.uint64)
    parts = engine.gather(rows, lambda opened: hash_texts(opened.strings(column))) or [(none, none)]
    left, right = (np.concatenate(hashes) for hashes in zip(*parts, strict=True))
    return left, right


def _exact(mixed: Mixed, asked: int, floor: float, engine: Engine) -> tuple[Ints, Floats]:
    """(places, cosines) [asked, NEAR] of the nearest others of the last texts, each compared with all; -1 where fewer
    are at the floor or above."""
    m = len(mixed)
    near, cosine = np.full((asked, NEAR), -1, np.int32), np.full((asked, NEAR), floor - FLOATS, np.float32)
    every = np.arange(m, dtype=np.int32)
    whole = mixed.part(0, m) if m <= FLAT else None

    def compare(low: int) -> None:
        high = min(low + BLOCK, asked)
        own = every[m - asked + low : m - asked + high]
        mine = mixed.part(m - asked + low, m - asked + high)
        for start in range(0, m, WIDE):
            stop = min(start + WIDE, m)
            other = mixed.part(start, stop) if whole is None else whole[start:stop]
            keep(mine @ other.T, every[start:stop], own, np.arange(low, high), cosine, near)

    engine.map(compare, range(0, asked, BLOCK))
    cosine[near < 0] = -1
    return near, cosine


def _recall(mixed: Mixed, cosine: Floats, judged: float, engine: Engine) -> float:
    """Share of the pairs at `judged` or above, among the nearest of a sample, that were found.

    The last texts in the order of hashes are a random sample (of the first the search learns the mean). Pairs are
    counted by their cosines, so that of equals any will do; 1 where the sample has no such pair.
    """
    _, exact = _exact(mixed, min(SAMPLE, len(mixed)), judged, engine)
    wanted = int(np.count_nonzero(exact >= judged))
    least = np.maximum(exact[:, -1:], judged) - FLOATS
    found = int(np.count_nonzero(cosine[len(cosine) - len(exact) :] >= least))
    return min(1.0, found / wanted) if wanted else 1.0


def _packed(found: Neighbours) -> pa.RecordBatch:
    """One row, so that arrays of different lengths lie in one sealed file: each is a list."""
    arrays = {name: _list(getattr(found, name)) for name in ("first", "rows", "near", "cosine")}
    measured = {"recall": arrow(np.array([found.recall])), "judged": arrow(np.array([found.judged]))}
    index = {"index": _list(np.frombuffer(found.index.encode(), np.uint8))}
    return pa.RecordBatch.from_pydict({**arrays, **measured, **index})


def _list(values: npt.NDArray[Any]) -> pa.Array:
    flat = np.ascontiguousarray(values).reshape(-1)
    return pa.LargeListArray.from_arrays(arrow(np.array([0, len(flat)])), arrow(flat))


def _opened(path: Path) -> Neighbours:
    with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
        batch = reader.get_batch(0)
    names = ("first", "rows", "near", "cosine", "index")
    first, rows, near, cosine, index = (batch.column(name).values.to_numpy(zero_copy_only=True) for name in names)
    recall, judged = (batch.column(name)[0].as_py() for name in ("recall", "judged"))
    shape = (len(rows), NEAR)
    return Neighbours(first, rows, near.reshape(shape), cosine.reshape(shape), index.tobytes().decode(), recall, judged)
