"""What tells that two rows are one text, small enough to keep for every dataset: hashes to look up.

Two sets of Jaccard J have one of their few least hashes in common with high probability (A. Broder 1997,
"On the resemblance and containment of documents": each least element of the union lies in both with
probability J), so that the least hashes are keys by which near-copies meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.kernels.hashes import Sets, shingle_words
from auditor.kernels.joins import jaccard
from auditor.kernels.texts import Spans, classes_for
from auditor.kernels.tokens import room_for, words_of

Hashes = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]

NONE = np.uint64(0xFFFFFFFFFFFFFFFF)
"""Stands where a row has no hash; no row is found by it."""

_ONE, _BYTE = np.uint64(1), np.uint64(7)
_BITS_A_KEY = 16
"""Bits of the filter for each key: one look-up in 16 of a key that is not there goes on to the search."""


@kernel
def _least(starts, lengths, ascii_only, table, size, count):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    words = np.empty(room_for(starts, lengths, ascii_only), np.uint64)
    least = np.full((n, count), NONE, np.uint64)
    spoken = np.zeros(n, np.int64)
    for row in range(n):
        spoken[row] = words_of(starts[row], lengths[row], ascii_only[row], table, words)
        made = shingle_words(words, spoken[row], size)
        mine = least[row]
        for i in range(made):
            value = words[i]
            if value >= mine[count - 1]:
                continue
            at = count - 1
            while at > 0 and mine[at - 1] > value:
                at -= 1
            if at > 0 and mine[at - 1] == value:
                continue
            for j in range(count - 1, at, -1):
                mine[j] = mine[j - 1]
            mine[at] = value
    return least, spoken


def least_shingles(texts: Spans, size: int, count: int) -> tuple[Hashes, Longs]:
    """uint64 [n, count]: the least distinct hashes of each text's shingles, ascending, then NONE; and
    int64 [n], its words."""
    least, spoken = _least(texts.starts, texts.lengths, texts.ascii, classes_for(texts), size, count)
    return least, spoken


@dataclass(frozen=True, slots=True)
class Lookup:
    """Rows by key. keys: uint64 [m], ascending. rows: int64 [m], who has the key. bits: uint8, a filter
    by which most keys that nobody has are turned away at the cost of one load. shift: of a key to its bit."""

    keys: Hashes
    rows: Longs
    bits: npt.NDArray[np.uint8]
    shift: int


@kernel
def _mark(keys, bits, shift):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    for key in keys:
        place = key >> shift
        bits[place >> np.uint64(3)] |= np.uint8(_ONE << (place & _BYTE))


@kernel
def _marked(keys, bits, shift):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    found = np.empty(len(keys), np.int64)
    many = 0
    for i in range(len(keys)):
        place = keys[i] >> shift
        if bits[place >> np.uint64(3)] & np.uint8(_ONE << (place & _BYTE)):
            found[many] = i
            many += 1
    return found[:many].copy()


def lookup(keys: Hashes, rows: Longs) -> Lookup:
    """keys: uint64 [m] in any order, NONE for nobody. rows: int64 [m]."""
    order = np.argsort(keys)
    order = order[keys[order] != NONE]
    width = max(10, (_BITS_A_KEY * max(1, len(order)) - 1).bit_length())
    bits = np.zeros(1 << (width - 3), np.uint8)
    ordered = np.ascontiguousarray(keys[order])
    _mark(ordered, bits, np.uint64(64 - width))
    return Lookup(ordered, rows[order], bits, 64 - width)


def meetings(known: Lookup, keys: Hashes, most: int = 0) -> tuple[Longs, Longs]:
    """Every (place in `keys`, row of `known`) with one key: two int64 arrays.

    most: a key that more rows of `known` have, or that stands more often in `keys`, is passed over: it is
    a phrase and no trace. 0 passes over none.
    """
    if not len(known.keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    place = _marked(np.ascontiguousarray(keys), known.bits, np.uint64(known.shift))
    place = place[keys[place] != NONE]
    low = np.searchsorted(known.keys, keys[place], "left")
    many = np.searchsorted(known.keys, keys[place], "right") - low
    kept = (many > 0) & (many <= most) if most else many > 0
    if most and kept.any():
        _, which, times = np.unique(keys[place], return_inverse=True, return_counts=True)
        kept &= times[which] <= most
    place, low, many = place[kept], low[kept], many[kept]
    within = np.arange(int(many.sum())) - np.repeat(np.cumsum(many) - many, many)
    return np.repeat(place, many), known.rows[np.repeat(low, many) + within]


@kernel
def _similar(offsets, values, left, right, threshold):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    score = np.empty(len(left), np.float64)
    for i in range(len(left)):
        score[i] = jaccard(offsets, values, left[i], right[i], threshold)
    return score


def similar(left: Sets, right: Sets, ours: Longs, theirs: Longs, threshold: float) -> npt.NDArray[np.float64]:
    """float64 [m]: exact Jaccard similarity of left[ours[i]] and right[theirs[i]], -1.0 below the threshold."""
    offsets = np.concatenate((left.offsets, left.offsets[-1] + right.offsets[1:]))
    values = np.concatenate((left.values, right.values))
    score: npt.NDArray[np.float64] = _similar(offsets, values, ours, len(left) + theirs, threshold)
    return score
