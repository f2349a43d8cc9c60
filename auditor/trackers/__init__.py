"""Copies of the truth for others to look at: MLflow, OpenLineage, and the outbox for what could not be sent.

Cards and records in the workspace are the truth; nothing here can fail an audit or a registration. What is
to be said is first written to the outbox, then sent, then taken out of it, so that a dead server, a full
disk on the other side or a killed process loses nothing: `sync` sends what is left. Here is no reading of
rows and no rendering of reports.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from auditor.core.secrets import bare, checked, masked, redact
from auditor.files import write_text
from auditor.model.card import Card, Registered
from auditor.model.errors import AuditorError
from auditor.model.graph import Graph
from auditor.model.result import Record
from auditor.trackers import judgings, outbox, publication, transport, versions
from auditor.trackers.judgings import Asked, Judging
from auditor.trackers.outbox import Item
from auditor.trackers.transport import Event

__all__ = [
    "Asked",
    "Judging",
    "checked",
    "mlflow_place",
    "publish",
    "publish_judging",
    "publish_version",
    "redact",
    "sync",
    "tell",
    "trained_models",
]

_log = logging.getLogger("auditor.trackers")

PATIENCE = 60.0
"""Seconds an audit waits for another process that is sending; after that, `auditor sync` sends it."""


class Workspace(Protocol):
    """What is needed of `registry.Workspace`."""

    @property
    def root(self) -> Path: ...
    @property
    def home(self) -> Path: ...
    @property
    def outbox(self) -> Path: ...
    @property
    def tracking_uri(self) -> str | None: ...
    @property
    def openlineage_url(self) -> str | None: ...
    def lock(self, name: str, patience: float = ...) -> AbstractContextManager[None]: ...


def publish(
    record: Record, files: Mapping[str, Path], *,
    uri: str | None, experiment: str, workspace: Workspace, fields: Mapping[str, str] | None = None,
) -> str | None:  # fmt: skip
    """Record the audit as an MLflow run; returns the run's id, or None where it waits in the outbox.

    files: the audit's files by name, `audit.json` among them; images (`*.svg`, `*.png`) become
    figures of the run. uri: where MLflow is; None is MLFLOW_TRACKING_URI, or else the workspace's own
    `.auditor/mlflow.db`. fields: of the records, as `Dataset.schema`. Publishing the same audit again changes nothing.

    Never raises for a tracker's sake: what went wrong is logged and the publication is kept.
    """
    target = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    try:
        item = _run(publication.describe(record, files, experiment, fields), files)
    except (OSError, ValueError, AuditorError) as error:
        _log.warning("this audit could not be tracked: %s. Its files are whole.", redact(str(error), target))
        return None
    return _say(item, files, target, workspace, _mlflow(workspace))


def publish_version(
    card: Card, version: Registered, graph: Graph, *,
    page: str | None, uri: str | None, workspace: Workspace, fields: Mapping[str, str] | None = None,
) -> str | None:  # fmt: skip
    """Record a registered version as an MLflow run, with links to the runs of its sources and of what was
    made from it; returns the run's id, or None where it waits in the outbox.

    graph: of the whole workspace. page: a self-contained HTML page of the lineage, an artifact of the run.
    uri: as in `publish`. fields: of the records, as `Dataset.schema`. Prompts and generators go to MLflow's
    registries. Publishing it again says its status anew and changes nothing else. Never raises for a
    tracker's sake.
    """
    target = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    try:
        with tempfile.TemporaryDirectory() as folder:
            files = {}
            if page is not None:
                files[versions.PAGE] = Path(folder) / versions.PAGE
                write_text(files[versions.PAGE], page)
            about = versions.describe(card, version, graph, workspace.root, page=page is not None, fields=fields)
            return _say(_run(about, files), files, target, workspace, _mlflow(workspace))
    except (OSError, ValueError, AuditorError) as error:
        _log.warning("%s could not be tracked: %s. Its card is whole.", card.ref(version), redact(str(error), target))
        return None


def publish_judging(judging: Judging, *, uri: str | None, experiment: str, workspace: Workspace) -> str | None:
    """Record the work of judges as an MLflow run of the dataset's experiment, with its prompts registered and linked;
    returns the run's id, or None where it waits in the outbox. uri: as in `publish`. Publishing it again changes
    nothing. Never raises for a tracker's sake."""
    target = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    return _say(_run(judgings.describe(judging, experiment), {}), {}, target, workspace, _mlflow(workspace))


