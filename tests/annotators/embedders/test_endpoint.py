"""An OpenAI-compatible endpoint on loopback, well-behaved and not."""

from __future__ import annotations

import json
import math
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from auditor import audit
from auditor.annotators import embedders
from auditor.annotators.embedders import asking, buying
from auditor.annotators.embedders.address import Address
from auditor.cli import group
from auditor.model.errors import AuditorError, ConfigError
from auditor.model.rows import Strings, strings

CANARY = "sk-canary-3f9a"


class Server(ThreadingHTTPServer):
    """asked: every text of every answered request; requests: how many of each. faults: what the next requests get
    instead of an answer. bad: texts with NaN. most: characters of a request, and of a text, that are not refused."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.requests: list[int] = []
        self.bad: set[str] = set()
        self.most = (10**9, 10**9)
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
        texts = body["input"]
        lengths = [len(text) for text in texts]
        if fault is None and (sum(lengths) > self.server.most[0] or max(lengths) > self.server.most[1]):
            status, content = 400, '{"error": {"message": "max tokens"}}'
        if content is None:
            dimension = body.get("dimensions", self.server.dimension)
            rows = [
                {
                    "index": i,
                    "embedding": [math.nan] * dimension if text in self.server.bad else vector(text, dimension),
                }
                for i, text in enumerate(texts)
            ]
            content = json.dumps({"data": rows[::-1], "usage": {"total_tokens": 3 * len(texts)}})
            if status == 200:
                with self.server.lock:
                    self.server.asked += texts
                    self.server.requests.append(len(texts))
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


def store(folder: Path) -> Path:
    """The file of the one endpoint that was asked."""
    (found,) = (folder / "embeddings").glob("*.db")
    return found


def kept(folder: Path) -> int:
    """Vectors in it."""
    opened = sqlite3.connect(store(folder))
    (count,) = opened.execute("SELECT count(*) FROM vectors").fetchone()
    opened.close()
    return int(count)


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
    copies = set(server.asked) - {*TEXTS, "dimension"}
    assert len(copies) == 200, "edited ones, for the threshold"
    assert sorted(server.asked) == sorted([*TEXTS, *copies, "dimension"])
    assert "embeddings: 501 texts bought, 1,503 tokens, 0.000030 by its price" in told[0]
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
    monkeypatch.setattr(asking, "ATTEMPTS", 1)
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
    """Whatever comes first, and with requests under way beside it."""
    monkeypatch.setattr(buying, "BATCH", 10)
    embedder = embedders.load(at(server), tmp_path)
    assert embedder.dimension == 8
    server.faults = [(200, None, {})] * 5 + [(404, '{"error": "no"}', {})]
    with pytest.raises(AuditorError, match="answered 404"):
        embedder.embed(read(TEXTS[:100]))
    assert len(server.asked) >= 51
    told = embedders.bought(embedder)
    assert told is not None
    assert (told["texts"], told["missing"]) == (len(server.asked), 101 - len(server.asked))
    server.faults = []
    resumed = embedders.load(at(server), tmp_path).embed(read(TEXTS[:100]))
    assert sorted(server.asked) == sorted([*TEXTS[:100], "dimension"]), "nothing was bought twice"
    assert resumed.shape == (100, 8)


def test_what_several_threads_want_is_asked_for_once(server: Server, tmp_path: Path) -> None:
    embedder = embedders.load(at(server), tmp_path)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda start: embedder.embed(read(TEXTS[start : start + 200])), (0, 50, 100, 0)))
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])
    assert np.array_equal(made[0], made[3])
    assert np.array_equal(made[0][50:], made[1][:150])


def test_splits_on_several_threads_ask_once(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditor import calibrating
    from auditor.auditing import Options, Silent
    from auditor.registry.workspace import Workspace

    monkeypatch.setattr(calibrating, "SPLITS_A_FAILURE", 2)
    asked = Options(only=("few-patterns",), embedder=at(server), threads=4)
    rows = [{"text": text} for text in TEXTS]
    found = calibrating.calibrate(rows, asked, rate=0.5, size=None, workspace=Workspace(tmp_path), progress=Silent())
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])
    assert found.bought == {"texts": 301, "tokens": 903}


def test_a_calibration_that_failed_half_way_goes_on(server: Server, workspace: Path) -> None:
    """What a failing endpoint left without a value is not kept for measured."""
    (workspace / "real.jsonl").write_text("\n".join(json.dumps({"text": text}) for text in TEXTS))
    asked = ["calibrate", "--real", "real.jsonl", "--rate", "0.5", "--only", "few-patterns", "-q"]
    asked += ["--embedder", at(server), "--threads", "2"]
    server.faults = [(200, None, {}), (200, None, {}), *[(404, '{"error": "gone"}', {})] * 9]
    failed = CliRunner().invoke(group, asked)
    assert isinstance(failed.exception, AuditorError)
    assert "few-patterns failed in a split: the embedder answered 404: gone; seen: http" in str(failed.exception)
    assert str(failed.exception).count("try: ") == 1
    assert str(failed.exception).endswith("; measured splits are kept")
    server.faults = []
    done = CliRunner().invoke(group, asked)
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])
    assert "few_patterns.ratio_to_real" in done.output.split("expectations/")[0]
    assert "no bound for" not in done.output


@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGINT])
def test_ended_while_a_slow_request_is_waited_for(server: Server, tmp_path: Path, ended: signal.Signals) -> None:
    """The first batch is to be tried again in a minute; what came after it is kept all the same."""
    _ = embedders.load(at(server), tmp_path).dimension  # so that all go out together
    texts = [f"text number {i}" for i in range(2000)]
    server.faults = [(200, None, {}), (503, "", {"Retry-After": "60"})]
    code = f"""
