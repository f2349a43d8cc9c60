"""Judgement: measured numbers against a policy, waivers and a baseline. No row is read here.

`waivers.yaml` is a list; each entry names a check, what it covers, why, whose it is and until when:

    - check: near-duplicates
      metric: near_duplicates.rate       # optional; without it every metric of the check
      dataset: sft-v3                    # a name (patterns such as sft-* allowed) or a digest, and/or
      rows: [a17, a18]                   # ids; they must be all the rows found under the metric
      reason: paraphrases kept on purpose, see the card
      owner: ana@example.org
      expires: 2027-03-31                # the last day on which it holds

A waived failure is a warning that names the reason. A waiver that has expired waives nothing and is
named beside the failure; one that nothing was forgiven by is stale: a warning, so that it is removed, and
never a failed gate.

A check passes where it keeps a bound. One that measured, and gave no number that the policy bounds, is MEASURED: it
counts neither for nor against. An audit in which nothing was judged is no pass.

A baseline is the record of an earlier audit. A metric beyond its bound fails only where it is worse
than the baseline's, on the side of the broken bound and by exact comparison: equal is not worse. It is
compared only with a number made in the same way (same version and parameters of the check); one of a
dataset with another name and other rows is told to be so.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.core.policy import Bound, Bounds, Policy
from auditor.model.errors import suggest
from auditor.model.result import Measured, Metric, Record, Status, Verdict

PASSED, FAILED, NOT_RUN = 0, 1, 3
"""Exit codes of a judged audit; 2 (usage, configuration, input) never gets as far as judgement."""


@dataclass(frozen=True, slots=True)
class Waiver:
    """metric: None for every metric of the check. dataset: a pattern of names or a digest, None where
    only `rows` (ids) say what is covered. expires: the last day on which it holds."""

    check: str
    reason: str
    owner: str
    expires: dt.date
    metric: str | None = None
    dataset: str | None = None
    rows: tuple[str, ...] = ()

    def covers(self, name: str, digest: str) -> bool:
        """Whether it is of this dataset."""
        return self.dataset is None or self.dataset == digest or fnmatchcase(name, self.dataset)

    def __str__(self) -> str:
        return f"the waiver of {self.metric or self.check} by {self.owner} ({self.reason})"


@dataclass(frozen=True, slots=True)
class Waivers:
    """Every waiver of a file, in its order."""

    entries: tuple[Waiver, ...] = ()

    def described(self) -> tuple[dict[str, Any], ...]:
        """As JSON values, for the record."""
        return tuple(
            {
                "check": waiver.check,
                "metric": waiver.metric,
                "dataset": waiver.dataset,
                "rows": list(waiver.rows),
                "reason": waiver.reason,
                "owner": waiver.owner,
                "expires": waiver.expires.isoformat(),
            }
            for waiver in self.entries
        )


def load_waivers(path: Path, known_checks: Collection[str], known_metrics: Collection[str] | None = None) -> Waivers:
    """The waivers of a file. Raises ConfigError with file and line for anything unknown or missing."""
    entries = documents.read(path).items("waivers")
    return Waivers(tuple(_waiver(entry, known_checks, known_metrics) for entry in entries))


def _waiver(entry: Entry, known_checks: Collection[str], known_metrics: Collection[str] | None) -> Waiver:
    keys = ("check", "metric", "dataset", "rows", "reason", "owner", "expires")
    given = entry.mapping("a waiver", keys, required=("check", "reason", "owner", "expires"))
    check = given["check"].name("check", known_checks)
    metric = None
    if "metric" in given:
        metric = given["metric"].text("metric")
        own = [m for m in known_metrics or () if m.startswith(_prefix(check))]
        if not metric.startswith(_prefix(check)) or (own and metric not in own):
            hint = suggest(metric, own) if own else None
            given["metric"].refuse(f"{check} has no metric {metric!r}", wanted=f"{_prefix(check)}…", hint=hint)
    if "dataset" not in given and "rows" not in given:
        entry.refuse("a waiver must say what it covers", wanted="dataset: a name, a pattern or a digest; or rows: ids")
    return Waiver(
        check=check,
        reason=given["reason"].text("reason"),
        owner=given["owner"].text("owner"),
        expires=given["expires"].date("expires"),
        metric=metric,
        dataset=given["dataset"].text("dataset") if "dataset" in given else None,
        rows=tuple(_row(row) for row in given["rows"].items("rows")) if "rows" in given else (),
    )


def _row(entry: Entry) -> str:
    """An id; YAML reads an unquoted 17 as a number."""
    return str(entry.value) if type(entry.value) is int else entry.text("a row")


def judge(
    measured: Sequence[Measured],
    policy: Policy,
    *,
    baseline: Record | None = None,
    waivers: Waivers = Waivers(),
    today: dt.date,
    dataset: str,
    digest: str = "",
    findings: Callable[[], pa.Table] | None = None,
    fail_on: Literal["fail", "warn"] | str = "fail",
) -> tuple[tuple[Verdict, ...], Status, int]:
    """Verdicts (check by check in the order measured, metric by metric), the verdict of all, the exit code.

    findings: the findings with `check`, `metric` and `id`; asked only where a waiver names rows.
    fail_on: "warn" makes warnings fail too, but for those that a waiver or the baseline excuses.
    """
    court = _Court(policy, baseline, waivers, today, (dataset, digest), findings)
    judged = [opinion for outcome in measured for opinion in court.judge(outcome)]
    given = {outcome.check for outcome in measured}
    judged += [court.absent(check) for check in policy.required if check not in given]
    heard = worst(opinion.verdict.status for opinion in judged)
    judged += court.stale({outcome.check for outcome in measured if outcome.measurement is not None})

    verdicts = tuple(opinion.verdict for opinion in judged)
    status = by_check(verdicts)
    unmet = any(status[check] is Status.SKIPPED for check in policy.required)
    overall = worst(status.values())
    if unmet or overall is Status.ERROR:
        return verdicts, Status.ERROR, NOT_RUN
    if not heard.judged:  # nothing measured, or nothing to judge it by: never green
        return verdicts, heard, NOT_RUN
    strict = fail_on == "warn" and any(o.verdict.status is Status.WARN and not o.excused for o in judged)
    return verdicts, overall, FAILED if overall is Status.FAIL or strict else PASSED


def by_check(verdicts: Iterable[Verdict]) -> dict[str, Status]:
    """Each check's status: the worst of its verdicts."""
    grouped: dict[str, list[Status]] = {}
    for verdict in verdicts:
        grouped.setdefault(verdict.check, []).append(verdict.status)
    return {check: worst(statuses) for check, statuses in grouped.items()}


