"""`auditor log`: a dataset's versions."""

from __future__ import annotations

import click

from auditor.cli import options


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

    click.echo(histories.render(browsing.history(name, Workspace.find()), format_, metrics), nl=False)
