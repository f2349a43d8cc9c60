"""Objects that stand for many rows, headers that are rows, splits read together; pandas writes what it can."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor import readers
from auditor.model.errors import UnreadableFile
from auditor.model.rows import Dataset

PAIRS = [{"prompt": f"frage {i}", "response": f"antwort {i}"} for i in range(12)]
FLAT = [{"city": f"town {i}", "zip": i} for i in range(12)]


def read(tmp_path: Path, name: str, content: str | bytes, **given: Any) -> Dataset:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return readers.open(path, cache=tmp_path / "cache", **given)


def texts(dataset: Dataset, *columns: str) -> list[dict[str, Any]]:
    return dataset.take(range(dataset.rows), columns).to_pylist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("orient", ["index", "columns", "split", "records", "table"])
@pytest.mark.parametrize("records", [PAIRS, FLAT], ids=["pairs", "flat"])
def test_every_orient_of_pandas_gives_its_rows(tmp_path: Path, orient: str, records: list[dict[str, Any]]) -> None:
    import pandas as pd

    frame = pd.DataFrame(records)
    frame.index += 5  # what a filtered frame has
    expected = readers.open_records(records, cache=tmp_path / "expected")
    dataset = read(tmp_path, "x.json", frame.to_json(orient=orient))
    assert dataset.rows == 12
    if orient != "table":  # which writes the index as a field
        assert dataset.digest == expected.digest
    assert bool(dataset.notes) == (orient != "records")


def test_a_table_by_columns_of_lists_and_records_by_name(tmp_path: Path) -> None:
    columns = {key: [one[key] for one in PAIRS] for key in PAIRS[0]}
    assert texts(read(tmp_path, "c.json", json.dumps(columns)), "prompt", "response") == PAIRS
    named = read(tmp_path, "n.json", json.dumps({f"q{i}": one for i, one in enumerate(PAIRS)}))
    assert texts(named, "id")[3] == {"id": "q3"}
    assert named.shapes == {"prompt-response": 12}
    assert any("taken for their ids" in note for note in named.notes)


@pytest.mark.parametrize(
    "record",
    [
        {"user": {"name": "a", "age": 5}, "note": {"text": "hello there"}},
        {"title": {"text": "one"}, "body": {"text": "two"}},
        {"tags": ["a", "b"], "places": ["c", "d"]},
        {"prompt": "Why?", "response": "So.", "0": {"a": "b"}},
        {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
    ],
)
def test_what_is_plausible_as_one_record_is_one(tmp_path: Path, record: dict[str, Any]) -> None:
    assert read(tmp_path, "x.json", json.dumps(record)).rows == 1


def test_lines_are_never_a_table(tmp_path: Path) -> None:
    assert read(tmp_path, "x.jsonl", json.dumps({"0": {"text": "a"}, "1": {"text": "b"}})).rows == 1


@pytest.mark.parametrize(
    "content",
    [
        (
            "What is the capital of France and why is it?,Paris is the capital because\n"
            "Tell me how a bicycle stays upright on the road,It steers into the fall as riders learn\n"
        ),
        "spam,win a prize\nham,see you\nspam,free money\n",
        "great product,5\nbad product,1\nso so,3\n",
        "17,some words\n23,other words\n",
    ],
)
def test_a_first_line_that_is_a_row_is_refused_with_the_way_on(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path, "x.csv", content)
    assert (caught.value.file, caught.value.line) == ("x.csv", 1)
    assert caught.value.seen == content.splitlines()[0]
    rows = read(tmp_path, "x.csv", content, mapping={"prompt": "column_1", "response": "column_2"})
    assert [[one["prompt"], one["response"]] for one in texts(rows, "prompt", "response")] == [
        line.split(",") for line in content.splitlines()
    ]
    assert [one["line"] for one in texts(rows, "line")] == list(range(1, rows.rows + 1))


@pytest.mark.parametrize(
    "content",
    [
        "cat,chat\ndog,chien\n",  # nobody can tell: told in a note
        ",0,1\n0,a word,b\n1,c,d\n",  # pandas without names
        "country,2019,2020\nItaly,3,4\nPeru,5,6\n",
        "How satisfied are you with the product you bought?,Age\nvery,31\nlittle,44\n",
    ],
)
def test_a_header_without_known_names_is_told(tmp_path: Path, content: str) -> None:
    dataset = read(tmp_path, "x.csv", content)
    assert dataset.rows == content.count("\n") - 1
    assert any("taken for the names of the columns" in note for note in dataset.notes)


def test_a_known_header_is_not_told(tmp_path: Path) -> None:
    dataset = read(tmp_path, "x.csv", "Prompt,Response\nwhat,that\n")
    assert len(dataset.notes) == 1  # that a CSV has only strings
    mapped = read(tmp_path, "y.csv", "5,word\n6,other\n", mapping={"text": "word"})
    assert texts(mapped, "text") == [{"text": "other"}]


def test_splits_that_are_read_together_are_named(tmp_path: Path) -> None:
    line = json.dumps(PAIRS[0]) + "\n"
    for name in ("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"{name}.jsonl").write_text(line)
    told = [n for n in readers.open(tmp_path / "data", cache=tmp_path / "cache").notes if "splits" in n]
    assert [note.partition(":")[0] for note in told] == ["the splits test, train are read together"]
    one = readers.open(tmp_path / "data" / "train*", cache=tmp_path / "cache")
    assert not one.notes


def test_lists_that_no_shape_reads_are_named(tmp_path: Path) -> None:
    tests = ["assert f(1) == 2, 'the successor of one is two'"]
    records = [{"prompt": "Write f.", "tests": tests, "tags": ["a b", "c"]}] * 3
    dataset = readers.open_records(records, cache=tmp_path)
    assert dataset.shapes == {"prompt-response": 3}
    assert [note for note in dataset.notes if "no check reads" in note] == [
        "lists of texts that no check reads, kept in meta: tests; --map COLUMN=FIELD reads one"
    ]


@pytest.mark.data
def test_self_instruct_and_mt_bench_are_read(tmp_path: Path, shared_data: Any) -> None:
    seeds = readers.open(shared_data("alpaca/seed_tasks.jsonl"), cache=tmp_path)
    assert seeds.shapes == {"instances": 175}
    assert all(one["prompt"] and one["response"] for one in texts(seeds, "prompt", "response"))
    bench = readers.open(shared_data("mtbench/mt_bench_question.jsonl"), cache=tmp_path)
    assert bench.shapes == {"turns": 80}
    path = shared_data("mtbench/mt_bench_question.jsonl")
    first = json.loads(path.read_text().splitlines()[0])["turns"]
    assert texts(bench, "prompt", "response")[0] == {"prompt": "\n\n".join(first), "response": None}
    assert any(note.startswith("turns: ") for note in bench.notes)
