"""The top-level fields of a file as it lies, for those who describe it; a peek, not a reading."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from auditor.readers import archives

PEEK = 1_000
"""Records that are looked at: a field that none of them has is not told."""

START = 8 << 20
"""Bytes that are looked at, unpacked."""

MOST = 1_000
"""Fields that are told: a file with more has no schema that anybody reads."""


def columns(path: Path) -> Mapping[str, str]:
    """Field -> "text", "integer", "float", "boolean" or "nested", in the order they are met.

    Empty for folders and what is not one of JSONL, JSON (an array), CSV, TSV, Parquet or Arrow by its name, packed
    or not, or cannot be read as that. A field that is of two types is "text" unless both are numbers.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in (".parquet", ".arrow", ".feather", ".ipc"):
            found = {field.name: _arrow(field.type) for field in _schema(path, suffix)}
        else:
            if suffix in (".gz", ".zst", ".bz2", ".xz"):
                suffix = path.with_suffix("").suffix.lower()
            found = dict(_text(archives.start(path, START), suffix))
    except (OSError, *archives.DAMAGE):
        return {}
    return dict(itertools.islice(found.items(), MOST))


def described(records: Iterable[Any]) -> Mapping[str, str]:
    """The same of records in memory."""
    return dict(itertools.islice(_of(records).items(), MOST))


def _schema(path: Path, suffix: str) -> Any:
    if suffix == ".parquet":
        import pyarrow.parquet as pq

        return pq.read_schema(path)
    import pyarrow as pa

    with pa.OSFile(str(path)) as file:
        try:
            return pa.ipc.open_file(file).schema
        except pa.ArrowInvalid:
            file.seek(0)
            return pa.ipc.open_stream(file).schema


def _text(head: bytes, suffix: str) -> Mapping[str, str]:
    if suffix in (".csv", ".tsv"):
        text = io.StringIO(head.decode("utf-8-sig", "replace"), newline="")
        return dict.fromkeys(next(csv.reader(text, delimiter="\t" if suffix == ".tsv" else ","), []), "text")
    if suffix in (".json", "") and head.lstrip()[:1] == b"[":
        return _of(itertools.islice(_array(head.decode("utf-8", "replace")), PEEK))
    if suffix in (".jsonl", ".ndjson", ""):
        return _of(itertools.islice(_lines(head), PEEK))
    return {}


def _lines(head: bytes) -> Iterator[Any]:
    """Records of whole lines; what is none is left out, as in reading."""
    for line in head.split(b"\n"):
        try:
            yield orjson.loads(line)
        except ValueError:
            continue


def _array(text: str) -> Iterator[Any]:
    """The first items of an array, however long it is."""
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            record, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return
        yield record


def _of(records: Iterable[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for record in records:
        if not isinstance(record, dict):
            return {}
        for name, value in record.items():
            if value is not None:
                found[name] = _joined(found.get(name), _kind(value))
    return found


def _kind(value: Any) -> str:
    if isinstance(value, dict | list):
        return "nested"
    kinds = {bool: "boolean", int: "integer", float: "float"}
    return kinds.get(type(value), "text")


def _joined(one: str | None, other: str) -> str:
    if one in (None, other):
        return other
    if "nested" in (one, other):
        return "nested"
    return "float" if {one, other} == {"integer", "float"} else "text"


def _arrow(kind: Any) -> str:
    import pyarrow.types as pt

    if pt.is_nested(kind):
        return "nested"
    for test, name in ((pt.is_boolean, "boolean"), (pt.is_integer, "integer"), (pt.is_floating, "float")):
        if test(kind):
            return name
    return "text"
