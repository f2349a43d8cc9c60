"""What an audit writes: the same whatever files the rows lie in, and the reason where there is no number."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

import auditor
from auditor import concluding, reports

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


@pytest.mark.parametrize("at_once", [7, concluding.AT_ONCE])
def test_findings_are_in_the_order_of_rows_however_these_are_split(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(concluding, "AT_ONCE", at_once)
    whole, split = findings(tmp_path / "one", ()), findings(tmp_path / "eight", (3, 4, 11, 20, 38, 50, 51))
    assert len(set(whole.column("metric").to_pylist())) > 3
    assert split.equals(whole)
    places = list(zip(whole.column("check").to_pylist(), whole.column("row").to_pylist(), strict=True))
    assert places == sorted(places)


def test_what_could_not_be_measured_is_in_the_record_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = "".join(f'{{"text": "A row of few words, number {n}."}}\n' for n in range(9))
    for name in ("rows.jsonl", "real.jsonl"):
        Path(name).write_text(lines, encoding="utf-8")
    report = auditor.audit("rows.jsonl", only=("skewed-labels", "lost-tails"), real="real.jsonl", out=tmp_path / "out")
    about = json.loads((tmp_path / "out" / "audit.json").read_bytes())
    few = "needs at least 50 rows and as many real ones, has 9 and 9"
    assert about["metrics"]["skewed_labels.worst_effect"] == {
        "value": None, "low": None, "high": None, "n": 0, "unit": "share", "why": few,
    }  # fmt: skip
    assert all(metric["why"] for metric in about["metrics"].values())
    assert {check["name"]: (check["status"], check["why"], check["rows"]) for check in about["checks"]} == {
        "lost-tails": ("skipped", "needs at least 200 rows a side with text, has 9 and 9", 9),
        "skewed-labels": ("skipped", "", 9),
    }
    said = " ".join(reports.render("text", report.view).split())
    assert (said.count(few), said.count("needs")) == (1, 2)
