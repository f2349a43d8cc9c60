"""`auditor judge accept`: the verdicts that hold in both orders."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.printing import watching

RULES = ("strict", "tie", "one-win", "average")
VOTES = ("majority", "weighted")
"""As in `core.judges.rules.RULES` and `core.judges.juries.VOTES`, which `--help` does not import."""


def weights(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, float] | None:
    """`judge=2` options as numbers; None where there are none. A judge's name may have an = in it."""
    found = {}
    for value in values:
        name, _, number = value.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise click.BadParameter(f"{value!r} is not of the form {option.metavar}")
    return found or None


@click.command(
    epilog="""\b
Examples:
  auditor judge accept verdicts.jsonl -o clean.jsonl
  auditor judge accept verdicts.jsonl -o clean.jsonl --rule tie --as verdicts
  auditor judge accept verdicts.jsonl -o clean.jsonl --vote weighted --weights gpt-4o=2 --weights llama-3=1
  auditor judge accept verdicts.jsonl -o data/prefs.jsonl --register prefs --parent answers@2
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "-o", "--out", "target", required=True, type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option("--rule", type=click.Choice(RULES), help="How two orders become one.  [default: the panel's, or strict]")
@click.option("--vote", type=click.Choice(VOTES), help="Let the judges decide each pair together.")
@click.option(
    "--weights",
    multiple=True,
    metavar="JUDGE=NUMBER",
    callback=weights,
    help="Weight of a vote (repeatable).  [default: by how often the judge is right where people judged]",
)
@click.option("--panel", metavar="FILE[#NAME]", help="Whose votes count, and how: a panel of judges.yaml.")
@click.option(
    "--as",
    "form",
    type=click.Choice(["verdicts", "pairs"]),
    help="Every judge's verdicts, or chosen and rejected texts.  [default: pairs where the texts are there]",
)
@click.option("--format-in", metavar="NAME", help="Format of the files.  [default: recognised]")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=FIELD",
    callback=options.pairs,
    help="Take a column from a field.",
)
@click.option("--max-bad-rows", metavar="N|SHARE", help="Unreadable records to allow.  [default: 0.1%, at least 10]")
@click.option("--register", "name", metavar="NAME", help="Register what was written as a new version of this dataset.")
@click.option("--parent", "parents", multiple=True, metavar="NAME@V|PATH", help="Dataset whose outputs were judged.")
@click.option(
    "--judge", "judges", multiple=True, metavar="MODEL@REVISION", help="Who judged.  [default: as the verdicts say]"
)
@click.option("--no-dvc", is_flag=True, help="Do not version the bytes of what is registered.")
@click.option("--track", is_flag=True, help="Record the new version in MLflow.")
@click.option("--mlflow-uri", "uri", metavar="URI", help="Where MLflow is.  [default: .auditor/mlflow.db]")
@options.plain
@click.option("--quiet", "-q", is_flag=True, help="Only what went wrong.")
def accept(
    files: tuple[str, ...],
    target: Path,
    rule: str | None,
    vote: str | None,
    weights: dict[str, float] | None,
    panel: str | None,
    form: Any,
    format_in: str | None,
    mapping: dict[str, str],
    max_bad_rows: str | None,
    name: str | None,
    parents: tuple[str, ...],
    judges: tuple[str, ...],
    no_dvc: bool,
    track: bool,
    uri: str | None,
    format_: str,
    quiet: bool,
) -> int:
    """Keep the verdicts that hold in both orders, and say what is lost with the others.

    A pair that a judge judged in both orders becomes one verdict by the rule: strict keeps what is the same
    twice, tie calls a conflict a tie, one-win lets a win and a tie be a win, average takes the mean preference.
    Where the file has the outputs' texts, -o gets rows with prompt, chosen and rejected, one a pair, by the
    majority of its judges; else verdicts in our own format. With --vote, or --panel, each judge has one vote on a
    pair, and -o gets what they decide together; a table holds each judge against it. Dropping is itself a bias:
    another says how many were lost of each verdict, judge and length.
    """
    from auditor.adjudicating import read
    from auditor.cli import printable
    from auditor.concluding import Options
    from auditor.judging import accepting, writing

    if any(Path(file).exists() and target.exists() and target.samefile(file) for file in files):
        raise click.BadParameter(f"-o would write over {target}: choose another file")
    if (parents or judges or track or uri) and not name:
        raise click.BadParameter("--parent, --judge and --track are of a version: give --register NAME, too")
    jury = _jury(vote, weights, panel)
    rule = rule or (jury.rule if jury else "strict")
    console = watching(quiet)
    with console.stage("read") as advance:
        verdicts = read(files, Options(mapping=mapping, max_bad_rows=max_bad_rows), format_in, advance)
    accepted = accepting.accept(verdicts, rule, form, jury)
    lines = writing.write(accepted, target)
    if format_ == "json":
        click.echo(json.dumps(_described(accepted, lines, target), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(printable(_text(accepted, lines, target)))
    if name:
        from auditor.registration.words import Words

        named = (verdicts.judge.names[code] for code in _who(accepted))
        who = judges or tuple(dict.fromkeys(verdicts.models.get(name, name) for name in named))
        said = Words(
            technique="preference-labels",
            judges=who,
            parents=parents,
            facts={"rule": rule} | ({"vote": jury.vote} if jury else {}),
        )
        _register(name, target, said, console, files, dvc=not no_dvc, quiet=quiet, track=track, uri=uri)
    return 0


def _jury(vote: str | None, weights: dict[str, float] | None, panel: str | None) -> Any:
    """Who votes, and how; None where everybody speaks for himself."""
    from auditor.core.judges.juries import Jury
    from auditor.judging import judges

    if panel is None:
        if weights and vote != "weighted":
            raise click.BadParameter("--weights are of a weighted vote: give --vote weighted, too")
        return Jury(vote="weighted" if vote == "weighted" else "majority", weights=weights) if vote else None
    if vote or weights:
        raise click.BadParameter("--panel says how it votes: leave --vote and --weights out, or change the file")
    file, _, name = panel.partition("#")
    return judges.panel(Path(file), name or None)


def _who(accepted: Any) -> list[int]:
    if accepted.decision is not None:
        return [int(code) for code in accepted.decision.members]
    codes = accepted.verdicts.judge.codes[accepted.rows[accepted.kept]]
    return sorted({int(code) for code in codes if code >= 0})


def _register(
    name: str,
    path: Path,
    said: Any,
    console: Any,
    files: tuple[str, ...],
    *,
    dvc: bool,
    quiet: bool,
    track: bool,
    uri: str | None,
) -> None:
    from auditor import asking, registration
    from auditor.cli import printable
    from auditor.registration import telling, words
    from auditor.registry import cards
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    # What a model labelled is synthetic, but where the card has been told otherwise.
    facts = {} if cards.path(name, workspace).exists() else {"kind": "synthetic"}
    request = words.request(name, str(path), said, facts, by_row=False, dvc=dvc)
    done = registration.register(request, workspace, console, track=track, uri=uri)
    asking.tell_accepted(done.card, done.version, [Path(file) for file in files], workspace)
    if not quiet:
        click.echo(printable(telling.text(done, dry_run=False)), err=True)
    for note in done.notes:
        click.echo(f"note: {printable(note)}", err=True)


def _described(accepted: Any, lines: int, target: Path) -> dict[str, Any]:
    from auditor.reports import standings

    before, after = accepted.longer_wins()
    return {
        "file": str(target),
        "form": accepted.form,
        "rule": accepted.rule,
        "lines": lines,
        "judgements": len(accepted.rows),
        "reasons": accepted.reasons(),
        "longer_wins": {"all": before, "kept": after},
        "classes": [
            {"by": one.by, "group": one.group, "judged": one.judged, "kept": one.kept, "lost": one.lost,
             "low": one.low, "high": one.high}
            for one in accepted.losses()
        ],
        **({"panel": standings.described(accepted.decision)} if accepted.decision else {}),
    }  # fmt: skip


def _count(number: float) -> str:
    """Halves are told, and whole numbers are whole."""
    return f"{number:>10,.{0 if number == int(number) else 1}f}"


def _text(accepted: Any, lines: int, target: Path) -> str:
    from auditor.reports import standings

    total = len(accepted.rows)
    what = "rows with chosen and rejected" if accepted.form == "pairs" else "verdicts"
    voted = f" and a {accepted.decision.jury.vote} vote" if accepted.decision else ""
    told = [f"{target}: {lines:,} {what}, by the rule {accepted.rule!r}{voted}", ""]
    told += [f"{count:>10,}  {count / total:7.1%}  {reason}" for reason, count in accepted.reasons().items()]
    told += ["", f"{'lost of':<12}{'':<32}{'judged':>10}{'kept':>10}{'lost':>8}   95 % interval"]
    for one in accepted.losses():
        head = f"{one.by:<12}{one.group[:30]:<32}"
        told.append(f"{head}{_count(one.judged)}{_count(one.kept)}{one.lost:>8.1%}   {one.low:.1%} to {one.high:.1%}")
    told.append("by verdict, a pair judged in both orders counts half to what each order said")
    before, after = accepted.longer_wins()
    if before is not None and after is not None:
        told += ["", f"the longer output wins {before:.1%} of all decided verdicts and {after:.1%} of those kept"]
    if accepted.decision:
        told += ["", *standings.lines(accepted.decision)]
    return "\n".join(told)
