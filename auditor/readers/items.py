"""Records that come one after another -> shards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from auditor.readers import snapshot
from auditor.readers.quarantine import Bad, shown
from auditor.readers.recognisers import BadRecord
from auditor.readers.rows import Columns
from auditor.readers.shapes import Shapes

SHARD_BYTES = 256 << 20
"""A shard closes at this many bytes of source too, so that huge rows do not fill the memory."""


class Item(NamedTuple):
    """One record of a source, or why there is none. line: 1-based line or record. size: bytes, about.
    mended: values were replaced that JSON or UTF-8 cannot hold."""

    line: int
    record: Any
    size: int = 0
    reason: str = ""
    seen: str = ""
    mended: bool = False


def shards(
    items: Iterable[Item], file: int, shapes: Shapes, cache: Path, shard_rows: int
) -> Iterator[snapshot.Written]:
    """Shards of `shard_rows` records each, bad ones included in the count."""
    columns, bad, count, size = Columns(shapes), list[Bad](), 0, 0
    for item in items:
        if item.reason:
            bad.append(Bad(file, item.line, item.reason, item.seen))
        else:
            try:
                columns.add(item.record, item.line)
                columns.facts.mended += item.mended
            except BadRecord as error:
                bad.append(Bad(file, item.line, str(error), shown(repr(item.record)[:1000])))
        count += 1
        size += item.size
        if count >= shard_rows or size >= SHARD_BYTES:
            yield snapshot.write_shard(columns, file, bad, cache, size)
            columns, bad, count, size = Columns(shapes), [], 0, 0
    if count:
        yield snapshot.write_shard(columns, file, bad, cache, size)
