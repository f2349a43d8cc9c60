"""`auditor lineage`: what a version was made from, and what came of it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from auditor.cli import options

FORMATS = ("text", "mermaid", "dot", "json", "openlineage", "html")


@click.command(
    epilog="\b\nExamples:\n  auditor lineage sft-v3\n  auditor lineage sft-v3@2 --upstream --depth 2\n"
    "  auditor lineage gpt-4o@2024-08-06 --downstream\n  auditor lineage sft-v3 --format html --output lineage.html\n"
    "  auditor lineage sft-v3 --format dot | dot -Tsvg > lineage.svg\n"
)
@click.argument("name", metavar="NAME[@V]")
@click.option("--upstream", is_flag=True, help="Only what it was made from.")
@click.option("--downstream", is_flag=True, help="Only what came of it.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="At most N steps away.  [default: all]")
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text", show_default=True)
@options.file
def lineage(name: str, upstream: bool, downstream: bool, depth: int | None, format_: str, output: Path | None) -> None:
    """Show what a dataset was made from, and what came of it.

    NAME is a dataset (its current version), NAME@V one version, or a model, a prompt or a file that a
    card names. `html` is a page to walk in a browser; `openlineage` is the event of the registration.
    """
    from auditor import browsing
    from auditor.cli.export import put
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    if format_ == "openlineage":
        put(browsing.exported(name, "openlineage", workspace), output)
        return
    both = upstream == downstream
    color = output is None and sys.stdout.isatty()
    drawn = browsing.lineage(
        name, format_, workspace, upstream=upstream or both, downstream=downstream or both, depth=depth, color=color
    )
    put(drawn, output)
