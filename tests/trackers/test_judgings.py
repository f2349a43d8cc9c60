"""What trackers are told of the work of judges: of the specification, asked of MLflow itself, from the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mlflow import MlflowClient

import auditor
import auditor.trackers.facets as ours
from auditor import trackers
from auditor.cli import group
from auditor.judging import prompts
from auditor.registry import Workspace, cards
from auditor.trackers import transport
from auditor.trackers.judgings import Asked, Judging
from auditor.trackers.openlineage import accepting_event, judging_event
from tests.judging.server import Server, serving
from tests.trackers.cards import CARDS, MADE, digest, graph
from tests.trackers.test_openlineage import check_event

CANARY = "sk-canary-77aa"

pytestmark = pytest.mark.usefixtures("no_openlineage")


def judging() -> Judging:
    prompt = prompts.load("pairwise")
    said = Asked("x", "gpt-4o-2024-08-06", "https://api.example.com/v1", "pairwise", f"sha256:{prompt.digest}",
                 prompt.text, 1, 0.0, None)  # fmt: skip
    version = MADE.versions[0]
    return Judging(
        "made", version.digest, version.rows, {"score": "float"}, MADE.ref(version),
        (said, replace(said, judge="y", model="llama-3", seed=7)), "verdicts.jsonl", digest("v"),
        {"a": 3, "b": 4, "invalid": 1}, "strict", "2026-01-02T03:04:05+00:00", "2026-01-02T03:05:05+00:00",
        {"name": "jury", "vote": "weighted", "weights": {"x": 2.0}}, {"position_inconsistency.consistency/x": 0.5},
        "--allow-self",
    )  # fmt: skip


@pytest.mark.parametrize("registered", [True, False])
def test_the_event_is_of_the_specification(registered: bool) -> None:
    about = judging() if registered else replace(judging(), version=None)
    event = judging_event(about, *((MADE, MADE.versions[0]) if registered else (None, None)))
    check_event(event)
    check_event(transport.started(event))
    assert event["job"]["name"] == "made.judging"
    assert event["job"]["facets"]["jobType"]["jobType"] == "JUDGING"
    assert [one["name"] for one in event["inputs"]] == ["made", "models/gpt-4o", "models/llama-3"]
    (out,) = event["outputs"]
    assert (out["namespace"], out["name"], out["facets"]["version"]["datasetVersion"]) == (
        "file", "verdicts.jsonl", digest("v"),
    )  # fmt: skip
    facet = {"auditor_judging": out["facets"]["auditor_judging"]}
    schema = json.loads((Path(ours.__file__).parent / "judging-1-0-0.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(facet, schema, jsonschema.Draft202012Validator)
    assert facet["auditor_judging"]["_schemaURL"].startswith(schema["$id"] + "#/$defs/")
    assert facet["auditor_judging"]["selfJudged"] == "--allow-self"
    first, second = facet["auditor_judging"]["judges"]
    assert (first["model"], first["revision"], second["decoding"]) == (
        "gpt-4o", "2024-08-06", {"temperature": 0.0, "seed": 7},
    )  # fmt: skip
    assert (
        judging_event(replace(about, ended="2027-01-01T00:00:00+00:00"), None, None)["run"]["runId"]
        == (judging_event(about, None, None)["run"]["runId"])
    ), "the same answers are one run"


def test_accepted_verdicts_are_an_input_of_the_version() -> None:
    event = accepting_event(MADE, MADE.versions[0], graph(*CARDS), [("verdicts.jsonl", digest("v"))])
    check_event(event)
    assert event["job"]["name"] == "made.curation"
    assert event["job"]["facets"]["jobType"]["jobType"] == "CURATION"
    assert "seeds" in [one["name"] for one in event["inputs"]], "the dataset that was judged"
    assert event["inputs"][0]["name"] == "verdicts.jsonl"
    assert event["outputs"][0]["name"] == "made"
    assert "auditor_judging" in event["outputs"][0]["facets"]


def client(home: Workspace) -> MlflowClient:
    where = f"sqlite:///{home.home / 'mlflow.db'}"
    return MlflowClient(where, where)


def prompts_of(seen: MlflowClient) -> list[Any]:
    return list(seen.search_model_versions("name = 'pairwise' and tags.`mlflow.prompt.is_prompt` = 'true'"))


def test_a_run_with_its_prompt_once(home: Workspace, mlflow_database: Path) -> None:
    shutil.copyfile(mlflow_database, home.home / "mlflow.db")
    trackers.publish_version(MADE, MADE.versions[-1], graph(*CARDS), page=None, uri=None, workspace=home)
    about = judging()
    run_id = trackers.publish_judging(about, uri=None, experiment="made", workspace=home)
    assert trackers.publish_judging(about, uri=None, experiment="made", workspace=home) == run_id
    other = trackers.publish_judging(replace(about, verdicts=digest("w")), uri=None, experiment="made", workspace=home)
    assert other not in (None, run_id)
    seen = client(home)
    (prompt,) = prompts_of(seen)
    assert prompt.tags["auditor.digest"] == about.judges[0].prompt_digest
    assert run_id is not None
    run = seen.get_run(run_id)
    assert json.loads(run.data.tags["mlflow.linkedPrompts"]) == [{"name": "pairwise", "version": str(prompt.version)}]
    assert run.data.tags["auditor.judges"] == ";gpt-4o-2024-08-06;llama-3;"
    assert run.data.params["rule"] == "strict"
    assert run.data.tags["auditor.self_judged"] == "--allow-self"
    assert run.data.params["panel.vote"] == "weighted"
    assert run.data.params["y.seed"] == "7"
    assert run.data.metrics == {"position_inconsistency.consistency/x": 0.5}
    (given,) = run.inputs.dataset_inputs
    assert given.dataset.name == "made"
    note = run.data.tags["mlflow.note.content"]
    assert "#/prompts/pairwise?promptVersion=" in note
    assert "Version: [made@1]" in note
    experiment = seen.get_experiment_by_name("made")
    assert experiment is not None
    (version,) = seen.search_runs([experiment.experiment_id], "tags.`auditor.run` = 'version'")
    assert "### Judged" in version.data.tags["mlflow.note.content"]
    assert run_id in version.data.tags["mlflow.note.content"]


def test_a_server_that_is_away_is_told_later(home: Workspace, mlflow_database: Path) -> None:
    shutil.copyfile(mlflow_database, home.home / "mlflow.db")
    assert trackers.publish_judging(judging(), uri="http://127.0.0.1:9", experiment="made", workspace=home) is None
    where = f"sqlite:///{home.home / 'mlflow.db'}"
    assert trackers.sync(home, to=where) == (1, 0)
    assert len(prompts_of(client(home))) == 1


@pytest.fixture
def judged(workspace: Path, monkeypatch: pytest.MonkeyPatch, mlflow_database: Path) -> Iterator[Server]:
    monkeypatch.setenv("AUDITOR_TEST_KEY", CANARY)
    (workspace / ".auditor").mkdir(exist_ok=True)
    shutil.copyfile(mlflow_database, workspace / ".auditor" / "mlflow.db")
    with serving() as server:
        one = f"endpoint: {server.url}, price_in: 1, price_out: 10, key: AUDITOR_TEST_KEY"
        (workspace / "judges.yaml").write_text(
            f"judges:\n  x: {{{one}, model: longest-1}}\n  y: {{{one}, model: longest-2}}\n"
            "panel:\n  jury: {members: [x, y]}\n"
        )
        rows = [
            {"id": f"r{n}", "prompt": f"q{n}", "chosen": f"chosen {'x' * n}", "rejected": f"rejected{'y' * (9 - n)}"}
            for n in range(10)
        ]
        (workspace / "d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        yield server


def auditor_(*typed: str) -> None:
    group.main([*typed], standalone_mode=False)


def test_judge_run_is_told(judged: Server, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    auditor_("register", "prefs", "d.jsonl", "--no-dvc", "--generator", "mistral-7b@1")
    events = workspace / ".auditor" / "openlineage" / "events.jsonl"
    before = len(events.read_text().splitlines())
    for _ in range(2):
        auditor_("judge", "run", "prefs", "--judge", "judges.yaml#jury", "--track", "-q")
    told = capsys.readouterr().out
    assert "as the panel" in told
    assert "jury" in told
    started, complete, *_ = [json.loads(line) for line in events.read_text().splitlines()[before:]]
    assert (started["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert complete["job"]["name"] == "prefs.judging"
    assert complete["inputs"][0]["facets"]["version"]["datasetVersion"] == "1"
    assert complete["outputs"][0]["facets"]["auditor_judging"]["vote"] == "majority"
    seen = client(Workspace(workspace))
    experiment = seen.get_experiment_by_name("prefs")
    assert experiment is not None
    (run,) = seen.search_runs([experiment.experiment_id], "tags.`auditor.run` = 'judging'")
    assert run.data.metrics["position_inconsistency.consistency"] == 1.0
    assert run.data.metrics["position_inconsistency.first_rate"] == pytest.approx(0.5)
    assert run.data.metrics["unparsable_verdicts.rate"] == 0.0
    verdicts = [json.loads(line) for line in Path("verdicts.jsonl").read_text().splitlines()]
    assert run.data.metrics["judges.cost"] == pytest.approx(sum(one["cost"] for one in verdicts))
    assert run.data.metrics["judges.tokens_in"] == sum(one["tokens_in"] for one in verdicts)
    assert len(prompts_of(seen)) == 1
    for path in workspace.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes(), path


def test_judges_are_registered_by_their_models(judged: Server, workspace: Path) -> None:
    auditor_("judge", "run", "d.jsonl", "--judge", "judges.yaml", "-q")
    auditor_("judge", "accept", "verdicts.jsonl", "-o", "kept.jsonl", "--as", "verdicts", "-q")
    assert {json.loads(line)["judge_model"] for line in Path("kept.jsonl").read_text().splitlines()} == {
        "longest-1",
        "longest-2",
    }
    auditor_("judge", "accept", "verdicts.jsonl", "-o", "p.jsonl", "--register", "p", "--no-dvc", "--parent", "d.jsonl",
             "-q")  # fmt: skip
    assert [str(judge) for judge in cards.load("p", Workspace(workspace)).versions[-1].lineage.judges] == [
        "longest-1",
        "longest-2",
    ]


def test_a_panel_that_cannot_decide_yet(judged: Server, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = workspace / "judges.yaml"
    file.write_text(file.read_text().replace("{members: [x, y]}", "{members: [x, y], vote: weighted}"))
    auditor_("judge", "run", "d.jsonl", "--judge", "judges.yaml#jury", "-q")
    told = capsys.readouterr()
    assert "panel 'jury' has no weights" in told.err
    assert "as the panel" not in told.out
    people = [{"item": "r0", "judge": "Ada", "a": "chosen", "b": "rejected", "verdict": "b", "human": True}]
    Path("people.jsonl").write_text("".join(json.dumps(one) + "\n" for one in people))
    auditor_("judge", "accept", "verdicts.jsonl", "people.jsonl", "-o", "p.jsonl", "--panel", "judges.yaml")
    assert "100.0% of 1" in capsys.readouterr().out
    auditor_("judge", "run", "d.jsonl", "--judge", "judges.yaml#jury", "--mode", "pointwise", "-o", "s.jsonl", "-q")
    assert "10 items" in capsys.readouterr().out


def test_judge_accept_is_told_and_found(judged: Server, workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    auditor_("judge", "run", "d.jsonl", "--judge", "judges.yaml", "-q")
    auditor_("judge", "accept", "verdicts.jsonl", "-o", "p.jsonl", "--vote", "majority", "--register", "p", "--no-dvc",
             "--parent", "d.jsonl", "--judge", "gpt-4o-2024-08-06", "--track", "-q")  # fmt: skip
    events = [json.loads(one) for one in (workspace / ".auditor/openlineage/events.jsonl").read_text().splitlines()]
    assert [one["job"]["name"] for one in events] == ["p.generation"] * 2 + ["p.curation"] * 2
    assert {one["name"] for one in events[-1]["inputs"]} == {"verdicts.jsonl", "d.jsonl", "models/gpt-4o"}
    seen = client(Workspace(workspace))
    experiment = seen.get_experiment_by_name("p")
    assert experiment is not None
    (run,) = seen.search_runs([experiment.experiment_id])
    assert run.data.tags["auditor.judges"] == ";gpt-4o@2024-08-06;"
    assert run.data.tags["auditor.fact.vote"] == "majority"
    capsys.readouterr()
    auditor_("impact", "gpt-4o@2024-08-06")
    assert "p@1" in capsys.readouterr().out
    auditor_("register", "q", "d.jsonl", "--no-dvc", "--generator", "gpt-4o-mini", "--judge", "gpt-4o@2024-08-06", "-q")
    report = auditor.audit("q", only="self-judged")
    assert report.metrics["self_judged.pairs"].value == 1
