"""Looking at a workspace with the commands: lineage, impact, log, diff and export."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor import auditing, browsing, registration, registry, reports
from auditor.cli import main
from auditor.model.card import URN, Judged, Lineage
from auditor.model.errors import ConfigError
from auditor.registry import cards, imports
from auditor.registry.workspace import Workspace
from tests import shop
from tests.registry.test_imports import KNOWLEDGE, PIPELINE


@pytest.fixture
def built(workspace: Path) -> Workspace:
    return shop.build(workspace)


class Ran:
    """What a command line gave: exit code and output."""

    def __init__(self, *arguments: str) -> None:
        self.arguments = arguments

    def __call__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["auditor", *self.arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    def ran(*arguments: str, fails: bool = False) -> str:
        code, out, err = Ran(*arguments)(capsys, monkeypatch)
        assert (code == 2) if fails else (code == 0), err
        return err if fails else out

    return ran


@pytest.mark.usefixtures("built")
def test_lineage_in_every_form(run: Any, workspace: Path) -> None:
    tree = run("lineage", "instructions")
    assert tree.startswith("instructions@2  synthetic · 70 rows · self-instruct\n")
    assert "mistral-large@2407  generator · WITHDRAWN: its terms forbid it" in tree
    assert "seeds@1" not in run("lineage", "instructions", "--downstream")
    assert run("lineage", "instructions@1").startswith("instructions@1  superseded")
    assert run("lineage", "student@3").startswith("student@3  model")
    assert run("lineage", "instructions", "--format", "mermaid").startswith("flowchart LR")
    assert run("lineage", "instructions", "--format", "dot").startswith("digraph")
    assert json.loads(run("lineage", "instructions", "--format", "json"))["start"] == "dataset:instructions@2"
    event = json.loads(run("lineage", "instructions", "--format", "openlineage"))
    assert event["outputs"][0]["name"] == "instructions"
    run("lineage", "instructions", "--format", "html", "--output", "page.html")
    assert "<svg" in (workspace / "page.html").read_text()
    assert "did you mean 'instructions'?" in run("lineage", "instruction", fails=True)
    assert "wanted: one of 1, 2" in run("lineage", "instructions@9", fails=True)


@pytest.mark.usefixtures("built")
def test_impact_by_model_prompt_file_and_seed(run: Any, workspace: Path) -> None:
    def touched(cause: str) -> dict[str, int]:
        told = json.loads(run("impact", cause, "--format", "json"))
        return {f"{one['name']}@{one['version']}": one["rows"] for one in told["datasets"]}

    everything = {"instructions@1": 60, "instructions@2": 70, "dialogues@1": 30}
    assert touched("mistral-large") == {"instructions@2": 30, "dialogues@1": 30}
    assert touched("gpt-4o@2024-08-06") == {"dialogues@1": 30, "instructions@1": 60, "instructions@2": 40}
    digest = hashlib.sha256(shop.PROMPT.encode()).hexdigest()
    for cause in ("make", "prompts/make.txt", digest[:12], f"sha256:{digest}", "seeds", "seeds@1", "data/seeds.jsonl"):
        assert touched(cause) == everything, cause
    copy = workspace / "elsewhere.txt"
    copy.write_text(shop.PROMPT)
    assert touched(str(copy)) == everything
    # The prompt's file changed since: it is still the file that the cards name.
    (workspace / "prompts" / "make.txt").write_text("Another.\n")
    assert touched("prompts/make.txt") == everything
    told = json.loads(run("impact", "seeds", "--format", "json"))
    assert [model["id"] for model in told["models"]] == ["model:student@3"]
    (cause,) = json.loads(run("impact", "mistral-large", "--format", "json"))["causes"]
    assert (cause["id"], cause["withdrawn"]) == ("model:mistral-large@2407", "its terms forbid it")
    table = list(csv.DictReader(io.StringIO(run("impact", "seeds", "--format", "csv"))))
    assert {
        f"{row['name']}@{row['version']}": int(row["rows_touched"]) for row in table if row["kind"] == "dataset"
    } == everything
    text = run("impact", "mistral-large")
    assert "touched 2 versions of 2 datasets, 60 rows; 2 versions in use now; 1 model learnt from it" in text
    assert "30 of 70" in text
    assert "nothing that is registered was made from it" in run("impact", "dialogues")
    assert "did you mean 'gpt-4o" in run("impact", "gpt4o", fails=True)
    assert "no model, prompt or dataset" in run("impact", "long/" * 2_000, fails=True)


def test_a_recall_by_another_publishers_name(run: Any, built: Workspace) -> None:
    """The seeds once more, as somebody else published them: the same rows are one dataset."""
    theirs = replace(cards.load("seeds", built), name="seeds-wang", owner="Wang")
    cards.save(theirs, built)
    told = run("impact", "seeds-wang")
    assert "seeds-wang@1 (the same rows)" in told
    assert "4 versions of 3 datasets" in told
    assert "instructions@2" in run("lineage", "seeds-wang")
    assert "seeds@1  the same rows" in run("lineage", "seeds-wang")
    assert "seeds-wang" not in run("lineage", "instructions")
    copied = cards.load("instructions", built)
    found = tuple(replace(version, lineage=Lineage("collected")) for version in copied.versions)
    cards.save(replace(copied, name="copied", versions=found), built)
    assert "copied@1" in registration.touched(shop.GPT, built)


SOME = ("exact-duplicates", "record-integrity")


def audited(workspace: Workspace, name: str, number: int, *, only: tuple[str, ...] = SOME) -> Path:
    """The version's audit where the workspace keeps it; by default a partial one, which is fast."""
    card = cards.load(name, workspace)
    version = card.version(number)
    assert version
    folder = registry.folder(name, version.digest, {}, workspace)
    options = auditing.Options(only=only, out=folder, name=name)
    auditing.run(
        str(workspace.root / version.path), options, real=None, workspace=workspace, progress=auditing.Silent()
    )
    return folder / "audit.json"


