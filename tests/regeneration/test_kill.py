"""The short form of the kill campaign (`make soak` runs 200)."""

from pathlib import Path

from tests.soak.kill_regenerate import campaign


def test_killed_regenerations_are_gone_on_with(tmp_path: Path) -> None:
    hits = campaign(kills=10, seed=5, folder=tmp_path, every=5)
    assert hits >= 2, "runs are killed within the time that one of them took; what a killed one had done is done"
