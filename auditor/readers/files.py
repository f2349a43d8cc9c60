"""From a path, glob, folder, URL or `-` to plain local files: found, fetched, unpacked.

Text formats may be packed with gzip, zstd, bzip2 or xz; the bytes tell, not the name. Packed and
remote files and standard input are spooled to the cache's disk, never held in memory.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
import xxhash

from auditor.model.errors import InputError, MissingPackage, UnreadableFile, suggest
from auditor.readers import archives
from auditor.readers.quarantine import shown
from auditor.readers.snapshot import storage

TEXT = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")
BINARY = (".parquet", ".arrow", ".feather", ".ipc")
PACKED = (".gz", ".zst", ".bz2", ".xz")

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs", "hf": "hf", "http": "http", "https": "http"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|[a-z0-9]+::[^/]*://")
"""An address, or a chain of fsspec's (`simplecache::s3://…`); `a::b.jsonl` is a file's name."""
_METADATA = {"dataset_info.json", "dataset_infos.json", "state.json", "dataset_dict.json"}
_SPLIT = re.compile(r"(?:^|[/_.-])(train|training|test|testing|val|valid|validation|dev|eval|evaluation)(?=[/_.-])")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Local:
    """A readable file on this disk. name: how reports call it. path: its bytes, unpacked. source: its
    bytes as given. stamp: size and time of change of `source`. cut: the archive ends too early."""

    name: str
    path: Path
    source: Path
    stamp: tuple[int, int]
    cut: bool = False
    stream: bool = False
    """An Arrow stream of a Hugging Face folder, whatever its name says."""


def find(source: str, spool: Path) -> list[Local]:
    """The files that `source` means, in natural order; remote ones are fetched to `spool`.

    Raises UnreadableFile, InputError (a folder with several formats) or MissingPackage.
    """
    if source == "-":
        return [_stdin(spool)]
    if _URL.match(source):
        return _remote(source, spool)
    path = Path(source).expanduser()
    if path.is_dir():
        return _folder(path)
    if path.exists():
        return [_local(path, path.name)]
    if any(character in source for character in "*?["):
        found = sorted(_glob(path), key=_natural)
        if found:
            root = Path(os.path.commonpath([one.parent for one in found]))
            return [_local(one, one.relative_to(root).as_posix()) for one in found]
        raise UnreadableFile("no file matches", file=source, hint="quote the pattern, and check the folder")
    if path.is_symlink():
        target = shown(str(path.readlink()))
        raise UnreadableFile("is a link that leads nowhere", file=source, seen=f"-> {target}", hint="mend the link")
    raise UnreadableFile("there is no such file", file=source, hint=_neighbour(path))


def elsewhere(source: str) -> bool:
    """Whether `find` has to bring it here: standard input, or an address."""
    return source == "-" or bool(_URL.match(source))


def splits(files: list[Local]) -> str:
    """A note where the files are splits of one dataset, which are read together; empty where they are not."""
    found: dict[str, None] = {}
    for file in files:
        folder, slash, _ = file.name.partition("/")
        named = _SPLIT.search(file.name)
        if file.stream and slash:  # of a DatasetDict, whose splits may have any name
            found[folder] = None
        elif named:
            found[named[1]] = None
    if len(found) < 2:
        return ""
    told = ", ".join(shown(name) for name in found)
    return f"the splits {told} are read together: name one of them to audit it alone, or as --real of another"


def unpacked(file: Local, spool: Path) -> Local:
    """The file itself, or what its archive holds, spooled; `cut` where the archive ends too early."""
    with readable(file.name), file.path.open("rb") as opened:
        head = opened.read(8)
    packed = archives.kind(head)
    if packed is None:
        return file
    target = spool / f"{xxhash.xxh3_64_hexdigest(str(file.path).encode())}.unpacked"
    with readable(file.name), storage(target), target.open("wb") as out:
        whole = archives.unpack(file.path, packed, out)
    name = file.name.lower()
    bare = next((file.name[: -len(end)] for end in PACKED if name.endswith(end)), file.name)
    return replace(
        file, path=target.rename(target.with_suffix(Path(bare).suffix.lower() or ".unpacked")), cut=not whole
    )


def fingerprint(files: list[Local], settings: bytes, advance: Callable[[int], None]) -> str:
    """xxh3-128 over the names and all bytes of the files, and over what else decides the rows."""
    total = xxhash.xxh3_128(settings)
    for file in files:
        total.update(orjson.dumps([file.name, file.stamp[0]]))
        with readable(file.name), file.source.open("rb", buffering=0) as opened:
            while chunk := opened.read(_CHUNK):
                total.update(chunk)
                advance(len(chunk))
    return total.hexdigest()


def unchanged(files: list[Local]) -> None:
    """Raises InputError where a file is not what it was when reading began."""
    for file in files:
        if not file.source.exists() or _stamp(file.source) != file.stamp:
            raise InputError(
                "the file changed while it was read", file=file.name, hint="run again when nothing writes to it"
            )


class readable:  # noqa: N801  used as a verb: `with readable(name):`
    """OSErrors of reading in here become UnreadableFile with the file's name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            hint = "give this user the right to read it" if error.errno in (errno.EACCES, errno.EPERM) else None
            why = error.strerror or shown(str(error))
            raise UnreadableFile(f"cannot be read: {why}", file=self.name, hint=hint) from error


