"""The one codec of fold states, and the store that remembers them by content.

A state is a dataclass of int, float, str, ndarray, Arrow table, and dicts of these by string. Its
bytes are deterministic: keys sorted, floats in full, arrays little-endian. The store makes an audit
incremental: the state of a shard for a check is kept under (shard content, check, version,
parameters, attribution), so that version n + 1 of a dataset folds only its new shards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa
import xxhash

from auditor.files import write_bytes

S = TypeVar("S")

_MAGIC = b"AUDSTATE1"


def encode(state: Any) -> bytes:
    """Deterministic bytes of a state. Raises TypeError for a field the codec has no form for."""
    blobs: list[bytes] = []
    tree = {f.name: _pack(getattr(state, f.name), blobs) for f in dataclasses.fields(state)}
    header = orjson.dumps({"tree": tree, "sizes": [len(blob) for blob in blobs]}, option=orjson.OPT_SORT_KEYS)
    body = b"".join((len(header).to_bytes(8, "little"), header, *blobs))
    return _MAGIC + xxhash.xxh3_128_digest(body) + body


def decode(content: bytes, cls: type[S]) -> S:
    """The state whose `encode` gave `content`. Raises ValueError where the bytes are damaged."""
    start = len(_MAGIC) + 16
    if content[: len(_MAGIC)] != _MAGIC or xxhash.xxh3_128_digest(content[start:]) != content[len(_MAGIC) : start]:
        raise ValueError("not a state, or a damaged one")
    size = int.from_bytes(content[start : start + 8], "little")
    header = orjson.loads(content[start + 8 : start + 8 + size])
    at, blobs = start + 8 + size, []
    for length in header["sizes"]:
        blobs.append(content[at : at + length])
        at += length
    return cls(**{name: _unpack(node, blobs) for name, node in header["tree"].items()})


def _pack(value: Any, blobs: list[bytes]) -> dict[str, Any]:
    match value:
        case bool() | np.bool_():
            return {"bool": bool(value)}
        case int() | np.integer():
            return {"int": str(int(value))}  # as text: a state's counts may exceed what JSON integers hold
        case float() | np.floating():
            return {"float": float(value).hex()}
        case str():
            return {"str": value}
        case np.ndarray():
            little = np.ascontiguousarray(value.astype(value.dtype.newbyteorder("<"), copy=False))
            blobs.append(little.tobytes())
            return {"array": len(blobs) - 1, "dtype": little.dtype.str, "shape": list(value.shape)}
        case pa.Table():
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, value.schema) as writer:
                writer.write_table(value.combine_chunks())
            blobs.append(sink.getvalue().to_pybytes())
            return {"table": len(blobs) - 1}
        case Mapping():
            return {"dict": {key: _pack(value[key], blobs) for key in sorted(value)}}
    raise TypeError(f"a state may not hold {type(value).__name__}")


def _unpack(node: Mapping[str, Any], blobs: list[bytes]) -> Any:
    if "array" in node:
        return np.frombuffer(blobs[node["array"]], node["dtype"]).reshape(node["shape"]).copy()
    if "table" in node:
        return pa.ipc.open_stream(blobs[node["table"]]).read_all()
    if "dict" in node:
        return {key: _unpack(child, blobs) for key, child in node["dict"].items()}
    if "int" in node:
        return int(node["int"])
    if "float" in node:
        return float.fromhex(node["float"])
    return node["bool"] if "bool" in node else node["str"]


@dataclass(frozen=True, slots=True)
class StateStore:
    """States on disk by key; a damaged or missing one is simply not there."""

    folder: Path

    def get(self, key: str, cls: type[S]) -> S | None:
        try:
            return decode(self._path(key).read_bytes(), cls)
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def put(self, key: str, state: Any) -> None:
        write_bytes(self._path(key), encode(state))

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.state"


def state_key(*parts: Any) -> str:
    """A file name for what a state depends on. parts: JSON values."""
    return xxhash.xxh3_128_hexdigest(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS))
