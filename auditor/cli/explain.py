"""`auditor checks` and `auditor explain`: what there is, and why."""

from __future__ import annotations

import inspect
import json

import click

from auditor.cli import options


@click.command(epilog="\b\nExamples:\n  auditor checks\n  auditor checks --format json\n")
@options.plain
def checks(format_: str) -> None:
    """List the checks and what they measure."""
    from auditor.core.check import parameters, registered

    known = registered()
    if format_ == "json":
        described = [
            {
                "name": name,
                "title": cls.spec.title,
                "version": cls.spec.version,
                "parameters": parameters(cls()),
                "measures": [
                    {"metric": cls.spec.metric(m.name), "unit": m.unit, "what": m.what, "remedy": m.remedy}
                    for m in cls.spec.measures
                ],
            }
            for name, cls in known.items()
        ]
        click.echo(json.dumps(described, indent=2))
        return
    width = max(map(len, known))
    for name, cls in known.items():
        click.echo(f"{name:<{width}}  {(inspect.getdoc(cls) or cls.spec.title).splitlines()[0]}")
    click.echo("\n`auditor explain CHECK` says more.")


@click.command(epilog="\b\nExamples:\n  auditor explain near-duplicates\n")
@click.argument("check")
def explain(check: str) -> None:
    """Say what a check finds, why it matters, an example, and the source of the method."""
    from auditor.core.check import build, parameters, registered

    instance = build(check, {})
    cls = registered()[check]
    click.echo(f"{check}: {cls.spec.title}\n")
    click.echo(inspect.getdoc(cls) or "")
    click.echo("\nMetrics")
    for measure in cls.spec.measures:
        click.echo(f"  {cls.spec.metric(measure.name)} ({measure.unit}): {measure.what}")
        if measure.remedy:
            click.echo(f"      remedy: {measure.remedy}")
    click.echo("\nParameters (--set NAME.PARAM=VALUE)")
    for name, value in parameters(instance).items():
        click.echo(f"  {check}.{name}={','.join(map(str, value)) if isinstance(value, list) else value}")
