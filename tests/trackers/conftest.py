"""An audit to publish, and a real MLflow server on loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from auditor.model.result import Metric, Record, Status, Verdict
from auditor.registry import Workspace, save

FIELDS = {"instruction": "text", "score": "float", "turns": "nested"}


def record(name: str = "sft", started: str = "2026-01-02T03:04:05+00:00") -> Record:
    shares = Metric("near_duplicates.rate", 0.25, "share", 400, low=0.21, high=0.29)
    return Record(
        tool={"name": "auditor", "version": "0.1.0"},
        dataset={
            "name": name,
            "rows": 400,
            "format": "prompt-response",
            "digest": "sha256:" + "ab" * 32,
            "files": ["sft.jsonl"],
            "by": ["generator"],
            "fields": {"score": "float", "generator": "string"},
        },
        policy={"name": "default", "digest": "sha256:" + "cd" * 32},
        checks=(
            {"name": "near-duplicates", "parameters": {"threshold": 0.8, "words": ["a", "b"]}, "status": "fail"},
            {"name": "language-mix", "parameters": {"note": "x" * 9000}, "status": "skipped"},
        ),
        metrics={
            "near_duplicates.rate": shares,
            "near_duplicates.clusters": Metric("near_duplicates.clusters", 7, "clusters", 400),
            "language_mix.other": Metric("language_mix.other", None, "share", 0, why="nothing to identify"),
        },
        slices=(),
        distributions=(),
        verdicts=(
            Verdict(
                "near-duplicates", "near_duplicates.rate", Status.FAIL, 0.25, "<= 0.05", "five | times <b>the</b> bound"
            ),
            Verdict("language-mix", None, Status.SKIPPED, None, None, "no text"),
        ),
        verdict=Status.FAIL,
        run={"started": started, "seconds": 1.5},
    )


def written(made: Record, folder: Path) -> dict[str, Path]:
    """The audit's files, as `auditing.run` leaves them."""
    content = json.dumps({"name": made.dataset["name"], "run": dict(made.run)}).encode()
    save(
        {
            "report.html": b"<p>verdict</p>",
            "findings.parquet": b"PAR1",
            "features.parquet": b"PAR1",
            "detector.json": b"{}",
            "quarantine.jsonl": b"raw",
            "lengths.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            "audit.json": content,
        },
        folder,
    )
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture
def no_openlineage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nobody's configuration of OpenLineage is found."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("URL", "API_KEY", "CONFIG", "NAMESPACE", "DISABLED", "ENDPOINT"):
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


@pytest.fixture
def audited(home: Workspace) -> tuple[Record, dict[str, Path]]:
    made = record()
    return made, written(made, home.audits / "sft" / "abababababab")


@pytest.fixture
def another(home: Workspace) -> tuple[Record, dict[str, Path]]:
    made = replace(record("other", "2026-01-02T04:04:05+00:00"), verdict=Status.PASS, verdicts=())
    return made, written(made, home.audits / "other" / "abababababab")


class Server:
    """`mlflow server` in a folder of its own; killed and started again it serves the same runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        arguments = "server --host 127.0.0.1 --workers 1 --serve-artifacts".split()
        places = [f"--backend-store-uri=sqlite:///{self._folder}/db", f"--artifacts-destination={self._folder}/files"]
        environment = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        log = (self._folder / "log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "mlflow", *arguments, *places, f"--port={self._port}"],
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        end = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    pytest.fail((self._folder / "log").read_text()[-2000:])
                time.sleep(0.2)

    def kill(self) -> None:
        """As a crash would: the process group of this server, and only it."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Running; a test that kills it starts it again."""
    made = Server(tmp_path_factory.mktemp("mlflow"))
    made.start()
    yield made
    made.kill()
