"""References to data: which bytes a word on the command line means."""

from __future__ import annotations

import difflib
import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path

from auditor.files import slug
from auditor.model.card import Card, Registered
from auditor.model.errors import InputError, UnreadableFile
from auditor.registry.workspace import Workspace

STDIN = "-"
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+://")
_SUFFIXES = re.compile(
    r"\.(jsonl|ndjson|json|csv|tsv|parquet|arrow|feather|ipc)$|\.(gz|gzip|zst|zstd|bz2|xz)$", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Version:
    """A dataset at one moment. name: a slug. source: what `readers.open` takes: path, glob, URL or "-".

    card and entry are None for data that nobody registered.
    """

    name: str
    source: str
    card: Card | None = None
    entry: Registered | None = None


def resolve(ref: str, workspace: Workspace) -> Version:  # noqa: ARG001  registered names will be looked up in it
    """The version that `ref` means: a path, a glob, a URL, or - for standard input.

    Paths are the caller's, relative to the current folder. A URL is not looked at here.

    Raises UnreadableFile for a path that is not there, InputError for a bare word that is no path;
    both name the closest file.
    """
    if ref == STDIN:
        return Version("stdin", ref)
    if _URL.match(ref):
        return Version(name_of(re.split(r"[?#]", ref, maxsplit=1)[0], pattern=True), ref)
    if os.path.lexists(ref):
        return Version(name_of(os.path.abspath(ref)), ref)  # noqa: PTH100  `.` and `..` get their folder's name
    if glob.has_magic(ref) and next(glob.iglob(ref, recursive=True), None) is not None:  # noqa: PTH207  any root
        return Version(name_of(ref, pattern=True), ref)
    raise _unknown(ref)


def name_of(path: str, *, pattern: bool = False) -> str:
    """`shards/train.jsonl.gz` -> `train`; `s3://bucket/a/b.csv` -> `b`; a pattern `shards/*.parquet` -> `shards`."""
    parts = [part for part in re.split(r"[/\\]+", _URL.sub("", path)) if part]
    for part in reversed(parts):
        bare = part
        while _SUFFIXES.search(bare):
            bare = _SUFFIXES.sub("", bare)
        bare = re.sub(r"[*?]+|\[[^\]]*\]", "", bare) if pattern else bare
        if bare.strip("-._ "):
            return slug(bare)
    return slug("")


def _unknown(ref: str) -> InputError:
    shown = ref if len(ref) <= 200 else ref[:200] + "…"
    parent = os.path.dirname(ref)  # noqa: PTH120  the caller's spelling is kept
    hint = _closest(Path(parent or "."), os.path.basename(ref))  # noqa: PTH119
    if glob.has_magic(ref):
        return UnreadableFile(f"no file matches {shown!r}", seen="nothing", hint=hint)
    if parent or _SUFFIXES.search(ref):
        if parent and not os.path.isdir(parent):  # noqa: PTH112  false, never an error, for a folder one may not see
            return UnreadableFile(f"no such file {shown!r}", seen=f"there is no folder {parent[:200]!r}")
        return UnreadableFile(f"no such file {shown!r}", hint=hint)
    return InputError(
        f"nothing is called {shown!r}",
        seen=f"no file or folder of that name in {Path.cwd()}",
        wanted="a file, a folder, a glob, a URL, or - for standard input",
        hint=hint,
    )


def _closest(folder: Path, name: str) -> str | None:
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return None
    stems = {name_of(entry): entry for entry in reversed(names)}
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    close = close or [stems[stem] for stem in difflib.get_close_matches(name_of(name), stems, n=1, cutoff=0.6)]
    if not close:
        return None
    found = close[0] if folder == Path() else str(folder / close[0])
    return f"did you mean {found!r}?"