def test_log_with_and_without_audits(run: Any, built: Workspace) -> None:
    told = run("log", "instructions")
    assert "no audit of it is stored here" in told
    assert told.index("      2  2026-11-02    70") < told.index("      1  2026-11-01    60")
    record = audited(built, "instructions", 2)
    audited(built, "instructions", 1)
    told = run("log", "instructions")
    assert "exact_duplicates.rate" in told
    assert "no audit" not in told
    assert "trend" in told
    assert told.count(" checks)") == 2
    # A verdict of the gate names its record, and stands before what is stored.
    card = cards.load("instructions", built)
    judged = Judged("fail", "strict", card.versions[1].date, str(record.relative_to(built.root)))
    from dataclasses import replace

    cards.save(replace(card, versions=(card.versions[0], replace(card.versions[1], verdict=judged))), built)
    document = json.loads(run("log", "instructions", "--format", "json"))
    assert [version["verdict"] for version in document["versions"]] == [None, "fail"]
    partial = [version["partial"] for version in document["versions"]]
    assert partial[0].startswith("pass (2 of ")
    assert partial[1] is None
    assert document["versions"][1]["metrics"]["exact_duplicates.rate"] == 0
    one = run("log", "instructions", "--metric", "record_integrity.empty")
    assert "record_integrity.empty" in one
    assert "exact_duplicates.rate" not in one
    assert "did you mean 'record_integrity.empty'" in run(
        "log", "instructions", "--metric", "record_integrity.emty", fails=True
    )
    assert "did you mean 'instructions'" in run("log", "instruction", fails=True)


