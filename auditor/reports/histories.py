"""A dataset's versions, one line each, and how its main metrics went."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from auditor.core.lineage.history import History
from auditor.model.card import Registered
from auditor.model.errors import ConfigError, suggest
from auditor.model.result import Metric
from auditor.reports import tables, wording
from auditor.reports.escaping import one_line
from auditor.reports.faces import face
from auditor.statistics.trend import Slope

_FACES: dict[str, Callable[[History, Sequence[str]], str]] = {
    "text": lambda history, metrics: _text(history, tuple(metrics) or history.main),
    "json": lambda history, metrics: json.dumps(_document(history, metrics), indent=2) + "\n",
}

FORMATS = tuple(_FACES)

LATEST = 5
"""Versions whose values stand in columns of their own; the trend has them all."""

_BARS = "▁▂▃▄▅▆▇█"


def render(history: History, format: str, metrics: Sequence[str] = ()) -> str:  # noqa: A002
    """The history in one of `FORMATS`, ending in a line feed. metrics: names to show instead of the main ones.

    Raises ConfigError for an unknown format, and for a metric that no stored audit has.
    """
    known = {name for record in history.records.values() for name in record.metrics}
    for name in metrics:
        if name not in known:
            raise ConfigError(f"no stored audit has the metric {name[:120]!r}", hint=suggest(name, known))
    return face(_FACES, format)(history, metrics)


def spark(values: Sequence[float | None]) -> str:
    """`▁▃█`: each value between the least and the greatest; a space where there is none."""
    there = [value for value in values if value is not None]
    if not there:
        return ""
    low, high = min(there), max(there)
    step = (high - low) / (len(_BARS) - 1)
    return "".join(
        " " if value is None else _BARS[round((value - low) / step)] if step else _BARS[0] for value in values
    )


def _text(history: History, metrics: Sequence[str]) -> str:
    card = history.card
    about = [card.kind, card.owner, card.purpose, card.licence]
    lines = [f"{one_line(card.name, 80)}  {' · '.join(one_line(fact, 80) for fact in about if fact)}"]
    if not history.versions:
        return "\n".join([*lines, "", "no version is registered"]) + "\n"
    rows = [
        [
            str(version.version),
            f"{version.date:%Y-%m-%d}",
            f"{version.rows:,}",
            _generators(version),
            version.lineage.technique or "–",
            version.status,
            history.verdict(version) or history.partial(version) or "–",
            version.why,
        ]
        for version in reversed(history.versions)
    ]
    header = ["version", "date", "rows", "generator", "technique", "status", "verdict", ""]
    lines += ["", *tables.lines(header, rows, right=(0, 2))]
    if metrics:
        shown = history.versions[-LATEST:]
        header = ["metric", *(f"v{version.version}" for version in shown), "trend", "a version", "95 % interval"]
        rows = []
        for name in metrics:
            series = history.series(name)
            last = [_value(metric) for metric in series[-len(shown) :]]
            trend = spark([metric.value if metric else None for metric in series])
            rows.append([name, *last, trend, *_slope(history, name, series)])
        places = len(shown)
        lines += ["", *tables.lines(header, rows, right=(*range(1, places + 1), places + 2, places + 3))]
    elif not history.records:
        lines += ["", f"no audit of it is stored here: auditor audit {one_line(card.name, 80)}"]
    return "\n".join(lines) + "\n"


def _generators(version: Registered) -> str:
    models = [str(generator.model) for generator in version.lineage.generators]
    return ", ".join(models[:2]) + (f" and {len(models) - 2} more" if len(models) > 2 else "") or "–"


def _slope(history: History, name: str, series: Sequence[Metric | None]) -> tuple[str, str]:
    """Change from version to version and its interval, each with its sign; dashes where fewer than two compare."""
    found = history.slope(name)
    unit = next((metric.unit for metric in reversed(series) if metric is not None), "")
    if found is None:
        return "–", "–"
    step = found[0]

    def signed(value: float) -> str:
        return f"{'-' if value < 0 else '+'}{wording.quantity(abs(value), unit)}"

    ends = (step.low, step.high)
    return signed(step.value), "–" if ends[0] is None or ends[1] is None else " to ".join(
        map(signed, (ends[0], ends[1]))
    )


def _value(metric: Metric | None) -> str:
    return "–" if metric is None or metric.value is None else wording.measured(metric, metric.unit)


def _document(history: History, metrics: Sequence[str]) -> dict[str, Any]:
    names = metrics or sorted({name for record in history.records.values() for name in record.metrics})
    return {
        "name": history.card.name,
        "kind": history.card.kind,
        "versions": [_version(history, version, names) for version in history.versions],
        "main": list(history.main),
        "slopes": {name: _document_slope(*found) for name in names if (found := history.slope(name)) is not None},
    }


def _document_slope(step: Slope, versions: int) -> dict[str, Any]:
    """Change from version to version in the metric's unit, and its 95 % interval where the errors are known."""
    return {"a_version": step.value, "low": step.low, "high": step.high, "versions": versions}


def _version(history: History, version: Registered, names: Sequence[str]) -> dict[str, Any]:
    record = history.records.get(version.version)
    found = record.metrics if record else {}
    return {
        "version": version.version,
        "date": version.date.isoformat(),
        "rows": version.rows,
        "digest": version.digest,
        "generators": [str(generator.model) for generator in version.lineage.generators],
        "technique": version.lineage.technique,
        "status": version.status,
        "supersedes": version.supersedes,
        "verdict": history.verdict(version),
        "partial": history.partial(version),
        "why": version.why,
        "metrics": {name: found[name].value for name in names if name in found},
    }
