"""What every face shows, chosen once: sections in order of gravity, what decided each, who made the
rows at fault, and a bounded cut of the findings with their text.

The faces differ in clothes only; none of them chooses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Spec
from auditor.model.result import EVIDENCE_CHARACTERS, Distribution, Metric, Number, Record, Slice, Status, Verdict
from auditor.model.rows import Dataset
from auditor.reports import wording
from auditor.reports.findings import cluster_sizes, counted, worst

SHOWN_CHARACTERS = 4_000
"""Of a row's text shown beside a finding: enough to judge it by, and a huge row cannot swell a report."""

CONTEXT_CHARACTERS = 40
"""Shown before the place where two rows part."""

_BROKEN = re.compile(r"^\S+ (?:breaks|keeps) the bound[^,;]*(?:[,;]\s*)?(?:but )?")
_ORDER = (Status.FAIL, Status.ERROR, Status.WARN, Status.PASS, Status.SKIPPED)


@dataclass(frozen=True, slots=True)
class Decision:
    """One metric and what the policy said of it. status is None where the policy has no bound for it.
    references: role -> the same metric of the data compared with."""

    metric: Metric
    status: Status | None
    expected: str | None
    why: str
    what: str
    remedy: str
    references: tuple[tuple[str, Metric], ...] = ()

    @property
    def label(self) -> str:
        return wording.label(self.metric.name)

    @property
    def bound(self) -> wording.Bound | None:
        """The bound that is broken, else the first one."""
        found, value = wording.bounds(self.expected), self.metric.value
        return next((b for b in found if value is not None and b.broken(value)), found[0] if found else None)

    @property
    def observed_words(self) -> str:
        limit = self.bound
        return wording.quantity(self.metric.value, self.metric.unit, beside=limit.value if limit else None)

    @property
    def expected_words(self) -> str:
        return wording.expected_words(self.expected, self.metric.unit)

    @property
    def interval_words(self) -> str:
        return wording.interval(self.metric.low, self.metric.high, self.metric.unit)

    @property
    def notable(self) -> bool:
        """Judged, or a number that is not zero."""
        return self.status is not None or bool(self.metric.value)

    @property
    def remarks(self) -> str:
        """What the judge said beyond "it breaks the bound": doubt, baseline, waivers."""
        said = _BROKEN.sub("", self.why)
        return said[:1].upper() + said[1:]

    @property
    def reference_words(self) -> Mapping[str, str]:
        """Role -> its value in words."""
        return {role: wording.quantity(m.value, m.unit) for role, m in self.references}

    @property
    def rows_words(self) -> str:
        """`1,538 of 12,400` for a share."""
        if self.metric.unit != "share" or self.metric.value is None:
            return ""
        return f"{round(self.metric.value * self.metric.n):,} of {self.metric.n:,}"


