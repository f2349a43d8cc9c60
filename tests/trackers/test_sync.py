"""Where what waits is sent once the settings have changed, and versions of before MLflow was set up."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from auditor import trackers
from auditor.cli import group
from auditor.model.card import Lineage, Source
from auditor.model.result import Record
from auditor.registration import Request, register
from auditor.registry import Workspace

Audit = tuple[Record, dict[str, Path]]


@pytest.fixture
def dead() -> Iterator[str]:
    """Where nobody answers."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


def settings(uri: str, root: Path) -> Workspace:
    (root / "auditor.yaml").write_text(f"mlflow:\n  uri: {uri}\n")
    return Workspace(root)


@pytest.fixture
def there(mlflow_database: Path, tmp_path: Path) -> str:
    """Where MLflow keeps runs from now on."""
    shutil.copyfile(mlflow_database, tmp_path / "new.db")
    return f"sqlite:///{tmp_path}/new.db"


def runs(uri: str, experiment: str) -> int:
    client = MlflowClient(tracking_uri=uri)
    found = client.get_experiment_by_name(experiment)
    return len(client.search_runs([found.experiment_id])) if found else 0


def test_what_the_settings_named_goes_to_where_they_name_now(
    audited: Audit, tmp_path: Path, dead: str, there: str
) -> None:
    old = settings(dead, tmp_path)
    assert trackers.publish(*audited, uri=old.tracking_uri, experiment="sft", workspace=old) is None
    assert trackers.sync(old) == (0, 1)
    assert trackers.sync(settings(there, tmp_path)) == (1, 0)
    assert runs(there, "sft") == 1


def test_what_a_call_named_goes_there_unless_told(audited: Audit, tmp_path: Path, dead: str, there: str) -> None:
    told = f"sqlite:///{tmp_path}/told.db"
    home = settings(there, tmp_path)
    assert trackers.publish(*audited, uri=dead, experiment="sft", workspace=home) is None
    assert trackers.sync(home) == (0, 1)
    done = CliRunner().invoke(group, ["sync", "--to", told], standalone_mode=False)
    assert (done.return_value, done.stdout) == (0, f"1 sent, 0 left\n  1 to {told}\n")
    assert (runs(there, "sft"), runs(told, "sft")) == (0, 1)


def test_versions_that_were_registered_before_mlflow_was_there(tmp_path: Path, dead: str, there: str) -> None:
    rows = [json.dumps({"prompt": f"{i}?", "response": f"{i}."}) + "\n" for i in range(9)]
    home = Workspace(tmp_path)
    for n, name in ((4, "seeds"), (8, "made"), (9, "made")):
        (tmp_path / f"{name}.jsonl").write_text("".join(rows[:n]))
        seeds = () if name == "seeds" else (Source(None, "seeds@1"),)
        lineage = Lineage("human", people=("Ada",), seeds=seeds)
        register(Request(name, f"{name}.jsonl", lineage, dvc=False), home)
    settings(there, tmp_path)
    for _ in range(2):  # the second time they are the same runs
        done = CliRunner().invoke(group, ["sync", "--all"], standalone_mode=False)
        assert (done.return_value, done.stdout) == (0, f"3 sent, 0 left\n  3 to {there}\n")
        assert (runs(there, "seeds"), runs(there, "made")) == (1, 2)
    client = MlflowClient(tracking_uri=there)
    made = client.get_experiment_by_name("made")
    assert made is not None
    notes = [run.data.tags["mlflow.note.content"] for run in client.search_runs([made.experiment_id])]
    assert all("seeds@1](#/experiments/" in note for note in notes), "linked with the run of its seeds"
    settings(dead, tmp_path)
    done = CliRunner().invoke(group, ["sync", "--all"], standalone_mode=False)
    assert (done.return_value, done.stdout) == (1, "0 sent, 3 left\n")
