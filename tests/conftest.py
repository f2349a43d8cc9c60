"""Shared fixtures: where public data lies, and an isolated workspace for every test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# A deadline would make a slow machine fail; the suite is timed as a whole instead.
settings.register_profile("auditor", deadline=None)
settings.load_profile("auditor")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
"""Of the browser: nothing of its own may ask the network."""

DATA = Path(os.environ.get("AUDITOR_DATA") or Path(__file__).parent.parent.parent / "shared" / "data")


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Path of a public dataset by its place in the data folder; skips where the folder is absent."""

    def find(relative: str) -> Path:
        path = DATA / relative
        if not path.exists():
            pytest.skip(f"public dataset {relative} is not on this machine: set AUDITOR_DATA to its folder")
        return path

    return find


@pytest.fixture(scope="session")
def mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of MLflow, to be copied: its migrations take two seconds."""
    from auditor.trackers.mlflow import connected

    home = tmp_path_factory.mktemp("mlflow")
    with connected(None, home) as client:
        client.search_experiments()
    return home / "mlflow.db"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; skips where there is none."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test runs in an empty folder of its own."""
    above = [folder for folder in tmp_path.parents if (folder / ".auditor").exists()]
    assert not above, f"{above[0]} is a workspace, and every test would run in it: remove {above[0] / '.auditor'}"
    monkeypatch.chdir(tmp_path)
    return tmp_path
