"""Which of many findings to show: arrays in, positions out, no Python object a finding."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

WIDER = 50
"""Where findings have no score, this many times `top` of them are looked through for unlike ones."""


def by_check(findings: pa.Table) -> Callable[[str], pa.Table]:
    """What gives the findings of a check by its name."""
    places: dict[str, npt.NDArray[np.int64]] = {}
    if len(findings):
        encoded = findings.column("check").combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices)
        places = {name: np.flatnonzero(codes == code) for code, name in enumerate(encoded.dictionary.to_pylist())}

    def of(name: str) -> pa.Table:
        mine = places.get(name)
        if mine is None:
            return findings.slice(0, 0)
        first, last = int(mine[0]), int(mine[-1])
        if last - first + 1 == len(mine):  # as they are written: a view, not a copy of millions of strings
            return findings.slice(first, len(mine))
        return findings.take(pa.array(mine))

    return of


def counted(found: pa.Table) -> dict[str, int]:
    """Findings by metric, the commonest first."""
    if not len(found):
        return {}
    counts = pc.value_counts(found.column("metric").combine_chunks())
    pairs = zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: (-pair[1], pair[0])))


def cluster_sizes(found: pa.Table) -> tuple[int, ...]:
    """Rows of each cluster, largest first, under the metric that names most clusters."""
    narrow = found.select(["metric", "cluster"])  # filtering would copy every text of the rest
    clustered = narrow.filter(pc.is_valid(narrow.column("cluster"))) if len(narrow) else narrow
    if not len(clustered):
        return ()
    metric = next(iter(counted(clustered)))
    mine = clustered.filter(pc.equal(clustered.column("metric"), metric))
    _, sizes = np.unique(mine.column("cluster").to_numpy(), return_counts=True)
    return tuple(int(size) for size in np.sort(sizes)[::-1])


def worst(found: pa.Table, rank: Mapping[str, int], top: int) -> npt.NDArray[np.int64]:
    """Positions of the findings to show: each fault in turn, in the order of `rank` (metric ->
    place); within a fault new clusters before more of the same, large clusters before small ones, high
    scores before low ones (without scores: what was not seen before first), then row order."""
    encoded = found.column("metric").combine_chunks().dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), np.asarray(encoded.indices)
    rows = pc.fill_null(found.column("row"), -1).to_numpy()  # a fault of the lineage is of no row
    scores = pc.fill_null(found.column("score"), -np.inf).to_numpy()
    scores = np.where(np.isnan(scores), -np.inf, scores)
    clusters = pc.fill_null(found.column("cluster"), -1).to_numpy()
    queues = []
    for code in sorted(range(len(names)), key=lambda c: (rank.get(names[c], 999), names[c])):
        mine = np.flatnonzero(codes == code)
        _, members, sizes = np.unique(clusters[mine], return_inverse=True, return_counts=True)
        size = np.where(clusters[mine] < 0, 0, sizes[members])
        mine = mine[np.lexsort((rows[mine], -scores[mine], -size))]
        _, first = np.unique(clusters[mine], return_index=True)
        fresh = np.zeros(len(mine), np.bool_)
        fresh[first] = True
        fresh |= clusters[mine] < 0
        ordered = np.concatenate((mine[fresh], mine[~fresh]))[: WIDER * top]
        if np.isneginf(scores[ordered]).all():
            ordered = _unlike(found, ordered)
        queues.append(ordered[:top])
    turns = [int(queue[turn]) for turn in range(top) for queue in queues if turn < len(queue)]
    seen: set[int] = set()
    fresh_rows: list[int] = []
    again: list[int] = []
    for place in turns:  # a row with several faults stands once before any stands twice
        (again if rows[place] in seen else fresh_rows).append(place)
        if rows[place] >= 0:
            seen.add(rows[place])
    return np.asarray((fresh_rows + again)[:top], np.int64)


def at(found: pa.Table, places: npt.NDArray[np.int64]) -> pa.Table:
    """A few findings, in the order of `places`. (`Table.take` first lays all chunks of a column together.)"""
    return pa.concat_tables([found.slice(int(place), 1) for place in places] or [found.slice(0, 0)])


def _unlike(found: pa.Table, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The same places, those first whose evidence none before them has: twenty times the same refusal
    tells less than twenty refusals."""
    seen: set[str | None] = set()
    repeats = []
    for evidence in at(found.select(["evidence"]), places).column("evidence").to_pylist():
        repeats.append(evidence in seen)
        seen.add(evidence)
    return places[np.argsort(np.asarray(repeats, np.bool_), kind="stable")]
