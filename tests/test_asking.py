"""`auditor judge run` from a file to verdicts, with a judge behind real HTTP."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
from mlflow import MlflowClient

from auditor import asking
from auditor.cli import group
from auditor.core.intervals import wilson
from auditor.judging import running
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.registry.workspace import Workspace
from auditor.sketches.sample import drawn
from tests import shop
from tests.judging.server import Server, serving, shown

CANARY = "sk-canary-b41d"
VARIABLE = "AUDITOR_TEST_JUDGE_KEY"


@pytest.fixture
def server(workspace: Path) -> Iterator[Server]:
    with serving() as running_server:
        jury(running_server)
        yield running_server


def jury(server: Server, model: str = "longest-1", **more: Any) -> None:
    given = {"endpoint": server.url, "model": model, "price_in": 1, "price_out": 10} | more
    lines = "".join(f"    {key}: {value}\n" for key, value in given.items())
    Path("judges.yaml").write_text(f"judges:\n  longest:\n{lines}")


def put(rows: Sequence[dict[str, Any]], name: str = "d.jsonl") -> list[dict[str, Any]]:
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return list(rows)


def preferences(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"r{n}",
            "prompt": f"q{n}",
            "chosen": f"chosen {'x' * (n % 7)} {n}",
            "rejected": f"rejected{'y' * (n % 5)} {n}",
        }
        for n in range(count)
    ]


def judge(*typed: str) -> None:
    group.main(["judge", "run", "d.jsonl", "--judge", "judges.yaml", "--quiet", *typed], standalone_mode=False)


def verdicts(name: str = "verdicts.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(name).read_text().splitlines()]


def better(one: dict[str, Any]) -> str:
    longer = len(one["output_a"]) - len(one["output_b"])
    return "a" if longer > 0 else "b" if longer < 0 else "tie"


def test_chosen_and_rejected_in_both_orders(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    rows = put(preferences(40))
    judge()
    found = verdicts()
    assert [(one["item"], one["first"]) for one in found] == [(row["id"], first) for row in rows for first in "ab"]
    for one, row in zip(found[::2], rows, strict=True):
        assert (one["question"], one["output_a"], one["output_b"]) == (row["prompt"], row["chosen"], row["rejected"])
        assert (one["a"], one["b"], one["judge"]) == ("chosen", "rejected", "longest")
    assert all(one["verdict"] == better(one) for one in found)
    shown_first = {(texts["question"], texts["first"]) for texts in map(shown, server.bodies)}
    assert shown_first == {(row["prompt"], row[side]) for row in rows for side in ("chosen", "rejected")}
    assert "80 verdicts on 40 items" in capsys.readouterr().out
    before = Path("verdicts.jsonl").read_bytes()
    judge()
    assert len(server.times) == 80, "nothing is asked twice"
    assert Path("verdicts.jsonl").read_bytes() == before
    group.main(["judge", "audit", "verdicts.jsonl", "--format", "json", "-q"], standalone_mode=False)
    record = json.loads(capsys.readouterr().out.partition("cost 0.0000\n")[2])
    assert record["metrics"]["position_inconsistency.consistency"]["value"] == 1.0


def test_an_item_is_the_same_row_after_sorting(server: Server) -> None:
    rows = preferences(12)
    for place, row in enumerate(rows):
        row["id"] = "same" if place < 3 else row["id"]
        if place > 8:
            del row["id"]
    rows.append(rows[0])

    def shown_by_item() -> dict[str, tuple[str, str]]:
        return {one["item"]: (one["output_a"], one["output_b"]) for one in verdicts()}

    put(rows)
    judge()
    before, asked = shown_by_item(), len(server.times)
    assert len(before) == 13
    assert sum(name.startswith("same#") for name in before) == 4
    put([rows[(5 * place) % 13] for place in range(13)])
    judge()
    assert shown_by_item() == before
    assert len(server.times) == asked, "nothing is asked again"
    judge("--sample", "6")
    assert shown_by_item().items() <= before.items()


def test_two_fields_with_makers_and_rows_that_lack_one(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"input": f"q{n}", "x": f"{'x' * n}!", "y": f"{'y' * (9 - n)}?"} for n in range(8)]
    put(
        [
            *rows,
            {"input": "q", "x": "alone", "y": None},
            {"input": "q", "x": "x", "y": "  "},
            {"input": "q", "x": "x", "y": "y"},
        ]
    )
    judge("--a", "x=ours", "--b", "y=theirs", "--map", "prompt=input")
    found = verdicts()
    assert len(found) == 2 * 9
    assert {(one["a"], one["b"]) for one in found} == {("ours", "theirs")}
    assert all(one["verdict"] == better(one) for one in found)
    assert "2 rows lack one of the texts" in capsys.readouterr().err


def test_grades_and_references(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    put([{"prompt": f"q{n}", "response": "r" * (n + 1), "good": f"g{n}", "other": "o" * 5} for n in range(9)])
    judge("--mode", "pointwise", "-o", "scores.jsonl")
    assert [one["score_a"] for one in verdicts("scores.jsonl")] == list(range(1, 10))
    assert {one["verdict"] for one in verdicts("scores.jsonl")} == {None}
    assert "(9 graded)" in capsys.readouterr().out
    judge("--mode", "pointwise", "--a", "response", "--b", "other", "-o", "pairs.jsonl")
    assert [one["verdict"] for one in verdicts("pairs.jsonl")] == [*"bbbb", "tie", *"aaaa"]
    judge("--mode", "reference", "--a", "response", "--b", "other", "--reference", "good", "-o", "held.jsonl")
    held = [shown(body) for body in server.bodies if "reference" in shown(body)]
    assert {(texts["question"], texts["reference"]) for texts in held} == {(f"q{n}", f"g{n}") for n in range(9)}
    assert all(one["verdict"] == better(one) for one in verdicts("held.jsonl"))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("--a", "x"), "--a is given without --b"),
        (("--b", "x"), "--b is given without --a"),
        (("--a", "response", "--b", "response=other"), "compared with itself"),
        (("--a", "response", "--b", "rejekted"), "did you mean 'rejected'"),
        (("--mode", "reference"), "needs a reference"),
        (("--reference", "x"), "no place for a reference"),
        (("--mode", "pointwise", "--prompt", "pairwise"), "is pairwise"),
        (("--prompt", "pairwize"), "did you mean 'pairwise'"),
        (("--stop",), "--precision"),
        (("--precision", "3"), "a share"),
    ],
)
def test_mistakes_are_told_before_anybody_is_asked(server: Server, typed: tuple[str, ...], said: str) -> None:
    put(preferences(3))
    with pytest.raises(ConfigError, match=said):
        judge(*typed)
    assert not server.times


def test_rows_without_a_pair_or_a_question_are_told(server: Server) -> None:
    put([{"prompt": "q", "response": "r"}] * 3)
    with pytest.raises(ConfigError, match=r"(?s)no row has a text in 'rejected'.*--a FIELD --b FIELD"):
        judge()
    put([{"instruction": "q", "good": "r", "bad": "s", "score": 1}] * 3)
    with pytest.raises(
        ConfigError, match=r"(?s)no row has a text in 'response'.*--a FIELD --b FIELD.*of: bad, good, prompt$"
    ):
        judge()
    with pytest.raises(ConfigError, match=r"(?s)no row has a text in 'nosuch'.*known: bad, good, prompt$"):
        judge("--a", "nosuch", "--b", "bad")
    put([{"x": "1 2", "y": "2 3", "question_text": "q"}] * 3)
    with pytest.raises(ConfigError, match="--map prompt=FIELD"):
        judge("--a", "x", "--b", "y")
    put(
        [
            {"id": "1", "prompt": "q", "chosen": "c", "rejected": ""},
            {"id": "2", "prompt": "q", "chosen": "", "rejected": "r"},
        ]
    )
    with pytest.raises(InputError, match="no row has all of the texts"):
        judge()
    with pytest.raises(click.BadParameter, match="write over"):
        judge("-o", "d.jsonl")
    assert not server.times


def test_a_sample_is_drawn_by_content(server: Server) -> None:
    rows = put(preferences(60))
    judge("--sample", "10", "-o", "ten.jsonl")
    judge("--sample", "20", "-o", "twenty.jsonl")
    assert len(server.times) == 40, "the larger sample holds the smaller one"
    put(rows[::-1])
    judge("--sample", "10", "-o", "again.jsonl")
    assert Path("again.jsonl").read_bytes() == Path("ten.jsonl").read_bytes()
    from auditor import auditing

    read = auditing.read("d.jsonl", auditing.Options(), Workspace.find())
    ids = read.take(drawn(read, 10), ["id"]).column("id").to_pylist()
    assert [one["item"] for one in verdicts("ten.jsonl")][::2] == ids


@pytest.mark.parametrize("precision", [0.01, 0.03, 0.1, 0.2])
def test_how_many_pairs_a_precision_needs(precision: float) -> None:
    def half(n: int) -> float:
        """At the worst rate; n even."""
        low, high = wilson(n // 2, n)
        return (high - low) / 2

    n = asking.needed(precision)
    assert half(n + n % 2) <= precision < half(max(2, n - 2 - n % 2))


def test_precision_draws_and_stop_stops(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    put(preferences(300))
    judge("--precision", "0.1", "-o", "drawn.jsonl")
    assert len(verdicts("drawn.jsonl")) == 2 * asking.needed(0.1)
    asked = len(server.times)
    judge("--precision", "0.1", "--stop", "-o", "stopped.jsonl")
    stopped = verdicts("stopped.jsonl")
    pairs = [tuple(one["verdict"] for one in stopped[at : at + 2]) for at in range(0, len(stopped), 2)]
    wins, losses = pairs.count(("a", "a")), pairs.count(("b", "b"))
    low, high = wilson(wins, wins + losses)
    assert (high - low) / 2 <= 0.1
    assert len(pairs) < 300
    assert len(server.times) <= asked + 2 * len(pairs)
    judge("--precision", "0.01", "-o", "all.jsonl")
    assert "these allow ±5.6" in capsys.readouterr().err


def test_a_dry_run_asks_nobody_and_a_budget_holds(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    put(preferences(50))
    judge("--dry-run")
    told = capsys.readouterr().out
    assert "50 items, 100 requests" in told
    assert not server.times
    assert not Path("verdicts.jsonl").exists()
    with pytest.raises(AuditorError, match="the budget ends here"):
        judge("--budget", "0.1")
    assert not Path("verdicts.jsonl").exists()
    assert 0 < len(server.times) < 100
    jury(server, price_in="", price_out="")
    with pytest.raises(ConfigError):
        judge("--budget", "0.1")


@pytest.mark.parametrize(
    ("model", "relation"),
    [
        ("gpt-4o-2024-11-20", "they are one model"),
        ("openai/gpt-4o-mini", "they are of one family"),
        ("student", "one learnt from the other"),
        ("claude-opus-4", None),
    ],
)
def test_a_relative_of_the_maker_is_refused(
    server: Server, workspace: Path, capsys: pytest.CaptureFixture[str], model: str, relation: str | None
) -> None:
    shop.build(workspace)
    jury(server, model)
    typed = ["judge", "run", "instructions@2", "--judge", "judges.yaml", "--mode", "pointwise", "-q"]
    if relation is None:
        group.main(typed, standalone_mode=False)
        assert server.times
        return
    with pytest.raises(ConfigError, match=rf"(?s){relation}.*--allow-self"):
        group.main(typed, standalone_mode=False)
    assert not server.times
    group.main([*typed, "--allow-self"], standalone_mode=False)
    told = capsys.readouterr()
    assert relation in told.err
    assert "allowed: --allow-self" in told.out
    assert len(verdicts()) == 70


def test_a_waiver_lets_a_relative_judge_while_it_holds(
    server: Server, workspace: Path, mlflow_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.build(workspace)
    shutil.copyfile(mlflow_database, Workspace.find().home / "mlflow.db")
    jury(server, "gpt-4o-2024-11-20")
    typed = ["judge", "run", "instructions@2", "--judge", "judges.yaml", "--mode", "pointwise", "-q", "--track"]
    waiver = "- {check: self-judged, dataset: %s, reason: a round wanted, owner: ana, expires: %s}\n"
    for dataset, expires, why in (("instructions", "2020-01-31", "expired on 2020-01-31"), ("seeds", "2999-01-31", "")):
        Path("waivers.yaml").write_text(waiver % (dataset, expires))
        with pytest.raises(ConfigError, match=f"(?s)they are one model.*{why}.*waivers.yaml"):
            group.main(typed, standalone_mode=False)
    assert not server.times
    Path("waivers.yaml").write_text(waiver % ("instr*", "2999-01-31"))
    group.main(typed, standalone_mode=False)
    told, wanted = capsys.readouterr(), "waived until 2999-01-31 by ana: a round wanted"
    assert f"allowed: {wanted}" in told.out
    assert f"note: allowed: {wanted}" in told.err
    where = f"sqlite:///{Workspace.find().home / 'mlflow.db'}"
    seen = MlflowClient(where, where)
    (run,) = seen.search_runs(
        [one.experiment_id for one in seen.search_experiments()], "tags.`auditor.run` = 'judging'"
    )
    assert run.data.tags["auditor.self_judged"] == run.data.params["self_judged"] == wanted


def test_makers_that_are_named_are_looked_at_as_well(server: Server) -> None:
    put(preferences(3))
    jury(server, "gpt-4o-2024-11-20")
    with pytest.raises(ConfigError, match="gpt-4o-2024-11-20 judges what gpt-4o wrote"):
        judge("--a", "response=gpt-4o", "--b", "rejected=claude-3-opus")
    judge("--a", "response=mistral-large", "--b", "rejected=claude-3-opus")
    assert len(verdicts()) == 6


def test_the_key_is_in_nothing_that_is_left_behind(
    server: Server, workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, CANARY)
    put(preferences(10))
    jury(server, key=VARIABLE)
    server.script = [(500, f"failed for {CANARY}", {}), (400, f"no schema, {CANARY}", {}), (400, f"no, {CANARY}", {})]
    judge("--dry-run")
    judge()
    group.main(["judge", "audit", "verdicts.jsonl", "--format", "json"], standalone_mode=False)
    server.script = [(401, CANARY, {})]
    put(preferences(20))
    with pytest.raises(AuditorError, match=VARIABLE) as caught:
        judge()
    assert server.authorizations == {f"Bearer {CANARY}"}
    said = capsys.readouterr()
    assert CANARY not in said.out + said.err + str(caught.value)
    files = [path for path in workspace.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert not [path for path in files if CANARY.encode() in path.read_bytes()]


def test_it_says_how_it_goes(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(running, "NEWS", 0.0)
    put(preferences(5))
    group.main(["judge", "run", "d.jsonl", "--judge", "judges.yaml"], standalone_mode=False)
    told = capsys.readouterr().err
    assert "10 of 10 judgments" in told
    assert "cost 0.0020, about 0.0020 in all" in told


def test_ctrl_c_is_clean_and_the_next_run_goes_on(server: Server) -> None:
    put(preferences(150))
    server.latency = 0.05
    typed = [sys.executable, "-m", "auditor", "judge", "run", "d.jsonl", "--judge", "judges.yaml"]
    if subprocess.run([sys.executable, "-c", "import auditor.__main__"], capture_output=True).returncode:
        typed[1:3] = ["-c", "from auditor.cli import main; main()"]
    process = subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ)
    while len(server.answered) < 40:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    begun = time.monotonic()
    _, told = process.communicate(timeout=30)
    assert time.monotonic() - begun < 5
    assert process.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
    assert not Path("verdicts.jsonl").exists()
    server.latency = 0.0
    judge()
    assert len(verdicts()) == 300
    assert sum(server.answered.values()) <= 300 + 8
    assert not list(Path().glob(".verdicts*"))
