"""`auditor sync`: what could not be sent is sent."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExamples:\n  auditor sync\n")
def sync() -> int:
    """Send what waits in the outbox. Exit code 1 where something is still left."""
    from auditor import trackers
    from auditor.registry.workspace import Workspace

    sent, left = trackers.sync(Workspace.find())
    click.echo(f"{sent} sent, {left} left")
    return 1 if left else 0