def _local(path: Path, name: str) -> Local:
    with readable(name):
        if not path.is_file():
            raise UnreadableFile(
                "is neither a file nor a folder", file=name, hint="give a regular file, or `-` for a pipe"
            )
        with path.open("rb"):
            return Local(name, path, path, _stamp(path))


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _stdin(spool: Path) -> Local:
    target = spool / "stdin"
    with storage(target), target.open("wb") as out:
        while chunk := sys.stdin.buffer.read(_CHUNK):
            out.write(chunk)
    return Local("-", target, target, _stamp(target))


def _folder(path: Path) -> list[Local]:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return _saved_to_disk(path)
    with readable(str(path)):
        names = sorted((p for p in path.rglob("*") if p.is_file() and not _hidden(p, path)), key=_natural)
    found: dict[str, list[Path]] = {}
    for one in names:
        ends = _ending(one.name)
        if ends in (*TEXT, *BINARY) and one.name not in _METADATA:
            found.setdefault({".ndjson": ".jsonl", ".feather": ".arrow", ".ipc": ".arrow"}.get(ends, ends), []).append(
                one
            )
    if not found:
        raise UnreadableFile(
            "the folder holds no data",
            file=str(path),
            seen=", ".join(shown(one.name) for one in names[:8]) or "no files",
            wanted="files ending in " + " ".join((*TEXT, *BINARY)),
        )
    if len(found) > 1:
        raise InputError(
            "the folder holds several formats",
            file=str(path),
            seen=", ".join(f"{len(files)} {ends}" for ends, files in sorted(found.items())),
            hint=f"name the files with a pattern: '{path}/*{max(found, key=lambda ends: len(found[ends]))}'",
        )
    return [_local(one, one.relative_to(path).as_posix()) for files in found.values() for one in files]


def _saved_to_disk(path: Path) -> list[Local]:
    """Hugging Face `save_to_disk`: the splits of a dictionary in its order, the files of `state.json`."""
    try:
        if (path / "dataset_dict.json").is_file():
            splits = orjson.loads((path / "dataset_dict.json").read_bytes())["splits"]
            found = [file for split in splits for file in _saved_to_disk(_under(path, split))]
            return [replace(file, name=file.source.relative_to(path).as_posix()) for file in found]
        entries = orjson.loads((path / "state.json").read_bytes())["_data_files"]
        files = [_under(path, entry["filename"]) for entry in entries]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise UnreadableFile(
            "looks like a Hugging Face save_to_disk folder, and is damaged",
            file=str(path),
            seen=shown(f"{type(error).__name__}: {error}"),
            hint="save it again with dataset.save_to_disk(…)",
        ) from error
    return [replace(_local(one, one.name), stream=True) for one in files]