@dataclass(frozen=True, slots=True)
class Culprit:
    """A group whose rate stands clear of the whole: its 95 % interval does not touch the overall one."""

    slice: Slice
    overall: Metric

    @property
    def name(self) -> str:
        return f"{self.slice.by}={self.slice.group}"

    @property
    def words(self) -> str:
        mine, unit = self.slice.metric, self.overall.unit
        spread = wording.interval(mine.low, mine.high, unit)
        fault = "" if self.overall.name.endswith(".rate") else f"{wording.label(self.overall.name)} "
        return (
            f"{fault}{wording.quantity(mine.value, unit)} ({spread}), against "
            f"{wording.quantity(self.overall.value, unit)} overall"
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """The text of one row, cut to `SHOWN_CHARACTERS`, and where the row stands."""

    row: int
    place: str
    prompt: str | None
    response: str | None
    rejected: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Example:
    """One finding, with what is needed to look at it."""

    row: int
    id: str
    file: str
    line: int | None
    metric: str
    score: float | None
    evidence: str
    remedy: str
    cluster: int | None
    related: int | None
    related_dataset: str | None
    by: tuple[tuple[str, str], ...]
    shown: Shown | None = None
    partner: Shown | None = None

    @property
    def label(self) -> str:
        """The fault in words: `truncated`; the check's name where the metric is its plain rate."""
        found = wording.label(self.metric)
        return self.metric.partition(".")[0].replace("_", " ") if found == "rate" else found

    @property
    def place(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"

    @property
    def seen(self) -> str:
        """What to show of the row on a line or two: for a pair that begins alike, where it parts."""
        if self.shown is not None and self.partner is not None and self.shown.text != self.partner.text:
            return _parting(self.shown.text, self.partner.text)
        return self.evidence or (self.shown.text if self.shown else "")

    @property
    def seen_of_partner(self) -> str:
        """The same of the other row, where there is a difference to show."""
        if self.shown is None or self.partner is None or self.shown.text == self.partner.text:
            return ""
        return _parting(self.partner.text, self.shown.text)

    @property
    def score_words(self) -> str:
        return "" if self.score is None else f"{self.score:.3g}"


@dataclass(frozen=True, slots=True)
class Section:
    """One check. decisions: judged ones first, gravest first. asides: what was said of the check beside
    its numbers, such as of a stale waiver. findings: all of them; examples: the cut."""

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
    findings: int
    by_metric: Mapping[str, int]
    examples: tuple[Example, ...]
    clusters: tuple[int, ...]
    seconds: float | None

    @property
    def deciding(self) -> Decision | None:
        """The metric that decided, or the rate of all faults where all is well."""
        if self.status is Status.PASS:
            whole = next((d for d in self.decisions if d.metric.name.endswith(".rate")), None)
            if whole is not None and whole.metric.value is not None:
                return whole
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

    @property
    def reason(self) -> str:
        """One line: the number that decided against its bound, or why there is none."""
        decision = self.deciding
        undecided = self.status is Status.WARN and bool(self.why)
        if self.status in (Status.SKIPPED, Status.ERROR) or decision is None or undecided:
            return self.why or "nothing measured"
        if decision.status is None:
            bounded = any(d.status is not None for d in self.decisions)
            return f"{decision.label} {decision.observed_words}" + ("" if bounded else ", no bound in the policy")
        if decision.metric.value is None:
            return f"{decision.label} {decision.why or decision.metric.why or 'not measured'}"
        of = f" ({decision.rows_words})" if decision.metric.value and decision.rows_words else ""
        beside = "".join(f"; {role} {words}" for role, words in decision.reference_words.items())
        return f"{decision.label} {decision.observed_words}{of}, {decision.expected_words}".rstrip(", ") + beside


@dataclass(frozen=True)
class View:
    """Everything a face may use.

    findings: columns of `core.measure.findings_schema`. places: file name -> where it was written.
    top: findings shown a check. dashboards: the workspace's own folder of templates, whose files
    stand before ours. docs: check -> its docstring, for formats that carry help.
    """

    record: Record
    findings: pa.Table
    dataset: Dataset
    specs: Mapping[str, Spec]
    places: Mapping[str, Path] = field(default_factory=dict)
    top: int = 20
    dashboards: Path | None = None
    docs: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Every check, failed ones first."""
        drafts = [self._section(described) for described in self.record.checks]
        return tuple(sorted(drafts, key=lambda s: (_ORDER.index(s.status), s.name)))

    @cached_property
    def counts(self) -> Mapping[Status, int]:
        statuses = [section.status for section in self.sections]
        return {status: statuses.count(status) for status in _ORDER}

    @property
    def headline(self) -> str:
        return wording.HEADLINES[self.record.verdict]

    @property
    def summary(self) -> str:
        """`2 failed, 1 warned, 5 passed of 8 checks on 12,400 rows`."""
        verbs = dict(zip(_ORDER, ("failed", "ended in an error", "warned", "passed", "skipped"), strict=True))
        told = ", ".join(f"{n} {verbs[status]}" for status, n in self.counts.items() if n)
        checks = wording.count(len(self.sections), "check")
        rows = wording.count(int(self.record.dataset["rows"]), "row")
        missed = f"; required and not measured: {', '.join(self.unmet)}" if self.unmet else ""
        return f"{told or 'nothing ran'} of {checks} on {rows}{missed}"

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
            culprits=_culprits(decisions, self.record.slices),
            slices=tuple(s for s in self.record.slices if s.metric.name.startswith(prefix)),
            distributions=tuple(d for d in self.record.distributions if d.name.startswith(prefix)),
            findings=len(found),
            by_metric=counted(found),
            examples=self._examples(found, decisions),
            clusters=cluster_sizes(found),
            seconds=run.get("seconds"),
        )

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
        return tuple(sorted(decisions, key=lambda d: (_gravity(d), -_excess(d), order.get(d.metric.name, 999))))

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
        picked = found.take(pa.array(worst(found, rank, self.top))).to_pylist()
        wanted = {int(f["row"]) for f in picked}
        wanted |= {int(f["related"]) for f in picked if f["related"] is not None and f["related_dataset"] is None}
        shown = self._shown(sorted(wanted))
        return tuple(_example(f, shown) for f in picked)

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


def relative(file: str) -> str:
    """A file's name from the working folder where it is inside, else its last part: no absolute path
    of somebody's machine gets into a report."""
    path = PurePath(file)
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.name


def _parting(text: str, other: str) -> str:
    """The text from a little before its first difference; whole where that is near the beginning."""
    shared = min(len(text), len(other))
    common = next((i for i, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), shared)
    if common <= 2 * CONTEXT_CHARACTERS:
        return text
    start = text.find(" ", common - CONTEXT_CHARACTERS, common) + 1 or common - CONTEXT_CHARACTERS
    return "… " + text[start : start + EVIDENCE_CHARACTERS]


def _gravity(decision: Decision) -> int:
    return 9 if decision.status is None else _ORDER.index(decision.status)


def _excess(decision: Decision) -> float:
    """How far past its bound, as a ratio; only the order matters."""
    limit, value = decision.bound, decision.metric.value
    if limit is None or value is None:
        return 0.0
    tiny = 1e-9
    over, under = (value + tiny) / (abs(limit.value) + tiny), (abs(limit.value) + tiny) / (abs(value) + tiny)
    return over if limit.upper else under


def _culprits(decisions: tuple[Decision, ...], slices: Iterable[Slice]) -> tuple[Culprit, ...]:
    judged = {d.metric.name: d for d in decisions if d.status in (Status.FAIL, Status.WARN)}
    found = []
    for s in slices:
        decision = judged.get(s.metric.name)
        if decision is None:
            continue
        overall, mine, limit = decision.metric, s.metric, decision.bound
        if None in (overall.low, overall.high, mine.low, mine.high) or limit is None:
            continue
        gap = _number(mine.low) - _number(overall.high) if limit.upper else _number(overall.low) - _number(mine.high)
        if gap > 0:
            found.append((_gravity(decision), -gap, s.by, s.group, Culprit(s, overall)))
    return tuple(culprit for *_, culprit in sorted(found, key=lambda item: item[:4]))


def _number(value: Number | None) -> float:
    return 0.0 if value is None else float(value)


def _example(finding: Mapping[str, Any], shown: Mapping[int, Shown]) -> Example:
    by = tuple((key[3:], str(value)) for key, value in finding.items() if key.startswith("by.") and value is not None)
    own = finding["related_dataset"] is None
    return Example(
        row=int(finding["row"]),
        id=str(finding["id"] or ""),
        file=relative(str(finding["file"] or "")),
        line=finding["line"],
        metric=str(finding["metric"]),
        score=finding["score"],
        evidence=str(finding["evidence"] or ""),
        remedy=str(finding["remedy"] or ""),
        cluster=finding["cluster"],
        related=finding["related"],
        related_dataset=finding["related_dataset"],
        by=by,
        shown=shown.get(int(finding["row"])),
        partner=shown.get(int(finding["related"])) if own and finding["related"] is not None else None,
    )
