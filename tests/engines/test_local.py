"""The embedded engine: order, errors, and shuffle against a plain group-by."""

from collections import Counter
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest

from auditor import fakes
from auditor.core.check import Spec
from auditor.engines.local import Local
from auditor.model.rows import Rows


@dataclass
class Seen:
    rows: dict = field(default_factory=dict)


class Words:
    spec: ClassVar[Spec] = Spec("words", "words", ())

    def empty(self) -> Seen:
        return Seen()

    def update(self, state: Seen, rows: Rows) -> Seen:
        for text in rows.column("text").to_pylist():
            state.rows[text] = state.rows.get(text, 0) + 1
        return state

    def merge(self, left: Seen, right: Seen) -> Seen:
        for text, count in right.rows.items():
            left.rows[text] = left.rows.get(text, 0) + count
        return left


RECORDS = [{"text": f"row {i % 7}"} for i in range(100)]


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("shard_rows", [1, 13, 1000])
def test_fold_counts_every_row_once(tmp_path, threads: int, shard_rows: int) -> None:
    rows = fakes.dataset(RECORDS, tmp_path, shard_rows=shard_rows)
    (state,) = Local(threads).fold(rows, [Words()])
    assert state.rows == Counter(record["text"] for record in RECORDS)


@pytest.mark.parametrize("threads", [1, 3])
def test_shuffle_brings_equal_keys_together(tmp_path, threads: int) -> None:
    rows = fakes.dataset(RECORDS, tmp_path, shard_rows=9)
    keys = np.array([int(record["text"].split()[1]) for record in RECORDS], np.uint64)

    def emit(opened: Rows) -> pa.Table:
        row = opened.numpy("row")
        return pa.table({"key": keys[row], "row": row})

    def reduce(table: pa.Table) -> pa.Table:
        counted = Counter(table.column("key").to_pylist())
        return pa.table({"key": list(counted), "rows": list(counted.values())}, schema=REDUCED)

    reduced = Local(threads).shuffle(rows, emit, reduce)
    # A key in two pieces would stand twice here.
    assert sorted(zip(*reduced.to_pydict().values(), strict=True)) == sorted(Counter(keys.tolist()).items())


REDUCED = pa.schema([("key", pa.uint64()), ("rows", pa.int64())])


def test_map_keeps_order_and_raises_what_was_raised() -> None:
    assert Local(4).map(lambda n: n * n, range(50)) == [n * n for n in range(50)]

    def fail(n: int) -> int:
        if n == 3:
            raise RuntimeError("third")
        return n

    with pytest.raises(RuntimeError, match="third"):
        Local(4).map(fail, range(10))
