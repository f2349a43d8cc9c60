"""A dataset over its versions: who made each, what the gate said, and how the main metrics went."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from auditor.model.card import Card, Registered
from auditor.model.result import Metric, Record, Status
from auditor.statistics.trend import Slope, error, slope

MAIN = 8
"""Metrics that fit a glance."""

ALIKE = 0.1
"""Share by which what two numbers were measured over may differ."""

SIZED = (
    "few_patterns.",
    "low_lexical_diversity.",
    "templated_text.",
    "lost_tails.",
    "exact_duplicates.",
    "near_duplicates.",
    "semantic_duplicates.",
)
"""Rooms whose numbers depend on how much was measured: compared where that differs by at most ALIKE."""

UNSIZED = ("unique_ngram_product", "few_patterns.largest_share")
"""Of these, what does not: unique n-grams are of each text, however many there are."""

RUNGS = (1_000, 3_000, 10_000, 30_000, 100_000)
"""Rows that what depends on their number is recorded over as well, for versions of other sizes."""

AGAINST_REAL = ("lost_tails.", "embedding_drift.", "feature_drift.", "tells_of_synthesis.")
"""Rooms that hold rows against real ones; compared where these are the same, as is what ends in `_to_real`."""

TURNED_AWAY = ("candidate", "rejected")

_PLAIN = re.compile(r"[+-]?\d{1,15}(\.\d{1,15})?")


@dataclass(frozen=True, slots=True)
class History:
    """records: version -> the last audit of it that is stored here. present: the stored audit of the very rows that are
    audited now, where versions are those before them."""

    card: Card
    records: Mapping[int, Record] = field(default_factory=dict)
    present: Record | None = None

    @property
    def versions(self) -> tuple[Registered, ...]:
        return self.card.versions

    def series(self, name: str) -> list[Metric | None]:
        """The metric at each version, None where it was not audited or not measured so."""
        return [self._metric(version.version, name) for version in self.versions]

    def slope(self, name: str) -> tuple[Slope, int] | None:
        """How the metric changes from version to version, in its unit, with how many versions tell; those that a gate
        turned away, that were held against other real data than the last, or that cannot be brought to one size
        with it, do not. None below two."""
        there = self.compared(name)
        if len(there) < 2:
            return None
        values = [float(metric.value or 0) for metric in there.values()]
        errors = [error(metric.low, metric.high) for metric in there.values()]
        return slope([float(version) for version in there], values, errors), len(there)

    def compared(self, name: str) -> dict[int, Metric]:
        """Version -> the metric that the slope is of: what was measured over as much as at the last one."""
        kept = [v for v in self.versions if v.status not in TURNED_AWAY and v.version in self.records]
        real = real_of(self.records[kept[-1].version]) if kept else ""
        found = at_equal_size([sizes_against(self.records[v.version], name, real) for v in kept])
        return {v.version: metric for v, metric in zip(kept, found, strict=True) if metric is not None}

    def _metric(self, version: int, name: str) -> Metric | None:
        record = self.records.get(version)
        return record.metrics.get(name) if record else None

    def verdict(self, version: Registered) -> str | None:
        """What the gate said, else what the stored audit of all checks says; None for a version that nobody judged."""
        if version.verdict is not None:
            return version.verdict.status
        record = self.records.get(version.version)
        return record.whole if record else None

    def partial(self, version: Registered) -> str | None:
        """`pass (1 of 40 checks)`, where that is all that is known."""
        record = self.records.get(version.version)
        return record.partial if record and version.verdict is None else None

    @property
    def main(self) -> tuple[str, ...]:
        """Metrics that a policy judges, at most `MAIN`: those it was ever hard on first, then those that
        moved furthest, for their size."""
        gravity: dict[str, int] = {}
        for record in self.records.values():
            for verdict in record.verdicts:
                if verdict.metric is not None and verdict.expected is not None:
                    told = verdict.status.gravity if verdict.status in (Status.WARN, Status.FAIL) else 0
                    gravity[verdict.metric] = max(gravity.get(verdict.metric, 0), told)
        names = [name for name in gravity if any(m is not None and m.value is not None for m in self.series(name))]
        return tuple(sorted(names, key=lambda name: (-gravity[name], *self._dullness(name), name))[:MAIN])

    def _dullness(self, name: str) -> tuple[float, bool]:
        """Less for what moved further, for its size; then for what is not always nought."""
        values = [m.value for m in self.series(name) if m is not None and m.value is not None]
        largest = max(abs(value) for value in values)
        return (min(values) - max(values)) / largest if largest else 0.0, not largest


def sizes(record: Record, name: str) -> list[Metric]:
    """The metric over each number of rows or words that it was measured over; without those that have no value."""
    return known(name, record.metrics.values(), record.ladder)


def sizes_against(record: Record, name: str, real: str) -> list[Metric]:
    """The same; none where the metric is of rows beside real ones, and these were others than `real` (a digest)."""
    return [] if against_real(name) and real_of(record) != real else sizes(record, name)


def against_real(name: str) -> bool:
    """Whether a metric says how the rows stand to real ones."""
    return name.startswith(AGAINST_REAL) or name.endswith("_to_real")


def real_of(record: Record) -> str:
    """The digest of the real data that an audit had; empty where it had none."""
    return str(record.references.get("real", {}).get("dataset", {}).get("digest", ""))


def known(name: str, *found: Iterable[Metric]) -> list[Metric]:
    """Those of that name that have a value."""
    return [metric for some in found for metric in some if metric.name == name and metric.value is not None]


def at_equal_size(places: Sequence[Sequence[Metric]], least: int = 0) -> list[Metric | None]:
    """One metric at each place in time, all over as much as at the last one; None where there is none so.

    places: at each the metric over several sizes. Of the last one's sizes that is taken which most places have, and of
    these the largest. least: sizes below it are not taken.
    """
    best: list[Metric | None] = [None] * len(places)
    among = [metric for metric in places[-1] if metric.n >= least] if places else []
    for last in sorted(among, key=lambda metric: -metric.n):
        found = [
            min((m for m in one if alike(m, last)), key=lambda m: abs(m.n - last.n), default=None) for one in places
        ]
        if sum(one is not None for one in found) > sum(one is not None for one in best):
            best = found
    return best


def alike(metric: Metric, other: Metric) -> bool:
    """Whether two numbers of one name may be compared."""
    if metric.unit != other.unit:
        return False
    sized = metric.name.startswith(SIZED) and not metric.name.endswith(UNSIZED)
    return not sized or abs(metric.n - other.n) <= ALIKE * max(other.n, 1)


def in_order(labels: Iterable[str]) -> list[str]:
    """Names of rounds in their order; those without a number are left out."""
    numbers = numbered(labels)
    return sorted(numbers, key=lambda label: (numbers[label], label))


def called(by: str, label: str) -> str:
    """The name of a round without that of its field: `3` of `round 3`."""
    return label[len(by) :].strip() if label.lower().startswith(by.lower()) else label


def numbered(labels: Iterable[str]) -> dict[str, float]:
    """The number of each round, of all its dataset's names for rounds that have digits: what they are (`-1`, `0.5`); or
    the one number by which they differ (`round 3`, `v1.10`, `2024-03`); or, where that is not one (`2023-12`,
    `2024-01`), their rank from 1 in the order of all numbers in them."""
    named = {label: tuple(map(int, re.findall(r"\d{1,15}", label))) for label in labels if re.search(r"\d", label)}
    if all(_PLAIN.fullmatch(label) for label in named):
        return {label: float(label) for label in named}
    columns = list(zip(*named.values(), strict=False))
    moved = [at for at, column in enumerate(columns) if len(set(column)) > 1]
    if len({len(parts) for parts in named.values()}) == 1 and len(moved) <= 1:
        at = moved[0] if moved else -1
        return {label: float(parts[at]) for label, parts in named.items()}
    return {label: float(rank) for rank, label in enumerate(sorted(named, key=lambda one: (named[one], one)), 1)}
