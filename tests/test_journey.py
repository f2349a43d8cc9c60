"""The main job, end to end, through the command line: a file with planted faults, and its verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import auditor

COMMAND = [sys.executable, "-c", "from auditor.cli import main; main()"]


def run(*words: str | Path, stdin: bytes | None = None, **environment: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100", **environment}
    return subprocess.run([*COMMAND, *map(str, words)], input=stdin, capture_output=True, env=environment)


SUBJECTS = "bees rivers engines violins glaciers markets bridges lanterns maps comets orchids tunnels".split()
VERBS = "shape carry limit explain follow measure protect change divide support reveal cross".split()


def sentence(seed: int) -> str:
    """A sentence like no other: its words are a base-12 number."""
    parts = []
    for place in range(12):
        words = SUBJECTS if place % 2 == 0 else VERBS
        parts.append(words[(seed // 12 ** (place % 4) + place * (seed % 11 + 1)) % 12])
    return f"{' '.join(parts)} number{seed} because of {SUBJECTS[seed % 12]}{seed * 7}."


def planted(path: Path) -> Path:
    """200 rows: 20 exact copies, 20 near-copies (one word of many), 10 refusals, all by generator `bad`."""
    rows = [
        {"prompt": f"Question {i}: what about {sentence(i)}", "response": f"{sentence(i + 500)} {sentence(i + 900)}"}
        for i in range(150)
    ]
    for row in rows:
        row["generator"] = "good"
    copies = [dict(rows[i], generator="good") for i in range(20)]
    near = [dict(rows[i], response=rows[i]["response"] + " indeed", generator="bad") for i in range(40, 60)]
    refusals = [
        {
            "prompt": f"Please say {sentence(i + 3000)}",
            "response": f"As an AI language model, I cannot say {sentence(i + 4000)}",
            "generator": "bad",
        }
        for i in range(10)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in (*rows, *copies, *near, *refusals)))
    return path


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("journey")
    data = planted(folder / "data.jsonl")
    here = Path.cwd()
    os.chdir(folder)
    try:
        done = run("audit", data, "--out", folder / "out", "--skip", "language-mix")
    finally:
        os.chdir(here)
    (folder / "stdout").write_bytes(done.stdout)
    (folder / "stderr").write_bytes(done.stderr)
    (folder / "code").write_text(str(done.returncode))
    return folder


def test_the_verdict_is_fail_and_the_exit_code_one(audited: Path) -> None:
    assert (audited / "code").read_text() == "1", (audited / "stderr").read_text()
    text = (audited / "stdout").read_text()
    assert "FAIL" in text
    assert "near-duplicates" in text
    assert "report.html" in text
    assert "\x1b[" not in text


def test_every_file_is_there_and_agrees(audited: Path) -> None:
    record = json.loads((audited / "out" / "audit.json").read_text())
    assert record["dataset"]["rows"] == 200
    assert record["metrics"]["exact_duplicates.rate"]["value"] == pytest.approx(20 / 200)
    assert record["metrics"]["near_duplicates.rate"]["value"] == pytest.approx(40 / 200)
    assert record["metrics"]["refusals_and_artifacts.rate"]["value"] == pytest.approx(10 / 200)
    findings = pq.read_table(audited / "out" / "findings.parquet").to_pylist()
    refused = {f["row"] for f in findings if f["check"] == "refusals-and-artifacts"}
    assert refused == set(range(190, 200))
    partners = {f["row"]: f["related"] for f in findings if f["metric"] == "near_duplicates.rate"}
    assert all(partners[170 + i] == 40 + i for i in range(20))
    assert all(f["by.generator"] in {"good", "bad"} and f["line"] == f["row"] + 1 and f["remedy"] for f in findings)
    features = pq.read_table(audited / "out" / "features.parquet")
    assert features.num_rows == 200
    assert "words" in features.column_names
    assert (audited / "out" / "report.html").stat().st_size > 10_000


def test_the_report_names_the_culprit(audited: Path) -> None:
    record = json.loads((audited / "out" / "audit.json").read_text())
    rates = {
        s["group"]: s["value"]
        for s in record["slices"]
        if s["metric"] == "refusals_and_artifacts.rate" and s["by"] == "generator"
    }
    assert rates == {"good": 0.0, "bad": pytest.approx(10 / 30)}
    assert "generator=bad" in (audited / "stdout").read_text()


def test_same_rows_same_bytes_whatever_the_threads_and_order(audited: Path, tmp_path: Path) -> None:
    def record(*words: str) -> dict:
        done = run("audit", audited / "data.jsonl", "--format", "json", "--skip", "language-mix", *words)
        value = json.loads(done.stdout)
        value.pop("run")
        return value

    assert json.dumps(record("--threads", "1")) == json.dumps(record("--threads", "3", "--memory", "64MB"))


def test_python_returns_what_the_command_prints(audited: Path) -> None:
    report = auditor.audit(str(audited / "data.jsonl"), skip=("language-mix", "expectations"))
    assert report.verdict == "fail"
    assert report.exit_code == 1
    assert report.metrics["near_duplicates.rate"].value == pytest.approx(0.2)
    assert report.findings.num_rows > 0
    assert "FAIL" in repr(report)
    assert "<iframe" in report._repr_html_()


def test_a_clean_file_passes(tmp_path: Path) -> None:
    rows = [{"prompt": f"Tell me of {sentence(i)}", "response": sentence(i + 5000)} for i in range(100)]
    path = tmp_path / "clean.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("audit", path, "--only", "exact-duplicates", "--only", "refusals-and-artifacts")
    assert done.returncode == 0, done.stdout + done.stderr


def test_standard_input_and_every_format(tmp_path: Path) -> None:
    data = planted(tmp_path / "data.jsonl").read_bytes()
    outputs = [w for name in ("junit", "sarif", "markdown", "html", "json") for w in ("--output", f"{name}=out.{name}")]
    done = run("audit", "-", "--only", "exact-duplicates", "--format", "github", *outputs, stdin=data)
    assert done.returncode == 1, done.stderr
    assert b"::error" in done.stdout
    for name in ("junit", "sarif", "markdown", "html", "json"):
        assert (tmp_path / f"out.{name}").stat().st_size > 200


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["audit", "missing.jsonl"], "missing.jsonl"),
        (["audit", "data.jsonl", "--set", "near-duplicates.treshold=0.7"], "threshold"),
        (["audit", "data.jsonl", "--only", "near-duplicate"], "near-duplicates"),
        (["audit", "data.jsonl", "--policy", "nosuch"], "nosuch"),
        (["audit", "data.jsonl", "--memory", "lots"], "3GB"),
        (["explain", "near-duplicate"], "near-duplicates"),
        (["show", "data.jsonl", "999"], "999"),
        (["adit", "data.jsonl"], "audit"),
    ],
)
def test_mistakes_are_named_and_end_with_two(words: list[str], said: str, tmp_path: Path) -> None:
    planted(tmp_path / "data.jsonl")
    done = run(*words)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()


def test_explain_checks_show_compare_and_cache(tmp_path: Path) -> None:
    planted(tmp_path / "data.jsonl")
    assert b"near-duplicates" in run("checks").stdout
    assert json.loads(run("checks", "--format", "json").stdout)[0]["measures"]
    assert b"Jaccard" in run("explain", "near-duplicates").stdout
    assert b"Question 41" in run("show", "data.jsonl", "41").stdout
    (tmp_path / "clean.jsonl").write_text((tmp_path / "data.jsonl").read_text().splitlines()[0] + "\n")
    done = run("compare", "data.jsonl", "clean.jsonl", "--format", "json")
    assert done.returncode == 0, done.stderr
    changed = {c["metric"]: c for c in json.loads(done.stdout)}
    assert changed["exact_duplicates.rate"]["after"] == 0
    info = json.loads(run("cache", "info", "--format", "json").stdout)
    assert info["snapshots"] >= 1
    assert run("cache", "clean").returncode == 0
    assert json.loads(run("cache", "info", "--format", "json").stdout)["snapshots"] == 0


def test_a_baseline_lets_old_sins_pass_and_new_ones_fail(tmp_path: Path) -> None:
    data = planted(tmp_path / "data.jsonl")
    only = ["--only", "exact-duplicates"]
    assert run("audit", data, "--out", "old", *only).returncode == 1
    assert run("audit", data, "--baseline", "old/audit.json", *only).returncode == 0
    with data.open("a") as file:
        file.write(data.read_text().splitlines()[0] + "\n")
    assert run("audit", data, "--baseline", "old/audit.json", *only).returncode == 1


def test_tracking_makes_a_run_with_metrics_and_pictures(tmp_path: Path) -> None:
    import sqlite3

    data = planted(tmp_path / "data.jsonl")
    only = ["--only", "exact-duplicates", "--only", "record-integrity"]
    done = run("audit", data, *only, "--track", "--quiet")
    assert done.returncode == 1, done.stderr
    with sqlite3.connect(tmp_path / ".auditor" / "mlflow.db") as database:
        metrics = dict(database.execute("select key, value from metrics").fetchall())
    database.close()
    assert metrics["exact_duplicates.rate"] == pytest.approx(0.1)
    names = {path.name for path in (tmp_path / ".auditor").rglob("artifacts/**/*") if path.is_file()}
    assert {"audit.json", "report.html", "record-integrity-words.svg"} <= names
    assert run("sync").stdout.startswith(b"0 sent, 0 left")
