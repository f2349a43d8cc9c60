"""The chain of datasets, made once and copied."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from auditor.registry.workspace import Workspace
from tests.regeneration import chain


@pytest.fixture(scope="session")
def laid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("chain") / "ws"
    chain.lay(root)
    chain.ran(root)
    return root


@pytest.fixture
def ws(laid: Path, tmp_path: Path) -> Workspace:
    root = tmp_path / "ws"
    shutil.copytree(laid, root, symlinks=True)
    return Workspace(root)
