"""Embeddings of datasets, made once: a file for each shard's content, column and embedder revision."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from auditor.annotators.embedders.dense import Unsound
from auditor.annotators.neighbours import neighbours
from auditor.annotators.store import annotation
from auditor.core.check import Engine
from auditor.core.content.space import Doubles, Embedder, Longs
from auditor.core.measure import Stage, unwatched
from auditor.model.rows import Dataset, Rows, Shard, Strings, arrow, strings
from auditor.model.vectors import Floats, Neighbours, Vectors

VERSION = 1

PAIRS = 20_000
"""Pairs whose texts are in memory at a time."""

PIECE = 2048
"""Texts that an embedder with threads of its own is given at a time: what a progress bar moves by."""


@dataclass
class Spaces:
    """An embedder at work (see `core.content.space`). What was made for a dataset stays mapped while this lives."""

    embedder: Embedder
    cache: Path
    engine: Engine
    stage: Stage = unwatched
    _vectors: dict[tuple[str, str], Vectors] = field(default_factory=dict)
    _neighbours: dict[tuple[str, str, float, float], Neighbours] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def vectors(self, rows: Dataset, column: str) -> Vectors:
        with self._lock:
            key = (_content(rows), column)
            if key not in self._vectors:
                self._vectors[key] = self._embedded(rows, column)
            return self._vectors[key]

    def neighbours(self, rows: Dataset, column: str, judged: float, floor: float) -> Neighbours:
        vectors = self.vectors(rows, column)
        with self._lock:
            key = (_content(rows), column, judged, floor)
            if key not in self._neighbours:
                with self.stage(f"neighbours {column}") as advance:
                    self._neighbours[key] = neighbours(
                        rows, column, vectors, judged, floor, self.cache / "neighbours", self.engine, advance
                    )
            return self._neighbours[key]

    def cosines(
        self, rows: Dataset, column: str, left: Longs, right: Longs, other: Dataset | None = None, across: str = ""
    ) -> Doubles:
        found = []
        for start in range(0, len(left), PAIRS):
            part = slice(start, start + PAIRS)
            found.append(
                self.embedder.cosines(
                    _texts(rows, column, left[part]), _texts(other or rows, across or column, right[part])
                )
            )
        return np.concatenate(found) if found else np.zeros(0)

    def _embedded(self, rows: Dataset, column: str) -> Vectors:
        embedder = self.embedder
        about = {"embedder": f"{embedder.name}@{embedder.revision}"}
        done, lock = [0], threading.Lock()

        def one(shard: Shard, advance: Callable[[int, int], None]) -> Floats:
            if shard.of is not None:  # a selection: the whole shard is embedded once
                return one(shard.of, advance)[shard.only]

            def make() -> pa.RecordBatch:
                made = self._shard(shard.open(), column, rows.files, lambda n: advance(done[0] + n, rows.rows))
                flat = pa.FixedSizeListArray.from_arrays(arrow(made.ravel()), embedder.dimension)
                return pa.RecordBatch.from_arrays([flat], names=["vector"])

            path = annotation(self.cache / "vectors", shard, f"vectors-{column}", VERSION, about, make)
            with lock:
                done[0] += shard.rows
                advance(done[0], rows.rows)
            return _mapped(path, embedder.dimension)

        with self.stage(f"embed {column}") as advance:
            work = self.engine.map if embedder.threads else lambda function, items: [function(item) for item in items]
            parts = work(lambda shard: one(shard, advance), rows.shards)
        return Vectors(tuple(parts), embedder.dimension, about["embedder"])

    def _shard(self, rows: Rows, column: str, files: Sequence[str], advance: Callable[[int], None]) -> Floats:
        """Of the rows of a shard, all at once or in pieces. Raises Unsound naming the file and line of the first text
        without a vector, once those of all others are kept (where the embedder keeps them)."""
        texts = rows.strings(column)
        if self.embedder.threads:
            return self.embedder.embed(texts)
        made, bad = [], []
        for start in range(0, len(texts), PIECE):
            end = min(start + PIECE, len(texts))
            valid = None if texts.valid is None else texts.valid[start:end]
            try:
                made.append(self.embedder.embed(Strings(texts.offsets[start : end + 1], texts.data, valid)))
            except Unsound as error:
                bad.append((start, error))
            advance(end)
        if bad:
            first = bad[0][1]
            places = [at + place for at, error in bad for place in error.places]
            line, file = (rows.column(name)[places[0]].as_py() for name in ("line", "file"))
            raise Unsound(places, len(texts), first.text, file=files[file], line=line)
        return np.concatenate(made) if made else np.zeros((0, self.embedder.dimension), np.float32)


def _mapped(path: Path, dimension: int) -> Floats:
    """float32 [rows, dimension] on the file's own bytes."""
    with pa.ipc.open_file(pa.memory_map(str(path))) as reader:
        column = reader.get_batch(0).column(0)
    flat: Floats = column.flatten().to_numpy(zero_copy_only=True)
    return flat.reshape(-1, dimension)


def _content(rows: Dataset) -> str:
    """Equal for equal rows in equal order, whoever reads them."""
    return ":".join(shard.digest for shard in rows.shards)


def _texts(rows: Dataset, column: str, wanted: Longs) -> Strings:
    return strings(rows.take(wanted, [column]).column(0))