def worst(statuses: Iterable[Status]) -> Status:
    """The gravest judgement; where nothing was judged, whether anything was measured."""
    given = list(statuses)
    said = [status for status in given if status.judged]
    if said:
        return max(said, key=lambda status: status.gravity)
    return Status.MEASURED if Status.MEASURED in given else Status.SKIPPED


@dataclass(frozen=True, slots=True)
class _Opinion:
    """excused: by a waiver or the baseline, so that it never fails a gate."""

    verdict: Verdict
    excused: bool = False


class _Court:
    """One judgement: what it is held against, and which waivers it used."""

    def __init__(
        self,
        policy: Policy,
        baseline: Record | None,
        waivers: Waivers,
        today: dt.date,
        names: tuple[str, str],
        findings: Callable[[], pa.Table] | None,
    ) -> None:
        self.policy, self.baseline, self.waivers, self.today = policy, baseline, waivers, today
        self.names, self._findings = names, findings
        self.used: set[int] = set()

    def judge(self, outcome: Measured) -> list[_Opinion]:
        if outcome.measurement is None:
            why = outcome.why
            if outcome.status is Status.SKIPPED and outcome.check in self.policy.required:
                why += f" (the policy {self.policy.name!r} requires this check)"
            return [_Opinion(Verdict(outcome.check, None, outcome.status, None, None, why))]
        metrics = {metric.name: metric for metric in outcome.measurement.metrics}
        bounded = [name for name in metrics if name in self.policy.metrics]
        missing = [m for m in self.policy.metrics if m.startswith(_prefix(outcome.check)) and m not in metrics]
        if not bounded and not missing:
            return [_Opinion(self._unbounded(outcome.check, outcome.measurement.metrics))]
        opinions = [self._held(outcome, metrics[name]) for name in bounded]
        opinions += [
            _Opinion(Verdict(outcome.check, name, Status.SKIPPED, None, None, "this audit did not measure it"))
            for name in missing
        ]
        # A number without a bound is no "nothing measured"; but a policy that requires the check requires its bounds.
        unjudged = all(opinion.verdict.status is Status.SKIPPED for opinion in opinions)
        if unjudged and outcome.check not in self.policy.required and any(map(_measured, metrics.values())):
            why = f"measured, not judged: nothing that the policy {self.policy.name!r} bounds has a value"
            opinions.append(_Opinion(Verdict(outcome.check, None, Status.MEASURED, None, None, why)))
        return opinions

    def _unbounded(self, check: str, metrics: Sequence[Metric]) -> Verdict:
        if any(metric.value is not None for metric in metrics):
            why = f"measured; the policy {self.policy.name!r} sets no bound"
            return Verdict(check, None, Status.MEASURED, None, None, why)
        why = next((metric.why for metric in metrics if metric.why), "it gave no number")
        return Verdict(check, None, Status.SKIPPED, None, None, why)

    def absent(self, check: str) -> _Opinion:
        why = f"the policy {self.policy.name!r} requires this check, and it was left out by --only or --skip"
        return _Opinion(Verdict(check, None, Status.SKIPPED, None, None, why))

    def stale(self, ran: Collection[str]) -> list[_Opinion]:
        """Waivers for this dataset of checks that ran, which nothing had to be forgiven by."""
        return [
            _Opinion(
                Verdict(w.check, None, Status.WARN, None, None, f"stale waiver: {w} forgives nothing here; remove it"),
                excused=True,
            )
            for index, w in enumerate(self.waivers.entries)
            if index not in self.used and w.check in ran and self._of_dataset(w)
        ]

    def _held(self, outcome: Measured, metric: Metric) -> _Opinion:
        bounds = self.policy.metrics[metric.name]
        if metric.value is None:
            why = metric.why or "it has no value"
            return _Opinion(Verdict(outcome.check, metric.name, Status.SKIPPED, None, None, why))
        for status, level in ((Status.FAIL, bounds.fail), (Status.WARN, bounds.warn)):
            broken = [bound for bound in level if bound.broken(metric.value)]
            if broken:
                why = f"{_number(metric.value)} breaks the bound {_wanted(broken)}{_doubt(metric, broken, bounds)}"
                verdict = Verdict(outcome.check, metric.name, status, metric.value, _wanted(level), why)
                return self._excused(outcome, metric, broken, verdict)
        level = bounds.warn or bounds.fail
        why = f"{_number(metric.value)} keeps the bound{_doubt(metric, level, bounds)}"
        return _Opinion(Verdict(outcome.check, metric.name, Status.PASS, metric.value, _wanted(level), why))

    def _excused(self, outcome: Measured, metric: Metric, broken: Sequence[Bound], verdict: Verdict) -> _Opinion:
        assert metric.value is not None
        excused, notes = False, [verdict.why]
        if self.baseline is not None:
            whose = "the baseline's" + (" (of another dataset)" if foreign(self.baseline, *self.names) else "")
            before, not_comparable = _before(self.baseline, outcome, metric.name)
            if before is None:
                notes.append(f"not held against the baseline: {not_comparable}")
            elif any(bound.worse(metric.value, before) for bound in broken):
                notes.append(f"worse than {whose} {_number(before)}")
            else:
                notes.append(f"no worse than {whose} {_number(before)}")
                excused = True
        if not excused:
            excused = self._waived(outcome.check, metric.name, notes)
        status = Status.WARN if excused else verdict.status
        return _Opinion(replace(verdict, status=status, why="; ".join(notes)), excused)

    def _waived(self, check: str, metric: str, notes: list[str]) -> bool:
        for index, waiver in enumerate(self.waivers.entries):
            if waiver.check != check or waiver.metric not in (None, metric) or not self._of_dataset(waiver):
                continue
            self.used.add(index)
            if self.today > waiver.expires:
                notes.append(f"{waiver} expired on {waiver.expires}")
                continue
            uncovered = self._uncovered(waiver, check, metric) if waiver.rows else ""
            if uncovered:
                notes.append(f"{waiver} does not cover it: {uncovered}")
                continue
            notes.append(f"waived until {waiver.expires} by {waiver.owner}: {waiver.reason}")
            return True
        return False

    def _of_dataset(self, waiver: Waiver) -> bool:
        return waiver.covers(*self.names)

    def _uncovered(self, waiver: Waiver, check: str, metric: str) -> str:
        """Why the rows of a waiver are not all that was found, or an empty string."""
        if self._findings is None:
            return "there are no findings to compare its rows with"
        table = self._findings()
        table = table.filter(pc.equal(table.column("check"), check))
        own = table.filter(pc.equal(table.column("metric"), metric))
        # A check's overall rate has no findings of its own: they stand under its several faults.
        found = table if own.num_rows == 0 and metric.endswith(".rate") else own
        if found.num_rows == 0:
            return "the metric points to no rows, so that no list of rows can answer for it"
        ids = pc.unique(found.column("id"))
        others = ids.filter(pc.invert(pc.is_in(ids, value_set=pa.array(waiver.rows, ids.type))))
        if len(others) == 0:
            return ""
        return f"{len(others):,} of {len(ids):,} rows found are not among its {len(waiver.rows):,}"


