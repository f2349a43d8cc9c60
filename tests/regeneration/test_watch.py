"""A watcher against a real MLflow: an alias is moved, and one branch is made again."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.model.errors import ConfigError
from auditor.regeneration import look, watch
from auditor.regeneration.asked import Asked
from auditor.regeneration.plan import Limits
from auditor.registry import cards, models
from auditor.registry.workspace import Workspace
from auditor.trackers.mlflow import quiet
from tests.regeneration import chain

FOLLOWS = "mlflow:models:/writer@production"
SECRET = "a secret of some length"
AUDITOR = [sys.executable, "-c", "from auditor.cli import main; main()"]


def registered(uri: str, *revisions: str) -> None:
    """Versions of the model `writer` in the registry, the first one in production."""
    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        client.create_registered_model("writer")
        for revision in revisions:
            client.create_model_version("writer", f"s3://models/writer/{revision}", tags={"revision": revision})
        client.set_registered_model_alias("writer", "production", "1")


def promote(uri: str, version: str) -> None:
    with quiet():
        from mlflow import MlflowClient

        MlflowClient(tracking_uri=uri).set_registered_model_alias("writer", "production", version)


def test_an_alias_is_moved_and_its_branch_is_made_again(ws: Workspace, mlflow_database: Path, tmp_path: Path) -> None:
    card = cards.load("a", ws)
    (only,) = card.versions
    (generator,) = only.lineage.generators
    following = replace(only.lineage, generators=(replace(generator, follows=FOLLOWS),))
    cards.save(replace(card, versions=(replace(only, lineage=following),)), ws)
    uri = f"sqlite:///{shutil.copyfile(mlflow_database, ws.home / 'mlflow.db')}"
    registered(uri, "1", "2")
    heard = tmp_path / "heard.json"
    script = tmp_path / "hear.py"
    script.write_text(f"import sys; open({str(heard)!r}, 'a').write(sys.stdin.read() + '\\n')")
    told = (sys.executable, str(script))
    only_looks = watch.Orders(on_change=told)

    first = watch.once(only_looks, ws)
    assert (first.changed, first.stale, heard.exists()) == (False, [], False)
    promote(uri, "2")
    second = watch.once(only_looks, ws)
    assert [one.ref for one in second.stale] == ["a@1", "b@1"]
    assert (second.changed, second.told) == (True, True)
    assert [one["dataset"] for one in json.loads(heard.read_text())["stale"]] == ["a", "b"]
    assert watch.once(only_looks, ws).changed is False  # told once

    little = watch.Orders(regenerate=Asked(limits=Limits(rows=10), options=chain.QUICK))
    assert [one.ref for one in watch.once(little, ws).stale] == ["a@1", "b@1"]
    assert chain.ran(ws.root) == []

    acts = watch.Orders(regenerate=Asked(limits=Limits(rows=60), options=chain.QUICK), on_change=told)
    third = watch.once(acts, ws)
    assert [one["what"] for one in third.said["done"]] == ["current", "current"]
    assert (third.stale, third.exit_code, third.changed) == ([], 0, True)
    assert json.loads(heard.read_text().splitlines()[-1])["stale"] == []
    assert chain.ran(ws.root) == ["a writer@2", "b talker@1"]
    assert models.locked(ws) == {"writer": "2", "talker": "1"}
    generator = cards.load("a", ws).versions[1].lineage.generators[0]
    assert (str(generator.model), generator.follows) == ("writer@2", FOLLOWS)


def test_a_registry_that_is_away_is_unknown_and_stops_nothing_else(tmp_path: Path) -> None:
    ws = stale_workspace(tmp_path, FOLLOWS)
    for uri, why in (("http://127.0.0.1:9", "MLflow did not answer"), (None, "there is no MLflow here")):
        found, _ = look(ws, uri=uri)
        assert [(told.dataset, told.reasons) for told in found] == [("sft", ())]
        assert found[0].unknown[0].why.startswith(why)


def test_a_command_that_fails_is_called_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ws = stale_workspace(tmp_path)
    fails = watch.Orders(on_change=(sys.executable, "-c", "import sys; sys.exit(3)"))
    assert watch.once(fails, ws).told is False
    assert "the command of --on-change ended with 3" in caplog.text
    missing = watch.Orders(on_change=(str(tmp_path / "no such program"),))
    assert watch.once(missing, ws).told is False
    works = watch.Orders(on_change=(sys.executable, "-c", ""))
    assert (watch.once(works, ws).told, watch.once(works, ws).told) == (True, None)


def test_a_command_does_not_get_our_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITOR_WEBHOOK_SECRET", "c4n4ry")
    monkeypatch.setenv("THEIRS", "kept")
    saves = "import os, sys; open(sys.argv[1], 'w').write(str(dict(os.environ)))"
    ws = stale_workspace(tmp_path)
    assert watch.once(watch.Orders(on_change=(sys.executable, "-c", saves, str(tmp_path / "env"))), ws).told
    seen = (tmp_path / "env").read_text()
    assert "kept" in seen
    assert "c4n4ry" not in seen


def stale_workspace(root: Path, follows: str | None = None) -> Workspace:
    """One dataset whose model has moved on: enough for a look, and no DVC is needed for it."""
    (root / "datasets").mkdir(parents=True)
    (root / "models.lock.yaml").write_text('gpt: "2"\n')
    generator = f"{{model: writer@1, follows: '{follows}'}}" if follows else "gpt@1"
    (root / "datasets/sft.yaml").write_text(
        "name: sft\nkind: synthetic\nversions:\n- version: 1\n  date: '2026-01-02T03:04:05+00:00'\n"
        f"  path: sft.jsonl\n  rows: 7\n  digest: sha256:{'a' * 64}\n  lineage:\n    generators: [{generator}]\n"
    )
    return Workspace(root)


def test_words_of_the_command_line() -> None:
    assert watch.command("tell 'the team' $HOME") == ("tell", "the team", "$HOME")
    assert str(watch.every("15m", 30)) == "interval[0:15:00]"
    assert watch.cron("0 6 * * 1-5", 0).jitter is None
    for wrong in ("1s", "x", "15", "-5m"):
        with pytest.raises(ConfigError):
            watch.every(wrong, 0)
    for wrong in ("* * *", "99 * * * *", "nonsense"):
        with pytest.raises(ConfigError):
            watch.cron(wrong, 0)
    for wrong in ("", "'open"):
        with pytest.raises(ConfigError):
            watch.command(wrong)


def until(seen: Callable[[], bool], process: subprocess.Popen[str], log: Path) -> None:
    end = time.monotonic() + 120
    while not seen():
        if process.poll() is not None or time.monotonic() > end:
            pytest.fail(log.read_text()[-3000:])
        time.sleep(0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real MLflow server that may send webhooks to this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http",
        "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
        "MLFLOW_WEBHOOK_CACHE_TTL": "0",
    }
    log = (tmp_path / "mlflow.log").open("wb")
    place = f"--backend-store-uri=sqlite:///{tmp_path}/mlflow.db"
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--port", str(port), place],
        env=environment,
        stdout=log,
        stderr=log,
        cwd=tmp_path,
        start_new_session=True,
    )
    uri = f"http://127.0.0.1:{port}"
    end = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{uri}/health", timeout=5):
                break
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail((tmp_path / "mlflow.log").read_text()[-2000:])
            time.sleep(0.2)
    yield uri
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    log.close()


def test_a_webhook_of_a_real_server_wakes_a_resident_watcher(server: str, tmp_path: Path) -> None:
    registered(server, "1", "2")
    root = tmp_path / "ws"
    ws = stale_workspace(root, FOLLOWS)
    heard = tmp_path / "heard"
    command = f"{sys.executable} -c \"import sys; open('{heard}', 'a').write(sys.stdin.read() + chr(10))\""
    watcher = [*AUDITOR, "watch", "--every", "1d", "--listen", "127.0.0.1:0", "--on-change", command]
    log = tmp_path / "watch.log"
    environment = os.environ | {"AUDITOR_WEBHOOK_SECRET": SECRET, "MLFLOW_TRACKING_URI": server}
    with log.open("w") as output:
        process = subprocess.Popen(watcher, cwd=root, env=environment, stderr=output, text=True)
    try:
        until(lambda: "listening" in log.read_text() and "0 of 1 datasets stale" in log.read_text(), process, log)
        port = log.read_text().partition("on port ")[2].split()[0]
        second = subprocess.run([*AUDITOR, "watch", "--every", "1d"], cwd=root, capture_output=True, text=True)
        assert (second.returncode, "another watcher is at work" in second.stderr) == (2, True)

        with quiet():
            from mlflow import MlflowClient
            from mlflow.entities.webhook import WebhookAction, WebhookEntity, WebhookEvent

            event = WebhookEvent(WebhookEntity.MODEL_VERSION_ALIAS, WebhookAction.CREATED)
            MlflowClient(tracking_uri=server).create_webhook(
                "stale", f"http://127.0.0.1:{port}/", [event], secret=SECRET
            )
        promote(server, "2")
        until(heard.exists, process, log)
        until(lambda: "1 of 1 datasets stale: sft@1" in log.read_text(), process, log)
        (reason,) = json.loads(heard.read_text())["stale"][0]["reasons"]
        assert (reason["cause"], reason["recorded"], reason["present"]) == ("model", "1", "2")
        assert SECRET not in log.read_text() + (ws.home / "watch.log").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert "stopped" in log.read_text()
    finally:
        process.kill()
        process.wait()


@pytest.fixture(autouse=True)
def _levels() -> Iterator[None]:
    logger = logging.getLogger("auditor")
    before = logger.level
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)
