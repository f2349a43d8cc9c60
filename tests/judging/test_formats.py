"""Every format, from a few records whose verdicts are known by hand; and the public files."""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor import judging
from auditor.judging.formats import FORMATS
from auditor.model.errors import AuditorError, ConfigError, InputError, UnknownShape, UnreadableFile
from auditor.model.verdicts import UNKNOWN, WORDS, Coded, Verdicts

Shared = Callable[[str], Path]


def jsonl(path: Path, records: Sequence[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(json.dumps(record) for record in records) + "\n")
    return path


def name(column: Coded, row: int) -> str | None:
    code = column.codes[row]
    return None if code == UNKNOWN else column.names[code]


def told(read: Verdicts) -> list[tuple[Any, ...]]:
    """(item, A, B, who stood first, verdict, judge, prompt) of each."""
    first = {0: "A", 1: "B", UNKNOWN: None}
    return [
        (name(read.item, i), name(read.a, i), name(read.b, i), first[int(read.first[i])], WORDS[read.verdict[i]],
         name(read.judge, i), name(read.prompt, i))
        for i in range(len(read))
    ]  # fmt: skip


def test_fastchat(tmp_path: Path) -> None:
    pair = {"question_id": 81, "model_1": "vicuna", "model_2": "alpaca", "turn": 2, "judge": ["gpt-4", "pair-v2"]}
    path = jsonl(
        tmp_path / "gpt-4_pair.jsonl",
        [
            {**pair, "g1_winner": "model_1", "g2_winner": "tie", "g1_judgment": "[[A]]", "g2_judgment": "[[C]]"},
            {**pair, "question_id": 82, "g1_winner": "model_2", "g2_winner": "error"},
            {**pair, "question_id": 83, "g1_winner": "model_1", "g2_winner": "model_1", "m1_score": 9, "m2_score": 4},
        ],
    )
    read = judging.open([path])
    common = ("alpaca", "vicuna")
    who = ("gpt-4", "pair-v2")
    assert told(read) == [
        ("81 turn 2", *common, "B", "B", *who),
        ("81 turn 2", *common, "A", "tie", *who),
        ("82 turn 2", *common, "B", "A", *who),
        ("82 turn 2", *common, "A", "invalid", *who),
        ("83 turn 2", *common, None, "B", *who),
    ]
    assert (read.score_a[4], read.score_b[4]) == (4, 9)
    assert read.take([0], ["text"]).to_pylist() == [{"text": "[[A]]"}]
    assert read.line.tolist() == [1, 1, 2, 2, 3]
    assert read.notes[0] == "recognised as MT-bench pair judgments (FastChat): 5 verdicts"


def test_fastchat_where_both_games_are_one_verdict(tmp_path: Path) -> None:
    games = {"question_id": 81, "model_1": "m", "model_2": "l", "judge": ["gpt-4", "pair-v1"]}
    path = jsonl(tmp_path / "pair.jsonl", [{**games, "winner": won} for won in ("model_1", "inconsistent")])
    read = judging.open([path])
    assert [row[1:] for row in told(read)] == [
        ("l", "m", None, "B", "gpt-4", "pair-v1"),
        ("l", "m", None, "tie", "gpt-4", "pair-v1"),
    ]


def test_arena(tmp_path: Path) -> None:
    said = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "four words of it"}]
    vote = {"question_id": 81, "model_a": "b", "model_b": "a", "turn": 1, "conversation_a": said, "conversation_b": []}
    path = jsonl(
        tmp_path / "votes.jsonl",
        [
            {**vote, "winner": "model_a", "judge": "expert_1"},
            {**vote, "winner": "tie (bothbad)", "judge": ["gpt-4", "pair-v2"]},
        ],
    )
    read = judging.open([path])
    assert told(read) == [
        ("81 turn 1", "a", "b", "B", "B", "expert_1", None),
        ("81 turn 1", "a", "b", None, "tie", "gpt-4", "pair-v2"),
    ]
    assert read.by_machine.tolist() == [False, True]
    assert read.words_b.tolist() == [4, 4]


