"""Hashes of whole texts, of shingles, and the shingle set of a text.

A shingle is `size` words in a row; a text of fewer words is one shingle of all of them. A shingle's
hash is the polynomial of its word hashes modulo 2**64, rolled from one to the next (Karp and Rabin
1987), with the number of words mixed in last.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.buffers import grown, places
from auditor.kernels.compiled import kernel
from auditor.kernels.machine import fold_multiply, load8, load64, low_masks
from auditor.kernels.texts import Spans, classes_for, decode, spans
from auditor.kernels.tokens import K0, K1, K2, K3, room_for, words_of
from auditor.model.rows import Strings

_BASE = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 / golden ratio
_LOW = low_masks()
_SPARSE = 24
"""Below this many elements insertion sort alone is quickest."""


@dataclass(frozen=True, slots=True)
class Sets:
    """Set i is values[offsets[i]:offsets[i + 1]], ascending, without repeats.

    offsets: int64 [n + 1] from 0. values: uint64.
    """

    offsets: npt.NDArray[np.int64]
    values: npt.NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@kernel
def shingle_words(words, count, size):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Turn words[:count] into shingle hashes in place; returns how many (0 only for no words)."""
    if count == 0:
        return 0
    width = min(count, size)
    # Words are overwritten by shingles from the front; the rolled-out word is read before that.
    top = np.uint64(1)
    state = np.uint64(0)
    for i in range(width):
        state = state * _BASE + words[i]
        top *= _BASE
    tag = K3 ^ (np.uint64(width) * K1)
    made = count - width + 1
    for i in range(made - 1):
        out = words[i]
        words[i] = fold_multiply(state ^ K2, tag)
        state = state * _BASE + words[i + width] - out * top
    words[made - 1] = fold_multiply(state ^ K2, tag)
    return made


@kernel
def _insertion(values, count):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    for i in range(1, count):
        value = values[i]
        j = i - 1
        while j >= 0 and values[j] > value:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = value


