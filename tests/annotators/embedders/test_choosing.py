"""How an embedder is chosen, on the command line and in `auditor.yaml`, and what is said where it cannot be had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor.annotators.embedders import NAMES, asking
from auditor.cli import group
from auditor.model.errors import AuditorError
from auditor.registry.workspace import Workspace
from tests.annotators.embedders.test_embedders import model2vec


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "auditor.yaml").touch()
    (tmp_path / "rows.jsonl").write_text(
        "".join(json.dumps({"text": f"a plain sentence {i}"}) + "\n" for i in range(30))
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def audited(*more: str) -> tuple[int, str]:
    """(exit code, standard output, or the message that takes its place)."""
    said = CliRunner().invoke(
        group, ["audit", "rows.jsonl", "-q", "--only", "few-patterns", *more], standalone_mode=False
    )
    if isinstance(said.exception, AuditorError):
        return said.exception.exit_code, str(said.exception)
    return said.return_value, said.stdout


@pytest.mark.parametrize("command", ["audit", "calibrate"])
def test_help_names_what_there_is(command: str) -> None:
    told = " ".join(CliRunner().invoke(group, [command, "--help"]).output.split())
    assert all(name in told for name in (*NAMES, "a folder of weights", "https://HOST/v1#MODEL"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("wordlama", "unknown embedder 'wordlama'"),
        ("./nosuch", "no embedder: there is no such folder"),
        ("rows.jsonl", "no embedder: that is a file"),
        ("https://host/v1", "which model of the endpoint?"),
        ("https://host/v1#m?price=-1", "'price' is that of a million tokens: a number from 0 on"),
    ],
)
def test_what_cannot_be_had_is_told_where_it_was_asked_for(workspace: Path, given: str, told: str) -> None:
    code, said = audited("--embedder", given)
    assert (code, said.count(told)) == (2, 1)
    assert "auditor.yaml" not in said
    (workspace / "auditor.yaml").write_text(f"by: []\nembedder: {json.dumps(given)}\n")
    code, said = audited()
    assert code == 2
    assert f"auditor.yaml:2: {told}" in said


def test_a_folder_in_the_settings_is_the_workspaces(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model2vec(workspace / "weights")
    (workspace / "auditor.yaml").write_text("embedder: weights\n")
    assert Workspace.find().embedder == "weights"
    (workspace / "below").mkdir()
    monkeypatch.chdir(workspace / "below")
    assert Workspace.find().embedder == "../weights"
    said = CliRunner().invoke(group, ["audit", "../rows.jsonl", "--only", "few-patterns", "--format", "json"])
    assert "embedder ../weights" in said.stdout
    for name in ("hashed", "https://host/v1#org/model"):
        (workspace / "auditor.yaml").write_text(f"embedder: {name}\n")
        assert Workspace.find().embedder == name


def test_a_check_without_its_vectors_says_why_on_a_line(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "ATTEMPTS", 1)
    code, said = audited("--embedder", "http://127.0.0.1:9/v1#m", "--format", "json")
    assert code == 3
    (why,) = [one["why"] for one in json.loads(said)["checks"]]
    assert why == (
        "the embedder cannot be reached: ConnectError; seen: http://127.0.0.1:9/v1#m; "
        "try: run again: what was answered is kept"
    )
