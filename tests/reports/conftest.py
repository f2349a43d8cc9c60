"""The made-up audits, laid on disk once."""

from __future__ import annotations

import pytest

from auditor.reports.view import View
from tests.reports import made


@pytest.fixture(scope="session")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return made.view(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> View:
    return made.hostile(tmp_path_factory.mktemp("hostile"))
