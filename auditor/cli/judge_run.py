"""`auditor judge run`: have judges say which answer is better, in both orders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli.options import pairs
from auditor.cli.printing import saying, watching

MODES = ("pairwise", "pointwise", "reference")


@click.command(
    epilog="""\b
Examples:
  auditor judge run preferences.jsonl --judge judges.yaml --dry-run
  auditor judge run preferences.jsonl --judge judges.yaml -o verdicts.jsonl
  auditor judge run answers.jsonl --judge judges.yaml#gpt --a ours=llama-3-tuned --b theirs=mistral --budget 5
  auditor judge run answers.jsonl --judge judges.yaml --mode pointwise --a response -o scores.jsonl
  auditor judge run answers.jsonl --judge judges.yaml --a x --b y --precision 0.03 --stop -o verdicts.jsonl
  auditor judge audit verdicts.jsonl
"""
)
@click.argument("dataset")
@click.option("--judge", "jury", required=True, metavar="FILE[#NAME]", help="The judges, one of them, or a panel.")
@click.option("--a", metavar="FIELD[=MAKER]", help="Where the first answer stands.  [default: the chosen one]")
@click.option("--b", metavar="FIELD[=MAKER]", help="Where the second stands.  [default: the rejected one]")
@click.option("--reference", metavar="FIELD", help="Where a good answer stands, for --mode reference.")
@click.option("--mode", type=click.Choice(MODES), help="What is asked.  [default: as the prompt, or pairwise]")
@click.option("--prompt", metavar="NAME|FILE", help="Instructions.  [default: the judge's, or those of the mode]")
@click.option("--repeats", type=click.IntRange(1), help="Times that the same is asked.  [default: the judge's, or 1]")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Judge N rows, drawn by their content.")
@click.option("--precision", type=float, metavar="SHARE", help="Draw as many as ±SHARE of a win rate needs.")
@click.option("--stop", is_flag=True, help="Stop as soon as the interval is as narrow as --precision.")
@click.option("--budget", type=click.FloatRange(0), metavar="AMOUNT", help="Spend no more, by the judges' prices.")
@click.option("--dry-run", is_flag=True, help="Say what would be asked and what it costs at most.")
@click.option("--allow-self", is_flag=True, help="Let a model judge its own words, or a relative's, unwaived.")
@click.option("--map", "mapping", multiple=True, metavar="COLUMN=FIELD", callback=pairs,
              help="Take a canonical column from a field.")  # fmt: skip
@click.option("--max-bad-rows", metavar="N|SHARE", help="Unreadable rows to allow.  [default: 0.1%, at least 10]")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), default=Path("verdicts.jsonl"),
              show_default=True, metavar="FILE", help="Where the verdicts go.")  # fmt: skip
@click.option("--track", is_flag=True, help="Record it in MLflow, with the prompts.")
@click.option("--mlflow-uri", "uri", metavar="URI", help="Where MLflow is.  [default: .auditor/mlflow.db]")
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def run(
    dataset: str, jury: str, mapping: Any, max_bad_rows: str | None, output: Path, dry_run: bool, track: bool,
    uri: str | None, quiet: bool,
    **given: Any,
) -> None:  # fmt: skip
    """Have judges compare two answers (in both orders) or grade one.

    DATASET is whatever `auditor audit` reads. Every answer is kept as it comes: an interrupted run goes on where it
    was, and nothing is paid for twice. Keys come from the variables that the file of judges names.
    """
    from auditor import asking
    from auditor.asking import Wanted
    from auditor.concluding import Options
    from auditor.registry.workspace import Workspace

    if output.exists() and Path(dataset).exists() and output.samefile(dataset):
        raise click.BadParameter(f"--output would write over {output}: choose another file")
    file, _, only = jury.partition("#")
    wanted = Wanted(Path(file), only or None, **given)
    workspace = Workspace.find()
    console = watching(quiet)
    options = Options(mapping=mapping, max_bad_rows=max_bad_rows)
    poll = asking.poll(dataset, wanted, options, workspace, console)
    for note in poll.notes:
        click.echo(f"note: {_plain(note)}", err=True)
    if poll.left_out:
        click.echo(f"note: {poll.left_out:,} rows lack one of the texts and are left out", err=True)
    if dry_run:
        _estimate(asking.estimates(poll, workspace), poll.material.count)
        return
    asked = asking.ask(poll, output, wanted, workspace, console, saying(quiet))
    tally = asked.tally
    found = ", ".join(f"{count:,} {word}" for word, count in sorted(asked.verdicts.items()))
    click.echo(f"{output}: {sum(asked.verdicts.values()):,} verdicts on {asked.items:,} items ({found})")
    cost = f", cost {tally.cost:.4f}" if any(seat.judge.priced for seat in poll.seats) else ""
    refused = f", {tally.refused:,} refused" if tally.refused else ""
    click.echo(
        f"{tally.done - tally.before:,} judgments asked for{refused}, {tally.before:,} from earlier runs, "
        f"{tally.tokens_in:,} tokens read and {tally.tokens_out:,} written{cost}"
    )
    if poll.allowed:
        click.echo(f"a judge is the answers' maker, or its relative; allowed: {_plain(poll.allowed)}")
    if decision := asking.decided(poll, output):
        from auditor.reports import standings

        click.echo("\n" + "\n".join(standings.lines(decision)))
    asking.tell(poll, asked, output, workspace, track=track, uri=uri)


def _estimate(estimates: Any, items: int) -> None:
    from auditor.reports import tables

    header = ("judge", "prompt", "to ask", "answered", "tokens in", "tokens out, at most", "cost, at most")
    cells = [
        (
            _plain(seat.judge.name),
            _plain(seat.prompt.ref),
            f"{one.requests:,}",
            f"{one.before:,}",
            f"{one.tokens_in:,}",
            f"{one.tokens_out:,}",
            "no price" if one.cost is None else f"{one.cost:.4f}",
        )
        for seat, one in estimates
    ]
    for line in tables.lines(header, cells, right=(2, 3, 4, 5, 6)):
        click.echo(line)
    requests = sum(one.requests for _, one in estimates)
    cost = sum(one.cost or 0.0 for _, one in estimates)
    click.echo(f"\n{items:,} items, {requests:,} requests, cost {cost:.4f} at most")


def _plain(text: str) -> str:
    from auditor.reports.escaping import one_line

    return one_line(text, 300)
