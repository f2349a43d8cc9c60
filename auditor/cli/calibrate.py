"""`auditor calibrate`: bounds from real data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.printing import watching


@click.command(
    epilog="""\b
Examples:
  auditor calibrate data.jsonl --real real.jsonl
  auditor calibrate --real real.jsonl --rate 0.01 --rows 5000 -o expectations/policies/ours.yaml
  auditor audit data.jsonl --real real.jsonl --policy ours
"""
)
@click.argument("data", required=False, metavar="[FILE]")
@click.option("--real", required=True, metavar="FILE", help="Real data, in any form that `audit` reads.")
@click.option("--rate", default=0.05, show_default=True, type=click.FloatRange(0, 1, min_open=True, max_open=True),
              help="Share of audits of data as good as the real ones that may fail by one metric, each on its own: "
                   "10 / RATE splits are measured.")  # fmt: skip
@click.option("--family", is_flag=True, help="RATE is of audits that fail by any metric: wider bounds.")
@click.option("--rows", type=click.IntRange(1), metavar="N", help="Rows a side, at most half of the real rows.  "
              "[default: as many as FILE has]")  # fmt: skip
@click.option(
    "--policy",
    default="default",
    show_default=True,
    metavar="NAME|FILE",
    help="Bounds for all else, and which way is worse.",
)
@options.checks
@options.mapping
@options.embedder
@options.memory
@options.threads
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Where the policy goes.  [default: expectations/policies/calibrated.yaml]")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def calibrate(
    data: str | None,
    real: str,
    rate: float,
    family: bool,
    rows: int | None,
    policy: str,
    output: Path | None,
    quiet: bool,
    **given: Any,
) -> None:
    """Find bounds that data as good as yours would break no more often than RATE.

    FILE is the data to be audited: bounds are found at as many rows as it has, or half of the real ones where that is
    less, or no FILE is given.

    Your real rows are split in two again and again, and one part is audited against the other; the bound of each
    metric is what it seldom goes beyond there, be that tighter or laxer than in POLICY. That is of each metric: many
    of them together fail more audits than RATE, and how many is told; with --family all of them together fail no more
    than RATE.

    The policy that is written extends POLICY, and is used with `auditor audit --policy`. Its bounds hold at the size of
    the splits: an audit of more rows draws as many for what depends on their number (comparisons with real data,
    duplicates, patterns), and one of fewer skips these metrics. By another embedder, another version of its check, or
    with other parameters (--set) a metric is another number, and an audit skips it as well; so does one that compares
    with other real data than REAL, be it the same that grew. For an embedder of which no threshold of semantic
    duplicates is known, one is found in the real rows, told, and used. Checks that need more than rows and real rows (a
    card, verdicts) keep the bounds of POLICY. An interrupted run goes on where it was.
    """
    from auditor import calibrating
    from auditor.auditing import Options
    from auditor.files import write_text
    from auditor.registry.workspace import Workspace
    from auditor.reports import tables, wording

    workspace = Workspace.find()
    path = output or workspace.root / "expectations" / "policies" / "calibrated.yaml"
    console = watching(quiet)
    asked = Options(policy=policy, **given)
    found = calibrating.calibrate(
        real, asked, rate=rate, family=family, size=rows, data=data, workspace=workspace, progress=console
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, found.policy(policy, path.stem))
    header = ("metric", "median of real", "bound")
    cells = [(bound.metric, f"{bound.median:.4g}", bound.text) for bound in found.bounds]
    for line in tables.lines(header, cells, right=(1,)):
        click.echo(line)
    for metrics, why in found.without():
        click.echo(f"no bound for {metrics}: {why}")
    if found.caution:
        click.echo(f"\n{found.caution}")
    for how in found.tuned:
        click.echo(f"\n{how}")
    if found.stand:
        click.echo(
            f"\nNothing says which way these are worse; they keep the bounds of {policy}: {', '.join(found.stand)}"
        )
    if found.beyond:
        click.echo(f"\nNot calibrated, for they need more than rows and real rows: {', '.join(found.beyond)}")
    whose = "together" if family else "each"
    told = f"{len(found.bounds)} bounds, {whose} with {100 * rate:g} % false alarms at {found.size:,} rows a side"
    click.echo(f"\n{path}: {told}{'' if family else f'; {100 * found.together:.3g} % all together'}")
    if bought := wording.bought(found.bought):
        click.echo(bought)
