"""The pipeline of `examples/`, as a user who copies it would run it: real git, DVC and command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import auditor

PIPELINE = Path(auditor.__file__).parent.parent / "examples" / "pipeline"
BIN = Path(sys.executable).parent
MADE = ("instructions", "dialogues", "preferences")

pytestmark = pytest.mark.skipif(not PIPELINE.exists(), reason="not a checkout: the examples stand beside the package")


def run(folder: Path, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def stale(folder: Path) -> list[str]:
    """Datasets whose sources changed. (A verdict is stale too where our own default policy is another since.)"""
    found = json.loads(run(folder, "auditor", "stale", "--json").stdout)["stale"]
    return [entry["dataset"] for entry in found if entry["reasons"]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "pipeline"
    shutil.copytree(PIPELINE, folder, ignore=shutil.ignore_patterns(".auditor", "data", "audits", "cache", "tmp"))
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "git", "config", "user.email", "desk@example.org")
    run(folder, "git", "config", "user.name", "desk")
    run(folder, "git", "add", "-A")
    run(folder, "git", "commit", "-qm", "a copy")
    run(folder, "dvc", "repro", "-q", *MADE)
    return folder


def test_the_data_made_is_what_the_cards_name(copy: Path) -> None:
    assert stale(copy) == []
    assert run(copy, "git", "status", "--short").stdout == "", "dvc.lock names the same bytes"


def test_a_new_writer_makes_one_branch_again_and_leaves_the_other_alone(copy: Path) -> None:
    lock = copy / "models.lock.yaml"
    before = (copy / "data" / "preferences.jsonl").stat().st_mtime_ns
    lock.write_text(lock.read_text().replace('writer: "2026-06"', 'writer: "2026-11"'))

    run(copy, "auditor", "stale", "--fail", code=1)
    assert stale(copy) == ["instructions", "dialogues"]
    run(copy, "auditor", "regenerate", "--all-stale")

    cards = {name: yaml.safe_load((copy / "datasets" / f"{name}.yaml").read_text()) for name in MADE}
    assert [len(cards[name]["versions"]) for name in MADE] == [2, 2, 1]
    for name in ("instructions", "dialogues"):
        old, new = cards[name]["versions"]
        assert (old["status"], new["status"]) == ("superseded", "current")
        assert new["supersedes"] == 1
        assert new["verdict"]["status"] in ("pass", "warn")
    generators = cards["instructions"]["versions"][-1]["lineage"]["generators"]
    assert [generator["model"] for generator in generators] == ["writer@2026-11"]
    assert cards["dialogues"]["versions"][-1]["lineage"]["parents"][0]["dataset"] == "instructions@2"
    assert (copy / "data" / "preferences.jsonl").stat().st_mtime_ns == before
    assert stale(copy) == []

    # The pipeline's own gate finds what regenerate registered, and makes nothing stale.
    run(copy, "dvc", "repro", "-q", "gate@instructions")
    (record,) = json.loads((copy / "gates" / "instructions.json").read_text())
    assert record["dataset"]["version"] == "instructions@2"
    assert stale(copy) == []

    gated = run(copy, "auditor", "gate", "--changed", "--base", "HEAD", "--format", "json")
    versions = {record["dataset"]["version"] for record in json.loads(gated.stdout)}
    assert versions >= {"dialogues@2", "instructions@2"}  # and what was judged by an older default policy


def test_data_that_was_changed_and_not_registered_is_turned_away(copy: Path) -> None:
    path = copy / "data" / "preferences.jsonl"
    content = path.read_text().splitlines(keepends=True)
    path.unlink()  # DVC may have linked it to its cache
    path.write_text("".join(content[:-1]))
    gated = run(copy, "auditor", "gate", "preferences", "--format", "json", code=1)
    record = json.loads(gated.stdout)[0]
    (copy / "audits").mkdir(exist_ok=True)
    (copy / "audits" / "preferences.json").write_text("{}")
    refused = run(copy, "dvc", "repro", "-q", "--single-item", "gate@preferences", code=255)
    assert "preferences@1: turned away (fail)" in refused.stderr
    failed = {verdict["check"] for verdict in record["verdicts"] if verdict["status"] == "fail"}
    assert {"count-mismatch", "digest-mismatch"} & failed
