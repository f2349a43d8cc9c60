"""Copies of the record for others to look at: MLflow, and the outbox for what could not be sent.

The record in the workspace is the truth; nothing here can fail an audit. A publication is first
written to the outbox, then sent, then taken out of it, so that a dead server, a full disk on the
other side or a killed process loses nothing: `sync` sends what is left. Here is no reading of rows
and no rendering of reports.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from auditor.model.errors import AuditorError
from auditor.model.result import Record
from auditor.trackers import outbox, publication
from auditor.trackers.secrets import checked, redact

__all__ = ["checked", "publish", "redact", "sync"]

_log = logging.getLogger("auditor.trackers")

PATIENCE = 60.0
"""Seconds an audit waits for another process that is sending; after that, `auditor sync` sends it."""


class Workspace(Protocol):
    """What is needed of `registry.Workspace`."""

    @property
    def home(self) -> Path: ...
    @property
    def outbox(self) -> Path: ...
    @property
    def tracking_uri(self) -> str | None: ...
    def lock(self, name: str, patience: float = ...) -> AbstractContextManager[None]: ...


def publish(
    record: Record, files: Mapping[str, Path], *, uri: str | None, experiment: str, workspace: Workspace
) -> str | None:
    """Record the audit as an MLflow run; returns the run's id, or None where it waits in the outbox.

    files: the audit's files by name, `audit.json` among them; images (`*.svg`, `*.png`) become
    figures of the run. uri: where MLflow is; None is MLFLOW_TRACKING_URI, or else the workspace's own
    `.auditor/mlflow.db`. Publishing the same audit again changes nothing.

    Never raises for a tracker's sake: what went wrong is logged and the publication is kept.
    """
    target = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    try:
        about = publication.describe(record, files, experiment)
        item = outbox.put(about, files, target, workspace.outbox)
    except (OSError, ValueError, AuditorError) as error:
        _log.warning("this audit could not be tracked: %s. Its files are whole.", redact(str(error), target))
        return None
    try:
        with workspace.lock("outbox", PATIENCE):
            if not item.is_dir():  # a sync in between was faster; sending it again finds its run
                item = outbox.put(about, files, target, workspace.outbox)
            return outbox.send(item, target, workspace.home)
    except outbox.Unsent as error:
        _log.warning("MLflow did not take this audit (%s). It is kept: send it with `auditor sync`.", error)
        return None
    except (OSError, ValueError, AuditorError) as error:
        _log.warning("this audit waits in the outbox (%s): send it with `auditor sync`", redact(str(error), target))
        return None


def sync(workspace: Workspace) -> tuple[int, int]:
    """Send what waits in the outbox, oldest first; returns (sent, left).

    A publication goes to where it was meant to go. Passwords are not kept: a server that wants one
    gets that of `mlflow.uri` or MLFLOW_TRACKING_URI where it is the same server. What is corrupt is
    set aside, told, and counts as left. Two at once take turns.
    """
    with workspace.lock("outbox"):
        credentials = [uri for uri in (workspace.tracking_uri, os.environ.get("MLFLOW_TRACKING_URI")) if uri]
        return outbox.drain(workspace.outbox, workspace.home, credentials)
