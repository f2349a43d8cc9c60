"""`auditor gate`: registered datasets, audited for CI."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import click

from auditor.cli import options, printable
from auditor.cli.printing import colored, printed, summarised, watching
from auditor.model.errors import AuditorError

FORMATS = tuple(name for name in options.FORMATS if name != "html")
"""As in `reports.together.FORMATS`, which `--help` does not import."""

GRAVITY = (0, 1, 3, 2)
"""Exit codes by gravity, for where several hold."""


@click.command(
    epilog="""\b
Examples:
  auditor gate sft-v3
  auditor gate --changed --base origin/main --format github --output junit=gate.xml
  auditor gate --changed --output sarif=gate.sarif --output markdown=comment.md
"""
)
@click.argument("names", nargs=-1, metavar="[NAME[@VERSION]]...")
@click.option("--changed", is_flag=True, help="The datasets whose card, DVC file or data differs from the base.")
@click.option(
    "--base", metavar="REF", help="What --changed compares with.  [default: the pull request's target, or main]"
)
@options.ending(FORMATS, policy="the card's, or default", quiet="Only the summary lines.")
def gate(
    names: tuple[str, ...],
    changed: bool,
    base: str | None,
    policy: str | None,
    fail_on: str,
    format_: str,
    output: tuple[tuple[str, Path], ...],
    track: bool,
    quiet: bool,
) -> int:
    """Audit registered datasets, write the verdicts on their cards, and end with the gravest exit code.

    The file in its place is audited as the newest version that its card names, against the card's
    policy and real reference. With --changed, what no card names is left alone; nothing changed is a
    pass that says so; and a version that was registered at the base and is another now does not pass.
    """
    from auditor import gating, reports
    from auditor.auditing import Options
    from auditor.core.verdict import FAILED
    from auditor.files import write_text
    from auditor.registry.workspace import Workspace
    from auditor.reports.together import together

    if bool(names) == changed:
        raise click.UsageError("name the datasets, or give --changed")
    workspace = Workspace.find()
    altered: Mapping[str, tuple[str, ...]] = {}
    if changed:
        found = gating.changed(base, workspace)
        names, altered = found.names, found.altered
        click.echo(printable(str(found)), err=True)
    console = watching(quiet)
    asked = Options(policy=policy, fail_on=fail_on, track=track)
    outcomes, codes = [], [0]
    for name in names:
        try:
            outcomes.append(gating.gate(name, asked, workspace, console, altered.get(name, ())))
        except AuditorError as error:  # the others are still worth hearing
            click.echo(f"auditor: {name}: {printable(str(error))}", err=True)
            codes.append(error.exit_code)
    codes += [outcome.exit_code for outcome in outcomes]
    views = [outcome.view for outcome in outcomes]
    for name, path in output:
        write_text(path, together(name, views))
    if format_ == "text":
        color = colored(sys.stdout)
        printed("\n".join(reports.text(view, width=console.width, color=color, quiet=quiet) for view in views))
    else:
        printed(together(format_, views))
    if format_ == "github":
        summarised(together("markdown", views))
    for outcome in outcomes:
        said = "passed" if outcome.passed else "turned away"
        other = "" if outcome.own_rows else "; these are not its registered rows: no verdict is written on its card"
        click.echo(f"{outcome.ref}: {said} ({outcome.view.record.verdict}){other}", err=True)
    for name, sentences in altered.items():
        codes.append(FAILED)
        for sentence in sentences:
            click.echo(f"{name}: turned away: {printable(sentence)}; versions never change once registered", err=True)
    return max(codes, key=GRAVITY.index)
