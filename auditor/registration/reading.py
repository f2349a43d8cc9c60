"""The rows of a version, and the hash of the very bytes that they were read from."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from auditor import readers
from auditor.core import objects
from auditor.core.secrets import nameless
from auditor.model.errors import ConfigError, InputError, UnreadableFile
from auditor.model.rows import Dataset
from auditor.registration.request import Request
from auditor.registry.versions import is_url
from auditor.registry.workspace import Workspace

ATTEMPTS = 5
"""Times that a file which is touched while it is read is read again; what is read once is remembered."""


def located(given: str, workspace: Workspace) -> tuple[Path | None, str]:
    """(path on this machine or None for a URL, path as the card has it)."""
    if is_url(given):
        return None, nameless(given)
    if given == "-":
        raise ConfigError("standard input cannot be registered", hint="write it to a file of the workspace first")
    here = Path(given)
    path = Path(os.path.abspath(here if here.exists() else workspace.root / given))  # noqa: PTH100  links stay
    if path.exists():
        return path, os.path.relpath(path, workspace.root).replace(os.sep, "/")
    if glob.has_magic(given):
        raise ConfigError("a pattern cannot be registered", seen=given[:200], hint="register the folder")
    raise UnreadableFile(f"no such file {given[:200]!r}", hint=f"paths may be relative to {workspace.root}")


def read(
    request: Request,
    path: Path | None,
    shown: str,
    mapping: Mapping[str, str],
    workspace: Workspace,
    advance: Callable[[int, int], None],
) -> tuple[Dataset, objects.Content | None]:
    """The rows, and beside them DVC's hash of the very bytes that they were read from.

    Read again where the file's times moved meanwhile: another process that registers it lets DVC lay it anew.
    """
    for _ in range(ATTEMPTS):
        stamp = _stamp(path)
        with ThreadPoolExecutor(1) as beside:
            hashed = beside.submit(objects.content, path) if path is not None and request.dvc else None
            try:
                rows = readers.open(
                    request.path if path is None else path,
                    cache=workspace.cache,
                    mapping=mapping,
                    max_bad_rows=request.max_bad_rows or workspace.max_bad_rows,
                    processes=request.threads,
                    name=request.name,
                    progress=advance,
                )
                content = hashed.result() if hashed else None
            except (OSError, InputError):
                if _stamp(path) == stamp:
                    raise
                continue
        if _stamp(path) == stamp:
            return rows, content
    raise changed(shown)


def _stamp(path: Path | None) -> Any:
    """What changes when a file does, or any file of a folder."""
    if path is None:
        return None
    files = [path] if not path.is_dir() else sorted(Path(at, name) for at, _, names in os.walk(path) for name in names)
    stats = [(str(file), file.stat()) for file in files if file.exists()]
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def changed(path: str) -> InputError:
    return InputError("the data changed while it was registered", file=path, hint="run it again")
