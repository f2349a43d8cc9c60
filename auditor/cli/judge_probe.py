"""`auditor judge probe`: a judge's card, in under a hundred calls."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import options
from auditor.cli.judge_compare import FORMATS
from auditor.cli.printing import printed, saying, watching, width


@click.command(
    epilog="""\b
Examples:
  auditor judge probe --judge judges.yaml --dry-run
  auditor judge probe --judge judges.yaml#gpt --output html=gpt.html
  auditor judge probe --judge judges.yaml#local --format json --policy bounds.yaml
"""
)
@click.option("--judge", "jury", required=True, metavar="FILE[#NAME]", help="The judge, in a file of judges.")
@click.option("--prompt", metavar="NAME|FILE", help="Instructions.  [default: the judge's, or pairwise]")
@click.option("--budget", type=click.FloatRange(0), metavar="AMOUNT", help="Spend no more, by the judge's prices.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it costs at most.")
@click.option("--policy", metavar="FILE", help="Bounds to judge by.  [default: expectations/probes.yaml]")
@click.option("--fail-on", type=click.Choice(["fail", "warn"]), default="fail", show_default=True)
@click.option("--verdicts", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the verdicts.")
@options.telling(FORMATS)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def probe(
    jury: str,
    prompt: str | None,
    budget: float | None,
    dry_run: bool,
    policy: str | None,
    fail_on: str,
    verdicts: Path | None,
    format_: str,
    output: tuple[tuple[str, Path], ...],
    quiet: bool,
) -> int:
    """Try a judge with pairs whose right verdict nobody disputes, and say what it can be used for.

    89 questions: easy right and wrong answers, the same answer twice, padded, empty, with markup, under the judge's
    own name, and with instructions to the judge; each in both orders. Every answer is kept: asked again, it costs
    nothing. Exit code 1 where a bound fails: by default where anything but the right answer wins by talking to the
    judge or by saying nothing, or where the judge misses what is easy.
    """
    from auditor import probing
    from auditor.files import write_text
    from auditor.registry.workspace import Workspace
    from auditor.reports import judge_card

    file, _, only = jury.partition("#")
    written = [("--output", path) for _, path in output] + ([("--verdicts", verdicts)] if verdicts else [])
    options.spare([file], written)
    seat = probing.seat(Path(file), only or None, prompt)
    workspace = Workspace.find()
    if dry_run:
        found = probing.estimate(seat, workspace)
        cost = "no price" if found.cost is None else f"cost {found.cost:.4f} at most"
        click.echo(f"{found.requests:,} questions to ask, {found.before:,} answered; {cost}")
        return 0
    console = watching(quiet)
    tried = probing.probe(
        seat, workspace, console, policy=policy, fail_on=fail_on, budget=budget, out=verdicts,
        say=saying(quiet),
    )  # fmt: skip
    for name, path in output:
        write_text(path, judge_card.render(tried.card, name, dashboards=workspace.dashboards))
    printed(judge_card.render(tried.card, format_, width=width(), dashboards=workspace.dashboards))
    return tried.card.exit_code
