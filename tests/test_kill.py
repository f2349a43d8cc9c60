"""The short form of the kill campaign (`make soak` runs 200)."""

from pathlib import Path

from tests.soak.kill_audit import campaign


def test_killed_audits_leave_a_readable_workspace(tmp_path: Path) -> None:
    assert campaign(kills=6, rows=2000, seed=7, folder=tmp_path) >= 1
