"""What judges said of rows, as columns: against brute force over plain records, and from one command to the next."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import auditor
from auditor import annotators, fakes
from auditor.annotators.verdicts import COLUMNS
from auditor.core.judges.items import named
from auditor.model.errors import InputError
from auditor.model.rows import Dataset


def columns(rows: Dataset) -> list[dict[str, Any]]:
    return [one for part in rows for one in part.batch.select(["id", *COLUMNS]).to_pylist()]


def rows_of(n: int, folder: Path, shard_rows: int = 7, **more: Any) -> Dataset:
    records = [
        {"id": f"r{k}", "prompt": f"q{k}", "chosen": f"yes {k}", "rejected": f"no {k}", **more} for k in range(n)
    ]
    return fakes.dataset(records, folder, shard_rows=shard_rows)


def said(seed: int, items: int) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    found = []
    for item in range(items):
        for judge in ("x", "y", "z"):
            if rng.random() < 0.6:
                word = rng.choice(["a", "a", "b", "tie"])
                for first in "ab":
                    verdict = rng.choices((word, "invalid", first), (8, 1, 2))[0]
                    found.append({"item": f"r{item}", "a": "chosen", "b": "rejected", "judge": judge,
                                  "first": first, "verdict": verdict})  # fmt: skip
    rng.shuffle(found)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_columns_are_those_of_brute_force(seed: int, tmp_path: Path) -> None:
    records = said(seed, 30)
    wanted = {}
    for item in range(40):
        mine = [one for one in records if one["item"] == f"r{item}"]
        both = [[one["verdict"] for one in mine if one["judge"] == judge] for judge in {one["judge"] for one in mine}]
        votes = [pair[0] for pair in both if pair[0] == pair[1] != "invalid"]
        counts = Counter(votes).most_common()
        tied = len(counts) > 1 and counts[0][1] == counts[1][1]
        word = None if not counts else "tie" if tied else counts[0][0]
        wanted[f"r{item}"] = {
            "judge_verdict": {"a": "chosen", "b": "rejected"}.get(word or "", word),
            "judge_accepted": word == "a" if mine else None,
            "judge_consistent": len(votes) == len(both) if mine else None,
            "judge_votes": len(votes) if mine else None,
            "judge_score": None,
        }
    joined = annotators.joined(rows_of(40, tmp_path), fakes.verdicts(records), tmp_path)
    assert {one.pop("id"): one for one in columns(joined)} == wanted
    assert {one["judge_verdict"] for one in wanted.values()} == {"chosen", "rejected", "tie", None}


def test_grades_are_scores_and_no_verdicts(tmp_path: Path) -> None:
    records = [
        {"item": "r0", "a": "response", "judge": judge, "score_a": score, "verdict": None}
        for judge, score in (("x", 7), ("y", 8))
    ]
    pair = {"item": "r1", "a": "chosen", "b": "rejected", "judge": "x", "score_a": 9, "score_b": 2, "verdict": "a"}
    first, second, third = columns(annotators.joined(rows_of(3, tmp_path), fakes.verdicts([*records, pair]), tmp_path))
    assert (first["judge_score"], first["judge_votes"], first["judge_accepted"]) == (7.5, None, None)
    assert (second["judge_score"], second["judge_votes"], second["judge_accepted"]) == (9.0, 1, True)
    assert second["judge_consistent"] is None, "graded without an order, there is none to be consistent in"
    assert third["judge_score"] is None


def test_of_several_pairs_who_wins_most_wins(tmp_path: Path) -> None:
    def met(item: str, a: str, b: str, verdict: str) -> list[dict[str, Any]]:
        about = {"item": item, "a": a, "b": b, "judge": "j", "verdict": verdict}
        return [{**about, "first": first} for first in "ab"]

    records = [*met("r0", "m", "n", "b"), *met("r0", "m", "o", "b"), *met("r0", "n", "o", "a"),
               *met("r1", "m", "n", "a"), *met("r1", "n", "o", "a"), *met("r1", "m", "o", "b")]  # fmt: skip
    first, second = columns(annotators.joined(rows_of(2, tmp_path), fakes.verdicts(records), tmp_path))
    assert (first["judge_verdict"], first["judge_votes"]) == ("n", 1)
    assert (second["judge_verdict"], second["judge_accepted"]) == ("tie", False)


def test_names_mean_the_same_content_in_any_order(tmp_path: Path) -> None:
    records = [
        {"id": "x", "text": "one"}, {"id": "x", "text": "two"}, {"id": "y", "text": "three"}, {"text": "four"},
        {"text": "four"}, {"id": "x", "text": "one"}, {"id": "z", "text": "five"}, {"id": "z", "text": "five"},
    ]  # fmt: skip

    def meaning(given: list[dict[str, Any]], shard_rows: int) -> dict[str, str]:
        made = fakes.dataset(given, tmp_path, shard_rows=shard_rows)
        texts = [text for part in made for text in part.column("text").to_pylist()]
        names = named(made).to_pylist()
        assert len(set(names)) == len(names)
        return dict(zip(names, texts, strict=True))

    wanted = meaning(records, 3)
    assert wanted["y"] == "three"
    assert (wanted["z"], wanted["z#2"]) == ("five", "five")
    assert sum(name.startswith("x#") for name in wanted) == 3
    random.Random(1).shuffle(records)
    assert meaning(records, 5) == wanted
    assert named(fakes.dataset([], tmp_path)).to_pylist() == []


def test_what_was_not_joined_is_told(tmp_path: Path) -> None:
    rows = rows_of(4, tmp_path, extra="more text")
    about = {"a": "chosen", "b": "rejected", "judge": "j", "verdict": "a"}
    texts = {"question": "q0", "output_a": "yes 0", "output_b": "no 0"}
    records = [
        {"item": "r0", **about, **texts},
        {"item": "r1", **about, **texts},
        {"item": "r2", **about, "question": "q2", "output_a": "more text", "output_b": "no 2"},
        {"item": "stranger", **about},
    ]
    joined = annotators.joined(rows, (verdicts := fakes.verdicts(records)), tmp_path)
    assert [one["judge_accepted"] for one in columns(joined)] == [True, None, True, None]
    (note,) = joined.notes[len(rows.notes) :]
    assert note == (
        f"4 verdicts of fake ({verdicts.digest[:19]}): 2 of 4 rows are judged; 1 items are left out, since they show "
        "other texts than their rows have now; 1 items are no row of this data"
    )
    with pytest.raises(InputError, match="no verdict is about a row") as error:
        annotators.joined(rows, fakes.verdicts(records[3:]), tmp_path)
    assert "'stranger'" in str(error.value)
    assert "'r0'" in str(error.value)


def test_a_field_of_the_name_stays(tmp_path: Path) -> None:
    rows = rows_of(3, tmp_path, judge_score=4)
    rows = annotators.joined(rows, fakes.verdicts(said(1, 3)), tmp_path)
    assert "verdicts.judge_score" in rows.columns
    assert "judge_verdict" in rows.columns
    assert "the rows have a field judge_score: what judges said is in verdicts.judge_score" in rows.notes


def test_from_verdicts_to_a_gate(workspace: Path) -> None:
    data, verdicts = workspace / "d.jsonl", workspace / "v.jsonl"
    records = [
        {"id": f"r{k}", "prompt": f"What is {k}?", "chosen": f"It is {k}.", "rejected": "No."} for k in range(20)
    ]
    data.write_text("".join(json.dumps(one) + "\n" for one in records))
    told = [
        {"item": f"r{k}", "a": "chosen", "b": "rejected", "judge": "j", "first": first,
         "verdict": "b" if k < 3 else first if k < 8 else "a"}
        for k in range(16) for first in "ab"
    ]  # fmt: skip
    verdicts.write_text("".join(json.dumps(one) + "\n" for one in told))
    only = ("unaccepted-by-judges",)
    report = auditor.audit(data, verdicts=verdicts, only=only, by="judge_verdict")
    value = {name.partition(".")[2]: metric.value for name, metric in report.metrics.items()}
    assert value == {"rate": 0.5, "undecided": 5 / 16, "overruled": 3 / 16, "unjudged": 0.2}
    findings = report.findings.to_pylist()
    assert Counter(one["metric"].partition(".")[2] for one in findings) == {
        "undecided": 5,
        "overruled": 3,
        "unjudged": 4,
    }
    assert {one["evidence"] for one in findings if one["metric"].endswith("overruled")} == {"rejected; 1 votes"}
    features = pq.read_table(report.places["features.parquet"])
    assert set(COLUMNS) <= set(features.column_names)
    assert {one.group for one in report.record.slices if one.by == "judge_verdict"} == {"chosen", "rejected", "(none)"}
    assert any("16 of 20 rows are judged" in note for note in report.record.dataset["notes"])
    (workspace / "expectations" / "suites").mkdir(parents=True)
    suite = {
        "name": "judged",
        "meta": {},
        "expectations": [
            {
                "type": "expect_column_values_to_be_in_set",
                "kwargs": {"column": "judge_verdict", "value_set": ["chosen"]},
            }
        ],
    }
    (workspace / "expectations" / "suites" / "judged.json").write_text(json.dumps(suite))
    again = auditor.audit(data, verdicts=str(verdicts), only=("expectations",))
    assert again.metrics["expectations.rate"].value == pytest.approx(3 / 20)
    skipped = auditor.audit(data, only=only)
    assert "--verdicts FILE" in skipped.record.verdicts[0].why


def test_scores_by_themselves_accept_nothing_and_that_is_said(workspace: Path) -> None:
    data, verdicts = workspace / "d.jsonl", workspace / "v.jsonl"
    data.write_text(
        "".join(json.dumps({"id": f"r{k}", "prompt": f"{k}?", "response": f"{k}."}) + "\n" for k in range(4))
    )
    told = [{"item": f"r{k}", "a": "response", "judge": "j", "score_a": 7, "verdict": None} for k in range(4)]
    verdicts.write_text("".join(json.dumps(one) + "\n" for one in told))
    report = auditor.audit(data, verdicts=verdicts, only="unaccepted-by-judges")
    (check,) = report.record.checks
    assert check["status"] == "skipped"
    assert check["why"] == "no judge said which answer of these rows is better: scores by themselves accept none"
