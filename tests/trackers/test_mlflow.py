"""What stands in MLflow after an audit was published: asked of MLflow itself."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.data.dataset_source_registry import get_dataset_source_from_json

from auditor import trackers
from auditor.model.result import Record, Status, Verdict
from auditor.registry import Workspace
from auditor.trackers.publication import describe
from tests.trackers.conftest import FIELDS, Server

Audit = tuple[Record, dict[str, Path]]


def client(home: Workspace) -> MlflowClient:
    return MlflowClient(f"sqlite:///{home.home / 'mlflow.db'}")


def artifacts(client: MlflowClient, run: str) -> dict[str, list[str]]:
    return {
        folder: sorted(f.path for f in client.list_artifacts(run, folder) if not f.is_dir) for folder in ("", "figures")
    }


def runs(client: MlflowClient, experiment: str) -> list[Any]:
    found = client.get_experiment_by_name(experiment)
    return list(client.search_runs([found.experiment_id])) if found else []


def published(audit: Audit, home: Workspace, uri: str | None = None, experiment: str = "sft") -> str | None:
    return trackers.publish(audit[0], audit[1], uri=uri, experiment=experiment, workspace=home, fields=FIELDS)


def check_run(seen: MlflowClient, run_id: str) -> None:
    """All that is promised of a run of `audited`."""
    run = seen.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "sft @ abababababab"
    assert run.info.end_time - run.info.start_time == 1500
    assert run.data.metrics == {"near_duplicates.rate": 0.25, "near_duplicates.clusters": 7.0}
    for name in run.data.metrics:
        assert len(seen.get_metric_history(run_id, name)) == 1
    assert run.data.params["near-duplicates.threshold"] == "0.8"
    assert run.data.params["near-duplicates.words"] == '["a", "b"]'
    assert run.data.params["policy"] == "default"
    assert len(run.data.params["language-mix.note"]) == 500
    assert run.data.tags["auditor.verdict"] == "fail"
    assert run.data.tags["auditor.verdict.near-duplicates"] == "fail"
    assert run.data.tags["auditor.verdict.language-mix"] == "skipped"
    assert run.data.tags["auditor.dataset.digest"] == "sha256:" + "ab" * 32
    note = run.data.tags["mlflow.note.content"]
    assert "**FAIL**: sft, 400 rows, policy default" in note
    assert "| FAIL | near-duplicates | near\\_duplicates.rate | 0.25 | &lt;= 0.05 | five \\| times &lt;b&gt;the" in note
    (given,) = run.inputs.dataset_inputs
    assert {tag.key: tag.value for tag in given.tags} == {"mlflow.data.context": "audit"}
    assert (given.dataset.name, given.dataset.digest) == ("sft", "ab" * 18)
    assert json.loads(given.dataset.profile) == {"num_rows": 400}
    columns = {c["name"]: c["type"] for c in json.loads(given.dataset.schema)["mlflow_colspec"]}
    assert columns == {"instruction": "string", "score": "double", "turns": "any"}
    source = get_dataset_source_from_json(given.dataset.source, given.dataset.source_type)
    assert source.to_dict() == {
        "name": "sft",
        "digest": "sha256:" + "ab" * 32,
        "format": "prompt-response",
        "files": ["sft.jsonl"],
    }
    assert artifacts(seen, run_id) == {
        "": ["audit.json", "detector.json", "findings.parquet", "report.html"],
        "figures": ["figures/lengths.svg"],
    }


def test_embedded(home: Workspace, audited: Audit, another: Audit, capfd: pytest.CaptureFixture[str]) -> None:
    environment = dict(os.environ)
    run = published(audited, home)
    assert run is not None
    check_run(client(home), run)
    assert artifacts_lie_in(home, run)
    assert not list(home.outbox.glob("2*"))
    # Again, and from another process's view of it: one run.
    assert published(audited, home) == run
    assert len(runs(client(home), "sft")) == 1
    check_run(client(home), run)
    # Another audit is another run.
    other = published(another, home)
    assert other not in {None, run}
    assert (
        "Every check that was judged keeps its bounds." in client(home).get_run(other).data.tags["mlflow.note.content"]
    )
    assert dict(os.environ) == environment
    assert capfd.readouterr() == ("", "")


def test_the_description_tells_what_was_not_judged_and_what_not_measured(audited: Audit) -> None:
    made, files = audited
    verdicts = (
        Verdict("few-patterns", "few_patterns.ratio_to_real", Status.SKIPPED, None, None, "no real data"),
        Verdict("few-patterns", None, Status.MEASURED, None, None, "measured, not judged"),
        Verdict("language-mix", None, Status.SKIPPED, None, None, "no text"),
    )
    told = describe(replace(made, verdicts=verdicts, verdict=Status.MEASURED), files, "sft").description
    assert "**MEASURED**: sft" in told
    assert told.splitlines()[2:] == [
        "Nothing was judged.", "", "Measured but not judged: few-patterns", "", "Skipped: language-mix"
    ]  # fmt: skip


def artifacts_lie_in(home: Workspace, run: str) -> bool:
    return bool(list((home.home / "mlflow-artifacts").glob(f"**/{run}/artifacts/report.html")))


def test_a_deleted_experiment_is_told_and_the_audit_kept(
    home: Workspace, audited: Audit, mlflow_database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    shutil.copyfile(mlflow_database, home.home / "mlflow.db")
    run = published(audited, home)
    assert run is not None
    there = client(home)
    experiment = there.get_run(run).info.experiment_id
    there.delete_run(run)
    there.delete_experiment(experiment)
    assert published(audited, home) is None
    assert "mlflow experiments restore" in caplog.text
    there.restore_experiment(experiment)
    assert trackers.sync(home) == (1, 0)


def test_a_server_killed_in_the_middle(
    home: Workspace, audited: Audit, another: Audit, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Up, down while an audit is sent, up again: each audit is one run, whole."""
    seen = MlflowClient(server.uri)
    assert published(another, home, server.uri, "killed") is not None
    server.kill()
    try:
        with caplog.at_level(logging.WARNING):
            assert published(audited, home, server.uri, "killed") is None
            assert published(audited, home, server.uri, "killed") is None
        assert caplog.text.count("auditor sync") == 2
        assert len(list(home.outbox.glob("2*"))) == 1
        assert trackers.sync(home) == (0, 1)
    finally:
        server.start()
    # The audit's own files may be gone by then.
    for path in audited[1].values():
        path.unlink()
    assert trackers.sync(home) == (1, 0)
    assert trackers.sync(home) == (0, 0)
    assert len(runs(seen, "killed")) == 2
    (run,) = [r.info.run_id for r in runs(seen, "killed") if r.info.run_name.startswith("sft")]
    check_run(seen, run)


