"""The top-level fields of a file as it lies, for those who describe it; a peek, not a reading."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

PEEK = 1_000
"""Records that are looked at: a field that none of them has is not told."""

LARGEST = 64 << 20
"""Bytes of the largest JSON array that is read for its fields."""


def columns(path: Path) -> Mapping[str, str]:
    """Field -> "text", "integer", "float", "boolean" or "nested", in the order they are met.

    Empty for folders, packed files, and what is not one of JSONL, JSON, CSV, TSV or Parquet by its name,
    or cannot be read as that. A field that is of two types is "text" unless both are numbers.
    """
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            with path.open("rb") as lines:
                return _of(orjson.loads(line) for line in itertools.islice(lines, PEEK) if line.strip())
        if suffix == ".json" and path.stat().st_size <= LARGEST:
            records = orjson.loads(path.read_bytes())
            return _of(records[:PEEK]) if isinstance(records, list) else {}
        if suffix in (".csv", ".tsv"):
            import csv

            with path.open(encoding="utf-8-sig", newline="") as text:
                header = next(csv.reader(text, delimiter="\t" if suffix == ".tsv" else ","), [])
            return dict.fromkeys(header, "text")
        if suffix == ".parquet":
            import pyarrow.parquet as pq

            return {field.name: _arrow(field.type) for field in pq.read_schema(path)}
    except (OSError, ValueError):
        return {}
    return {}


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
