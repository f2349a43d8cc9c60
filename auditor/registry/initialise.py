"""A new workspace: what `auditor init` writes, and never over what is there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditor.files import write_bytes
from auditor.model.errors import StorageError
from auditor.registry.workspace import Workspace

CI = Literal["github", "none"]

TEMPLATE = Path(__file__).parent / "template"

FILES = {
    "auditor.yaml": "auditor.yaml",
    "models.lock.yaml": "models.lock.yaml",
    "dvc.yaml": "dvc.yaml",
    "expectations/policies/workspace.yaml": "policy.yaml",
    "datasets/.gitkeep": None,
}
"""Place in the workspace -> template; None is an empty file, so that git keeps the folder."""

WORKFLOWS = {
    ".github/workflows/auditor-gate.yml": "gate.yml",
    ".github/workflows/auditor-stale.yml": "stale.yml",
}

DATA = (".jsonl", ".parquet", ".csv", ".arrow", ".jsonl.gz", ".jsonl.zst")


@dataclass(frozen=True, slots=True)
class Initialised:
    """made, kept: workspace-relative files that were written, or were there and left alone. data: files
    that look like datasets, for the next step."""

    workspace: Workspace
    made: tuple[str, ...]
    kept: tuple[str, ...]
    data: tuple[str, ...]


def initialise(root: Path, ci: CI | None = None) -> Initialised:
    """Make `root` a workspace. ci: None finds out, by the repository's remote and its folders.

    Called again it writes what is missing. Raises StorageError where the folder cannot be written.
    """
    wanted = dict(FILES)
    repository = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), None)
    prefix = ""
    if (ci or _ci(repository)) == "github":
        # GitHub reads workflows at the top of a repository only.
        prefix = "" if repository is None else f"{os.path.relpath(repository, root)}/"
        wanted |= {f"{prefix}{place}".removeprefix("./"): template for place, template in WORKFLOWS.items()}
    made, kept = [], []
    for place, template in wanted.items():
        path = root / place
        if path.exists() or path.is_symlink():
            kept.append(place)
            continue
        try:
            write_bytes(path, (TEMPLATE / template).read_bytes() if template else b"")
        except OSError as error:
            raise StorageError(f"cannot write: {error.strerror}", file=str(path)) from error
        made.append(place)
    return Initialised(Workspace(root), tuple(made), tuple(kept), tuple(_data(root)))


def _ci(repository: Path | None) -> CI:
    if repository is None:
        return "none"
    config = repository / ".git" / "config"
    known = config.is_file() and "github.com" in config.read_text(errors="replace")
    return "github" if known or (repository / ".github").is_dir() else "none"


def _data(root: Path) -> list[str]:
    """At most three files that look like datasets, the largest first."""
    found = []
    for folder in (root, root / "data"):
        if folder.is_dir():
            found += [path for path in folder.iterdir() if path.is_file() and path.name.endswith(DATA)]
    found.sort(key=lambda path: (-path.stat().st_size, path.name))
    return [path.relative_to(root).as_posix() for path in found[:3]]