def test_a_run_cut_off_half_way_is_gone_on_with(home: Workspace, audited: Audit, server: Server) -> None:
    """The server has the run and some of it when the sender dies; sent again it is one whole run."""
    run = published(audited, home, server.uri, "cut")
    assert run is not None
    seen = MlflowClient(server.uri)
    seen.delete_tag(run, "auditor.complete")
    seen.delete_tag(run, "auditor.verdict")
    assert published(audited, home, server.uri, "cut") == run
    assert len(runs(seen, "cut")) == 1
    check_run(seen, run)


KILLED = """
import os, signal, sys
from pathlib import Path
from auditor import trackers
from auditor.registry import Workspace
from auditor.trackers.publication import describe
from auditor.trackers import mlflow
from tests.trackers.conftest import FIELDS, record

inner = mlflow._fill
def die(*given):
    inner(*given)
    os.kill(os.getpid(), signal.SIGKILL)
mlflow._fill = die
home = Workspace(Path(sys.argv[1]))
files = {path.name: path for path in (home.audits / "sft" / "abababababab").iterdir()}
trackers.publish(record(), files, uri=sys.argv[2], experiment="sigkill", workspace=home, fields=FIELDS)
"""


def test_a_sender_killed_in_the_middle(home: Workspace, audited: Audit, server: Server) -> None:
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", KILLED, str(home.root), server.uri], cwd=root, check=False)
    assert done.returncode == -9
    seen = MlflowClient(server.uri)
    (half,) = runs(seen, "sigkill")
    assert half.info.status == "RUNNING"
    assert trackers.sync(home) == (1, 0)
    (whole,) = runs(seen, "sigkill")
    assert whole.info.run_id == half.info.run_id
    check_run(seen, whole.info.run_id)


def test_two_syncs_at_once(home: Workspace, audited: Audit, another: Audit, server: Server) -> None:
    server.kill()
    try:
        for audit in (audited, another):
            assert published(audit, home, server.uri, "twice") is None
    finally:
        server.start()
    code = (
        "import sys; from pathlib import Path; from auditor import trackers; from auditor.registry import Workspace\n"
        "print(*trackers.sync(Workspace(Path(sys.argv[1]))))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, home.root], stdout=subprocess.PIPE, text=True) for _ in "ab"]
    said = [process.communicate()[0].split() for process in both]
    assert sum(int(sent) for sent, _ in said) == 2
    assert [left for _, left in said] == ["0", "0"]
    assert sorted(r.info.run_name for r in runs(MlflowClient(server.uri), "twice")) == [
        "other @ abababababab",
        "sft @ abababababab",
    ]


def test_importing_the_trackers_does_not_import_mlflow() -> None:
    code = (
        "import auditor.trackers, sys; print([m for m in sys.modules if m.split('.')[0] in ('mlflow', 'sqlalchemy')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
