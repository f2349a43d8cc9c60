"""Accepting verdicts: by every rule, as verdicts, as preference rows, as a registered version; and what is lost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import orjson
import pytest
from click.testing import CliRunner

from auditor import fakes
from auditor.cli import group
from auditor.core.judges.juries import Jury
from auditor.judging import accepting, writing
from auditor.model.errors import ConfigError, InputError
from auditor.registry import Workspace, cards

PAIRS = [("a", "a"), ("b", "b"), ("tie", "tie"), ("a", "b"), ("b", "tie"), ("invalid", "a"), ("invalid", "invalid")]


def judged(texts: bool = False, judge: str = "j", pairs: Any = PAIRS) -> list[dict[str, Any]]:
    more = {"question": "Why?", "output_a": "One two three.", "output_b": "One."} if texts else {}
    return [
        {"item": f"q{item}", "judge": judge, "first": first, "verdict": verdict, **more}
        for item, pair in enumerate(pairs)
        for first, verdict in zip("ab", pair, strict=True)
    ]


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ("strict", {"q0": "a", "q1": "b", "q2": "tie"}),
        ("tie", {"q0": "a", "q1": "b", "q2": "tie", "q3": "tie", "q4": "tie"}),
        ("one-win", {"q0": "a", "q1": "b", "q2": "tie", "q3": "tie", "q4": "b"}),
        ("average", {"q0": "a", "q1": "b", "q2": "tie", "q3": "tie", "q4": "b", "q5": "a"}),
    ],
)
def test_what_each_rule_keeps(rule: str, wanted: dict[str, str]) -> None:
    accepted = accepting.accept(fakes.verdicts(judged()), rule)
    records = list(writing.records(accepted))
    assert {record["item"]: record["verdict"] for record in records} == wanted
    assert sum(accepted.reasons().values()) == len(PAIRS)
    assert accepted.reasons()["kept"] == len(wanted)


def test_one_order_is_kept_by_the_average_alone() -> None:
    records = [
        {"item": "p", "judge": "j", "first": "a", "verdict": "a"},
        {"item": "q", "judge": "j", "verdict": "b"},
        {"item": "r", "judge": "j", "verdict": "invalid"},
    ]
    strict = accepting.accept(fakes.verdicts(records)).reasons()
    assert strict == {"kept": 0, "judged in one order only": 1, "the order is not told": 2}
    assert accepting.accept(fakes.verdicts(records), "average").reasons() == {"kept": 2, "a verdict is unparsable": 1}


def test_what_was_kept_reads_again_and_people_stay() -> None:
    person = {"item": "q0", "judge": "Ada", "verdict": "b", "human": True}
    accepted = accepting.accept(fakes.verdicts([*judged(), person]))
    again = fakes.verdicts(writing.records(accepted))
    assert len(again) == 4
    assert again.humans[again.judge.codes].sum() == 1
    assert sorted(again.verdict[again.by_machine].tolist()) == [0, 1, 2]


def test_preference_rows() -> None:
    accepted = accepting.accept(fakes.verdicts(judged(texts=True)))
    rows = list(writing.records(accepted))
    assert accepted.form == "pairs"
    assert [(row["id"], row["chosen"], row["rejected"]) for row in rows] == [
        ("q0", "One two three.", "One."),
        ("q1", "One.", "One two three."),
    ]
    assert rows[0]["prompt"] == "Why?"
    assert accepted.reasons()["a tie: nothing is chosen"] == 1
    assert accepted.longer_wins() == (pytest.approx(2 / 4), pytest.approx(1 / 2))


def test_several_judges_give_one_row_by_majority() -> None:
    said = {"j": ("a", "a"), "k": ("a", "a"), "l": ("b", "b")}
    records = [one for judge, pair in said.items() for one in judged(True, judge, [pair])]
    split = [one for judge, pair in list(said.items())[1:] for one in judged(True, judge, [pair])]
    (row,) = writing.records(kept := accepting.accept(fakes.verdicts(records)))
    assert (row["chosen"], row["judgements"]) == ("One two three.", 2)
    assert kept.reasons() == {"kept": 2, "other judgements of the pair outvote it": 1}
    assert not list(writing.records(accepting.accept(fakes.verdicts(split))))


def test_makers_name_the_row_where_an_item_has_several_pairs() -> None:
    def met(a: str, b: str) -> list[dict[str, Any]]:
        return [{**one, "a": a, "b": b} for one in judged(True, pairs=[("b", "b")])]

    rows = list(writing.records(accepting.accept(fakes.verdicts([*met("x", "y"), *met("x", "z")]))))
    assert [(row["id"], row["chosen_model"], row["rejected_model"]) for row in rows] == [
        ("q0/x/y", "y", "x"),
        ("q0/x/z", "z", "x"),
    ]


def test_losses_add_up_in_every_class() -> None:
    accepted = accepting.accept(fakes.verdicts([*judged(True), *judged(True, "k", PAIRS[:2])]))
    by: dict[str, int] = {}
    for loss in accepted.losses():
        by[loss.by] = by.get(loss.by, 0) + loss.judged
        assert loss.low <= loss.lost <= loss.high
    assert by == {"verdict": 9, "judge": 9, "words": 9, "longer by": 9}
    lost = {(one.by, one.group): one.judged - one.kept for one in accepted.losses()}
    assert lost["judge", "j"] == 5
    assert lost["judge", "k"] == 0
    # Lost: (a, b), (b, tie), (invalid, a), (invalid, invalid) and the tie, of which nothing is chosen.
    assert {name: lost["verdict", name] for name in ("A", "B", "tie", "invalid")} == {
        "A": 1, "B": 1, "tie": 1.5, "invalid": 1.5,
    }  # fmt: skip
    assert ("longer by", "2 x and more") in lost


def test_pure_primacy_loses_both_verdicts_alike(workspace: Path) -> None:
    """What stands first wins 70 pairs, A and B 15 each whatever the order: by the first order alone, A loses all."""
    pairs = [("a", "b")] * 70 + [("a", "a")] * 15 + [("b", "b")] * 15
    accepted = accepting.accept(fakes.verdicts(judged(pairs=pairs)))
    by = {one.group: (one.judged, one.kept) for one in accepted.losses() if one.by == "verdict"}
    assert by == {"A": (50, 15), "B": (50, 15)}
    told = run(written(workspace, judged(pairs=[*pairs, ("a", "tie")])), "-o", "clean.jsonl").stdout
    assert "counts half to what each order said" in told
    assert [line.split()[2:5] for line in told.splitlines() if line.startswith("verdict")] == [
        ["50.5", "15", "70.3%"],
        ["50", "15", "70.0%"],
        ["0.5", "0", "100.0%"],
    ]


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(ConfigError, match="texts"):
        accepting.accept(fakes.verdicts(judged()), form="pairs")
    with pytest.raises(ConfigError, match="machine"):
        accepting.accept(fakes.verdicts([{"item": "q", "judge": "Ada", "verdict": "a", "human": True}]))
    with pytest.raises(ConfigError, match="rule"):
        accepting.accept(fakes.verdicts(judged()), "lenient")


def run(*typed: str) -> Any:
    done = CliRunner().invoke(group, ["judge", "accept", *typed], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done


def written(folder: Path, records: list[dict[str, Any]]) -> str:
    path = folder / "verdicts.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def test_by_the_command_line(workspace: Path) -> None:
    file = written(workspace, judged())
    told = run(file, "-o", "clean.jsonl").stdout
    assert "clean.jsonl: 3 verdicts, by the rule 'strict'" in told
    assert "the two orders conflict" in told
    lines = (workspace / "clean.jsonl").read_text().splitlines()
    assert [json.loads(line)["verdict"] for line in lines] == ["a", "b", "tie"]
    described = json.loads(run(file, "-o", "clean.jsonl", "--rule", "tie", "--format", "json", "-q").stdout)
    assert (described["lines"], described["judgements"]) == (5, 7)
    assert {one["by"] for one in described["classes"]} == {"verdict", "judge"}


def test_it_never_writes_over_what_it_reads(workspace: Path) -> None:
    file = written(workspace, judged())
    before = Path(file).read_bytes()
    with pytest.raises(Exception, match="write over"):
        run(file, "-o", "./verdicts.jsonl")
    with pytest.raises(Exception, match="--register"):
        run(file, "-o", "clean.jsonl", "--parent", "answers@1")
    assert Path(file).read_bytes() == before


def test_nothing_to_keep_leaves_no_file_and_no_version(workspace: Path) -> None:
    file = written(workspace, judged(True, pairs=[("a", "b")]))
    with pytest.raises(InputError, match="no verdict holds"):
        run(file, "-o", "prefs.jsonl", "--register", "prefs", "--no-dvc", "-q")
    assert not (workspace / "datasets" / "prefs.yaml").exists()
    assert not (workspace / "prefs.jsonl").exists()


def test_as_a_registered_version(workspace: Path) -> None:
    (workspace / "answers.jsonl").write_text('{"prompt": "Why?", "response": "One two three."}\n')
    file = written(workspace, judged(True, "gpt-4o-2024-08-06"))
    ws = Workspace(workspace)
    for rule in ("strict", "average"):
        run(file, "-o", f"{rule}.jsonl", "--rule", rule, "--register", "prefs", "--parent", "answers.jsonl", "--no-dvc")
    card = cards.load("prefs", ws)
    assert card.kind == "synthetic"
    assert [version.rows for version in card.versions] == [2, 4]
    lineage = card.versions[-1].lineage
    assert lineage.technique == "preference-labels"
    assert [str(judge) for judge in lineage.judges] == ["gpt-4o@2024-08-06"]
    assert lineage.facts["rule"] == "average"
    assert len(lineage.parents) == 1


def voted(texts: bool = False) -> list[dict[str, Any]]:
    """q0: a by 2 of 3; q1: b by all; q2: a tie of one each, and one conflict; q3: nobody; and people on two pairs."""
    said = {
        "gpt": [("a", "a"), ("b", "b"), ("a", "a"), ("a", "b")],
        "llama": [("a", "a"), ("b", "b"), ("b", "b"), ("a", "b")],
        "qwen": [("b", "b"), ("b", "b"), ("a", "b"), ("invalid", "a")],
    }
    people = [
        {"item": item, "judge": "Ada", "verdict": word, "human": True} for item, word in (("q0", "a"), ("q1", "b"))
    ]
    return [one for judge, pairs in said.items() for one in judged(texts, judge, pairs)] + people


def test_a_panel_gives_one_verdict_a_pair() -> None:
    accepted = accepting.accept(fakes.verdicts(voted()), jury=Jury("jury"))
    machine = [one for one in writing.records(accepted) if not one.get("human")]
    shared = {"judge": "jury", "repeat": 0, "rule": "strict", "vote": "majority"}
    assert machine == [
        {"item": "q0", **shared, "verdict": "a", "votes": 3, "share": 0.666667},
        {"item": "q1", **shared, "verdict": "b", "votes": 3, "share": 1.0},
        {"item": "q2", **shared, "verdict": "tie", "votes": 2, "share": 0.0},
    ]
    assert accepted.reasons() == {
        "kept": 5,
        "the two orders conflict": 3,
        "a verdict is unparsable": 1,
        "other judgements of the pair outvote it": 3,
    }
    again = fakes.verdicts(writing.records(accepted))
    assert len(again) == 5


def test_a_panel_gives_rows() -> None:
    accepted = accepting.accept(fakes.verdicts(voted(True)), jury=Jury(members=("gpt", "llama")))
    rows = list(writing.records(accepted))
    assert [(row["id"], row["chosen"], row["judgements"], row["vote"]) for row in rows] == [
        ("q0", "One two three.", 2, "majority"),
        ("q1", "One.", 2, "majority"),
    ]
    assert accepted.reasons()["its judge is not of the panel"] == 4


def test_names_are_written_as_json_has_them() -> None:
    names = ['a "quoted" \\ name', "tab\there", "Zoë\u2028", "plain", "\x1f"]
    records = [
        {"item": item, "a": maker, "b": "z", "judge": judge, "prompt": "p", "first": first, "verdict": "a"}
        for item, maker, judge in zip(names, names[::-1], names[1:] + names[:1], strict=True)
        for first in "ab"
    ]
    wanted = {(one["item"], one["judge"]) for one in records}
    accepted = accepting.accept(fakes.verdicts(records))
    assert {(one["item"], one["judge"]) for one in writing.records(accepted)} == wanted
    for line in b"".join(writing._blocks(accepted)).splitlines():
        assert line == orjson.dumps(orjson.loads(line))


def test_votes_by_the_command_line(workspace: Path) -> None:
    file = written(workspace, voted())
    told = run(file, "-o", "clean.jsonl", "--vote", "majority").stdout
    assert "3 verdicts" not in told.splitlines()[0]
    assert "clean.jsonl: 5 verdicts, by the rule 'strict' and a majority vote" in told
    assert "right, where people judged" in told
    (workspace / "judges.yaml").write_text(
        "judges:\n  gpt: {callable: x}\n  llama: {callable: x}\n  qwen: {callable: x}\n"
        "panel:\n  jury: {members: [gpt, qwen], vote: weighted, weights: {qwen: 0.5}}\n"
    )
    given = [("--panel", "judges.yaml"), ("--vote", "weighted", "--weights", "qwen=0.5", "--weights", "llama=0")]
    described = [json.loads(run(file, "-o", "clean.jsonl", "--format", "json", *one).stdout) for one in given]
    panels = [one["panel"] for one in described]
    assert [(one["name"], one["votes"], one["accuracy"], one["labelled"]) for one in panels] == [
        ("jury", 3, 1.0, 2),
        ("panel", 3, 1.0, 2),
    ]
    assert [(one["name"], one["weight"]) for one in panels[0]["members"]] == [("gpt", 1.0), ("qwen", 0.5)]
    assert [(one["name"], one["weight"]) for one in panels[1]["members"]] == [
        ("gpt", 1.0), ("qwen", 0.5), ("llama", 0.0),
    ]  # fmt: skip
    for wrong, why in (
        (("--weights", "gpt=1"), "--vote weighted"),
        (("--vote", "weighted", "--weights", "gpt"), "not of the form"),
        (("--panel", "judges.yaml#x"), "no panel 'x'"),
        (("--panel", "judges.yaml", "--vote", "majority"), "leave --vote"),
    ):
        with pytest.raises((ConfigError, click.BadParameter), match=why):
            run(file, "-o", "other.jsonl", *wrong)
    assert not (workspace / "other.jsonl").exists()


def test_a_version_says_who_voted(workspace: Path) -> None:
    (workspace / "answers.jsonl").write_text('{"prompt": "Why?", "response": "One two three."}\n')
    file = written(workspace, voted(True))
    run(file, "-o", "p.jsonl", "--vote", "majority", "--register", "p", "--parent", "answers.jsonl", "--no-dvc", "-q")
    lineage = cards.load("p", Workspace(workspace)).versions[-1].lineage
    assert dict(lineage.facts) == {"rule": "strict", "vote": "majority"}
    assert [str(judge) for judge in lineage.judges] == ["gpt", "llama", "qwen"]
