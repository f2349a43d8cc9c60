"""A dataset over its versions: who made each, what the gate said, and how the main metrics went."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.card import Card, Registered
from auditor.model.result import Metric, Record, Status

MAIN = 8
"""Metrics that fit a glance."""


@dataclass(frozen=True, slots=True)
class History:
    """records: version -> the last audit of it that is stored here."""

    card: Card
    records: Mapping[int, Record] = field(default_factory=dict)

    @property
    def versions(self) -> tuple[Registered, ...]:
        return self.card.versions

    def series(self, name: str) -> list[Metric | None]:
        """The metric at each version, None where it was not audited or not measured so."""
        return [self._metric(version.version, name) for version in self.versions]

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
