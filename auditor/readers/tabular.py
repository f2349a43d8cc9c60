"""Tables: CSV and TSV, Parquet, Arrow and Feather, as records with their line or number.

A CSV has only strings, so its rows are other rows than those of a JSON file with numbers; the
dataset's notes say so.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from auditor.model.errors import UnreadableFile
from auditor.readers import header
from auditor.readers.items import Item
from auditor.readers.quarantine import shown

CSV_NOTE = "CSV has only strings: numbers and nulls are text here, and rows differ from those of a typed format"
BATCH = 1024


def csv_records(path: Path, name: str, mapping: Mapping[str, str], notes: list[str]) -> Iterator[Item]:
    """Rows of a CSV or TSV. Its first line names the columns; where the mapping speaks of `column_1`, it is a row.

    mapping: canonical name -> column. notes: takes what a reader of the report should know. Raises
    UnreadableFile where there is no header, or where the first line looks like a row.
    """
    csv.field_size_limit(sys.maxsize)
    with path.open("r", encoding="utf-8-sig", errors="surrogateescape", newline="") as opened:
        sample = opened.read(1 << 16)
        opened.seek(0)
        delimiter = _delimiter(sample.splitlines()[0] if sample.strip() else "", path)
        reader = csv.reader(opened, delimiter=delimiter)
        try:
            first = next((row for row in reader if any(row)), [])
        except csv.Error as error:
            raise UnreadableFile("the header cannot be read", file=name, line=1, seen=shown(str(error))) from error
        names, line = header.names(first, name), reader.line_num + 1
        if CSV_NOTE not in notes:
            notes.append(CSV_NOTE)
        if header.by_position(names, mapping.values()):
            names = [f"column_{index}" for index in range(1, len(first) + 1)]
            notes.append(f"{shown(name)}: the first line is a row, columns are called by position, as in --map")
            yield _csv_item(first, names, reader.line_num - sum(cell.count("\n") for cell in first))
        elif not header.known(names, mapping.values()):
            header.refuse_rows(first, header.body(sample, delimiter), name)
            notes.append(f"{shown(name)}: the first line was taken for the names of the columns: {header.told(names)}")
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Item(line, None, 0, "broken CSV", shown(str(error)))
                line = reader.line_num + 1
                continue
            if row:
                yield _csv_item(row, names, line)
            line = reader.line_num + 1


def _csv_item(row: list[str], header: list[str], line: int) -> Item:
    size = sum(map(len, row))
    if len(row) != len(header):
        reason = f"{'more' if len(row) > len(header) else 'fewer'} fields than the header"
        return Item(line, None, size, reason, shown(",".join(row)[:1000]))
    if not all(value.isascii() for value in row) and any("\udc80" <= c <= "\udcff" for value in row for c in value):
        return Item(line, None, size, "not UTF-8", shown(",".join(row)[:1000].encode("utf-8", "surrogateescape")))
    return Item(line, dict(zip(header, row, strict=True)), size)


def _delimiter(line: str, path: Path) -> str:
    if path.suffix.lower() == ".tsv":
        return "\t"
    return max((",", ";", "\t", "|"), key=line.count)  # the first of equals: a comma


def parquet_records(path: Path, name: str) -> Iterator[Item]:
    """Rows of a Parquet file. Raises UnreadableFile where it is damaged."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, memory_map=True) as opened:
            yield from _items(opened.iter_batches(batch_size=BATCH, use_threads=False))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged("Parquet", name, error) from error


def arrow_records(path: Path, name: str, *, stream: bool) -> Iterator[Item]:
    """Rows of an Arrow IPC file (Feather 2) or stream. Raises UnreadableFile where it is damaged."""
    try:
        with pa.memory_map(str(path)) as source:
            if stream:
                yield from _items(pa.ipc.open_stream(source))
                return
            opened = pa.ipc.open_file(source)
            yield from _items(opened.get_batch(i) for i in range(opened.num_record_batches))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged("Arrow", name, error) from error


def batch_records(batches: Iterator[pa.RecordBatch]) -> Iterator[Item]:
    """Rows of Arrow batches already in memory."""
    return _items(batches)


def _items(batches: Any) -> Iterator[Item]:
    number = 0
    for whole in batches:
        whole.validate(full=True)  # offsets in a hostile file may point anywhere
        for start in range(0, whole.num_rows, BATCH):
            batch = _speakable(whole.slice(start, BATCH))
            size = batch.nbytes // max(1, batch.num_rows)
            for record in batch.to_pylist():
                number += 1
                yield Item(number, record, size)


def _speakable(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Points in time as ISO text: Python has no nanoseconds, and asks pandas for them."""
    for index, column in enumerate(batch.schema):
        if pa.types.is_temporal(column.type) and not pa.types.is_interval(column.type):
            kind = column.type if not pa.types.is_duration(column.type) else pa.int64()
            text = batch.column(index).cast(kind).cast(pa.large_string())
            batch = batch.set_column(index, column.name, text)
    return batch


def _damaged(format_: str, name: str, error: Exception) -> UnreadableFile:
    return UnreadableFile(
        f"the {format_} file is damaged, or is none",
        file=name,
        seen=shown(str(error)),
        hint="write it again from its source, or fetch it again",
    )
