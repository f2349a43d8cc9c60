"""Bytes by DVC's own hash: of a file, of a folder, and out of DVC's cache. No process is started here.

A file's hash is the MD5 of its bytes; a folder's is the MD5 of the JSON list of its files' hashes and
relative paths, sorted by path, with `.dir` behind it (https://dvc.org/doc/user-guide/project-structure,
"structure of the cache directory"). A cache keeps an object under `files/md5/` by its first two digits.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.files import write_bytes
from auditor.model.errors import StorageError

SETTLED_NS = 100_000_000
"""A file changed less than this before it was hashed is hashed again next time: a second change within
one tick of the file system's clock would not show."""

_IGNORED = frozenset((".git", ".hg", ".dvc"))
"""What DVC never tracks, whatever `.dvcignore` says."""


@dataclass(frozen=True, slots=True)
class Content:
    """md5: as DVC has it. size: bytes. files: of a folder, None for a file."""

    md5: str
    size: int
    files: int | None = None


def content(path: Path, memory: Path | None = None) -> Content:
    """The hash of a file or folder as DVC would record it. Raises OSError where it cannot be read.

    memory: folder in which hashes are remembered by size, time and inode, so that what did not change
    is not read again.
    """
    remembered = _Remembered(path, memory)
    if not path.is_dir():
        md5, size = remembered.md5(path, "")
        remembered.save()
        return Content(md5, size)
    entries, total = [], 0
    for file, relative in _walk(path):
        md5, size = remembered.md5(file, relative)
        entries.append({"md5": md5, "relpath": relative})
        total += size
    remembered.save()
    entries.sort(key=lambda entry: entry["relpath"])
    whole = hashlib.md5(json.dumps(entries, sort_keys=True).encode(), usedforsecurity=False)
    return Content(f"{whole.hexdigest()}.dir", total, len(entries))


def home(start: Path) -> Path | None:
    """The `.dvc` folder that a command run in `start` would use."""
    return next((folder / ".dvc" for folder in (start, *start.parents) if (folder / ".dvc").is_dir()), None)


def cache(start: Path) -> Path | None:
    """The cache of that repository, as its own settings have it; None where there is no repository."""
    dvc = home(start)
    if dvc is None:
        return None
    found = dvc / "cache"
    for name in ("config", "config.local"):
        settings = ConfigParser(interpolation=None)
        with contextlib.suppress(OSError, Error, UnicodeDecodeError):
            settings.read_string((dvc / name).read_text("utf-8"))
            if given := settings.get("cache", "dir", fallback=None):
                found = dvc / os.path.expanduser(given)  # noqa: PTH111  DVC's own reading
    return found


def place(md5: str, cache: Path) -> Path:
    """Where the cache keeps an object."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def whole(md5: str, cache: Path) -> bool:
    """Whether an object, and of a folder every file, is in the cache."""
    if not place(md5, cache).is_file():
        return False
    return not md5.endswith(".dir") or all(place(entry, cache).is_file() for _, entry in listed(md5, cache))


def lay(md5: str, target: Path, cache: Path, *, link: bool = False) -> None:
    """Copy an object of the cache to `target`: whole, its hash looked at, or not at all.

    What stands at `target` gives way. link: share the cache's own files where the file system allows
    it, for places that nobody edits. Raises StorageError where the object is damaged or not there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:60]}.") as beside:
        made = Path(beside) / "made"
        if md5.endswith(".dir"):
            made.mkdir()
            for relative, entry in listed(md5, cache):
                file = made / relative
                file.parent.mkdir(parents=True, exist_ok=True)
                _copy(entry, file, cache, link)
        else:
            _copy(md5, made, cache, link)
        # Two renames: killed between them, the next checkout finds nothing in its way.
        if target.is_dir() and not target.is_symlink():
            target.rename(Path(beside) / "gone")
        elif made.is_dir():
            target.unlink(missing_ok=True)
        made.rename(target)