def test_later_sets_of_the_arena(tmp_path: Path) -> None:
    turn = {"role": "assistant", "content": [{"type": "text", "text": "three words here"}, {"type": "image"}]}
    asked = {"role": "user", "content": [{"type": "text", "text": "Q"}]}
    session = {"id": "x1", "model_a": "m", "model_b": "l", "evaluation_session_id": "s1", "winner": "both_bad"}
    read = judging.open(
        [jsonl(tmp_path / "later.jsonl", [{**session, "conversation_a": [asked, turn], "conversation_b": [asked]}])]
    )
    ((item, *rest),) = told(read)
    assert re.fullmatch(r"[0-9a-f]{16}", str(item))
    assert rest == ["l", "m", "B", "tie", "s1", None]
    assert (read.words_a.tolist(), read.words_b.tolist()) == ([0], [3])  # nothing was said, which is a text
    assert not read.by_machine.any()

    columns = {"id": 7, "model_a": "m", "model_b": "l", "winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0}
    texts = {"prompt": '["Q", "and?"]', "response_a": '["one two", null]', "response_b": '["one", "two three"]'}
    table = tmp_path / "columns.csv"
    with table.open("w", newline="") as opened:
        writer = csv.DictWriter(opened, [*columns, *texts])
        writer.writeheader()
        writer.writerow({**columns, **texts})
    read = judging.open([table])
    assert [row[1:] for row in told(read)] == [("l", "m", "B", "A", "a voter", None)]
    assert (read.words_a.tolist(), read.words_b.tolist()) == ([3], [2])

    votes = [{"model_a": "m", "model_b": "l", "winner": won, "judge": "u1", "turn": 1} for won in ("model_a", "tie")]
    read = judging.open([jsonl(tmp_path / "battles.json", votes)])
    assert [row[0] for row in told(read)] == ["battles 1", "battles 2"]


def test_alpaca_eval(tmp_path: Path) -> None:
    base = {"instruction": "Do", "output_1": "x", "output_2": "y z", "generator_1": "ref", "generator_2": "mine"}
    preferences = [1, 2.0, 0, 1.5, 1.25, None, float("nan"), 7]
    path = tmp_path / "annotations.json"
    path.write_text(json.dumps([{**base, "annotator": "gpt4", "preference": one} for one in preferences]))
    read = judging.open([path])
    # A is `mine`, output_2: preference 1 is for output_1, hence B.
    assert [WORDS[code] for code in read.verdict] == ["B", "A", "tie", "tie", "B", "invalid"]
    assert np.allclose(read.strength[:5], [-1, 1, 0, 0, -0.5])
    assert any(note.startswith("2 annotations have no preference") for note in read.notes)
    assert (read.first == UNKNOWN).all()
    assert len(read.item.names) == 1


def test_llmbar(tmp_path: Path) -> None:
    said = {"swap = False": {"completion": ["Output (a)", "stop"], "winner": "1"}, "swap = True": {"winner": None}}
    conflict = {"swap = False": {"winner": "1"}, "swap = True": {"winner": "2"}}
    final = {"swap = False": {"winner": "2"}, "swap = True": {"winner": "2"}}
    rows = [
        {"input": "I", "output_1": "x", "output_2": "y", "label": 2, "results": [["metric", "stop"], said]},
        {"input": "J", "output_1": "x", "output_2": "y", "label": 1, "results": [conflict, final]},
    ]
    for judge in ("GPT-4", "PaLM2"):
        jsonl(tmp_path / "evaluators" / judge / "Vanilla" / "result.json", [])
        (tmp_path / "evaluators" / judge / "Vanilla" / "result.json").write_text(json.dumps(rows))
        (tmp_path / "evaluators" / judge / "Vanilla" / "statistics.json").write_text('{"equal": "1 / 2"}')
    read = judging.open([tmp_path / "evaluators"])
    found = Counter((row[3], row[4], row[5], row[6]) for row in told(read))
    assert found == Counter(
        {
            (None, "B", "label of the dataset", None): 1,
            (None, "A", "label of the dataset", None): 1,
            **{
                key: 1
                for judge in ("GPT-4", "PaLM2")
                for key in (
                    ("A", "A", judge, "Vanilla"),
                    ("B", "invalid", judge, "Vanilla"),
                    ("A", "B", judge, "Vanilla"),
                    ("B", "B", judge, "Vanilla"),
                )
            },
        }
    )
    assert len(read.item.names) == 2
    assert any(note.startswith("2 files are in no format of verdicts") for note in read.notes)
    assert len(read.files) == 2


def test_pandalm(tmp_path: Path) -> None:
    asked = {"instruction": "Do", "input": "it", "response1": "one", "response2": "two words", "cmp_key": "a-7b_b-7b"}
    people = {"annotator1": 1, "annotator2": 0, "annotator3": 2}
    tests = tmp_path / "testset-v1.json"
    tests.write_text(json.dumps([{"idx": 0, **asked, **people}]))
    result = tmp_path / "gpt-3.5-turbo-testset-v1.json"
    result.write_text(
        json.dumps([{"idx": 0, "gpt_result": "2", "gpt_reason": "Since"}, {"idx": 5, "gpt_result": "Tie"}])
    )
    read = judging.open([tests, result])
    assert told(read) == [
        ("0", "a-7b", "b-7b", None, "A", "annotator1", None),
        ("0", "a-7b", "b-7b", None, "tie", "annotator2", None),
        ("0", "a-7b", "b-7b", None, "B", "annotator3", None),
        ("0", "a-7b", "b-7b", "A", "B", "gpt-3.5-turbo", None),
        ("5", None, None, "A", "tie", "gpt-3.5-turbo", None),
    ]
    assert read.by_machine.tolist() == [False, False, False, True, True]
    assert read.words_b.tolist() == [2, 2, 2, 2, UNKNOWN]
    assert any("1 results are of questions that no file has" in note for note in read.notes)


def test_judgebench(tmp_path: Path) -> None:
    def game(decision: str | None, scores: list[float]) -> dict[str, Any]:
        return {"judgment": {"judge_model": "m", "response": "so", "scores": scores}, "decision": decision}

    pair = {
        "pair_id": "p1",
        "question": "Q",
        "response_A": "x",
        "response_B": "y",
        "label": "A>B",
        "judge_name": "arena",
    }
    path = jsonl(
        tmp_path / "dataset=judgebench,judge_name=arena,judge_model=m.jsonl",
        [
            {**pair, "judgments": [game("A>B", [3, 1]), game("A>B", [2, 1])]},
            {**pair, "pair_id": "p2", "label": "B>A", "judgments": [game(None, []), None]},
            {**pair, "pair_id": "p3", "judgments": [game("A=B", [1, 1])]},
        ],
    )
    read = judging.open([path])
    assert [row[3:6] for row in told(read)] == [
        (None, "A", "label of the dataset"),
        ("A", "A", "m"),
        ("B", "B", "m"),  # the first as shown, which is B
        (None, "B", "label of the dataset"),
        ("A", "invalid", "m"),
        ("B", "invalid", "m"),
        (None, "A", "label of the dataset"),
        ("A", "tie", "m"),
    ]
    assert (read.score_a[2], read.score_b[2]) == (1, 2)


def test_scores_with_a_reversed_twin(tmp_path: Path) -> None:
    rows = [
        {"text": "Q", "Answer1": "x", "Answer2": "y", "scores": "[8.0, 7.0]", "scores_reverse": "[9.0, 6.0]"},
        {"text": "R", "Answer1": "x", "Answer2": "y", "scores": [5, 5], "scores_reverse": "[-1, -1]", "review": "5 5"},
        {"text": "S", "Answer1": "x", "Answer2": "y", "scores": "[8]", "scores_reverse": "import os"},
    ]
    path = tmp_path / "vicuna_wrap_reviews_gpt4.json"
    path.write_text(json.dumps({"Meta_Info": {"dataset_name": "vicuna"}, "data": rows}))
    read = judging.open([path])
    assert [row[3:6] for row in told(read)] == [
        ("A", "A", "gpt4"), ("B", "B", "gpt4"), ("A", "tie", "gpt4"),
        ("B", "invalid", "gpt4"), ("A", "invalid", "gpt4"), ("B", "invalid", "gpt4"),
    ]  # fmt: skip
    assert (read.score_a[1], read.score_b[1]) == (6, 9)


def test_auto_j(tmp_path: Path) -> None:
    normal = jsonl(tmp_path / "normal.jsonl", [{"output": 0}, {"output": 1}, {"output": 2}])
    exchanged = jsonl(tmp_path / "exchange.jsonl", [{"output": 0}, {"output": 0}, {"output": 7}])
    asked = [{"prompt": f"Q{i}", "response 1": "x", "response 2": "y", "label": i, "scenario": "s"} for i in range(3)]
    tests = jsonl(tmp_path / "testdata_pairwise.jsonl", asked)
    read = judging.open([exchanged, normal, tests])  # the name tells which is exchanged
    assert [(row[0], *row[3:6]) for row in told(read)] == [
        ("1", None, "A", "label of the dataset"), ("2", None, "B", "label of the dataset"),
        ("3", None, "tie", "label of the dataset"),
        ("1", "A", "A", "normal"), ("2", "A", "B", "normal"), ("3", "A", "tie", "normal"),
        ("1", "B", "B", "normal"), ("2", "B", "B", "normal"), ("3", "B", "invalid", "normal"),
    ]  # fmt: skip
    alone = judging.open([normal])
    assert any(note.startswith("one order only") for note in alone.notes)
    short = jsonl(tmp_path / "short.jsonl", [{"output": 0}])
    with pytest.raises(InputError, match="do not belong together"):
        judging.open([normal, short])


OWN = [
    {"item": "q1", "a": "x", "b": "m", "first": "a", "verdict": "a", "judge": "z", "score_a": 3, "score_b": 4.5},
    {"item": "q1", "a": "x", "b": "m", "first": "b", "verdict": "tie", "judge": "z", "score_a": None, "score_b": 1},
    {"item": "q2", "a": "x", "b": "m", "first": "b", "verdict": "nonsense", "judge": "y", "score_a": 1, "score_b": 2},
]


def written(folder: Path, kind: str) -> Path:
    if kind == "jsonl":
        return jsonl(folder / "v.jsonl", OWN)
    if kind == "json":
        (folder / "v.json").write_text(json.dumps(OWN))
        return folder / "v.json"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(OWN), folder / "v.parquet")
        return folder / "v.parquet"
    head = list(OWN[0])
    lines = [head, *([("" if row[name] is None else str(row[name])) for name in head] for row in OWN)]
    text = "\r\n".join(",".join(line) for line in lines) + "\r\n"
    if kind == "csv.gz":
        (folder / "v.csv.gz").write_bytes(gzip.compress(text.encode()))
        return folder / "v.csv.gz"
    (folder / "v.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    return folder / "v.csv"


@pytest.mark.parametrize("kind", ["jsonl", "json", "parquet", "csv", "csv.gz"])
def test_our_own_is_the_same_in_every_kind_of_file(kind: str, tmp_path: Path) -> None:
    read = judging.open([written(tmp_path, kind)])
    expected = judging.from_records(OWN, name="v")
    assert told(read) == told(expected)
    assert read.digest == expected.digest
    assert read.name == "v"
    assert np.array_equal(read.score_a, expected.score_a, equal_nan=True)
    assert read.line.tolist() == [1, 2, 3]
    assert any("'nonsense' (1)" in note for note in read.notes)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "json"])
