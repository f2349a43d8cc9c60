"""The embedded engine, and the reference for any other: threads over shards in this process.

Checks spend their time in Arrow and Numba kernels, which release the GIL, so threads scale and
nothing is copied between them. Results are brought together in shard order, whatever finished first.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from auditor.core.check import Fold
from auditor.model.rows import Dataset, Rows, Shard

C = TypeVar("C")
T = TypeVar("T")

PARTITIONS_PER_THREAD = 4
"""Enough that an uneven partition leaves no thread idle for long."""


class Local:
    """Engine of one process. threads: 0 means one for each core."""

    def __init__(self, threads: int = 0) -> None:
        self.threads = threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads or 1

    def map(self, function: Callable[[T], C], items: Iterable[T]) -> list[C]:
        todo = list(items)
        if self.threads == 1 or len(todo) < 2:
            return [function(item) for item in todo]
        with ThreadPoolExecutor(self.threads) as pool:
            futures = [pool.submit(function, item) for item in todo]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def gather(self, rows: Dataset, extract: Callable[[Rows], C]) -> list[C]:
        return self.map(lambda shard: extract(shard.open(rows.by)), rows.shards)

    def fold(self, rows: Dataset, folds: Sequence[Fold[Any]]) -> list[Any]:
        """One pass over the shards for all folds together; states merge in shard order."""

        def scan(shard: Shard) -> list[Any]:
            opened = shard.open(rows.by)
            return [fold.update(fold.empty(), opened) for fold in folds]

        states = [fold.empty() for fold in folds]
        for of_shard in self.map(scan, rows.shards):
            states = [fold.merge(left, right) for fold, left, right in zip(folds, states, of_shard, strict=True)]
        return states

    def shuffle(
        self, rows: Dataset, emit: Callable[[Rows], pa.Table], reduce: Callable[[pa.Table], pa.Table]
    ) -> pa.Table:
        """Sort what `emit` gave by key, cut it where keys change, and reduce the pieces in threads."""
        import pyarrow.compute as pc

        emitted = pa.concat_tables(self.gather(rows, emit))
        order = pc.sort_indices(emitted, sort_keys=[("key", "ascending"), ("row", "ascending")])
        together = emitted.take(order).combine_chunks()
        keys = together.column("key").to_numpy()
        starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, int)
        wanted = np.linspace(0, len(keys), self.threads * PARTITIONS_PER_THREAD + 1).astype(int)[1:-1]
        at = np.minimum(np.searchsorted(starts, wanted), max(len(starts) - 1, 0))
        cuts = np.unique(starts[at]) if len(keys) else starts
        bounds = [0, *(int(cut) for cut in cuts if cut > 0), len(keys)]
        pieces = [together.slice(low, high - low) for low, high in pairwise(bounds)]
        return pa.concat_tables(self.map(reduce, pieces))
