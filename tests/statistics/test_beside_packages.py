"""The benchmark of our metrics beside the packages that define them: it runs, and no value differs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "metrics.py"


def test_no_metric_differs_from_its_package() -> None:
    words = [sys.executable, str(SCRIPT), "--rows", "500", "--dimension", "32", "--repeats", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines()[4:]]
    assert [line[0] for line in lines] == [
        "Vendi score", "of order 2", "precision", "recall", "density", "coverage", "MMD, squared", "Fréchet distance"
    ]  # fmt: skip
    for metric, _, ours, theirs, difference, *_ in lines:
        assert abs(float(ours)) > 0.001, f"{metric}: something to compare"
        assert float(difference) < 1e-6 * max(1.0, abs(float(theirs))), metric
