"""Two versions set against each other: rows, lineage, metrics and verdicts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.core import compare
from auditor.core.lineage import lineages, rowsets
from auditor.model.card import Card, Registered
from auditor.model.result import Record
from auditor.model.rows import Dataset


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. ref: as asked for. card, version: where it is registered. record: of its last audit
    that is stored."""

    ref: str
    rows: Dataset
    card: Card | None = None
    version: Registered | None = None
    record: Record | None = None

    @property
    def verdict(self) -> str | None:
        if self.version is not None and self.version.verdict is not None:
            return self.version.verdict.status
        return self.record.whole if self.record else None

    @property
    def partial(self) -> str | None:
        """`pass (1 of 40 checks)`, where that is all that is known."""
        return self.record.partial if self.record and self.verdict is None else None


@dataclass(frozen=True, slots=True)
class Difference:
    """lineage, metrics: None where one of the two has none recorded; metrics: those that changed."""

    left: Side
    right: Side
    rows: rowsets.Changes
    lineage: tuple[lineages.Difference, ...] | None
    metrics: tuple[compare.Change, ...] | None

    @property
    def any(self) -> bool:
        return self.rows.any or bool(self.lineage)


def difference(left: Side, right: Side, worse: Mapping[str, compare.Bad] = {}) -> Difference:
    """worse: which way each metric is worse (`compare.directions`)."""
    told = metrics = None
    if left.version is not None and right.version is not None:
        told = tuple(lineages.differences(left.version.lineage, right.version.lineage))
    if left.record is not None and right.record is not None:
        metrics = tuple(change for change in compare.changes(left.record, right.record, worse) if change.changed)
    return Difference(left, right, rowsets.changes(left.rows, right.rows), told, metrics)