def test_diff_of_versions(run: Any, built: Workspace, workspace: Path) -> None:
    audited(built, "instructions", 1)
    audited(built, "instructions", 2)
    told = json.loads(run("diff", "instructions@1", "instructions@2", "--format", "json", "--output", "rows.jsonl"))
    assert {key: told["rows"][key] for key in ("same", "removed", "added", "changed")} == {
        "same": 50,
        "removed": 5,
        "added": 15,
        "changed": 5,
    }
    assert told["rows"]["changed_columns"] == {"response": 5}
    assert {"fact": "generator gpt-4o temperature", "before": "0.7", "after": "1.0"} in told["lineage"]
    lines = [json.loads(line) for line in (workspace / "rows.jsonl").read_text().splitlines()]
    assert [line["change"] for line in lines] == ["removed"] * 5 + ["added"] * 15 + ["changed"] * 5
    assert lines[-1]["columns"] == ["response"]
    assert lines[-1]["after"]["response"] == lines[-1]["before"]["response"] + " Truly."
    text = run("diff", "instructions@1", "instructions@2", "--rows", "1")
    assert "response in 5; paired by id 5" in text
    assert "generator gpt-4o temperature" in text
    assert text.count("\n~ ") == 1
    assert text.rstrip().endswith(" Truly."), "shown from where the texts part, not from where they are alike"
    assert "| lineage |" in run("diff", "instructions@1", "instructions@2", "--format", "markdown")


@pytest.mark.usefixtures("built")
def test_diff_of_paths(run: Any) -> None:
    text = run("diff", "data/seeds.jsonl", "data/seeds.jsonl")
    assert "lineage: not compared" in text
    assert "no audit of data/seeds.jsonl" in text
    half = run("diff", "instructions@1", "data/instructions.jsonl", "--format", "json")
    assert json.loads(half)["lineage"] is None
    assert "no such file" in run("diff", "data/seeds.jsonl", "data/absent.jsonl", fails=True)


def test_in_toto(run: Any, built: Workspace) -> None:
    assert "was not judged" in run("export", "instructions", "--to", "in-toto", fails=True)
    audited(built, "instructions", 2)
    refused = run("export", "instructions", "--to", "in-toto", fails=True)
    assert "was not judged" in refused
    assert "checks: exact-duplicates, record-integrity" in refused
    audited(built, "instructions", 2, only=())
    statement = json.loads(run("export", "instructions", "--to", "in-toto"))
    version = cards.load("instructions", built).versions[1]
    record = reports.from_json(registry.load(registry.folder("instructions", version.digest, {}, built)))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    assert statement["subject"][0]["digest"] == {"sha256": version.digest.removeprefix("sha256:")}
    md5 = hashlib.md5((built.root / version.path).read_bytes()).hexdigest()
    assert statement["subject"][1] == {"name": version.path, "digest": {"md5": md5}}
    predicate = statement["predicate"]
    assert predicate["result"] in ("PASSED", "WARNED", "FAILED")
    assert predicate["configuration"][0]["digest"] == {"sha256": record.policy["digest"]}
    assert "exact_duplicates.rate" in predicate["passedTests"]
    assert set(predicate) == {"result", "configuration", "passedTests", "warnedTests", "failedTests"}


def test_a_partial_audit_is_nowhere_the_verdict(run: Any, built: Workspace, workspace: Path) -> None:
    run("audit", "instructions", "--only", "exact-duplicates", "--out", "elsewhere")
    run("audit", "instructions", "--only", "exact-duplicates")
    run("audit", "instructions", "--skip", "expired", "--output", "json=without.json")
    without = reports.from_json((workspace / "without.json").read_bytes())
    known = len(without.checks) + 1
    assert without.left_out == ("expired",)
    assert without.extent == f"{known - 1} of {known} checks: without expired"
    newer = registry.stored("instructions", without.dataset["digest"], built)[0]
    os.utime(newer, (1, 1))  # the one of a single check is the newest, and says less
    assert f"({known - 1} of {known} checks)" in run("log", "instructions")
    newer.unlink()
    log = run("log", "instructions")
    assert f"pass (1 of {known} checks)" in log
    card = run("export", "instructions", "--to", "hf-card")
    assert "No verdict: it was audited in part alone" in card
    assert f"1 of {known} checks: exact\\-duplicates" in card
    assert "Verdict: **" not in card
    refused = run("export", "instructions", "--to", "in-toto", fails=True)
    assert f"1 of {known} checks: exact-duplicates" in refused
    # A whole one stands before them, under whatever policy and however old it is.
    whole = auditing.Options(policy="strict", name="instructions")
    report = auditing.run("instructions", whole, real=None, workspace=built, progress=auditing.Silent())
    os.utime(report.places["audit.json"], (0, 0))
    assert report.record.left_out == ()
    assert report.record.partial is None
    card = run("export", "instructions", "--to", "hf-card")
    assert f"Verdict: **{report.verdict.value.upper()}** under the policy strict" in card
    assert "in part" not in card
    assert f"  {report.verdict.value}" in run("log", "instructions")
    statement = json.loads(run("export", "instructions", "--to", "in-toto"))
    assert statement["predicate"]["result"] in ("PASSED", "WARNED", "FAILED")


