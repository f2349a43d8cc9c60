"""What is exported: one registered version, with everything that is recorded of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from auditor.model.card import Card, Registered
from auditor.model.result import Record, Status, Verdict
from auditor.model.techniques import TECHNIQUES
from auditor.reports import wording


@dataclass(frozen=True, slots=True)
class Subject:
    """record: the last audit of these rows that is stored. columns: top-level fields of the file as it
    lies ("text", "integer", "float", "boolean", "nested"); empty where it was not looked into."""

    card: Card
    version: Registered
    record: Record | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    @property
    def ref(self) -> str:
        return self.card.ref(self.version)

    @property
    def verdict(self) -> str | None:
        if self.version.verdict is not None:
            return self.version.verdict.status
        return self.record.whole if self.record else None

    @property
    def partial(self) -> str | None:
        """What was run, where the stored audit is not of all checks: `1 of 40 checks: expired`."""
        return self.record.extent if self.record else None

    @property
    def description(self) -> str:
        """The card's own words, else one sentence of what is recorded."""
        if self.card.description:
            return self.card.description
        lineage = self.version.lineage
        how = f" made by {lineage.technique}" if lineage.technique else ""
        by = " and ".join(str(generator.model) for generator in lineage.generators)
        rows = wording.count(self.version.rows, "row")
        return f"A {self.card.kind} dataset of {rows}{how}{f' with {by}' if by else ''}."

    @property
    def method(self) -> str:
        """How the rows were made: the technique's definition, and the techniques of fields of their own."""
        lineage = self.version.lineage
        said = []
        for name, what in (("", lineage.technique), *lineage.fields.items()):
            if what is not None and what in TECHNIQUES:
                said.append(f"{f'{name}: ' if name else ''}{what}: {TECHNIQUES[what].definition}")
        return "; ".join(said)

    def judged(self, *statuses: Status) -> list[Verdict]:
        """The stored audit's verdicts of these statuses."""
        return [verdict for verdict in self.record.verdicts if verdict.status in statuses] if self.record else []


def named(verdict: Verdict) -> str:
    """A verdict's name among others: its metric, else its check."""
    return verdict.metric or verdict.check


def told(verdict: Verdict, record: Record) -> str:
    """A verdict as a sentence: what was seen against what was wanted."""
    metric = record.metrics.get(verdict.metric) if verdict.metric else None
    if metric is None or verdict.expected is None:
        return f"{named(verdict)}: {verdict.why}"
    seen = wording.measured(metric, metric.unit)
    return f"{named(verdict)}: {seen}, {wording.expected_words(verdict.expected, metric.unit)} wanted"
