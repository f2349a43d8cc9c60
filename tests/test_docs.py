"""The documents say what is true: generated pages are current, and every command shown exists."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import auditor
from auditor.cli import COMMANDS, group
from auditor.core.check import registered

ROOT = Path(auditor.__file__).parent.parent
README = ROOT / "README.md"
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "docs/calibration.md",
    "docs/checks.md",
    "docs/cli.md",
    "docs/lineage.md",
]

pytestmark = pytest.mark.skipif(not README.exists(), reason="not a checkout: the documents stand beside the package")


def test_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs" / "generate.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES)
def test_links_inside_the_repository_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), f"{page} links to {target}"


def test_commands_and_options_of_the_readme_exist() -> None:
    import click

    shown = re.findall(
        r"auditor (\w+)((?: [^`\n#|]*)?)", re.sub(r"```yaml.*?```", "", README.read_text(), flags=re.DOTALL)
    )
    commands = [(name, rest) for name, rest in shown if name in COMMANDS]
    assert len(commands) > 8
    for name, rest in commands:
        command = group.get_command(click.Context(group), name)
        assert command is not None
        if isinstance(command, click.Group):
            command = command.commands[rest.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert not set(re.findall(r"--[a-z-]+", rest)) - known, f"auditor {name}{rest}"


def test_the_changelog_names_every_check() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert [name for name in registered() if f"`{name}`" not in text] == []


def test_the_policy_and_waivers_of_the_readme_are_read(tmp_path: Path) -> None:
    from auditor.core import policy, verdict
    from auditor.registry.workspace import Workspace

    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(), flags=re.DOTALL)
    ours, waivers = blocks[1], blocks[2]
    assert yaml.safe_load(ours)["name"] == "ours"
    (tmp_path / "ours.yaml").write_text(ours)
    (tmp_path / "waivers.yaml").write_text(waivers)
    checks = registered()
    metrics = [cls.spec.metric(m.name) for cls in checks.values() for m in cls.spec.measures]
    loaded = policy.load(str(tmp_path / "ours.yaml"), Workspace.find().expectations, metrics, list(checks))
    assert loaded.required == ("near-duplicates",)
    assert verdict.load_waivers(tmp_path / "waivers.yaml", list(checks), metrics).described()
