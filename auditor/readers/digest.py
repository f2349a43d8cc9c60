"""What makes two rows the same row: typed content, whatever the file format.

A row's content is JSON bytes of its canonical fields with sorted keys, nulls removed at any depth
and integral floats written as integers, so that JSONL -> Parquet -> Arrow changes nothing, nor does
the order of keys. Text and prompt that follow from other fields are left out.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from decimal import Decimal
from math import isfinite
from typing import Any

import orjson
import xxhash

from auditor.readers.shapes import Canonical

_SORTED = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
EXACT = 1 << 53
"""Floats hold every integer up to here exactly (IEEE 754 binary64)."""


def content(row: Canonical) -> bytes:
    """The typed content of a row. Raises TypeError or RecursionError where JSON cannot hold it."""
    fields: dict[str, Any] = {"meta": plain(row.meta)} if row.meta else {}
    if row.messages is not None:
        fields["messages"] = [
            {"role": t.role, "content": t.content or "", "extra": plain(t.extra)}
            if t.extra
            else {"role": t.role, "content": t.content or ""}
            for t in row.messages
        ]
    if row.messages is None or row.shape == "mapped":
        if row.prompt is not None:
            fields["prompt"] = row.prompt
        if row.response is not None:
            fields["response"] = row.response
    if row.rejected is not None:
        fields["rejected"] = row.rejected
    if row.id is not None:
        fields["id"] = row.id
    if row.source is not None:
        fields["source"] = row.source
    if row.shape in ("text", "mapped"):
        fields["text"] = row.text
    return orjson.dumps(fields, default=json_value, option=_SORTED)


def row_digests(data: bytes) -> tuple[bytes, bytes]:
    """xxh3-128 (fast, for joins and samples) and SHA-256 (for what others sign) of a row's content."""
    return xxhash.xxh3_128_digest(data), hashlib.sha256(data).digest()


def dataset_digest(sorted_rows: Iterable[bytes]) -> str:
    """`sha256:HEX` over the sorted SHA-256 of all rows: order-independent, sensitive to doubled rows."""
    total = hashlib.sha256()
    for chunk in sorted_rows:
        total.update(chunk)
    return f"sha256:{total.hexdigest()}"


def plain(value: Any) -> Any:
    """`value` without nulls in objects, with integral floats as integers; no number is not a number."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return value if -(1 << 63) <= value < (1 << 64) else float(value)
    if kind is float:
        if not isfinite(value):
            return None
        return int(value) if value.is_integer() and -EXACT <= value <= EXACT else value
    if kind is dict:
        return {key: kept for key, item in value.items() if (kept := plain(item)) is not None}
    if kind is list or kind is tuple:
        return [plain(item) for item in value]
    return value


def json_value(value: Any) -> Any:
    """What JSON has no form for, in Arrow and Python data: exact numbers and bytes as text."""
    if isinstance(value, bytes | bytearray | memoryview):
        raw = bytes(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return b64encode(raw).decode()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, int):
        return float(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=str)
    if isinstance(value, tuple):
        return list(value)
    tolist = getattr(value, "tolist", None)  # NumPy scalars and arrays
    return tolist() if callable(tolist) else str(value)
