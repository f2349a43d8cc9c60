"""Row -> more columns, computed once for each shard's content and shared by every check.

`annotate` runs annotators and attaches their columns; `joined` attaches what judges said of the rows; `attribution`
says by which columns rates are sliced. An annotation depends on the shard's own content and on parameters, which are
part of its key.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xxhash

from auditor.annotators import fields as _fields
from auditor.annotators import language as _language
from auditor.annotators import surface as _surface
from auditor.annotators.attribution import attribution
from auditor.annotators.store import annotation
from auditor.annotators.verdicts import joined
from auditor.core.check import Engine
from auditor.model.errors import ConfigError, suggest
from auditor.model.rows import Dataset, Rows, Shard
from auditor.sketches.sample import bottom_k

__all__ = ["LANGUAGE_SAMPLE", "NAMES", "annotate", "attribution", "joined"]

LANGUAGE_SAMPLE = _language.SAMPLE
"""Rows whose language is identified, unless told otherwise."""

NAMES = ("surface", "fields", "language")
"""Annotators, in the order in which they run."""

Make = Callable[[Rows, Shard], pa.RecordBatch]
Key = Callable[[Shard], Mapping[str, Any]]


def annotate(
    dataset: Dataset,
    names: Collection[str],
    *,
    cache: Path,
    engine: Engine,
    language_rows: int = LANGUAGE_SAMPLE,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Dataset:
    """The dataset with the columns of the named annotators; files lie in `cache/annotations/`.

    language_rows: rows of the sample whose language is identified; 0 for every row. progress: told
    (rows done, rows in all), from any thread. `fields` of a dataset without any adds nothing.

    Raises ConfigError for an unknown annotator, StorageError where the cache cannot be written.
    """
    for name in names:
        if name not in NAMES:
            raise ConfigError(f"unknown annotator {name!r}", hint=suggest(name, NAMES))
    wanted = [name for name in NAMES if name in names and (name != "fields" or dataset.fields)]
    done, total, lock = [0], dataset.rows * len(wanted), threading.Lock()
    plain = dataset  # annotators read canonical columns only, so that none depends on another

    for name in wanted:
        version, key, make = _annotator(name, plain, language_rows, cache)

        def one(shard: Shard, name: str = name, version: int = version, key: Key = key, make: Make = make) -> Path:
            path = annotation(
                cache / "annotations", shard, name, version, key(shard), lambda: make(shard.open(), shard)
            )
            with lock:
                done[0] += shard.rows
                progress(done[0], total)
            return path

        dataset = dataset.annotated(engine.map(one, plain.shards))
    return dataset


def _annotator(name: str, dataset: Dataset, language_rows: int, cache: Path) -> tuple[int, Key, Make]:
    """(version, what its result depends on beside the shard, how a shard's is made)."""
    if name == "surface":
        classes = {"unicode": unicodedata.unidata_version}
        return _surface.VERSION, lambda shard: classes, lambda rows, shard: _surface.surface(rows)
    if name == "fields":
        types = dict(sorted(dataset.fields.items()))
        return _fields.VERSION, lambda shard: types, lambda rows, shard: _fields.fields(rows, types)
    sample = bottom_k(dataset, language_rows or dataset.rows)

    def mine(shard: Shard) -> np.ndarray[Any, np.dtype[np.int64]]:
        low, high = np.searchsorted(sample, (shard.start, shard.start + shard.rows))
        return sample[low:high] - shard.start

    def key(shard: Shard) -> Mapping[str, Any]:
        from py3langid import __version__

        return {"py3langid": __version__, "sample": xxhash.xxh3_128_hexdigest(mine(shard).astype("<i8").tobytes())}

    return _language.VERSION, key, lambda rows, shard: _language.language(rows, mine(shard), cache / "models")
