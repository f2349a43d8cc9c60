"""Judges side by side: for a terminal, a comment, a program, a page."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditor.model.lab import COLUMNS, PEOPLE, Comparison, Judged
from auditor.model.result import Metric
from auditor.reports import tables, wording
from auditor.reports.escaping import one_line
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Comparison, int | None, Path | None], str]] = {
    "text": lambda compared, width, _: _text(compared, width),
    "json": lambda compared, *_: json.dumps(_document(compared), indent=2, ensure_ascii=False) + "\n",
    "markdown": lambda compared, *_: _markdown(compared),
    "html": lambda compared, _, own: _page(compared, own),
}

FORMATS = tuple(_FACES)

HEADS = {
    "accuracy": "accurate",
    "kappa": "kappa",
    "consistency": "consistent",
    "first_rate": "first wins",
    "longer_wins": "longer wins",
    "parsed": "readable",
    "accepted": "accepted",
    "cost": "cost of 1,000",
    "tokens": "tokens each",
}

TOLD = {"cost": "of accepted verdicts, by the judges' prices"}
"""What the columns say that are told in another unit than measured; the others as in COLUMNS."""


def render(compared: Comparison, format: str, *, width: int | None = None, dashboards: Path | None = None) -> str:  # noqa: A002
    """The comparison in one of `FORMATS`, ending in a line feed. width: columns of the terminal; None is as wide as it
    gets. dashboards: the workspace's own templates. Raises ConfigError for an unknown format."""
    return face(_FACES, format)(compared, width, dashboards)


def _shown(compared: Comparison) -> tuple[list[str], list[str]]:
    """Columns that anybody has a value in; and why the others have none."""
    shown, absent = [], []
    for column, what in COLUMNS.items():
        if any(one.metrics[column].value is not None for one in compared.judged):
            shown.append(column)
        elif column != "tokens":
            absent.append(f"{what}: {compared.judged[0].metrics[column].why}")
    if "cost" in shown and "tokens" in shown:
        shown.remove("tokens")
    return shown, absent


def _summary(compared: Comparison) -> str:
    rest = compared.every_pair - compared.pairs
    left = f" ({wording.count(rest, 'more pair')} only some of them judged)" if rest else ""
    on = f"{wording.count(compared.pairs, 'pair')} of {wording.count(compared.items, 'item')}"
    return (
        f"{_who(compared)} on the {on} that all of them judged{left}; held against {compared.against}; "
        f"accepted by the rule {compared.rule}"
    )


def _who(compared: Comparison) -> str:
    """`3 judges`; `3 judges with 2 prompts, 6 in all`."""
    judges, prompts = {one.judge for one in compared.judged}, {one.prompt for one in compared.judged}
    told = wording.count(len(judges), "judge")
    if len(judges) == len(compared.judged):
        return told
    return f"{told} with {wording.count(len(prompts), 'prompt')}, {len(compared.judged)} in all,"


def _cell(metric: Metric) -> tuple[str, str]:
    if metric.value is None:
        return "–", ""
    if metric.unit == "share":
        return (
            wording.quantity(metric.value, "share"),
            wording.interval(metric.low, metric.high, "share").removesuffix("%"),
        )
    times = 1000 if metric.name == "cost" else 1
    ends = (metric.value, metric.low, metric.high)
    value, low, high = (None if one is None else float(f"{times * one:.3g}") for one in ends)
    return wording.quantity(value, ""), wording.interval(low, high, "")


def _text(compared: Comparison, width: int | None) -> str:
    shown, absent = _shown(compared)
    names = [one.name for one in compared.judged]
    lines = [_summary(compared), ""]
    for part, some in enumerate(_fitting(compared, shown, width)):
        header = ["judge / prompt", *(HEADS[column] for column in some)]
        rows = [
            [name, *(" ".join(filter(None, _cell(one.metrics[column]))) for column in some)]
            for name, one in zip(names, compared.judged, strict=True)
        ]
        if not part:
            header.append("verdicts")
            rows = [[*row, f"{one.verdicts:,}"] for row, one in zip(rows, compared.judged, strict=True)]
        lines += [*tables.lines(header, rows, right=range(1, len(header)), room=width), ""]
    lines += [f"{HEADS[column]}: {TOLD.get(column, COLUMNS[column])}" for column in shown]
    lines += ["with 95% intervals", *(f"not told: {why}" for why in absent)]
    lines += [f"note: {one_line(note, 300)}" for note in compared.notes]
    return "\n".join(lines) + "\n"


