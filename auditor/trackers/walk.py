"""Links between runs, so that a person walks the lineage by clicking in MLflow.

The run of a version links to the runs of what it was made from, and they to it; an audit and the version
it is of link to each other. A run that is not there yet is linked when it comes: whoever is told of later
finds the neighbours that are there, whichever side they are on.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import TYPE_CHECKING

from auditor.trackers.notes import AUDITS, CHILDREN, JUDGED, MEASURED, Note, cut, link
from auditor.trackers.publication import Publication

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NOTE = "mlflow.note.content"
"""The description of a run (mlflow.utils.mlflow_tags.MLFLOW_RUN_NOTE)."""

AUDITS_LINKED = 20
"""Audits of a version that are linked when it is told of after them: the newest."""

TRIES = 3
"""Two machines may add to one description at once, and MLflow has no lock: what was lost is added again."""


def note(client: MlflowClient, run: str) -> Note:
    return Note.parse(client.get_run(run).data.tags.get(NOTE, ""))


def join(client: MlflowClient, experiment: str, run: str, about: Publication, own: Note) -> None:
    """Write `own` as the description of `run`, linked with its neighbours, and link them with it."""
    here = address(experiment, run)
    if about.kind != "version":
        if version := _version(client, about.version, about.inputs[0]["source"].get("digest")):
            own.own = f"Version: {linked(version)}\n\n{own.own}"
            line = (AUDITS, _audit(about), here, _verdict(about.tags))
            if about.kind == "judging":
                line = (JUDGED, about.name, here, _judged(about))
            _add(client, version.info.run_id, *line)
        client.set_tag(run, NOTE, str(own))
        return
    for source in about.sources:
        if found := _version(client, source["ref"], source["digest"]):
            own.link(source["role"], source["ref"], address(found.info.experiment_id, found.info.run_id))
            title, cells = _made(source["role"], about.parameters.get("technique"), about.inputs[0]["rows"])
            _add(client, found.info.run_id, title, str(about.version), here, cells)
    for child in about.children:
        if found := _version(client, child["ref"], child["digest"]):
            title, cells = _made(child["role"], child["technique"], child["rows"])
            own.add(title, child["ref"], address(found.info.experiment_id, found.info.run_id), cells)
            _link(client, found.info.run_id, child["role"], str(about.version), here)
    for audit in _audits(client, experiment, about.tags["auditor.dataset.digest"]):
        when = dt.datetime.fromtimestamp(audit.info.start_time / 1000, dt.UTC)
        name = _audit_name(when, audit.data.tags.get("auditor.record", ""))
        url = address(experiment, audit.info.run_id)
        own.add(AUDITS, name, url, _verdict(audit.data.tags))
        _head(client, audit, f"Version: [{about.version}]({here})")
    client.set_tag(run, NOTE, str(own))


def _made(role: str, technique: str | None, rows: int | None) -> tuple[str, tuple[str, ...]]:
    """The table and the cells of what a dataset had this part in."""
    how = (technique or "", "" if rows is None else f"{rows:,}")
    return (MEASURED, how) if role == "eval" else (CHILDREN, (role, *how))


def address(experiment: str, run: str) -> str:
    """Within MLflow's page, whatever stands before it; in the view that shows runs and not evaluations of models."""
    return f"#/experiments/{experiment}/runs/{run}?workflowType=machine_learning"


def linked(run: Run) -> str:
    return link(run.info.run_name, address(run.info.experiment_id, run.info.run_id))


def _version(client: MlflowClient, ref: str | None, digest: str | None) -> Run | None:
    """The run of `NAME@VERSION` with these rows; None where it is not there (yet)."""
    if not ref or not digest:
        return None
    name, _, number = ref.rpartition("@")
    experiment = client.get_experiment_by_name(name)
    if experiment is None or not number.isdigit():
        return None
    wanted = {"run": "version", "dataset.version": number, "dataset.digest": digest}
    condition = " and ".join(f"tags.`auditor.{key}` = '{_plain(value)}'" for key, value in wanted.items())
    found = client.search_runs([experiment.experiment_id], condition, max_results=1)
    return found[0] if found else None


def _audits(client: MlflowClient, experiment: str, digest: str) -> list[Run]:
    """Oldest first."""
    condition = f"tags.`auditor.run` = 'audit' and tags.`auditor.dataset.digest` = '{_plain(digest)}'"
    newest = client.search_runs([experiment], condition, max_results=AUDITS_LINKED, order_by=["start_time DESC"])
    return list(reversed(newest))


def _plain(text: str) -> str:
    """For a search condition: digests and numbers have no quotes."""
    return "".join(c for c in text if c.isalnum() or c in ":.-_")


def _audit(about: Publication) -> str:
    return _audit_name(dt.datetime.fromtimestamp(about.started / 1000, dt.UTC), about.digest)


def _audit_name(when: dt.datetime, digest: str) -> str:
    return f"{when:%Y-%m-%d %H:%M} {digest[:8]}"


def _verdict(tags: Mapping[str, str]) -> tuple[str, str]:
    said = tags.get("auditor.verdict", "").upper()
    if partial := tags.get("auditor.partial"):
        said += f": {cut(partial, 100)}"
    return said, tags.get("auditor.policy", "")


def _judged(about: Publication) -> tuple[str, str]:
    return about.tags.get("auditor.judges", "").strip(";").replace(";", ", "), ", ".join(
        prompt["name"] for prompt in about.prompts
    )


def _add(client: MlflowClient, run: str, title: str, name: str, url: str, cells: tuple[str, ...]) -> None:
    for _ in range(TRIES):
        seen = note(client, run)
        before = str(seen)
        seen.add(title, name, url, cells)
        if str(seen) == before:
            return
        client.set_tag(run, NOTE, str(seen))


def _link(client: MlflowClient, run: str, role: str, what: str, url: str) -> None:
    for _ in range(TRIES):
        seen = note(client, run)
        before = str(seen)
        seen.link(role, what, url)
        if str(seen) == before:
            return
        client.set_tag(run, NOTE, str(seen))


def _head(client: MlflowClient, run: Run, line: str) -> None:
    """Put `line` before an audit's description, where it does not stand there already."""
    text = run.data.tags.get(NOTE, "")
    if not text.startswith("Version: "):
        client.set_tag(run.info.run_id, NOTE, f"{line}\n\n{text}")
