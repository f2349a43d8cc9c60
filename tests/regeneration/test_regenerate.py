"""A chain of real datasets under a real DVC: one branch is made again, the other is left alone."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import yaml

from auditor import registration
from auditor.core import objects
from auditor.model.card import Refresh
from auditor.regeneration import look, run, situation
from auditor.regeneration.asked import Asked
from auditor.regeneration.locked import bump
from auditor.regeneration.plan import Limits, plan
from auditor.registry import cards, models
from auditor.registry.workspace import Workspace
from tests.regeneration import chain
from tests.regeneration.chain import brief, regenerate


def lock_of(root: Path, stage: str) -> dict[str, object]:
    entry: dict[str, object] = yaml.safe_load((root / "dvc.lock").read_text())["stages"][stage]
    return entry


def test_one_model_moves_and_one_branch_follows(ws: Workspace) -> None:
    assert look(ws)[0] == []
    untouched = (ws.root / "data/c.jsonl").stat().st_mtime_ns
    chain.lock(ws.root, "writer", "2")
    assert [told.ref for told in look(ws)[0]] == ["a@1", "b@1"]
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]
    assert chain.ran(ws.root) == ["a writer@2", "b talker@1"]
    assert (ws.root / "data/c.jsonl").stat().st_mtime_ns == untouched
    a, b = cards.load("a", ws), cards.load("b", ws)
    assert [(v.version, v.status, v.supersedes) for v in a.versions] == [(1, "superseded", None), (2, "current", 1)]
    assert str(a.versions[1].lineage.generators[0].model) == "writer@2"
    assert b.versions[1].lineage.parents[0].dataset == "a@2"
    assert b.versions[1].lineage.parents[0].digest == a.versions[1].digest
    assert a.versions[1].verdict is not None
    assert a.versions[1].verdict.status in ("pass", "warn")
    assert a.versions[1].why == "model writer: 1 -> 2"
    assert (look(ws)[0], regenerate(ws), chain.ran(ws.root)) == ([], [], [])
    # Oracle: DVC's own status, and its hash of what lies in place.
    assert json.loads(chain.said(ws.root, "status", "--json")) == {}
    for name in ("a", "b", "c"):
        current = cards.load(name, ws).current
        assert current is not None
        assert current.dvc is not None
        assert current.dvc.md5 == objects.content(ws.root / f"data/{name}.jsonl").md5


def test_new_seeds_reach_everything_and_the_plan_says_so_before(ws: Workspace) -> None:
    chain.seeds(ws.root, "second")
    registration.register(registration.Request("seeds", str(ws.root / "data/seeds.jsonl")), ws)
    first = run.planned(Asked(), ws)
    assert [(step.dataset, step.command[-1], step.rows) for step in first.steps] == [
        ("a", "a", 30),
        ("b", "b", 30),
        ("c", "c", 30),
    ]
    assert first.rows == 90
    assert chain.ran(ws.root) == []
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2), ("c", "current", 2)]
    assert cards.load("c", ws).versions[1].lineage.seeds[0].dataset == "seeds@2"
    assert run.planned(Asked(names=("a",)), ws).fresh == ("a",)


def test_a_version_that_is_turned_away_leaves_everything_as_it_was(ws: Workspace) -> None:
    before, entry = (ws.root / "data/a.jsonl").read_bytes(), lock_of(ws.root, "a")
    chain.lock(ws.root, "writer", "refuser")
    a, b = regenerate(ws)
    assert (a.what, a.version, a.passed) == ("turned away", 2, False)
    assert "version 1 stays" in a.why
    assert (b.dataset, b.what, b.why) == ("b", "left alone", "it waits for a")
    card = cards.load("a", ws)
    assert [(v.version, v.status) for v in card.versions] == [(1, "current"), (2, "rejected")]
    assert (ws.root / "data/a.jsonl").read_bytes() == before
    assert lock_of(ws.root, "a") == entry
    assert chain.ran(ws.root) == ["a writer@refuser"]

    # The same again would come of it: it is not tried again, and said to be so.
    held = run.planned(Asked(), ws).held
    assert [(one.dataset, one.why) for one in held] == [
        ("a", "version 2, made from the same sources, was turned away at the gate"),
        ("b", "it waits for a, which is left alone"),
    ]
    assert [one.what for one in regenerate(ws)] == ["left alone", "left alone"]

    # Asked for by name it is judged again, and nothing is run: DVC has its rows still.
    (again,) = regenerate(ws, "a")
    assert (again.what, again.version) == ("turned away", 2)
    assert (lock_of(ws.root, "a"), chain.ran(ws.root)) == (entry, [])

    # Under a laxer policy it goes before the gate again
    lax = chain.POLICY.replace("0.5", "2")
    (ws.root / "expectations/policies/strict.yaml").write_text(lax)
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]
    assert chain.ran(ws.root) == ["b talker@1"]
    assert [v.status for v in cards.load("a", ws).versions] == ["superseded", "current"]


def test_rows_that_nobody_can_read_are_made_again_the_next_time(ws: Workspace) -> None:
    """DVC has kept them as what comes of these sources, in `dvc.lock` and in its run cache."""
    before, entry = (ws.root / "data/a.jsonl").read_bytes(), lock_of(ws.root, "a")
    chain.lock(ws.root, "writer", "2")
    (ws.root / "down").touch()
    for _ in range(2):
        a, b = regenerate(ws)
        assert (a.what, b.what) == ("failed", "left alone")
        assert "broken JSON" in a.why
        assert (ws.root / "data/a.jsonl").read_bytes() == before
        assert lock_of(ws.root, "a") == entry
        assert chain.ran(ws.root) == ["a writer@2"]
    (ws.root / "down").unlink()
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]
    assert chain.ran(ws.root) == ["a writer@2", "b talker@1"]


def test_a_stage_that_fails_stops_what_hangs_on_it_and_nothing_else(ws: Workspace) -> None:
    before = (ws.root / "data/a.jsonl").read_bytes()
    chain.lock(ws.root, "writer", "broken")
    (ws.root / "prompts/c.txt").write_text("write c otherwise\n")
    a, b, c = regenerate(ws)
    assert (a.dataset, a.what) == ("a", "failed")
    assert a.hint == "what it printed is in .auditor/regeneration/a.log"
    assert (b.dataset, b.what) == ("b", "left alone")
    assert (c.dataset, c.what, c.version) == ("c", "current", 2)
    assert (ws.root / "data/a.jsonl").read_bytes() == before, "DVC had taken it away"
    chain.ran(ws.root)
    chain.lock(ws.root, "writer", "3")
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]


def test_the_same_rows_from_another_model_are_a_version_of_their_own(ws: Workspace) -> None:
    make = ws.root / "make.py"
    make.write_text(make.read_text().replace("by {key} {model}, ", ""))
    assert brief(regenerate(ws, "a")) == []  # a script is nobody's source: DVC's affair
    chain.lock(ws.root, "writer", "2")
    regenerate(ws)
    chain.ran(ws.root)
    chain.lock(ws.root, "writer", "3")
    a, b = regenerate(ws)
    assert (a.what, a.version) == ("current", 3)
    assert (b.what, b.why) == ("fresh", "its sources came out the same")
    card = cards.load("a", ws)
    assert card.versions[-1].digest == card.versions[-2].digest
    assert str(card.versions[-1].lineage.generators[0].model) == "writer@3"
    assert chain.ran(ws.root) == ["a writer@3"]
    assert look(ws)[0] == []


def test_a_refresh_that_is_due_is_made_though_dvc_sees_nothing_new(ws: Workspace) -> None:
    card = cards.load("c", ws)
    old = replace(card.versions[0], date=card.versions[0].date - dt.timedelta(days=40))
    cards.save(replace(card, versions=(old,), refresh=Refresh(every=30)), ws)
    (done,) = regenerate(ws)
    assert (done.dataset, done.what) == ("c", "unchanged")
    assert chain.ran(ws.root) == ["c talker@1"]
    assert look(ws)[0] == []  # it counts from today, although nothing was registered


def test_an_expired_one_waits_for_somebody_to_say_how_long_the_next_is_good_for(ws: Workspace) -> None:
    card = cards.load("c", ws)
    cards.save(replace(card, refresh=Refresh(expires=dt.date(2026, 1, 1))), ws)
    (held,) = regenerate(ws)
    assert (held.what, held.hint) == ("left alone", "say how long the next version is good for: --expires 90d")
    chain.lock(ws.root, "talker", "refuser")
    later = dt.date(2999, 1, 1)
    away = {one.dataset: one.what for one in regenerate(ws, "c", expires=later)}
    assert away == {"c": "turned away"}
    assert cards.load("c", ws).refresh.expires == dt.date(2026, 1, 1)  # the old version is no fresher for it
    chain.lock(ws.root, "talker", "2")
    assert brief(regenerate(ws, "c", expires=later)) == [("c", "current", 3)]
    assert cards.load("c", ws).refresh.expires == later


def test_limits_hold_back_what_would_be_too_much(ws: Workspace) -> None:
    chain.seeds(ws.root, "second")
    registration.register(registration.Request("seeds", str(ws.root / "data/seeds.jsonl")), ws)
    now = situation(ws)
    by_rows = plan(now, limits=Limits(rows=60))
    assert [step.dataset for step in by_rows.steps] == ["a", "b"]
    assert by_rows.held[0].why == "its 30 rows are more than --max-rows leaves (0)"
    by_cost = plan(now, limits=Limits(cost=5))
    assert by_cost.steps == ()
    assert by_cost.held[0].why == "what it costs is not known, and --max-cost is given"
    assert by_cost.held[1].why == "it waits for a, which is left alone"
    for name, cost in (("a", 3.0), ("b", 1.5), ("c", 1.0)):
        card = cards.load(name, ws)
        (only,) = card.versions
        paid = replace(only, lineage=replace(only.lineage, facts={"cost": cost}))
        cards.save(replace(card, versions=(paid,)), ws)
    by_cost = plan(situation(ws), limits=Limits(cost=5))
    assert [step.dataset for step in by_cost.steps] == ["a", "b"]
    assert by_cost.held[0].why == "its cost of 1 is more than --max-cost leaves (0.5)"


def test_what_dvc_could_not_see_is_said_before_anything_runs(ws: Workspace) -> None:
    pipeline = (ws.root / "dvc.yaml").read_text()
    (ws.root / "dvc.yaml").write_text(pipeline.replace("params: [{models.lock.yaml: [writer]}]", "params: []"))
    chain.lock(ws.root, "writer", "2")
    held = {one.dataset: one for one in run.planned(Asked(), ws).held}
    assert held["a"].why == "stage a does not depend on 'writer' of models.lock.yaml"
    assert held["a"].hint == "add to its params in dvc.yaml: - models.lock.yaml: [writer]"
    assert held["b"].why == "it waits for a, which is left alone"
    (ws.root / "dvc.yaml").write_text(pipeline.replace("data/seeds.jsonl, prompts/a.txt", "data/seeds.jsonl"))
    (ws.root / "prompts/a.txt").write_text("other\n")
    held = {one.dataset: one for one in run.planned(Asked(), ws).held}
    assert held["a"].why == "stage a does not depend on prompts/a.txt"


def test_a_registry_that_does_not_answer_holds_back_what_follows_it(ws: Workspace) -> None:
    card = cards.load("a", ws)
    (only,) = card.versions
    (generator,) = only.lineage.generators
    following = replace(only.lineage, generators=(replace(generator, follows="mlflow:models:/writer@production"),))
    cards.save(replace(card, versions=(replace(only, lineage=following),)), ws)
    (ws.root / "prompts/a.txt").write_text("other\n")
    held = run.planned(Asked(uri="http://127.0.0.1:9"), ws).held
    assert held[0].why.startswith("the present revision of writer is unknown: MLflow did not answer")


def test_a_dataset_without_a_stage_is_told_what_to_do_by_hand(ws: Workspace) -> None:
    card = cards.load("a", ws)
    (only,) = card.versions
    assert only.dvc is not None
    by_hand = replace(only, dvc=replace(only.dvc, file="data/a.jsonl.dvc"))
    cards.save(replace(card, stage=None, versions=(by_hand,)), ws)
    chain.lock(ws.root, "writer", "2")
    held = run.planned(Asked(), ws).held[0]
    assert (held.why, held.hint) == (
        "no stage of dvc.yaml makes it",
        "make data/a.jsonl again, then: auditor register a data/a.jsonl",
    )


def test_a_source_that_is_not_what_the_lineage_would_name_stops_the_stage(ws: Workspace) -> None:
    chain.lock(ws.root, "writer", "2")
    chain.seeds(ws.root, "nobody registered this")
    a, b = regenerate(ws)
    assert (a.what, a.why) == ("failed", "data/seeds.jsonl is not seeds@1")
    assert a.hint == "register what lies there, or bring it back: auditor checkout seeds@1"
    assert b.what == "left alone"
    assert chain.ran(ws.root) == []


def test_rows_that_nobody_keeps_are_not_written_over(ws: Workspace) -> None:
    edited = (ws.root / "data/a.jsonl").read_bytes() + b'{"prompt": "mine", "response": "by hand"}\n'
    (ws.root / "data/a.jsonl").unlink()  # it may be a link into DVC's cache
    (ws.root / "data/a.jsonl").write_bytes(edited)
    chain.lock(ws.root, "writer", "2")
    (a,) = regenerate(ws, "a")
    assert (a.what, a.why) == ("failed", "what lies in data/a.jsonl is not a@1, and DVC does not keep it")
    assert (ws.root / "data/a.jsonl").read_bytes() == edited


def test_a_withdrawn_model_is_not_run_again(ws: Workspace) -> None:
    from auditor.model.card import Model

    registration.withdraw(Model("writer", "1"), "its terms changed", ws)
    held = run.planned(Asked(), ws).held
    assert held[0].why == "writer@1 is withdrawn, and is what would be run"
    assert held[1].why == "it waits for a, which is left alone"
    chain.lock(ws.root, "writer", "2")
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]
    assert look(ws)[0] == []


def test_a_stale_verdict_is_reached_again_without_making_rows(ws: Workspace) -> None:
    chain.lock(ws.root, "writer", "2")
    regenerate(ws)
    chain.ran(ws.root)
    (ws.root / "expectations/policies/strict.yaml").write_text(chain.POLICY.replace("0.5", "0.4"))
    found = look(ws)[0]
    assert [(told.ref, [r.cause for r in told.verdict]) for told in found] == [("a@2", ["policy"]), ("b@2", ["policy"])]
    assert brief(regenerate(ws)) == [("a", "judged", 2), ("b", "judged", 2)]
    assert (chain.ran(ws.root), look(ws)[0]) == ([], [])


def test_a_candidate_left_by_a_kill_only_waits_for_its_gate(ws: Workspace) -> None:
    chain.lock(ws.root, "writer", "2")
    chain.dvc(ws.root, "repro", "-q", "--single-item", "a")
    assert chain.ran(ws.root) == ["a writer@2"]
    now = situation(ws)
    from auditor.regeneration.renewal import renewed

    lineage = renewed(cards.load("a", ws).versions[0], "a", now.cards, now.present)
    request = registration.Request("a", str(ws.root / "data/a.jsonl"), lineage, status="candidate")
    registration.register(request, ws)
    first, _ = run.planned(Asked(), ws).steps
    assert (first.action, first.command) == ("judge", ("auditor", "gate", "a@2"))
    assert brief(regenerate(ws)) == [("a", "current", 2), ("b", "current", 2)]
    assert chain.ran(ws.root) == ["b talker@1"]


def test_the_lock_keeps_its_comments(tmp_path: Path) -> None:
    (tmp_path / "models.lock.yaml").write_text("# head\nwriter: \"1\"   # note\nx: 'a b'\nlast: end")
    ws = Workspace(tmp_path)
    assert bump({"writer": "2", "x": 'say "y" #1', "new": "n", "last": "end"}, ws) == {
        "writer": ("1", "2"),
        "x": ("a b", 'say "y" #1'),
        "new": (None, "n"),
    }
    lines = (tmp_path / "models.lock.yaml").read_text().splitlines()
    assert lines == ["# head", 'writer: "2"   # note', 'x: "say \\"y\\" #1"', "last: end", 'new: "n"']
    assert models.locked(ws) == {"writer": "2", "x": 'say "y" #1', "last": "end", "new": "n"}
