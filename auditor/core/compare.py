"""Two records, metric by metric: what changed, and whether chance could have done it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from auditor.core import check as checking
from auditor.core.policy import Policy
from auditor.model.result import Metric, Record

Bad = Literal["", "high", "low"]
"""Which way is worse; empty where nobody has said."""


@dataclass(frozen=True, slots=True)
class Change:
    """One metric before and after; either is None where the record does not have it."""

    metric: str
    before: Metric | None
    after: Metric | None
    bad: Bad = ""

    @property
    def changed(self) -> bool:
        return _value(self.before) != _value(self.after)

    @property
    def delta(self) -> float | None:
        before, after = _value(self.before), _value(self.after)
        return None if before is None or after is None else after - before

    @property
    def certainty(self) -> str:
        """`yes` where the 95 % intervals do not touch, `no` where they do (a cautious test: two
        intervals may touch and the difference still be significant), empty where there are none."""
        a, b = self.before, self.after
        if a is None or b is None or a.low is None or b.low is None or a.high is None or b.high is None:
            return ""
        return "yes" if a.high < b.low or b.high < a.low else "no"

    @property
    def sense(self) -> Literal["", "worse", "better"]:
        """Which it became; empty where neither value nor direction says."""
        if not self.bad or not self.delta:
            return ""
        return "worse" if (self.delta > 0) == (self.bad == "high") else "better"

    def described(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "metric": self.metric,
            "before": _value(self.before),
            "after": _value(self.after),
            "delta": self.delta,
            "sense": self.sense or None,
            "beyond_chance": {"yes": True, "no": False}.get(self.certainty),
        }


def changes(before: Record, after: Record, worse: Mapping[str, Bad] = {}) -> Iterator[Change]:
    """Every metric of either record, in name order. worse: see `directions`."""
    for name in sorted({*before.metrics, *after.metrics}):
        yield Change(name, before.metrics.get(name), after.metrics.get(name), worse.get(name, ""))


def directions(policy: Policy) -> dict[str, Bad]:
    """Which way each metric is worse: as the policy's bounds have it, and where it bounds both sides or neither, as
    the check says. More of what has a remedy is worse; what has neither only describes."""
    said: dict[str, Bad] = {}
    for cls in checking.registered().values():
        for measure in cls.spec.measures:
            fault = measure.remedy or measure.name == "rate"
            said[cls.spec.metric(measure.name)] = measure.bad or ("high" if fault else "")
    for metric, bounds in policy.metrics.items():
        signs = {bound.sign[0] for bound in (*bounds.warn, *bounds.fail)}
        if len(signs) == 1:
            said[metric] = "high" if signs == {">"} else "low"
    return said


def _value(metric: Metric | None) -> float | int | None:
    return None if metric is None else metric.value