def test_columns_can_be_mapped(kind: str, tmp_path: Path) -> None:
    rows = [{"id": i, "left": "m", "right": "n", "who won": word, "conf": "0.5"} for i, word in enumerate("12")]
    if kind == "csv":
        path = tmp_path / "v.csv"
        path.write_text("id;left;right;who won;conf\n0;m;n;1;0.5\n1;m;n;2;0.5\n")
    elif kind == "parquet":
        path = tmp_path / "v.parquet"
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path = tmp_path / f"v.{kind}"
        path.write_text(json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows)))
    mapping = {"item": "id", "a": "left", "b": "right", "verdict": "who won", "strength": "conf"}
    read = judging.open([path], mapping=mapping)
    assert [row[:5] for row in told(read)] == [("0", "m", "n", None, "A"), ("1", "m", "n", None, "B")]
    assert read.strength.tolist() == [0.5, 0.5]
    assert read.fields == mapping


def test_scores_alone_are_verdicts(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("item,score_a,score_b\nq,1,2\nr,2,2\ns,x,2\nt,nan,2\n")
    read = judging.open([path], mapping={"item": "item"})
    assert [WORDS[code] for code in read.verdict] == ["B", "tie", "invalid", "invalid"]
    assert any("the higher score wins" in note for note in read.notes)
    assert any("2 values of score_a are not a number" in note for note in read.notes)


def test_several_formats_and_files_are_one(tmp_path: Path) -> None:
    fast = {"question_id": 1, "model_1": "m", "model_2": "n", "g1_winner": "tie", "g2_winner": "tie", "judge": "g"}
    read = judging.open([written(tmp_path, "parquet"), jsonl(tmp_path / "mt.jsonl", [fast]), written(tmp_path, "csv")])
    assert len(read) == 8
    assert read.shapes == {"own": 6, "fastchat": 2}
    assert read.files == ("v.parquet", "mt.jsonl", "v.csv")
    assert np.bincount(read.file).tolist() == [3, 2, 3]


def test_bad_lines_are_told_and_left_out(tmp_path: Path) -> None:
    path = tmp_path / "v.jsonl"
    lines = [json.dumps(OWN[0]), '{"item": "q", "verd', '["a"]', "", json.dumps({**OWN[2], "item": 7}), "\udcff"]
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogateescape"))
    read = judging.open([path])
    assert len(read) == 2
    assert read.line.tolist() == [1, 5]
    assert name(read.item, 1) == "7"
    assert [one["line"] for one in read.quarantine.examples] == [2, 3, 6]
    table = tmp_path / "v.csv"
    table.write_text("item,verdict\nq,a\nq,a,b\nq,b\n")
    read = judging.open([table])
    assert len(read) == 2
    assert read.quarantine.count == 1


def test_three_candidates_are_refused(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "v.jsonl", [OWN[0], {**OWN[0], "output_c": "x"}])
    with pytest.raises(InputError, match=r"v\.jsonl:2: there are three candidates"):
        judging.open([path])


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ('{"prompt": "a", "response": "b"}\n', UnknownShape, "fields prompt, response"),
        ("", UnreadableFile, "empty"),
        ("[]", UnknownShape, "no record"),
        ('[{"item": "q", "verdict"', UnreadableFile, "broken JSON"),
        ("PAR1 and no more", UnreadableFile, "damaged"),
        ("\x1f\x8bnot gzip", UnreadableFile, "damaged|recognised"),
    ],
)
def test_what_is_no_file_of_verdicts(content: str, error: type[AuditorError], words: str, tmp_path: Path) -> None:
    path = tmp_path / "v.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(error, match=words) as raised:
        judging.open([path])
    assert "v.json" in str(raised.value)


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl", "json"])
def test_a_field_that_no_record_has_is_told_with_those_that_there_are(kind: str, tmp_path: Path) -> None:
    file = written(tmp_path, kind)
    with pytest.raises(ConfigError, match=f"{file.name}: --map verdict=verdikt: the file has no column") as raised:
        judging.open([file], mapping={"verdict": "verdikt"})
    assert "seen: fields item, a, b" in str(raised.value)
    assert "did you mean 'verdict'" in str(raised.value)


