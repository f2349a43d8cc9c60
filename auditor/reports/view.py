"""What every face shows, chosen once: sections in order of gravity, what decided each, who made the
rows at fault, and a bounded cut of the findings with their text.

The faces differ in clothes only; none of them chooses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from auditor.core.check import Spec
from auditor.model.result import Record, Status
from auditor.model.verdicts import Audited, Verdicts
from auditor.reports import drafting, shortage, wording
from auditor.reports.decisions import ORDER
from auditor.reports.section import Section

MANY = 3
"""Checks skipped for one reason from which on they are told together."""


@dataclass(frozen=True)
class View:
    """Everything a face may use.

    findings: columns of `core.measure.findings_schema`. places: file name -> where it was written.
    top: findings shown a check. dashboards: the workspace's own folder of templates, whose files
    stand before ours. docs: check -> its docstring, for formats that carry help. tables: check -> what it
    measured for pictures alone (`Measurement.tables`). gaps: the file that what is missing was written to.
    """

    record: Record
    findings: pa.Table
    dataset: Audited
    specs: Mapping[str, Spec]
    places: Mapping[str, Path] = field(default_factory=dict)
    top: int = 20
    dashboards: Path | None = None
    docs: Mapping[str, str] = field(default_factory=dict)
    tables: Mapping[str, Mapping[str, pa.Table]] = field(default_factory=dict)
    gaps: Path | None = None

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every check, failed ones first."""
        return drafting.sections(self.record, self.findings, self.dataset, self.specs, self.top, self.noun)

    @cached_property
    def groups(self) -> tuple[tuple[Section, ...], ...]:
        """The sections in order, one by one; `MANY` or more that were skipped for one reason are together, where the
        first stands: what to give is news once."""
        alike: dict[tuple[str, ...], list[Section]] = {}
        for section in self.sections:
            skipped = section.status is Status.SKIPPED
            alike.setdefault(("skipped", section.reason) if skipped else (section.name,), []).append(section)
        parts = ([tuple(group)] if len(group) >= MANY else [(one,) for one in group] for group in alike.values())
        return tuple(group for part in parts for group in part)

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        statuses = [section.status for section in self.sections]
        return {status: statuses.count(status) for status in ORDER}

    @property
    def label(self) -> str:
        """`PASS`; of an audit that left checks out `PASS (1 of 40 checks)`."""
        verdict = self.record.verdict.value
        return (self.record.partial or verdict).replace(verdict, verdict.upper(), 1)

    @property
    def tone(self) -> Status:
        """What the verdict is dressed as: a pass of some of the checks is no green light."""
        verdict = self.record.verdict
        return Status.MEASURED if self.record.left_out and verdict is Status.PASS else verdict

    @property
    def headline(self) -> str:
        verdict, rows = self.record.verdict, self.noun == "row"
        if self.record.left_out and verdict.judged and verdict is not Status.ERROR:
            said = self._doubt or wording.IN_PART[verdict]
            return f"{said}; no verdict on {'the dataset' if rows else 'the judges'}"
        return self._doubt or (wording.HEADLINES if rows else wording.JUDGED)[verdict]

    @property
    def _doubt(self) -> str:
        if self.record.verdict is not Status.PASS:
            return ""
        lacking = sum(section.lacking is not None and not section.starved for section in self.sections)
        given = sum(s.starved or s.status.judged or s.lacking is not None for s in self.sections)
        of = f"of {wording.count(given, 'check')}"
        reasons = [f"{self._scarce} {of}"] if self.starved else []
        if self._withheld:
            be = "is" if self._withheld == 1 else "are"
            reasons.append(f"{self._withheld} {'' if reasons else f'{of} '}{be} not judged in full: {self._otherwise}")
        elif lacking and not reasons:
            reasons.append(f"{lacking} {of} could not be judged")
        return f"Nothing found, but {', and '.join(reasons)}" if reasons else ""

    @property
    def _withheld(self) -> int:
        """Checks that were not judged, wholly or in part, by bounds that were found by other means."""
        return sum(bool(section.withheld) for section in self.sections)

    @property
    def _otherwise(self) -> str:
        """`bounds found among other real rows`."""
        means = dict.fromkeys(how for section in self.sections for how in section.otherwise)
        return f"bounds found {' and '.join(means)}"

    @property
    def _scarce(self) -> str:
        """`800 rows are too few for 5`."""
        n = int(self.record.dataset["rows"])
        real = self._real_rows
        few = {
            "data": f"{wording.count(n, self.noun)} {'is' if n == 1 else 'are'} too few",
            "real": f"{wording.count(real, 'real row')} {'is' if real == 1 else 'are'} too few",
            "left": f"too few of the {self.noun}s can be compared",
        }
        return " and ".join(f"{few[whose]} for {count}" for whose, count in self._short.items())

    @property
    def _real_rows(self) -> int:
        beside = self.record.references.get("real")
        return int(beside["dataset"]["rows"]) if beside else 0

    @property
    def _short(self) -> dict[str, int]:
        """Checks that had too few rows to tell, by whose: `data`, `real`, or what is `left` of them without copies of
        real rows, without a response, …"""
        n = int(self.record.dataset["rows"])
        short = [shortage.whose(section.reason, n, self._real_rows) for section in self.sections if section.starved]
        return {whose: short.count(whose) for whose in ("data", "real", "left") if whose in short}

    @property
    def advice(self) -> str:
        """What to do where nothing was judged, or an empty string."""
        if self.record.verdict is Status.SKIPPED:
            return "Give what the checks say they need"
        if self.record.verdict is not Status.MEASURED:
            return ""
        if self._withheld:
            return "Calibrate again, or audit with what the bounds were found with"
        unbounded = any(s.status is Status.MEASURED and not s.lacking for s in self.sections)
        found = ", or have `auditor calibrate` find them in real data" if self.noun == "row" else ""
        return f"Give a policy with bounds (--policy){found}" if unbounded else "Give what the bounded numbers lack"

    @property
    def against(self) -> str:
        """`against dolly_3k (real, 2,996 rows)`, `against people@1 (registered, 200 rows)` where the card of the rows
        names it, or an empty string."""
        sides = []
        for role, beside in self.record.references.items():
            name, rows = beside["dataset"]["name"], wording.count(int(beside["dataset"]["rows"]), self.noun)
            if role in self.record.run:
                sides.append(f"{self.record.run[role]} (registered, {rows})")
                continue
            sides.append(f"{name} ({rows})" if name == role else f"{name} ({role}, {rows})")
        return f"against {' and '.join(sides)}" if sides else ""

    @property
    def bought(self) -> str:
        """`embeddings: 301 texts bought, 903 tokens, 0.000018 by its price`; empty where none can be bought."""
        return wording.bought(self.record.run.get("embedder"))

    @property
    def starved(self) -> int:
        """Checks that had too few rows to tell."""
        return sum(section.starved for section in self.sections)

    @property
    def noun(self) -> str:
        """What the audit is of: a row, or a verdict."""
        return "verdict" if isinstance(self.dataset, Verdicts) else "row"

    @property
    def summary(self) -> str:
        """`2 failed, 5 kept their bounds, 1 measured but not judged of 8 checks on 12,400 rows`."""
        told = ", ".join(wording.became(n, status) for status, n in self.counts.items() if n)
        checks = wording.count(len(self.sections), "check")
        rows = wording.count(int(self.record.dataset["rows"]), self.noun)
        missed = f"; required and not measured: {', '.join(self.unmet)}" if self.unmet else ""
        short = {"data": "too few", "real": "too few real rows", "left": "too few left"}
        few = "".join(f", {short[whose]} for {count} of them" for whose, count in self._short.items())
        found = f", {self._otherwise} for {self._withheld} of them" if self._withheld else ""
        return f"{told or 'nothing ran'} of {checks} on {rows}{few}{found}{missed}"

    @property
    def unmet(self) -> tuple[str, ...]:
        """Checks that the policy requires and that were skipped or left out."""
        ran = {section.name for section in self.sections if section.status is not Status.SKIPPED}
        return tuple(name for name in self.record.policy.get("required", ()) if name not in ran)

    @property
    def caution(self) -> str:
        """That the baseline is of another dataset, or an empty string."""
        return str((self.record.baseline or {}).get("why") or "")

    @property
    def made(self) -> str:
        """`sft@3: self-instruct by gpt-4o@2024-08-06 from seeds@1; the rows as registered`; empty for data that
        nobody registered. Which rows: those registered, or those in their place."""
        version, lineage = self.record.dataset.get("version"), self.record.dataset.get("lineage") or {}
        if not version:
            return ""
        sources = [*lineage.get("seeds", ()), *lineage.get("parents", ())]
        parts = [
            str(lineage.get("technique") or lineage.get("kind") or "no technique given"),
            f"by {_few(lineage['generators'])}" if lineage.get("generators") else "",
            f"from {_few(sources)}" if sources else "",
        ]
        which = self.record.run.get("rows")
        read = f"; the rows {which}" if which else ""
        return f"{version}: {' '.join(part for part in parts if part)}{read}"

    @property
    def bad(self) -> tuple[Section, ...]:
        """Sections that a person must act on."""
        return tuple(s for s in self.sections if s.status in (Status.FAIL, Status.ERROR, Status.WARN))


def _few(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(str(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
