"""Stages as DVC itself understands them, and the journal of what was done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from auditor.model.errors import ConfigError
from auditor.regeneration import pipeline
from auditor.regeneration.journal import Journal

DVC_YAML = """
stages:
  plain:
    cmd: [echo one, "cp in.txt out.txt"]
    deps: [in.txt, folder/]
    params:
      - models.lock.yaml: [gpt-4o, ours]
      - params.yaml:
    outs:
      - out.txt: {cache: true}
    metrics: [m.json]
  whole:
    cmd: cp in.txt whole.txt
    params: [{models.lock.yaml: }]
    outs: [whole.txt]
  each:
    foreach: [x, y]
    do:
      cmd: cp in.txt ${item}.txt
      deps: [in.txt]
      outs: ["${item}.txt"]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "dvc.yaml").write_text(DVC_YAML)
    (tmp_path / "in.txt").write_text("hello\n")
    (tmp_path / "models.lock.yaml").write_text('gpt-4o: "1"\nours: "2"\n')
    deep = tmp_path / "deep" / "er"
    deep.mkdir(parents=True)
    (tmp_path / "deep/dvc.yaml").write_text(
        "stages:\n  s:\n    wdir: er\n    cmd: cp ../../in.txt out.txt\n    deps: [../../in.txt]\n"
        "    params: [{../../models.lock.yaml: [ours]}]\n    outs: [out.txt]\n"
    )
    return tmp_path


def dvc(root: Path, *words: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    return subprocess.check_output([sys.executable, "-m", "dvc", *words], cwd=root, env=environment, text=True)


def test_a_plain_stage(root: Path) -> None:
    stage = pipeline.find("plain", root)
    assert (stage.command, stage.deps, stage.outs) == (
        "echo one && cp in.txt out.txt",
        ("in.txt", "folder"),
        ("out.txt", "m.json"),
    )
    assert stage.keys == ("gpt-4o", "ours")
    assert stage.reads("in.txt")
    assert stage.reads("./folder/deep/file")
    assert not stage.reads("folders/file")
    assert (stage.follows("ours"), stage.follows("theirs")) == (True, False)
    assert pipeline.find("whole", root).follows("anything")


def test_paths_of_a_stage_elsewhere_are_of_the_workspace(root: Path) -> None:
    stage = pipeline.find("deep/dvc.yaml:s", root)
    assert (stage.deps, stage.outs, stage.keys) == (("in.txt",), ("deep/er/out.txt",), ("ours",))


def test_stages_of_a_template_are_known_once_they_ran_and_dvc_agrees_with_the_lock(root: Path) -> None:
    with pytest.raises(ConfigError, match="not known before it has run once"):
        pipeline.find("each@x", root)
    dvc(root, "init", "--no-scm", "-q")
    dvc(root, "repro", "-q", "each@x", "deep/dvc.yaml:s")
    stage = pipeline.find("each@x", root)
    assert (stage.command, stage.deps, stage.outs) == ("cp in.txt x.txt", ("in.txt",), ("x.txt",))

    entry = pipeline.locked("each@x", root)
    assert entry is not None
    (root / "in.txt").write_text("other\n")
    dvc(root, "repro", "-q", "each@x")
    assert pipeline.locked("each@x", root) != entry
    (root / "in.txt").write_text("hello\n")
    pipeline.restore("each@x", entry, root)
    dvc(root, "checkout", "-q", "--force", "each@x")
    # Oracle: DVC takes the entry that was put back, and finds nothing to do.
    assert "each@x" not in dvc(root, "status", "--json", "each@x")
    assert (root / "x.txt").read_text() == "hello\n"
    pipeline.restore("each@x", None, root)
    assert yaml.safe_load((root / "dvc.lock").read_text())["stages"] == {}
    assert pipeline.locked("deep/dvc.yaml:s", root) is not None


def test_what_is_no_stage_is_said(root: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'plain'"):
        pipeline.find("plan", root)
    with pytest.raises(ConfigError, match="not a stage"):
        pipeline.find("a:b:c", root)
    with pytest.raises(ConfigError, match="make one"):
        pipeline.find("plain", root / "deep" / "er")
    (root / "dvc.yaml").write_text("stages: [\n")
    with pytest.raises(ConfigError, match="not YAML"):
        pipeline.find("plain", root)


def test_a_journal_survives_a_torn_line(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "home" / "regeneration.jsonl")
    assert (journal.events(), dict(journal.durations()), dict(journal.remade())) == ([], {}, {})
    journal.tell("a", 1, "made", 12.5)
    assert journal.unregistered("a", 1)
    assert not journal.unregistered("a", 2)
    with journal.path.open("ab") as file:
        file.write(b'{"at": "2026-01-')
    journal.tell("a", 2, "passed", 1)
    journal.tell("b", 1, "unchanged", 3)
    journal.path.open("ab").close()
    assert [(event.dataset, event.what) for event in journal.events()] == [
        ("a", "made"),
        ("a", "passed"),
        ("b", "unchanged"),
    ]
    assert dict(journal.durations()) == {"a": 12.5}
    assert list(journal.remade()) == ["b"]
    assert not journal.unregistered("a", 1)
