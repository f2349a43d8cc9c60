"""Pages of the lab of judges: one self-contained file each, in the style of the report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from auditor.reports import dashboards

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
    from markupsafe import Markup

    pictures = tuple(
        Picture(Markup(one.svg), one.caption)  # noqa: S704  our own SVG; its text is escaped
        for one in page.pictures
    )
    return dashboards.page(
        "lab.html.j2", own, style="report.css", script="report.js", page=replace(page, pictures=pictures)
    )
