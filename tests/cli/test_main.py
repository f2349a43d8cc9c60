"""The ends of the command: every failure is a message and an exit code of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from auditor.cli import main; main()"]
ONLY = ["--only", "exact-duplicates"]


def run(*words: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *words], capture_output=True, **how)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"Name prime {i}.", "response": "two"} for i in range(30)] * 2
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_a_full_device_is_told_and_ends_with_two(data: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*COMMAND, "audit", data.name, *ONLY], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def test_a_closed_pipe_keeps_the_verdict(data: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([*COMMAND, "audit", data.name, *ONLY, "-q"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.returncode == 1, done.stderr


def test_a_baseline_that_is_no_record_is_refused(data: Path, tmp_path: Path) -> None:
    assert run("audit", data.name, *ONLY, "--out", "old").returncode == 1
    record = json.loads((tmp_path / "old" / "audit.json").read_text())
    record["metrics"]["exact_duplicates.rate"]["value"] = "HERE"
    for value in ("NaN", "Infinity", '"many"', "true"):
        (tmp_path / "bad.json").write_text(json.dumps(record).replace('"HERE"', value))
        done = run("audit", data.name, *ONLY, "--baseline", "bad.json")
        assert done.returncode == 2, (value, done.stderr)
        assert b"exact_duplicates.rate" in done.stderr, value
    (tmp_path / "deep.json").write_text("[" * 100_000)
    assert run("audit", data.name, *ONLY, "--baseline", "deep.json").returncode == 2


def test_an_output_never_overwrites_the_data(data: Path) -> None:
    before = data.read_bytes()
    assert run("audit", data.name, *ONLY, "--output", f"html={data.name}").returncode == 2
    assert run("audit", data.name, *ONLY, "--output", "json=.").returncode == 2
    assert data.read_bytes() == before


def test_a_password_that_is_not_encoded_is_refused_and_never_repeated(data: Path, tmp_path: Path) -> None:
    done = run("audit", data.name, *ONLY, "--mlflow-uri", "http://user:CANARY/sec#ret@127.0.0.1:9/?token=CANARY2")
    assert done.returncode == 2
    assert b"CANARY" not in done.stdout + done.stderr
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"CANARY" in path.read_bytes()]


def test_a_damaged_cache_is_made_again(data: Path, tmp_path: Path) -> None:
    def metrics() -> dict[str, object]:
        done = run("audit", data.name, "--skip", "expectations", "--format", "json")
        record: dict[str, object] = json.loads(done.stdout)
        record.pop("run")
        return record

    expected = metrics()
    for kind in ("shards/*.arrow", "snapshots/*/position-*.arrow", "annotations/**/*.arrow", "states/*/*"):
        files = [path for path in (tmp_path / ".auditor" / "cache").glob(kind) if path.is_file()]
        assert files, kind
        for path in files:
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            content[len(content) // 3] ^= 0x10
            path.write_bytes(content)
        assert metrics() == expected, kind


def test_json_on_a_terminal_drives_nothing(tmp_path: Path) -> None:
    rows = [{"text": f"row {i}", "generator": g} for i, g in enumerate(["a\u009b31m", "b\u202e", "a\u009b31m"])]
    (tmp_path / "h.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = run("audit", "h.jsonl", *ONLY, "--by", "generator", "--format", "json")
    text = done.stdout.decode()
    assert not set(text) & {"\x9b", "\u202e"}
    assert "a\u009b31m" in {s["group"] for s in json.loads(text)["slices"]}


def test_several_checks_in_one_option_are_told_how(data: Path) -> None:
    done = run("audit", data.name, "--only", "repetition,exact-duplicates", cwd=data.parent)
    assert done.returncode == 2
    assert b"unknown check 'repetition,exact-duplicates'" in done.stderr
    assert b"--only A --only B" in done.stderr