def listed(md5: str, cache: Path) -> list[tuple[str, str]]:
    """(relative path, hash) of a folder's files, none of which leaves it."""
    file = place(md5, cache)
    try:
        raw = file.read_bytes()
        if hashlib.md5(raw, usedforsecurity=False).hexdigest() != md5.removesuffix(".dir"):
            raise ValueError("its bytes are not those that it is named by")
        found = [(str(entry["relpath"]), str(entry["md5"])) for entry in json.loads(raw)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(file, str(error)) from error
    for relative, entry in found:
        parts = Path(relative).parts
        if Path(relative).is_absolute() or ".." in parts or not parts or not entry.isalnum():
            raise _damaged(file, f"it names {relative[:80]!r}")
    return found


def _copy(md5: str, target: Path, cache: Path, link: bool) -> None:
    source = place(md5, cache)
    try:
        with source.open("rb") as read:
            if hashlib.file_digest(read, _md5).hexdigest() != md5:
                raise _damaged(source, "its bytes are not those that it is named by")
        if link:
            with contextlib.suppress(OSError):  # another file system, or one without links
                target.hardlink_to(source)
                return
        shutil.copyfile(source, target)
        with target.open("rb+") as file:
            os.fsync(file.fileno())
    except FileNotFoundError as error:
        raise StorageError(
            "the version is not in DVC's cache", file=str(source), hint="fetch it: auditor checkout, or dvc fetch"
        ) from error
    except OSError as error:
        raise StorageError(f"cannot copy from DVC's cache: {error.strerror}", file=str(source)) from error


def _damaged(file: Path, seen: str) -> StorageError:
    return StorageError(
        "DVC's cache is damaged", file=str(file), seen=seen, hint="remove that file and fetch it again: dvc fetch"
    )


def _walk(folder: Path) -> Iterator[tuple[Path, str]]:
    """Files below a folder with their relative paths, without those that DVC would not track."""
    ignored = _ignored(folder)
    for parent, folders, files in os.walk(folder, followlinks=True):
        base = Path(parent)
        folders[:] = sorted(one for one in folders if one not in _IGNORED and not ignored(base / one, True))
        for name in sorted(files):
            if name not in _IGNORED and not ignored(base / name, False):
                yield base / name, (base / name).relative_to(folder).as_posix()


def _ignored(folder: Path) -> Callable[[Path, bool], bool]:
    """Whether DVC would leave a path out, by the `.dvcignore` of its folder and of those above."""
    dvc = home(folder)
    if dvc is None:
        return lambda path, is_folder: False
    specs: dict[Path, Any] = {}

    def spec(here: Path) -> Any:
        if here not in specs:
            specs[here] = None
            with contextlib.suppress(OSError, UnicodeDecodeError):
                lines = (here / ".dvcignore").read_text("utf-8").splitlines()
                if any(line.strip() and not line.startswith("#") for line in lines):
                    from pathspec import GitIgnoreSpec

                    specs[here] = GitIgnoreSpec.from_lines(lines)
        return specs[here]

    root = dvc.parent

    def ignored(path: Path, is_folder: bool) -> bool:
        for here in (path.parent, *path.parent.parents):
            rules = spec(here)
            if rules is not None:
                told = rules.check_file(path.relative_to(here).as_posix() + ("/" if is_folder else "")).include
                if told is not None:
                    return bool(told)
            if here == root:
                break
        return False

    return ignored


class _Remembered:
    """Hashes of the files at one path, by size, time and inode."""

    def __init__(self, path: Path, memory: Path | None) -> None:
        named = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
        self._file = memory / f"{named}.json" if memory else None
        self._before: dict[str, list[Any]] = {}
        self._now: dict[str, list[Any]] = {}
        if self._file is not None:
            with contextlib.suppress(OSError, ValueError):
                self._before = dict(json.loads(self._file.read_bytes()))

    def md5(self, file: Path, relative: str) -> tuple[str, int]:
        stat = file.stat()
        stamp = [stat.st_size, stat.st_mtime_ns, stat.st_ino]
        known = self._before.get(relative)
        if known is not None and known[:3] == stamp:
            md5 = str(known[3])
        else:
            begun = time.time_ns()
            with file.open("rb") as read:
                md5 = hashlib.file_digest(read, _md5).hexdigest()
            if stat.st_mtime_ns + SETTLED_NS > begun:
                return md5, stat.st_size
        self._now[relative] = [*stamp, md5]
        return md5, stat.st_size

    def save(self) -> None:
        if self._file is not None and self._now != self._before:
            with contextlib.suppress(OSError, StorageError):
                write_bytes(self._file, json.dumps(self._now).encode())


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def remove(path: Path) -> None:
    """A file or a folder with all that is in it; nothing where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
