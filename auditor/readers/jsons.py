"""JSON: lines of objects, and documents (an array, an object around a list, objects one after another).

Both are cut into byte ranges that workers read on their own. Every record is parsed alone, so that a
broken one costs itself and not its file. NaN and Infinity, which JSON does not have and Python
writes, count as null; half a surrogate pair becomes U+FFFD; of a key given twice the last one counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from auditor.readers import snapshot
from auditor.readers.items import SHARD_BYTES, Item, shards
from auditor.readers.quarantine import NOT_AN_OBJECT, shown
from auditor.readers.recognisers import BadRecord
from auditor.readers.rows import repaired
from auditor.readers.shapes import Shapes

LINE_BYTES = 1 << 30
"""A longer record is not parsed: it would need several times that memory."""

_BLOCK = 16 << 20
_BUFFER = 1 << 20
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes [start, stop) of a file, one shard. first: its first line. cuts: int64 [n, 3] of (start,
    stop, line) where records are not lines."""

    path: Path
    file: int
    start: int
    stop: int
    first: int
    cuts: npt.NDArray[np.int64] | None = None


def read(task: Range, shapes: Shapes, cache: Path) -> snapshot.Written:
    """One range as one shard."""
    items = _cut_records(task) if task.cuts is not None else _lines(task)
    written = list(shards(items, task.file, shapes, cache, 1 << 62))
    return written[0] if written else snapshot.nothing(task.file)


def line_ranges(path: Path, file: int, shard_rows: int) -> Iterator[Range]:
    """Ranges of `shard_rows` lines (fewer at SHARD_BYTES)."""
    with path.open("rb", buffering=0) as opened:
        start = len(_BOM) if opened.read(3) == _BOM else 0
        opened.seek(start)
        at, first, lines = start, 1, 0
        while block := opened.read(_BLOCK):
            ends = np.flatnonzero(np.frombuffer(block, np.uint8) == 10)
            taken = 0
            while taken < len(ends):
                by_bytes = int(np.searchsorted(ends, start + SHARD_BYTES - at - 1))
                cut = min(taken + shard_rows - lines - 1, max(by_bytes, taken))
                if cut >= len(ends):
                    break
                stop = at + int(ends[cut]) + 1
                lines += cut + 1 - taken
                yield Range(path, file, start, stop, first)
                start, first, lines, taken = stop, first + lines, 0, cut + 1
            lines += len(ends) - taken
            at += len(block)
        if at > start:
            yield Range(path, file, start, at, first)


def document_ranges(path: Path, file: int, shard_rows: int) -> Iterator[Range]:
    """Ranges of `shard_rows` elements of an array, or of objects that stand one after another."""
    cuts = elements(path)
    at = 0
    while at < len(cuts):
        by_bytes = int(np.searchsorted(cuts[:, 1], cuts[at, 0] + SHARD_BYTES)) + 1
        stop = max(at + 1, min(at + shard_rows, by_bytes, len(cuts)))
        piece = cuts[at:stop]
        yield Range(path, file, int(piece[0, 0]), int(piece[-1, 1]), int(piece[0, 2]), piece.copy())
        at = stop


def elements(path: Path) -> npt.NDArray[np.int64]:
    """(start, stop, line) of every element of the array, or of every value of the document."""
    from auditor.readers.scan import split

    if not path.stat().st_size:
        return np.zeros((0, 3), np.int64)
    data = np.asarray(np.memmap(path, np.uint8, mode="r"))
    cuts: npt.NDArray[np.int64] = split(data, len(_BOM) if bytes(data[:3]) == _BOM else 0)
    return cuts


def _lines(task: Range) -> Iterator[Item]:
    with task.path.open("rb", buffering=_BUFFER) as opened:
        opened.seek(task.start)
        left, number = task.stop - task.start, task.first
        while left > 0 and (line := opened.readline(left)):
            left -= len(line)
            if not line.isspace():
                yield _item(line, number)
            number += 1


def _cut_records(task: Range) -> Iterator[Item]:
    assert task.cuts is not None
    with task.path.open("rb") as opened:
        opened.seek(task.start)
        data = memoryview(opened.read(task.stop - task.start))
    for start, stop, line in task.cuts.tolist():
        yield _item(bytes(data[start - task.start : stop - task.start]), line)


def _item(raw: bytes, line: int) -> Item:
    mended = False
    try:
        record = orjson.loads(raw) if len(raw) < LINE_BYTES else _too_long()
        if type(record) is not dict:
            record = _inner(record)
    except orjson.JSONDecodeError:
        try:
            record, mended = _lenient(raw), True
        except BadRecord as error:
            return Item(line, None, len(raw), str(error), shown(raw))
    except BadRecord as error:
        return Item(line, None, len(raw), str(error), shown(raw))
    return Item(line, record, len(raw), mended=mended)


def _inner(value: Any) -> dict[str, Any]:
    """An object that was written as JSON twice."""
    if isinstance(value, str) and value.lstrip()[:1] == "{":
        value = orjson.loads(value)
    if not isinstance(value, dict):
        raise BadRecord(NOT_AN_OBJECT)
    return value


def _lenient(raw: bytes) -> dict[str, Any]:
    """What Python's own JSON writes and the standard does not have. Raises BadRecord."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadRecord("not UTF-8") from None
    if "NaN" not in text and "Infinity" not in text and "\\u" not in text:
        raise BadRecord("broken JSON")
    try:
        value = json.loads(text, parse_constant=lambda _: None)
    except RecursionError:
        raise BadRecord("nested too deep") from None
    except ValueError:
        raise BadRecord("broken JSON") from None
    if not isinstance(value, dict):
        raise BadRecord(NOT_AN_OBJECT)
    record: dict[str, Any] = repaired(value)
    return record


def _too_long() -> Any:
    raise BadRecord(f"longer than {LINE_BYTES >> 20} MiB")
