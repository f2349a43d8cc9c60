"""`auditor cache`: what the snapshots and states cost, and how to be rid of them."""

from __future__ import annotations

import json

import click

from auditor.cli import options


@click.group(epilog="\b\nExamples:\n  auditor cache info\n  auditor cache clean\n")
def cache() -> None:
    """Show or empty the cache. It holds only what can be made again from your files."""


@cache.command()
@options.plain
def info(format_: str) -> None:
    """Say where the cache is and what it holds."""
    from auditor.readers import snapshot
    from auditor.registry.workspace import Workspace

    folder = Workspace.find().cache
    snapshots, size = snapshot.usage(folder)
    if format_ == "json":
        click.echo(json.dumps({"path": str(folder), "snapshots": snapshots, "bytes": size}))
    else:
        click.echo(f"{folder}: {snapshots} snapshots, {size / 1e6:.1f} MB")


@cache.command()
def clean() -> None:
    """Empty the cache. Audits, records and the outbox stay."""
    from auditor.readers import snapshot
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    with workspace.lock():
        freed = snapshot.clean(workspace.cache)
    click.echo(f"{freed / 1e6:.1f} MB freed")
