"""What rooms that put rows into clusters measure of them, and how they name who matched whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Measure, Spec
from auditor.core.intervals import rate
from auditor.core.rowwise import findings
from auditor.model.result import EVIDENCE_CHARACTERS, Distribution, Metric
from auditor.model.rows import Dataset, arrow

Longs = npt.NDArray[np.int64]

EDGES = (2.0, 3.0, 4.0, 5.0, *(float(1 << power) for power in range(3, 31)))

BLOCK = 20_000
"""Rows whose evidence is in memory at a time."""


def measures(partner: str, remedy: str) -> tuple[Measure, ...]:
    """partner: what a row of a cluster has, `a near-duplicate`."""
    return (
        Measure("rate", "share", "rows that are not the first of their cluster", remedy, depends="size"),
        Measure("rows", "rows", f"rows that have {partner}", depends="size"),
        Measure("clusters", "clusters", "clusters of two rows or more", depends="size"),
        Measure("largest_cluster", "rows", "rows of the largest cluster", depends="size"),
        Measure("effective_share", "share", "rows counted as one for each cluster, over all rows", depends="size"),
    )


def measured(spec: Spec, cluster: Longs) -> tuple[tuple[Metric, ...], Distribution]:
    """The metrics of `measures`, and the sizes. cluster: int64 [n > 0], the first row of each row's cluster."""
    n, metric = len(cluster), spec.metric
    sizes = np.bincount(cluster, minlength=n)
    several = sizes[sizes > 1]
    metrics = (
        rate(metric("rate"), int(np.count_nonzero(cluster != np.arange(n))), n),
        Metric(metric("rows"), int(several.sum()), "rows", n),
        Metric(metric("clusters"), len(several), "clusters", n),
        Metric(metric("largest_cluster"), int(several.max(initial=0)), "rows", n),
        Metric(metric("effective_share"), float(np.count_nonzero(sizes)) / n, "share", n),
    )
    counts = tuple(int(count) for count in np.histogram(several, np.array(EDGES))[0])
    return metrics, Distribution(metric("sizes"), "Rows in a cluster", "rows", EDGES, counts, "log")


def partners(cluster: Longs, first: Longs, best: Longs, score: npt.NDArray[np.float64]) -> pa.Table:
    """For each row of a cluster its best partner: a copy where there is one.

    first: int64 [n], the first row with the same text. best, score: of those first rows, the most similar other
    text, -1 where there is none. Returns row, related, score and cluster, in row order.
    """
    n = len(cluster)
    at = np.flatnonzero(np.bincount(cluster, minlength=n)[cluster] > 1)
    own = first[at]
    copies = at[own != at]
    copied = np.full(n, -1, np.int64)  # the first copy of each first row
    copied[first[copies[::-1]]] = copies[::-1]
    related = np.where(own != at, own, np.where(copied[own] >= 0, copied[own], best[own]))
    scored = np.where((own != at) | (copied[own] >= 0), 1.0, score[own])
    columns: dict[str, npt.NDArray[Any]] = {"row": at, "related": related, "score": scored, "cluster": cluster[at]}
    return pa.table({name: arrow(values) for name, values in columns.items()})


def located(spec: Spec, rows: Dataset, column: str, table: pa.Table) -> Iterator[pa.Table]:
    """Findings of a table of `partners`, with the beginning of each row's text."""
    import pyarrow.compute as pc  # 0.03 s, when there is something to locate

    for start in range(0, len(table), BLOCK):
        part = table.slice(start, BLOCK)
        at = part.column("row").to_numpy()
        seen = rows.take(at, [column]).column(0)
        yield findings(
            at,
            spec.metric("rate"),
            pc.utf8_slice_codeunits(seen, 0, EVIDENCE_CHARACTERS + 1).to_pylist(),
            score=part.column("score").to_numpy(),
            related=part.column("related").combine_chunks(),
            cluster=part.column("cluster").to_numpy(),
        )
