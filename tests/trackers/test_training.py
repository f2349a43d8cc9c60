"""Training runs, as a user writes them: our dataset logged, read back by MLflow, and the model known by it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.data import get_source
from mlflow.entities import LoggedModelOutput

import auditor.mlflow_source as ours
from auditor import trackers
from auditor.model.card import Lineage
from auditor.model.errors import InputError
from auditor.registration import Request, register
from auditor.registry import Workspace
from auditor.trackers.mlflow import connected

ROWS = [{"prompt": f"What is {i} and {i}?", "response": f"It is {2 * i}.", "score": i / 2} for i in range(40)]


@pytest.fixture
def sums(home: Workspace) -> Workspace:
    """A workspace with the version sums@1."""
    (home.root / "auditor.yaml").write_text("")
    path = home.root / "sums.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    register(Request("sums", str(path), Lineage(technique="human", people=("Ann",)), dvc=False), home)
    return home


def trained(home: Workspace, dataset: Any, context: str, model: str | None) -> None:
    """A run that logged the dataset in this context and registered a model, as `log_input` and `log_model` do."""
    from mlflow.entities import DatasetInput, InputTag

    with connected(None, home.home) as client:
        run = client.create_run("0").info.run_id
        given = DatasetInput(dataset._to_mlflow_entity(), [InputTag("mlflow.data.context", context)])
        client.log_inputs(run, [given])
        if model is None:
            logged = client.create_logged_model("0", name="unregistered", source_run_id=run)
            client.log_outputs(run, [LoggedModelOutput(logged.model_id, 0)])
            return
        if model not in {m.name for m in client.search_registered_models()}:
            client.create_registered_model(model)
        client.create_model_version(model, source=f"runs:/{run}/model", run_id=run, await_creation_for=0)


def test_models_trained_on_a_dataset_of_ours(sums: Workspace) -> None:
    assert trackers.trained_models(sums) == []
    dataset = ours.dataset("sums@1")
    trained(sums, dataset, "training", "student")
    trained(sums, dataset, "training", "student")
    trained(sums, dataset, "eval", "other")
    trained(sums, dataset, "training", None)
    digest = dataset.source.to_dict()["digest"]
    first, second, third = trackers.trained_models(sums)
    assert [first, second] == [("student", "1", digest), ("student", "2", digest)]
    assert (third[0], third[2]) == ("unregistered", digest)
    assert third[1].startswith("m-")


def test_a_server_that_is_away_is_told(sums: Workspace, caplog: pytest.LogCaptureFixture) -> None:
    assert trackers.trained_models(sums, "http://me:hunter22@127.0.0.1:9") == []
    assert "was not asked" in caplog.text
    assert "hunter22" not in caplog.text


def test_a_run_s_input_is_read_back(sums: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    trained(sums, ours.dataset("sums@1"), "training", "student")
    where = f"sqlite:///{sums.home / 'mlflow.db'}"
    (run,) = MlflowClient(where).search_runs(["0"])
    (given,) = run.inputs.dataset_inputs
    source = get_source(given)
    assert type(source) is ours.AuditorSource
    table = source.load()
    assert table.column("prompt").to_pylist() == [row["prompt"] for row in ROWS]
    assert json.loads(given.dataset.profile) == {"num_rows": 40}
    columns = {c["name"]: c["type"] for c in json.loads(given.dataset.schema)["mlflow_colspec"]}
    assert columns["score"] == "double"
    # Rows that are not those that were logged are not handed out under their name.
    wrong = ours.AuditorSource.from_dict(source.to_dict() | {"digest": "sha256:" + "0" * 64})
    with pytest.raises(InputError, match="not the dataset that was logged"):
        wrong.load()
    with pytest.raises(InputError, match="nobody registered"):
        ours.AuditorSource({"name": "x"}).load()


def test_an_input_of_a_registered_version_is_read_back(sums: Workspace) -> None:
    register(Request("sums", "sums.jsonl", dvc=False), sums, track=True)
    (run,) = MlflowClient(f"sqlite:///{sums.home / 'mlflow.db'}").search_runs(
        [MlflowClient(f"sqlite:///{sums.home / 'mlflow.db'}").get_experiment_by_name("sums").experiment_id]
    )
    assert run.info.run_name == "sums@1"
    table = get_source(run.inputs.dataset_inputs[0]).load()
    assert table.num_rows == len(ROWS)


def test_the_entry_point_is_found_and_light() -> None:
    code = (
        "import sys, mlflow.data\n"
        "from mlflow.data.dataset_source_registry import get_registered_sources\n"
        "print([s.__name__ for s in get_registered_sources()].count('AuditorSource'))\n"
        "print(sorted(m for m in sys.modules if m.startswith('auditor')))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1", "['auditor', 'auditor.mlflow_source']"]


@pytest.mark.parametrize("raw", ["x.csv", "sums@1", "s3://bucket/x", {"name": "sums"}])
def test_nothing_is_taken_for_ours_by_guess(raw: Any) -> None:
    assert not ours.AuditorSource._can_resolve(raw)
