"""`auditor sync`: what could not be sent is sent."""

from __future__ import annotations

import click


@click.command(epilog="\b\nExamples:\n  auditor sync\n  auditor sync --to http://mlflow.example.org:5000 --all\n")
@click.option("--to", metavar="URI", help="Where MLflow is.  [default: mlflow.uri, or .auditor/mlflow.db]")
@click.option("--all", "all_", is_flag=True, help="Also every registered version, as of before MLflow was set up.")
def sync(to: str | None, all_: bool) -> int:
    """Send what waits in the outbox. Exit code 1 where something is still left.

    Everything goes to where the settings have MLflow and OpenLineage now, but for what a command was told
    to send elsewhere (--mlflow-uri): that goes there.
    """
    from collections import Counter

    from auditor import trackers
    from auditor.cli import printable
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    uri = trackers.checked(to) if to else None
    places: Counter[str] = Counter()
    sent, left = trackers.sync(workspace, uri, lambda place: places.update([place]))
    if all_ and not left:
        from auditor import registration

        published, left = registration.publish_all(workspace, uri)
        sent += published
        places[trackers.mlflow_place(workspace, uri)] += published
    click.echo(f"{sent} sent, {left} left")
    for place, count in sorted(places.items()):
        if count:
            click.echo(printable(f"  {count} to {place}"))
    return 1 if left else 0
