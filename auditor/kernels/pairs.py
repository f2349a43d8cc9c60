"""Two texts a row held against each other: whether they share their letters, or nearly all their shingles."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.kernels.hashes import shingle_words, sort_unique
from auditor.kernels.machine import load8
from auditor.kernels.texts import Spans, classes_for
from auditor.kernels.tokens import room_for, words_of

Mask = npt.NDArray[np.bool_]


def may_share_letters(left: Spans, right: Spans) -> Mask:
    """Rows whose texts have equal ASCII letters and digits but for case, in order; bool [n].

    No pair is missed that is equal without its marks and case: K (U+212A) and İ (U+0130), which alone fold
    into ASCII, count as a match. Most pairs are told apart by their first letters.
    """
    found: Mask = _letters(left.starts, left.lengths, right.starts, right.lengths)
    return found


def alike(left: Spans, right: Spans, size: int, least: float) -> Mask:
    """Rows whose texts' sets of `size`-word shingles have a Jaccard of `least` or more; bool [n].

    A text of fewer words is one shingle of them all; one without words is like nothing.
    """
    table = classes_for(left) if not left.ascii.all() else classes_for(right)
    of_left, of_right = (left.starts, left.lengths, left.ascii), (right.starts, right.lengths, right.ascii)
    found: Mask = _alike(*of_left, *of_right, table, size, least)
    return found


@kernel
def _next_letter(at, stop):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Where the next ASCII letter or digit stands (stop: nowhere) and what it is in lower case; 0 where
    a codepoint stands that folds into one."""
    while at < stop:
        byte = load8(at)
        lower = byte | 0x20
        if 0x61 <= lower <= 0x7A:
            return at, lower
        if 0x30 <= byte <= 0x39:
            return at, byte
        if byte == 0xC4 and at + 1 < stop and load8(at + 1) == 0xB0:
            return at, 0
        if byte == 0xE2 and at + 2 < stop and load8(at + 1) == 0x84 and load8(at + 2) == 0xAA:
            return at, 0
        at += 1
    return stop, 1


@kernel
def _letters(starts, lengths, others, sizes):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    found = np.ones(n, np.bool_)
    for row in range(n):
        left, left_stop = starts[row], starts[row] + lengths[row]
        right, right_stop = others[row], others[row] + sizes[row]
        while True:
            left, one = _next_letter(left, left_stop)
            right, other = _next_letter(right, right_stop)
            if one == 0 or other == 0:
                break
            if one != other:
                found[row] = False
                break
            if left >= left_stop:  # both, for the ends are equal too
                break
            left += 1
            right += 1
    return found


@kernel
def _alike(  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    starts, lengths, ascii_left, others, sizes, ascii_right, table, size, least
):
    n = len(starts)
    most = max(room_for(starts, lengths, ascii_left), room_for(others, sizes, ascii_right))
    left, right, spare = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint64)
    bins = np.empty((1 << 16) + 1, np.int64)
    found = np.zeros(n, np.bool_)
    for row in range(n):
        a = words_of(starts[row], lengths[row], ascii_left[row], table, left)
        b = words_of(others[row], sizes[row], ascii_right[row], table, right)
        a = sort_unique(left, shingle_words(left, a, size), spare, bins)
        b = sort_unique(right, shingle_words(right, b, size), spare, bins)
        if min(a, b) == 0 or min(a, b) < least * max(a, b):
            continue
        common = 0
        i = j = 0
        while i < a and j < b:
            if left[i] == right[j]:
                common += 1
                i += 1
                j += 1
            elif left[i] < right[j]:
                i += 1
            else:
                j += 1
        found[row] = common >= least * (a + b - common)
    return found
