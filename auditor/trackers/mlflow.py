"""An audit, a version or the work of judges as an MLflow run: inputs, parameters, metrics, tags, words, artifacts.

Sending is idempotent. A run is found again by a tag with the digest of what it is of; an audit that is
finished is left alone, one that was cut off is gone on with, and a version, whose status and neighbours
change, is said again. Everything written a second time is written with the same key, time and value, so
a run sent twice reads as if sent once.
"""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.trackers.notes import Note
from auditor.trackers.publication import Publication

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 100
"""Parameters or tags in a request: MLflow's limit (mlflow/utils/validation.py); metrics allow 1,000."""

IDENTITY = {"audit": "auditor.record", "version": "auditor.registration", "judging": "auditor.judging"}
"""Kind of run -> the tag that it is found by."""

DONE_TAG = "auditor.complete"

# Audits wait for a tracker only so long: what it does not take now the outbox keeps. Twenty seconds a
# request and one retry bound a dead server to a minute. What the user set stands.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is the report's, and the URL may hold a password
}

_LOGGERS = ("mlflow", "alembic", "urllib3")


def send(about: Publication, files: Mapping[str, Path], uri: str | None, home: Path) -> str:
    """Make, or complete, the run of this publication; returns its id.

    uri: None is `mlflow.db` in `home` (the workspace's `.auditor/`), with artifacts beside it.

    Raises whatever MLflow raises; the caller redacts it.
    """
    with connected(uri, home) as client:
        experiment = _experiment(client, about.experiment, None if uri else home / "mlflow-artifacts")
        run, done = _find(client, experiment, about)
        if not done or about.kind == "version":
            _fill(client, experiment, run, about)
            for name, folder in about.artifacts.items():
                client.log_artifact(run, str(files[name]), folder or None)
        if not done:
            client.set_tag(run, DONE_TAG, "true")
            client.set_terminated(run, "FINISHED", end_time=about.ended)
        return run


@contextlib.contextmanager
def connected(uri: str | None, home: Path) -> Iterator[MlflowClient]:
    """A client that is patient for a minute at most and says nothing; uri as in `send`."""
    with quiet():
        from mlflow import MlflowClient

        where = uri or f"sqlite:///{home / 'mlflow.db'}"
        yield MlflowClient(tracking_uri=where, registry_uri=where)


def _experiment(client: MlflowClient, name: str, artifacts: Path | None) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, artifacts.as_uri() if artifacts else None))
        except MlflowException:
            # Somebody else was faster.
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise RuntimeError(f"experiment {name!r} was deleted: restore it with `mlflow experiments restore`")
    return str(found.experiment_id)


def _find(client: MlflowClient, experiment: str, about: Publication) -> tuple[str, bool]:
    """The run's id, and whether all of it is there."""
    tag = IDENTITY[about.kind]
    found = client.search_runs([experiment], f"tags.`{tag}` = '{about.digest}'", max_results=1)
    if found:
        return found[0].info.run_id, found[0].data.tags.get(DONE_TAG) == "true"
    # The tag is set with the run, in one request: a run without it cannot be ours.
    tags = {tag: about.digest, "mlflow.source.name": "auditor", "mlflow.source.type": "LOCAL"}
    run = client.create_run(experiment, start_time=about.started, tags=tags, run_name=about.name)
    return run.info.run_id, False


def _fill(client: MlflowClient, experiment: str, run: str, about: Publication) -> None:
    from mlflow.entities import Metric, Param, RunTag

    from auditor.trackers import catalogue, walk
    from auditor.trackers.dataset import given

    tags = [RunTag(key, value) for key, value in about.tags.items()]
    for batch in _batches(tags, BATCH):
        client.log_batch(run, tags=batch)
    for batch in _batches([Param(key, value) for key, value in about.parameters.items()], BATCH):
        client.log_batch(run, params=batch)
    metrics = [Metric(key, value, about.ended, 0) for key, value in about.metrics.items()]
    for batch in _batches(metrics, 10 * BATCH):
        client.log_batch(run, metrics=batch)
    client.log_inputs(run, [given(entry) for entry in about.inputs])
    note = Note(about.description, walk.note(client, run).tables)
    catalogue.enter(client, run, about, note)
    walk.join(client, experiment, run, about, note)


def _batches(items: list[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Bounded patience, no telemetry, and nothing on the terminal that is not ours: MLflow's libraries
    warn of each other (SQLAlchemy 2.1 of MLflow's mappers, say), which is no news of this audit."""
    before = {name: os.environ.get(name) for name in _PATIENCE}
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import mlflow  # noqa: F401  it sets its loggers up when it is imported

            with _silenced():
                yield
    finally:
        for name, was in before.items():
            if was is None:
                os.environ.pop(name, None)


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in _LOGGERS}
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
