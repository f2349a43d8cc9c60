"""Files and Python objects -> canonical rows, once, into a content-addressed snapshot on disk.

| format | files | notes |
| --- | --- | --- |
| JSON lines | .jsonl .ndjson | one object a line; read in several processes |
| JSON | .json | an array, an object around a list or a table (`readers.tables`), or objects one after another |
| CSV, TSV | .csv .tsv | with a header line; `,` `;` tab or `|`; every value is a string |
| Parquet | .parquet | |
| Arrow, Feather 2 | .arrow .feather .ipc | IPC file or stream |
| Hugging Face | a folder of `save_to_disk` | a Dataset, or every split of a DatasetDict |

All from a file, a glob, a folder, an fsspec URL or `-`. Text formats may be packed (.gz .zst .bz2
.xz). The bytes decide where they contradict the name. Here is no judging and no measuring of rows.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import orjson

from auditor.model.rows import SHARD_ROWS, Dataset
from auditor.readers import accept, files, jsons, quarantine, snapshot, sniff, tables, tabular, workers
from auditor.readers.columns import columns
from auditor.readers.items import Item, shards
from auditor.readers.memory import open_records
from auditor.readers.shapes import Shapes
from auditor.readers.snapshot import VERSION

__all__ = ["VERSION", "open", "open_records"]

Progress = Callable[[int, int], None]


def open(  # noqa: A001  `readers.open(path)` reads as what it does
    source: str | os.PathLike[str],
    *,
    cache: Path,
    mapping: Mapping[str, str] | None = None,
    max_bad_rows: str | float | None = None,
    processes: int = 0,
    name: str | None = None,
    progress: Progress | None = None,
    shard_rows: int = SHARD_ROWS,
) -> Dataset:
    """The canonical rows of a file, glob, folder, URL or `-` (standard input), as a snapshot in `cache`.

    The same bytes under the same names and mapping are read once. mapping: canonical name -> field,
    before recognition. max_bad_rows: a count or a share; None is 0.1 % of the records, at least 10.
    processes: 0 is one a core. progress: told (bytes done, bytes in all).

    Raises UnreadableFile, UnknownShape, TooManyBadRows, InputError, ConfigError, MissingPackage and
    StorageError, each saying what was seen, what was wanted and what to try.
    """
    address = os.fspath(source)
    shapes = Shapes(mapping)
    quarantine.limit(max_bad_rows, 0)
    with snapshot.lock(cache):
        with snapshot.storage(cache):
            (cache / "spool").mkdir(exist_ok=True)
            spool = Path(tempfile.mkdtemp(dir=cache / "spool"))
        try:
            found = files.find(address, spool)
            told = _Told(sum(file.stamp[0] for file in found), progress)
            settings = orjson.dumps([snapshot.VERSION, shard_rows, sorted(shapes.mapping.items())])
            key = files.fingerprint(found, settings, told.hashed)
            called = name or _name(address)
            known = snapshot.load(key, called, cache)
            if known is None:
                reading = _read(found, shapes, cache, spool, processes or _cores(), shard_rows, told)
                files.unchanged(found)
                accept.trainable(reading, shapes.mapping, called)
                known = snapshot.commit(reading, key, called, cache)
            schema = columns(found[0].path)
        finally:
            shutil.rmtree(spool, ignore_errors=True)
    told.finished()
    accept.bearable(known, max_bad_rows)
    return replace(known, files=tuple(_shown(file, spool) for file in found), schema=schema)


def _shown(file: files.Local, spool: Path) -> str:
    """How findings call a file: from the working folder, so that a review can be led to it; by its name alone
    where it lies elsewhere, because where is nobody's business."""
    here, place = Path.cwd(), file.source.absolute()
    if place.is_relative_to(here) and not place.is_relative_to(spool):
        return place.relative_to(here).as_posix()
    return file.name