def trained_models(workspace: Workspace, uri: str | None = None) -> list[tuple[str, str, str]]:
    """Models that MLflow runs trained on datasets of ours: (name, version, `sha256:…` of the rows), sorted.

    Of runs that logged an input with the context `training` which our source class describes. A model that
    such a run logged without registering it goes by the name it was logged under, and its id. Empty where
    MLflow does not answer: it is told.
    """
    target = uri or workspace.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    if target is None and not (workspace.home / "mlflow.db").exists():
        return []
    from auditor.trackers import training

    try:
        return training.models(target, workspace.home)
    except Exception as error:  # noqa: BLE001  whatever a client library or a server comes up with
        _log.warning("MLflow was not asked for trained models: %s", redact(str(error), target))
        return []


def tell(events: Iterable[Event], workspace: Workspace, *, url: str | None = None) -> str | None:
    """Tell OpenLineage of what was done; returns the last run's id, or None where it waits in the outbox.

    events: of `openlineage.registration_event` and `audit_event`; each is preceded by the START of its
    run. url: None is `openlineage.url` of the settings, or what OPENLINEAGE_* or `openlineage.yml` say, or
    else the file `.auditor/openlineage/events.jsonl` (see `trackers.transport`). Told twice, it is one run.

    Never raises for a consumer's sake: what went wrong is logged and the events are kept.
    """
    whole = [told for event in events for told in (transport.started(event), event)]
    if not whole or transport.disabled():
        return None
    name = f"OpenLineage event of {whole[-1]['job']['name']}"
    present = workspace.openlineage_url
    return _say(Item("openlineage", name, {"events": whole}), {}, url or present, workspace, present)


def _run(about: publication.Publication, files: Mapping[str, Path]) -> Item:
    said = about.to_dict()
    if about.kind == "version":  # places of data may be addresses with passwords in them
        said = masked(said)
    return Item("mlflow", about.name, said, {name: outbox.hashed(files[name]) for name in about.artifacts})


def _mlflow(workspace: Workspace) -> str | None:
    """Where MLflow is by the settings; None is the workspace's own."""
    return workspace.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or None


def _say(
    item: Item, files: Mapping[str, Path], target: str | None, workspace: Workspace, present: str | None
) -> str | None:
    """Keep it, send it, forget it; where it stays, say so. present: the service by the settings: another target
    was asked for, and is kept."""
    asked = bare(target or "") != bare(present or "")
    try:
        folder = outbox.put(item, files, target, workspace.outbox, asked=asked)
    except (OSError, AuditorError) as error:
        _log.warning("%s could not be tracked: %s. The workspace is whole.", item.name, redact(str(error), target))
        return None
    try:
        with workspace.lock("outbox", PATIENCE):
            if not folder.is_dir():  # a sync in between was faster; sending it again finds its run
                folder = outbox.put(item, files, target, workspace.outbox, asked=asked)
            return outbox.send(folder, target, workspace.home)
    except outbox.Unsent as error:
        _log.warning("%s was not taken (%s). It is kept: send it with `auditor sync`.", item.name, error)
        return None
    except (OSError, ValueError, AuditorError) as error:
        _log.warning("%s waits in the outbox (%s): send it with `auditor sync`", item.name, redact(str(error), target))
        return None


def mlflow_place(workspace: Workspace, uri: str | None = None) -> str:
    """Where runs go, for people. uri: as in `publish`."""
    return outbox.place("mlflow", uri or _mlflow(workspace) or "", workspace.home)


def sync(
    workspace: Workspace, to: str | None = None, tell: Callable[[str], None] = lambda place: None
) -> tuple[int, int]:
    """Send what waits in the outbox, oldest first; returns (sent, left).

    Each goes to where the settings have its service now, or to the server that its own call named. to: where
    MLflow is, for all that wait for it. Passwords are not kept: a server that wants one
    gets that of the settings or MLFLOW_TRACKING_URI where it is the same server. What is corrupt is
    set aside, told, and counts as left. tell: called with the place of each that was sent. Two at once take turns.
    """
    with workspace.lock("outbox"):
        mlflow, events = _mlflow(workspace), workspace.openlineage_url
        configured = (os.environ.get("MLFLOW_TRACKING_URI"), mlflow, events, to)
        credentials = [uri for uri in configured if uri]
        present = {"mlflow": mlflow, "openlineage": events}
        return outbox.drain(workspace.outbox, workspace.home, credentials, present, to, tell)
