"""What every face shows, chosen once: sections in order of gravity, what decided each, who made the
rows at fault, and a bounded cut of the findings with their text.

The faces differ in clothes only; none of them chooses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Spec
from auditor.model.result import AUDITED, LINEAGE, Distribution, Exhibit, Record, Slice, Status, Verdict
from auditor.model.verdicts import Audited, Verdicts
from auditor.reports import wording
from auditor.reports.decisions import ORDER, Culprit, Decision, culprits, excess, gravity
from auditor.reports.examples import SHOWN_CHARACTERS, Example, Shown, example, relative
from auditor.reports.findings import at, cluster_sizes, counted, worst

MANY = 3
"""Checks skipped for one reason from which on they are told together."""

_TOO_FEW = re.compile(
    r"\bneeds (?:at least|about|n >=) (?P<least>\d[\d,]*)(?P<what>.*?)"
    r"(?:\bhas (?P<mine>\d[\d,]*)(?:[^,;]* and (?P<real>\d[\d,]*))?|$)|\btoo few to tell\b"
)
"""How a check says that it declines for want of rows or words: how many it has, and how many real ones."""


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
            return bool(_TOO_FEW.search(self.reason))
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
        return f"{decision.label} {decision.observed_words}{of}, {decision.expected_words}".rstrip(", ") + beside


@dataclass(frozen=True)
class View:
    """Everything a face may use.

    findings: columns of `core.measure.findings_schema`. places: file name -> where it was written.
    top: findings shown a check. dashboards: the workspace's own folder of templates, whose files
    stand before ours. docs: check -> its docstring, for formats that carry help. tables: check -> what it
    measured for pictures alone (`Measurement.tables`).
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

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every check, failed ones first."""
        drafts = [self._section(described) for described in self.record.checks]
        return tuple(sorted(drafts, key=lambda s: (ORDER.index(s.status), s.name)))

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
            said = self._too_few or wording.IN_PART[verdict]
            return f"{said}; no verdict on {'the dataset' if rows else 'the judges'}"
        return self._too_few or (wording.HEADLINES if rows else wording.JUDGED)[verdict]

    @property
    def _too_few(self) -> str:
        if self.record.verdict is not Status.PASS or not self.starved:
            return ""
        given = sum(section.starved or section.status.judged for section in self.sections)
        n = int(self.record.dataset["rows"])
        real = self._real_rows
        few = {
            "data": f"{wording.count(n, self.noun)} {'is' if n == 1 else 'are'} too few",
            "real": f"{wording.count(real, 'real row')} {'is' if real == 1 else 'are'} too few",
            "left": f"too few of the {self.noun}s can be compared",
        }
        said = " and ".join(f"{few[whose]} for {count}" for whose, count in self._short.items())
        return f"Nothing found, but {said} of {wording.count(given, 'check')}"

    @property
    def _real_rows(self) -> int:
        beside = self.record.references.get("real")
        return int(beside["dataset"]["rows"]) if beside else 0

    @property
    def _short(self) -> dict[str, int]:
        """Checks that had too few rows to tell, by whose: `data`, `real`, or what is `left` of them without copies of
        real rows, without a response, …"""
        n = int(self.record.dataset["rows"])
        short = [_whose(section.reason, n, self._real_rows) for section in self.sections if section.starved]
        return {whose: short.count(whose) for whose in ("data", "real", "left") if whose in short}

    @property
    def advice(self) -> str:
        """What to do where nothing was judged, or an empty string."""
        if self.record.verdict is Status.SKIPPED:
            return "Give what the checks say they need"
        if self.record.verdict is not Status.MEASURED:
            return ""
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
        return f"{told or 'nothing ran'} of {checks} on {rows}{few}{missed}"

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

    def _section(self, described: Mapping[str, Any]) -> Section:
        name, status = str(described["name"]), Status(described["status"])
        prefix = name.replace("-", "_") + "."
        spec = self.specs.get(name)
        decisions = self._decisions(name, prefix, spec)
        found = self._of_check(name)
        run = self.record.run.get("checks", {}).get(name, {})
        # Where a number decided, what was said of the check as a whole stands aside.
        decided = any(decision.status is status for decision in decisions)
        why = str(described.get("why") or ("" if decided else self._why(name)))
        return Section(
            name=name,
            title=str(described.get("title") or name),
            status=status,
            why=why,
            version=int(described["version"]),
            parameters=described["parameters"],
            notes=tuple(described.get("notes", ())),
            asides=self._asides(name, decisions, why),
            decisions=decisions,
            culprits=culprits(decisions, self.record.slices),
            slices=tuple(s for s in self.record.slices if s.metric.name.startswith(prefix)),
            distributions=tuple(d for d in self.record.distributions if d.name.startswith(prefix)),
            exhibits=self._exhibits(prefix, decisions, spec),
            findings=len(found),
            by_metric=counted(found),
            examples=self._examples(found, decisions),
            clusters=cluster_sizes(found),
            seconds=run.get("seconds"),
            of_lineage=spec is None or "lineage" in spec.needs,
        )

    def _exhibits(self, prefix: str, decisions: Sequence[Decision], spec: Spec | None) -> tuple[Exhibit, ...]:
        """Those that show what is behind a broken bound first, the worst one's before others."""
        behind = {spec.metric(m.name): spec.metric(m.shown) for m in spec.measures if m.shown} if spec else {}
        broken = [d for d in decisions if d.status in (Status.FAIL, Status.WARN)]
        order = {behind[d.metric.name]: -place for place, d in enumerate(reversed(broken)) if d.metric.name in behind}
        mine = (e for e in self.record.exhibits if e.name.startswith(prefix))
        return tuple(sorted(mine, key=lambda e: order.get(e.name, 1)))

    def _why(self, name: str) -> str:
        return next((v.why for v in self.record.verdicts if v.check == name and v.metric is None), "")

    def _asides(self, name: str, decisions: tuple[Decision, ...], why: str) -> tuple[str, ...]:
        """What was said of the check and stands beside none of its numbers."""
        told = {decision.why for decision in decisions} | {why}
        said = [v for v in self.record.verdicts if v.check == name and v.why and v.why not in told]
        return tuple(f"{v.metric}: {v.why}" if v.metric else v.why for v in said)

    def _decisions(self, name: str, prefix: str, spec: Spec | None) -> tuple[Decision, ...]:
        judged: dict[str, Verdict] = {}
        for verdict in self.record.verdicts:
            if verdict.check == name and verdict.metric is not None:
                other = judged.get(verdict.metric)
                if other is None or verdict.status.gravity > other.status.gravity:
                    judged[verdict.metric] = verdict
        measures = {spec.metric(m.name): m for m in spec.measures} if spec else {}
        order = {metric: place for place, metric in enumerate(measures)}
        decisions = []
        for metric in self.record.metrics.values():
            if metric.name.startswith(prefix):
                said, measure = judged.get(metric.name), measures.get(metric.name)
                decisions.append(
                    Decision(
                        metric,
                        said.status if said else None,
                        said.expected if said else None,
                        (said.why if said else "") or metric.why,
                        measure.what if measure else "",
                        measure.remedy if measure else "",
                        tuple(
                            (role, reference["metrics"][metric.name])
                            for role, reference in self.record.references.items()
                            if metric.name in reference["metrics"]
                        ),
                    )
                )
        return tuple(sorted(decisions, key=lambda d: (gravity(d), -excess(d), order.get(d.metric.name, 999))))

    @cached_property
    def _places_of_checks(self) -> Mapping[str, npt.NDArray[np.int64]]:
        if not len(self.findings):
            return {}
        encoded = self.findings.column("check").combine_chunks().dictionary_encode()
        codes = np.asarray(encoded.indices)
        return {name: np.flatnonzero(codes == code) for code, name in enumerate(encoded.dictionary.to_pylist())}

    def _of_check(self, name: str) -> pa.Table:
        places = self._places_of_checks.get(name)
        if places is None:
            return self.findings.slice(0, 0)
        first, last = int(places[0]), int(places[-1])
        if last - first + 1 == len(places):  # as they are written: a view, not a copy of millions of strings
            return self.findings.slice(first, len(places))
        return self.findings.take(pa.array(places))

    def _examples(self, found: pa.Table, decisions: tuple[Decision, ...]) -> tuple[Example, ...]:
        if not len(found) or not self.top:
            return ()
        rank = {decision.metric.name: place for place, decision in enumerate(decisions)}
        picked = at(found, worst(found, rank, self.top)).to_pylist()
        wanted = {int(f["row"]) for f in picked if f["row"] is not None}
        wanted |= {int(f["related"]) for f in picked if f["related"] is not None and f["related_dataset"] is None}
        shown = self._shown(sorted(wanted))
        return tuple(example(f, shown, self.noun) for f in picked)

    def _shown(self, rows: list[int]) -> dict[int, Shown]:
        known = [row for row in rows if 0 <= row < self.dataset.rows]
        if not known:
            return {}
        texts = ("prompt", "response", "rejected", "text")
        table = self.dataset.take(known, ["file", "line", *texts])
        # Cut in Arrow: a row of 200 MB never becomes a Python string.
        columns = {name: pc.utf8_slice_codeunits(table.column(name), 0, SHOWN_CHARACTERS) for name in texts}
        places = zip(table.column("file").to_pylist(), table.column("line").to_pylist(), strict=True)
        cells = zip(*(columns[name].to_pylist() for name in texts), strict=True)
        return {
            row: Shown(row, f"{relative(self.dataset.files[file])}:{line}", *values)
            for row, (file, line), values in zip(known, places, cells, strict=True)
        }


def _whose(why: str, rows: int, real: int) -> str:
    """Whose rows are too few, where a check says so: `data`, `real`, or what is `left` of rows that are enough."""
    found = _TOO_FEW.search(why)
    if found is None or found["mine"] is None:
        return "data"
    least, mine = (int(found[part].replace(",", "")) for part in ("least", "mine"))
    whose, given = ("data", rows) if mine < least or found["real"] is None else ("real", real)
    return "left" if given >= least and "rows" in found["what"] else whose


def _few(names: Sequence[str]) -> str:
    """`a, b, c and 4 more`."""
    shown = ", ".join(str(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
