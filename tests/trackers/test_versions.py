"""Registered versions in MLflow, asked of MLflow itself: runs, links, tags, inputs, prompts and models."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from auditor import trackers
from auditor.model.card import Card, Generator, Lineage, Model, Prompt, Refresh, Source
from auditor.model.result import Status
from auditor.registry import Workspace
from auditor.trackers import versions
from tests.trackers.cards import CARDS, EVALS, GROWN, MADE, PROMPT, SEEDS, digest, graph, registered
from tests.trackers.conftest import Server, record, written

PAGE = "<!doctype html><title>lineage of it</title><p>drawn</p>"


@pytest.fixture
def family(home: Workspace, mlflow_database: Path) -> Workspace:
    shutil.copyfile(mlflow_database, home.home / "mlflow.db")
    (home.root / "prompts").mkdir()
    (home.root / "prompts" / "grow.txt").write_text(PROMPT)
    return home


def told(home: Workspace, *cards: Card, of: tuple[Card, ...] = CARDS, uri: str | None = None) -> list[str | None]:
    return [
        trackers.publish_version(card, card.versions[-1], graph(*of), page=PAGE, uri=uri, workspace=home)
        for card in cards
    ]


def audited(home: Workspace, card: Card, uri: str | None = None) -> str | None:
    made = record(card.name)
    version = card.versions[-1]
    dataset = made.dataset | {"version": card.ref(version), "digest": version.digest}
    made = replace(made, dataset=dataset)
    files = written(made, home.audits / card.name / version.digest[7:19])
    return trackers.publish(made, files, uri=uri, experiment=card.name, workspace=home)


def client(home: Workspace) -> MlflowClient:
    where = f"sqlite:///{home.home / 'mlflow.db'}"
    return MlflowClient(where, where)


def runs(seen: MlflowClient) -> dict[str, Run]:
    experiments = [e.experiment_id for e in seen.search_experiments()]
    return {run.info.run_name: run for run in seen.search_runs(experiments)}


def links(run: Run) -> dict[str, set[str]]:
    """Text of each link in the description -> run ids it goes to."""
    found: dict[str, set[str]] = {}
    for text, target in re.findall(
        r"\[([^\]]+)\]\(#/experiments/\d+/runs/(\w+)[^)]*\)", run.data.tags["mlflow.note.content"]
    ):
        found.setdefault(text, set()).add(target)
    return found


def check_family(seen: MlflowClient) -> None:
    """All that is promised of the four versions and the audit of `made`, however they came."""
    there = runs(seen)
    assert set(there) == {"seeds@1", "exam@1", "made@1", "grown@1", "made @ bbbbbbbbbbbb"}
    ids = {name: {run.info.run_id} for name, run in there.items()}
    audit = "2026-01-02 03:04 " + there["made @ bbbbbbbbbbbb"].data.tags["auditor.record"][:8]
    assert links(there["seeds@1"]) == {"made@1": ids["made@1"]}
    assert links(there["exam@1"]) == {"made@1": ids["made@1"]}
    assert links(there["grown@1"]) == {"made@1": ids["made@1"]}
    assert links(there["made @ bbbbbbbbbbbb"]) == {"made@1": ids["made@1"]}
    assert links(there["made@1"]) == {
        "seeds@1": ids["seeds@1"], "exam@1": ids["exam@1"], "grown@1": ids["grown@1"],
        audit: ids["made @ bbbbbbbbbbbb"],
    }  # fmt: skip
    for run in there.values():
        assert run.info.status == "FINISHED"
        assert seen.get_experiment(run.info.experiment_id).name == run.data.tags["auditor.dataset"]
    notes = there["made@1"].data.tags["mlflow.note.content"]
    assert "### Audits" in notes
    assert "| FAIL | default |" in notes
    assert "### Measured with this" in there["exam@1"].data.tags["mlflow.note.content"]


def test_a_family(family: Workspace) -> None:
    made = told(family, *CARDS)
    assert None not in made
    audit = audited(family, MADE)
    seen = client(family)
    check_family(seen)
    before = {name: (run.data.tags, run.inputs.to_dictionary()) for name, run in runs(seen).items()}
    # Again, in another order: nothing new, nothing else.
    assert told(family, *reversed(CARDS)) == list(reversed(made))
    assert audited(family, MADE) == audit
    assert {name: (run.data.tags, run.inputs.to_dictionary()) for name, run in runs(seen).items()} == before
    check_family(seen)
    assert not list(family.outbox.iterdir())


def test_tags_inputs_and_artifacts(family: Workspace) -> None:
    told(family, *CARDS)
    seen = client(family)
    run = runs(seen)["made@1"]
    tags = {key: value for key, value in run.data.tags.items() if key.startswith("auditor.")}
    del tags["auditor.registration"]
    assert tags == {
        "auditor.run": "version", "auditor.complete": "true",
        "auditor.dataset": "made", "auditor.dataset.version": "1", "auditor.dataset.digest": digest("b"),
        "auditor.dataset.kind": "synthetic", "auditor.dataset.rows": "9000", "auditor.status": "current",
        "auditor.technique": "self-instruct", "auditor.field.response": "distillation",
        "auditor.generator": "acme/big-model", "auditor.generator.revision": "2026-01-15",
        "auditor.generator.provider": "acme", "auditor.generator.system_prompt": digest("f"),
        "auditor.generators": ";acme/big-model@2026-01-15;",
        "auditor.prompts": f";{MADE.versions[0].lineage.prompts[0].digest};", "auditor.prompt.names": ";grow;",
        "auditor.decoding.temperature": "0.7",
        "auditor.seeds": ";seeds@1;https://***@h.example/web.jsonl;", "auditor.evals": ";exam@1;",
        "auditor.judges": ";judge-model@3;", "auditor.owner": "team:data", "auditor.purpose": "research",
        "auditor.dvc.md5": "5d41402abc4b2a76b9719d911017c592",
    }  # fmt: skip
    given = [(i.dataset.name, i.dataset.digest, [t.value for t in i.tags]) for i in run.inputs.dataset_inputs]
    assert sorted(given) == [
        ("exam", "e" * 36, ["eval"]), ("https://***@h.example/web.jsonl", "c" * 36, ["seed"]),
        ("made", "b" * 36, ["synthetic"]), ("seeds", "a" * 36, ["seed"]),
    ]  # fmt: skip
    (grown,) = [i for i in runs(seen)["grown@1"].inputs.dataset_inputs if i.dataset.name == "made"]
    assert [t.value for t in grown.tags] == ["synthetic"]
    assert json.loads(grown.dataset.source)["ref"] == "made@1"
    assert json.loads(grown.dataset.profile) == {"num_rows": 9000}
    assert run.data.params == {
        "technique": "self-instruct", "generator": "acme/big-model@2026-01-15", "provider": "acme",
        "temperature": "0.7",
    }  # fmt: skip
    assert run.data.metrics == {"rows": 9000.0}
    for condition in ("tags.`auditor.seeds` LIKE '%;seeds@1;%'", "tags.`auditor.generator` = 'acme/big-model'"):
        assert [r.info.run_name for r in seen.search_runs([run.info.experiment_id], condition)] == ["made@1"]
    local = Path(seen.download_artifacts(run.info.run_id, "lineage.html"))
    assert local.read_text() == PAGE


def test_prompts_and_models_are_registered_once(family: Workspace) -> None:
    told(family, *CARDS)
    seen = client(family)
    # Another dataset by the same prompt under another name of file, and by a newer model.
    lineage = MADE.versions[0].lineage
    generator = replace(lineage.generators[0], model=Model("acme/big-model", "2026-02-01"))
    again = Card("again", "synthetic", (registered(1, "9", 5, replace(lineage, generators=(generator,))),))
    told(family, again, again)
    prompt = seen.load_prompt("grow", 1)
    assert prompt.template == PROMPT
    assert [
        p.version for p in seen.search_model_versions("name = 'grow' and tags.`mlflow.prompt.is_prompt` = 'true'")
    ] in ([1], ["1"])
    models = seen.search_model_versions("name = 'acme-big-model'")
    assert {m.tags["revision"] for m in models} == {"2026-01-15", "2026-02-01"}
    assert len(models) == 2
    assert {m.tags["auditor.model"] for m in models} == {"acme/big-model"}
    for name in ("made@1", "again@1"):
        assert json.loads(runs(seen)[name].data.tags["mlflow.linkedPrompts"]) == [{"name": "grow", "version": "1"}]
    assert "[grow](#/prompts/grow?promptVersion=1)" in runs(seen)["made@1"].data.tags["mlflow.note.content"]
    newer = next(m.version for m in models if m.tags["revision"] == "2026-02-01")
    assert f"(#/models/acme-big-model/versions/{newer})" in runs(seen)["again@1"].data.tags["mlflow.note.content"]


def test_a_prompt_that_changed_since_is_told_by_its_hash_only(family: Workspace) -> None:
    (family.root / "prompts" / "grow.txt").write_text("another text")
    told(family, MADE)
    run = runs(client(family))["made@1"]
    assert "mlflow.linkedPrompts" not in run.data.tags
    assert MADE.versions[0].lineage.prompts[0].digest in run.data.tags["auditor.prompts"]


def test_names_that_others_have_are_left_alone(family: Workspace) -> None:
    """A prompt and a model of one name; a model of the user's own under the generator's name."""
    told(family, SEEDS)  # makes the database
    seen = client(family)
    seen.create_registered_model("small-model")
    seen.create_registered_model("grow")
    lineage = Lineage(
        generators=(
            Generator(Model("small-model", "1")),
            Generator(Model("followed", "2"), follows="mlflow:models:/followed@live"),
        ),
        prompts=(MADE.versions[0].lineage.prompts[0],),
    )  # fmt: skip
    told(family, Card("x", "synthetic", (registered(1, "8", 5, lineage),)))
    assert seen.search_model_versions("name = 'small-model'") == []
    assert [m.name for m in seen.search_registered_models("name = 'followed'")] == []
    assert seen.load_prompt("grow.prompt", 1).template == PROMPT
    note = runs(seen)["x@1"].data.tags["mlflow.note.content"]
    assert "| generator | small-model@1 |" in note
    assert "[grow](#/prompts/grow.prompt?promptVersion=1)" in note


def test_a_prompt_of_mlflows_own_is_linked(family: Workspace) -> None:
    told(family, SEEDS)
    seen = client(family)
    seen.register_prompt("theirs", "one")
    seen.register_prompt("theirs", "two")
    text = hashlib.sha256(b"two").hexdigest()
    lineage = Lineage(prompts=(Prompt("theirs", f"sha256:{text}", version="2"),))
    told(family, Card("x", "synthetic", (registered(1, "8", 5, lineage),)))
    run = runs(seen)["x@1"]
    assert json.loads(run.data.tags["mlflow.linkedPrompts"]) == [{"name": "theirs", "version": "2"}]


def test_parents_told_later_are_linked_when_they_come(family: Workspace) -> None:
    told(family, GROWN)
    audited(family, MADE)
    assert links(runs(client(family))["grown@1"]) == {}
    for card in (MADE, EVALS, SEEDS):
        told(family, card)
    check_family(client(family))


def test_a_new_status_is_told(family: Workspace) -> None:
    told(family, SEEDS, MADE)
    (version,) = MADE.versions
    (run,) = told(family, replace(MADE, versions=(replace(version, status="superseded"),)))
    newer = replace(MADE, versions=(version, registered(2, "7", 9100, version.lineage)))
    told(family, newer, of=(SEEDS, newer))
    there = runs(client(family))
    assert there["made@1"].info.run_id == run
    assert there["made@1"].data.tags["auditor.status"] == "superseded"
    assert "supersedes made@1" in there["made@2"].data.tags["mlflow.note.content"]
    assert set(links(there["seeds@1"])) == {"made@1", "made@2"}


def test_a_server_that_is_away(family: Workspace, server: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Versions and audits wait in the outbox, in order, whole; the files may be gone when they are sent."""
    server.kill()
    try:
        with caplog.at_level(logging.WARNING):
            assert told(family, *CARDS, uri=server.uri) == [None] * 4
            assert audited(family, MADE, server.uri) is None
        assert caplog.text.count("auditor sync") == 5
        kept = b"".join(p.read_bytes() for p in family.outbox.rglob("*") if p.is_file())
        assert b"u:pw" not in kept
        assert trackers.sync(family) == (0, 5)
    finally:
        server.start()
    (family.root / "prompts" / "grow.txt").unlink()
    assert trackers.sync(family) == (5, 0)
    seen = MlflowClient(server.uri, server.uri)
    there = {
        name: run for name, run in runs(seen).items() if run.data.tags.get("auditor.dataset") in {c.name for c in CARDS}
    }
    assert set(links(there["made@1"])) >= {"seeds@1", "exam@1", "grown@1"}
    assert json.loads(there["made@1"].data.tags["mlflow.linkedPrompts"]) == [{"name": "grow", "version": "1"}]
    assert [m.tags["revision"] for m in seen.search_model_versions("name = 'acme-big-model'")] == ["2026-01-15"]


