"""The gate: what changed since a base by git's own word, verdicts on cards, and several datasets in one document."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor import gating
from auditor.auditing import Options, Silent, run
from auditor.browsing import history
from auditor.cli import group
from auditor.gating import changed, gate
from auditor.model.card import Lineage, Standing, Tracked
from auditor.model.errors import ConfigError, InputError
from auditor.registration import Request, register
from auditor.registry import Workspace, find
from auditor.registry.cards import load, save
from auditor.reports.together import FORMATS, together

QUICK = Options(only=("exact-duplicates", "count-mismatch", "digest-mismatch", "incomplete-lineage"))


def git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def rows(path: Path, count: int, start: int = 0, copies: int = 0) -> None:
    made = [
        {"prompt": f"What is {n} and {n}?", "response": f"It is {2 * n}, as anyone can count."}
        for n in range(start, start + count)
    ]
    made += made[:1] * copies
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in made))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "config", "user.email", "a@example.org")
    git(tmp_path, "config", "user.name", "a")
    (tmp_path / "auditor.yaml").touch()
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        rows(tmp_path / "data" / f"{name}.jsonl", 40, start=100 * len(name))
        put(name, Workspace(tmp_path))
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "one and two")
    return Workspace(tmp_path)


def put(name: str, workspace: Workspace, status: Standing = "current") -> None:
    lineage = Lineage(technique="human", people=("Ada",))
    register(Request(name, f"data/{name}.jsonl", lineage, "real", status=status, dvc=False), workspace)


def test_nothing_changed_and_each_way_of_changing(workspace: Workspace) -> None:
    assert changed("HEAD", workspace).names == ()
    rows(workspace.root / "data" / "two.jsonl", 41)
    put("two", workspace)
    assert changed("HEAD", workspace).names == ("two",), "not committed"
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-qm", "two again")
    assert changed("HEAD", workspace).names == ()
    assert changed("HEAD~1", workspace).names == ("two",)
    card = workspace.root / "datasets" / "one.yaml"
    card.write_text(card.read_text() + "# a word\n")
    assert changed("HEAD~1", workspace).names == ("one", "two")


def test_what_the_base_did_meanwhile_is_not_ours(workspace: Workspace) -> None:
    git(workspace.root, "checkout", "-qb", "mine")
    rows(workspace.root / "data" / "one.jsonl", 42)
    put("one", workspace)
    git(workspace.root, "commit", "-qam", "one again")
    git(workspace.root, "checkout", "-q", "main")
    card = workspace.root / "datasets" / "two.yaml"
    card.write_text(card.read_text() + "# theirs\n")
    git(workspace.root, "commit", "-qam", "theirs")
    git(workspace.root, "checkout", "-q", "mine")
    assert changed(None, workspace).names == ("one",)


def test_an_output_of_a_stage(workspace: Workspace) -> None:
    lock = workspace.root / "dvc.lock"
    lock.write_text("schema: '2.0'\nstages:\n  s:\n    cmd: x\n    outs:\n    - {path: data/one.jsonl, md5: aa}\n")
    assert changed("HEAD", workspace).names == ("one",)
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-qm", "a lock")
    assert changed("HEAD", workspace).names == ()
    lock.write_text(lock.read_text().replace("aa", "bb"))
    assert changed("HEAD", workspace).names == ("one",)


def test_an_output_of_a_stage_elsewhere(workspace: Workspace) -> None:
    """The lock of a pipeline in a folder; and one whose outputs are relative to a folder that the stage names."""
    lines = "schema: '2.0'\nstages:\n  s:\n    cmd: x\n    outs:\n    - {path: one.jsonl, md5: aa}\n"
    (workspace.root / "data" / "dvc.lock").write_text(lines)
    assert changed("HEAD", workspace).names == ("one",)
    (workspace.root / "data" / "dvc.lock").rename(workspace.root / "dvc.lock")
    assert changed("HEAD", workspace).names == ()
    card = load("one", workspace)
    tracked = Tracked("a" * 32, 1, "dvc.yaml:s")
    save(replace(card, versions=tuple(replace(one, dvc=tracked) for one in card.versions)), workspace)
    git(workspace.root, "add", "datasets")
    git(workspace.root, "commit", "-qm", "made by a stage")
    assert changed("HEAD", workspace).names == ("one",)
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-qm", "a lock")
    assert changed("HEAD", workspace).names == ()
    (workspace.root / "dvc.lock").unlink()
    assert changed("HEAD", workspace).names == ("one",)


def test_data_that_the_card_spells_otherwise(workspace: Workspace) -> None:
    """By a link, through a submodule, and with steps that lead nowhere."""
    root = workspace.root
    (root / "kept").mkdir()
    (root / "data" / "one.jsonl").rename(root / "kept" / "one.jsonl")
    (root / "data" / "one.jsonl").symlink_to("../kept/one.jsonl")
    card = root / "datasets" / "two.yaml"
    card.write_text(card.read_text().replace("path: data/", "path: ./data//"))
    git(root, "add", "-A")
    git(root, "commit", "-qm", "moved")
    assert changed("HEAD", workspace).names == ()
    rows(root / "kept" / "one.jsonl", 41)
    assert changed("HEAD", workspace).names == ("one",)
    rows(root / "data" / "two.jsonl", 41)
    assert changed("HEAD", workspace).names == ("one", "two")

    module = root / "data" / "module"
    module.mkdir()
    git(module, "init", "-q", "-b", "main")
    (root / "data" / "two.jsonl").rename(module / "two.jsonl")
    card.write_text(card.read_text().replace("./data//", "data/module/"))
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    git(module, "add", "-A")
    git(module, *author, "commit", "-qm", "data")
    git(root, "-c", "advice.addEmbeddedRepo=false", "add", "-A")
    git(root, "commit", "-qm", "a submodule")
    assert changed("HEAD", workspace).names == ()
    rows(module / "two.jsonl", 42)
    git(module, *author, "commit", "-qam", "other data")
    assert changed("HEAD", workspace).names == ("two",)


def test_a_workspace_below_the_repository(workspace: Workspace) -> None:
    below = workspace.root / "below"
    below.mkdir()
    for name in ("datasets", "auditor.yaml"):
        (workspace.root / name).rename(below / name)
    card = below / "datasets" / "one.yaml"
    card.write_text(card.read_text().replace("path: data/", "path: ../data/"))
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-qm", "moved")
    assert changed("HEAD", Workspace(below)).names == ()
    rows(workspace.root / "data" / "one.jsonl", 41)
    assert changed("HEAD", Workspace(below)).names == ("one",)


def test_a_card_that_was_taken_away(workspace: Workspace) -> None:
    """While its data stays, the gate cannot pass; with its data, or under another name, it is no concern."""
    git(workspace.root, "rm", "-q", "datasets/one.yaml")
    assert changed("HEAD", workspace).names == ("one",)
    with pytest.raises(ConfigError, match="no dataset is registered as 'one'"):
        gate("one", QUICK, workspace, Silent())
    (workspace.root / "data" / "one.jsonl").rename(workspace.root / "data" / "gone.jsonl")
    assert changed("HEAD", workspace).names == ()
    git(workspace.root, "checkout", "-q", "HEAD", "--", "datasets")
    card = workspace.root / "datasets" / "two.yaml"
    card.with_name("three.yaml").write_text(card.read_text().replace("name: two", "name: three"))
    card.unlink()
    assert changed("HEAD", workspace).names == ("one", "three")


def test_without_git_or_base(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(ConfigError, match="does not know the base") as caught:
        changed("release/9", workspace)
    assert "fetch-depth" in str(caught.value)
    bare = tmp_path_factory.mktemp("bare")
    with pytest.raises(ConfigError, match="nothing is committed here"):
        changed(None, Workspace(bare))


def test_the_verdict_stands_on_the_card(workspace: Workspace) -> None:
    outcome = gate("one", QUICK, workspace, Silent())
    assert outcome.passed
    _, entry = find("one", workspace)
    assert entry.verdict is not None
    assert (entry.verdict.status, entry.verdict.policy) == ("pass", "default")
    assert len(entry.verdict.digests["policy"]) == 64
    assert (workspace.root / "datasets" / "one.yaml").read_text().count("verdict:") == 1


def test_a_candidate_becomes_current_or_is_rejected(workspace: Workspace) -> None:
    path = workspace.root / "data" / "one.jsonl"
    rows(path, 40, start=100, copies=20)
    put("one", workspace, status="candidate")
    assert find("one", workspace)[1].version == 1, "a candidate is not current"
    turned_away = gate("one@2", QUICK, workspace, Silent())
    assert not turned_away.passed
    assert [version.status for version in turned_away.card.versions] == ["current", "rejected"]
    rows(path, 45, start=100)
    put("one", workspace, status="candidate")
    accepted = gate("one@3", QUICK, workspace, Silent())
    assert accepted.passed
    assert [version.status for version in accepted.card.versions] == ["superseded", "rejected", "current"]


def test_the_run_of_a_superseded_version_says_so_in_mlflow(workspace: Workspace, mlflow_database: Path) -> None:
    shutil.copyfile(mlflow_database, workspace.home / "mlflow.db")
    options = replace(QUICK, track=True)
    gate("one", options, workspace, Silent())
    rows(workspace.root / "data" / "one.jsonl", 45, start=100)
    put("one", workspace, status="candidate")
    gate("one", options, workspace, Silent())
    with sqlite3.connect(workspace.home / "mlflow.db") as database:
        said = dict(
            database.execute(
                "SELECT v.value, s.value FROM tags v JOIN tags s USING (run_uuid)"
                " WHERE v.key = 'auditor.dataset.version' AND s.key = 'auditor.status'"
            )
        )
    assert said == {"1": "superseded", "2": "current"}


def test_data_changed_and_not_registered_is_turned_away(workspace: Workspace) -> None:
    rows(workspace.root / "data" / "one.jsonl", 39, start=300)
    outcome = gate("one", QUICK, workspace, Silent())
    assert not outcome.passed
    failed = {verdict.check for verdict in outcome.report.record.verdicts if verdict.status == "fail"}
    assert failed == {"count-mismatch", "digest-mismatch"}
    assert find("one", workspace)[1].verdict is None, "the rows that failed are not those of one@1"
    put("one", workspace)
    assert history("one", workspace).records == {}, "nor was one@2 audited by that"


def test_no_policy_makes_rows_pass_that_are_not_registered(workspace: Workspace) -> None:
    rows(workspace.root / "data" / "one.jsonl", 41, start=100)
    lax = replace(QUICK, only=("exact-duplicates",))
    outcome = gate("one", lax, workspace, Silent())
    assert outcome.report.exit_code == 0
    assert (outcome.passed, outcome.exit_code) == (False, 1)


def test_the_name_alone_means_what_lies_there(workspace: Workspace) -> None:
    """A candidate goes to its gate; rows that were turned away and still lie there are turned away again."""
    path = workspace.root / "data" / "one.jsonl"
    rows(path, 40, start=100, copies=20)
    put("one", workspace, status="candidate")
    rejected = gate("one", QUICK, workspace, Silent())
    assert (rejected.ref, rejected.passed) == ("one@2", False)
    again = gate("one", QUICK, workspace, Silent())
    assert (again.ref, again.passed) == ("one@1", False)
    rows(path, 40, start=300)
    assert gate("one", QUICK, workspace, Silent()).passed


def test_a_candidate_is_not_rejected_for_rows_that_are_not_its_own(workspace: Workspace) -> None:
    path = workspace.root / "data" / "one.jsonl"
    rows(path, 41, start=100)
    put("one", workspace, status="candidate")
    rows(path, 42, start=100)
    assert not gate("one@2", QUICK, workspace, Silent()).passed
    assert find("one@2", workspace)[1].status == "candidate"


def test_several_in_one_document(workspace: Workspace) -> None:
    views = [gate(name, QUICK, workspace, Silent()).report.view for name in ("one", "two")]
    assert [record["dataset"]["name"] for record in json.loads(together("json", views))] == ["one", "two"]
    log = json.loads(together("sarif", views))
    assert [run["automationDetails"]["id"] for run in log["runs"]] == ["auditor/one/", "auditor/two/"]
    from junitparser import JUnitXml

    suites = list(JUnitXml.fromstring(together("junit", views).encode()))
    assert [suite.name for suite in suites] == ["auditor: one", "auditor: two"]
    assert all(together(name, []) is not None for name in FORMATS)
    with pytest.raises(ConfigError, match="several"):
        together("html", views)
    assert (
        gating.judged(gate("one", QUICK, workspace, Silent()).report.record).record
        == gating.judged(gate("one", QUICK, workspace, Silent()).report.record).record
    ), "the same rows and configuration: the same record"


def test_on_the_base_itself_it_says_what_was_compared(workspace: Workspace) -> None:
    head = git(workspace.root, "rev-parse", "HEAD").strip()
    found = changed("main", workspace)
    assert (found.names, found.base, found.since, found.here) == ((), "main", head, True)
    done = CliRunner().invoke(group, ["gate", "--changed", "--base", "main"], standalone_mode=False)
    assert done.return_value == 0
    assert f"no registered dataset differs from main at {head[:9]}, which is the commit checked out" in done.stderr
    assert "--base HEAD~1" in done.stderr
    git(workspace.root, "commit", "-q", "--allow-empty", "-m", "nothing")
    assert (
        str(changed("HEAD~1", workspace)) == f"nothing to gate: no registered dataset differs from HEAD~1 at {head[:9]}"
    )
    rows(workspace.root / "data" / "one.jsonl", 41)
    assert str(changed("HEAD~1", workspace)) == f"1 dataset differs from HEAD~1 at {head[:9]}"


def test_a_version_of_the_past_that_was_edited_does_not_pass(workspace: Workspace) -> None:
    rows(workspace.root / "data" / "one.jsonl", 41)
    put("one", workspace)
    git(workspace.root, "add", "-A")
    git(workspace.root, "commit", "-qm", "one@2")
    card = workspace.root / "datasets" / "one.yaml"
    as_registered = card.read_text()
    assert changed("HEAD~1", workspace).altered == {}, "a new version, and the old one superseded"
    card.write_text(as_registered.replace("- Ada", "- Bob", 1).replace("rows: 40", "rows: 4000"))
    found = changed("HEAD~1", workspace)
    assert found.altered == {"one": ("one@1 was registered with another rows, lineage.people",)}
    assert changed("HEAD", workspace).altered == found.altered

    gate("one", QUICK, workspace, Silent())
    words = ["gate", "--changed", "--base", "HEAD~1", *(f"--output={form}=out.{form}" for form in FORMATS)]
    done = CliRunner().invoke(group, words, standalone_mode=False)
    assert done.return_value == 1
    assert "one: turned away: one@1 was registered with another rows, lineage.people" in done.stderr
    for form in FORMATS:
        said = " ".join(Path(f"out.{form}").read_text().replace("\u200b", "").split())
        assert "altered-versions" in said, form
        assert "one@1" in said, form
    (record,) = json.loads(Path("out.json").read_text())
    assert record["verdict"] == "fail"
    assert record["verdicts"][-1]["check"] == "altered-versions"

    kept = load("one", workspace)
    save(replace(kept, versions=kept.versions[1:]), workspace)
    assert changed("HEAD", workspace).altered == {"one": ("one@1 was registered, and is gone from its card",)}


def test_what_may_be_said_of_a_version_later(workspace: Workspace) -> None:
    """Its standing and verdict; that DVC has its bytes; and which version a candidate took the place of."""
    rows(workspace.root / "data" / "one.jsonl", 41)
    put("one", workspace, "candidate")
    git(workspace.root, "commit", "-qam", "a candidate")
    gate("one", QUICK, workspace, Silent())
    card = load("one", workspace)
    tracked = Tracked("0" * 32, 1, "data/one.jsonl.dvc")
    save(replace(card, versions=tuple(replace(one, dvc=tracked) for one in card.versions)), workspace)
    assert [one.status for one in load("one", workspace).versions] == ["superseded", "current"]
    assert changed("HEAD", workspace).altered == {}
    git(workspace.root, "commit", "-qam", "judged")
    card = load("one", workspace)
    moved = tuple(replace(one, dvc=replace(tracked, md5="1" * 32)) for one in card.versions)
    save(replace(card, versions=moved), workspace)
    (said,) = {sentence.partition(" was ")[2] for sentence in changed("HEAD", workspace).altered["one"]}
    assert said == "registered with another dvc"


def test_an_audit_and_a_gate_compare_with_the_reference_on_the_card(workspace: Workspace) -> None:
    """As with --real, which still decides where it is given; the header says that it was registered."""
    drift = Options(only=("feature-drift",))
    rows(workspace.root / "data" / "one.jsonl", 300)
    put("one", workspace)
    rows(workspace.root / "data" / "two.jsonl", 310, start=100_000)
    lineage = Lineage(technique="human", people=("Ada",))
    register(Request("two", "data/two.jsonl", lineage, "real", dvc=False, real="one"), workspace)
    found = run("two", drift, real=None, workspace=workspace, progress=Silent())
    given = run("two", drift, real="one", workspace=workspace, progress=Silent())
    assert found.record.references == given.record.references
    assert found.metrics == given.metrics
    assert any(m.value is not None for m in found.metrics.values())
    assert "against one@2 (registered, 300 rows)" in found.render("text")
    assert "against one (real, 300 rows)" in given.render("text")
    assert found.record.run["real"] == "one@2"
    assert "real" not in given.record.run
    gated = gate("two", drift, workspace, Silent()).report
    assert gated.metrics == found.metrics
    assert gated.view.against == found.view.against
    assert not run("data/two.jsonl", drift, real=None, workspace=workspace, progress=Silent()).record.references
    other = run("two", drift, real="data/two.jsonl", workspace=workspace, progress=Silent())
    assert other.view.against == "against two (real, 310 rows)"


def test_the_reference_of_a_card_may_be_a_file_of_its_own_fields(workspace: Workspace) -> None:
    for name in ("people", "made"):
        lines = (json.dumps({"q": f"What is {n} and {n}?", "a": f"It is {2 * n}, {name}."}) for n in range(40))
        (workspace.root / "data" / f"{name}.jsonl").write_text("\n".join(lines))
    lineage = Lineage(technique="human", people=("Ada",))
    request = Request("made", "data/made.jsonl", lineage, "real", dvc=False, mapping={"prompt": "q", "response": "a"})
    register(replace(request, real="data/people.jsonl"), workspace)
    report = run("made", QUICK, real=None, workspace=workspace, progress=Silent())
    assert report.view.against == "against people (registered, 40 rows)"
    assert gate("made", QUICK, workspace, Silent()).report.record.references == report.record.references
    (workspace.root / "data" / "people.jsonl").unlink()
    with pytest.raises(InputError, match=r"people\.jsonl"):
        run("made", QUICK, real=None, workspace=workspace, progress=Silent())
    card = load("made", workspace)
    save(replace(card, real="../people.jsonl"), workspace)
    with pytest.raises(ConfigError, match="real"):
        run("made", QUICK, real=None, workspace=workspace, progress=Silent())
