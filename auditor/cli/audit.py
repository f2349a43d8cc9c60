"""`auditor audit`: one command on a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.printing import shown, watching


@click.command(
    epilog="""\b
Examples:
  auditor audit data.jsonl
  auditor audit 'shards/*.parquet' --by generator --fail-on warn
  auditor audit data.jsonl --set near-duplicates.threshold=0.7 --only near-duplicates
  auditor audit data.csv --map prompt=question --map response=solution
  auditor audit prefs.jsonl --verdicts verdicts.jsonl --by judge_verdict
  auditor audit data.jsonl --output junit=audit.xml --output sarif=audit.sarif
  zcat data.jsonl.gz | auditor audit - --format json > audit.json
"""
)
@click.argument("source")
@click.option(
    "--real",
    metavar="FILE",
    help="Real data: every metric is measured on it too.  [default: what a registered dataset's card names]",
)
@click.option(
    "--gaps",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write what --real has and the data lacks: JSON Lines.",
)
@click.option(
    "--verdicts", multiple=True, metavar="FILE", help="What judges said of the rows, as columns (repeatable)."
)
@options.auditing
@click.option("--by", multiple=True, metavar="COLUMN", help="Slice every rate by this column (repeatable).")
@options.embedder
@options.memory
def audit(
    source: str,
    format_: str,
    output: tuple[tuple[str, Path], ...],
    real: str | None,
    quiet: bool,
    by: tuple[str, ...],
    **given: Any,
) -> int:
    """Check a dataset and give a verdict.

    SOURCE is a file, a glob, a folder, a URL, or - for standard input. JSON Lines, JSON, CSV, TSV,
    Parquet, Arrow and Hugging Face folders are recognised; so are the usual record shapes.
    """
    from auditor.auditing import Options, run
    from auditor.registry.workspace import Workspace

    written = [("--output", path) for _, path in output] + ([("--gaps", given["gaps"])] if given["gaps"] else [])
    options.spare([source, *given["verdicts"]], written)
    console = watching(quiet)
    asked = Options(by=by or None, **given)
    report = run(source, asked, real=real, workspace=Workspace.find(), progress=console)
    shown(report, format_, output, quiet=quiet, width=console.width)
    return report.exit_code
