"""Which models were trained on our datasets, as MLflow runs say: inputs with the context `training`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from auditor.trackers.mlflow import connected
from auditor.trackers.publication import SOURCE_TYPE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

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
    experiments = page = None
    while experiments is None or page:
        experiments = client.search_experiments(max_results=PAGE, page_token=page)
        page = experiments.token
        yield from _of([experiment.experiment_id for experiment in experiments], client)


def _of(experiments: list[str], client: MlflowClient) -> Iterator[Run]:
    runs = page = None
    while experiments and (runs is None or page):
        runs = client.search_runs(experiments, "dataset.context = 'training'", max_results=PAGE, page_token=page)
        page = runs.token
        yield from runs


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
