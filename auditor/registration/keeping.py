"""The bytes of a version, kept and pushed by DVC: what it refuses is told, and not fatal."""

from __future__ import annotations

from pathlib import Path

from auditor.core import objects
from auditor.core.places import OUTSIDE
from auditor.model.card import Registered, Tracked
from auditor.model.errors import AuditorError
from auditor.registration.reading import changed
from auditor.registry.workspace import Workspace
from auditor.trackers.dvc import Dvc


def kept(
    version: Registered, content: objects.Content | None, path: Path | None, workspace: Workspace, notes: list[str]
) -> Tracked | None:
    """Where DVC keeps the bytes. What it refuses is told and not fatal: the next registration tries again.

    content: the bytes whose rows were read; None where they shall not be kept.
    """
    if version.dvc is not None and content is not None and content.md5 != version.dvc.md5:
        notes.append(f"the rows are those of version {version.version} in other bytes: DVC keeps the first ones")
    if version.dvc is not None or path is None or content is None:
        return version.dvc
    if not path.is_relative_to(workspace.root):
        notes.append("DVC does not keep it: the data lies outside the workspace")
        notes.append(f"its card is read again only where {OUTSIDE} names a folder that it lies in")
        return None
    dvc = Dvc(workspace.root)
    try:
        tracked = dvc.add(path)
    except (AuditorError, OSError) as error:
        if "already tracked by SCM" in str(error):  # DVC's words
            notes.append("git keeps the bytes, so DVC does not")
            return None
        said = "; ".join(line.strip() for line in str(error).splitlines()).rstrip(".")
        notes.append(f"DVC does not keep it yet: {said}. Register it again to try again")
        return None
    if tracked.md5 != content.md5:
        raise changed(version.path)
    if not dvc.holds(tracked):
        notes.append(f"{tracked.file} makes it, and DVC's cache does not have these bytes: dvc commit")
    return tracked


def pushed(version: Registered, path: Path | None, workspace: Workspace, notes: list[str]) -> bool:
    if version.dvc is None or path is None:
        notes.append("there is nothing to push: DVC does not keep it")
        return False
    try:
        Dvc(workspace.root).push([path])
    except AuditorError as error:
        notes.append(f"not pushed: {' '.join(str(error).split())}. Run it again, or dvc push")
        return False
    return True
