"""Sketches of sets that agree, position by position, with probability equal to the Jaccard similarity.

`band_keys` makes the fast similarity sketch of Dahlgaard, Knudsen and Thorup (FOCS 2017, "Fast
Similarity Sketching"): k bins are filled in rounds, every round throwing all elements into random
bins and keeping the least of those that fell into a bin still empty; after k rounds each bin still
empty takes the least of all elements. Its cost is elements + k log k and not elements x k, and its
estimates concentrate as those of k independent permutations do, for small sets as well.

`permuted` makes the classic signature of k affine permutations, equal to `datasketch.MinHash` 2.0
(scheme "affine32"), for indexes that others keep.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.kernels.hashes import shingle_words
from auditor.kernels.machine import fold_multiply
from auditor.kernels.texts import Spans, classes_for
from auditor.kernels.tokens import K0, K1, K2, room_for, words_of

LARGEST = 128
"""Positions of a sketch: datasketch's default, and what the peers in benchmarks/ are given."""

MISS = 3e-4
"""A pair just at the threshold is missed by every band with at most this probability."""

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_LOW32 = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Banding:
    """A pair is a candidate where all `rows` positions of one of `bands` agree."""

    bands: int
    rows: int

    def recall(self, jaccard: float) -> float:
        """Probability that a pair of this similarity is a candidate (Broder 1997; Indyk, Motwani 1998)."""
        return float(1 - (1 - jaccard**self.rows) ** self.bands)


def banding(threshold: float) -> Banding:
    """The longest bands (fewest false candidates) that a sketch of LARGEST positions has room for."""
    best = Banding(LARGEST, 1)
    for rows in range(1, LARGEST + 1):
        agree = threshold**rows
        bands = 2 if agree >= 1 else max(2, ceil(log(MISS) / log(1 - agree)))
        # A low threshold needs three rows a band lest everything be a candidate, and more positions.
        if bands * rows > LARGEST and rows > 3:
            break
        best = Banding(bands, rows)
    return best


@kernel
def sketch(values, count, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Fill out: uint64 [k] from values[:count] (mixed hashes, repeats allowed), count > 0."""
    k = len(out)
    wide = np.uint64(k)
    out[:] = _EMPTY
    empty = k
    for i in range(count):
        value = values[i]
        place = ((value >> _SHIFT) * wide) >> _SHIFT
        out[place] = min(out[place], value & _LOW32)
    for i in range(k):
        empty -= out[i] != _EMPTY
    turn = 1
    while empty > 0 and turn < k:
        salt = np.uint64(turn) * K1 + K0
        least = np.uint64(turn) << _SHIFT
        for i in range(count):
            value = fold_multiply(values[i] ^ K2, salt)
            place = ((value >> _SHIFT) * wide) >> _SHIFT
            out[place] = min(out[place], least | (value & _LOW32))  # a bin of an earlier round holds less
        empty = 0
        for i in range(k):
            empty += out[i] == _EMPTY
        turn += 1
    if empty > 0:
        for place in range(k):
            if out[place] == _EMPTY:
                salt = np.uint64(k + place) * K1 + K0
                for i in range(count):
                    value = fold_multiply(values[i] ^ K2, salt)
                    out[place] = min(out[place], (wide << _SHIFT) | (value & _LOW32))


@kernel
def _band_keys(starts, lengths, ascii_only, wanted, table, size, keys, at, bands, rows):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    most = room_for(starts, lengths, ascii_only)
    words = np.empty(most, np.uint64)
    out = np.empty(bands * rows, np.uint64)
    filled = np.zeros(len(starts), np.bool_)
    for row in range(len(starts)):
        if not wanted[row]:
            continue
        count = words_of(starts[row], lengths[row], ascii_only[row], table, words)
        count = shingle_words(words, count, size)
        if count == 0:
            continue
        filled[row] = True
        sketch(words, count, out)
        for band in range(bands):
            state = np.uint64(band + 1) * K0
            for i in range(band * rows, band * rows + rows):
                state = fold_multiply(state ^ out[i], K1)
            keys[band, at + row] = np.uint32(state >> _SHIFT)
    return filled


def band_keys(
    texts: Spans, wanted: npt.NDArray[np.bool_], size: int, plan: Banding, keys: npt.NDArray[np.uint32], at: int
) -> npt.NDArray[np.bool_]:
    """Sketch the wanted texts (bool [n]) and write their band keys into keys[:, at : at + n]: uint32 [bands, rows].

    Returns bool [n], whether a text is wanted and has any words; the keys of one that is not are left as they are.
    """
    table = classes_for(texts)
    filled: npt.NDArray[np.bool_] = _band_keys(
        texts.starts, texts.lengths, texts.ascii, wanted, table, size, keys, at, plan.bands, plan.rows
    )
    return filled


def permutations(count: int, seed: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Multipliers and addends, uint32 [count] each, as `datasketch.MinHash(num_perm=count, seed=seed)`
    draws them."""
    draw = np.random.RandomState(seed)
    multipliers = draw.randint(0, 1 << 31, count, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return multipliers, draw.randint(0, 1 << 32, count, dtype=np.uint32)


@kernel
def permuted(hashes, offsets, multipliers, addends):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """uint32 [n, k]: signatures of the sets hashes[offsets[i]:offsets[i + 1]].

    hashes: uint32, what the caller's hash function gives (datasketch: `sha1_hash32`). offsets: int64
    [n + 1]. An empty set's signature is all ones, as datasketch's is.
    """
    n, k = len(offsets) - 1, len(multipliers)
    out = np.full((n, k), np.uint32(0xFFFFFFFF), np.uint32)
    for row in range(n):
        signature = out[row]
        for i in range(offsets[row], offsets[row + 1]):
            value = hashes[i]  # the finalizer of MurmurHash3, then one affine map a permutation
            value = np.uint32(value ^ (value >> np.uint32(16)))
            value = np.uint32(value * np.uint32(0x85EBCA6B))
            value = np.uint32(value ^ (value >> np.uint32(13)))
            value = np.uint32(value * np.uint32(0xC2B2AE35))
            value = np.uint32(value ^ (value >> np.uint32(16)))
            for j in range(k):
                seen = np.uint32(multipliers[j] * value + addends[j])
                signature[j] = min(signature[j], seen)
    return out
