"""The faces of a record: one module a format. A face renders what `view.View` chose and decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from auditor.model.graph import Graph
from auditor.reports import console, github, html, junit, markdown, missing, sarif
from auditor.reports.drawings import draw
from auditor.reports.faces import face
from auditor.reports.json import from_json, is_record, to_json
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
    "markdown": markdown.comment,
}

FORMATS = tuple(_FACES)

GAPS = missing.CHECK


def render(format: str, view: View) -> str:  # noqa: A002  the command line's word
    """The view in one of `FORMATS`, ending in a line feed; the same record gives the same text but
    for what stands in its `run` block.

    Raises ConfigError for an unknown format.
    """
    return face(_FACES, format)(view)


def gaps(view: View) -> str | None:
    """What to generate next, as JSON Lines: see `reports.missing.lines`."""
    return missing.lines(view)


def summary(view: View) -> str:
    """Markdown for the page of a GitHub Actions run: append it to the file GITHUB_STEP_SUMMARY names."""
    return markdown.comment(view)


def pictures(view: View) -> Mapping[str, str]:
    """The figures of the HTML report as SVG files: name -> content."""
    return html.pictures(view)


def lineage(
    graph: Graph,
    start: str,
    format: str,  # noqa: A002  the command line's word
    *,
    upstream: bool = True,
    downstream: bool = True,
    depth: int | None = None,
    color: bool = False,
    dashboards: Path | None = None,
) -> str:
    """What lies around the node `start` of a lineage graph, in one of `drawings.FORMATS`; ends in a line feed.

    depth: steps from the start; None draws all. color: escape codes in a text. dashboards: the
    workspace's own templates. Raises ConfigError for an unknown node or format.
    """
    return draw(
        graph, start, format, upstream=upstream, downstream=downstream, depth=depth, color=color, dashboards=dashboards
    )
