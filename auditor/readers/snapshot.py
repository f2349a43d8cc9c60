"""Canonical rows on disk: content-addressed shards, and a manifest for each version read.

    CACHE/shards/DIGEST.arrow              rows of one shard; versions of a dataset share them
    CACHE/snapshots/KEY/manifest.json      which shards, in which order, and what is known of them
    CACHE/snapshots/KEY/position-IIII.arrow    row, copy, file and line of shard IIII's rows
    CACHE/snapshots/KEY/quarantine.jsonl   records that could not be read

Everything here can be made again. A manifest appears whole, last; what a killed run leaves are
temporary files, removed by the next. One process writes at a time (`lock`).
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import xxhash
from filelock import FileLock, Timeout

from auditor.model.errors import StorageError
from auditor.model.rows import POSITION_SCHEMA, Dataset, Quarantine, Shard
from auditor.readers import notes
from auditor.readers.digest import dataset_digest
from auditor.readers.quarantine import EXAMPLES, Bad
from auditor.readers.rows import Columns, Facts, as_bytes, content_digest, typed_fields

VERSION = 7
"""Rises when the same bytes give other canonical rows; older snapshots are then read anew."""

_TEMPORARY = ".writing-"
_WAIT = 3600.0
"""Seconds to wait for another process that is reading: a large file takes minutes, not hours."""


@dataclass(frozen=True, slots=True)
class Written:
    """One shard as its writer saw it; small enough to send between processes.

    lines: int64 [rows]. digests: uint8 [rows, 16]. signatures: uint8 [rows, 32]. source: bytes of the source
    behind it, about.
    """

    digest: str
    rows: int
    file: int
    lines: npt.NDArray[np.int64]
    digests: npt.NDArray[np.uint8]
    signatures: npt.NDArray[np.uint8]
    facts: Facts
    bad: tuple[Bad, ...] = ()
    source: int = 0


@dataclass
class Reading:
    """Everything that one reading of a source gave, in order. notes: what a reader of the report should know."""

    format: str
    files: tuple[str, ...]
    shards: list[Written] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)

    def facts(self) -> Facts:
        total = Facts()
        for shard in self.shards:
            total.add(shard.facts)
        return total

    def bad(self) -> Iterator[dict[str, str | int]]:
        for shard in self.shards:
            for one in shard.bad:
                yield {"file": self.files[one.file], "line": one.line, "reason": one.reason, "seen": one.seen}

    def reasons(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for shard in self.shards:
            for one in shard.bad:
                counts[one.reason] = counts.get(one.reason, 0) + 1
        return dict(sorted(counts.items()))


def write_shard(columns: Columns, file: int, bad: Sequence[Bad], cache: Path, source: int = 0) -> Written:
    """Write one shard's rows under their digest. Raises StorageError.

    A file that is there already is written again: only a snapshot's manifest vouches for its bytes.
    """
    rows = columns.finish()
    digest = content_digest(rows)
    path = _shard(cache, digest)
    if len(columns):
        with storage(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=_TEMPORARY)
            try:
                # Not synced: a cache that a power cut damages is told by its seal and made again.
                with os.fdopen(descriptor, "wb") as target, pa.ipc.new_file(target, rows.schema) as writer:
                    writer.write_batch(rows)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
    return Written(
        digest,
        len(columns),
        file,
        np.array(columns.lines, np.int64),
        as_bytes(columns.digests, 16),
        as_bytes(columns.signatures, 32),
        columns.facts,
        tuple(bad),
        source,
    )


def nothing(file: int) -> Written:
    """A shard without rows."""
    empty = np.zeros((0, 16), np.uint8)
    return Written("", 0, file, np.zeros(0, np.int64), empty, np.zeros((0, 32), np.uint8), Facts())


def commit(reading: Reading, key: str, name: str, cache: Path) -> Dataset:
    """Lay positions, quarantine and manifest beside the shards already written. Raises StorageError."""
    shards = [shard for shard in reading.shards if shard.rows]
    copies = _copies(np.concatenate([shard.digests for shard in shards]) if shards else np.zeros((0, 16), np.uint8))
    signatures = np.concatenate([shard.signatures for shard in shards]) if shards else np.zeros((0, 32), np.uint8)
    facts = reading.facts()
    fields, more = typed_fields(facts)
    manifest: dict[str, Any] = {
        "digest": dataset_digest([np.sort(signatures.reshape(-1).view("S32")).tobytes()]),
        "format": reading.format,
        "files": reading.files,
        "shards": [[shard.digest, shard.rows, _seal(_shard(cache, shard.digest))] for shard in shards],
        "shapes": dict(sorted(facts.shapes.items())),
        "fields": fields,
        "reasons": reading.reasons(),
        "notes": [*reading.notes, *notes.of(facts, fields, more)],
    }
    home = cache / "snapshots" / key
    with storage(home):
        home.parent.mkdir(parents=True, exist_ok=True)
        staged = Path(tempfile.mkdtemp(dir=home.parent, prefix=_TEMPORARY))
        try:
            start = 0
            for index, shard in enumerate(shards):
                stop = start + shard.rows
                position = pa.RecordBatch.from_arrays(
                    [
                        pa.array(np.arange(start, stop, dtype=np.int64)),
                        pa.array(copies[start:stop]),
                        pa.array(np.full(shard.rows, shard.file, np.int32)),
                        pa.array(shard.lines),
                    ],
                    schema=POSITION_SCHEMA,
                )
                path = str(staged / _position(index))
                with pa.OSFile(path, "wb") as target, pa.ipc.new_file(target, POSITION_SCHEMA) as writer:
                    writer.write_batch(position)
                start = stop
            manifest["positions"] = [_seal(staged / _position(index)) for index in range(len(shards))]
            with (staged / "quarantine.jsonl").open("wb") as lines:
                lines.writelines(orjson.dumps(one) + b"\n" for one in reading.bad())
            (staged / "manifest.json").write_bytes(_sealed(manifest))
            if home.exists():
                shutil.rmtree(home)
            staged.rename(home)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise
    dataset = load(key, name, cache)
    if dataset is None:
        raise StorageError("the snapshot just written cannot be read back", file=str(home), hint="check the disk")
    return dataset


def load(key: str, name: str, cache: Path) -> Dataset | None:
    """The snapshot of that key; None where any part is missing or damaged."""
    home = cache / "snapshots" / key
    try:
        manifest = _unsealed((home / "manifest.json").read_bytes())
        if manifest is None:
            return None
        shards, start = [], 0
        for index, ((digest, rows, seal), place) in enumerate(
            zip(manifest["shards"], manifest["positions"], strict=True)
        ):
            path, position = _shard(cache, digest), home / _position(index)
            if _seal(path) != seal or _seal(position) != place:
                return None
            shards.append(Shard(digest, start, rows, path, position))
            start += rows
        examples = []
        with (home / "quarantine.jsonl").open("rb") as lines:
            examples = [orjson.loads(line) for _, line in zip(range(EXAMPLES), lines, strict=False)]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None
    count = sum(manifest["reasons"].values())
    if bool(count) != bool(examples):
        return None
    quarantine = Quarantine(count, manifest["reasons"], tuple(examples), home / "quarantine.jsonl" if count else None)
    return Dataset(
        name,
        manifest["digest"],
        manifest["format"],
        start,
        tuple(shards),
        tuple(manifest["files"]),
        manifest["shapes"],
        manifest["fields"],
        quarantine,
        tuple(manifest["notes"]),
    )


@contextmanager
def lock(cache: Path) -> Iterator[None]:
    """Be the only writer of this cache; what killed writers left is removed. Raises StorageError."""
    with storage(cache):
        cache.mkdir(parents=True, exist_ok=True)
        guard = FileLock(str(cache / "snapshots.lock"))
        try:
            guard.acquire(timeout=_WAIT)
        except Timeout:
            raise StorageError(
                "another auditor has been reading into this cache for an hour",
                file=str(cache),
                hint="wait for it, or end it and run again",
            ) from None
    try:
        for left in (cache / "spool").glob("*"):
            shutil.rmtree(left, ignore_errors=True)
        for folder in ("shards", "snapshots"):
            for left in (cache / folder).glob(f"{_TEMPORARY}*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
        yield
    finally:
        guard.release()


def usage(cache: Path) -> tuple[int, int]:
    """(snapshots, bytes of everything in the cache)."""
    snapshots = len(list((cache / "snapshots").glob("*/manifest.json")))
    size = 0
    for folder, _, names in os.walk(cache):
        for one in names:
            try:
                size += (Path(folder) / one).lstat().st_size
            except FileNotFoundError:  # another process is cleaning
                continue
    return snapshots, size


def clean(cache: Path) -> int:
    """Remove everything in the cache, and say how many bytes that freed."""
    if not cache.exists():
        return 0
    with lock(cache), storage(cache):
        before = usage(cache)[1]
        for entry in list(cache.iterdir()):
            if entry.name == "snapshots.lock":
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink(missing_ok=True)
        return before - usage(cache)[1]


@contextmanager
def storage(path: Path) -> Iterator[None]:
    """An OSError of the disk in here becomes StorageError."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError(
                f"cannot write the cache: {error.strerror}",
                file=str(path),
                hint="free some space, run `auditor cache clean`, or work in a folder on another disk",
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
            raise StorageError(
                f"cannot write the cache: {error.strerror}", file=str(path), hint="run where you may write"
            ) from error
        raise