def test_a_partial_audit_is_no_verdict(family: Workspace) -> None:
    """Neither in its own run nor in the list of the version's audits."""
    told(family, MADE, of=(MADE,))
    made, version = record(MADE.name), MADE.versions[-1]
    made = replace(
        made,
        dataset=made.dataset | {"version": MADE.ref(version), "digest": version.digest},
        policy=made.policy | {"left_out": ["expired", "few-patterns", "off-topic-responses"]},
        verdict=Status.PASS,
    )
    files = written(made, family.audits / "made" / "partial")
    run = trackers.publish(made, files, uri=None, experiment="made", workspace=family)
    assert run is not None
    said = "2 of 5 checks: near-duplicates, language-mix"
    tags = client(family).get_run(run).data.tags
    assert tags["auditor.verdict"] == "partial"
    assert tags["auditor.partial"] == f"pass, {said}"
    assert "**PARTIAL**: made" in tags["mlflow.note.content"]
    assert f"No verdict on the dataset: PASS in {said}" in tags["mlflow.note.content"]
    note = runs(client(family))["made@1"].data.tags["mlflow.note.content"]
    assert f"| PARTIAL: pass, {said} | default |" in note
    assert "| PASS |" not in note


HOSTILE = "<script>alert(1)</script> | [x](http://evil) `;' OR 1=1 --\n### Audits\n| [a](b) | \x1b[31m"