import sys
import pyarrow as pa
from pathlib import Path
from auditor.annotators import embedders
from auditor.model.rows import strings
texts = strings(pa.array([f"text number {{i}}" for i in range(2000)], pa.large_string()))
embedders.load({at(server)!r}, Path({str(tmp_path)!r})).embed(texts)
"""
    running = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while kept(tmp_path) < 2001 - 128 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(server.asked) == kept(tmp_path) == 2001 - 128
    running.send_signal(ended)
    _, said = running.communicate(timeout=8)
    assert running.returncode != 0
    assert (b"KeyboardInterrupt" in said) == (ended == signal.SIGINT)
    embedders.load(at(server), tmp_path).embed(read(texts))
    assert sorted(server.asked) == sorted([*texts, "dimension"]), "nothing was bought twice"


def test_a_text_without_a_vector_costs_the_others_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditor.yaml").touch()
    monkeypatch.chdir(tmp_path)
    bad = "bad\x1b[2J" + "x" * 100
    server.bad = {bad}
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in [*TEXTS[:77], bad, *TEXTS[78:]])
    )
    first = audit("rows.jsonl", only="few-patterns", embedder=at(server))
    (why,) = [one["why"] for one in first.record.checks]
    assert "rows.jsonl:78: the embedder gave NaN or infinity for 1 of 300 texts" in why
    assert len(server.asked) == 301
    assert "embeddings: 301 texts bought, 903 tokens; 1 text without a vector" in first.render("text")
    again = audit("rows.jsonl", only="few-patterns", embedder=at(server))
    assert server.asked[301:] == [bad], "the good ones of its request were kept"
    assert "embeddings: 1 text bought, 3 tokens; 1 text without a vector" in again.render("text")


def test_a_model_that_gives_nothing_but_nan_is_not_asked_on(server: Server, tmp_path: Path) -> None:
    embedder = embedders.load(at(server), tmp_path)
    assert embedder.dimension == 8
    texts = [f"text number {i}" for i in range(2000)]
    server.bad = set(texts)
    for _ in range(2):
        with pytest.raises(AuditorError, match="for every text of a request"):
            embedder.embed(read(texts))
    assert len(server.requests) <= 1 + buying.TOGETHER


def test_one_request_tells_that_the_dimension_changed(server: Server, tmp_path: Path) -> None:
    other = embedders.load(at(server).replace("#small", "#large"), tmp_path)
    kept = other.embed(read(TEXTS[:2]))
    embedders.load(at(server), tmp_path).embed(read(TEXTS[:1]))
    paid, server.dimension = len(server.asked), 5
    embedder = embedders.load(at(server), tmp_path)
    for _ in range(2):
        with pytest.raises(AuditorError, match="dimension changed") as caught:
            embedder.embed(read(TEXTS))
    assert len(server.asked) == paid + 128
    file = tmp_path / "embeddings" / Address.parse(at(server)).file
    assert f"move {file} away" in str(caught.value)
    file.unlink()
    assert embedders.load(at(server), tmp_path).embed(read(TEXTS[:3])).shape == (3, 5)
    assert np.array_equal(embedders.load(other.name, tmp_path).embed(read(TEXTS[:2])), kept), "another model's stay"


def test_dimensions_that_are_not_given_are_told(server: Server, tmp_path: Path) -> None:
    assert embedders.load(at(server, "?dimensions=4"), tmp_path).dimension == 4
    server.faults = [(200, '{"data": [{"index": 0, "embedding": [1, 2, 3]}]}', {})]
    with pytest.raises(AuditorError, match="does not give the dimensions"):
        _ = embedders.load(at(server, "?dimensions=5"), tmp_path).dimension


def test_requests_are_of_a_bearable_size(server: Server, tmp_path: Path) -> None:
    long = [f"{i} " + "word " * 4000 for i in range(40)]
    embedders.load(at(server), tmp_path).embed(read(long))
    assert max(server.requests) == 100_000 // 5002
    assert sorted(server.asked[1:]) == sorted(text for text in long)


def test_a_refused_request_is_halved(server: Server, tmp_path: Path) -> None:
    server.most = (600, 10**9)
    vectors = embedders.load(at(server), tmp_path).embed(read(TEXTS))
    wanted = np.array([vector(text, 8) for text in TEXTS])
    assert np.allclose(vectors, wanted / np.linalg.norm(wanted, axis=1, keepdims=True), atol=1e-6)
    assert sorted(server.asked) == sorted([*TEXTS, "dimension"])


def test_a_text_that_is_too_long_is_cut(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "auditor.yaml").touch()
    monkeypatch.chdir(tmp_path)
    texts = [*TEXTS, "猫" * 30_000, "word " * 5_000]
    server.most = (10**9, 7_000)
    report = audit([{"text": text} for text in texts], only="few-patterns", embedder=at(server))
    assert "; 2 texts cut to what the model takes" in report.render("text")
    assert "the first 8,191 tokens of a text" in report.render("json")
    assert sorted(text for text in server.asked if len(text) > 30) == ["word " * 1250, "猫" * 6825]
    server.most = (10**9, 508)
    asked = len(server.asked)
    embedders.load(at(server, "?tokens=128"), tmp_path).embed(read(texts[-2:]))
    assert sorted(map(len, server.asked[asked:])) == [9, 105, 508]


def test_a_text_that_is_refused_for_itself_is_named(server: Server, tmp_path: Path) -> None:
    embedder = embedders.load(at(server), tmp_path)
    server.most = (10**9, 20)
    with pytest.raises(AuditorError, match="answered 400: max tokens") as caught:
        embedder.embed(read([*TEXTS[:40], "not this one\x1b[2J, please"]))
    assert caught.value.seen == f"'not this one\\x1b[2J, please' at {embedder.name}"
    assert sorted(server.asked) == sorted([*TEXTS[:40], "dimension"]), "all others are kept"


@given(st.text(max_size=300), st.integers(1, 60))
def test_a_text_is_cut_to_the_longest_beginning_that_fits(text: str, tokens: int) -> None:
    cut = buying.shortened(text, tokens)
    assert text.startswith(cut)
    if cut != text:
        assert buying.tokens_of(text[: len(cut) + 1]) > tokens - 1e-6
    assert len(cut) <= 1 or buying.tokens_of(cut) <= tokens + 1e-6


def test_waiting_is_told_once_in_a_while(
    server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    embedder = embedders.load(at(server), tmp_path)
    assert embedder.dimension == 8
    server.faults = [(503, '{"error": "loading"}', {"Retry-After": "0.2"}), (503, "", {}), (503, "", {})]
    embedder.embed(read(TEXTS[:5]))
    assert caplog.messages == ["the embedder answered 503: loading; trying again in 0.2 s (try 2 of 8)"]
    assert "stamina" not in capfd.readouterr().err


def test_a_failed_audit_does_not_say_that_all_was_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "auditor.yaml").touch()
    monkeypatch.chdir(tmp_path)
    server.faults = [(401, '{"error": "no key"}', {})] * 9
    text = audit([{"text": text} for text in TEXTS], only="few-patterns", embedder=at(server)).render("text")
    assert "embeddings: nothing bought; 1 text without a vector" in text
    assert "kept" not in text.split("few-patterns")[0]
    assert len(server.headers) == 1


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


def test_the_key_of_openai_goes_to_openai_alone(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address may come with a workspace that somebody else made."""
    monkeypatch.delenv("AUDITOR_EMBEDDING_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    embedders.load(at(server), tmp_path).embed(read(["x"]))
    assert set(server.headers) == {""}
    assert "OPENAI_API_KEY" in Address.parse("https://api.openai.com/v1#m").keys
    for other in ("http://api.openai.com/v1#m", "https://api.openai.com.evil.example/v1#m", "https://openai.com/v1#m"):
        assert Address.parse(other).keys == ("AUDITOR_EMBEDDING_KEY",)


STRANGE = (
    "{}",
    '{"data": []}',
    '{"data": [{"index": 0, "embedding": "AAAA"}]}',
    '{"data": [{"index": 7, "embedding": [1]}]}',
    '{"data": [{"index": 1e999, "embedding": [1]}]}',
    '{"data": [{"index": 0, "embedding": [1]}], "usage": [1]}',
    '{"data": [{"index": 0, "embedding": [1]}], "usage": {"total_tokens": Infinity}}',
    '{"data": [{"index": 0, "embedding": null}]}',
    "[" * 100_000,
)


@pytest.mark.parametrize("content", STRANGE)
def test_an_answer_of_another_kind_is_told(server: Server, tmp_path: Path, content: str) -> None:
    server.faults = [(200, content, {})]
    with pytest.raises(AuditorError, match="not what /embeddings gives"):
        _ = embedders.load(at(server), tmp_path).dimension
    assert embedders.load(at(server), tmp_path).dimension == 8, "none of it was kept"


def test_an_answer_that_was_cut_is_asked_for_again(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.faults = [(200, '{"data": [{"index": 0, "embe', {})]
    assert embedders.load(at(server), tmp_path).dimension == 8
    monkeypatch.setattr(asking, "ATTEMPTS", 1)
    server.faults = [(200, "<h1>welcome</h1>", {})]
    with pytest.raises(AuditorError, match="gave an answer that is no JSON: Expecting value"):
        _ = embedders.load(at(server, "?dimensions=8"), tmp_path).dimension


def test_an_endless_answer_is_cut(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "LARGEST", 1000)
    server.faults = [(200, " " * 100_000, {})]
    with pytest.raises(AuditorError, match="more than 1,000 bytes"):
        _ = embedders.load(at(server), tmp_path).dimension


def test_an_answer_that_never_ends_is_given_up(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "PATIENCE", 1e-9)
    with pytest.raises(AuditorError, match="cannot be reached: ReadTimeout"):
        _ = embedders.load(at(server), tmp_path).dimension


def test_a_kept_vector_that_was_altered_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    vectors = embedders.load(at(server), tmp_path).embed(read(TEXTS[:3]))
    with sqlite3.connect(store(tmp_path)) as opened:
        opened.execute("UPDATE vectors SET vector = CAST(x'00112233' || substr(vector, 5) AS BLOB)")
    opened.close()
    assert np.array_equal(embedders.load(at(server), tmp_path).embed(read(TEXTS[:3])), vectors)
    assert len(server.asked) == 8


def test_a_damaged_store_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "embeddings").mkdir()
    file = tmp_path / "embeddings" / Address.parse(at(server)).file
    file.write_bytes(b"this is no database" * 1000)
    with pytest.raises(AuditorError, match="cannot be read or kept"):
        embedders.load(at(server), tmp_path)


def test_nobody_there_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ATTEMPTS", 2)
    with pytest.raises(AuditorError, match="cannot be reached"):
        _ = embedders.load("http://127.0.0.1:9/v1#m", tmp_path).dimension


def test_an_address_says_which_model_and_holds_no_key() -> None:
    assert Address.parse("https://h/v1#m?dimensions=256&price=0.02") == Address("https://h/v1", "m", 256, 0.02)
    assert Address.parse("https://h/v1/#m?tokens=512&price=0") == Address("https://h/v1", "m", None, 0.0, 512)
    options = ("size=3", "price=x", "price=-1", "price=nan", "price=inf", "price=", "dimensions=-5", "dimensions=0",
               "dimensions=1.5", "dimensions=999999", "tokens=0", "price=1&dimensions=no")  # fmt: skip
    for wrong in ("", *(f"#m?{option}" for option in options)):
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
