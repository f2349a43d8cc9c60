"""The fields of records as they lie, in every format, and where they are told."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor import audit, browsing, readers, register
from auditor.readers.columns import MOST, columns
from auditor.registry.workspace import Workspace

ROWS = [
    {"instruction": f"Add {i}", "output": f"It is {i}.", "score": i / 2, "votes": i, "kept": True, "turns": [i]}
    for i in range(30)
]
KINDS = {
    "instruction": "text", "output": "text", "score": "float", "votes": "integer", "kept": "boolean", "turns": "nested",
}  # fmt: skip
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
CUT = LINES + b'{"instruction": "cu'


def zstd(data: bytes) -> bytes:
    return pa.Codec("zstd").compress(data, asbytes=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", LINES),
        ("a.jsonl", b"no record\n" + CUT),
        ("a.jsonl.gz", gzip.compress(LINES)),
        ("a.jsonl.bz2", bz2.compress(LINES)),
        ("a.jsonl.xz", lzma.compress(LINES)),
        ("a.jsonl.zst", zstd(LINES)),
        ("a.json", json.dumps(ROWS, indent=2).encode()),
        ("a.json", json.dumps(ROWS).encode()[:-30]),
        ("a.json.gz", gzip.compress(json.dumps(ROWS).encode())),
    ],
)
def test_of_text(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert columns(tmp_path / name) == KINDS


def test_of_tables(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(ROWS)
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    with pa.OSFile(str(tmp_path / "b.arrow"), "wb") as out, pa.ipc.new_stream(out, table.schema) as stream:
        stream.write_table(table)
    (tmp_path / "a.csv").write_text("instruction,output\na,b\n")
    for name in ("a.parquet", "a.arrow", "b.arrow"):
        assert columns(tmp_path / name) == KINDS, name
    assert columns(tmp_path / "a.csv") == {"instruction": "text", "output": "text"}


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b\x08broken", b"[", b"[[1], [2]]", b"\xff\xfe", b"[" * 100_000])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz", "a.parquet", "a.arrow", "a.md"])
def test_what_cannot_be_looked_into_has_none(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert columns(tmp_path / name) == {}


def test_no_more_fields_than_anybody_reads(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({str(i): i for i in range(MOST + 5)}))
    assert len(columns(tmp_path / "a.jsonl")) == MOST


def test_of_rows_in_memory(tmp_path: Path) -> None:
    for rows in (ROWS, pa.Table.from_pylist(ROWS), iter(ROWS)):
        read = readers.open_records(rows, cache=tmp_path / "cache")
        assert (read.rows, read.schema) == (30, KINDS)


def test_told_as_they_are(workspace: Path) -> None:
    """By a registration, an audit and an export alike: of an Alpaca set no `id` and `text`."""
    rows = [{key: row[key] for key in ("instruction", "output", "score", "turns")} for row in ROWS]
    (workspace / "sft.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    register("sft", "sft.jsonl", kind="real")
    audit("sft", only=("expired",), tracking_uri=f"sqlite:///{workspace / 'mlflow.db'}")
    wanted = [("instruction", "string"), ("output", "string"), ("score", "float"), ("turns", "struct")]
    path = workspace / ".auditor" / "openlineage" / "events.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    events.append(json.loads(browsing.exported("sft", "openlineage", Workspace.find())))
    told = 0
    for event in (one for one in events if one["eventType"] != "START"):
        for dataset in (*event["inputs"], *event["outputs"]):
            if dataset["name"] == "sft":
                assert [(one["name"], one["type"]) for one in dataset["facets"]["schema"]["fields"]] == wanted
                told += 1
    assert told >= 3
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{workspace / 'mlflow.db'}")
    runs: list[Any] = client.search_runs([one.experiment_id for one in client.search_experiments()])
    (given,) = [one for run in runs for one in run.inputs.dataset_inputs]
    assert {one["name"]: one["type"] for one in json.loads(given.dataset.schema)["mlflow_colspec"]} == {
        "instruction": "string", "output": "string", "score": "double", "turns": "any",
    }  # fmt: skip
