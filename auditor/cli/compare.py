"""`auditor compare`: two files or records, metric by metric."""

from __future__ import annotations

import json
from pathlib import Path

import click


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

    A name that ends in `.json` and holds a record is read; anything else is audited first.
    """
    from auditor.auditing import Options, record_of
    from auditor.core.compare import changes
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    options = Options(policy=policy)
    before, after = (record_of(source, options, workspace) for source in (left, right))
    rows = [change for change in changes(before, after) if everything or change.changed]
    if format_ == "json":
        click.echo(json.dumps([change.described() for change in rows], indent=2))
        return
    if not rows and format_ == "text":
        click.echo("no metric differs")
    names = [Path(left).name, Path(right).name]
    header = ["metric", *names, "change", "beyond chance"]
    table = [[c.metric, c.before_text, c.after_text, c.delta_text, c.certainty] for c in rows]
    if format_ == "markdown":
        click.echo("| " + " | ".join(header) + " |\n|" + " --- |" * len(header))
        for line in table:
            click.echo("| " + " | ".join(line) + " |")
        return
    widths = [max(len(line[i]) for line in [header, *table]) for i in range(len(header))]
    for line in [header, *table] if table else []:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    click.echo(f"\n{left}: {before.verdict.value.upper()}    {right}: {after.verdict.value.upper()}")
