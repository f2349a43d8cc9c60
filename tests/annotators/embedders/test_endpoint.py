"""An OpenAI-compatible endpoint on loopback, well-behaved and not."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from auditor import audit
from auditor.annotators import embedders
from auditor.annotators.embedders import endpoint
from auditor.annotators.embedders.endpoint import Address
from auditor.cli import group
from auditor.model.errors import AuditorError, ConfigError
from auditor.model.rows import Strings, strings

CANARY = "sk-canary-3f9a"


class Server(ThreadingHTTPServer):
    """asked: every text of every answered request. faults: what the next requests get instead of an answer."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.faults: list[Any] = []
        self.headers: list[str] = []
        self.dimension = 8
        self.lock = threading.Lock()


def vector(text: str, dimension: int) -> list[float]:
    return [float(value) for value in np.random.default_rng(len(text) + sum(map(ord, text))).normal(size=dimension)]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.headers.append(self.headers.get("authorization", ""))
            fault = self.server.faults.pop(0) if self.server.faults else None
        status, content, more = fault or (200, None, {})
        if content is None:
            texts = body["input"]
            dimension = body.get("dimensions", self.server.dimension)
            rows = [{"index": i, "embedding": vector(text, dimension)} for i, text in enumerate(texts)]
            content = json.dumps({"data": rows[::-1], "usage": {"total_tokens": 3 * len(texts)}})
            if status == 200:
                with self.server.lock:
                    self.server.asked += texts
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *_: Any) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()


def at(server: Server, more: str = "") -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/v1#small{more}"


def read(texts: list[str]) -> Strings:
    return strings(pa.array(texts, pa.large_string()))


TEXTS = [f"text number {i}" for i in range(300)]


def test_what_was_answered_is_never_asked_for_again(server: Server, tmp_path: Path) -> None:
    first = embedders.load(at(server), tmp_path)
    vectors = first.embed(read([*TEXTS, *TEXTS[:20]]))
    wanted = np.array([vector(text, 8) for text in [*TEXTS, *TEXTS[:20]]])
    assert np.allclose(vectors, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])
    again = embedders.load(at(server), tmp_path)
    assert np.array_equal(again.embed(read(TEXTS)), vectors[:300])
    assert len(server.asked) == 301
    assert again.revision == first.revision
    assert embedders.bought(first) == {"texts": 301, "tokens": 903}
    assert embedders.bought(again) == {"texts": 0, "tokens": 0}
    assert embedders.bought(embedders.load("hashed", tmp_path)) is None


def test_an_audit_tells_what_it_bought_and_what_that_cost(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditor.yaml").touch()
    monkeypatch.chdir(tmp_path)
    rows, name = [{"text": text} for text in TEXTS], at(server, "?price=0.02")
    first = audit(rows, only="few-patterns", embedder=name)
    paid = {"texts": 301, "tokens": 903, "cost": pytest.approx(903 * 0.02 / 1e6)}
    assert first.record.run["embedder"] == paid
    assert "embeddings: 301 texts bought, 903 tokens, 0.000018 by its price" in first.render("text")
    assert "301 texts bought, 903 tokens" in first.render("html")
    assert json.loads(first.places["audit.json"].read_text())["run"]["embedder"] == paid
    again = audit(rows, only="few-patterns", embedder=name)
    assert "embeddings: nothing bought, all of them were kept" in again.render("text")
    assert first.metrics == again.metrics
    assert "embeddings:" not in audit(rows, only="few-patterns").render("text")


def test_a_calibration_buys_each_text_once_and_tells_it(server: Server, workspace: Path) -> None:
    (workspace / "real.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    asked = ["calibrate", "--real", "real.jsonl", "--rate", "0.5", "--only", "semantic-duplicates", "-q"]
    asked += ["--embedder", at(server, "?price=0.02"), "--threads", "2"]
    told = [CliRunner().invoke(group, asked).output for _ in range(2)]
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])
    assert "embeddings: 301 texts bought, 903 tokens, 0.000018 by its price" in told[0]
    assert "embeddings: nothing bought, all of them were kept" in told[1]


REFUSALS = (
    (400, '{"error": {"message": "You exceeded your current quota", "type": "x"}}', "400: You exceeded your current"),
    (400, '{"error": "no"}', "400: no"),
    (422, '{"detail": [{"msg": "Field required"}]}', "Field required"),
    (404, "<h1>Not\nFound\u202e\x1b[2J</h1>", r"<h1>Not Found\u202e\x1b[2J</h1>"),
    (413, "x" * 1_000_000, "x" * 199 + "…"),
    (400, "", "the embedder answered 400\n"),
    (400, "[" * 100_000, "400: [["),
    (401, '{"message": "Incorrect API key provided: sk-can**3f9a."}', "401: Incorrect API key provided: ***"),
    (400, '{"error": "key=' + CANARY + ' is over its quota"}', "400: *** is over its quota"),
)


@pytest.mark.parametrize(("status", "content", "told"), REFUSALS)
def test_a_refusal_is_told_in_the_servers_words(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, content: str, told: str
) -> None:
    monkeypatch.setenv("AUDITOR_EMBEDDING_KEY", CANARY)
    server.faults = [(status, content, {})]
    with pytest.raises(AuditorError) as caught:
        _ = embedders.load(at(server), tmp_path).dimension
    said = str(caught.value)
    assert told in said
    assert len(caught.value.message) < 240
    assert "\n" not in caught.value.message
    assert "run again" not in said, "it would be refused again"
    assert "3f9a" not in said
    assert len(server.headers) == 1


