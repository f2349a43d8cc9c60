"""Every file type and every way to name files gives the rows that went in."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from auditor import readers
from auditor.model.errors import ConfigError, InputError, UnreadableFile
from auditor.model.rows import Dataset

RECORDS = [{"prompt": f"frage {i} ü", "response": f"a\n{i}", "n": i, "x": i + 0.5} for i in range(30)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()
TABLE = pa.Table.from_pylist(RECORDS)


def ipc(stream: bool) -> bytes:
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, TABLE.schema) as writer:
        writer.write_table(TABLE, max_chunksize=7)
    return sink.getvalue().to_pybytes()


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(TABLE, sink, row_group_size=7)
    return sink.getvalue().to_pybytes()


def feather() -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(TABLE, sink, compression="zstd")
    return sink.getvalue()


FILES = {
    "x.jsonl": LINES,
    "x.ndjson": LINES.replace(b"\n", b"\r\n"),
    "bom.jsonl": b"\xef\xbb\xbf" + LINES,
    "blank.jsonl": LINES.replace(b"\n", b"\n\n"),
    "unended.jsonl": LINES.rstrip(),
    "lines.json": LINES,
    "x.json": json.dumps(RECORDS).encode(),
    "pretty.json": json.dumps(RECORDS, indent=2).encode(),
    "array.jsonl": json.dumps(RECORDS).encode(),
    "line-array.json": b"[\n" + b",\n".join(LINES.splitlines()) + b"\n]\n",
    "wrapped.json": json.dumps({"version": "1", "data": RECORDS, "short": [{"a": 1}]}).encode(),
    "objects.json": "\n".join(json.dumps(record, indent=1) for record in RECORDS).encode(),
    "twice.jsonl": "".join(json.dumps(json.dumps(record)) + "\n" for record in RECORDS).encode(),
    "x.jsonl.gz": gzip.compress(LINES),
    "members.jsonl.gz": gzip.compress(LINES[:500]) + gzip.compress(LINES[500:]),
    "x.json.bz2": bz2.compress(json.dumps(RECORDS).encode()),
    "x.jsonl.xz": lzma.compress(LINES),
    "x.jsonl.zst": pa.Codec("zstd").compress(LINES, asbytes=True),
    "frames.jsonl.zst": b"".join(pa.Codec("zstd").compress(half, asbytes=True) for half in (LINES[:500], LINES[500:])),
    "packed-without-a-name": gzip.compress(LINES),
    "no-ending": LINES,
    "x.parquet": parquet(),
    "parquet-called.jsonl": parquet(),
    "x.arrow": ipc(stream=False),
    "stream.arrow": ipc(stream=True),
    "x.feather": feather(),
}


@pytest.fixture(scope="module")
def expected(tmp_path_factory) -> Dataset:
    return readers.open_records(RECORDS, cache=tmp_path_factory.mktemp("expected"))


@pytest.mark.parametrize("name", FILES)
def test_every_file_type_gives_the_same_rows(tmp_path, expected, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    dataset = readers.open(tmp_path / name, cache=tmp_path / "cache", shard_rows=8)
    assert dataset.digest == expected.digest
    assert dataset.fields == {"n": "int", "x": "float"}
    assert dataset.take(range(30), ["prompt", "row"]).to_pylist() == [
        {"prompt": record["prompt"], "row": i} for i, record in enumerate(RECORDS)
    ]
    assert [len(rows) for rows in dataset] == ([4] * 7 + [2] if name == "blank.jsonl" else [8, 8, 8, 6])
    lines = np.concatenate([rows.numpy("line") for rows in dataset]).tolist()
    step = {"blank.jsonl": 2, "pretty.json": 6, "objects.json": 6}.get(name, 1)
    first = {"pretty.json": 2, "line-array.json": 2}.get(name, 1)
    one_line = name in ("x.json", "array.jsonl", "x.json.bz2")
    assert lines == ([1] * 30 if one_line else [first + step * i for i in range(30)])


@pytest.mark.parametrize(("ending", "delimiter"), [("csv", ","), ("csv", ";"), ("tsv", "\t"), ("", ",")])
def test_csv(tmp_path, ending: str, delimiter: str) -> None:
    import csv

    path = tmp_path / f"x.{ending}".rstrip(".")
    with path.open("w", newline="", encoding="utf-8-sig") as target:
        writer = csv.writer(target, delimiter=delimiter)
        writer.writerow(["prompt", "response", "n", "n", ""])
        writer.writerows([r["prompt"], r["response"] + ' "q"', r["n"], "", "z"] for r in RECORDS)
    dataset = readers.open(path, cache=tmp_path / "cache")
    assert dataset.take([3], ["prompt", "response", "meta", "line"]).to_pylist() == [
        {"prompt": "frage 3 ü", "response": 'a\n3 "q"', "meta": '{"n":"3","n_4":"","column_5":"z"}', "line": 8}
    ]
    assert dataset.fields["n"] == "string"
    assert any("only strings" in note for note in dataset.notes)


def test_folder_and_glob_are_read_in_natural_order(tmp_path, expected) -> None:
    folder = tmp_path / "data"
    (folder / ".hidden").mkdir(parents=True)
    (folder / ".hidden" / "x.jsonl").write_bytes(LINES)
    (folder / "README.md").write_text("words")
    for part, name in enumerate(("part-2.jsonl", "part-10.jsonl", "part-100.jsonl")):
        (folder / name).write_bytes(b"".join(LINES.splitlines(keepends=True)[10 * part : 10 * part + 10]))
    for source in (folder, folder / "*.jsonl", str(tmp_path / "d*" / "part*")):
        dataset = readers.open(source, cache=tmp_path / "cache")
        assert dataset.files == ("data/part-2.jsonl", "data/part-10.jsonl", "data/part-100.jsonl")
        assert dataset.digest == expected.digest
        assert dataset.take([25], ["file", "line"]).to_pylist() == [{"file": 2, "line": 6}]


def test_a_folder_of_several_formats_is_refused(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.parquet").write_bytes(parquet())
    with pytest.raises(InputError, match="several formats"):
        readers.open(tmp_path, cache=tmp_path / "cache")


@pytest.mark.filterwarnings("default")
def test_hugging_face_folders(tmp_path, expected) -> None:
    script = f"""
