"""`auditor judge`: can the judges be trusted, and which of their verdicts?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from auditor.cli import options
from auditor.cli.judge_accept import RULES, accept
from auditor.cli.judge_compare import compare
from auditor.cli.judge_probe import probe
from auditor.cli.judge_run import run
from auditor.cli.printing import shown, watching

FORMS = ("own", "fastchat", "arena", "alpaca-eval", "llmbar", "pandalm", "judgebench", "scores", "auto-j")
"""As in `judging.FORMATS`, which `--help` does not import."""


@click.group(
    epilog="""\b
Examples:
  auditor judge audit verdicts.jsonl
  auditor judge audit evaluators/ --format json > audit.json
"""
)
def judge() -> None:
    """Audit what judges said: position, length and self bias, agreement, stability."""


@judge.command(
    epilog="""\b
Examples:
  auditor judge audit verdicts.jsonl
  auditor judge audit evaluators/GPT-4/Vanilla/result.json --only position-inconsistency
  auditor judge audit testset-v1.json gpt-3.5-turbo-testset-v1.json
  auditor judge audit normal.jsonl exchanged.jsonl --format-in auto-j
  cat verdicts.jsonl | auditor judge audit -
  auditor judge audit s3://bucket/verdicts/*.jsonl
  auditor judge audit votes.csv --map item=id --map verdict=winner --map first=shown_first
"""
)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--format-in", "form", type=click.Choice(FORMS), help="Format of the files.  [default: recognised]")
@click.option(
    "--rule",
    type=click.Choice(RULES),
    help="How two orders become one, for agreement and win rates.  [default: average]",
)
@options.auditing
def audit(
    files: tuple[str, ...],
    form: str | None,
    format_: str,
    output: tuple[tuple[str, Path], ...],
    quiet: bool,
    rule: str | None,
    checks: dict[str, dict[str, Any]],
    **given: Any,
) -> int:
    """Check recorded verdicts and say what their judges are worth.

    FILE is a file, folder, address (s3://, https://, …) or - (standard input) of verdicts: our own format, MT-bench
    (FastChat), Chatbot Arena, AlpacaEval, LLMBar, PandaLM, JudgeBench, score pairs, Auto-J; or any flat CSV, JSON or
    Parquet with --map.
    """
    from auditor.adjudicating import run
    from auditor.concluding import Options
    from auditor.registry.workspace import Workspace

    options.spare(files, [("--output", path) for _, path in output])
    if rule:
        checks.setdefault("judge-disagreement", {}).setdefault("rule", rule)
    console = watching(quiet)
    report = run(files, Options(checks=checks, **given), workspace=Workspace.find(), progress=console, form=form)
    shown(report, format_, output, quiet=quiet, width=console.width)
    return report.exit_code


judge.add_command(accept)
judge.add_command(compare)
judge.add_command(probe)
judge.add_command(run)
