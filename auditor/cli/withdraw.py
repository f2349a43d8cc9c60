"""`auditor withdraw`: a model that must not be used any more."""

from __future__ import annotations

import click


@click.command(
    epilog="\b\nExamples:\n  auditor withdraw gpt-4o@2024-08-06 --why 'terms changed'\n"
    "  auditor impact gpt-4o@2024-08-06\n"
)
@click.argument("model", metavar="MODEL[@REVISION]")
@click.option("--why", required=True, help="The reason, for those who read it in a year.")
def withdraw(model: str, why: str) -> None:
    """Say that a model must not be used any more: what it touched, at any depth, is stale from today.

    Without a revision, all of its revisions are withdrawn. It is written on models/NAME.yaml.
    """
    from auditor import registration
    from auditor.cli import printable
    from auditor.model.card import Model
    from auditor.registry.workspace import Workspace
    from auditor.reports import wording

    workspace = Workspace.find()
    withdrawn = Model.parse(model)
    registration.withdraw(withdrawn, why, workspace)
    touched = registration.touched(withdrawn, workspace)
    click.echo(printable(f"{withdrawn} is withdrawn; it touched {wording.count(len(touched), 'registered version')}"))
    if touched:
        click.echo(printable(f"  {', '.join(touched[:8])}{', …' if len(touched) > 8 else ''}"))
        click.echo("  see `auditor impact` and `auditor stale`")
