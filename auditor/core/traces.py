"""By what a dataset's rows are known when they turn up in another one; kept by content.

A row has a hash of its text, one of its prompt, and the least hashes of its shingles, by which its
near-copies meet it. They are laid in the order of the texts' hashes, so that the first of them are a
bottom-k sample of the rows (see `sketches.sample` for its reference): what a look at thousands of
datasets begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from auditor.core.check import Engine
from auditor.files import atomic
from auditor.kernels.hashes import hash_normalised
from auditor.kernels.texts import spans
from auditor.kernels.traces import NONE, Hashes, Longs, least_shingles
from auditor.model.rows import Dataset, Rows

SHINGLE = 5
"""Words in a row, as near-duplicates has it."""

LEAST = 4
"""Keys a row. Two rows of Jaccard .8 share at least one of their 4 least with probability .998 (measured
on random sets; see the tests); one key alone would find .8 of them."""

WORDS = 5
"""A text of fewer words is nobody's: "Yes." stands everywhere."""

VERSION = 1
_COLUMNS = 3 + LEAST


@dataclass(frozen=True, slots=True)
class Traces:
    """Of n rows, by rising text. table: uint64 [n, 3 + LEAST]: row, text, prompt, keys; kernels' NONE where
    there is none. order: of the rows in their file, without which `row` means nothing."""

    table: npt.NDArray[np.uint64]
    order: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def rows(self) -> Longs:
        return self.table[:, 0].astype(np.int64)

    @property
    def texts(self) -> Hashes:
        return self.table[:, 1]

    @property
    def prompts(self) -> Hashes:
        return self.table[:, 2]

    @property
    def keys(self) -> Hashes:
        return self.table[:, 3:]


def of(rows: Dataset, engine: Engine) -> Traces:
    """The traces of a dataset; about a second for a million rows of 60 words on two cores."""
    parts = engine.gather(rows, _shard)
    table = np.concatenate(parts) if parts else np.zeros((0, _COLUMNS), np.uint64)
    return Traces(table[np.lexsort((table[:, 0], table[:, 1]))], order(rows))


def order(rows: Dataset) -> int:
    """A number for the rows as they follow one another."""
    return xxhash.xxh3_64_intdigest("".join(shard.digest for shard in rows.shards))


def _shard(opened: Rows) -> npt.NDArray[np.uint64]:
    table = np.full((len(opened), _COLUMNS), NONE, np.uint64)
    table[:, 0] = opened.numpy("row").astype(np.uint64)
    for at, column in ((1, "text"), (2, "prompt")):
        view = opened.strings(column)
        texts = spans(view.offsets, view.data, fold=True)
        least, words = least_shingles(texts, SHINGLE, LEAST)
        known = words >= WORDS
        hashed, _, _ = hash_normalised(texts.starts, texts.lengths)
        table[known, at] = hashed[known]
        if column == "text":
            table[known, 3:] = least[known]
    return table


def load(digest: str, cache: Path | None) -> Traces | None:
    """What was kept for a dataset, read as it is looked at; None where nothing sound was."""
    path = _path(digest, cache)
    if path is None or not path.is_file():
        return None
    try:
        table = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    if table.dtype != np.uint64 or table.ndim != 2 or table.shape[1] != _COLUMNS or not len(table):
        return None
    version, number, rows = (int(value) for value in table[0, :3])
    return Traces(table[1:], number) if (version, rows) == (VERSION, len(table) - 1) else None


def save(traces: Traces, digest: str, cache: Path | None) -> None:
    path = _path(digest, cache)
    if path is None:
        return
    head = np.zeros((1, _COLUMNS), np.uint64)
    head[0, :3] = VERSION, traces.order, len(traces)
    with atomic(path) as file:
        np.save(file, np.concatenate((head, traces.table)))


def _path(digest: str, cache: Path | None) -> Path | None:
    """None where nothing is kept, or the digest is none: it comes from a file written by hand."""
    name = digest.removeprefix("sha256:")
    sound = len(name) == 64 and all(letter in "0123456789abcdef" for letter in name)
    return cache / f"{name}.npy" if cache is not None and sound else None
