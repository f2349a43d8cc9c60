"""`auditor compare`: two files or records, metric by metric."""

from __future__ import annotations

import json
from pathlib import Path

import click

from auditor.cli import printable


@click.command(
    epilog="\b\nExamples:\n  auditor compare old.jsonl new.jsonl\n"
    "  auditor compare .auditor/audits/data/1f0c…/audit.json new.jsonl --format json\n"
)
@click.argument("left")
@click.argument("right")
@click.option("--policy", metavar="NAME|FILE", help="Bounds that decide what is better.  [default: default]")
@click.option("--all", "everything", is_flag=True, help="Show metrics that did not change, too.")
@click.option("--format", "format_", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def compare(left: str, right: str, policy: str | None, everything: bool, format_: str) -> None:
    """Set two files or records side by side, metric by metric.

    A name that ends in `.json` and holds a record is read; anything else is audited first. Which way is worse is as
    the policy's bounds have it, and where it has none, as the check says; some metrics only describe.
    """
    from auditor.auditing import Options, record_of, settled
    from auditor.concluding import policy as bounds
    from auditor.core.compare import changes, directions
    from auditor.registry.workspace import Workspace
    from auditor.reports import tables
    from auditor.reports.changes import metrics, told

    workspace = Workspace.find()
    options = Options(policy=policy)
    worse = directions(bounds(settled(options, workspace), workspace))
    before, after = (record_of(source, options, workspace) for source in (left, right))
    every = list(changes(before, after, worse))
    changed = [change for change in every if change.changed]
    shown = every if everything else changed
    if format_ == "json":
        click.echo(json.dumps([change.described() for change in shown], indent=2))
        return
    header, rows = metrics(shown, Path(left).name, Path(right).name)
    lines = tables.markdown_lines if format_ == "markdown" else tables.lines
    for line in lines(header, rows, (1, 2, 3)) if rows else ():
        click.echo(line)
    verdicts = f"{left}: {before.verdict.value.upper()}    {right}: {after.verdict.value.upper()}"
    click.echo("\n" + printable(f"{told(changed)}    {verdicts}"))
