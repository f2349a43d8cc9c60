"""What the policy said of each metric of a check, gravest first, and which groups are at fault."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from auditor.core.check import Spec
from auditor.core.intervals import wilson
from auditor.model.result import Metric, Number, Record, Slice, Status, Verdict
from auditor.reports import wording

_BROKEN = re.compile(r"^\S+ (?:breaks|keeps) the bound[^,;]*(?:[,;]\s*)?(?:but )?")
ORDER = (Status.FAIL, Status.ERROR, Status.WARN, Status.PASS, Status.MEASURED, Status.SKIPPED)
"""The gravest first, as a reader wants them."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One metric and what the policy said of it. status is None where the policy has no bound for it.
    references: role -> the same metric of the data compared with. sized: whether the bound was found at a size, so
    that it allows for the chance of so many rows."""

    metric: Metric
    status: Status | None
    expected: str | None
    why: str
    what: str
    remedy: str
    references: tuple[tuple[str, Metric], ...] = ()
    sized: bool = False

    @property
    def label(self) -> str:
        """The metric's name in words, without what its unit says again."""
        found = wording.label(self.metric.name)
        return found.removesuffix(" per 1000") if self.metric.unit.startswith("per 1,000 ") else found

    @property
    def bound(self) -> wording.Bound | None:
        """The bound that is broken, else the first one."""
        found, value = wording.bounds(self.expected), self.metric.value
        return next((b for b in found if value is not None and b.broken(value)), found[0] if found else None)

    @property
    def enough(self) -> bool:
        """Whether so many rows can tell that a rate keeps its bound, were not one of them at fault. (A bound of 0 no
        number of rows can.)"""
        limit, n = self.bound, self.metric.n
        if self.sized or self.metric.unit != "share" or limit is None or not limit.upper or limit.value <= 0 or n <= 0:
            return True
        return wilson(0, n)[1] <= limit.value

    @property
    def observed_words(self) -> str:
        limit = self.bound
        return self._words(self.metric, beside=limit.value if limit else None)

    def _words(self, metric: Metric, *, beside: float | None = None) -> str:
        """The value with its unit, where the label does not say it already (`rows 3`, and not `rows 3 rows`) and where
        something was counted: `sources 0`, and not `sources 0 datasets`."""
        unit = metric.unit
        said = self.label.split()[-1:] == [unit] and unit != "times"
        nothing = type(metric.value) is int and metric.value == 0 and unit != "times"
        plain = not wording.of_shares(unit) and (said or nothing)
        return wording.measured(metric, "" if plain else unit, beside=beside)

    @property
    def expected_words(self) -> str:
        return wording.expected_words(self.expected, self.metric.unit)

    @property
    def interval_words(self) -> str:
        return wording.interval(self.metric.low, self.metric.high, self.metric.unit)

    @property
    def notable(self) -> bool:
        """Judged, or a number that is not zero (or a chance, which is telling where it is)."""
        value = self.metric.value
        return self.status is not None or bool(value) or (value is not None and self.metric.unit in wording.CHANCES)

    @property
    def remarks(self) -> str:
        """What the judge said beyond "it breaks the bound": doubt, baseline, waivers."""
        said = _BROKEN.sub("", self.why)
        return said[:1].upper() + said[1:]

    @property
    def reference_words(self) -> Mapping[str, str]:
        """Role -> its value in words, where it has one: a ratio to the real data is not measured on them."""
        return {role: self._words(m) for role, m in self.references if m.value is not None}

    @property
    def rows_words(self) -> str:
        """`1,538 of 12,400` for a share of rows; nothing for an AUC, an effect or a difference of shares, which count
        no rows: they are called no rate, and their intervals are not those of one."""
        metric, n = self.metric, self.metric.n
        if metric.unit != "share" or metric.value is None or n <= 0:
            return ""
        counted = float(metric.value) * n
        whole = round(counted)
        if not 0 <= whole <= n or abs(counted - whole) >= 1e-6 * max(1, whole):
            return ""
        ends = (metric.low, metric.high)
        rated = metric.name.endswith("rate") or None in ends or np.allclose(np.array(ends, float), wilson(whole, n))
        return f"{whole:,} of {n:,}" if rated else ""


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
            f"{fault}{wording.measured(mine, unit)} ({spread}), against {wording.measured(self.overall, unit)} overall"
        )


def gravity(decision: Decision) -> int:
    return 9 if decision.status is None else ORDER.index(decision.status)


def excess(decision: Decision) -> float:
    """How far past its bound, as a ratio; only the order matters."""
    limit, value = decision.bound, decision.metric.value
    if limit is None or value is None:
        return 0.0
    tiny = 1e-9
    over, under = (value + tiny) / (abs(limit.value) + tiny), (abs(limit.value) + tiny) / (abs(value) + tiny)
    return over if limit.upper else under


def decided(record: Record, name: str, spec: Spec | None) -> tuple[Decision, ...]:
    """What was said of each metric of the check `name`, gravest first."""
    prefix = name.replace("-", "_") + "."
    judged: dict[str, Verdict] = {}
    for verdict in record.verdicts:
        if verdict.check == name and verdict.metric is not None:
            other = judged.get(verdict.metric)
            if other is None or verdict.status.gravity > other.status.gravity:
                judged[verdict.metric] = verdict
    measures = {spec.metric(m.name): m for m in spec.measures} if spec else {}
    order = {metric: place for place, metric in enumerate(measures)}
    decisions = []
    for metric in record.metrics.values():
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
                        for role, reference in record.references.items()
                        if metric.name in reference["metrics"]
                    ),
                    metric.name in record.policy.get("sizes", {}),
                )
            )
    return tuple(sorted(decisions, key=lambda d: (gravity(d), -excess(d), order.get(d.metric.name, 999))))


def culprits(decisions: tuple[Decision, ...], slices: Iterable[Slice]) -> tuple[Culprit, ...]:
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
            found.append((gravity(decision), -gap, s.by, s.group, Culprit(s, overall)))
    return tuple(culprit for *_, culprit in sorted(found, key=lambda item: item[:4]))


def _number(value: Number | None) -> float:
    return 0.0 if value is None else float(value)
