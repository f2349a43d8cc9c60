"""Where a path that stands on a card, in `auditor.yaml` or in a policy may lead: into the workspace, and nowhere else.

These come in pull requests from strangers, and what they name is read, hashed and quoted in messages, in CI
with its secrets at hand. So a path counts by where it leads once every link is followed.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from auditor.core import objects
from auditor.model.errors import ConfigError

OUTSIDE = "AUDITOR_OUTSIDE"
"""Folders outside the workspace that cards may name, as PATH lists them. Of the environment, because every file
of the repository may be the stranger's."""

SETTINGS = frozenset((".git", ".dvc", ".auditor"))
"""Folders whose files are obeyed (hooks, remotes), believed (caches) or secret (a token in .git/config)."""

MOST = 1_000_000
"""Files and folders of one dataset or model that are looked at: more is no dataset, but `/proc` or a mistake."""


def confined(given: str, root: Path) -> Path:
    """The absolute path of `given`, relative to the workspace `root`, links unresolved.

    What is there is a regular file, or a folder of which the same holds for all that its links lead to; or
    nothing. Links into the cache of the workspace's own DVC repository are DVC's.

    Raises ConfigError where it leads out of the workspace and AUDITOR_OUTSIDE, into git's or DVC's settings,
    in a circle, or to a device.
    """
    path = Path(os.path.abspath(root / given))  # noqa: PTH100  `..` goes, links stay
    try:
        _allowed(path, root, given)
        if path.is_dir():
            for inner in _linked(path):
                _allowed(inner, root, given)
    except (ValueError, OSError) as error:  # a NUL, links in a circle, a name too long
        raise ConfigError("no path", seen=repr(given[:120]), wanted="a file or folder of the workspace") from error
    return path


def kept(path: Path, root: Path) -> Path:
    """`path`, where a workspace keeps a file or folder of its own, once it is known to lead nowhere else.

    Raises ConfigError naming it where it does, as `confined`: what is wrong with such a file is quoted."""
    try:
        return confined(str(path), root)
    except ConfigError as error:
        raise ConfigError(
            error.message, file=str(path), seen=error.seen, wanted=error.wanted, hint=error.hint
        ) from error


def is_path(given: str) -> bool:
    """Whether a policy is given as the path of its file, and not by its name."""
    return given.endswith((".yaml", ".yml")) or "/" in given or "\\" in given


def _allowed(path: Path, root: Path, given: str) -> None:
    real = os.path.realpath(path)
    top = os.path.realpath(root)
    inside = _within(real, top)
    settings = inside and SETTINGS & {part.lower() for part in Path(real[len(top) :]).parts}
    if (not inside or settings) and not any(_within(real, folder) for folder in _outside()):
        cache = objects.cache(root)
        if cache is not None and _within(real, os.path.realpath(cache / "files" / "md5")):
            return
        if settings:
            raise ConfigError("that is no place for data", seen=given[:200], wanted="not .git, .dvc or .auditor")
        raise ConfigError(
            "it leads out of the workspace",
            seen=given[:200],
            wanted=f"a path inside {root}",
            hint=f"move it in, or name its folder in {OUTSIDE}",
        )
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        mode = os.lstat(real).st_mode
        if stat.S_ISLNK(mode):
            raise ConfigError("its links lead in a circle", seen=given[:200])
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise ConfigError("it is neither a file nor a folder", seen=given[:200])


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def _outside() -> Iterator[str]:
    for folder in os.environ.get(OUTSIDE, "").split(os.pathsep):
        if os.path.isabs(folder):  # noqa: PTH117
            yield os.path.realpath(folder)


def _linked(folder: Path) -> Iterator[Path]:
    """The links in a folder, and in what they lead to; and whatever else is no plain file.

    Raises ConfigError for links that lead back to where they are, and for more than MOST entries.
    """
    waiting: list[tuple[Path, tuple[str, ...]]] = [(folder, (os.path.realpath(folder),))]
    seen = 0
    while waiting:
        at, above = waiting.pop()
        with os.scandir(at) as entries:
            for entry in entries:
                seen += 1
                if seen > MOST:
                    raise ConfigError("too many files", seen=f"more than {MOST:,}", wanted="a folder of one dataset")
                link = entry.is_symlink()
                if link or not (entry.is_file() or entry.is_dir()):
                    yield Path(entry.path)
                if entry.is_dir():
                    real = os.path.realpath(entry.path) if link else f"{above[-1]}{os.sep}{entry.name}"
                    if real in above:
                        raise ConfigError("its links lead in a circle", file=entry.path)
                    waiting.append((Path(entry.path), (*above, real)))
