"""Words that are looked at for slips: every plainly written one, with its hash and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import NO_WORD, and_then, hash_of, is_blank
from auditor.kernels.compiled import kernel
from auditor.kernels.machine import load8
from auditor.kernels.texts import spans
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]

PLAIN = (5, 20)
"""Letters of the words that are looked at for slips."""


@dataclass(frozen=True, slots=True)
class Plain:
    """Words that stand in small ASCII letters alone, of PLAIN length. word: uint64 hash; row; start, length: bytes in
    the column's data."""

    word: npt.NDArray[np.uint64]
    row: Ints
    start: Ints
    length: Ints


@kernel
def _plain(starts, lengths, least, most):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    total = 0
    for row in range(n):
        total += lengths[row] // (least + 1) + 1
    word, where = np.empty(total, np.uint64), np.empty((total, 3), np.int64)
    made = 0
    for row in range(n):
        at = starts[row]
        stop = at + lengths[row]
        begin = at
        fine = True  # nothing but small letters since `begin`
        state = NO_WORD
        while at <= stop:
            code = np.int64(load8(at)) if at < stop else np.int64(0x20)
            if 0x61 <= code <= 0x7A:
                state = and_then(state, code)
                at += 1
                continue
            # A word ends where white space, or a mark and then white space, follows.
            after = np.int64(load8(at + 1)) if at + 1 < stop else np.int64(0x20)
            gap = is_blank(code)
            ends = gap or ((code in (0x2C, 0x2E, 0x3F, 0x21, 0x3B)) and is_blank(after))
            size = at - begin
            if fine and ends and least <= size <= most:
                word[made] = hash_of(state)
                where[made, 0], where[made, 1], where[made, 2] = row, begin, size
                made += 1
            fine = bool(gap)
            state = NO_WORD
            at += 1
            begin = at
    return word[:made].copy(), where[:made].copy()


def plain(text: Strings) -> Plain:
    """Every word in small ASCII letters that white space, or white space and one mark behind it, sets apart."""
    found = spans(text.offsets, text.data, fold=False)
    word, where = _plain(found.starts, found.lengths, *PLAIN)
    row = np.ascontiguousarray(where[:, 0])
    start = text.offsets[row] + (where[:, 1] - found.starts[row])
    return Plain(word, row, start, np.ascontiguousarray(where[:, 2]))