def test_hostile_facts_are_text(family: Workspace) -> None:
    lineage = Lineage(
        technique=HOSTILE,
        generators=(Generator(Model(HOSTILE, HOSTILE), HOSTILE, {HOSTILE: HOSTILE}),),
        prompts=(Prompt(HOSTILE, digest("1"), file="../../../../etc/passwd"),),
        seeds=(Source(digest("2"), file=HOSTILE), Source(None, file=HOSTILE), Source(digest("3"), f"{HOSTILE}@1")),
        people=(HOSTILE,),
        fields={HOSTILE: HOSTILE},
        facts={HOSTILE: HOSTILE},
    )  # fmt: skip
    card = Card("x", "synthetic", (registered(1, "8", 5, lineage),), owner=HOSTILE, description=HOSTILE)
    (run,) = told(family, card, of=(card,))
    assert run is not None
    note = runs(client(family))["x@1"].data.tags["mlflow.note.content"]
    assert "<" not in note
    assert "\x1b" not in note
    assert "### Audits" not in note
    assert re.findall(r"(?<!\\)\]\((?!#/)", note) == []
    assert "](#/models/script-alert-1" in note


def test_decoding_and_refreshing_are_found_by_their_tags(family: Workspace) -> None:
    lineage = Lineage(
        generators=(
            Generator(Model("m", "1"), None, {"temperature": 0.7, "top_p": 1}, follows="mlflow:models:/m@prod"),
            Generator(Model("n", "2"), None, {"temperature": 0.2, "top_p": 1}),
        ),
        prompts=(Prompt("grow", digest("1"), version="4"), Prompt("ask", digest("2"))),
    )
    card = Card("two", "synthetic", (registered(1, "8", 5, lineage),), refresh=Refresh(every=30), stage="make")
    (run,) = told(family, card, of=(card,))
    seen = client(family)
    for condition in (
        "tags.`auditor.decoding.temperature` LIKE '%;0.2;%'",
        "tags.`auditor.decoding.top_p` = ';1;'",
        "tags.`auditor.prompt.names` LIKE '%;grow@4;%'",
        "tags.`auditor.prompt.names` LIKE '%;ask;%'",
        "tags.`auditor.refresh.every` = '30'",
        "tags.`auditor.follows` = ';mlflow:models:/m@prod;'",
        "tags.`auditor.stage` = 'make'",
    ):
        found = seen.search_runs([one.experiment_id for one in seen.search_experiments()], condition)
        assert [one.info.run_id for one in found] == [run], condition


