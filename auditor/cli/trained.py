"""`auditor trained`: a model, and the datasets that it was trained on."""

from __future__ import annotations

import click

from auditor.cli import options


@click.command(
    epilog="\b\nExamples:\n  auditor trained ours@2026-11 --on sft@3 --on prefs@1 --base Qwen/Qwen2.5-7B\n"
    "  auditor trained --from-mlflow\n"
)
@click.argument("model", metavar="[MODEL[@REVISION]]", required=False)
@click.option("--on", multiple=True, metavar="NAME[@VERSION]", help="Dataset that it was trained on (repeatable).")
@click.option("--base", metavar="MODEL@REVISION", help="Model that it was tuned from.")
@click.option("--from-mlflow", is_flag=True, help="Take them from runs that logged a registered dataset.")
@options.mlflow_uri
def trained(
    model: str | None, on: tuple[str, ...], base: str | None, from_mlflow: bool, mlflow_uri: str | None
) -> None:
    """Say which registered datasets a model was trained on; it is written on models/NAME.yaml.

    With this, a generator that learnt from its own output is found, and what a bad dataset reached.
    """
    from auditor import registration
    from auditor.cli import printable
    from auditor.model.card import Model
    from auditor.registry.workspace import Workspace

    workspace = Workspace.find()
    if from_mlflow:
        found = registration.trained_in_mlflow(workspace, mlflow_uri)
        for name, refs in found:
            click.echo(printable(f"{name} was trained on {', '.join(refs)}"))
        if not found:
            click.echo("no run that trained a model logged a registered dataset")
        return
    if model is None or not (on or base):
        raise click.UsageError("name the model and its datasets: auditor trained MODEL --on NAME@VERSION")
    said = Model.parse(model)
    _, refs = registration.trained(said, on, workspace, base=Model.parse(base) if base else None)
    told = f"{said} was trained on {', '.join(refs)}" if refs else f"{said} was tuned from {base}"
    click.echo(printable(told))
