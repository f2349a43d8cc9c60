"""The most common check: each row has the fault or not, whatever its neighbours are.

Such a room says which rows are at fault (`flag`) and what was seen (`evidence`); counting, rates
with intervals, slices by attribution, and findings follow from that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from auditor.core.check import Context, Spec
from auditor.core.intervals import rate
from auditor.model.result import EVIDENCE_CHARACTERS, FINDING_SCHEMA, Distribution, Measurement, Slice
from auditor.model.rows import Dataset, Rows

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Flags:
    """masks: measure name -> bool [n]. among: measure name -> rows it applies to (absent: all).
    values: histogram name -> float64 values [k] to be counted into the room's `bins`."""

    masks: Mapping[str, Mask]
    among: Mapping[str, Mask] = field(default_factory=dict)
    values: Mapping[str, npt.NDArray[np.float64]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bins:
    """Fixed edges of a histogram; values beyond the ends are counted in the end bins."""

    title: str
    unit: str
    edges: tuple[float, ...]
    scale: str = "linear"


@dataclass
class Tally:
    """Counts that add up. hits, among: measure -> rows. sliced: JSON [by, label, measure] -> rows
    at fault, and with a trailing "among" -> rows it applies to. histograms: name -> int64 [bins]."""

    rows: int = 0
    hits: dict[str, int] = field(default_factory=dict)
    among: dict[str, int] = field(default_factory=dict)
    sliced: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict)


class Rowwise:
    """A Fold over Tally. A room gives `spec`, `flag` and `evidence`; `bins` where it has histograms.

    The measure `rate`, if the spec has it, is the share of rows with any of the room's faults.
    """

    spec: ClassVar[Spec]
    bins: ClassVar[Mapping[str, Bins]] = {}

    def flag(self, rows: Rows) -> Flags:
        raise NotImplementedError

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        """What was seen in rows `hits` (positions within the shard), one string each."""
        raise NotImplementedError

    def empty(self) -> Tally:
        return Tally()

    def update(self, state: Tally, rows: Rows) -> Tally:
        flags = self._with_rate(self.flag(rows))
        state.rows += len(rows)
        for measure, mask in flags.masks.items():
            among = flags.among.get(measure)
            _add(state.hits, measure, int(np.count_nonzero(mask)))
            _add(state.among, measure, len(rows) if among is None else int(np.count_nonzero(among)))
            for by, groups in rows.groups.items():
                size = len(groups.labels)
                hits = np.bincount(groups.codes[mask], minlength=size)
                total = np.bincount(groups.codes if among is None else groups.codes[among], minlength=size)
                for code in np.flatnonzero(total):
                    _add(state.sliced, _key(by, groups.labels[code], measure), int(hits[code]))
                    _add(state.sliced, _key(by, groups.labels[code], measure, "among"), int(total[code]))
        for name, values in flags.values.items():
            edges = np.asarray(self.bins[name].edges)
            counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0].astype(np.int64)
            state.histograms[name] = state.histograms[name] + counts if name in state.histograms else counts
        return state

    def merge(self, left: Tally, right: Tally) -> Tally:
        left.rows += right.rows
        for mine, theirs in ((left.hits, right.hits), (left.among, right.among), (left.sliced, right.sliced)):
            for key, count in theirs.items():
                _add(mine, key, count)
        for name, counts in right.histograms.items():
            left.histograms[name] = left.histograms[name] + counts if name in left.histograms else counts.copy()
        return left

    def measure(self, state: Tally, references: Mapping[str, Tally], context: Context) -> Measurement:
        shares = [m for m in self.spec.measures if m.unit == "share"]
        metrics = tuple(
            rate(self.spec.metric(m.name), state.hits.get(m.name, 0), state.among.get(m.name, 0)) for m in shares
        )
        return Measurement(metrics, tuple(self._slices(state)), tuple(self._distributions(state)))

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        dropped = {m.name for m in measurement.metrics if m.value is None}
        for opened in rows:
            flags = self.flag(opened)
            position = opened.numpy("row")
            for measure in (m.name for m in self.spec.measures):
                name = self.spec.metric(measure)
                if measure == "rate" or name in dropped or measure not in flags.masks:
                    continue
                hits = np.flatnonzero(flags.masks[measure])
                if len(hits):
                    yield findings(position[hits], name, self.evidence(opened, measure, hits))

    def _with_rate(self, flags: Flags) -> Flags:
        if "rate" in flags.masks or not flags.masks or all(m.name != "rate" for m in self.spec.measures):
            return flags
        anything = np.logical_or.reduce(list(flags.masks.values()))
        return Flags({"rate": anything, **flags.masks}, flags.among, flags.values)

    def _slices(self, state: Tally) -> Iterator[Slice]:
        for key in sorted(state.sliced):
            by, group, measure, *among = orjson.loads(key)
            if not among:
                n = state.sliced[_key(by, group, measure, "among")]
                yield Slice(by, group, rate(self.spec.metric(measure), state.sliced[key], n))

    def _distributions(self, state: Tally) -> Iterator[Distribution]:
        for name, counts in sorted(state.histograms.items()):
            bins = self.bins[name]
            full = self.spec.metric(name)
            yield Distribution(full, bins.title, bins.unit, bins.edges, tuple(int(c) for c in counts), bins.scale)


