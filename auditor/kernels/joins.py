"""Exact Jaccard similarity of sorted sets, and the joins that are verified with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.banding import shared
from auditor.kernels.compiled import kernel
from auditor.kernels.components import find, unite
from auditor.kernels.hashes import Sets, heap_sort
from auditor.kernels.machine import fold_multiply
from auditor.kernels.tokens import K1, K2

CHAIN = 1_000
"""A candidate bucket larger than this is chained and not paired: pairs grow with the square."""

_COUNTERS = (16, 28)
"""Bits of the smallest and the largest table of counters; the largest takes 256 MB."""

_LOW32 = np.uint64(0xFFFFFFFF)


@kernel
def jaccard(offsets, values, left, right, threshold):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Exact similarity of two sets, or -1.0 as soon as it cannot reach the threshold."""
    i, end = offsets[left], offsets[left + 1]
    j, stop = offsets[right], offsets[right + 1]
    total = (end - i) + (stop - j)
    if total == 0:
        return -1.0
    # J >= t means an overlap of at least t / (1 + t) of both sizes; the slack covers rounding.
    need = np.int64(ceil(threshold / (1.0 + threshold) * total - 1e-6))
    spare = total - 2 * need  # elements that may go unmatched
    if abs((end - i) - (stop - j)) > spare:
        return -1.0
    both = 0
    while i < end and j < stop:
        a, b = values[i], values[j]
        both += a == b
        i += a <= b
        j += b <= a
        if (i - offsets[left]) + (j - offsets[right]) - 2 * both > spare:
            return -1.0
    score = both / (total - both)
    return score if score >= threshold else -1.0


@kernel
def link(rows, starts, offsets, values, threshold, chain, parent, best, score, owner, mine):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Verify the pairs of candidate buckets and join those that reach the threshold.

    rows: int32, starts: int64 [buckets + 1] (see `banding.shared`). offsets, values: the sets.
    chain: buckets larger than this are chained in the order given. parent: int64 [n], union-find.
    best, score: int64 and float64 [n], the best verified partner so far. owner: int32 [n]; buckets
    whose first row has another owner than `mine` are left to others. Returns pairs verified.
    """
    verified = 0
    stamp = np.full(chain + 1, -1, np.int64)
    for bucket in range(len(starts) - 1):
        low, high = starts[bucket], starts[bucket + 1]
        if owner[rows[low]] != mine:
            continue
        if high - low > chain:
            for i in range(low + 1, high):
                if find(parent, rows[i - 1]) != find(parent, rows[i]):
                    verified += 1
                    _verify(rows[i - 1], rows[i], offsets, values, threshold, parent, best, score)
            continue
        apart = 0  # components in the bucket, beyond the first
        for i in range(low, high):
            stamp[i - low] = find(parent, rows[i])
        heap_sort(stamp, 0, high - low)
        for i in range(1, high - low):
            apart += stamp[i] != stamp[i - 1]
        for i in range(low, high):
            if apart == 0:
                break
            for j in range(i + 1, high):
                if find(parent, rows[i]) != find(parent, rows[j]):
                    verified += 1
                    apart -= _verify(rows[i], rows[j], offsets, values, threshold, parent, best, score)
    return verified


@kernel
def _verify(left, right, offsets, values, threshold, parent, best, score):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    similar = jaccard(offsets, values, left, right, threshold)
    if similar < 0:
        return 0
    if similar > score[left] or (similar == score[left] and right < best[left]):
        best[left], score[left] = right, similar
    if similar > score[right] or (similar == score[right] and left < best[right]):
        best[right], score[right] = left, similar
    return np.int64(unite(parent, left, right))


@kernel
def frequencies(values, counters, shift, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Count elements into counters[low:high], uint8, by their top 64 - shift bits, up to 255: rarity is
    estimated, and any order that is the same for all sets is a valid one for a prefix filter."""
    for value in values:
        slot = np.int64(value >> shift)
        if low <= slot < high and counters[slot] < 255:
            counters[slot] += np.uint8(1)


@kernel
def _prefixes(offsets, values, counters, shift, threshold, low, high):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """The rare elements by which sets of Jaccard >= threshold must meet (Bayardo et al. 2007, "Scaling
    up all pairs similarity search"): each set's first size - ceil(t size) + 1 in order of rarity.
    Elements that no other set has are left out. Of the sets from low to high. Returns keys: uint32 [m]
    (hashed elements; a clash only adds a candidate) and rows: int32 [m]."""
    total = 0
    most = 1
    for row in range(low, high):
        size = offsets[row + 1] - offsets[row]
        most = max(most, size)
        total += size - np.int64(ceil(threshold * size - 1e-6)) + 1 if size > 0 else 0
    keys, rows = np.empty(total, np.uint32), np.empty(total, np.int32)
    rarity = np.empty(most, np.uint8)
    tied = np.empty(most, np.uint64)
    counts = np.empty(256, np.int64)
    made = 0
    for row in range(low, high):
        begin = offsets[row]
        size = offsets[row + 1] - begin
        if size == 0:
            continue
        length = size - np.int64(ceil(threshold * size - 1e-6)) + 1
        counts[:] = 0
        for i in range(size):
            rarity[i] = counters[values[begin + i] >> shift]
            counts[rarity[i]] += 1
        last, rarer = 1, 0  # the prefix ends among elements of rarity `last`, after `rarer` others
        while rarer + counts[last] < length:
            rarer += counts[last]
            last += 1
        if last == 1:
            continue
        ties = 0
        for i in range(size):
            if 1 < rarity[i] <= last:
                mixed = fold_multiply(values[begin + i] ^ K2, K1)
                if rarity[i] < last:
                    keys[made] = np.uint32(mixed & _LOW32)
                    rows[made] = row
                    made += 1
                else:
                    tied[ties] = mixed
                    ties += 1
        if rarer + ties > length:
            heap_sort(tied, 0, ties)
        for i in range(length - rarer):
            keys[made] = np.uint32(tied[i] & _LOW32)
            rows[made] = row
            made += 1
    return keys[:made].copy(), rows[:made].copy()


@kernel
def same_sets(offsets, values):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """uint32 [n]: a hash of each set, to find the equal ones first."""
    keys = np.zeros(len(offsets) - 1, np.uint32)
    for row in range(len(keys)):
        state = K1
        for i in range(offsets[row], offsets[row + 1]):
            state = fold_multiply(values[i] ^ K2, state)
        keys[row] = np.uint32(state >> np.uint64(32))
    return keys


def prefix_buckets(
    sets: Sets,
    threshold: float,
    share: Callable[[Callable[[int], Any], Iterable[int]], Iterable[Any]],
    parts: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Candidate buckets for `link` that leave no pair of Jaccard >= threshold out.

    share: how to run a function for each of so many parts of the work, in order (a caller's threads).
    """
    bits = min(max(len(sets.values).bit_length() + 1, _COUNTERS[0]), _COUNTERS[1])
    counters, shift = np.zeros(1 << bits, np.uint8), np.uint64(64 - bits)

    def counted(part: int) -> None:
        low, high = (part << bits) // parts, (part + 1 << bits) // parts
        frequencies(sets.values, counters, shift, low, high)

    def prefixes(part: int) -> Any:
        low, high = part * len(sets) // parts, (part + 1) * len(sets) // parts
        return _prefixes(sets.offsets, sets.values, counters, shift, threshold, low, high)

    list(share(counted, range(parts)))
    keys, rows = (np.concatenate(made) for made in zip(*share(prefixes, range(parts)), strict=True))
    places, starts = shared(keys, np.ones(len(keys), np.bool_))
    return rows[places], starts
