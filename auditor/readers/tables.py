"""One JSON object that stands for many rows: a list inside it, a table by rows or by columns.

| written by | form |
| --- | --- |
| an exporter, SQuAD | `{"version": …, "data": [{…}, …]}`: the longest list of objects |
| pandas `to_json(orient="index")` | `{"0": {…}, "1": {…}}`; also records by name, where each is of a known shape |
| pandas `to_json()` | `{"prompt": {"0": …, "1": …}, "response": {…}}` |
| pandas `to_json(orient="split")` | `{"columns": […], "index": […], "data": [[…], …]}` |
| `datasets.Dataset.to_dict()` | `{"prompt": [… , …], "response": […]}`: columns of a known shape |

An object of a known shape, such as one conversation, is one record and none of these.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from auditor.readers.quarantine import shown
from auditor.readers.recognisers import BadRecord
from auditor.readers.shapes import Shapes

_BOM = b"\xef\xbb\xbf"
_HEAD = 64


class Table(NamedTuple):
    """The rows of one object, and a note on how they stood in it."""

    rows: list[Any]
    note: str


def read(path: Path, mapped: Collection[str] = ()) -> Table | None:
    """The rows that the one object of a document stands for; None where it is a record, or no object.

    mapped: fields named by the user, which make a row known.
    """
    with path.open("rb") as opened:
        if not opened.read(_HEAD).removeprefix(_BOM).lstrip().startswith(b"{"):
            return None
    try:
        value = orjson.loads(path.read_bytes().removeprefix(_BOM))
    except orjson.JSONDecodeError:
        return None
    return of(value, mapped) if isinstance(value, dict) else None


def of(value: dict[str, Any], mapped: Collection[str] = ()) -> Table | None:
    """The rows of an object, or None where it is a record."""
    if _shape(value) != "record":
        return None
    return _split(value) or _by_row(value, mapped) or _by_column(value, mapped) or _inner(value)


def _split(value: dict[str, Any]) -> Table | None:
    names, data = value.get("columns"), value.get("data")
    if not isinstance(names, list) or not isinstance(data, list) or not data:
        return None
    if not all(isinstance(row, list) and len(row) == len(names) for row in data):
        return None
    return Table([_record(names, row) for row in data], "records are the lines of a table written by columns and data")


def _by_row(value: dict[str, Any], mapped: Collection[str]) -> Table | None:
    """Positions as keys: rows. Names as keys: rows where each is of a known shape, with the name as its id."""
    if not value or not all(isinstance(row, dict) and row for row in value.values()):
        return None
    if _positions(value):
        return Table(list(value.values()), f"records are the values of one object, under {_keys(value)}")
    if len(value) > 1 and all(_shape(row, mapped) not in ("record", "text") for row in value.values()):
        rows = [row if "id" in row else {"id": key, **row} for key, row in value.items()]
        return Table(rows, f"records are the values of one object, under {_keys(value)}, taken for their ids")
    return None


def _by_column(value: dict[str, Any], mapped: Collection[str]) -> Table | None:
    columns = list(value.values())
    if columns and all(isinstance(column, dict) and column for column in columns):
        places = list(columns[0])
        if _positions(places) and all(list(column) == places for column in columns):
            rows = [_record(value, cells) for cells in zip(*(c.values() for c in columns), strict=True)]
            return Table(rows, f"records are the lines of a table written by columns: {_keys(value)}")
    lists = [column for column in columns if isinstance(column, list) and len(column) > 1]
    if columns and len(lists) == len(columns) and len({len(column) for column in lists}) == 1:
        rows = [_record(value, cells) for cells in zip(*lists, strict=True)]
        if all(_shape(row, mapped) != "record" for row in rows):
            return Table(rows, f"records are the lines of a table written by columns: {_keys(value)}")
    return None


def _inner(value: dict[str, Any]) -> Table | None:
    """The longest list of objects; a conversation is one too, but an object that holds one is a record."""
    lists = {k: v for k, v in value.items() if isinstance(v, list) and v and all(isinstance(one, dict) for one in v)}
    if not lists:
        return None
    key = max(lists, key=lambda k: len(lists[k]))
    return Table(lists[key], f"records are the list under {shown(key)!r}")


def _shape(record: dict[str, Any], mapped: Collection[str] = ()) -> str:
    if any(name in record for name in mapped):
        return "mapped"
    try:
        return Shapes().canonical(record).shape
    except BadRecord:
        return "record"


def _record(names: Iterable[Any], cells: Sequence[Any]) -> dict[str, Any]:
    return {str(name): cell for name, cell in zip(names, cells, strict=True)}


def _positions(keys: Iterable[str]) -> bool:
    return all(key.isascii() and key.removeprefix("-").isdecimal() for key in keys)


def _keys(value: dict[str, Any]) -> str:
    told = ", ".join(shown(key)[:40] for key in list(value)[:4])
    return told + (", …" if len(value) > 4 else "")
