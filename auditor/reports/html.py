"""The HTML report. The template only lays out: every number, word and picture is made here or in the view."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from auditor.files import slug
from auditor.model.result import Slice, Status
from auditor.reports import charts, dashboards, exhibits, figures, plates, wording
from auditor.reports.decisions import Decision
from auditor.reports.differences import Segments, differences
from auditor.reports.examples import Example
from auditor.reports.figures import Drawing
from auditor.reports.section import Section
from auditor.reports.view import View

FIGURES, EACH = 24, 2
"""Pictures in a report, and of a check that passed: each costs about 50 ms to draw; those of failed checks come
first."""
BEYOND = "feature-drift"
"""The check whose histograms span all but the outermost hundredth of the rows (`statistics.drift.overlay`)."""

GROUPS = 8
"""Groups of an attribution column drawn for one metric."""


@dataclass(frozen=True, slots=True)
class Meter:
    """A value against its bound on a scale of 100: positions for the SVG rectangles and the mark."""

    value: float
    low: float
    high: float
    bound: float | None


@dataclass(frozen=True, slots=True)
class Bar:
    """One group of an attribution column."""

    group: str
    meter: Meter
    words: str
    interval: str
    n: int
    culprit: bool


@dataclass(frozen=True, slots=True)
class Bars:
    """One metric by one column. overall: where the whole dataset lies on the bars' scale of 100."""

    title: str
    by: str
    bars: tuple[Bar, ...]
    rest: int
    overall: float


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture that is drawn; see `figures.Drawing`."""

    name: str
    title: str
    caption: str
    svg: Any


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts side by side. left, right: (text, differs) segments."""

    left_title: str
    right_title: str
    left: Segments
    right: Segments


def page(view: View) -> str:
    """The report as one HTML document."""
    return dashboards.page(
        "report.html.j2",
        view.dashboards,
        style="report.css",
        script="report.js",
        view=view,
        record=view.record,
        pictures=_pictures(view),
        meter=meter,
        bars=bars,
        pair=pair,
        exhibit_table=exhibits.table,
        exhibit_widths=exhibits.widths,
        command=_command(view.record.run),
        seconds=wording.seconds,
        by_columns=list(view.record.dataset.get("by", ())),
        bad=(Status.FAIL, Status.ERROR, Status.WARN),
    )


def meter(decision: Decision) -> Meter | None:
    """The value and its interval against the bound, or None where there is no number or no bound."""
    metric, limit = decision.metric, decision.bound
    if metric.value is None or limit is None:
        return None
    low = metric.value if metric.low is None else metric.low
    high = metric.value if metric.high is None else metric.high
    top = max(abs(limit.value), high, metric.value) * 1.25 or 1.0
    if metric.unit == "share":
        top = min(1.0, top)
    return Meter(
        _hundredths(metric.value, top), _hundredths(low, top), _hundredths(high, top), _hundredths(limit.value, top)
    )


def bars(section: Section) -> tuple[Bars, ...]:
    """Rates by group of the judged metrics that some group stands out in, the worst group first."""
    culprits = {(c.slice.by, c.slice.group, c.overall.name) for c in section.culprits}
    found: dict[tuple[str, str], list[Slice]] = {}
    for s in section.slices:
        if s.metric.value is not None and any(by == s.by and m == s.metric.name for by, _, m in culprits):
            found.setdefault((s.metric.name, s.by), []).append(s)
    overall = {c.overall.name: c.overall for c in section.culprits}
    upper = {d.metric.name: d.bound.upper for d in section.decisions if d.bound}
    drawn = []
    for (name, by), group in found.items():
        sign = -1 if upper.get(name, True) else 1
        group.sort(key=lambda s: (sign * float(s.metric.value or 0), s.group))
        top = max(float(s.metric.high or s.metric.value or 0) for s in group) * 1.05 or 1.0
        shown = tuple(_bar(s, top, (s.by, s.group, name) in culprits) for s in group[:GROUPS])
        title = section.name if wording.label(name) == "rate" else wording.label(name)
        whole = _hundredths(float(overall[name].value or 0), top)
        drawn.append(Bars(title, by, shown, len(group) - len(shown), whole))
    return tuple(drawn)


def pair(example: Example) -> Pair | None:
    """The two texts of a finding about a pair: two rows, or the two answers of one row."""
    shown, partner = example.shown, example.partner
    if shown is not None and partner is not None:
        left, right = differences(shown.text, partner.text)
        return Pair(
            f"{example.noun} {shown.row}, {shown.place}", f"{example.noun} {partner.row}, {partner.place}", left, right
        )
    if shown is not None and shown.rejected is not None and shown.response is not None:
        left, right = differences(shown.response, shown.rejected)
        names = ("chosen", "rejected") if example.noun == "row" else ("output A", "output B")
        return Pair(*names, left, right)
    return None


