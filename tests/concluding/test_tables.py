"""What an audit finds is written the same, whatever files the rows lie in."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

import auditor
from auditor.concluding import tables

ROWS = [
    {"prompt": f"question {n % 11}", "response": answer}
    for n in range(30)
    for answer in ("", "As an AI language model, I cannot {name}. TODO", "Paris", "x " * 40)[: 1 + n % 4]
]
CHECKS = ("refusals-and-artifacts", "record-integrity", "exact-duplicates", "repetition")


def findings(folder: Path, ends: tuple[int, ...]) -> pa.Table:
    folder.mkdir()
    for number, (start, end) in enumerate(zip((0, *ends), (*ends, len(ROWS)), strict=True)):
        lines = "".join(f"{json.dumps(row)}\n" for row in ROWS[start:end])
        (folder / f"{number}.jsonl").write_text(lines, encoding="utf-8")
    found = auditor.audit(folder, only=CHECKS, name="rows", out=folder.with_name(f"{folder.name}-out")).findings
    return found.drop_columns(["file", "line", "id"])


@pytest.mark.parametrize("at_once", [7, tables.AT_ONCE])
def test_findings_are_in_the_order_of_rows_however_these_are_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tables, "AT_ONCE", at_once)
    whole, split = findings(tmp_path / "one", ()), findings(tmp_path / "eight", (3, 4, 11, 20, 38, 50, 51))
    assert len(set(whole.column("metric").to_pylist())) > 3
    assert split.equals(whole)
    places = list(zip(whole.column("check").to_pylist(), whole.column("row").to_pylist(), strict=True))
    assert places == sorted(places)
