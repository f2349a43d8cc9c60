"""How often each value of a field occurs, by hash: a million different ones are 24 MB and no Python object each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.kernels.hashes import hash_texts
from auditor.model.rows import Dataset, strings

LABELS, EACH = 50, 8
"""Different values up to which a field is a label like any other, and rows that each has then: chance may be left out
of account when two sides are compared."""

Hashes = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tally:
    """Each value of a column. key: uint64 [v], its hash, ascending. count: int64 [v], its rows. first: int64 [v], the
    first of them. Two of v values share a hash with a probability of v**2 / 2**65."""

    key: Hashes
    count: Longs
    first: Longs

    @property
    def rows(self) -> int:
        """Rows that have a value."""
        return int(self.count.sum())

    @property
    def many(self) -> bool:
        """Whether there are so many values for the rows that two samples of them are far apart by chance."""
        return len(self.key) > LABELS or self.rows < EACH * len(self.key)

    @property
    def tells_apart(self) -> bool:
        """Whether values tell rows apart, as a name or an id does, and do not group them: fewer than two rows each."""
        return len(self.key) > LABELS and self.rows < 2 * len(self.key)

    def of(self, key: Hashes) -> Longs:
        """Rows of each of these values, 0 where there are none."""
        return _at(self.key, self.count, key, 0)

    def first_of(self, key: Hashes) -> Longs:
        """The first row of each of these values, -1 where there is none."""
        return _at(self.key, self.first, key, -1)


def tally(rows: Dataset, column: str) -> Tally:
    """The values of a column of texts, whole numbers or truth values; those of two columns compare as texts do."""
    parts = [
        (*np.unique(shard[has], return_index=True, return_counts=True), start + np.flatnonzero(has))
        for shard, has, start in _hashed(rows, column)
    ]
    if not parts:
        return Tally(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    seen = np.concatenate([key for key, _, _, _ in parts])
    rows_of = np.concatenate([count for _, _, count, _ in parts])
    place = np.concatenate([at[first] for _, first, _, at in parts])
    key, first, which = np.unique(seen, return_index=True, return_inverse=True)  # parts are in row order
    count = np.zeros(len(key), np.int64)
    np.add.at(count, which, rows_of)
    return Tally(key, count, place[first].astype(np.int64))


def crossed(rows: Dataset, column: str, key: Hashes, marks: npt.NDArray[np.bool_]) -> Longs:
    """int64 [len(key), m]: rows with each value (hashes, ascending) and each mark. marks: bool [rows, m]."""
    found = np.zeros((len(key), marks.shape[1]), np.int64)
    for hashed, has, start in _hashed(rows, column):
        at = np.searchsorted(key, hashed)
        some = has & (np.append(key, 0)[at] == hashed) & (at < len(key))
        for one in range(marks.shape[1]):
            hit = some & marks[start : start + len(hashed), one]
            found[:, one] += np.bincount(at[hit], minlength=len(key))
    return found


def hashes(values: Sequence[str]) -> Hashes:
    """The hashes that these values have in a tally."""
    return _hash(pa.array(values, pa.large_string()))


def named(rows: Dataset, column: str, first: Longs) -> list[str]:
    """The values that these rows have."""
    values = rows.take(first, [column]).column(0).cast(pa.large_string())
    return [str(value) for value in values.to_pylist()]


@dataclass(frozen=True, slots=True)
class Values:
    """A column with its tally."""

    rows: Dataset
    column: str
    tally: Tally

    def named(self, first: Longs) -> list[str]:
        return named(self.rows, self.column, first)


def _hashed(rows: Dataset, column: str) -> list[tuple[Hashes, npt.NDArray[np.bool_], int]]:
    """Of each shard: hashes [n], which rows have a value, bool [n], and the row it begins with."""
    found, start = [], 0
    for shard in rows:
        values = shard.column(column).cast(pa.large_string())
        found.append((_hash(values), pc.is_valid(values).to_numpy(zero_copy_only=False), start))
        start += len(shard)
    return found


def _hash(values: pa.Array) -> Hashes:
    return hash_texts(strings(values))[0]


def _at(keys: Hashes, values: Longs, key: Hashes, otherwise: int) -> Longs:
    if not len(keys):
        return np.full(len(key), otherwise, np.int64)
    at = np.minimum(np.searchsorted(keys, key), len(keys) - 1)
    return np.where(keys[at] == key, values[at], otherwise).astype(np.int64)
