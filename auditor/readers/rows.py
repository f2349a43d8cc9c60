"""Records -> one shard's columns: recognise, digest, append; and back as an Arrow batch.

`batch(records)` is the whole path for records that are already in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import xxhash

from auditor.model.rows import MESSAGES, SHARD_SCHEMA
from auditor.readers.digest import content, json_value, row_digests
from auditor.readers.recognisers import BadRecord
from auditor.readers.shapes import Canonical, Shapes, unread, worded

_META = orjson.OPT_NON_STR_KEYS
WHOLE = ("record", "instances", "completions")
"""Shapes whose text has every list of theirs."""
_KINDS = {bool: 1, int: 2, float: 4, str: 8}


@dataclass
class Facts:
    """What is known of rows without opening them again; adds up over shards.

    shapes: shape -> rows. kinds: field of meta -> [rows that have it, bits of `_KINDS` seen].
    textual: rows of a known shape, or with any text. nested: those whose text is in lists and objects alone.
    mapped: fields of the mapping that some row has. keys: fields of the first record. mended: rows with values that
    JSON or UTF-8 cannot hold. unread: field -> rows of which a list of texts is in meta alone.
    """

    shapes: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, list[int]] = field(default_factory=dict)
    textual: int = 0
    mapped: set[str] = field(default_factory=set)
    keys: tuple[str, ...] = ()
    nested: int = 0
    mended: int = 0
    unread: dict[str, int] = field(default_factory=dict)

    def add(self, other: Facts) -> None:
        for shape, count in other.shapes.items():
            self.shapes[shape] = self.shapes.get(shape, 0) + count
        for name, (count, bits) in other.kinds.items():
            mine = self.kinds.setdefault(name, [0, 0])
            mine[0] += count
            mine[1] |= bits
        for name, rows in other.unread.items():
            self.unread[name] = self.unread.get(name, 0) + rows
        self.textual += other.textual
        self.nested += other.nested
        self.mended += other.mended
        self.mapped |= other.mapped
        self.keys = self.keys or other.keys


class Columns:
    """The columns of one shard as they grow."""

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self.facts = Facts()
        self.digests: list[bytes] = []
        self.signatures: list[bytes] = []
        self.lines: list[int] = []
        self._ids: list[str] = []
        self._fields: dict[str, list[str | None]] = {
            name: [] for name in ("prompt", "response", "rejected", "text", "source")
        }
        self._meta: list[bytes] = []
        self._turns: tuple[list[str], list[str | None], list[bytes | None]] = ([], [], [])
        self._ends: list[int] = []
        self._chats: list[bool] = []

    def __len__(self) -> int:
        return len(self.digests)

    def add(self, record: Mapping[str, Any], line: int) -> None:
        """Append a record. Raises BadRecord, and appends nothing, where it cannot be a row."""
        try:
            self._add(record, line)
        except RecursionError:
            raise BadRecord("nested too deep") from None
        except (TypeError, ValueError) as error:  # orjson: recursion limit, lone surrogates, foreign types
            whole = repaired(record) if "surrogate" in str(error) or isinstance(error, UnicodeError) else None
            if whole is None:
                reason = "nested too deep" if "ecursion" in str(error) else f"not a JSON value: {error}"
                raise BadRecord(reason) from None
            self._add(whole, line)
            self.facts.mended += 1

    def _add(self, record: Mapping[str, Any], line: int) -> None:
        row = self.shapes.canonical(record)
        digest, signature = row_digests(content(row))
        meta = orjson.dumps(row.meta, default=json_value, option=_META) if row.meta else b"{}"
        extras = (
            [orjson.dumps(t.extra, default=json_value, option=_META) if t.extra else None for t in row.messages]
            if row.messages
            else ()
        )
        # Nothing above has changed this object; nothing below can fail.
        self._count(row, record)
        self.digests.append(digest)
        self.signatures.append(signature)
        self.lines.append(line)
        self._ids.append(digest.hex() if row.id is None else str(row.id))
        fields = self._fields
        fields["prompt"].append(row.prompt)
        fields["response"].append(row.response)
        fields["rejected"].append(row.rejected)
        fields["text"].append(row.text)
        fields["source"].append(row.source)
        self._meta.append(meta)
        self._chats.append(row.messages is not None)
        if row.messages:
            roles, contents, others = self._turns
            for t, extra in zip(row.messages, extras, strict=True):
                roles.append(t.role)
                contents.append(t.content)
                others.append(extra)
        self._ends.append(len(self._turns[0]))

    def _count(self, row: Canonical, record: Mapping[str, Any]) -> None:
        facts = self.facts
        facts.shapes[row.shape] = facts.shapes.get(row.shape, 0) + 1
        textual, deep = row.shape != "record", False
        for name, value in row.meta.items():
            bit = _KINDS.get(type(value), 0)
            if bit:
                seen = facts.kinds.get(name)
                if seen is None:
                    facts.kinds[name] = [1, bit]
                else:
                    seen[0] += 1
                    seen[1] |= bit
                textual = textual or (bit == 8 and bool(value))
            else:
                deep = deep or worded(value)
                if type(value) is list and row.shape not in WHOLE and unread(value):
                    facts.unread[name] = facts.unread.get(name, 0) + 1
        facts.nested += deep and not textual
        facts.textual += textual or deep
        if not facts.keys:
            facts.keys = tuple(record)
        for name in self.shapes.mapping.values():
            if name not in facts.mapped and record.get(name) is not None:
                facts.mapped.add(name)

    def finish(self) -> pa.RecordBatch:
        """All rows as one batch of SHARD_SCHEMA. Takes them out of here as it goes: they are needed once."""
        columns = [
            pa.array(self.digests, pa.binary(16)),
            pa.array(self._ids, pa.large_string()),
            *(self._take(name) for name in ("prompt", "response", "rejected", "text")),
            self._messages(),
            self._take("source"),
            pa.array(self._meta, pa.large_string()),
        ]
        return pa.RecordBatch.from_arrays(columns, schema=SHARD_SCHEMA)

    def _take(self, name: str) -> pa.Array:
        return pa.array(self._fields.pop(name), pa.large_string())

    def _messages(self) -> pa.Array:
        if not any(self._chats):
            return pa.nulls(len(self), MESSAGES)
        roles, contents, extras = (pa.array(values, pa.large_string()) for values in self._turns)
        turns = pa.StructArray.from_arrays([roles, contents, extras], fields=list(MESSAGES.value_type))
        offsets = pa.array(np.concatenate([[0], self._ends]).astype(np.int32))
        mask = pa.array(~np.array(self._chats, np.bool_)) if not all(self._chats) else None
        return pa.ListArray.from_arrays(offsets, turns, type=MESSAGES, mask=mask)


def batch(records: Iterable[Mapping[str, Any]], mapping: Mapping[str, str] | None = None) -> pa.RecordBatch:
    """Canonical rows of records, as one batch of SHARD_SCHEMA. Raises BadRecord for one that is no row."""
    columns = Columns(Shapes(mapping))
    for line, record in enumerate(records, 1):
        columns.add(record, line)
    return columns.finish()


def content_digest(rows: pa.RecordBatch) -> str:
    """Hex of the digest over every column of a shard, in row order: equal digest, equal content."""
    total = xxhash.xxh3_128()
    total.update(rows.num_rows.to_bytes(8, "little"))
    for column in rows.columns:
        for buffer in column.buffers():
            total.update(b"\x00" if buffer is None else buffer.size.to_bytes(8, "little"))
            if buffer is not None:
                total.update(buffer)
    return total.hexdigest()


def typed_fields(facts: Facts, limit: int = 256) -> tuple[dict[str, str], int]:
    """Fields of meta with their type, in name order, and how many were left out.

    Integers and floats together are floats; any other mixture is a string. Beyond `limit` the most
    frequent are kept, ties by name.
    """
    ranked = sorted(facts.kinds, key=lambda name: (-facts.kinds[name][0], name))
    types = {1: "bool", 2: "int", 4: "float", 6: "float"}
    kept = {name: types.get(facts.kinds[name][1], "string") for name in sorted(ranked[:limit])}
    return kept, len(ranked) - len(kept)


def as_bytes(values: list[bytes], width: int) -> npt.NDArray[np.uint8]:
    """Digests of equal width as uint8 [n, width]."""
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), width)


def repaired(value: Any) -> Any:
    """`value` with what UTF-8 cannot hold (lone surrogates) as U+FFFD, the mark of damaged text."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {repaired(key): repaired(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [repaired(item) for item in value]
    return value
