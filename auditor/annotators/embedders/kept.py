"""Vectors by what was asked for, in SQLite: each is kept as soon as it is there, and never made again.

A vector is kept with a digest of it and of what was asked: one that a fault of the disk altered is asked for again.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auditor.annotators.embedders.dense import Encode
from auditor.model.errors import StorageError
from auditor.model.vectors import Floats

SEAL = 8
"""Bytes of the digest that a vector is kept with."""

TOGETHER = 512
"""Texts that a model is given between two savings: six seconds of the slowest."""


class Kept:
    """One file of vectors of one model, for any thread.

    paid: what they cost money: a damaged file is told. One that only costs time is begun anew.
    Raises StorageError where the file is damaged or cannot be written.
    """

    def __init__(self, path: Path, paid: bool) -> None:
        self._path, self._paid, self._lock = path, paid, threading.Lock()
        with self._whole():
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._open = _opened(path)
            except sqlite3.DatabaseError as error:
                if paid or error.sqlite_errorcode not in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
                    raise
                for part in ("", "-wal", "-shm"):
                    path.with_name(path.name + part).unlink(missing_ok=True)
                self._open = _opened(path)
            if not paid:  # what a power cut takes is made again
                self._open.execute("PRAGMA synchronous = OFF")
        weakref.finalize(self, self._open.close)

    def get(self, keys: Sequence[bytes]) -> dict[bytes, Floats]:
        found = {}
        with self._whole(), self._lock:
            for key in keys:
                row = self._open.execute("SELECT vector FROM vectors WHERE asked = ?", (key,)).fetchone()
                if row and row[0][-SEAL:] == _seal(key, row[0][:-SEAL]):
                    found[key] = np.frombuffer(row[0][:-SEAL], "<f4")
        return found

    def put(self, made: Mapping[bytes, Floats]) -> None:
        """Once this returns they outlive the process (and where they were paid for, a power cut)."""
        content = [(key, vector.astype("<f4").tobytes()) for key, vector in made.items()]
        rows = [(key, vector + _seal(key, vector)) for key, vector in content]
        with self._whole(), self._lock, self._open:
            self._open.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.DatabaseError, OSError) as error:
            what, hint = "vectors", "auditor cache clean"
            if self._paid:
                what, hint = f"{what} that were paid for", "move it away if it is damaged: what it held is bought again"
            raise StorageError(f"{what} cannot be read or kept: {error}", file=str(self._path), hint=hint) from error


def remembered(encode: Encode, kept: Kept) -> Encode:
    """`encode`, given only what it was not given before, each text once; for one thread at a time, others wait.

    What has NaN is not kept.
    """
    alone = threading.Lock()

    def recalled(texts: Sequence[str]) -> npt.NDArray[np.floating]:
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        with alone:
            known = kept.get(keys)
            missing = iter([(k, text) for k, text in dict(zip(keys, texts, strict=True)).items() if k not in known])
            while part := dict(islice(missing, TOGETHER)):
                made = dict(zip(part, np.asarray(encode(list(part.values())), np.float32), strict=True))
                kept.put({key: vector for key, vector in made.items() if np.isfinite(vector).all()})
                known |= made
        return np.stack([known[key] for key in keys])

    return recalled


def _opened(path: Path) -> sqlite3.Connection:
    made = sqlite3.connect(path, check_same_thread=False, timeout=60)
    try:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA synchronous = FULL")
        made.execute("CREATE TABLE IF NOT EXISTS vectors (asked BLOB PRIMARY KEY, vector BLOB)")
    except BaseException:
        with suppress(sqlite3.Error):
            made.close()
        raise
    return made


def _seal(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(key + vector, digest_size=SEAL).digest()
