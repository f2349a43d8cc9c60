"""What a source is now, asked of the real things: an MLflow on sqlite, the Hub's own client, folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from auditor.trackers.mlflow import quiet
from auditor.trackers.present import Hashes, Hub, Registry, prompt_file, weights


@pytest.fixture(scope="module")
def uri(mlflow_database: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A registry: model `gen` with versions 1 (revision 2026-01) and 2 (no tag), prompt `ask` in two versions."""
    home = tmp_path_factory.mktemp("mlflow")
    uri = f"sqlite:///{shutil.copyfile(mlflow_database, home / 'mlflow.db')}"
    with quiet():
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=uri)
        client.create_registered_model("gen")
        client.create_model_version("gen", "s3://models/1", tags={"revision": "2026-01"})
        client.create_model_version("gen", "s3://models/2")
        client.set_registered_model_alias("gen", "production", "1")
        client.register_prompt("ask", "Write a {{thing}}.")
        client.register_prompt("ask", "Write one {{thing}}, please.")
        client.set_prompt_alias("ask", "stable", 1)
        client.register_prompt("talk", [{"role": "user", "content": "hello"}])
    return uri


def test_models_of_mlflow(uri: str, tmp_path: Path) -> None:
    registry = Registry(uri, tmp_path)
    tagged = registry.model("models:/gen@production")
    assert (tagged.value, tagged.agrees("2026-01"), tagged.agrees("1"), tagged.agrees("2")) == (
        "2026-01",
        True,
        True,
        False,
    )
    assert registry.model("models:/gen").value == "2"
    assert registry.model("models:/gen/latest").value == "2"
    assert registry.model("models:/gen@latest").value == "2"
    assert registry.model("models:/gen/1").value == "2026-01"
    for absent in ("models:/gen@nobody", "models:/gen/9", "models:/it's not there"):
        seen = registry.model(absent)
        assert (seen.value, "MLflow" in seen.why) == (None, True)
    assert "not models:/NAME" in registry.model("runs:/x/y").why
    assert registry.model("models:/gen").value == "2"  # a name that is not there does not silence the registry


def test_prompts_of_mlflow(uri: str, tmp_path: Path) -> None:
    def digest(text: str) -> str:
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"

    registry = Registry(uri, tmp_path)
    newest = registry.prompt("ask", "1")
    assert newest.value == digest("Write one {{thing}}, please.")
    assert newest.also == ("2",)
    assert registry.prompt("ask", "stable").value == digest("Write a {{thing}}.")
    assert registry.prompt("nobody", "1").why == "MLflow has no prompt nobody@latest"
    assert "list of messages" in registry.prompt("talk", "1").why


def test_a_server_that_is_away_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    registry = Registry("http://user:passw0rd@127.0.0.1:9", tmp_path)
    first = registry.model("models:/gen")
    assert first.why.startswith("MLflow did not answer")
    assert "passw0rd" not in first.why
    assert registry.prompt("ask", "1").why == first.why
    assert Registry(None, tmp_path).model("models:/gen").why == "there is no MLflow here, and no other is configured"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A Hub on loopback that knows one model; gives the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            known = self.path.startswith("/api/models/org/model")
            body = json.dumps({"id": "org/model", "sha": "a" * 40} if known else {"error": "no"}).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    yield asked
    server.shutdown()
    server.server_close()


def test_models_of_the_hub(hub: list[str]) -> None:
    seen = Hub().model("org/model")
    assert (seen.value, seen.agrees("aaaaaaaa")) == ("a" * 40, True)
    assert Hub().model("org/model@v1").value == "a" * 40
    assert "v1" in hub[-1]
    missing = Hub().model("org/none")
    assert (missing.value, missing.why.startswith("the Hub")) == (None, True)


def test_no_hub_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    away = Hub()
    first = away.model("org/model")
    assert (first.value, first.why.startswith("the Hub did not answer")) == (None, True)
    assert away.model("org/other").why == first.why


def test_weights_by_name_and_content(tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    (folder / "deep").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (folder / "deep" / "model.bin").write_bytes(bytes(range(256)) * 1000)
    old = (folder / "config.json").stat().st_mtime - 100
    for file in (folder / "config.json", folder / "deep" / "model.bin"):
        os.utime(file, (old, old))
    hashes = Hashes(tmp_path / "hashes.json")
    first = weights("weights", tmp_path, hashes)
    assert first.value is not None
    hashes.save()
    again = Hashes(tmp_path / "hashes.json")
    assert weights("weights", tmp_path, again) == first
    assert len(json.loads((tmp_path / "hashes.json").read_bytes())) == 2

    (folder / ".cache").mkdir()
    (folder / ".cache" / "stamp").write_text("now")
    assert weights("weights", tmp_path, again) == first
    (folder / "config.json").write_text("{ }")
    assert weights("weights", tmp_path, again) != first
    (folder / "config.json").write_text("{}")
    assert weights("weights", tmp_path, again) == first
    (folder / "deep" / "model.bin").rename(folder / "deep" / "other.bin")
    assert weights("weights", tmp_path, again) != first

    assert weights("weights/config.json", tmp_path, again).value == f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    assert weights("none", tmp_path, again).value is None


@pytest.mark.parametrize("given", ["/proc", "/dev/zero", "../..", "pipe", "zero", "loop", "weights"])
def test_weights_that_are_none(given: str, tmp_path: Path) -> None:
    """Neither a tree of the machine's own nor a device is hashed, by its name or through links."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "proc").symlink_to("/proc")
    seen = weights(given, tmp_path, Hashes(tmp_path / "hashes.json"))
    assert seen.value is None
    assert seen.why.startswith(f"weights:{given}: ")


def test_weights_beside_the_workspace_where_they_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "model.bin").write_bytes(b"w")
    root = tmp_path / "ws"
    root.mkdir()
    hashes = Hashes(tmp_path / "hashes.json")
    assert "AUDITOR_OUTSIDE" in weights("../models", root, hashes).why
    monkeypatch.setenv("AUDITOR_OUTSIDE", str(tmp_path / "models"))
    seen = weights("../models", root, hashes)
    assert seen.value is not None
    assert seen == weights(str(tmp_path / "models"), root, hashes)


def test_a_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for said in (b"", b"[]", b'{"a": 1}', b"\xff"):
        (tmp_path / "hashes.json").write_bytes(said)
        assert weights("x", tmp_path, Hashes(tmp_path / "hashes.json")).value is not None


def test_prompt_files(tmp_path: Path) -> None:
    (tmp_path / "ask.txt").write_bytes(b"hello\r\n")
    assert prompt_file(tmp_path / "ask.txt").value == f"sha256:{hashlib.sha256(b'hello' + bytes([13, 10])).hexdigest()}"
    assert prompt_file(tmp_path / "none.txt").why == "none.txt is gone"
    assert prompt_file(tmp_path).value is None