def test_a_verdict_of_the_gate_is_told_without_the_tests_of_a_partial_audit(run: Any, built: Workspace) -> None:
    audited(built, "instructions", 2)
    card = cards.load("instructions", built)
    judged = Judged("warn", "strict", card.versions[1].date, "sha256:0", {"policy": "f" * 64})
    cards.save(replace(card, versions=(card.versions[0], replace(card.versions[1], verdict=judged))), built)
    predicate = json.loads(run("export", "instructions", "--to", "in-toto"))["predicate"]
    assert predicate == {"result": "WARNED", "configuration": [{"name": "strict", "digest": {"sha256": "f" * 64}}]}
    told = run("export", "instructions", "--to", "hf-card")
    assert "Verdict: **WARN** under the policy strict" in told
    assert "What follows is of 2 of " in told


def test_a_card_for_the_hub_is_read_by_its_own_library(run: Any, built: Workspace, workspace: Path) -> None:
    audited(built, "instructions", 2)
    run("export", "instructions", "--to", "hf-card", "-o", "README.md")
    from huggingface_hub import DatasetCard

    read = DatasetCard.load(workspace / "README.md")
    assert read.data.license == "apache-2.0"
    assert read.data.tags == ["synthetic", "self-instruct", "auditor"]
    assert read.data.size_categories == ["n<1K"]
    body = read.text.replace("\\", "")
    for word in ("mistral-large", "temperature 1.0", "40 rows", "seeds", "exact_duplicates.rate", "No verdict:"):
        assert word in body, word
    declared = imports.read(workspace / "README.md")
    assert (declared.kind, declared.licence, declared.lineage.technique) == ("synthetic", "apache-2.0", "self-instruct")


@pytest.mark.filterwarnings("ignore")
def test_croissant_is_valid_and_gives_the_rows(run: Any, built: Workspace, workspace: Path) -> None:
    audited(built, "instructions", 2)
    run("export", "instructions", "--to", "croissant", "-o", "croissant.json")
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=workspace / "croissant.json")
    issues = dataset.metadata.ctx.issues
    assert not issues.errors
    assert {warning.rpartition('"')[0].rpartition("/")[2] for warning in issues.warnings} <= {"citeAs", "datePublished"}
    assert dataset.metadata.version == "2.0.0"
    assert dataset.metadata.license == ["https://spdx.org/licenses/Apache-2.0"]
    read = [
        {key.removeprefix("rows/"): value.decode() for key, value in row.items()} for row in dataset.records("rows")
    ]
    lines = (workspace / "data" / "instructions.jsonl").read_text().splitlines()
    assert read == [json.loads(line) for line in lines]
    document = json.loads((workspace / "croissant.json").read_text())
    assert document["prov:wasDerivedFrom"][0]["@id"] == "urn:auditor:dataset:seeds@1"
    # What we say to others, we understand ourselves.
    version = cards.load("instructions", built).versions[1]
    declared = imports.read(workspace / "croissant.json")
    mine, theirs = version.lineage, declared.lineage
    assert (mine.technique, mine.generators, mine.people) == (theirs.technique, theirs.generators, theirs.people)
    assert [(URN + str(s), s.digest) for s in mine.seeds] == [(s.file, s.digest) for s in theirs.seeds]
    assert [(p.name, p.digest) for p in mine.prompts] == [(p.name, p.digest) for p in theirs.prompts]
    assert (declared.kind, declared.licence, declared.owner) == ("synthetic", "Apache-2.0", "data@example.org")