def foreign(baseline: Record, name: str, digest: str) -> str:
    """That the baseline is of another dataset (another name, other rows), or an empty string."""
    about = baseline.dataset
    theirs = about.get("name", name)
    if theirs == name or about.get("digest") == digest:
        return ""
    return f"the baseline is of another dataset: {theirs!r} ({about.get('rows', 0):,} rows), and this is {name!r}"


def _before(baseline: Record, outcome: Measured, name: str) -> tuple[float | None, str]:
    """The baseline's value of a metric, or why it cannot be compared."""
    metric = baseline.metrics.get(name)
    if metric is None or metric.value is None:
        return None, "it did not measure this"
    check: Mapping[str, Any] = next((c for c in baseline.checks if c.get("name") == outcome.check), {})
    if check.get("version", outcome.version) != outcome.version:
        return None, f"it was measured by version {check['version']} of the check, now {outcome.version}"
    then, now = dict(check.get("parameters", outcome.parameters)), dict(outcome.parameters)
    changed = sorted(key for key in {*then, *now} if then.get(key) != now.get(key))
    if changed:
        return None, f"it was measured with other parameters ({', '.join(changed)})"
    return metric.value, ""


def _measured(metric: Metric) -> bool:
    """Whether it is a number that something was counted for."""
    return metric.value is not None and metric.n > 0


def _doubt(metric: Metric, level: Iterable[Bound], bounds: Bounds) -> str:
    """That the interval lies on both sides of the bound. A bound that was found at a size allows for the chance of so
    many rows."""
    low, high = metric.low, metric.high
    if low is None or high is None or all(bound.broken(low) == bound.broken(high) for bound in level):
        return ""
    if bounds.size is not None:
        return ""
    ends = f"{_number(low)} to {_number(high)}"
    return f", but its 95 % interval, {ends}, crosses it: n = {metric.n:,} is too few to be sure"


def _wanted(bounds: Iterable[Bound]) -> str:
    return " and ".join(bound.wanted for bound in bounds)


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _prefix(check: str) -> str:
    return check.replace("-", "_") + "."