def test_what_is_asked_for_must_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, "csv")
    with pytest.raises(ConfigError, match="no column 'verdikt'"):
        judging.open([path], mapping={"verdict": "verdikt"})
    with pytest.raises(ConfigError, match="verdicts have no column 'winner'"):
        judging.open([path], mapping={"winner": "verdict"})
    with pytest.raises(ConfigError, match="no format of verdicts"):
        judging.open([path], form="fastchatt")
    with pytest.raises(UnreadableFile, match="No such file"):
        judging.open([tmp_path / "absent.jsonl"])
    path.write_text("winner,prompt\na,b\n")
    with pytest.raises(InputError, match="nothing says what was judged"):
        judging.open([path], mapping={"verdict": "winner"})


def test_the_command_knows_every_format() -> None:
    from auditor.cli.judge import FORMS

    assert set(FORMS) == set(FORMATS)


@pytest.mark.data
def test_llmbar_counts_as_published(shared_data: Shared) -> None:
    """correct_False and correct_True of every judge and prompt, from `statistics.json`."""
    for path in sorted(shared_data("llmbar").glob("*/evaluators/*/*/result.json")):
        read = judging.open([path])
        gold = ~read.by_machine
        label = np.full(len(read.item.names), UNKNOWN)
        label[read.item.codes[gold]] = read.verdict[gold]
        right = read.verdict == label[read.item.codes]
        published = json.loads((path.parent / "statistics.json").read_text())
        for order, key in ((0, "correct_False"), (1, "correct_True")):
            mine = read.by_machine & (read.first == order)
            assert re.match(r"(\d+) / (\d+)", published[key]).groups() == (str(right[mine].sum()), str(mine.sum()))  # type: ignore[union-attr]
        assert (name(read.judge, 1), name(read.prompt, 1)) == path.parts[-3:-1]


@pytest.mark.data
def test_pandalm_labels_as_published(shared_data: Shared) -> None:
    read = judging.open([shared_data("pandalm")])
    first = read.judge.codes == read.judge.names.index("annotator1")
    # Counted with the files themselves: 105/422/472 of the majority is in the data's README; annotator1 alone is this.
    assert np.bincount(read.verdict[first], minlength=4).tolist() == [427, 475, 97, 0]
    assert read.by_machine.sum() == 1998


@pytest.mark.data
def test_alpaca_eval_win_rates_as_published(shared_data: Shared) -> None:
    published = {"alpaca-7b": 26.459627, "claude": 91.552795, "gpt4": 95.279503, "text_davinci_001": 15.174129}
    read = judging.open([shared_data("alpaca_eval")])
    for maker, rate in published.items():
        mine = read.a.names.index(maker)
        assert mine < read.a.names.index("text_davinci_003"), "the reference is B"
        wins = (read.strength[read.a.codes == mine].astype(float) + 1) / 2
        assert 100 * wins.mean() == pytest.approx(rate, abs=1e-6)
