"""`auditor regenerate`: what is stale is made again, by exactly the stages that make it."""

from __future__ import annotations

import datetime as dt
import re
import sys
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import click

from auditor.cli import options, printable
from auditor.cli.printing import printed

if TYPE_CHECKING:
    from auditor.regeneration.plan import Done, Step
    from auditor.reports.console import Console


def until(_context: click.Context, _option: click.Parameter, value: str | None) -> dt.date | None:
    """`90d` from today, or a day."""
    if value is None:
        return None
    days = re.fullmatch(r"(\d{1,5})d", value)
    try:
        today = dt.datetime.now(dt.UTC).date()
        return today + dt.timedelta(days=int(days[1])) if days else dt.date.fromisoformat(value)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{value!r} is neither days, such as 90d, nor a day such as 2027-01-31") from None


class Lines:
    """A line as each dataset begins and ends, and the stages of its audit between, on stderr."""

    def __init__(self, console: Console, quiet: bool) -> None:
        self._console, self._quiet = console, quiet

    def stage(self, name: str) -> AbstractContextManager[Any]:
        return self._console.stage(name)

    def begins(self, step: Step, number: int, of: int) -> None:
        from auditor.regeneration import telling

        if not self._quiet:
            click.echo(printable(f"[{number}/{of}] {telling.step_line(step)}"), err=True)

    def ended(self, done: Done) -> None:
        from auditor.regeneration import telling

        if not self._quiet:
            click.echo(printable(f"      {telling.done_line(done)}"), err=True)


@click.command(
    epilog="""\b
Examples:
  auditor regenerate --all-stale --dry-run
  auditor regenerate sft-v3
  auditor regenerate --all-stale --max-rows 50000 --max-cost 20
  auditor regenerate sft-v3 --expires 90d
"""
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--all-stale", is_flag=True, help="Everything that is stale.")
@click.option("--dry-run", is_flag=True, help="Only the plan.")
@click.option("--json", "json_", is_flag=True, help="The plan and what became of it, for machines.")
@click.option("--max-rows", type=click.IntRange(0), metavar="N", help="Make at most this many rows.")
@click.option(
    "--max-cost", type=click.FloatRange(0), metavar="AMOUNT", help="Spend at most this, by the cost on each card."
)
@click.option("--expires", metavar="90d|DATE", callback=until, help="How long the new versions are good for.")
@click.option("--policy", metavar="NAME|FILE", help="Bounds of the gate.  [default: the card's, or default]")
@click.option("--fail-on", type=click.Choice(["fail", "warn"]), default="fail", show_default=True)
@options.mlflow_uri
@click.option("--quiet", "-q", is_flag=True, help="Only the plan and the outcome.")
def regenerate(
    names: tuple[str, ...],
    all_stale: bool,
    dry_run: bool,
    json_: bool,
    max_rows: int | None,
    max_cost: float | None,
    expires: dt.date | None,
    policy: str | None,
    fail_on: str,
    mlflow_uri: str | None,
    quiet: bool,
) -> int:
    """Make stale datasets again: a plan, then `dvc repro` of exactly their stages, then the gate.

    Each new version supersedes the one before only where its gate passes it; else the old one stays and
    what hangs on it is left alone. Interrupted, the same command goes on. Ancestors that are stale are
    made first. Exit code 1 where a gate failed, 2 where a stage did or a named dataset was left alone.
    """
    if bool(names) == all_stale:
        raise click.UsageError("give names, or --all-stale" if not names else "give names or --all-stale, not both")
    from auditor.auditing import Options
    from auditor.regeneration import telling
    from auditor.regeneration.asked import Asked
    from auditor.regeneration.plan import Limits
    from auditor.regeneration.run import planned
    from auditor.regeneration.run import regenerate as run
    from auditor.registry.workspace import Workspace
    from auditor.reports.console import Console

    asked = Asked(names, Limits(max_rows, max_cost), expires, Options(policy=policy, fail_on=fail_on), mlflow_uri)
    workspace = Workspace.find()
    if dry_run:
        plan, done = planned(asked, workspace), None
    else:
        plan, done = run(asked, workspace, Lines(Console(sys.stderr, quiet=quiet or json_), quiet or json_))
    if json_:
        said = telling.plan_json(plan) | ({} if done is None else {"done": [telling.done_json(one) for one in done]})
        printed(telling.as_json(said))
    else:
        printed(telling.plan_text(plan) if done is None else telling.done_text(done, plan))
    return telling.exit_code(done or [], names)