@kernel
def heap_sort(values, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Sort values[low:high] in place, whatever is in it (Williams 1964)."""
    count = high - low
    for heapified in range(count // 2 - 1, -count, -1):
        root, size = max(heapified, 0), count
        if heapified < 0:  # the heap stands: its largest goes behind it
            size = count + heapified
            values[low], values[low + size] = values[low + size], values[low]
        value = values[low + root]
        while 2 * root + 1 < size:
            child = 2 * root + 1
            if child + 1 < size and values[low + child] < values[low + child + 1]:
                child += 1
            if values[low + child] <= value:
                break
            values[low + root] = values[low + child]
            root = child
        values[low + root] = value


@kernel
def sort_unique(values, count, spare, bins):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Sort values[:count] (hashes, so evenly spread) and drop repeats, in place; returns how many.

    spare: uint64 [>= count]. bins: int64 [a power of two + 1].
    """
    if count <= _SPARSE:
        for i in range(count):
            spare[i] = values[i]
        _insertion(spare, count)
    else:
        bits = 4
        while (1 << bits) < 2 * count and (1 << (bits + 1)) < len(bins):
            bits += 1
        shift = np.uint64(64 - bits)
        used = 1 << bits
        bins[: used + 1] = 0
        for i in range(count):
            bins[(values[i] >> shift) + np.uint64(1)] += 1
        for b in range(used):
            bins[b + 1] += bins[b]
        for i in range(count):
            b = values[i] >> shift
            spare[bins[b]] = values[i]
            bins[b] += 1
        low = 0
        if count > 64 * used:  # bins too full for insertion: a very long text
            for b in range(used):
                heap_sort(spare, low, bins[b])
                low = bins[b]
        else:
            _insertion(spare, count)
    kept = 0
    for i in range(count):
        if kept == 0 or spare[i] != values[kept - 1]:
            values[kept] = spare[i]
            kept += 1
    return kept


@kernel
def _sets(starts, lengths, ascii_only, table, size):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    most = room_for(starts, lengths, ascii_only)
    words = np.empty(most, np.uint64)
    spare = np.empty(most, np.uint64)
    bins = np.empty((1 << 16) + 1, np.int64)
    offsets = np.zeros(n + 1, np.int64)
    values = np.empty(max(most, 160 * n), np.uint64)
    for row in range(n):
        count = words_of(starts[row], lengths[row], ascii_only[row], table, words)
        count = sort_unique(words, shingle_words(words, count, size), spare, bins)
        begin = offsets[row]
        if begin + count > len(values):
            values = grown(values, begin, max(2 * len(values), begin + count))
        for i in range(count):
            values[begin + i] = words[i]
        offsets[row + 1] = begin + count
    return offsets, values


def shingle_sets(texts: Spans, size: int) -> Sets:
    """The shingle set of every text; empty where a text has no words."""
    offsets, values = _sets(texts.starts, texts.lengths, texts.ascii, classes_for(texts), size)
    return Sets(offsets, values[: offsets[-1]])


@kernel
def text_hash(start, length):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Two independent uint64 hashes of the bytes at an address."""
    left = K0 ^ (np.uint64(length) * K1)
    right = K2 ^ (np.uint64(length) * K3)
    while length > 16:
        one, two = load64(start), load64(start + 8)
        left = fold_multiply(one ^ K1, two ^ left)
        right = fold_multiply(one ^ right, two ^ K3)
        start += 16
        length -= 16
    one = load64(start) & _LOW[min(length, 8)]
    two = load64(start + 8) & _LOW[max(length - 8, 0)]
    left = fold_multiply(one ^ K1, two ^ left)
    right = fold_multiply(one ^ right, two ^ K3)
    return fold_multiply(left ^ K2, K0), fold_multiply(right ^ K0, K2)


@kernel
def hash_rows(starts, lengths):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """128-bit hashes of texts as they are: two uint64 [n].

    Two of n different texts share one with a probability of about n**2 / 2**129.
    """
    n = len(starts)
    left, right = np.empty(n, np.uint64), np.empty(n, np.uint64)
    for row in range(n):
        left[row], right[row] = text_hash(starts[row], lengths[row])
    return left, right


def hash_texts(texts: Strings) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """`hash_rows` of the texts of a column."""
    found = spans(texts.offsets, texts.data, fold=False)
    left, right = hash_rows(found.starts, found.lengths)
    return left, right


@kernel
def is_space(code):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """`str.isspace` (Unicode White_Space and the separators U+001C to U+001F)."""
    return (
        code == 0x20
        or 0x09 <= code <= 0x0D
        or 0x1C <= code <= 0x1F
        or 0x2000 <= code <= 0x200A
        or code in (0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)
    )


@kernel
def hash_normalised(starts, lengths):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """128-bit hashes of texts with ASCII case folded, outer white space stripped and every inner run
    of it one space; and bool [n], whether anything is left. Other folding is `texts.spans`'s."""
    n = len(starts)
    left, right = np.empty(n, np.uint64), np.empty(n, np.uint64)
    filled = np.zeros(n, np.bool_)
    most = 0
    for row in range(n):
        most = max(most, lengths[row])
    buffer = np.zeros(most + 64, np.uint8)
    home = buffer.ctypes.data
    for row in range(n):
        at = starts[row]
        stop = at + lengths[row]
        size = 0
        gap = False
        while at < stop:
            byte = load8(at)
            if byte < 0x80:
                width = 1
                space = byte == 0x20 or 0x09 <= byte <= 0x0D or 0x1C <= byte <= 0x1F
            else:
                code, width = decode(at, stop)
                space = is_space(code)
            if space:
                gap = size > 0
                at += width
                continue
            if gap:
                buffer[size] = 0x20
                size += 1
                gap = False
            if 0x41 <= byte <= 0x5A:
                byte |= 0x20
            buffer[size] = byte
            for i in range(1, width):
                buffer[size + i] = load8(at + i)
            size += width
            at += width
        left[row], right[row] = text_hash(home, size)
        filled[row] = size > 0
    return left, right, filled


@kernel
def first_rows(left, right, present):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """int64 [n]: the first row with the same 128-bit hash; a row that is not `present` is its own.

    left, right: uint64 [n]. present: bool [n].
    """
    n = len(left)
    room = places(n)
    size = np.uint64(room - 1)
    table = np.full(room, -1, np.int64)
    first = np.arange(n)
    for row in range(n):
        if not present[row]:
            continue
        slot = left[row] & size
        while table[slot] >= 0:
            other = table[slot]
            if left[other] == left[row] and right[other] == right[row]:
                first[row] = other
                break
            slot = (slot + np.uint64(1)) & size
        if table[slot] < 0:
            table[slot] = row
    return first
