"""What is broken inside a text, seen from its bytes: words that are none, and mojibake.

Scans of the rows of Arrow buffers; arrays in, arrays out. A null counts as empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import is_blank
from auditor.kernels.compiled import kernel
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]

# Bytes 0x80-0x9F of Windows-1252 as code points (WHATWG Encoding Standard, index windows-1252).
_CP1252 = np.array(
    [ord(bytes([b]).decode("cp1252")) if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else b for b in range(0x80, 0xA0)],
    np.int64,
)


def implausible(text: Strings) -> tuple[Ints, Ints]:
    """(words that cannot be words, words looked at), int64 [n] each.

    Looked at: whitespace-separated words of four letters or more that hold nothing but lower-case ASCII letters
    (a capital at the start and punctuation at the end aside). Implausible: no vowel (a e i o u y), six consonants
    in a row, or five beside a single vowel (but `strengths` and `twelfths`, which end in `hs`).
    """
    numbers = _implausible(text.offsets, text.data)
    return np.ascontiguousarray(numbers[:, 0]), np.ascontiguousarray(numbers[:, 1])


def mojibake(text: Strings) -> Ints:
    """int64 [n]: sequences that are UTF-8 read as Windows-1252 or Latin-1 (`Ã©` for é, `â€™` for ’)."""
    found: Ints = _mojibake(text.offsets, text.data, _CP1252)
    return found


@kernel
def _implausible(offsets: Any, data: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 2), np.int64)
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            while at < end and is_blank(data[at]):
                at += 1
            start = at
            while at < end and not is_blank(data[at]):
                at += 1
            stop = at
            while stop > start and (data[stop - 1] in (33, 34, 39, 41, 44, 46, 58, 59, 63)):
                stop -= 1
            if stop - start < 4 or stop - start > 40:
                continue
            vowels, row_of, longest, proper = 0, 0, 0, True
            for k in range(start, stop):
                byte = data[k]
                if k == start and 65 <= byte <= 90:
                    byte += 32
                if byte < 97 or byte > 122:
                    proper = False
                    break
                if byte in (97, 101, 105, 111, 117, 121):
                    vowels += 1
                    row_of = 0
                else:
                    row_of += 1
                    longest = max(longest, row_of)
            if not proper:
                continue
            numbers[row, 1] += 1
            if vowels == 0 or longest >= 6 or (longest == 5 and vowels == 1 and data[stop - 2] != 104):
                numbers[row, 0] += 1
    return numbers


@kernel
def _byte_of(data: Any, at: Any, end: Any, cp1252: Any) -> Any:
    """(the Windows-1252 byte of the character at `at`, its size in UTF-8); byte -1 where there is none."""
    lead = np.int64(data[at])
    if lead < 0x80:
        return np.int64(-1), 1
    if lead < 0xE0:
        if at + 1 >= end:
            return np.int64(-1), 1
        code = ((lead & 0x1F) << 6) | np.int64(data[at + 1] & 0x3F)
        if code < 0x100:
            return code, 2
        for i in range(32):
            if cp1252[i] == code:
                return np.int64(0x80 + i), 2
        return np.int64(-1), 2
    if lead < 0xF0 and at + 2 < end:
        code = ((lead & 0x0F) << 12) | (np.int64(data[at + 1] & 0x3F) << 6) | np.int64(data[at + 2] & 0x3F)
        for i in range(32):
            if cp1252[i] == code:
                return np.int64(0x80 + i), 3
        return np.int64(-1), 3
    return np.int64(-1), 4 if lead >= 0xF0 else 1


@kernel
def _mojibake(offsets: Any, data: Any, cp1252: Any) -> Any:
    n = len(offsets) - 1
    found = np.zeros(n, np.int64)
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            # Only Â Ã (C2 C3, for U+0080-U+00FF) and â (E2, for punctuation), ð (F0, for emoji) lead: as UTF-8
            # they are C3 82, C3 83, C3 A2, C3 B0.
            if data[at] != 0xC3 or at + 1 >= end or data[at + 1] not in (0x82, 0x83, 0xA2, 0xB0):
                at += 1
                continue
            lead = data[at + 1]
            wanted = 1 if lead < 0xA0 else (2 if lead == 0xA2 else 3)
            here, met = at + 2, 0
            while met < wanted and here < end:
                byte, size = _byte_of(data, here, end, cp1252)
                if byte < 0x80 or byte >= 0xC0 or (wanted == 1 and size == 3):
                    break  # a quotation mark or dash behind a capital Ã is Portuguese, not damage
                met += 1
                here += size
            if met == wanted:
                found[row] += 1
                at = here
            else:
                at += 2
    return found
