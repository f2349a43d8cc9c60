"""The faces of a record: one module a format. A face renders what `view.View` chose and decides nothing."""

from __future__ import annotations

from collections.abc import Callable

from auditor.reports import console, github, html, junit, sarif
from auditor.reports.drawings import draw as lineage
from auditor.reports.faces import face
from auditor.reports.html import pictures
from auditor.reports.json import from_json, is_record, to_json
from auditor.reports.markdown import comment as summary
from auditor.reports.missing import CHECK as GAPS
from auditor.reports.missing import lines as gaps
from auditor.reports.view import View

__all__ = [
    "FORMATS",
    "GAPS",
    "View",
    "from_json",
    "gaps",
    "is_record",
    "lineage",
    "pictures",
    "render",
    "summary",
    "text",
    "to_json",
]


def text(view: View, width: int = 100, color: bool = False, quiet: bool = False) -> str:
    """The report for a terminal `width` columns wide; quiet: the summary line alone."""
    return console.text(view, width, color, quiet)


_FACES: dict[str, Callable[[View], str]] = {
    "text": text,
    "json": lambda view: to_json(view.record).decode(),
    "html": html.page,
    "junit": junit.document,
    "sarif": sarif.log,
    "github": github.commands,
    "markdown": summary,
}

FORMATS = tuple(_FACES)


def render(format: str, view: View) -> str:  # noqa: A002  the command line's word
    """The view in one of `FORMATS`, ending in a line feed; the same record gives the same text but
    for what stands in its `run` block.

    Raises ConfigError for an unknown format.
    """
    return face(_FACES, format)(view)
