"""Digests against definitions written again here, in plain Python."""

import hashlib
import json

import numpy as np
import pytest
import xxhash

from auditor import fakes, readers


def by_definition(content: dict) -> tuple[bytes, bytes]:
    data = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return xxhash.xxh3_128_digest(data), hashlib.sha256(data).digest()


CASES = [
    ({"prompt": "P", "response": "R", "n": 2.0, "z": None}, {"prompt": "P", "response": "R", "meta": {"n": 2}}),
    (
        {"id": 5, "text": "ü", "o": {"b": None, "a": [1.0, None]}},
        {"id": 5, "text": "ü", "meta": {"o": {"a": [1, None]}}},
    ),
    ({"k": "v"}, {"meta": {"k": "v"}}),
    (
        {"messages": [{"role": "user", "content": "Q", "name": "N"}]},
        {"messages": [{"role": "user", "content": "Q", "extra": {"name": "N"}}]},
    ),
    ({"prompt": "P", "chosen": "A", "rejected": "B"}, {"prompt": "P", "response": "A", "rejected": "B"}),
]


def test_row_digests_and_the_dataset_digest_follow_their_definition(tmp_path) -> None:
    dataset = fakes.dataset([record for record, _ in CASES], tmp_path)
    expected = [by_definition(content) for _, content in CASES]
    assert dataset.shard(0).column("digest").to_pylist() == [digest for digest, _ in expected]
    total = hashlib.sha256(b"".join(sorted(signature for _, signature in expected))).hexdigest()
    assert dataset.digest == f"sha256:{total}"


def test_where_there_is_no_id_it_is_the_digest() -> None:
    rows = fakes.rows([{"text": "a"}, {"id": 3, "text": "a"}])
    assert rows.column("id").to_pylist() == [rows.column("digest")[0].as_py().hex(), "3"]


def test_copies_are_counted_across_shards(tmp_path) -> None:
    texts = ["a", "b", "a", "a", "c", "b", "a"]
    dataset = fakes.dataset([{"text": text} for text in texts], tmp_path, shard_rows=2)
    copies = np.concatenate([rows.numpy("copy") for rows in dataset])
    assert copies.tolist() == [texts[:i].count(text) for i, text in enumerate(texts)]


@pytest.mark.parametrize("change", ["lost", "doubled", "edited"])
def test_a_changed_lost_or_doubled_row_is_another_dataset(tmp_path, change: str) -> None:
    records = [{"prompt": f"p{i}", "response": "r"} for i in range(9)]
    other = {
        "lost": records[1:],
        "doubled": [*records, records[3]],
        "edited": [{**records[0], "response": "R"}, *records[1:]],
    }[change]
    first = readers.open_records(records, cache=tmp_path)
    assert readers.open_records(records[::-1], cache=tmp_path).digest == first.digest
    assert readers.open_records(other, cache=tmp_path).digest != first.digest
