"""The card of a judge: what it did with the probes, and what it can be used for."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from auditor.model.lab import Card, Family
from auditor.model.result import Status
from auditor.reports import tables, wording
from auditor.reports.escaping import markdown, one_line
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Card, int | None, Path | None], str]] = {
    "text": lambda card, width, _: _text(card, width),
    "json": lambda card, *_: json.dumps(_document(card), indent=2, ensure_ascii=False) + "\n",
    "markdown": lambda card, *_: _markdown(card),
    "html": lambda card, _, own: _page(card, own),
}

FORMATS = tuple(_FACES)

HEADER = ("probe", "as it should be", "share", "95% interval", "wanted", "")

HEADLINES = {
    Status.PASS: "Nothing found against using this judge",
    Status.WARN: "Know this judge's limits",
    Status.FAIL: "Do not rely on this judge alone",
    Status.MEASURED: "This judge was not judged: the policy bounds none of the probes",
}
USELESS = "Do not use this judge"


def render(card: Card, format: str, *, width: int | None = None, dashboards: Path | None = None) -> str:  # noqa: A002
    """The card in one of `FORMATS`, ending in a line feed. width: columns of the terminal. dashboards: the workspace's
    own templates. Raises ConfigError for an unknown format."""
    return face(_FACES, format)(card, width, dashboards)


def headline(card: Card) -> str:
    return USELESS if card.useless else HEADLINES.get(card.status, "This card is incomplete")


def uses(card: Card) -> list[str]:
    """What the judge can and cannot be used for, in sentences."""
    lines = []
    if card.useless:
        lines.append("It misses easy right and wrong answers: whatever else it says is worth nothing")
    if card.can:
        lines.append(f"No fault was found in its use for {_listed(card.can)}")
    if card.cannot:
        lines.append(f"Do not use it for {_listed(card.cannot)}")
    return lines


def _listed(parts: tuple[str, ...]) -> str:
    return "; ".join(parts)


def width_of(card: Card) -> str:
    """How little so few pairs can tell."""
    known = [one for one in card.families if one.pairs]
    if not known:
        return ""
    few = min(known, key=lambda one: one.pairs)
    if few.metric.low is None or few.right < few.pairs:
        few = max(known, key=lambda one: ((one.metric.high or 0) - (one.metric.low or 0), one.name))
    low, high = few.metric.low or 0.0, few.metric.high or 1.0
    return (
        f"Of so few pairs little is certain: {few.right} of {few.pairs} may be anything from "
        f"{wording.quantity(low, 'share')} to {wording.quantity(high, 'share')}. A probe finds what is broken; it does "
        "not show that a judge is sound: audit its verdicts on your own data"
    )


def _counts(one: Family) -> str:
    if not one.pairs:
        return f"{round((one.metric.value or 0) * one.metric.n)} of {one.metric.n}" if one.metric.n else ""
    return f"{one.right} of {one.pairs} pairs"


def _remarks(one: Family) -> str:
    told = []
    if one.fooled:
        told.append(f"{wording.count(one.fooled, 'verdict')} for what should not win")
    if one.unreadable and one.name != "readable":
        told.append(f"{one.unreadable} unreadable")
    return ", ".join(told)


def _row(one: Family) -> tuple[str, str, str, str, str, str]:
    share = wording.quantity(one.metric.value, "share") if one.metric.value is not None else "–"
    between = wording.interval(one.metric.low, one.metric.high, "share")
    verdict = "" if one.status is Status.SKIPPED else one.status.value.upper()
    return one.title, _counts(one), share, between, wording.expected_words(one.why, "share"), verdict


def _about(card: Card) -> str:
    spent = f", {card.tokens:,} tokens" + (f", cost {card.cost:.4f}" if card.cost is not None else "")
    return f"{card.model} with the prompt {card.prompt}: {wording.count(card.asked, 'question')}{spent}"


def _text(card: Card, width: int | None) -> str:
    rows = [_row(one) for one in card.families]
    lines = [f"{one_line(card.judge, 80)}: {headline(card)}", one_line(_about(card), 200), ""]
    lines += tables.lines(HEADER, rows, right=(2,), room=width)
    lines += ["", *(f"- {one.title}: {_remarks(one)}" for one in card.families if _remarks(one))]
    first = card.first_rate
    if first.value is not None:
        between = wording.interval(first.low, first.high, "share")
        lines.append(f"- what is shown first wins {wording.quantity(first.value, 'share')} ({between})")
    lines += ["", *(f"{line}." for line in uses(card)), f"{width_of(card)}."]
    lines += [f"note: {one_line(note, 300)}" for note in card.notes]
    return "\n".join(lines) + "\n"


def _markdown(card: Card) -> str:
    rows = [_row(one) for one in card.families]
    lines = [f"### {markdown(card.judge, 80)}: {headline(card)}", "", markdown(_about(card)), ""]
    lines += tables.markdown_lines(HEADER, rows, right=(2,))
    lines += ["", *(f"- {line}." for line in [*uses(card), width_of(card)])]
    return "\n".join(lines) + "\n"


def _document(card: Card) -> dict[str, Any]:
    return {
        "judge": card.judge,
        "model": card.model,
        "prompt": card.prompt,
        "verdict": card.status.value,
        "exit_code": card.exit_code,
        "asked": card.asked,
        "tokens": card.tokens,
        "cost": card.cost,
        "first_rate": {"value": card.first_rate.value, "low": card.first_rate.low, "high": card.first_rate.high},
        "families": {
            one.name: {
                "title": one.title,
                "pairs": one.pairs,
                "right": one.right,
                "fooled": one.fooled,
                "unreadable": one.unreadable,
                "value": one.metric.value,
                "low": one.metric.low,
                "high": one.metric.high,
                "n": one.metric.n,
                "status": one.status.value,
                "wanted": one.why,
            }
            for one in card.families
        },
        "no_fault_found_for": list(card.can),
        "not_for": list(card.cannot),
        "notes": list(card.notes),
    }


def _page(card: Card, own: Path | None) -> str:
    from auditor.reports.lab_page import Page, Table, html

    rows = []
    for one in card.families:
        title, counts, share, between, wanted, status = _row(one)
        rows.append(((title, _remarks(one)), (counts, ""), (share, between), (wanted, ""), (status, "")))
    header = ("probe", "as it should be", "share", "wanted", "verdict")
    first = card.first_rate
    between = wording.interval(first.low, first.high, "share")
    told = (
        f"What is shown first wins {wording.quantity(first.value, 'share')} ({between}). "
        if first.value is not None
        else ""
    )
    table = Table("Probes, in both orders", header, tuple(rows), (1, 2), f"{told}{width_of(card)}.", 4)
    facts = [("Judge", card.judge), ("Model", card.model), ("Prompt", card.prompt), ("Questions", f"{card.asked:,}"),
             ("Tokens", f"{card.tokens:,}")]  # fmt: skip
    if card.cost is not None:
        facts.append(("Cost", f"{card.cost:.4f}"))
    facts += [("Note", note) for note in card.notes]
    lead = f"{card.judge}: {_about(card)}."
    points = tuple(f"{line}." for line in uses(card))
    title = f"{card.status.value.upper()}: {card.judge}, the card of a judge"
    page = Page(
        title, "The card of a judge", headline(card), lead, (table,), (), tuple(facts), points, card.status.value
    )
    return html(page, own)
