"""What the kernels compute, in plain Python: words, shingles, Jaccard, components; and small datasets."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import xxhash

from auditor.kernels.texts import SCRIPTS_WITHOUT_SPACES
from auditor.model.rows import POSITION_SCHEMA, SHARD_SCHEMA, Dataset, Shard

HAN_BEYOND = (0x20000, 0x3FFFF)


def words(text: str) -> list[str]:
    found: list[str] = []
    run = ""
    for character in unicodedata.normalize("NFC", text).casefold():
        code = ord(character)
        han = HAN_BEYOND[0] <= code <= HAN_BEYOND[1]  # wholly, assigned yet or not
        part = unicodedata.category(character)[0] in "LNM" or character == "_" or han
        alone = part and any(low <= code <= high for low, high in (*SCRIPTS_WITHOUT_SPACES, HAN_BEYOND))
        if run and (not part or alone):
            found.append(run)
            run = ""
        if alone:
            found.append(character)
        elif part:
            run += character
    return [*found, run] if run else found


def shingles(text: str, size: int = 5) -> frozenset[tuple[str, ...]]:
    seen = words(text)
    if not seen:
        return frozenset()
    width = min(size, len(seen))
    return frozenset(tuple(seen[i : i + width]) for i in range(len(seen) - width + 1))


def jaccard(left: frozenset[Any], right: frozenset[Any]) -> float:
    return len(left & right) / len(left | right)


def pairs(texts: Sequence[str | None], threshold: float, size: int = 5) -> dict[tuple[int, int], float]:
    """Every pair that reaches the threshold; equal texts reach any."""
    sets = [shingles(text or "", size) for text in texts]
    found = {}
    for i, left in enumerate(sets):
        for j in range(i + 1, len(sets)):
            if texts[i] and texts[i] == texts[j]:
                found[i, j] = 1.0
            elif left and sets[j]:
                if min(len(left), len(sets[j])) < threshold * max(len(left), len(sets[j])):
                    continue
                score = jaccard(left, sets[j])
                if score >= threshold:
                    found[i, j] = score
    return found


def clusters(edges: Sequence[tuple[int, int]], n: int) -> list[int]:
    parent = list(range(n))

    def root(i: int) -> int:
        while parent[i] != i:
            i = parent[i]
        return i

    for i, j in edges:
        a, b = sorted((root(i), root(j)))
        parent[b] = a
    return [root(i) for i in range(n)]


def dataset(
    folder: Path, records: Sequence[dict[str, Any]], shard_rows: int = 1 << 16, by: Sequence[str] = ()
) -> Dataset:
    """Records of `prompt`, `response`, `text` and attribution columns as canonical shards on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    shards, seen = [], {}
    for start in range(0, len(records), shard_rows):
        part = records[start : start + shard_rows]
        rows, places = [], []
        for at, record in enumerate(part, start):
            text = record.get("text")
            if text is None:
                text = "\n".join(filter(None, (record.get("prompt"), record.get("response"))))
            digest = xxhash.xxh3_128_digest(repr(sorted(record.items())).encode("utf-8", "replace"))
            rows.append(
                {
                    **{name: record.get(name) for name in SHARD_SCHEMA.names},
                    "digest": digest,
                    "id": digest.hex(),
                    "text": text,
                    "meta": "{}",
                }
            )
            places.append({"row": at, "copy": seen.get(digest, 0), "file": 0, "line": at + 1})
            seen[digest] = seen.get(digest, 0) + 1
        paths = folder / f"{start}.arrow", folder / f"{start}.rows.arrow"
        table = pa.Table.from_pylist(rows, schema=SHARD_SCHEMA)
        for name in by:
            table = table.append_column(name, pa.array([r.get(name) for r in part], pa.large_string()))
        for path, what in zip(paths, (table, pa.Table.from_pylist(places, schema=POSITION_SCHEMA)), strict=True):
            with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, what.schema) as writer:
                writer.write_table(what)
        shards.append(Shard(f"{start:x}", start, len(part), *paths))
    labels = {name: tuple(sorted({r[name] for r in records if r.get(name)})) for name in by}
    return Dataset("test", "sha256:0", "text", len(records), tuple(shards), ("x.jsonl",), {}, {}, by=labels)


class Threads:
    """The engine's motions on a thread pool."""

    def __init__(self, threads: int = 2) -> None:
        self.threads = threads

    def map(self, function: Any, items: Any) -> list[Any]:
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(function, items))

    def gather(self, rows: Dataset, extract: Any) -> list[Any]:
        return self.map(lambda shard: extract(shard.open(rows.by)), rows.shards)
