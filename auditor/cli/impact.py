"""`auditor impact`: what a model, a prompt or a seed has touched."""

from __future__ import annotations

import click


@click.command(
    epilog="\b\nExamples:\n  auditor impact gpt-4o@2024-08-06\n  auditor impact prompts/answer.txt --format csv\n"
    "  auditor impact seeds@1 --format json\n  auditor impact 9f86d081884c\n"
)
@click.argument("cause", metavar="MODEL[@REV]|PROMPT|SEED")
@click.option("--format", "format_", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
def impact(cause: str, format_: str) -> None:
    """Name every version, and its rows, that a model, a prompt or a seed had a part in.

    Through any depth, and through the models that were trained on what it touched. A model without a
    revision and a dataset without a version mean all of them; a prompt is named by its name, its file,
    or the beginning of its hash.

    Rows are those that the cause made where rows say who made them, and otherwise all of a version.
    """
    from auditor import browsing
    from auditor.registry.workspace import Workspace
    from auditor.reports import impacts

    click.echo(impacts.render(browsing.impact(cause, Workspace.find()), format_), nl=False)
