"""Where the fields of records stand among the columns, and which of them are features."""

from __future__ import annotations

from pathlib import Path

from auditor import fakes
from auditor.core.content.features import features
from auditor.core.content.fields import columns_of
from auditor.model.rows import Dataset


def made(folder: Path) -> Dataset:
    records = [{"text": f"row {n}", "kind": "ab"[n % 2], "words": n, "generator": "g", "round": n} for n in range(9)]
    return fakes.dataset(records, folder, annotate=("fields", "surface"))


def test_a_field_whose_name_was_taken_has_a_column_of_its_own(tmp_path: Path) -> None:
    rows = made(tmp_path)
    found = columns_of(rows)
    assert found["kind"] == "kind"
    assert found["words"] == "meta.words"
    assert list(found) == sorted(found)
    assert {*found.values()} <= {*rows.columns}


def test_makers_and_rounds_are_no_features(tmp_path: Path) -> None:
    rows = made(tmp_path)
    assert {one.column for one in features(rows, rows)[0] if one.field} == {"kind", "meta.words"}