def _bar(s: Slice, top: float, culprit: bool) -> Bar:
    value = float(s.metric.value or 0)
    low = value if s.metric.low is None else s.metric.low
    high = value if s.metric.high is None else s.metric.high
    drawn = Meter(_hundredths(value, top), _hundredths(low, top), _hundredths(high, top), None)
    unit = s.metric.unit
    return Bar(s.group, drawn, wording.quantity(value, unit), wording.interval(low, high, unit), s.metric.n, culprit)


def _hundredths(value: float, top: float) -> float:
    return round(max(0.0, min(100.0, 100 * value / top)), 2)


def pictures(view: View) -> Mapping[str, str]:
    """The page's figures, and its tables with bars, as files that stand alone: `few-patterns-map.svg` -> SVG."""
    style = dashboards.find("auditor.mplstyle", view.dashboards)
    about = f"{view.record.dataset['name']}: {wording.count(view.record.dataset['rows'], view.noun)}"
    if view.against:
        about += f", {view.against}"
    found: dict[str, str] = {}
    shown = _pictures(view)
    for place, section in enumerate(view.sections):
        tables = [
            Drawing(_suffix(e.name), e.title, e.note, partial(charts.table, e, style, f"t{place}-{nth}"))
            for nth, e in enumerate(section.exhibits)
            if e.bar in e.columns and e.rows
        ]
        for one in (*shown[section.name], *map(_drawn, tables)):
            name = f"{section.name}-{slug(one.name)}"
            while f"{name}.svg" in found:
                name += "-too"
            found[f"{name}.svg"] = plates.plate(str(one.svg), one.title, one.caption, about)
    return found


def _pictures(view: View) -> Mapping[str, tuple[Figure, ...]]:
    """SVG figures by check, at most `FIGURES` in all."""
    style = dashboards.find("auditor.mplstyle", view.dashboards)
    drawn: dict[str, tuple[Figure, ...]] = {}
    left = FIGURES
    for place, section in enumerate(view.sections):
        tables = view.tables.get(section.name, {})
        found = charts.of(section.name, tables, section.exhibits, style, f"c{place}", _totals(view))
        found += _drawings(section, style, place, whole=not found)
        most = left if section.status in (Status.FAIL, Status.WARN) else min(left, EACH)
        drawn[section.name] = tuple(map(_drawn, found[:most]))
        left -= len(drawn[section.name])
    return drawn


def _drawn(drawing: Drawing) -> Figure:
    from markupsafe import Markup

    svg = Markup(drawing.draw())  # noqa: S704  our own SVG; its text is escaped
    return Figure(drawing.name, drawing.title, drawing.caption, svg)


def _totals(view: View) -> Mapping[str, int]:
    """Rows of each side that there are."""
    real = view.record.references.get("real", {}).get("dataset", {}).get("rows", 0)
    return {"synthetic": int(view.record.dataset["rows"]), "real": int(real)}


def _suffix(name: str) -> str:
    """`prompt-words` for `feature_drift.prompt_words`."""
    return name.partition(".")[2].replace("_", "-") or name


def _drawings(section: Section, style: Path, place: int, *, whole: bool) -> list[Drawing]:
    """whole: no other picture shows how large the clusters are."""
    found = []
    for index, d in enumerate(section.distributions):
        if sum(d.counts) < 2:
            continue
        mark, words = _mark(section, d.name, d.unit)
        beyond = section.name == BEYOND
        draw = partial(figures.distribution, d, mark, style, f"f{place}-{index}", beyond=beyond)
        found.append(Drawing(_suffix(d.name), d.title, words, draw))
    listed = any("rows" in e.columns for e in section.exhibits)
    drawn = any("cluster" in d.name or d.unit == "rows" for d in section.distributions)
    if whole and len(section.clusters) > 1 and not listed and not drawn:
        many = len(section.clusters)
        told = f"The largest {figures.CLUSTERS} of {many:,}." if many > figures.CLUSTERS else ""
        title = f"Rows in each cluster: {wording.count(many, 'cluster')}"
        draw = partial(figures.clusters, section.clusters, style, f"f{place}-c")
        found.append(Drawing("clusters", title, told, draw))
    return found


def _mark(section: Section, name: str, unit: str) -> tuple[float | None, str]:
    """What to mark on a distribution's axis: the policy's bound on that quantity, or the check's own
    threshold where the axis is what it cuts."""
    for decision in section.decisions:
        if decision.metric.name == name and decision.bound and decision.metric.unit == unit:
            return decision.bound.value, f"Dashed: the policy's bound, {decision.expected_words}."
    threshold = section.parameters.get("threshold")
    if unit.lower() == "jaccard" and isinstance(threshold, int | float):
        return float(threshold), f"Dashed: the threshold, {threshold:g}."
    return None, ""


def _command(run: Mapping[str, Any]) -> str:
    """The command line that made this; passwords were taken out of it before it was recorded."""
    return shlex.join(str(part) for part in run.get("command", ()))
