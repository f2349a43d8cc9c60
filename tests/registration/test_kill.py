"""The short form of the kill campaign (`make soak` runs 200)."""

import subprocess
import sys
from pathlib import Path


def test_killed_registrations_leave_whole_cards() -> None:
    root = Path(__file__).parent.parent.parent
    words = [sys.executable, "-m", "tests.soak.kill_register", "--kills", "10", "--dvc-every", "5"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "nothing was lost or doubled" in done.stdout
