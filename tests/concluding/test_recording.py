"""The record says why there is no number, where there is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import auditor
from auditor import reports


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
