"""Values by hash against plain counting."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.core.content.labels import crossed, hashes, named, tally
from auditor.model.rows import Dataset

random = np.random.default_rng(8)
COLUMNS: dict[str, list[Any]] = {
    "few": [["a", "ä" * 40, "", None][i] for i in random.integers(0, 4, 500)],
    "many": [f"value {i}" for i in random.integers(0, 180, 500)],
    "names": [f"name {i}" for i in range(500)],
    "whole": random.integers(-3, 3, 500).tolist(),
    "truth": [bool(i % 3) for i in range(500)],
}


def made(folder: Path, shard_rows: int) -> Dataset:
    rows = [dict(zip(COLUMNS, cells, strict=True)) for cells in zip(*COLUMNS.values(), strict=True)]
    records = [{"text": f"row {i}", **{k: v for k, v in row.items() if v is not None}} for i, row in enumerate(rows)]
    return fakes.dataset(records, folder, shard_rows=shard_rows, annotate=("fields",))


@pytest.mark.parametrize("shard_rows", [500, 77])
@pytest.mark.parametrize("column", COLUMNS)
def test_values_are_counted(column: str, shard_rows: int, tmp_path: Path) -> None:
    rows = made(tmp_path, shard_rows)
    texts = [None if one is None else str(one).lower() if type(one) is bool else str(one) for one in COLUMNS[column]]
    expected = Counter(one for one in texts if one is not None)
    found = tally(rows, column)
    assert found.rows == expected.total()
    names = named(rows, column, found.first)
    assert dict(zip(names, found.count.tolist(), strict=True)) == expected
    assert [texts.index(name) for name in names] == found.first.tolist()
    asked = [*expected][:3]
    assert found.of(hashes([*asked, "never"])).tolist() == [*(expected[one] for one in asked), 0]
    assert found.first_of(hashes(["never", asked[0]])).tolist() == [-1, texts.index(asked[0])]
    marks = np.random.default_rng(1).random((500, 2)) < 0.3
    counts = crossed(rows, column, found.key, marks)
    for name, row in zip(names, counts, strict=True):
        assert row.tolist() == [sum(m for m, text in zip(mark, texts, strict=True) if text == name) for mark in marks.T]


def test_what_is_many_and_what_tells_rows_apart(tmp_path: Path) -> None:
    rows = made(tmp_path, 500)
    assert {name for name in COLUMNS if tally(rows, name).many} == {"many", "names"}
    assert {name for name in COLUMNS if tally(rows, name).tells_apart} == {"names"}
    few = made(tmp_path / "few", 500).select(np.arange(20))
    assert tally(few, "few").many, "fewer than eight rows each"
    assert not tally(few, "names").tells_apart, "twenty names may be labels"


def test_nothing_is_counted_in_no_rows(tmp_path: Path) -> None:
    none = made(tmp_path, 500).select(np.arange(0))
    assert (tally(none, "few").rows, len(tally(none, "few").key)) == (0, 0)
    assert tally(none, "few").of(hashes(["a"])).tolist() == [0]
    assert crossed(none, "few", hashes(["a"]), np.zeros((0, 2), np.bool_)).tolist() == [[0, 0]]