def _fitting(compared: Comparison, shown: list[str], width: int | None) -> list[list[str]]:
    """The columns in as many tables as the terminal needs: none is left out."""
    if width is None:
        return [shown]
    name = min(tables.WIDEST, max(len(one.name) for one in compared.judged), max(tables.LEAST, width // 3))
    parts: list[list[str]] = [[]]
    used = name + 12
    for column in shown:
        cells = [" ".join(filter(None, _cell(one.metrics[column]))) for one in compared.judged]
        wide = 2 + max(len(HEADS[column]), *map(len, cells))
        if parts[-1] and used + wide > width:
            parts.append([])
            used = name
        parts[-1].append(column)
        used += wide
    return parts


def _markdown(compared: Comparison) -> str:
    shown, absent = _shown(compared)
    header = ["judge / prompt", *(HEADS[column] for column in shown), "verdicts"]
    rows = [
        [one.name, *(" ".join(filter(None, _cell(one.metrics[column]))) for column in shown), f"{one.verdicts:,}"]
        for one in compared.judged
    ]
    lines = [f"{_summary(compared)}, with 95% intervals.", ""]
    lines += tables.markdown_lines(header, rows, right=range(1, len(header)))
    return "\n".join([*lines, *(["", *(f"Not told: {why}." for why in absent)] if absent else [])]) + "\n"


def _document(compared: Comparison) -> dict[str, Any]:
    return {
        "name": compared.name,
        "files": list(compared.files),
        "items": compared.items,
        "pairs": compared.pairs,
        "every_pair": compared.every_pair,
        "against": compared.against,
        "rule": compared.rule,
        "judges": [_described(one) for one in compared.judged],
        "longer_wins_by_length": {
            name: [{"times_as_long": text} | _numbers(metric) for text, metric in series]
            for name, series in compared.lengths.items()
        },
        "agreement": {"raters": list(compared.raters), "kappa": [list(row) for row in compared.kappa]},
        "notes": list(compared.notes),
    }


def _described(one: Judged) -> dict[str, Any]:
    return {
        "judge": one.judge,
        "prompt": one.prompt,
        "verdicts": one.verdicts,
        "metrics": {column: _numbers(metric) for column, metric in one.metrics.items()},
    }


def _numbers(metric: Metric) -> dict[str, Any]:
    told: dict[str, Any] = {"value": metric.value, "low": metric.low, "high": metric.high, "n": metric.n}
    return told | ({"why": metric.why} if metric.value is None else {})


def _page(compared: Comparison, own: Path | None) -> str:
    from auditor.reports import dashboards, judge_charts
    from auditor.reports.lab_page import Page, Picture, Table, html

    shown, absent = _shown(compared)
    rows = tuple(
        (
            (one.judge, one.prompt),
            *(_cell(one.metrics[column]) for column in shown),
            (f"{one.verdicts:,}", ""),
        )
        for one in compared.judged
    )
    header = ("judge, prompt", *(HEADS[column] for column in shown), "verdicts")
    told = "; ".join(f"{HEADS[column]}: {TOLD.get(column, COLUMNS[column])}" for column in shown)
    table = Table(
        "Judges, the most accurate first", header, rows, tuple(range(1, len(header))), f"{told}. 95% intervals below."
    )
    style = dashboards.find("auditor.mplstyle", own)
    pictures = tuple(Picture(svg, caption) for svg, caption in judge_charts.pictures(compared, style))
    facts = [
        (
            "Files",
            ", ".join(compared.files[:8])
            + (f" and {len(compared.files) - 8:,} more" if len(compared.files) > 8 else ""),
        ),
        ("Pairs", f"{compared.pairs:,} that all judged, of {compared.every_pair:,}"),
        ("Held against", compared.against),
        ("Rule", compared.rule),
        *(("Not told", why) for why in absent),
        *(("Note", note) for note in compared.notes),
    ]
    best = compared.judged[0]
    accuracy = best.metrics["accuracy"]
    headline = f"{_who(compared).rstrip(',')} compared"
    if accuracy.value is not None:
        who = "people" if compared.against == PEOPLE else "most others"
        headline = f"{best.name} says what {who} say in {wording.quantity(accuracy.value, 'share')}"
    return html(
        Page(
            f"Judges compared: {compared.name}",
            "Judges compared",
            headline,
            _summary(compared),
            (table,),
            pictures,
            tuple(facts),
        ),
        own,
    )
