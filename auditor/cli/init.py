"""`auditor init`: a workspace in this folder."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from auditor.cli import printable


@click.command(
    epilog="\b\nExamples:\n  auditor init\n  auditor init --ci github\n  auditor init ~/projects/support-bot\n"
)
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
@click.option("--ci", type=click.Choice(["github", "none"]), help="Workflows to write.  [default: found out]")
def init(folder: Path, ci: Literal["github", "none"] | None) -> None:
    """Make FOLDER (this one) a workspace: settings, cards, policies, a DVC pipeline and CI workflows.

    Nothing that is there is written over; called again, it writes what is missing. DVC is set up where
    it is not, with git where there is git.
    """
    from auditor.registry.initialise import initialise
    from auditor.registry.versions import name_of
    from auditor.trackers.dvc import Dvc

    root = folder.expanduser().resolve()
    done = initialise(root, ci)
    if Dvc(root).init():
        click.echo("made   .dvc/")
    for name in done.made:
        click.echo(f"made   {printable(name)}")
    for name in done.kept:
        click.echo(f"kept   {printable(name)}")
    click.echo("\nNext:")
    data = done.data[0] if done.data else "data/sft.jsonl"
    click.echo(f"  auditor audit {printable(data)}")
    click.echo(
        f"  auditor register {name_of(data)} {printable(data)} --generator MODEL@REVISION --prompt FILE --seeds FILE"
    )
