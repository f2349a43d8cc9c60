"""Where a workspace is, what it sets, and that two processes never work in it at once."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from auditor.core import check
from auditor.core.check import Measure, Spec
from auditor.model.errors import ConfigError, StorageError
from auditor.registry import Workspace


def settings(folder: Path, text: str) -> Workspace:
    (folder / "auditor.yaml").write_text(text)
    return Workspace.find(folder)


def test_found_upwards_by_settings_or_home(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert Workspace.find(deep).root == deep
    (tmp_path / "auditor.yaml").touch()
    assert Workspace.find(deep).root == tmp_path
    (tmp_path / "a" / ".auditor").mkdir()
    assert Workspace.find(deep).root == tmp_path / "a"


def test_first_use_makes_a_home_that_git_ignores(tmp_path: Path) -> None:
    found = Workspace.find()
    assert found.settings.checks == {}
    assert found.expectations
    assert list(tmp_path.iterdir()) == []
    assert found.cache == tmp_path / ".auditor" / "cache"
    assert (tmp_path / ".auditor" / ".gitignore").read_text() == "*\n"
    assert (found.audits, found.outbox) == (tmp_path / ".auditor" / "audits", tmp_path / ".auditor" / "outbox")


def test_a_file_in_place_of_the_home_is_told(tmp_path: Path) -> None:
    (tmp_path / ".auditor").touch()
    with pytest.raises(StorageError, match="cannot make the workspace"):
        _ = Workspace(tmp_path).cache


def test_expectations_of_the_user_come_first(tmp_path: Path) -> None:
    ours = Workspace(tmp_path).expectations
    assert len(ours) == 1
    (tmp_path / "expectations").mkdir()
    assert Workspace(tmp_path).expectations == (tmp_path / "expectations", *ours)
    # In the checkout itself they are one folder.
    assert Workspace(ours[0].parent).expectations == (ours[0],)


def test_dashboards_of_the_user(tmp_path: Path) -> None:
    assert Workspace(tmp_path).dashboards is None
    (tmp_path / "dashboards").mkdir()
    assert Workspace(tmp_path).dashboards == tmp_path / "dashboards"


def test_settings_are_read(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        "# ours\npolicy: strict\nby: [generator, prompt_id]\nmemory: 1.5GB\nmax_bad_rows: 0.1%\n"
        "mlflow:\n  uri: http://127.0.0.1:5000\nchecks:\n  some-check:\n    words: [a, b]\n    top: 3\n  other:\n",
    )
    assert (found.policy, found.by, found.max_bad_rows) == ("strict", ("generator", "prompt_id"), "0.1%")
    assert found.memory == 1_610_612_736
    assert found.tracking_uri == "http://127.0.0.1:5000"
    assert found.settings.checks == {"some-check": {"words": ["a", "b"], "top": 3}, "other": {}}


@pytest.mark.parametrize("text", ["", "# only a mark\n\n", "\ufeff"])
def test_settings_may_be_empty(tmp_path: Path, text: str) -> None:
    if text == "\ufeff":
        text = ""
    found = settings(tmp_path, text)
    assert (found.policy, found.by, found.memory, found.tracking_uri, dict(found.checks)) == (None, (), 0, None, {})


BOMB = "a: &a [1,1,1,1,1,1,1,1,1]\nby: [" + "*a, " * 9 + "]\n"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("policy: strict\npolcy: x\n", 2, "did you mean 'policy'"),
        ("mlflow: {url: x}\n", 1, "did you mean 'uri'"),
        ("policy: a\nby: x\npolicy: b\n", 3, "'policy'"),
        ("checks:\n  some-check:\n    top: 1\n    top: 2\n", 4, "'top'"),
        (BOMB, 1, "alias"),
        ("memory: lots\n", 1, "such as 3GB"),
        ("memory: true\n", 1, "such as 3GB"),
        ("max_bad_rows: many\n", 1, "0.001"),
        ("max_bad_rows: -1\n", 1, "0.001"),
        ("max_bad_rows: .nan\n", 1, "0.001"),
        ("by:\n  a: b\n", 2, "list"),
        ("checks: near-duplicates\n", 1, "mapping"),
        ("checks:\n  some-check: 3\n", 2, "mapping"),
        ("just a line\n", 1, "mapping"),
        ("policy: [a\nby: x\n", 2, "YAML"),
        ("policy: !!python/object/apply:os.system ['true']\n", 1, ""),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = settings(tmp_path, text).settings
    assert str(caught.value).startswith(f"{tmp_path / 'auditor.yaml'}:{line}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[" * 5000, b"a: " + b"{b: " * 5000])
def test_hostile_settings_are_a_named_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "auditor.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"auditor\.yaml"):
        _ = Workspace(tmp_path).settings


class Planted:
    """A check with one whole-number parameter, as `core.check.build` sees checks."""

    spec = Spec(name="planted", title="planted", measures=(Measure("rate", "share", "what"),))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import make_dataclass

    cls = make_dataclass("Planted", [("top", int, 3)], bases=(Planted,), frozen=True)
    monkeypatch.setitem(check._registered, "planted", cls)


@pytest.mark.usefixtures("planted")
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("checks:\n  plantde:\n    top: 2\n", 3, "did you mean 'planted'"),
        ("checks:\n  planted:\n    topp: 2\n", 3, "did you mean 'top'"),
        ("checks:\n  planted:\n    top: many\n", 3, "'many'"),
    ],
)
def test_checks_and_parameters_are_asked_for(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _ = settings(tmp_path, text).checks
    assert str(caught.value).startswith(f"{tmp_path / 'auditor.yaml'}:{line}: ")
    assert words in str(caught.value)


@pytest.mark.usefixtures("planted")
def test_checks_that_are_known_come_through(tmp_path: Path) -> None:
    assert settings(tmp_path, "checks:\n  planted:\n    top: 2\n").checks == {"planted": {"top": 2}}


HOLD = """
import sys, time
from pathlib import Path
from auditor.registry import Workspace
with Workspace(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_two_processes_take_turns(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(StorageError, match="locked by another process"), Workspace(tmp_path).lock(patience=0.1):
        pytest.fail("two in one workspace")
    holder.kill()
    begun = time.monotonic()
    with Workspace(tmp_path).lock(patience=30):
        assert time.monotonic() - begun < 30


def test_what_a_killed_audit_left_in_scratch_goes(tmp_path: Path, holder: "subprocess.Popen[str]") -> None:
    left = Workspace(tmp_path).scratch / "tmpabc"
    left.mkdir()
    (left / "spill").write_bytes(b"x")
    holder.kill()
    holder.wait()
    with Workspace(tmp_path).lock(patience=30):
        assert list(Workspace(tmp_path).scratch.iterdir()) == []


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Workspace(tmp_path).lock():
        raise KeyError
    with Workspace(tmp_path).lock(patience=0.1):
        assert (tmp_path / ".auditor" / "workspace.lock").exists()


def test_the_address_of_openlineage(tmp_path: Path) -> None:
    found = settings(tmp_path, "openlineage: {url: 'http://127.0.0.1:8080'}\n")
    assert found.openlineage_url == "http://127.0.0.1:8080"
    with pytest.raises(ConfigError, match="did you mean 'url'"):
        _ = settings(tmp_path, "openlineage: {uri: 'http://127.0.0.1:8080'}\n").openlineage_url


@pytest.mark.parametrize("policy", ["../far.yaml", "{out}/far.yaml", "sub/link.yaml", "expectations/../../far.yaml"])
def test_a_policy_of_the_settings_lies_in_the_workspace(
    policy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "far.yaml").write_text("hunter2")
    root = tmp_path / "ws"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "link.yaml").symlink_to(tmp_path / "far.yaml")
    (root / "sub" / "own.yaml").touch()
    found = settings(root, f"by: generator\npolicy: {policy.format(out=tmp_path)}\n")
    with pytest.raises(ConfigError) as refused:
        _ = found.policy
    assert (refused.value.message, refused.value.line) == ("it leads out of the workspace", 2)
    monkeypatch.setenv("AUDITOR_OUTSIDE", str(tmp_path))
    assert Path(str(found.policy)).read_text() == "hunter2"
    # One inside is looked for from the workspace, whatever the folder; a name is a name.
    monkeypatch.chdir(root / "sub")
    assert settings(root, "policy: sub/own.yaml").policy == str(root / "sub" / "own.yaml")
    assert settings(root, "policy: strict").policy == "strict"


@pytest.mark.parametrize("link", ["expectations", "expectations/policies/x.yaml", "dashboards/report.css"])
def test_folders_whose_files_are_quoted_lead_nowhere_else(link: str, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    root = tmp_path / "ws"
    (root / link).parent.mkdir(parents=True)
    (root / link).symlink_to(tmp_path / "far")
    with pytest.raises(ConfigError, match="leads out of the workspace"):
        _ = (Workspace(root).expectations, Workspace(root).dashboards)
