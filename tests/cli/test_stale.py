"""`stale`, `regenerate` and `watch` as they are typed: exit codes, what is printed, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from auditor.cli import main; main()"]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True)


@pytest.fixture(autouse=True)
def _registered(workspace: Path) -> None:
    """`sft`, whose model has moved on, and `old`, of which nothing is known any more."""
    (workspace / "datasets").mkdir()
    (workspace / "models.lock.yaml").write_text('gpt: "2"\n')
    for name, generator in (("sft", "gpt@1"), ("old", "nobody@1")):
        (workspace / f"datasets/{name}.yaml").write_text(
            f"name: {name}\nkind: synthetic\nversions:\n- version: 1\n  date: '2026-01-02T03:04:05+00:00'\n"
            f"  path: {name}.jsonl\n  rows: 7\n  digest: sha256:{'a' * 64}\n  lineage:\n    generators: [{generator}]\n"
        )


def test_stale() -> None:
    done = run("stale")
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "sft@1  7 rows",
            "  model gpt: 1 -> 2",
            "",
            "unknown",
            (
                "  model nobody: nothing says which revision is in use: name it in models.lock.yaml, "
                "or register with --follows (old)"
            ),
            "",
            "1 of 2 datasets stale, 1 source unknown",
        ],
    )
    assert run("stale", "--fail").returncode == 1
    assert run("stale", "old", "--fail").returncode == 0
    said = json.loads(run("stale", "--json").stdout)
    assert said["stale"][0]["reasons"] == [
        {"cause": "model", "subject": "gpt", "recorded": "1", "present": "2", "note": None}
    ]
    assert [one["dataset"] for one in said["unknown"]] == ["old"]
    wrong = run("stale", "stf")
    assert (wrong.returncode, "did you mean 'sft'?" in wrong.stderr) == (2, True)


def test_the_next_round_of_a_model_is_no_news_to_what_it_learnt_from() -> None:
    assert run("trained", "nobody@2", "--on", "old@1").returncode == 0
    assert run("stale", "old").stdout == "0 of 1 dataset stale\n"
    assert run("trained", "nobody@3", "--on", "sft@1").returncode == 0
    assert "model nobody: 1 -> 3" in run("stale", "old").stdout


def test_regenerate_says_what_it_cannot_do() -> None:
    done = run("regenerate", "--all-stale", "--dry-run")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "left alone",
        "  sft@1: no stage of dvc.yaml makes it",
        "    try: make sft.jsonl again, then: auditor register sft sft.jsonl",
        "",
        "nothing to make again, 1 left alone",
    ]
    named = run("regenerate", "sft", "--json")
    assert named.returncode == 2  # it was asked for by name
    said = json.loads(named.stdout)
    assert (said["steps"], said["done"][0]["what"]) == ([], "left alone")
    assert run("regenerate", "old").stdout.splitlines() == ["nothing to do for old"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["regenerate"], "give names, or --all-stale"),
        (["regenerate", "sft", "--all-stale"], "not both"),
        (["regenerate", "sft", "--expires", "soon"], "neither days"),
        (["watch"], "give one of --once"),
        (["watch", "--once", "--every", "1h"], "give one of --once"),
        (["watch", "--every", "1h", "--json"], "go with --once"),
        (["watch", "--once", "--max-rows", "5"], "go with --regenerate"),
        (["watch", "--once", "--listen", "127.0.0.1:0"], "need --every or --cron"),
        (["watch", "--every", "soon"], "not a time between looks"),
        (["watch", "--cron", "* *"], "not a cron expression"),
        (["watch", "--every", "1h", "--listen", "0.0.0.0:80"], "can be reached from other machines"),
        (["watch", "--every", "1h", "--listen", "127.0.0.1:0"], "the secret of the webhook is not set"),
    ],
)
def test_what_does_not_go_together_is_refused(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from auditor.cli import main

    monkeypatch.setattr(sys, "argv", ["auditor", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_watch_once() -> None:
    done = run("watch", "--once", "--json", "--fail")
    said = json.loads(done.stdout)
    assert (done.returncode, said["changed"], [one["dataset"] for one in said["stale"]]) == (1, True, ["sft"])
    assert json.loads(run("watch", "--once", "--json").stdout)["changed"] is False
