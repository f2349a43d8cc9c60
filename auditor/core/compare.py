"""Two records, metric by metric: what changed, and whether chance could have done it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from auditor.model.result import Metric, Record


@dataclass(frozen=True, slots=True)
class Change:
    """One metric before and after; either is None where the record does not have it."""

    metric: str
    before: Metric | None
    after: Metric | None

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
    def before_text(self) -> str:
        return _text(self.before)

    @property
    def after_text(self) -> str:
        return _text(self.after)

    @property
    def delta_text(self) -> str:
        return "" if self.delta is None else f"{self.delta:+.4g}"

    def described(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "metric": self.metric,
            "before": _value(self.before),
            "after": _value(self.after),
            "delta": self.delta,
            "beyond_chance": {"yes": True, "no": False}.get(self.certainty),
        }


def changes(before: Record, after: Record) -> Iterator[Change]:
    """Every metric of either record, in name order."""
    for name in sorted({*before.metrics, *after.metrics}):
        yield Change(name, before.metrics.get(name), after.metrics.get(name))


def _value(metric: Metric | None) -> float | int | None:
    return None if metric is None else metric.value


def _text(metric: Metric | None) -> str:
    value = _value(metric)
    return "–" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