def _copies(digests: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """The how-manieth row with its digest each row is. digests: uint8 [n, 16]."""
    n = len(digests)
    if not n:
        return np.zeros(0, np.int32)
    halves = np.ascontiguousarray(digests).view(np.uint64)
    order = np.lexsort((halves[:, 1], halves[:, 0]))  # stable: equal digests stay in row order
    ranked = halves[order]
    first = np.ones(n, np.bool_)
    first[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    places = np.arange(n)
    starts = np.maximum.accumulate(np.where(first, places, 0))
    copies = np.empty(n, np.int32)
    copies[order] = places - starts
    return copies


def _seal(path: Path) -> str:
    """xxh3-128 of a file's bytes: what the manifest remembers, so that a damaged cache is never read."""
    whole = xxhash.xxh3_128()
    with path.open("rb") as source:
        while block := source.read(1 << 22):
            whole.update(block)
    return whole.hexdigest()


def _shard(cache: Path, digest: str) -> Path:
    if len(digest) != 32 or not digest.isalnum():
        raise ValueError("not a shard's digest")
    return cache / "shards" / f"{digest}.arrow"


def _position(index: int) -> str:
    return f"position-{index:04d}.arrow"


def _sealed(manifest: dict[str, Any]) -> bytes:
    body = orjson.dumps({"reader": VERSION, **manifest}, option=orjson.OPT_INDENT_2)
    return orjson.dumps({"seal": xxhash.xxh3_128_hexdigest(body)}) + b"\n" + body


def _unsealed(content: bytes) -> dict[str, Any] | None:
    seal, _, body = content.partition(b"\n")
    if orjson.loads(seal).get("seal") != xxhash.xxh3_128_hexdigest(body):
        return None
    manifest: dict[str, Any] = orjson.loads(body)
    return manifest if manifest.get("reader") == VERSION else None