import json, datasets
rows = [json.loads(line) for line in open({str(tmp_path / "x.jsonl")!r})]
data = datasets.Dataset.from_list(rows)
data.save_to_disk({str(tmp_path / "one")!r}, num_shards=3)
splits = datasets.DatasetDict(train=data.select(range(20)), test=data.select(range(20, 30)))
splits.save_to_disk({str(tmp_path / "two")!r})
"""
    (tmp_path / "x.jsonl").write_bytes(LINES)
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)
    one = readers.open(tmp_path / "one", cache=tmp_path / "cache")
    two = readers.open(tmp_path / "two", cache=tmp_path / "cache")
    assert one.digest == two.digest == expected.digest
    assert not one.notes
    assert two.notes == (
        "the splits train, test are read together: name one of them to audit it alone, or as --real of another",
    )
    assert len(one.files) == 3
    assert [name.split("/")[1] for name in two.files] == ["train", "test"]
    (tmp_path / "one" / "state.json").write_text('{"_data_files": [{"filename": "../../etc/passwd"}]}')
    with pytest.raises(UnreadableFile, match="outside its folder"):
        readers.open(tmp_path / "one", cache=tmp_path / "cache")


def test_standard_input(tmp_path, expected) -> None:
    script = (
        f"from auditor import readers; from pathlib import Path\n"
        f"d = readers.open('-', cache=Path({str(tmp_path)!r})); print(d.name, d.digest)"
    )
    for data in (LINES, gzip.compress(LINES), parquet()):
        done = subprocess.run([sys.executable, "-c", script], input=data, capture_output=True, check=True)
        assert done.stdout.decode().split() == ["stdin", expected.digest]


def test_urls_go_through_fsspec(tmp_path, expected) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe({"/set/a-1.jsonl": LINES[: LINES.index(b"\n") + 1], "/set/a-2.jsonl": LINES[LINES.index(b"\n") + 1 :]})
    for source in ("memory://set/a-*.jsonl", "memory://set"):
        dataset = readers.open(source, cache=tmp_path / "cache")
        assert dataset.digest == expected.digest
        assert dataset.files == ("a-1.jsonl", "a-2.jsonl")
    with pytest.raises(UnreadableFile, match=r"no file matches|cannot be fetched"):
        readers.open("memory://set/none.jsonl", cache=tmp_path / "cache")
    (tmp_path / "plain.jsonl").write_bytes(LINES)
    assert readers.open(f"file://{tmp_path}/plain.jsonl", cache=tmp_path / "cache").digest == expected.digest


def test_tokens_in_urls_are_not_told(tmp_path) -> None:
    with pytest.raises(InputError) as told:
        readers.open("nosuch://user:hunter2@host/x.jsonl?token=hunter3", cache=tmp_path)
    assert "hunter" not in str(told.value)


def test_objects_in_memory(tmp_path, expected) -> None:
    import pandas as pd
    import polars as pl

    sources = [
        TABLE,
        TABLE.combine_chunks().to_batches()[0],
        pl.DataFrame(RECORDS),
        pd.DataFrame(RECORDS),
        iter(RECORDS),
    ]
    for source in sources:
        assert readers.open_records(source, cache=tmp_path).digest == expected.digest
    with pytest.raises(InputError, match="no rows"):
        readers.open_records(5, cache=tmp_path)


def test_arrow_types_that_json_has_not(tmp_path) -> None:
    import datetime as dt
    from decimal import Decimal

    table = pa.table(
        {
            "text": ["t"],
            "at": pa.array([1], pa.timestamp("ns")),
            "day": [dt.date(2026, 1, 2)],
            "cost": [Decimal("1.50")],
            "raw": [b"\xff"],
            "kind": pa.array(["k"]).dictionary_encode(),
        }
    )
    (row,) = readers.open_records(table, cache=tmp_path).shard(0).column("meta").to_pylist()
    assert json.loads(row) == {
        "at": "1970-01-01 00:00:00.000000001", "day": "2026-01-02", "cost": "1.50", "raw": "/w==", "kind": "k",
    }  # fmt: skip


def test_workers_give_the_bytes_that_one_process_gives(tmp_path, monkeypatch) -> None:
    from auditor.readers import workers

    path = tmp_path / "x.jsonl"
    path.write_bytes(LINES * 20 + b"broken\n")
    alone = readers.open(path, cache=tmp_path / "one", processes=1, shard_rows=64)
    monkeypatch.setattr(workers, "WORTH", 0)
    told: list[tuple[int, int]] = []
    many = readers.open(path, cache=tmp_path / "two", processes=3, shard_rows=64, progress=lambda *at: told.append(at))
    assert [s.digest for s in alone.shards] == [s.digest for s in many.shards]
    assert len(many.shards) == 10
    assert alone.digest == many.digest
    assert many.quarantine.count == alone.quarantine.count == 1
    for index, shard in enumerate(alone.shards):
        assert shard.path.read_bytes() == many.shards[index].path.read_bytes()
        assert shard.position.read_bytes() == many.shards[index].position.read_bytes()
    assert told == sorted(told)
    assert told[-1] == (path.stat().st_size, path.stat().st_size)


def test_mapping(tmp_path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text('{"ask": "Q", "say": "A", "seed": 5}\n')
    mapped = readers.open(path, cache=tmp_path, mapping={"prompt": "ask", "response": "say", "source": "seed"})
    assert mapped.take([0], ["prompt", "response", "source"]).to_pylist() == [
        {"prompt": "Q", "response": "A", "source": "5"}
    ]
    with pytest.raises(ConfigError, match="did you mean 'say'"):
        readers.open(path, cache=tmp_path, mapping={"prompt": "sy"})


@pytest.mark.data
@pytest.mark.parametrize(
    ("place", "rows", "shape"),
    [
        ("alpaca/random_9k.json", 9229, "alpaca"),
        ("alpaca/dolly_3k.json", 2996, "alpaca"),
        ("gsm8k/train.jsonl", 7473, "question-answer"),
        ("humaneval/HumanEval.jsonl.gz", 164, "prompt-response"),
        ("gpteacher/toolformer-similarity-0.6-dataset.json", 2396, "alpaca"),
    ],
)
def test_public_datasets(tmp_path, shared_data, place: str, rows: int, shape: str) -> None:
    dataset = readers.open(shared_data(place), cache=tmp_path)
    assert (dataset.rows, dataset.shapes, dataset.quarantine.count) == (rows, {shape: rows}, 0)


@pytest.mark.data
def test_public_rows_are_the_records_of_the_file(tmp_path, shared_data) -> None:
    path: Path = shared_data("gsm8k/test.jsonl")
    dataset = readers.open(path, cache=tmp_path)
    wanted = [json.loads(line) for line in path.read_text().splitlines()]
    got = dataset.take(range(len(dataset)), ["prompt", "response"]).to_pylist()
    assert got == [{"prompt": record["question"], "response": record["answer"]} for record in wanted]


def test_files_are_called_from_the_working_folder_and_elsewhere_by_name(tmp_path, monkeypatch) -> None:
    (tmp_path / "data").mkdir()
    path = tmp_path / "data" / "rows.jsonl"
    path.write_bytes(LINES)
    for here, called in ((tmp_path, "data/rows.jsonl"), (tmp_path / "data", "rows.jsonl"), (Path("/"), None)):
        monkeypatch.chdir(here)
        files = readers.open(path, cache=tmp_path / "cache").files
        assert files == (called or path.as_posix().removeprefix("/"),)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    assert readers.open(path, cache=tmp_path / "cache").files == ("rows.jsonl",)