def _under(folder: Path, name: Any) -> Path:
    """A file named inside a dataset's own metadata, which must not point out of its folder."""
    if not isinstance(name, str) or not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise UnreadableFile("names a file outside its folder", file=str(folder), seen=shown(str(name)))
    return folder / name


def _remote(source: str, spool: Path) -> list[Local]:
    import fsspec

    protocol = source.partition("::")[0].partition("://")[0]
    label = _without_secrets(source)
    extra = EXTRAS.get(protocol)
    for one in (word.partition("://")[0] for word in source.split("::") if "://" in word):
        if one not in fsspec.available_protocols():
            raise UnreadableFile(
                f"unknown protocol {one!r}",
                file=label,
                hint=f"{suggest(one, (*EXTRAS, 'file'))}; one of another package once that is installed",
            )
    try:
        system, path = fsspec.core.url_to_fs(source)
        names = [path]
        if any(character in path for character in "*?["):
            names = sorted(system.glob(path), key=_natural)
        elif system.isdir(path) and not system.isfile(path):
            names = sorted((n for n in system.find(path) if _ending(n) in (*TEXT, *BINARY)), key=_natural)
        if not names:
            raise UnreadableFile("no file matches", file=label)
        fetched = []
        for index, name in enumerate(names):
            target = spool / f"{index:05d}{Path(name.partition('?')[0]).suffix[:12]}"
            with system.open(name, "rb") as opened, storage(target), target.open("wb") as out:
                while chunk := opened.read(_CHUNK):
                    out.write(chunk)
            base = name.partition("?")[0].rstrip("/").rpartition("/")[2] or "data"
            fetched.append(Local(base, target, target, _stamp(target)))
    except InputError:
        raise
    except ImportError as error:
        raise MissingPackage(
            f"{protocol}:// needs a package that is not installed",
            file=label,
            hint=f"pip install 'auditor[{extra}]'" if extra else _install(protocol),
        ) from error
    except Exception as error:  # every protocol raises its own; none of them is ours to crash on
        if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UnreadableFile(
            f"cannot be fetched: {type(error).__name__}", file=label, hint="check the address and your credentials"
        ) from error
    return fetched


def _install(protocol: str) -> str:
    """How to get what a protocol needs, in fsspec's words."""
    from fsspec.registry import known_implementations

    said = known_implementations.get(protocol, {}).get("err")
    return said or f"install the fsspec implementation of {protocol}://"


def _without_secrets(url: str) -> str:
    """A URL without user, password and query, where tokens live."""
    return shown(re.sub(r"://[^/@]*@", "://", url).partition("?")[0])


def _glob(pattern: Path) -> Iterator[Path]:
    root = Path(pattern.anchor) if pattern.is_absolute() else Path()
    relative = pattern.relative_to(pattern.anchor) if pattern.is_absolute() else pattern
    try:
        yield from (path for path in root.glob(str(relative)) if path.is_file())
    except (ValueError, NotImplementedError, OSError):
        return


def _ending(name: str) -> str:
    path = Path(name.lower())
    return path.with_suffix("").suffix if path.suffix in PACKED else path.suffix


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.relative_to(root).parts)


def _natural(path: Path | str) -> list[tuple[int, int | str]]:
    """shard-2 before shard-10."""
    parts = re.split(r"(\d{1,18})", str(path))
    return [(0, int(part)) if part.isdecimal() and part.isascii() else (1, part) for part in parts]


def _neighbour(path: Path) -> str:
    import difflib

    try:
        names = [one.name for one in path.parent.iterdir()][:1000]
    except OSError:
        return f"there is no folder {path.parent} either"
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return f"did you mean {shown(close[0])!r}?" if close else "check the path"