def test_a_version_by_many_models_from_many_sources(family: Workspace) -> None:
    """200 sources and 30 generators fit into what MLflow keeps, and the tags say them as far as they go."""
    seeds = tuple(Source(digest("a"), f"seeds-{i}@1", rows=i) for i in range(200))
    lineage = Lineage(
        generators=tuple(Generator(Model(f"m{i}", "1"), "p", {"temperature": 1}) for i in range(30)), seeds=seeds
    )
    card = Card("many", "synthetic", (registered(1, "8", 5, lineage),))
    told(family, card, of=(card,))
    run = runs(client(family))["many@1"]
    assert "and 180 more" in run.data.tags["mlflow.note.content"]
    assert run.data.params["m7.generator"] == "m7@1"
    assert run.data.tags["auditor.seeds"].startswith(";seeds-0@1;")


def test_describing_is_the_same_in_any_process(family: Workspace) -> None:
    one = versions.describe(MADE, MADE.versions[0], graph(*CARDS), family.root, page=True)
    two = versions.describe(MADE, MADE.versions[0], graph(*reversed(CARDS)), family.root, page=True)
    assert json.dumps(one.to_dict()) == json.dumps(two.to_dict())


def test_a_version_that_cannot_be_kept_never_fails_a_registration(
    family: Workspace, caplog: pytest.LogCaptureFixture
) -> None:
    family.outbox.write_text("a file where the folder should be")
    assert told(family, SEEDS) == [None]
    assert "could not be tracked" in caplog.text
