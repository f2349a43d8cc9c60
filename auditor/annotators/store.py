"""Annotation files: one Arrow IPC file for each (shard content, annotator, version, parameters).

The name of a file is its key, so equal names mean equal content (`Rows.identity` relies on it). The
digest of the columns is kept in the schema's metadata; a file that is missing, cut or altered is made
again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import orjson
import pyarrow as pa
import xxhash

from auditor.files import atomic
from auditor.model.rows import Shard

_DIGEST = b"auditor.digest"

_MAKING: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()
_CHOOSING = threading.Lock()


def annotation(
    folder: Path,
    shard: Shard,
    name: str,
    version: int,
    parameters: Mapping[str, Any],
    make: Callable[[], pa.RecordBatch],
) -> Path:
    """Path of the annotation file of a shard, made now unless a sound one is there.

    parameters: JSON values. make() gives a batch of the shard's rows, in order.
    """
    key = orjson.dumps([shard.digest, name, version, parameters], option=orjson.OPT_SORT_KEYS)
    digest = xxhash.xxh3_128_hexdigest(key)
    path = folder / digest[:2] / f"{name}-{digest}.arrow"
    sealed(path, shard.rows, make)
    return path


def sealed(path: Path, rows: int, make: Callable[[], pa.RecordBatch]) -> None:
    """A file of one batch of so many rows stands at the path, whole and unaltered: made now unless it does.

    Threads that want the same file make it once: splits of a calibration are of the same shards."""
    if _sound(path, rows):
        return
    with _CHOOSING:
        making = _MAKING.setdefault(path, threading.Lock())
    with making:
        if _sound(path, rows):
            return
        batch = make()
        with atomic(path) as file:
            kept = batch.replace_schema_metadata({**(batch.schema.metadata or {}), _DIGEST: _seal(batch)})
            with pa.ipc.new_file(file, kept.schema) as writer:
                writer.write_batch(kept)


def _sound(path: Path, rows: int) -> bool:
    try:
        with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
            if reader.num_record_batches != 1:
                return False
            batch = reader.get_batch(0)
            seal = (reader.schema.metadata or {}).get(_DIGEST)
            return bool(batch.num_rows == rows and seal == _seal(batch))
    except (OSError, pa.ArrowInvalid):
        return False


def _seal(batch: pa.RecordBatch) -> bytes:
    hasher = xxhash.xxh3_128()
    hasher.update(batch.schema.remove_metadata().serialize())
    hasher.update(batch.serialize())
    return hasher.hexdigest().encode()
