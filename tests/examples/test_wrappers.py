"""What wraps the command for CI says only what the command understands."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from auditor.cli import group

ROOT = Path(__file__).parent.parent.parent


def document(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text())


def options() -> set[str]:
    command = group.get_command(click.Context(group), "audit")
    assert command is not None
    return {word for parameter in command.params for word in parameter.opts}


@pytest.fixture
def fake(tmp_path: Path) -> dict[str, str]:
    """An `auditor` that writes its words down and exits with $FAKE_EXIT."""
    script = tmp_path / "bin" / "auditor"
    script.parent.mkdir()
    script.write_text('#!/bin/bash\nprintf "%s\\n" "$@" -- >> "$FAKE_LOG"; exit "${FAKE_EXIT:-0}"\n')
    script.chmod(0o755)
    return os.environ | {
        "PATH": f"{script.parent}:{os.environ['PATH']}",
        "FAKE_LOG": str(tmp_path / "said"),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }


def said(fake: dict[str, str]) -> list[str]:
    return Path(fake["FAKE_LOG"]).read_text().splitlines()


def test_every_input_of_the_action_is_used_and_known() -> None:
    action = document("action.yml")
    text = (ROOT / "action.yml").read_text()
    used = set(re.findall(r"inputs\.([a-z-]+)", text))
    assert used == set(action["inputs"])
    scripts = "\n".join(step.get("run", "") for step in action["runs"]["steps"])
    assert "${{" not in scripts, "an input in a script's text would be read as code"
    assert set(re.findall(r"(?<=[ (])--[a-z][a-z-]+", scripts)) - {"--quiet"} <= options()


@pytest.mark.parametrize("code", ["0", "1", "3"])
def test_the_action_s_script(fake: dict[str, str], tmp_path: Path, code: str) -> None:
    (step,) = [s for s in document("action.yml")["runs"]["steps"] if s.get("id") == "audit"]
    given = {
        "AUDIT_PATH": "-a $(touch x).jsonl",
        "AUDIT_POLICY": "strict",
        "AUDIT_BASELINE": "",
        "AUDIT_FAIL_ON": "warn",
        "AUDIT_ARGS": "--skip\nlanguage-mix\n",
    }
    assert set(given) == set(step["env"])
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(shell, env=fake | given | {"FAKE_EXIT": code}, cwd=tmp_path)
    assert done.returncode == int(code)
    out = f"{tmp_path}/audit"
    assert said(fake) == [
        *["audit", "--format", "github", "--fail-on", "warn", "--out", out, "--output", f"sarif={out}.sarif"],
        *["--policy", "strict", "--skip", "language-mix", "--", "-a $(touch x).jsonl", "--"],
    ]
    assert (tmp_path / "output").read_text() == f"exit-code={code}\nreport={out}\n"
    assert not (tmp_path / "x").exists()


def test_the_hook_audits_each_file_and_keeps_the_worst(fake: dict[str, str], tmp_path: Path) -> None:
    (hook,) = document(".pre-commit-hooks.yaml")
    import shlex

    words = [*shlex.split(hook["entry"]), "--policy", "strict", "a b.jsonl", "c.csv.gz"]
    assert subprocess.run(words, env=fake, cwd=tmp_path).returncode == 0
    each = [["audit", "--policy", "strict", "--", name, "--"] for name in ("a b.jsonl", "c.csv.gz")]
    assert said(fake) == each[0] + each[1]
    assert subprocess.run(words, env=fake | {"FAKE_EXIT": "1"}, cwd=tmp_path).returncode == 1
    for name, wanted in {
        "d.jsonl": True,
        "d.parquet": True,
        "d.csv.zst": True,
        "d.json.txt": False,
        "d.py": False,
    }.items():
        assert bool(re.search(hook["files"], name)) is wanted


def test_workflows_run_what_exists() -> None:
    jobs = document(".github/workflows/ci.yml")["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert ".ci/run" in runs
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert {run.split()[1] for run in runs if run.startswith("make ")} <= set(targets)
    steps = document("examples/ci/audit.yml")["jobs"]["audit"]["steps"]
    (ours,) = [step for step in steps if step["uses"].startswith("auditor-data/auditor")]
    assert set(ours["with"]) <= set(document("action.yml")["inputs"])


@pytest.mark.parametrize("script", [".ci/run"])
def test_scripts_are_bash(script: str) -> None:
    assert subprocess.run(["bash", "-n", ROOT / script]).returncode == 0


def test_the_example_workspace_is_valid(tmp_path: Path) -> None:
    from auditor.registry import Workspace

    (tmp_path / "auditor.yaml").write_bytes((ROOT / "examples" / "auditor.yaml").read_bytes())
    assert Workspace(tmp_path).policy == "default"


def test_make_refuses_an_old_python(tmp_path: Path) -> None:
    """A clear message, from a checkout that has no environment yet."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    old = tmp_path / "old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "test", f"PYTHON={old}", "UV="], cwd=tmp_path, capture_output=True, text=True, env=dict(os.environ)
    )
    assert done.returncode == 2
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert not (tmp_path / ".venv").exists()
