"""Which rows share a key: a radix sort of (key, row), one band at a time.

Most keys occur once, so a table of counts, small enough for the cache, drops them before the sort.
"""

from __future__ import annotations

import numpy as np

from auditor.kernels.compiled import kernel

_SHIFT = np.uint64(32)
_LOW32 = np.uint64(0xFFFFFFFF)
_DIGIT = 11


@kernel
def radix_sort(pairs):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """uint64 pairs sorted by their high 32 bits, stable: three passes of 11 bits."""
    n = len(pairs)
    spare = np.empty(n, np.uint64)
    places = np.empty(1 << _DIGIT, np.int64)
    mask = np.uint64((1 << _DIGIT) - 1)
    for turn in range(3):
        shift = np.uint64(32 + _DIGIT * turn)
        places[:] = 0
        for i in range(n):
            places[(pairs[i] >> shift) & mask] += 1
        total = 0
        for digit in range(len(places)):
            count = places[digit]
            places[digit] = total
            total += count
        for i in range(n):
            digit = (pairs[i] >> shift) & mask
            spare[places[digit]] = pairs[i]
            places[digit] += 1
        pairs, spare = spare, pairs
    return pairs


@kernel
def shared(keys, present):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Buckets of rows whose keys are equal, of two rows or more.

    keys: uint32 [n]. present: bool [n], the rows that have a key. Returns rows: int32 [m] and
    starts: int64 [buckets + 1]; buckets in key order, rows ascending within.
    """
    n = len(keys)
    bits = 10
    while (1 << bits) < 4 * n:
        bits += 1
    mask = np.uint32((1 << bits) - 1)
    seen = np.zeros(1 << bits, np.uint8)
    for row in range(n):
        if present[row]:
            slot = keys[row] & mask
            if seen[slot] < 2:
                seen[slot] += np.uint8(1)
    kept = 0
    for row in range(n):
        kept += present[row] and seen[keys[row] & mask] > 1
    pairs = np.empty(kept, np.uint64)
    kept = 0
    for row in range(n):
        if present[row] and seen[keys[row] & mask] > 1:
            pairs[kept] = (np.uint64(keys[row]) << _SHIFT) | np.uint64(row)
            kept += 1
    pairs = radix_sort(pairs)
    rows = np.empty(kept, np.int32)
    starts = np.zeros(kept // 2 + 1, np.int64)
    buckets, filled, i = 0, 0, 0
    while i < kept:
        j = i + 1
        while j < kept and pairs[j] >> _SHIFT == pairs[i] >> _SHIFT:
            j += 1
        if j - i > 1:
            for at in range(i, j):
                rows[filled] = np.int32(pairs[at] & _LOW32)
                filled += 1
            buckets += 1
            starts[buckets] = filled
        i = j
    return rows[:filled].copy(), starts[: buckets + 1].copy()
