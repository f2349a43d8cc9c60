"""`auditor diff`: what lies between two versions."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="\b\nExamples:\n  auditor diff sft-v3@1 sft-v3@2\n  auditor diff old.jsonl new.jsonl --rows 20\n"
    "  auditor diff sft-v3@1 sft-v3@2 --format markdown\n  auditor diff sft-v3@1 new.jsonl --output rows.jsonl\n"
)
@click.argument("left", metavar="NAME@V|PATH")
@click.argument("right", metavar="NAME@V|PATH")
@click.option("--rows", "examples", type=click.IntRange(0), default=3, show_default=True, help="Examples of each kind.")
@click.option("--format", "format_", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every row that was removed, added or changed, as JSON lines.",
)
def diff(left: str, right: str, examples: int, format_: str, output: Path | None) -> None:
    """Set two versions against each other: rows, lineage, metrics, verdict.

    A row is the same where all of it is the same, wherever it stands. It changed where another row has
    its id, or its text, or its prompt, and differs in the rest. What is left was removed, or added.
    Metrics are those of stored audits; `auditor compare` audits what was not audited yet.
    """
    from auditor import browsing
    from auditor.registry.workspace import Workspace
    from auditor.reports import changes

    found = browsing.compared(left, right, Workspace.find())
    click.echo(changes.render(found, format_, examples), nl=False)
    if output is not None:
        from auditor.files import atomic

        with atomic(output) as file:
            file.writelines(changes.rows(found))
        click.echo(f"wrote {output}", err=True)
