"""Which models were trained on our datasets, as MLflow runs say: inputs with the context `training`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.trackers.mlflow import connected

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SOURCE_TYPE = "auditor"
PAGE = 1000


def models(uri: str | None, home: Path) -> list[tuple[str, str, str]]:
    """(name, version, digest), sorted; uri as in `mlflow.send`. Raises whatever MLflow raises."""
    found: set[tuple[str, str, str]] = set()
    with connected(uri, home) as client:
        for run in _runs(client):
            digests = set(_digests(run))
            if digests:
                found.update((*model, digest) for model in _models(client, run) for digest in digests)
    return sorted(found)


def _runs(client: MlflowClient) -> Iterator[Run]:
    experiments = [str(e.experiment_id) for e in client.search_experiments(max_results=PAGE)]
    page = None
    while experiments:
        found = client.search_runs(experiments, "dataset.context = 'training'", max_results=PAGE, page_token=page)
        yield from found
        page = found.token
        if not page:
            return


def _digests(run: Run) -> Iterator[str]:
    """Whole digests of training inputs of ours; MLflow's own digest is cut."""
    for given in run.inputs.dataset_inputs if run.inputs else ():
        training = any(tag.key == "mlflow.data.context" and tag.value == "training" for tag in given.tags)
        if training and given.dataset.source_type == SOURCE_TYPE:
            digest = json.loads(given.dataset.source).get("digest")
            if isinstance(digest, str):
                yield digest


def _models(client: MlflowClient, run: Run) -> Iterator[tuple[str, str]]:
    registered = list(client.search_model_versions(f"run_id = '{run.info.run_id}'"))
    yield from ((version.name, str(version.version)) for version in registered)
    known = {version.model_id for version in registered}
    outputs = run.outputs.model_outputs if run.outputs else []
    for output in outputs:
        if output.model_id not in known:
            logged = client.get_logged_model(output.model_id)
            yield logged.name, output.model_id
