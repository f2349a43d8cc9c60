"""Pages of the lab of judges: one self-contained file each, in the style of the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.reports import dashboards
from auditor.reports.escaping import one_line

Cell = tuple[str, str]
"""Words, and a note below them."""


@dataclass(frozen=True, slots=True)
class Table:
    """right: columns of numbers. badge: the column of statuses, if any. Texts may come from a file: the template
    escapes them."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    right: tuple[int, ...]
    note: str = ""
    badge: int | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """svg: made by `figures.drawn`."""

    svg: str
    caption: str


@dataclass(frozen=True, slots=True)
class Page:
    """status: of `model.result.Status`, or nothing where nobody judges. points: sentences below the headline."""

    title: str
    what: str
    headline: str
    lead: str
    tables: tuple[Table, ...]
    pictures: tuple[Picture, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    points: tuple[str, ...] = ()
    status: str = ""


def html(page: Page, own: Path | None = None) -> str:
    """The page as one HTML document. own: the workspace's folder of templates, before ours."""
    from jinja2 import FileSystemLoader
    from jinja2.sandbox import ImmutableSandboxedEnvironment
    from markupsafe import Markup

    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader([str(folder) for folder in dashboards.folders(own)]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["line"] = one_line
    style, script = (dashboards.inline(name, own) for name in ("report.css", "report.js"))
    shown: dict[str, Any] = {
        name: getattr(page, name)
        for name in ("title", "what", "headline", "lead", "tables", "facts", "points", "status")
    }
    shown["pictures"] = [
        {"svg": Markup(one.svg), "caption": one.caption}  # noqa: S704  our own SVG; its text is escaped
        for one in page.pictures
    ]
    return environment.get_template("lab.html.j2").render(
        page=shown,
        style=Markup(style),  # noqa: S704  our own file or the workspace's, checked by `inline`
        script=Markup(script),  # noqa: S704  as above
        policy=dashboards.policy(style, script),
        marks={"pass": "✓", "warn": "!", "fail": "✕", "error": "⚡", "skipped": "–"},
    )