def test_what_may_pass_is_worth_another_run(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ATTEMPTS", 1)
    for status in (429, 503):
        server.faults = [(status, '{"error": {"message": "slow down"}}', {})]
        with pytest.raises(AuditorError, match=f"answered {status}: slow down") as caught:
            _ = embedders.load(at(server), tmp_path).dimension
        assert "run again: what was answered is kept" in str(caught.value)


def test_faults_that_pass_are_waited_out(server: Server, tmp_path: Path) -> None:
    embedder = embedders.load(at(server), tmp_path)
    assert embedder.dimension == 8
    server.faults = [(429, "{}", {"Retry-After": "0.1"}), (500, "", {}), (503, "", {})]
    assert np.isfinite(embedder.embed(read(TEXTS[:5]))).all()
    assert sorted(server.asked) == sorted([*TEXTS[:5], "dimension"])


def test_a_failure_half_way_loses_nothing(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "BATCH", 10)
    monkeypatch.setattr(endpoint, "TOGETHER", 1)
    embedder = embedders.load(at(server), tmp_path)
    assert embedder.dimension == 8
    server.faults = [(200, None, {})] * 5 + [(400, '{"error": "no"}', {})]
    with pytest.raises(AuditorError, match="answered 400"):
        embedder.embed(read(TEXTS[:100]))
    paid = len(server.asked)
    assert paid >= 51
    server.faults = []
    resumed = embedders.load(at(server), tmp_path).embed(read(TEXTS[:100]))
    assert sorted(server.asked) == sorted([*TEXTS[:100], "dimension"]), "nothing was bought twice"
    assert resumed.shape == (100, 8)


def test_a_refused_key_stops_at_once_and_is_not_shown(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITOR_EMBEDDING_KEY", CANARY)
    server.faults = [(401, "{}", {})]
    with pytest.raises(AuditorError, match="AUDITOR_EMBEDDING_KEY") as caught:
        embedders.load(at(server), tmp_path).embed(read(["x"]))
    assert len(server.headers) == 1
    assert server.headers == [f"Bearer {CANARY}"]
    assert CANARY not in str(caught.value)
    assert not any(CANARY.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


STRANGE = (
    "not json",
    "{}",
    '{"data": []}',
    '{"data": [{"index": 0, "embedding": "AAAA"}]}',
    '{"data": [{"index": 7, "embedding": [1]}]}',
    '{"data": [{"index": 1e999, "embedding": [1]}]}',
    '{"data": [{"index": 0, "embedding": [1]}], "usage": [1]}',
    '{"data": [{"index": 0, "embedding": [1]}], "usage": {"total_tokens": Infinity}}',
    '{"data": [{"index": 0, "embedding": [NaN, 1]}]}',
    '{"data": [{"index": 0, "embedding": [1e300, 1]}]}',
    "[" * 100_000,
)


@pytest.mark.parametrize("content", STRANGE)
def test_an_answer_of_another_kind_is_told(server: Server, tmp_path: Path, content: str) -> None:
    server.faults = [(200, content, {})]
    with pytest.raises(AuditorError, match="not what /embeddings gives"):
        _ = embedders.load(at(server), tmp_path).dimension
    assert embedders.load(at(server), tmp_path).dimension == 8, "none of it was kept"


def test_an_endless_answer_is_cut(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "LARGEST", 1000)
    server.faults = [(200, " " * 100_000, {})]
    with pytest.raises(AuditorError, match="more than 1,000 bytes"):
        _ = embedders.load(at(server), tmp_path).dimension


def test_an_answer_that_never_ends_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PATIENCE", 1e-9)
    with pytest.raises(AuditorError, match="cannot be reached: ReadTimeout"):
        _ = embedders.load(at(server), tmp_path).dimension


def test_a_kept_vector_that_was_altered_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    vectors = embedders.load(at(server), tmp_path).embed(read(TEXTS[:3]))
    with sqlite3.connect(tmp_path / "embeddings.db") as store:
        store.execute("UPDATE vectors SET vector = CAST(x'00112233' || substr(vector, 5) AS BLOB)")
    store.close()
    assert np.array_equal(embedders.load(at(server), tmp_path).embed(read(TEXTS[:3])), vectors)
    assert len(server.asked) == 8


def test_a_damaged_store_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "embeddings.db").write_bytes(b"this is no database" * 1000)
    with pytest.raises(AuditorError, match="cannot be read or kept"):
        embedders.load(at(server), tmp_path)


def test_a_model_exchanged_under_its_name_is_told(server: Server, tmp_path: Path) -> None:
    embedder = embedders.load(at(server), tmp_path)
    embedder.embed(read(["one"]))
    server.dimension = 5
    with pytest.raises(AuditorError, match="dimension changed"):
        embedder.embed(read(["one", "two"]))


def test_nobody_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "ATTEMPTS", 2)
    with pytest.raises(AuditorError, match="cannot be reached"):
        _ = embedders.load("http://127.0.0.1:9/v1#m", tmp_path).dimension


def test_an_address_says_which_model_and_holds_no_key() -> None:
    assert Address.parse("https://h/v1#m?dimensions=256&price=0.02") == Address("https://h/v1", "m", 256, 0.02)
    for wrong in ("", "#m?size=3", "#m?price=x"):
        with pytest.raises(ConfigError):
            Address.parse("https://h/v1" + wrong)
    for unsound in ("https://[::1/v1#m", "https://h:99999/v1#m", "https://#m"):
        with pytest.raises(ConfigError):
            Address.parse(unsound)
    secrets = ("https://user:hidden@h/v1#m", "https://h/v1?key=hidden#m", "https://user:hidden@h/v1",
               "https://h/v1#m?api_key=hidden", "https://h/v1#m?price=x&api_key=hidden")  # fmt: skip
    for secret in secrets:
        with pytest.raises(ConfigError) as caught:
            Address.parse(secret)
        assert "hidden" not in str(caught.value)
