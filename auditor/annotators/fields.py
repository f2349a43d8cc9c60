"""Typed columns of what else a record held, brought out of its `meta` JSON.

A field keeps its name, or becomes `meta.NAME` where a canonical, positional or annotated column has
it already. A value that is not of the field's type is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson
import pyarrow as pa

from auditor.annotators import surface
from auditor.model.rows import POSITION_SCHEMA, SHARD_SCHEMA, Rows

VERSION = 1

TAKEN = frozenset((*SHARD_SCHEMA.names, *POSITION_SCHEMA.names, *surface.COLUMNS, "language", "language_confidence"))
"""Names that a field cannot have."""

_INT64 = range(-(2**63), 2**63)


def _int(value: Any) -> int | None:
    return value if type(value) is int and value in _INT64 else None


def _float(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None


def _bool(value: Any) -> bool | None:
    return value if type(value) is bool else None


def _string(value: Any) -> str | None:
    return value if type(value) is str else None


_TYPES: Mapping[str, tuple[pa.DataType, Callable[[Any], Any]]] = {
    "int": (pa.int64(), _int),
    "float": (pa.float64(), _float),
    "bool": (pa.bool_(), _bool),
    "string": (pa.large_string(), _string),
}


def column_name(field: str) -> str:
    """The column that a field of `meta` becomes."""
    return f"meta.{field}" if field in TAKEN else field


def fields(rows: Rows, types: Mapping[str, str]) -> pa.RecordBatch:
    """One column for each field of `types` (name -> "int" | "float" | "bool" | "string"), in its order."""
    read = [(name, *_TYPES[kind]) for name, kind in types.items()]
    values: list[list[Any]] = [[] for _ in read]
    for text in rows.column("meta").to_pylist():
        record = orjson.loads(text) if text and text != "{}" else {}
        for (name, _, fit), column in zip(read, values, strict=True):
            column.append(fit(record.get(name)))
    arrays = [pa.array(column, kind) for (_, kind, _), column in zip(read, values, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=[column_name(name) for name in types])
