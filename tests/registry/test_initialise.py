"""A new workspace: found out rather than asked, and nothing written over."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from auditor.core import policy
from auditor.core.check import registered
from auditor.registry import Workspace, settings
from auditor.registry.initialise import FILES, WORKFLOWS, initialise


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    done = initialise(tmp_path, "none")
    assert set(done.made) == set(FILES)
    assert done.kept == ()
    workspace = Workspace.find(tmp_path / "datasets")
    assert workspace.root == tmp_path
    assert workspace.policy == "default"
    metrics = [cls.spec.metric(m.name) for cls in registered().values() for m in cls.spec.measures]
    assert policy.load("workspace", workspace.expectations, metrics, list(registered())).metrics
    assert yaml.safe_load((tmp_path / "dvc.yaml").read_text()) == {"stages": {}}
    assert settings.read(tmp_path / "auditor.yaml").path


def test_nothing_is_written_over_and_what_is_missing_is_made(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {mine: {cmd: 'true'}}\n")
    (tmp_path / "auditor.yaml").symlink_to("elsewhere.yaml")  # even a link that leads nowhere is the user's
    first = initialise(tmp_path, "none")
    assert set(first.kept) == {"dvc.yaml", "auditor.yaml"}
    assert "mine" in (tmp_path / "dvc.yaml").read_text()
    assert not (tmp_path / "elsewhere.yaml").exists()
    (tmp_path / "models.lock.yaml").unlink()
    assert initialise(tmp_path, "none").made == ("models.lock.yaml",)


def test_github_is_found_out_and_its_workflows_stand_at_the_top(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    inner = tmp_path / "teams" / "sft"
    inner.mkdir(parents=True)
    assert not any("workflows" in name for name in initialise(inner).made)
    git(tmp_path, "remote", "add", "origin", "git@github.com:acme/data.git")
    done = initialise(inner)
    assert set(done.made) == {f"../../{place}" for place in WORKFLOWS}
    for place in WORKFLOWS:
        workflow = yaml.safe_load((tmp_path / place).read_text())
        assert workflow["jobs"], place


@pytest.mark.parametrize("place", WORKFLOWS)
def test_commands_of_the_workflows_exist(place: str, tmp_path: Path) -> None:
    import re

    import click

    from auditor.cli import COMMANDS, group

    initialise(tmp_path, "github")
    text = (tmp_path / place).read_text()
    called = re.findall(r"^(?:\s*run:| {6,})\s*auditor (\w+)([^\n|>]*)", text, flags=re.MULTILINE)
    assert called
    for name, rest in called:
        assert name in COMMANDS
        command = group.get_command(click.Context(group), name)
        assert command is not None
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known


def test_the_largest_data_is_offered_for_the_next_step(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "big.jsonl").write_text("{}\n" * 9)
    (tmp_path / "small.csv").write_text("a\n")
    (tmp_path / "notes.md").write_text("x" * 99)
    assert initialise(tmp_path, "none").data == ("data/big.jsonl", "small.csv")
