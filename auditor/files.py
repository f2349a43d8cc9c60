"""Writing without ever leaving half a file, and names that cannot leave their folder."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from auditor.model.errors import ConfigError, StorageError

_FULL = (errno.ENOSPC, errno.EDQUOT)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP)
_SLUG = re.compile(r"[^A-Za-z0-9._-]+")


@contextmanager
def atomic(path: Path) -> Iterator[IO[bytes]]:
    """A binary file that appears under `path` whole (written beside it, synced, renamed) or not at all.

    Raises StorageError where the disk is full or the folder cannot be written.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.", suffix=".tmp")
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o666 & ~_umask())
        Path(temporary).replace(path)
        temporary = None
    except OSError as error:
        if error.errno in _FULL + _REFUSED:
            hint = "choose another place for it"
            hint = f"free some space or {hint}" if error.errno in _FULL else hint
            raise StorageError(f"cannot write: {error.strerror}", file=str(path), hint=hint) from error
        raise
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    with atomic(path) as file:
        file.write(content)


def write_text(path: Path, content: str) -> None:
    write_bytes(path, content.encode("utf-8", "replace"))


def slug(name: str) -> str:
    """A name that is safe as one path component on every system: `../a b` -> `a-b`."""
    clean = _SLUG.sub("-", name).strip("-.")[:80]
    return clean or "dataset"


def inside(root: Path, path: Path) -> Path:
    """`path` resolved, or ConfigError where it leaves `root`."""
    resolved = (root / path).resolve()
    if not resolved.is_relative_to(root.resolve()):
        raise ConfigError("path leaves the workspace", seen=str(path), wanted=f"a path inside {root}")
    return resolved


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
