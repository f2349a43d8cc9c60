"""Judges asked over real HTTP, by a server that fails in every way that passes: none lost, none bought twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import judging
from auditor.judging import client, judges, recording, running
from auditor.judging.judges import Judge
from auditor.judging.questions import Material, Seat
from auditor.judging.running import Tally
from auditor.judging.store import Store
from auditor.model.errors import AuditorError, ConfigError
from tests.judging.asked import material, seat
from tests.judging.server import serving
from tests.soak import judge_ten_thousand

CANARY = "sk-canary-77e1c0"
VARIABLE = "AUDITOR_TEST_JUDGE_KEY"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    kept = Store(tmp_path / "judgments.db")
    yield kept
    kept.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tries, so that what fails for good is told soon."""
    monkeypatch.setattr(client, "ATTEMPTS", 2)
    monkeypatch.setattr(client, "WAIT_MAX", 0.01)


def verdicts(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def wanted(count: int) -> dict[tuple[str, str], str]:
    """Oracle: the longer output wins, whichever stands first."""
    found = {}
    for item in material(count).items():
        longer = len(item.outputs[0]) - len(item.outputs[1])
        for first in "ab":
            found[item.item, first] = "a" if longer > 0 else "b" if longer < 0 else "tie"
    return found


def faulty(count: int, folder: Path) -> None:
    """`count` judgments past every fault; then again, which asks for nothing."""
    store = Store(folder / "judgments.db")
    with serving(failing=0.15, odd=0.05, keep_bodies=False) as server:
        what, seats = material(count // 2), [seat(server.url, concurrency=16)]
        tally = running.run(what, seats, store)
        assert (tally.total, tally.done, tally.before, tally.refused, tally.lost) == (count, count, 0, 0, 0)
        assert tally.retries >= count * 0.05, "the faults were met"
        assert (tally.tokens_in, tally.tokens_out) == (100 * count, 10 * count)
        assert tally.cost == pytest.approx(count * (100 * 1.0 + 10 * 10.0) / 1e6)
        assert len(server.answered) == count
        assert set(server.answered.values()) == {1}, "no answer was asked for again"
        told = recording.write(folder / "verdicts.jsonl", what, seats, store)
        asked = sum(server.tries.values())
        again = running.run(what, seats, store)
        assert (again.done, again.before, again.cost) == (count, count, 0)
        assert sum(server.tries.values()) == asked
    found = verdicts(folder / "verdicts.jsonl")
    assert told == Counter(one["verdict"] for one in found)
    assert len(found) == count
    right, valid = wanted(count // 2), [one for one in found if one["verdict"] != "invalid"]
    assert 0.02 * count < count - len(valid) < 0.09 * count, "strange answers are no verdicts"
    assert all(right[one["item"], one["first"]] == one["verdict"] for one in valid)
    assert all(one["raw"] for one in found), "every raw answer is kept"
    store.close()


def test_a_thousand_judgments_past_every_fault(tmp_path: Path) -> None:
    faulty(1000, tmp_path)


def test_verdicts_are_read_as_our_own_format(store: Store, tmp_path: Path) -> None:
    with serving() as server:
        seats = [seat(server.url, repeats=2), seat(server.url, "pairwise-cot")]
        running.run(material(20), seats, store)
        recording.write(tmp_path / "verdicts.jsonl", material(20), seats, store)
    read = judging.open([tmp_path / "verdicts.jsonl"])
    assert len(read) == 20 * 2 * 3
    assert read.format == "own" or "own" in read.shapes
    assert len(read.prompt.names) == 2
    assert sorted(set(read.repeat.tolist())) == [0, 1]
    assert (read.first == 0).sum() == (read.first == 1).sum() == 60
    assert (read.words_a > 0).all()
    assert read.tokens_in is not None
    assert read.tokens_out is not None
    assert read.cost is not None
    assert set(zip(read.tokens_in.tolist(), read.tokens_out.tolist(), strict=True)) == {(100, 10)}
    assert read.cost == pytest.approx(np.full(120, (100 * 1.0 + 10 * 10.0) / 1e6))


def test_scores_of_two_outputs_make_a_verdict(store: Store, tmp_path: Path) -> None:
    with serving() as server:
        seats = [seat(server.url, "pointwise")]
        running.run(material(10), seats, store)
        recording.write(tmp_path / "pairs.jsonl", material(10), seats, store)
        running.run(material(10, outputs=1), seats, store)
        recording.write(tmp_path / "single.jsonl", material(10, outputs=1), seats, store)
        assert set(server.answered.values()) == {1}, "the second run had its answers already"
        assert len(server.answered) == 20
    for one in verdicts(tmp_path / "pairs.jsonl"):
        scores = [min(10, len(one["output_a"])), min(10, len(one["output_b"]))]
        assert [one["score_a"], one["score_b"]] == scores
        assert (one["tokens_in"], one["tokens_out"]) == (200, 20), "of both questions"
        assert one["verdict"] == ("tie" if scores[0] == scores[1] else "a" if scores[0] > scores[1] else "b")
    assert all("score_b" not in one and one["score_a"] for one in verdicts(tmp_path / "single.jsonl"))


def test_copies_are_asked_about_once(store: Store) -> None:
    item = next(material(1).items())
    several = Material(lambda: iter([item] * 50), 50, 2)
    with serving(latency=0.02) as server:
        tally = running.run(several, [seat(server.url)], store)
        assert tally.done == 100
        assert len(server.times) == 2


def test_an_endpoint_that_takes_no_schema_is_asked_without(store: Store, tmp_path: Path) -> None:
    with serving(schemas=False) as server:
        seats = [seat(server.url)]
        tally = running.run(material(30), seats, store)
        assert (tally.done, tally.refused, tally.before) == (60, 0, 0)
        assert sum("response_format" in body for body in server.bodies) == 1, "one question found it out"
        recording.write(tmp_path / "v.jsonl", material(30), seats, store)
        running.run(material(31), seats, store)
        assert sum("response_format" in body for body in server.bodies) == 1, "and it is remembered"
    assert {one["verdict"] for one in verdicts(tmp_path / "v.jsonl")} <= {"a", "b", "tie"}


def test_a_refused_question_is_told_and_asked_again_next_time(store: Store, tmp_path: Path) -> None:
    with serving() as server:
        seats = [seat(server.url, structured="no", concurrency=1)]
        server.script = [(400, '{"error": "content filter"}', {})]
        tally = running.run(material(5), seats, store)
        assert (tally.done, tally.refused) == (10, 1)
        recording.write(tmp_path / "v.jsonl", material(5), seats, store)
        assert verdicts(tmp_path / "v.jsonl")[0]["verdict"] == "invalid"
        assert "content filter" in verdicts(tmp_path / "v.jsonl")[0]["raw"]
        again = running.run(material(5), seats, store)
        assert (again.before, again.refused) == (9, 0)


def test_a_refused_key_stops_at_once_and_is_nowhere(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)
    with serving() as server:
        seats = [seat(server.url, key=VARIABLE, structured="no", concurrency=4)]
        running.run(material(5), seats, store)
        server.script = [(400, f'{{"error": "not with {CANARY}"}}', {}), *[(401, f"bad key {CANARY}", {})] * 200]
        before = len(server.times)
        with pytest.raises(AuditorError, match=VARIABLE) as caught:
            running.run(material(500), seats, store)
        assert len(server.times) - before <= 5, "nobody goes on with a key that is refused"
        assert server.authorizations == {f"Bearer {CANARY}"}
        server.script = []
        running.run(material(20), seats, store)
        recording.write(tmp_path / "v.jsonl", material(20), seats, store)
    assert CANARY not in str(caught.value) + caplog.text
    left = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(left) >= 2
    assert not any(CANARY.encode() in file.read_bytes() for file in left)


def test_a_model_that_is_not_there_stops_at_once(store: Store) -> None:
    with serving() as server:
        server.script = [(404, '{"error": "no such model"}', {})] * 50
        with pytest.raises(AuditorError, match=r"(?s)no such model.*'model' \(longest-1\)"):
            running.run(material(100), [seat(server.url)], store)
        assert len(server.times) <= 2


@pytest.mark.parametrize("count", [3, 100])
def test_where_every_question_is_refused_nothing_is_concluded(store: Store, count: int) -> None:
    with serving() as server:
        server.script = [(400, '{"error": "temperature is not supported"}', {})] * 1000
        with pytest.raises(AuditorError, match=r"(?s)questions were refused.*temperature is not supported"):
            running.run(material(count), [seat(server.url)], store)
        assert len(server.times) <= running.HOPELESS + 10


def test_two_endpoints_are_asked_side_by_side(store: Store, tmp_path: Path) -> None:
    with serving(latency=0.02) as one, serving(latency=0.02, schemas=False) as other:
        jury = [seat(one.url), seat(other.url, name="second"), seat(other.url, name="third", temperature=0.7)]
        tally = running.run(material(20), jury, store)
        assert (tally.total, tally.done) == (120, 120)
        recording.write(tmp_path / "v.jsonl", material(20), jury, store)
        assert [one["judge"] for one in verdicts(tmp_path / "v.jsonl")][:6] == ["longest"] * 2 + ["second"] * 2 + [
            "third"
        ] * 2
        assert min(other.times) < max(one.times)
        one.script = [(401, "no", {})] * 100
        with pytest.raises(AuditorError, match="longest: the key was refused"):
            running.run(material(400), jury, store)
        assert len(other.times) < 400, "where one cannot go on, the others do not spend"


@pytest.mark.usefixtures("impatient")
def test_an_endpoint_that_is_down_is_left_alone(store: Store) -> None:
    with serving() as server:
        server.script = [(503, "down", {})] * 10_000
        with pytest.raises(AuditorError, match="HTTP 503") as caught:
            running.run(material(500), [seat(server.url, structured="no", concurrency=2)], store)
        assert len(server.times) <= 2 * (client.BREAKER + 2)
        assert "run again" in str(caught.value)
        server.script = []
        assert running.run(material(500), [seat(server.url, structured="no")], store).done == 1000


@pytest.mark.usefixtures("impatient")
def test_a_question_without_an_answer_is_told(store: Store) -> None:
    with serving() as server:
        server.script = [(500, "", {})] * 2
        with pytest.raises(AuditorError, match=r"1 of 20 judgments have no answer yet"):
            running.run(material(10), [seat(server.url, structured="no", concurrency=1)], store)
        assert running.run(material(10), [seat(server.url, structured="no")], store).before == 19


@pytest.mark.usefixtures("impatient")
def test_a_server_that_hangs_is_not_waited_for(store: Store) -> None:
    with serving(latency=5) as server:
        begun = time.monotonic()
        with pytest.raises(AuditorError, match=r"no answer within 0\.1 seconds"):
            running.run(material(100), [seat(server.url, structured="no", timeout=0.1)], store)
        assert time.monotonic() - begun < 5


@pytest.mark.usefixtures("impatient")
def test_nobody_there_is_told(store: Store) -> None:
    with pytest.raises(AuditorError, match="gave no answer"):
        running.run(material(100), [seat("http://127.0.0.1:9/v1")], store)


def test_a_server_that_says_when_is_believed(store: Store) -> None:
    with serving() as server:
        server.script = [(429, "{}", {"Retry-After": "1"})]
        running.run(material(10), [seat(server.url, structured="no", concurrency=1)], store)
        assert server.times[1] - server.times[0] >= 1.0


def test_a_budget_is_never_gone_beyond(store: Store) -> None:
    with serving(latency=0.002) as server:
        seats = [seat(server.url, structured="no", max_tokens=20)]
        price = (100 + 10 * 10) / 1e6
        tally = Tally()
        with pytest.raises(AuditorError, match="the budget ends here"):
            running.run(material(100), seats, store, budget=100 * price, tally=tally)
        assert len(server.times) * price <= 100 * price
        assert 20 < tally.done < 100
        assert running.run(material(100), seats, store, budget=1.0).before == tally.done
        with pytest.raises(ConfigError, match="no price"):
            running.run(material(1), [seat(server.url, price_in=None)], store, budget=1.0)


def test_an_estimate_asks_for_nothing(store: Store) -> None:
    with serving() as server:
        one = seat(server.url)
        before = running.estimate(material(100), one, store)
        assert (before.requests, before.before, len(server.times)) == (200, 0, 0)
        running.run(material(40), [one], store)
        after = running.estimate(material(100), one, store)
        assert (after.requests, after.before) == (120, 80)
        assert before.cost is not None
        assert after.cost == pytest.approx(before.cost * 0.6, rel=0.02)


def test_tokens_a_minute_are_kept(store: Store) -> None:
    """110 tokens a request by the server's count, 66,000 a minute: 10 requests a second, once the guess is settled."""
    with serving() as server:
        one = seat(server.url, structured="no", tpm=66_000, max_tokens=20, concurrency=4)
        running.run(material(12), [one], store)
        spent = server.times[-1] - server.times[0]
        assert 24 / 10 * 0.6 < spent < 24 / 10 * 1.6 + 0.6


def paced(count: int, rpm: float, store: Store) -> float:
    """Requests a minute that were made, over those allowed."""
    with serving(latency=0.02, keep_bodies=False) as server:
        running.run(material(count // 2), [seat(server.url, structured="no", rpm=rpm, concurrency=16)], store)
        times = sorted(server.times)
        return (len(times) - 1) / (times[-1] - times[0]) * 60 / rpm


def test_the_pace_is_kept(store: Store) -> None:
    assert 0.8 < paced(60, 2400, store) < 1.2


def test_at_the_limit_past_every_fault(tmp_path: Path) -> None:
    """The short form of `tests.soak.judge_ten_thousand`."""
    seen = judge_ten_thousand.campaign(160, 2400, tmp_path)
    assert 0.7 < seen.pace < 1.1


def killed(kills: int, count: int, folder: Path) -> None:
    """Killed at random moments, the run is picked up; the same verdicts come out as of one that nobody touched."""
    chance = random.Random(5)
    command = [sys.executable, "-m", "tests.judging.asked"]
    with serving(latency=0.01, odd=0.05, keep_bodies=False) as server:
        store, out = folder / "judgments.db", folder / "verdicts.jsonl"
        for turn in range(kills):
            process = subprocess.Popen([*command, server.url, str(store), str(out), str(count)], env=os.environ)
            before = sum(server.answered.values())
            # By turns while it asks, and at any moment at all: as it starts, opens the store or writes.
            while turn % 2 == 0 and sum(server.answered.values()) == before and process.poll() is None:
                time.sleep(0.01)
            time.sleep(chance.uniform(0.0, 0.4 if turn % 2 == 0 else 2.0))
            process.send_signal(signal.SIGKILL)
            assert process.wait() == -signal.SIGKILL, "the run was over before it was killed: give it more to do"
        subprocess.run([*command, server.url, str(store), str(out), str(count)], check=True)
        assert len(server.answered) == 2 * count
        repeated = sum(server.answered.values()) - 2 * count
        assert repeated <= 8 * kills, "at most what was under way is asked for again"
        # By the same server: its address is part of what is asked.
        subprocess.run(
            [*command, server.url, str(folder / "other.db"), str(folder / "whole.jsonl"), str(count)], check=True
        )
    assert out.read_bytes() == (folder / "whole.jsonl").read_bytes()


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    killed(3, 1000, tmp_path)


@pytest.mark.slow
def test_a_run_killed_twenty_times_goes_on_where_it_was(tmp_path: Path) -> None:
    killed(20, 4000, tmp_path)


def test_a_callable_is_a_judge(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def first(body: Any) -> str:
        assert body["messages"][-1]["role"] == "user"
        return "[[A]]"

    monkeypatch.setattr(client, "called", lambda judge: first)
    seats = [Seat(Judge("ours", "callable:first", "first"), seat("x").prompt, 1)]
    assert running.run(material(10), seats, store).done == 20
    recording.write(tmp_path / "v.jsonl", material(10), seats, store)
    assert all(one["verdict"] == one["first"] for one in verdicts(tmp_path / "v.jsonl"))
    monkeypatch.setattr(client, "called", lambda judge: lambda body: 1 / 0)
    with pytest.raises(AuditorError, match="division by zero"):
        running.run(material(20), seats, store)


def test_an_installed_package_offers_a_judge(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "always-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: always\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[auditor.judges]\nalways = always_b:judge\n")
    (tmp_path / "always_b.py").write_text("def judge(body):\n    return 'Verdict: B'\n")
    (tmp_path / "judges.yaml").write_text("judges:\n  ours: {callable: always, price_in: 0, price_out: 0}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    seats = [Seat(judges.read(tmp_path / "judges.yaml")[0], seat("x").prompt, 1)]
    assert running.run(material(10), seats, store, budget=0.0).done == 20
    recording.write(tmp_path / "v.jsonl", material(10), seats, store)
    assert all({one["first"], one["verdict"]} == {"a", "b"} for one in verdicts(tmp_path / "v.jsonl"))


def test_an_unknown_callable_is_told() -> None:
    with pytest.raises(ConfigError, match="no callable 'nobody'"):
        judges.called(Judge("x", "callable:nobody", "x"))
