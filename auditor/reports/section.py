"""One check as every face shows it: what decided, what to do, and its state in one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auditor.model.result import AUDITED, LINEAGE, Distribution, Exhibit, Slice, Status
from auditor.reports import shortage
from auditor.reports.decisions import Culprit, Decision
from auditor.reports.examples import Example

NAMED = 3
"""Numbers that are named where a check could not be judged by them."""


@dataclass(frozen=True, slots=True)
class Section:
    """One check. decisions: judged ones first, gravest first. asides: what was said of the check beside
    its numbers, such as of a stale waiver. findings: all of them; examples: the cut. of_lineage: whether what it finds
    without a row is a fault of the lineage, and not of the rows as a whole."""

    name: str
    title: str
    status: Status
    why: str
    version: int
    parameters: Mapping[str, Any]
    notes: tuple[str, ...]
    asides: tuple[str, ...]
    decisions: tuple[Decision, ...]
    culprits: tuple[Culprit, ...]
    slices: tuple[Slice, ...]
    distributions: tuple[Distribution, ...]
    exhibits: tuple[Exhibit, ...]
    findings: int
    by_metric: Mapping[str, int]
    examples: tuple[Example, ...]
    clusters: tuple[int, ...]
    seconds: float | None
    of_lineage: bool = True

    @property
    def deciding(self) -> Decision | None:
        """The metric that decided, or the rate of all faults where all is well, or the first with a value."""
        if self.status in (Status.PASS, Status.MEASURED):
            whole = next((d for d in self.decisions if d.metric.name.endswith(".rate")), None)
            if whole is not None and whole.metric.value is not None:
                return whole
        if self.status is Status.MEASURED:
            numbers = [d for d in self.decisions if d.metric.value is not None]
            return next((d for d in numbers if d.metric.n > 0), numbers[0])
        return self.decisions[0] if self.decisions else None

    @property
    def remedy(self) -> str:
        """What to do: of the worst metric that has a remedy; where that is the rate of several faults,
        of the fault that most rows have."""
        bad = [d for d in self.decisions if d.status in (Status.FAIL, Status.WARN)]
        remedies = {d.metric.name: d.remedy for d in self.decisions}
        for decision in bad:
            if decision.metric.name.endswith(".rate") and decision.metric.name not in self.by_metric:
                found = next((remedies[m] for m in self.by_metric if remedies.get(m)), "")
                if found:
                    return found
            if decision.remedy:
                return decision.remedy
        return next((remedies[m] for m in self.by_metric if remedies.get(m)), "")

    def found(self, noun: str) -> str:
        """What the findings are, as a heading; noun: what the audit is of."""
        whose = {example.whose for example in self.examples}
        if AUDITED in whose or not whose:
            return f"{noun.capitalize()}s at fault"
        if whose == {LINEAGE}:
            return f"Found in the {noun}s as a whole" if self.whole else "Faults of the lineage"
        return f"Rows of the {min(whose)} data that are missed here"

    @property
    def whole(self) -> bool:
        """Whether all that was found is of the rows as a whole: none of it stands at a row or in the lineage."""
        return not self.of_lineage and all(example.whose == LINEAGE for example in self.examples)

    @property
    def made_by(self) -> frozenset[str]:
        """Columns of attribution that some finding shown has a value in."""
        return frozenset(column for example in self.examples for column, _ in example.by)

    @property
    def roles(self) -> tuple[str, ...]:
        """The references that some metric was measured of as well."""
        return tuple(dict.fromkeys(role for decision in self.decisions for role in decision.reference_words))

    @property
    def starved(self) -> bool:
        """Whether it was skipped or not judged for want of rows, or passed with too few of them to tell."""
        if self.status is Status.SKIPPED or self.lacking:
            return shortage.told(self.reason)
        return self.status is Status.PASS and self.deciding is not None and not self.deciding.enough

    @property
    def undecided(self) -> bool:
        """Whether it warns for what was said of the check, and not for a number."""
        return self.status is Status.WARN and bool(self.why)

    @property
    def lacking(self) -> Decision | None:
        """Of a check that measured and was not judged: what the policy bounds, and what has no value."""
        bounded = (d for d in self.decisions if d.status is Status.SKIPPED)
        return next(bounded, None) if self.status is Status.MEASURED else None

    @property
    def withheld(self) -> tuple[Decision, ...]:
        """What was not judged because its bounds were found by other means than this audit's."""
        return tuple(d for d in self.decisions if d.status is Status.SKIPPED and shortage.otherwise(d.why))

    @property
    def otherwise(self) -> tuple[str, ...]:
        """By which other means: `among other real rows`."""
        return tuple(dict.fromkeys(shortage.otherwise(d.why) for d in self.withheld))

    @property
    def remarks(self) -> str:
        """What the judge said beside the number that decided."""
        return "" if self.undecided or self.deciding is None else self.deciding.remarks

    @property
    def reason(self) -> str:
        """One line: the number that decided against its bound, or why there is none."""
        decision = self.deciding
        if self.status in (Status.SKIPPED, Status.ERROR) or decision is None or self.undecided:
            unknown = next((d.why or d.metric.why for d in self.decisions if d.metric.value is None), "")
            return self.why or unknown or "nothing measured"
        of = f" ({decision.rows_words})" if decision.metric.value and decision.rows_words else ""
        if decision.status is None:
            said = f"{decision.label} {decision.observed_words}{of}"
            if self.lacking:
                why = self.lacking.why or self.lacking.metric.why
                return f"{said}, not judged: {self.lacking.label} has no value, {why}"
            return said + ("" if any(d.status is not None for d in self.decisions) else ", no bound in the policy")
        if decision.metric.value is None:
            return f"{decision.label} {decision.why or decision.metric.why or 'not measured'}"
        beside = "".join(f"; {role} {words}" for role, words in decision.reference_words.items())
        said = f"{decision.label} {decision.observed_words}{of}, {decision.expected_words}".rstrip(", ") + beside
        return said + self._unjudged

    @property
    def _unjudged(self) -> str:
        """What else of a judged check was not, and what to do: `; ratio to real not judged, bounds found among other
        real rows: calibrate again, or audit with --real real.jsonl`."""
        if not self.withheld:
            return ""
        labels = [decision.label for decision in self.withheld]
        more = f" and {len(labels) - NAMED} more" if len(labels) > NAMED else ""
        how = " and ".join(self.otherwise)
        remedy = self.withheld[0].why.rpartition(": ")[2]
        return f"; {', '.join(labels[:NAMED])}{more} not judged, bounds found {how}: {remedy}"
