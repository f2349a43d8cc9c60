"""What a command loads: an audit whose kernels are kept starts without their compiler, and none loads what it
does not use of Great Expectations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = """
import sys
HEAVY = ("numba", "great_expectations", "mlflow", "scipy", "scipy.stats", "altair", "openlineage")
sys.argv = ["auditor", "audit", "data.jsonl", "-q", *sys.argv[1:]]
from auditor.cli import main
try:
    main()
finally:
    print("LOADED", *sorted(set(HEAVY) & set(sys.modules)))
"""


@pytest.mark.parametrize("shape", ["alpaca", "messages", "preference"])
def test_an_audit_whose_kernels_are_kept_imports_no_numba(tmp_path: Path, shape: str) -> None:
    def row(n: int) -> dict[str, object]:
        asked, told = f"What is the number {n}?", f"It is {n}, which comes after {n - 1} and before {n + 1}. Café!"
        if shape == "alpaca":
            return {"instruction": asked, "input": "", "output": told}
        if shape == "messages":
            return {"messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": told}]}
        return {"prompt": asked, "chosen": told, "rejected": f"Nobody knows {n}."}

    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row(n)) + "\n" for n in range(60)))
    for _ in range(2):  # the first may compile what nobody ran so far on this machine
        for cache in tmp_path.glob(".auditor/cache"):
            cache.rename(tmp_path / "old")
        command = [sys.executable, "-c", AUDIT, "--skip", "expectations"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        loaded = done.stdout.rpartition("LOADED")[2].split()
        if not loaded:
            break
    assert "LOADED" in done.stdout, done.stderr
    assert loaded == [], done.stderr


def test_a_whole_audit_imports_of_great_expectations_what_it_uses(tmp_path: Path) -> None:
    row = json.dumps({"prompt": "What is it?", "response": "It is a word or two."}) + "\n"
    (tmp_path / "data.jsonl").write_text(row * 20)
    done = subprocess.run([sys.executable, "-c", AUDIT], cwd=tmp_path, capture_output=True, text=True)
    loaded = done.stdout.rpartition("LOADED")[2].split()
    assert "great_expectations" in loaded, done.stderr
    assert not {"scipy.stats", "altair", "mlflow"} & set(loaded)
