"""Embeddings of a column, and which rows are nearest to which: tables derived from a dataset, once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Vectors:
    """Embeddings of one column of a dataset, in row order, a part for each shard.

    parts: float32 [rows of the shard, dimension], read-only and mapped from disk; a row has length 1, or 0
    where there is no text. embedder: `hashed@2-5f3c…`, name and revision.
    """

    parts: tuple[Floats, ...]
    dimension: int
    embedder: str

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __iter__(self) -> Iterator[Floats]:
        return iter(self.parts)

    @cached_property
    def _starts(self) -> Longs:
        return np.cumsum([0, *(len(part) for part in self.parts)], dtype=np.int64)

    def take(self, rows: npt.NDArray[Any]) -> Floats:
        """float32 [len(rows), dimension], in the order asked for."""
        wanted = np.asarray(rows, np.int64)
        taken = np.empty((len(wanted), self.dimension), np.float32)
        home = np.searchsorted(self._starts, wanted, side="right") - 1
        for part in np.unique(home):
            mine = np.flatnonzero(home == part)
            taken[mine] = self.parts[part][wanted[mine] - self._starts[part]]
        return taken

    @cached_property
    def present(self) -> npt.NDArray[np.bool_]:
        """Bool [n]: the row has a text that the embedder could read."""
        found = [np.einsum("ij,ij->i", part, part) > 0 for part in self.parts]
        return np.concatenate(found) if found else np.zeros(0, np.bool_)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The nearest other texts of each distinct text of a column.

    first: int64 [n], for every row the first row with the same text byte for byte; -1 where there is none
    or the embedder read nothing in it. rows: int64 [m], those first rows, ascending. near: int32 [m, k], places
    in `rows` of the k nearest others at the cosine asked for or more, by falling cosine and then by place; -1 where
    there are fewer.
    cosine: float32 [m, k], of the vectors; -1 there as well. index: `flat`, or what was searched instead.
    recall: share of the pairs at or above `judged` (a cosine) that the index found on a sample, measured against
    the flat search; 1 for the flat one.
    """

    first: Longs
    rows: Longs
    near: npt.NDArray[np.int32]
    cosine: Floats
    index: str
    recall: float
    judged: float
