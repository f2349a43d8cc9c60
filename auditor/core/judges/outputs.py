"""The outputs that verdicts are about, each once: many verdicts look at the same text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels.hashes import hash_texts
from auditor.model.rows import strings
from auditor.model.verdicts import Verdicts

Longs = npt.NDArray[np.int64]

SIDES = ("response", "rejected")
"""Columns of A's and B's output."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Distinct texts, t of them. texts: large strings [t]. of_a, of_b: int64 [n], place of the text of each verdict's
    two outputs, -1 without one. row: int64 [t], the first verdict with it, in the order of the file."""

    texts: pa.Array
    of_a: Longs
    of_b: Longs
    row: Longs

    def __len__(self) -> int:
        return len(self.row)

    def items(self, verdicts: Verdicts) -> Longs:
        """For how many items each text was given, int64 [t]."""
        width = len(verdicts.item.names) + 1
        met = [text[text >= 0] * width + verdicts.item.codes[text >= 0] + 1 for text in (self.of_a, self.of_b)]
        return np.bincount(np.unique(np.concatenate(met)) // width, minlength=len(self))


def outputs(verdicts: Verdicts) -> Outputs | None:
    """The texts of all outputs, or None where the file has none. Their order is that of their hashes."""
    held = verdicts.texts
    if held is None or not set(SIDES) & set(held.column_names):
        return None
    n = len(verdicts)
    columns = [_whole(held, side, n) for side in SIDES]
    hashed, places = [], []
    for column in columns:
        found, _ = hash_texts(strings(column))
        there = np.flatnonzero(np.asarray(column.is_valid()))
        hashed.append(found[there])
        places.append(there)
    distinct, first, which = np.unique(np.concatenate(hashed), return_index=True, return_inverse=True)
    of = [np.full(n, -1, np.int64) for _ in SIDES]
    of[0][places[0]], of[1][places[1]] = which[: len(places[0])], which[len(places[0]) :]
    rows = np.concatenate(places)
    row = np.full(len(distinct), n)
    np.minimum.at(row, which, rows)
    ours = first < len(places[0])
    taken = [columns[0].take(pa.array(rows[first[ours]])), columns[1].take(pa.array(rows[first[~ours]]))]
    order = np.empty(len(distinct), np.int64)
    order[np.concatenate([np.flatnonzero(ours), np.flatnonzero(~ours)])] = np.arange(len(distinct))
    return Outputs(pa.concat_arrays(taken).take(pa.array(order)), of[0], of[1], row)


def _whole(texts: pa.Table, side: str, n: int) -> pa.Array:
    if side not in texts.column_names:
        return pa.nulls(n, pa.large_string())
    column = texts.column(side).cast(pa.large_string())
    chunks: Sequence[pa.Array] = column.chunks
    return chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks) if chunks else pa.nulls(0, pa.large_string())
