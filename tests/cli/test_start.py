"""What a command loads: an audit whose kernels are kept starts without their compiler."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = """
import sys
sys.argv = ["auditor", "audit", "data.jsonl", "-q", "--skip", "expectations"]
from auditor.cli import main
try:
    main()
finally:
    print("LOADED", *sorted({"numba", "great_expectations", "mlflow", "scipy", "openlineage"} & set(sys.modules)))
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
        done = subprocess.run([sys.executable, "-c", AUDIT], cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.rpartition("LOADED")[2].split() == [], done.stderr