def findings(
    rows: npt.NDArray[np.int64],
    metric: str,
    evidence: Sequence[str],
    *,
    score: npt.NDArray[np.float64] | None = None,
    related: pa.Array | None = None,
    cluster: npt.NDArray[np.int64] | None = None,
) -> pa.Table:
    """A table of FINDING_SCHEMA for rows at fault under one metric."""
    seen = pa.array([cut(one) for one in evidence], pa.large_string())
    return found(rows, metric, seen, score=score, related=related, cluster=cluster)


def found(
    rows: npt.NDArray[np.int64],
    metric: str,
    evidence: pa.Array,
    *,
    score: npt.NDArray[np.float64] | None = None,
    related: pa.Array | None = None,
    cluster: npt.NDArray[np.int64] | None = None,
) -> pa.Table:
    """The same with the evidence as an Arrow array of large strings, cut already: for rows by the million."""
    n = len(rows)
    return pa.table(
        {
            "row": pa.array(rows, pa.int64()),
            "metric": pa.repeat(metric, n),
            "related": related if related is not None else pa.nulls(n, pa.int64()),
            "related_dataset": pa.nulls(n, pa.string()),
            "cluster": pa.array(cluster, pa.int64()) if cluster is not None else pa.nulls(n, pa.int64()),
            "score": pa.array(score, pa.float64()) if score is not None else pa.nulls(n, pa.float64()),
            "evidence": evidence,
        },
        schema=FINDING_SCHEMA,
    )


def cut(text: str, length: int = EVIDENCE_CHARACTERS) -> str:
    """The beginning of a text, marked where it was cut."""
    return text if len(text) <= length else text[: length - 1] + "…"


def sliced_rates(
    name: str, mask: Mask, groups: Mapping[str, tuple[Sequence[str], npt.NDArray[np.int32]]]
) -> tuple[Slice, ...]:
    """A Program's rate by attribution: mask bool [rows]; groups: by -> (labels, codes [rows])."""
    found: list[Slice] = []
    for by, (labels, codes) in sorted(groups.items()):
        hits = np.bincount(codes[mask], minlength=len(labels))
        total = np.bincount(codes, minlength=len(labels))
        present = (int(code) for code in np.flatnonzero(total))
        found.extend(Slice(by, labels[code], rate(name, int(hits[code]), int(total[code]))) for code in present)
    return tuple(sorted(found, key=lambda s: (s.by, s.group)))


def gather_groups(rows: Dataset) -> dict[str, tuple[Sequence[str], npt.NDArray[np.int32]]]:
    """Attribution codes of the whole dataset, for `sliced_rates`."""
    opened = [shard.groups for shard in rows]
    return {
        by: (opened[0][by].labels, np.concatenate([groups[by].codes for groups in opened]))
        for by in (rows.by if opened else {})
    }


def _key(*parts: str) -> str:
    return orjson.dumps(parts).decode()


def _add(counts: dict[str, int], key: str, count: int) -> None:
    counts[key] = counts.get(key, 0) + count