def test_croissant_of_ours_comes_in_elsewhere(
    run: Any, built: Workspace, workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any
) -> None:
    """Its sources are registered in no other workspace: they come in by digest, as what nobody registered here."""
    run("export", "instructions", "--to", "croissant", "-o", "c.json")
    run("register", "copy", "data/instructions.jsonl", "--from", "c.json", "--no-dvc")
    assert str(cards.load("copy", built).versions[0].lineage.seeds[0]) == "seeds@1", (
        "where it is registered, it is that"
    )
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    for name in ("c.json", "data/instructions.jsonl", "data/seeds.jsonl"):
        shutil.copy(workspace / name, elsewhere)
    seeds = cards.load("seeds", built).versions[0]
    monkeypatch.chdir(elsewhere)
    (elsewhere / "auditor.yaml").write_text("")
    words = ("instructions.jsonl", "--from", "c.json", "--no-dvc")
    ran = Ran("register", "instr", *words)
    run(*ran.arguments)
    there = Workspace(elsewhere)
    (source,) = cards.load("instr", there).versions[0].lineage.seeds
    assert (source.dataset, source.file, source.digest) == (None, "urn:auditor:dataset:seeds@1", seeds.digest)
    assert "unregistered file" in run("lineage", "instr")
    found = json.loads(run("audit", "instr", "--only", "unregistered-source", "--format", "json"))
    assert "unregistered_source.sources" in json.dumps(found)
    assert run("stale", "instr").count("it is registered in another workspace") == 1
    assert run(*ran.arguments).count("instr@1"), "once more is no other lineage"
    # Of another name here, and of that name with other rows: the digest decides.
    run("register", "theirs", "seeds.jsonl", "--technique", "human", "--person", "us", "--no-dvc")
    run("register", "seeds", "instructions.jsonl", "--technique", "human", "--person", "us", "--no-dvc")
    run("register", "again", *words)
    (source,) = cards.load("again", there).versions[0].lineage.seeds
    assert (source.dataset, source.digest) == ("theirs@1", seeds.digest)
    # What is named as a file, and is none, is told with the file that names it.
    document = json.loads((elsewhere / "c.json").read_text())
    document["prov:wasDerivedFrom"] = ["nowhere.jsonl"]
    (elsewhere / "c.json").write_text(json.dumps(document))
    refused = run("register", "third", *words, fails=True)
    assert "c.json: parent: nothing is called 'nowhere.jsonl'" in refused


def test_only_what_is_recorded_is_said(built: Workspace) -> None:
    croissant = json.loads(browsing.exported("dialogues", "croissant", built))
    assert not {"license", "prov:wasAttributedTo", "rai:dataUseCases", "rai:dataLimitations", "dct:replaces"} & set(
        croissant
    )
    card = browsing.exported("dialogues", "hf-card", built)
    assert not [word for word in ("Licence", "Owner", "Purpose", "Expires", "Supersedes", "Limits") if word in card]
    front = yaml.safe_load(browsing.exported("dialogues", "hf-card", built).split("---")[1])
    assert "license" not in front
    assert "It was not audited." in browsing.exported("dialogues", "hf-card", built)
    with pytest.raises(ConfigError, match="did you mean"):
        browsing.exported("dialogues", "hfcard", built)


def test_a_verdict_written_by_hand_is_no_markup(built: Workspace) -> None:
    card = cards.load("dialogues", built)
    version = card.versions[-1]
    verdict = Judged("pass** <script>", "default", version.date, "sha256:0")
    cards.save(replace(card, versions=(*card.versions[:-1], replace(version, verdict=verdict))), built)
    said = browsing.exported("dialogues", "hf-card", built)
    assert "SCRIPT" in said
    assert "<SCRIPT>" not in said
    assert "PASS**" not in said


