"""The files of an audit: written once, whole, and found again."""

from __future__ import annotations

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from auditor.files import atomic, slug, write_bytes
from auditor.model.errors import InputError, StorageError
from auditor.registry.workspace import Workspace

RECORD = "audit.json"

FILES = (RECORD, "report.html", "findings.parquet", "features.parquet", "quarantine.jsonl")
"""What an audit writes. A file of these names that the new audit lacks is of the one it replaces, and goes."""


def folder(name: str, digest: str, asked: Mapping[str, Any], workspace: Workspace) -> Path:
    """Where an audit's files go: `audits/NAME/DIGEST12` for the rows with that digest, and beside it
    `DIGEST12-ASKED6` for an audit that was asked for in a way of its own.

    asked: what the call set beyond the workspace's defaults, as JSON values. So `--only CHECK` or another
    policy never stands in the place of the whole audit, and the same command again replaces its own.
    """
    place = digest.rpartition(":")[2][:12]
    if asked:
        told = orjson.dumps(asked, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
        place += "-" + hashlib.sha256(told).hexdigest()[:6]
    return workspace.audits / slug(name) / place


def save(files: Mapping[str, bytes | Path], folder: Path) -> Path:
    """Write an audit's files to `folder` (bytes, or copied from a path) and return the record's path.

    A folder with `audit.json` is whole: all files are first written and synced beside their place,
    then renamed, the record last. Killed before that, the audit that was there still stands.

    Raises StorageError where the disk is full or the folder cannot be written.
    """
    if RECORD not in files:
        raise ValueError(f"an audit without {RECORD} is none")
    for name in files:
        if name in {"", ".", ".."} or Path(name).name != name:
            raise ValueError(f"{name!r} is not a file name")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as staged:
            for name, content in files.items():
                _write(Path(staged) / name, content)
            record = folder / RECORD
            # From here on only names change. Without a record the folder is not an audit.
            record.unlink(missing_ok=True)
            for name in FILES:
                if name not in files:
                    (folder / name).unlink(missing_ok=True)
            for name in files:
                if name != RECORD:
                    (Path(staged) / name).replace(folder / name)
            (Path(staged) / RECORD).replace(record)
    except OSError as error:
        hint = "choose another place with --out"
        if folder.exists() and not folder.is_dir():
            raise StorageError("this is no folder", file=str(folder), wanted="a folder", hint=hint) from error
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            hint = f"free some space or {hint}"
        raise StorageError(f"cannot write the audit: {error.strerror}", file=str(folder), hint=hint) from error
    return record


def _write(path: Path, content: bytes | Path) -> None:
    if isinstance(content, bytes):
        write_bytes(path, content)
        return
    with content.open("rb") as source, atomic(path) as target:
        shutil.copyfileobj(source, target, 1 << 20)


def load(path: Path) -> bytes:
    """The record's bytes, from `audit.json` or the folder of an audit.

    Raises InputError where there is none.
    """
    record = path / RECORD if path.is_dir() else path
    try:
        return record.read_bytes()
    except OSError as error:
        raise InputError(
            f"no record can be read here: {error.strerror}",
            file=str(record),
            wanted=f"the {RECORD} of an earlier audit, or its folder",
        ) from error


def latest(name: str, workspace: Workspace) -> Path | None:
    """The newest record of the dataset called `name` in this workspace, by the time it was written."""
    records = [path for path in (workspace.audits / slug(name)).glob(f"*/{RECORD}") if path.is_file()]
    return max(records, key=lambda path: (path.stat().st_mtime_ns, path.as_posix()), default=None)


def stored(name: str, digest: str, workspace: Workspace) -> list[Path]:
    """The records of these rows: of the audit by the workspace's defaults, then the others, newest first. Which of
    them are of all checks only they themselves say (`Record.left_out`)."""
    own = folder(name, digest, {}, workspace)
    others = [path for path in own.parent.glob(f"{own.name}-*/{RECORD}") if path.is_file()]
    others.sort(key=lambda path: (path.stat().st_mtime_ns, path.as_posix()), reverse=True)
    return [own / RECORD, *others] if (own / RECORD).is_file() else others
