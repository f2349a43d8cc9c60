"""The house stands as ARCHITECTURE.md draws it: import contracts, lazy imports, documented modules."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import auditor

ROOT = Path(auditor.__file__).parent
HEAVY = (
    "great_expectations mlflow pandas scipy sklearn matplotlib polars datasets rich jinja2 junitparser "
    "sarif_pydantic py3langid datasketch torch fsspec sqlalchemy dvc apscheduler"
)


def loaded_by(code: str) -> set[str]:
    """Top-level packages in sys.modules after `code` ran in a fresh interpreter."""
    script = f"{code}\nimport sys\nprint('LOADED', *sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.rpartition("LOADED")[2].split())  # what the code itself printed comes before


def test_import_contracts() -> None:
    project = ROOT.parent
    if not (project / "pyproject.toml").exists():
        pytest.skip("not a checkout: the contracts stand in pyproject.toml")
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=project, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_auditor_loads_no_heavy_package() -> None:
    assert not loaded_by("import auditor") & {*HEAVY.split(), "numpy", "pyarrow", "numba"}


def test_help_loads_no_heavy_package() -> None:
    code = "from auditor.cli import group\ntry:\n    group.main(['--help'])\nexcept SystemExit:\n    pass"
    assert not loaded_by(code) & {*HEAVY.split(), "numpy", "pyarrow", "numba"}


def test_the_audit_module_loads_no_optional_package() -> None:
    code = "import auditor.auditing; from auditor.core.check import registered; registered()"
    assert not loaded_by(code) & {*HEAVY.split(), "openlineage"}


def test_public_names() -> None:
    assert auditor.__all__ == sorted(auditor.__all__)
    assert dir(auditor) == sorted(auditor.__all__)
    for name in auditor.__all__:
        assert getattr(auditor, name) is not None


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name == "__init__.py" and not tree.body:
        pytest.fail(f"{path} is empty: say what the folder holds, and what one will not find in it")
    assert ast.get_docstring(tree), f"{path} has no docstring"


def test_the_version_in_the_changelog_is_the_package_s() -> None:
    changelog = ROOT.parent / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("not a checkout")
    assert f"## {auditor.__version__}" in changelog.read_text()


def test_no_module_is_called_utils() -> None:
    assert not [path for path in ROOT.rglob("*.py") if path.stem in {"utils", "helpers", "common", "misc"}]


def test_extras_cover_remote_protocols() -> None:
    pyproject = ROOT.parent / "pyproject.toml"
    if not pyproject.exists():
        pytest.skip("not a checkout")
    extras = tomllib.loads(pyproject.read_text())["project"]["optional-dependencies"]
    assert {"s3", "gcs", "hf", "http"} <= set(extras)
