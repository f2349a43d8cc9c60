"""The best of many scores, kept row by row while blocks of them are made; and who is worth a score, by sketches."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.kernels.machine import count_bits


@kernel
def place(near, best, row, other, score):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Put one of a better score than the last into the row's best: [., k], by falling score; the last falls out."""
    at = best.shape[1] - 1
    while at > 0 and best[row, at - 1] < score:
        best[row, at] = best[row, at - 1]
        near[row, at] = near[row, at - 1]
        at -= 1
    best[row, at] = score
    near[row, at] = other


@kernel
def keep(scores, ids, own, into, best, near):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Merge a block of scores into the best seen so far, by falling score; of equal ones the first to come stays first.

    scores: float32 [r, c] of row i with ids[j]. ids: int32 [c]. own: int32 [r], the id that row i may not have.
    into: int64 [r], where row i's best are kept: best float32 [., k] and near int32 [., k], changed in place.
    """
    k = best.shape[1]
    for i in range(len(into)):
        row = into[i]
        worst = best[row, k - 1]
        for j in range(len(ids)):
            score = scores[i, j]
            if score > worst and ids[j] != own[i]:
                place(near, best, row, ids[j], score)
                worst = best[row, k - 1]


@kernel
def told(left, right, scores, floor, near, best):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Merge scored pairs at the floor or above into the best of both, by falling score; of equal ones the first to come
    stays first.

    left, right: int32 [n], pairs that neither knows of. scores: float32 [n]. near: int32 [m, k], -1 where there is
    none; best: float32 [m, k]; both changed in place.
    """
    k = best.shape[1]
    for pair in range(len(left)):
        score = scores[pair]
        if score < floor:
            continue
        for side in range(2):
            row, other = (left[pair], right[pair]) if side == 0 else (right[pair], left[pair])
            if score > best[row, k - 1]:
                place(near, best, row, other, score)


@kernel
def _beginnings(sketches, places):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    keys = np.empty(len(sketches), np.uint32)
    for row in range(len(sketches)):
        key = np.uint64(0)
        for place in places:
            bit = (sketches[row, place >> 6] >> np.uint64(place & 63)) & np.uint64(1)
            key = (key << np.uint64(1)) | bit
        keys[row] = np.uint32(key)
    return keys


def beginnings(sketches: npt.NDArray[np.uint64], places: npt.NDArray[np.int64]) -> npt.NDArray[np.uint32]:
    """uint32 [m]: the bits of sketches, uint64 [m, words], at up to 32 places, the first of them leading."""
    keys: npt.NDArray[np.uint32] = _beginnings(sketches, places)
    return keys


@kernel
def _grouped(keys, bits, further):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(keys)
    low = np.uint32((1 << further) - 1)
    counts = np.zeros((1 << further) + 1, np.int64)
    for i in range(n):
        counts[np.int64(keys[i] & low) + 1] += 1
    for i in range(1 << further):
        counts[i + 1] += counts[i]
    sorted_low = np.empty(n, np.int32)
    for i in range(n):
        key = np.int64(keys[i] & low)
        sorted_low[counts[key]] = i
        counts[key] += 1
    starts = np.zeros((1 << bits) + 2, np.int64)
    for i in range(n):
        starts[np.int64(keys[i] >> np.uint32(further)) + 2] += 1
    for i in range(1 << bits):
        starts[i + 2] += starts[i + 1]
    order = np.empty(n, np.int32)
    for i in range(n):
        row = sorted_low[i]
        key = np.int64(keys[row] >> np.uint32(further)) + 1
        order[starts[key]] = row
        starts[key] += 1
    return order, starts[: (1 << bits) + 1].copy()


def grouped(
    keys: npt.NDArray[np.uint32], bits: int, further: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """(order, starts): places of keys of `bits` + `further` bits as sorted, equal ones as they stand; those whose first
    `bits` bits are b are order[starts[b]:starts[b + 1]]. int32 [n], int64 [2 ** bits + 1]. In time n (a radix sort)."""
    made: tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]] = _grouped(keys, bits, further)
    return made


@kernel
def candidates(order, starts, low, high, longest, most, sketches, limits, near):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """(left, right): int32 [n], texts of one of the buckets low to high whose sketches differ in no more bits than one
    of the two allows, and who do not know each other yet.

    order, starts: of `grouped`. longest: texts of a bucket that are compared with each other. most: pairs that a text
    is the first of. sketches: uint64 [m, 4]. limits: int64 [m]. near: int32 [m, k], whom texts know.
    """
    k = near.shape[1]
    room = (starts[high] - starts[low]) * most
    left, right = np.empty(room, np.int32), np.empty(room, np.int32)
    held, allowed = np.empty((longest, 4), np.uint64), np.empty(longest, np.int64)
    made = 0
    for bucket in range(low, high):
        size = starts[bucket + 1] - starts[bucket]
        pieces = -(-size // longest)
        for piece in range(pieces):
            begin = starts[bucket] + size * piece // pieces
            count = starts[bucket] + size * (piece + 1) // pieces - begin
            for i in range(count):
                row = order[begin + i]
                allowed[i] = limits[row]
                for word in range(4):
                    held[i, word] = sketches[row, word]
            for i in range(count):
                one = order[begin + i]
                a, b, c, d = held[i, 0], held[i, 1], held[i, 2], held[i, 3]
                found = 0
                for j in range(i + 1, count):
                    apart = count_bits(a ^ held[j, 0]) + count_bits(b ^ held[j, 1])
                    apart += count_bits(c ^ held[j, 2]) + count_bits(d ^ held[j, 3])
                    if apart > max(allowed[i], allowed[j]):
                        continue
                    other = order[begin + j]
                    known = False
                    for s in range(k):
                        known |= near[one, s] == other
                        known |= near[other, s] == one
                    if known:
                        continue
                    left[made], right[made] = one, other
                    made += 1
                    found += 1
                    if found == most:
                        break
    return left[:made].copy(), right[:made].copy()
