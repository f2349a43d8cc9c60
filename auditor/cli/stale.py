"""`auditor stale`: the datasets whose sources are not what they were."""

from __future__ import annotations

import click

from auditor.cli import options
from auditor.cli.printing import printed


@click.command(
    epilog="""\b
Examples:
  auditor stale
  auditor stale sft-v3 --fail
  auditor stale --json | jq '.stale[].dataset'
"""
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--json", "json_", is_flag=True, help="For machines.")
@click.option("--fail", is_flag=True, help="Exit code 1 where anything is stale, rows or verdict.")
@options.mlflow_uri
def stale(names: tuple[str, ...], json_: bool, fail: bool, mlflow_uri: str | None) -> int:
    """Name the datasets whose recorded sources differ from the present ones, causes first.

    A model's present revision is what its card says it follows (an MLflow alias, the Hub, weights in a
    folder), else what models.lock.yaml says, else the newest that was trained here, unless that learnt
    from the dataset itself. Also: prompts, seeds and parents with a newer version, stale ancestors,
    expiry and refresh, withdrawn models, and verdicts reached with another policy.
    What could not be looked up is told as unknown, never as fresh.
    """
    from auditor import regeneration
    from auditor.regeneration import telling
    from auditor.registry.workspace import Workspace

    found, looked_at = regeneration.look(Workspace.find(), names, mlflow_uri)
    if json_:
        printed(telling.as_json(telling.stale_json(found, looked_at)))
    else:
        printed(telling.stale_text(found, looked_at))
    return 1 if fail and any(told.reasons or told.verdict for told in found) else 0
