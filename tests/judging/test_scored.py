"""Scores in place of verdicts: two of a pair, or one of an output by itself, by whatever path they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor import judge_audit, judging
from auditor.adjudicating import read
from auditor.concluding import Options
from auditor.model.errors import UnknownShape
from auditor.model.verdicts import INVALID, TIE, A, B, Verdicts

N = 60
PAIRS: list[dict[str, Any]] = [
    {"item": f"q{i}", "judge": "j", "score_a": i % 7 + 0.5, "score_b": i % 5 + 0.5} for i in range(N)
]
WINNERS = [TIE if i % 7 == i % 5 else A if i % 7 > i % 5 else B for i in range(N)]
BROKEN = '{"item": "q'


def lines(path: Path, rows: list[dict[str, Any]], *more: str) -> Path:
    path.write_text("\n".join([*map(json.dumps, rows), *more]) + "\n")
    return path


def scored(folder: Path, path: str) -> Verdicts:
    """PAIRS, read by one of the paths."""
    file = folder / "v.jsonl"
    if path == "jsonl":
        return judging.open([lines(file, PAIRS)])
    if path == "one broken line":
        return judging.open([lines(file, PAIRS, BROKEN)])
    if path == "a number beyond all":
        return judging.open([lines(file, PAIRS, '{"item": "x", "judge": "j", "score_a": 1e400, "score_b": 1}')])
    if path == "a string among numbers":
        return judging.open([lines(file, [*PAIRS[:-1], {**PAIRS[-1], "score_a": str(PAIRS[-1]["score_a"])}])])
    if path == "array":
        (folder / "v.json").write_text(json.dumps(PAIRS))
        return judging.open([folder / "v.json"])
    if path == "csv":
        rows = [",".join(map(str, row.values())) for row in PAIRS]
        (folder / "v.csv").write_text("\n".join([",".join(PAIRS[0]), *rows]) + "\n")
        return judging.open([folder / "v.csv"])
    if path == "csv with an empty verdict":
        rows = [",".join(map(str, row.values())) + "," for row in PAIRS]
        (folder / "v.csv").write_text("\n".join([",".join([*PAIRS[0], "verdict"]), *rows]) + "\n")
        return judging.open([folder / "v.csv"])
    if path == "parquet":
        pq.write_table(pa.Table.from_pylist(PAIRS), folder / "v.parquet")
        return judging.open([folder / "v.parquet"])
    if path == "dicts":
        return judging.from_records(PAIRS)
    if path == "dicts with a verdict of NaN":
        return judging.from_records([{**one, "verdict": float("nan")} for one in PAIRS])
    mapped = [{"item": p["item"], "judge": "j", "s1": p["score_a"], "s2": p["score_b"]} for p in PAIRS]
    mapping = {"score_a": "s1", "score_b": "s2"}
    if path == "mapped dicts":
        return read(mapped, Options(mapping=mapping))
    return judging.open([lines(file, mapped, *([BROKEN] if "broken" in path else []))], mapping=mapping)


PATHS = [
    "jsonl", "one broken line", "a number beyond all", "a string among numbers", "array", "csv",
    "csv with an empty verdict", "parquet", "dicts", "dicts with a verdict of NaN", "mapped", "mapped, one broken line",
    "mapped dicts",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
def test_the_higher_score_wins_whatever_the_path(path: str, tmp_path: Path) -> None:
    found = scored(tmp_path, path)
    assert found.verdict.tolist() == WINNERS
    assert found.score_a.tolist() == [one["score_a"] for one in PAIRS]
    assert found.digest == judging.from_records(PAIRS).digest
    assert f"{N} rows have two scores and no verdict: the higher score wins" in found.notes


def test_scores_beside_verdicts_are_compared_row_by_row(tmp_path: Path) -> None:
    said = lines(tmp_path / "a.jsonl", [{"item": "p", "judge": "k", "verdict": "b", "score_a": 9, "score_b": 1}])
    found = judging.open([said, lines(tmp_path / "b.jsonl", PAIRS)])
    assert found.verdict.tolist() == [B, *WINNERS], "a verdict that was written stands, whatever its scores"


def test_a_verdict_that_could_not_be_read_is_not_mended_by_scores() -> None:
    rows = [
        {"item": "q", "verdict": word, "score_a": 2, "score_b": 1} for word in ("invalid", "error", "I like A", None)
    ]
    assert judging.from_records(rows).verdict.tolist() == [INVALID, INVALID, INVALID, A]


@pytest.mark.parametrize("score", ["x", [1], {"s": 1}, None, float("inf")])
def test_a_score_that_is_no_number_costs_its_own_row_alone(score: Any, tmp_path: Path) -> None:
    rows = [*PAIRS[:-1], {**PAIRS[-1], "score_a": score}]
    file = tmp_path / "v.json"
    file.write_text(json.dumps(rows))
    for found in (judging.open([file]), judging.from_records(rows)):
        assert found.verdict.tolist() == [*WINNERS[:-1], INVALID]


TEXTS = ["short", "a longer answer", "one that is longer still"]
GRADES: list[dict[str, Any]] = [
    {"item": f"q{i % 20}", "judge": "rm", "reward": i / 8, "output_a": TEXTS[i % 3]} for i in range(N)
]


def graded(folder: Path, path: str) -> Verdicts:
    """GRADES, read by one of the paths."""
    file = folder / "v.jsonl"
    if path == "score_a":
        return judging.open([lines(file, [{k.replace("reward", "score_a"): v for k, v in g.items()} for g in GRADES])])
    if path == "mapped":
        fields = {"item": "id", "judge": "scorer", "score_a": "points", "output_a": "text"}
        theirs = {"item": "id", "judge": "scorer", "reward": "points", "output_a": "text"}
        rows = [{theirs[name]: value for name, value in g.items()} for g in GRADES]
        return judging.open([lines(file, rows)], mapping=fields)
    if path == "some mapped":
        rows = [{k.replace("item", "id"): v for k, v in g.items()} for g in GRADES]
        return judging.open([lines(file, rows)], mapping={"item": "id"})
    if path == "csv":
        cells = [",".join(map(str, g.values())) for g in GRADES]
        (folder / "v.csv").write_text("\n".join([",".join(GRADES[0]), *cells]) + "\n")
        return judging.open([folder / "v.csv"])
    if path == "dicts":
        return judging.from_records(GRADES)
    word = path if path in ("score", "rating") else "reward"
    rows = [{k.replace("reward", word): v for k, v in g.items()} for g in GRADES]
    return judging.open([lines(file, rows, *([BROKEN] if path == "one broken line" else []))])


@pytest.mark.parametrize(
    "path", ["score_a", "reward", "score", "rating", "one broken line", "mapped", "some mapped", "csv", "dicts"]
)
def test_scores_of_outputs_by_themselves(path: str, tmp_path: Path) -> None:
    found = graded(tmp_path, path)
    assert len(found) == N
    assert found.graded.all()
    assert found.score_a.tolist() == [one["reward"] for one in GRADES]
    assert found.words_a.tolist() == [len(one["output_a"].split()) for one in GRADES]
    assert f"{N} rows have the score of one output and no verdict: scores by themselves, none wins" in found.notes
    word = {"score": "score", "rating": "rating"}.get(path, "reward")
    assumed = f"{word} is read as score_a: the score of one output by itself" in found.notes
    assert assumed is (path not in ("score_a", "mapped"))


def test_a_reward_model_is_measured(tmp_path: Path) -> None:
    report = judge_audit(lines(tmp_path / "v.jsonl", GRADES), only=("saturated-scores", "unparsable-verdicts"))
    assert report.metrics["unparsable_verdicts.rate"].value == 0
    assert report.metrics["saturated_scores.commonest"].value == pytest.approx(1 / N), "no score comes twice"


@pytest.mark.parametrize(
    "row",
    [
        {"item": "q", "score": 1, "reward": 2},  # which of the two?
        {"item": "q", "score": 1, "output_b": "x"},  # of which output?
        {"prompt": "q", "score": 1},
    ],
)
def test_a_plain_word_is_no_score_where_it_may_be_anything(row: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UnknownShape, match="score_a"):
        judging.open([lines(tmp_path / "v.jsonl", [row])])


def test_a_score_beside_a_verdict_is_not_taken(tmp_path: Path) -> None:
    found = judging.open([lines(tmp_path / "v.jsonl", [{"item": "q", "verdict": "a", "score": 3}])])
    assert np.isnan(found.score_a).all()
