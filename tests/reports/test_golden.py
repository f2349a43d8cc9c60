"""Words and layout do not change unseen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.golden import FOLDER, NAMES, outputs


@pytest.fixture(scope="module")
def now(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return outputs(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", NAMES)
def test_output_is_as_reviewed(name: str, now: dict[str, str]) -> None:
    assert now[name] == (FOLDER / name).read_text(encoding="utf-8"), "run `python -m tests.golden` and review"


def test_the_same_audit_gives_the_same_bytes_elsewhere(now: dict[str, str], tmp_path: Path) -> None:
    assert outputs(tmp_path / "another" / "place") == now
