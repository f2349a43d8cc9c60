"""The faces of a record: one module a format. A face renders what `view.View` chose and decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Graph
from auditor.reports.json import from_json, is_record, to_json
from auditor.reports.missing import CHECK as GAPS
from auditor.reports.view import View

FORMATS = ("text", "json", "html", "junit", "sarif", "github", "markdown")

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


def render(format: str, view: View) -> str:  # noqa: A002  the command line's word
    """The view in one of `FORMATS`, ending in a line feed; the same record gives the same text but
    for what stands in its `run` block.

    Raises ConfigError for an unknown format.
    """
    if format == "text":
        return text(view)
    if format == "json":
        return to_json(view.record).decode()
    if format == "html":
        from auditor.reports.html import page

        return page(view)
    if format == "junit":
        from auditor.reports.junit import document

        return document(view)
    if format == "sarif":
        from auditor.reports.sarif import log

        return log(view)
    if format == "github":
        from auditor.reports.github import commands

        return commands(view)
    if format == "markdown":
        from auditor.reports.markdown import comment

        return comment(view)
    raise ConfigError(f"unknown format {format!r}", hint=suggest(format, FORMATS))


def text(view: View, width: int = 100, color: bool = False, quiet: bool = False) -> str:
    """The report for a terminal `width` columns wide; quiet: the summary line alone."""
    from auditor.reports.console import text as written

    return written(view, width, color, quiet)


def gaps(view: View) -> str | None:
    """What to generate next, as JSON Lines: see `reports.missing.lines`."""
    from auditor.reports.missing import lines

    return lines(view)


def summary(view: View) -> str:
    """Markdown for the page of a GitHub Actions run: append it to the file GITHUB_STEP_SUMMARY names."""
    from auditor.reports.markdown import comment

    return comment(view)


def pictures(view: View) -> Mapping[str, str]:
    """The figures of the HTML report as SVG files: name -> content."""
    from auditor.reports import html

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
    from auditor.reports.drawings import draw

    return draw(
        graph, start, format, upstream=upstream, downstream=downstream, depth=depth, color=color, dashboards=dashboards
    )