def _read(
    found: list[files.Local],
    shapes: Shapes,
    cache: Path,
    spool: Path,
    processes: int,
    shard_rows: int,
    told: _Told,
) -> snapshot.Reading:
    kinds: dict[str, None] = {}
    reading = snapshot.Reading("", tuple(file.name for file in found))
    reading.notes += filter(None, [files.splits(found)])
    for index, packed in enumerate(found):
        file = files.unpacked(packed, spool)
        if file.cut and not file.path.stat().st_size:
            reading.shards.append(_cut(index, "nothing could be unpacked"))
            continue
        kind = sniff.kind(file)
        kinds[kind] = None
        size = max(1, file.path.stat().st_size)
        done = 0
        for shard in _shards(file, index, kind, shapes, cache, processes, shard_rows, reading.notes):
            reading.shards.append(shard)
            done += shard.source
            told.read(packed.stamp[0] * min(done, size) // size)
        told.file(packed.stamp[0])
        if file.cut:
            reading.shards.append(_cut(index, "the archive ends too early or is damaged"))
            reading.notes.append(
                f"{quarantine.shown(file.name)} is cut short: the rows after the cut are lost, nobody knows how many"
            )
        if file.path != packed.path:
            file.path.unlink(missing_ok=True)
    return replace(reading, format=", ".join(sorted({kind.removesuffix("-stream") for kind in kinds})))


def _shards(
    file: files.Local,
    index: int,
    kind: str,
    shapes: Shapes,
    cache: Path,
    processes: int,
    shard_rows: int,
    notes: list[str],
) -> Iterator[snapshot.Written]:
    size = file.path.stat().st_size
    items: Iterator[Item]
    if kind == "jsonl":
        ranges = jsons.line_ranges(file.path, index, shard_rows)
        return workers.run(ranges, size, shapes.mapping, cache, processes)
    if kind == "json":
        table = tables.read(file.path, shapes.mapping.values())
        if table is None:
            ranges = jsons.document_ranges(file.path, index, shard_rows)
            return workers.run(ranges, size, shapes.mapping, cache, processes)
        notes.append(f"{quarantine.shown(file.name)}: {table.note}")
        items = (Item(number, record, size // len(table.rows)) for number, record in enumerate(table.rows, 1))
    elif kind == "csv":
        items = tabular.csv_records(file.path, file.name, shapes.mapping, notes)
    elif kind == "parquet":
        items = tabular.parquet_records(file.path, file.name)
    else:
        items = tabular.arrow_records(file.path, file.name, stream=kind == "arrow-stream")
    return shards(items, index, shapes, cache, shard_rows)


def _cut(file: int, seen: str) -> snapshot.Written:
    bad = quarantine.Bad(file, 0, quarantine.CUT, seen)
    return replace(snapshot.nothing(file), bad=(bad,))


class _Told:
    """Progress in bytes: hashing is a tenth of the way, reading the rest."""

    def __init__(self, total: int, progress: Progress | None) -> None:
        self._total, self._progress = max(1, total), progress
        self._hashed = self._read = 0

    def hashed(self, count: int) -> None:
        self._hashed += count
        self._tell(0)

    def read(self, within_file: int) -> None:
        self._tell(self._read + within_file)

    def file(self, size: int) -> None:
        self._read += size
        self._tell(self._read)

    def finished(self) -> None:
        if self._progress is not None:
            self._progress(self._total, self._total)

    def _tell(self, read: int) -> None:
        if self._progress is not None:
            self._progress(min(self._total, (self._hashed + 9 * read) // 10), self._total)


def _name(address: str) -> str:
    """`data/train.jsonl.gz` -> train; `s3://bucket/set/` -> set."""
    last = address.partition("?")[0].rstrip("/").rpartition("/")[2]
    if last in ("", ".", ".."):
        last = Path(address).resolve().name
    while Path(last).suffix.lower() in (*files.TEXT, *files.BINARY, *files.PACKED):
        last = Path(last).stem
    return "stdin" if last == "-" else last.strip("*?.[]-_") or "data"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