@pytest.mark.filterwarnings("ignore")
def test_croissant_of_a_folder_and_of_other_formats(run: Any, workspace: Path) -> None:
    import mlcroissant

    shop.put(workspace, "shards/a.jsonl", shop.rows(5))
    shop.put(workspace, "shards/b.jsonl", shop.rows(5, 50))
    (workspace / "array.json").write_text(json.dumps([{**row, "tags": ["x"], "n": 1} for row in shop.rows(3)]))
    (workspace / "table.csv").write_text("prompt,response\nWhat?,That.\nWho?,They.\n")
    for name, path in (("folder", "shards"), ("array", "array.json"), ("table", "table.csv")):
        run("register", name, path, "--technique", "human", "--person", "Ada", "--quiet")
        run("export", name, "--to", "croissant", "-o", f"{name}.croissant.json")
        dataset = mlcroissant.Dataset(jsonld=workspace / f"{name}.croissant.json")
        assert not dataset.metadata.ctx.issues.errors, name
        if name != "folder":
            assert len(list(dataset.records("rows"))) == {"array": 3, "table": 2}[name]
    fields = json.loads((workspace / "array.croissant.json").read_text())["recordSet"][0]
    assert {field["name"]: field["dataType"] for field in fields["field"]}["n"] == "sc:Integer"
    assert "nested: tags" in fields["description"]


@pytest.mark.data
def test_published_sets_share_what_their_publishers_say(run: Any, shared_data: Any) -> None:
    left, right = shared_data("alpaca/random_9k.json"), shared_data("alpaca/claude_t45.json")
    rows = json.loads(run("diff", str(left), str(right), "--format", "json"))["rows"]
    mine, theirs = (
        Counter(json.dumps(row, sort_keys=True) for row in json.loads(path.read_text())) for path in (left, right)
    )
    assert rows["same"] == sum((mine & theirs).values())
    assert rows["same"] + rows["removed"] + rows["changed"] == sum(mine.values())
    assert rows["same"] + rows["added"] + rows["changed"] == sum(theirs.values())


@pytest.mark.parametrize("command", ["lineage", "impact", "log", "diff", "export"])
def test_help_ends_with_examples(run: Any, command: str) -> None:
    assert f"auditor {command} " in run(command, "--help").rpartition("Examples:")[2]


def test_registering_from_what_a_generator_wrote(run: Any, workspace: Path) -> None:
    shop.put(workspace, "data/answers.jsonl", shop.rows(12))
    (workspace / "pipeline.yaml").write_text(yaml.safe_dump(PIPELINE, sort_keys=False))
    run("register", "answers", "data/answers.jsonl", "--from", "pipeline.yaml", "--owner", "Ada", "--no-dvc", "--quiet")
    card = cards.load("answers", Workspace(workspace))
    lineage = card.versions[0].lineage
    assert (card.kind, card.owner, card.description) == ("synthetic", "Ada", "Answers about birds.")
    assert [str(generator.model) for generator in lineage.generators] == ["ada/nest-7b@0123abc", "owl.gguf", "ada/owl"]
    assert [str(source) for source in lineage.seeds] == ["https://huggingface.co/datasets/ada/questions"]
    tree = workspace / "taxonomy" / "birds"
    tree.mkdir(parents=True)
    (tree / "qna.yaml").write_text(KNOWLEDGE)
    run("register", "birds", "data/answers.jsonl", "--from", "taxonomy", "--generator", "m@1", "--no-dvc", "--quiet")
    lineage = cards.load("birds", Workspace(workspace)).versions[0].lineage
    assert [source.file for source in lineage.seeds] == ["taxonomy", "https://github.com/ada/birds.git#1234567"]
    assert lineage.people == ("ada",)
    told = run("lineage", "birds")
    assert "taxonomy@" in told
    assert "https://github.com/ada/birds.git#1234567" in told
