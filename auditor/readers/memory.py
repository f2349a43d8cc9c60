"""Rows that are already in memory: Arrow tables, pandas and polars frames, `datasets.Dataset`, dicts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from auditor.model.errors import InputError
from auditor.model.rows import SHARD_ROWS, Dataset
from auditor.readers import accept, snapshot
from auditor.readers.columns import PEEK, described
from auditor.readers.items import Item, shards
from auditor.readers.quarantine import NOT_AN_OBJECT, shown
from auditor.readers.shapes import Shapes
from auditor.readers.tabular import batch_records

PLACE = "<memory>"


def open_records(
    source: Any,
    *,
    cache: Path,
    name: str = "data",
    mapping: Mapping[str, str] | None = None,
    max_bad_rows: str | float | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Dataset:
    """Canonical rows of a `pyarrow.Table`, a pandas or polars frame, a `datasets.Dataset` or dicts.

    Raises InputError where `source` is none of these, and what `readers.open` raises.
    """
    kind, given = _items(source)
    first = list(itertools.islice(given, PEEK))
    schema = described(item.record for item in first if not item.reason)
    items = itertools.chain(first, given)
    shapes = Shapes(mapping)
    with snapshot.lock(cache):
        reading = snapshot.Reading(kind, (PLACE,))
        reading.shards.extend(shards(items, 0, shapes, cache, shard_rows))
        key = xxhash.xxh3_128(f"{snapshot.VERSION}:{kind}".encode())
        for shard in reading.shards:
            key.update(shard.digest.encode())
            key.update(shard.signatures.tobytes())
            key.update(repr(shard.bad).encode())
        accept.trainable(reading, shapes.mapping, name)
        dataset = snapshot.commit(reading, key.hexdigest(), name, cache)
    accept.bearable(dataset, max_bad_rows)
    return replace(dataset, schema=schema)


def _items(source: Any) -> tuple[str, Iterator[Item]]:
    kind = type(source).__module__.partition(".")[0]
    if isinstance(source, pa.RecordBatch):
        return "arrow", batch_records(iter([source]))
    if isinstance(source, pa.Table):
        return "arrow", batch_records(iter(source.to_batches()))
    if kind == "datasets":
        return "datasets", _dicts(source)
    if hasattr(source, "__arrow_c_stream__"):
        return kind, batch_records(iter(pa.table(source).to_batches()))
    if isinstance(source, str | bytes | Mapping) or not isinstance(source, Iterable):
        raise InputError(
            "these are no rows",
            seen=type(source).__name__,
            wanted="a path, a pyarrow Table, a pandas or polars frame, a datasets.Dataset, or an iterable of dicts",
        )
    return "records", _dicts(source)


def _dicts(records: Iterable[Any]) -> Iterator[Item]:
    for number, record in enumerate(records, 1):
        if type(record) is dict:
            yield Item(number, record)
        elif isinstance(record, Mapping):
            yield Item(number, dict(record))
        else:
            yield Item(number, None, 0, NOT_AN_OBJECT, shown(repr(record)[:1000]))
