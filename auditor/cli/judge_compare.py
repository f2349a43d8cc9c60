"""`auditor judge compare`: judges and prompts side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.judge_accept import RULES
from auditor.cli.printing import printed, watching, width

FORMATS = ("text", "json", "markdown", "html")


@click.command(
    epilog="""\b
Examples:
  auditor judge compare verdicts.jsonl
  auditor judge compare gpt.jsonl llama.jsonl --rule tie --output html=judges.html
  auditor judge compare evaluators/ --judge GPT-4 --judge ChatGPT --prompt Vanilla
"""
)
@click.argument("files", nargs=-1, required=True, metavar="VERDICTS...")
@click.option("--judge", "judges", multiple=True, metavar="NAME", help="Compare only this judge (repeatable).")
@click.option("--prompt", "prompts", multiple=True, metavar="NAME", help="Compare only this prompt (repeatable).")
@click.option(
    "--rule", type=click.Choice(RULES), default="strict", show_default=True, help="How two orders become one."
)
@click.option("--format-in", "form", metavar="NAME", help="Format of the files.  [default: recognised]")
@options.mapping
@click.option("--max-bad-rows", metavar="N|SHARE", help="Unreadable records to allow.  [default: 0.1%, at least 10]")
@click.option("--name", help="Name of the verdicts.  [default: from the file]")
@options.telling(FORMATS)
@click.option("--quiet", "-q", is_flag=True, help="No progress.")
def compare(
    files: tuple[str, ...],
    judges: tuple[str, ...],
    prompts: tuple[str, ...],
    rule: str,
    form: str | None,
    format_: str,
    output: tuple[tuple[str, Path], ...],
    quiet: bool,
    **given: Any,
) -> None:
    """Set judges and their prompts side by side, over the pairs that all of them judged.

    VERDICTS are files or folders as `auditor judge audit` reads them; a judge with another prompt is another judge.
    They are held against people (or gold labels) where the files have them, else each against the majority of the
    others.
    """
    from auditor.comparing_judges import run
    from auditor.concluding import Options
    from auditor.files import write_text
    from auditor.registry.workspace import Workspace
    from auditor.reports import lineup

    options.spare(files, [("--output", path) for _, path in output])
    console = watching(quiet)
    compared = run(files, Options(**given), console, form=form, rule=rule, judges=judges, prompts=prompts)
    own = Workspace.find().dashboards
    for name, path in output:
        write_text(path, lineup.render(compared, name, dashboards=own))
    printed(lineup.render(compared, format_, width=width(), dashboards=own))
