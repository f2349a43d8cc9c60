"""`auditor checkout`: a registered version, brought back."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="\b\nExamples:\n  auditor checkout sft@1\n  auditor checkout sft@1 --to /tmp/sft-1.jsonl\n"
    "  auditor checkout sft --force\n"
)
@click.argument("ref", metavar="NAME[@VERSION]")
@click.option("--to", type=click.Path(path_type=Path), metavar="PATH", help="Where to.  [default: its own place]")
@click.option("--force", is_flag=True, help="Lose what lies there and is registered nowhere.")
def checkout(ref: str, to: Path | None, force: bool) -> None:
    """Bring the bytes of a registered version back, from DVC's cache or its remote.

    It appears whole or not at all. What lies in its place gives way only where DVC keeps that, too.
    """
    from auditor import registration
    from auditor.cli import printable
    from auditor.registry.workspace import Workspace

    place = registration.checkout(ref, Workspace.find(), to, force=force)
    click.echo(printable(str(place)))
