"""`auditor register`: a version of a dataset, with who made it from what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.printing import watching

_LINEAGE = ("generators", "prompts", "seeds", "parents", "evals", "judges", "people", "technique", "provider")
_HOW = ("decoding", "system_prompt", "follows", "fields", "columns", "facts")
_CARD = ("kind", "owner", "purpose", "licence", "terms", "description", "stage", "real", "policy", "mapping", "why")


@click.command(
    epilog="""\b
Examples:
  auditor register seeds data/seeds.jsonl --technique human --owner ada@example.com
  auditor register sft data/sft.jsonl --generator gpt-4o@2024-08-06 --prompt prompts/sft.txt \\
      --seeds seeds@1 --technique self-instruct --licence CC-BY-4.0 --expires 90d
  auditor register mix data/mix --kind mixed --parent sft@2 --parent seeds@1 --push
  auditor register --card sft-card.yaml --dry-run
  auditor register answers data/answers.jsonl --from pipeline.yaml
  auditor register sft data/sft.jsonl            (as before: a new version where the rows are new)
  auditor register sft data/sft.jsonl --generator gpt-4o@2024-11-20 --like sft@3
"""
)
@click.argument("name", required=False)
@click.argument("path", required=False)
@click.option("--generator", "generators", multiple=True, metavar="MODEL@REVISION", help="Model that wrote rows.")
@click.option("--prompt", "prompts", multiple=True, metavar="FILE|NAME@V[=FILE]", help="Prompt that it was given.")
@click.option("--seeds", multiple=True, metavar="NAME@V|PATH", help="Dataset that the generation was shown.")
@click.option("--parent", "parents", multiple=True, metavar="NAME@V|PATH", help="Dataset whose rows are in this one.")
@click.option(
    "--eval", "evals", multiple=True, metavar="NAME@V|PATH", help="What models trained on it are measured by."
)
@click.option("--judge", "judges", multiple=True, metavar="MODEL@REVISION", help="Model that chose or scored rows.")
@click.option("--person", "people", multiple=True, metavar="WHO", help="Who wrote, labelled or reviewed.")
@click.option("--technique", metavar="T", help="How rows were made, of the closed vocabulary.")
@click.option("--provider", help="Who ran the generator.")
@click.option(
    "--decoding",
    multiple=True,
    callback=options.pairs,
    metavar="KEY=VALUE",
    help="How it was run, such as temperature=0.7.",
)
@click.option("--system-prompt", metavar="FILE", help="Its system prompt; the card keeps the hash.")
@click.option(
    "--follows", metavar="WHERE", help="Where its present revision is: mlflow:…, hub:…, lock:KEY, weights:PATH."
)
@click.option(
    "--field",
    "fields",
    multiple=True,
    callback=options.pairs,
    metavar="COLUMN=T",
    help="Technique of one column, such as response=human.",
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    callback=options.pairs,
    metavar="FACT=FIELD",
    help="Field of each row with its generator, prompt or technique.",
)
@click.option("--no-columns", is_flag=True, help="Take nothing from rows that was not asked for.")
@click.option(
    "--fact",
    "facts",
    multiple=True,
    callback=options.pairs,
    metavar="KEY=VALUE",
    help="What else the technique asks for.",
)
@click.option("--kind", type=click.Choice(["synthetic", "real", "mixed", "eval"]), help="[default: by who made it]")
@click.option("--owner", help="Who answers for it.")
@click.option("--purpose", help="What it is for, such as commercial-training or research.")
@click.option("--licence", "--license", "licence", help="Of the data, an SPDX identifier.")
@click.option("--terms", help="Of the generator, where the table of terms has not the right one.")
@click.option("--description", help="One line on what it is.")
@click.option("--expires", metavar="90d|DATE", help="Last day it may be used.")
@click.option("--every", metavar="30d", help="When it is due to be made again.")
@click.option("--stage", help="Stage of dvc.yaml that makes it.")
@click.option("--real", metavar="NAME|FILE", help="Real data that audits compare it with.")
@click.option("--policy", metavar="NAME|FILE", help="Bounds that it is judged by.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    callback=options.pairs,
    metavar="COLUMN=FIELD",
    help="Take a canonical column from a field.",
)
@click.option("--card", type=click.Path(path_type=Path), metavar="FILE", help="Card with all of this, and the path.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take over what a Hub README, a distilabel pipeline, a Croissant file or an InstructLab taxonomy declares.",
)
@click.option("--like", metavar="NAME@V", help="Lineage that is not given is that of this version.")
@click.option("--why", help="A line on what is new in this version.")
@click.option("--candidate", is_flag=True, help="Let it wait for the gate before it is current.")
@click.option("--again", is_flag=True, help="Let rows of an older version be the current ones again.")
@click.option("--no-dvc", is_flag=True, help="Do not version the bytes.")
@click.option("--push", is_flag=True, help="Send the bytes to the DVC remote.")
@click.option("--track", is_flag=True, help="Record the version in MLflow.")
@click.option("--mlflow-uri", metavar="URI", help="Where MLflow is.  [default: .auditor/mlflow.db]")
@click.option("--max-bad-rows", metavar="N|SHARE", help="Unreadable rows to allow.  [default: 0.1%, at least 10]")
@click.option("--threads", default=0, type=click.IntRange(0), help="Threads.  [default: one a core]")
@click.option("--dry-run", is_flag=True, help="Say what would be registered, and write nothing.")
@options.plain
@click.option("--quiet", "-q", is_flag=True, help="Only what went wrong.")
def register(
    name: str | None,
    path: str | None,
    card: Path | None,
    source: Path | None,
    expires: str | None,
    every: str | None,
    dry_run: bool,
    format_: str,
    quiet: bool,
    push: bool,
    track: bool,
    mlflow_uri: str | None,
    **given: Any,
) -> int:
    """Register a version of a dataset: NAME is its card's, PATH a file or folder.

    The card is datasets/NAME.yaml; DVC keeps the bytes. The same rows with the same lineage are
    registered once; with another lineage they are refused, and the difference is shown. Facts that
    are not given stay as the card has them; lineage that is not given at all is that of the current version,
    and once any of it is given, no other is taken over but with --like.

    Where a model's rows are named in the rows themselves (fields such as model or prompt_id), they are
    counted. --from reads what a generator wrote: a Hugging Face README, a distilabel pipeline, a Croissant
    file, an InstructLab taxonomy.
    """
    import datetime as dt

    from auditor import registration
    from auditor.cli import printable
    from auditor.registration import telling, words
    from auditor.registry import imports
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    facts = {fact: given[fact] for fact in _CARD}
    if expires:
        facts["expires"] = words.expiry(expires, dt.datetime.now(dt.UTC).date())
    if every:
        facts["every"] = words.every(every)
    declared = imports.read(source) if source else None
    for note in declared.notes if declared and not quiet else ():
        click.echo(f"{printable(str(source))}: {printable(note)}", err=True)
    request = words.request(
        name,
        path,
        words.Words(**{fact: given[fact] for fact in (*_LINEAGE, *_HOW)}),
        facts,
        card=card,
        imported=declared,
        status="candidate" if given["candidate"] else "current",
        again=given["again"],
        like=given["like"],
        by_row=not given["no_columns"],
        dvc=not given["no_dvc"],
        max_bad_rows=given["max_bad_rows"],
        threads=given["threads"],
    )
    console = watching(quiet)
    done = registration.register(
        request, workspace, console, push=push, track=track or bool(mlflow_uri), uri=mlflow_uri, dry_run=dry_run
    )
    if format_ == "json":
        click.echo(json.dumps(telling.described(done), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(printable(telling.text(done, dry_run=dry_run)))
    for note in done.notes:
        click.echo(f"note: {printable(note)}", err=True)
    return 2 if done.pushed is False else 0
