"""`auditor log`: a dataset's versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from auditor.cli import options

if TYPE_CHECKING:
    from auditor.core.lineage.history import History

LATEST = 5
"""Versions whose values are told."""


@click.command(
    epilog="\b\nExamples:\n  auditor log sft-v3\n  auditor log sft-v3 --metric near_duplicates.rate\n"
    "  auditor log sft-v3 --format json\n"
)
@click.argument("name")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Show this metric.  [default: the main ones]")
@options.plain
def log(name: str, metrics: tuple[str, ...], format_: str) -> None:
    """List a dataset's versions: who made them, what the gate said, and how the main metrics went.

    Verdicts and metrics are those of the audits that are stored in this workspace.
    """
    from auditor import browsing
    from auditor.registry.workspace import Workspace
    from auditor.reports import histories

    history = browsing.history(name, Workspace.find())
    click.echo(histories.render(history, format_, metrics), nl=False)
    if format_ == "text":
        for line in _brought(history, metrics or history.main):
            click.echo(line)


def _brought(history: History, metrics: Sequence[str]) -> Iterator[str]:
    """Of slopes that are of other values than those shown: these, and over how much they are."""
    from auditor.reports import wording

    for name in metrics:
        shown = {v.version: metric for v, metric in zip(history.versions, history.series(name), strict=True)}
        there = history.compared(name)
        if len(there) > 1 and any(metric is not shown[version] for version, metric in there.items()):
            last = list(there.items())[-LATEST:]
            values = ", ".join(f"{wording.measured(metric, metric.unit)} (v{version})" for version, metric in last)
            yield f"{name}: the slope is of the numbers over {last[-1][1].n:,}, {values}"
