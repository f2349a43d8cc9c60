"""Counts of characters, words and character classes of texts, in one pass over Arrow buffers.

Every character falls into exactly one class, by its Unicode general category (Unicode Standard,
section 4.5, as in the running Python's `unicodedata`):

| class | categories |
| --- | --- |
| LETTER | L* but Lu and Lt |
| UPPER | Lu, Lt |
| DIGIT | N* |
| PUNCTUATION | P* |
| SYMBOL | S* |
| WHITESPACE | `str.isspace()`, but for the separators U+001C-U+001F, which are control characters |
| CONTROL | Cc, but for tab, line feed, vertical tab, form feed, carriage return and next line |
| OTHER | everything else: marks, format characters, surrogates, private use, unassigned |

Planes 0 and 1 are looked up exactly; beyond them ideographs (planes 2 and 3) are letters and all else
is OTHER. A word is what `str.split()` gives: a longest run without `str.isspace()` characters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import inlined, kernel
from auditor.model.rows import Strings

LETTER, UPPER, DIGIT, PUNCTUATION, SYMBOL, WHITESPACE, CONTROL, OTHER = range(8)

_SEPARATOR = 8
"""Bit beside the class: `str.split()` splits here."""

_EXACT = 0x20000
"""Code points below are looked up: planes 0 and 1."""

_FLUSH = 255
"""Characters after which the packed 8-bit counters are emptied."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)  # odd, so each step is a bijection; from Evensen's rrmxmx mixer

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Counts:
    """All int64 [n] but classes, int64 [n, 8], indexed by the class constants.

    distinct: distinct words (case and form count). separators: characters that split words.
    wide_bytes: UTF-8 bytes of the characters beyond ASCII. replacements: U+FFFD.
    """

    chars: Ints
    words: Ints
    distinct: Ints
    lines: Ints
    separators: Ints
    non_ascii: Ints
    wide_bytes: Ints
    replacements: Ints
    classes: Ints


def character_class(character: str) -> int:
    """Class of one character, with the separator bit: the definition that the table is made of."""
    code = ord(character)
    split = _SEPARATOR if character.isspace() else 0
    if code >= _EXACT:
        return LETTER if code < 0x40000 else OTHER
    category = unicodedata.category(character)
    if category == "Cc":
        return split | (WHITESPACE if character in "\t\n\v\f\r\x85" else CONTROL)
    if split:
        return split | WHITESPACE
    if category in ("Lu", "Lt"):
        return UPPER
    return {"L": LETTER, "N": DIGIT, "P": PUNCTUATION, "S": SYMBOL}.get(category[0], OTHER)


@cache
def class_table() -> npt.NDArray[np.uint8]:
    """uint8 [0x20000]: class and separator bit by code point. Made once a process, in about 40 ms."""
    return np.array([character_class(chr(code)) for code in range(_EXACT)], np.uint8)


@cache
def _packed() -> npt.NDArray[np.uint64]:
    """uint64 [128]: a one in the byte of the ASCII character's class, so that one add counts it."""
    classes = class_table()[:128] & 7
    return np.uint64(1) << (classes.astype(np.uint64) * np.uint64(8))


def count(text: Strings) -> Counts:
    """Everything `Counts` holds, for every value (a null counts as empty)."""
    numbers, classes = _count(text.offsets, text.data, class_table(), _packed())
    columns: list[Ints] = [np.ascontiguousarray(numbers[:, i]) for i in range(numbers.shape[1])]
    return Counts(*[*columns, classes])


def lengths(text: Strings) -> tuple[Ints, Ints]:
    """Characters and words, int64 [n] each, as in `Counts`."""
    numbers: npt.NDArray[np.int64] = _lengths(text.offsets, text.data, class_table())
    return np.ascontiguousarray(numbers[:, 0]), np.ascontiguousarray(numbers[:, 1])


@inlined
def _decode(data: Any, at: Any, end: Any) -> Any:
    """(code point, bytes) of the character at `at`; damaged bytes count as one U+FFFD each."""
    lead = np.int64(data[at])
    if 0xC2 <= lead < 0xE0 and at + 1 < end:
        return ((lead & 0x1F) << 6) | np.int64(data[at + 1] & 0x3F), 2
    if 0xE0 <= lead < 0xF0 and at + 2 < end:
        return ((lead & 0x0F) << 12) | (np.int64(data[at + 1] & 0x3F) << 6) | np.int64(data[at + 2] & 0x3F), 3
    if 0xF0 <= lead < 0xF5 and at + 3 < end:
        high = ((lead & 0x07) << 18) | (np.int64(data[at + 1] & 0x3F) << 12)
        return high | (np.int64(data[at + 2] & 0x3F) << 6) | np.int64(data[at + 3] & 0x3F), 4
    return 0xFFFD, 1


@inlined
def _class_of(code: Any, table: Any) -> Any:
    if code < _EXACT:
        return np.int64(table[code])
    return LETTER if code < 0x40000 else OTHER


@kernel
def _count(offsets: Any, data: Any, table: Any, packed: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 8), np.int64)
    classes = np.zeros((n, 8), np.int64)
    keys, stamps = np.zeros(4096, np.uint64), np.zeros(4096, np.int64)
    for row in range(n):
        while not _count_row(
            data[offsets[row] : offsets[row + 1]], table, packed, keys, stamps, row + 1, numbers[row], classes[row]
        ):
            # A row of many words: start it again with a larger set. Growing within the row would make
            # the arrays variables of the hot loop, which then runs at a tenth of the speed.
            keys, stamps = np.zeros(4 * len(keys), np.uint64), np.zeros(4 * len(keys), np.int64)
    return numbers, classes


@kernel
def _count_row(
    data: Any, table: Any, packed: Any, keys: Any, stamps: Any, stamp: Any, numbers: Any, classes: Any
) -> Any:
    """One row. keys: a set of word hashes, of which those with this row's stamp are in. False where it is full."""
    classes[:] = 0
    at, end = 0, len(data)
    chars = words = distinct = newlines = separators = wide = wide_bytes = replaced = np.int64(0)
    counters, pending = np.uint64(0), 0
    word, inside = _SEED, False
    mask = len(keys) - 1
    while at <= end:
        split = at == end  # the end closes the last word
        if not split:
            byte = data[at]
            chars += 1
            if byte < 128:
                counters += packed[byte]
                pending += 1
                if pending == _FLUSH:
                    for i in range(8):
                        classes[i] += np.int64((counters >> np.uint64(8 * i)) & np.uint64(255))
                    counters, pending = np.uint64(0), 0
                if table[byte] & _SEPARATOR:
                    split = True
                    separators += 1
                    newlines += byte == 10
                else:
                    word = (word ^ np.uint64(byte)) * _MULTIPLIER
                    inside = True
                at += 1
            else:
                code, size = _decode(data, at, end)
                kind = _class_of(code, table)
                classes[kind & 7] += 1
                wide += 1
                wide_bytes += size
                replaced += code == 0xFFFD
                if kind & _SEPARATOR:
                    split = True
                    separators += 1
                else:
                    word = (word ^ np.uint64(code)) * _MULTIPLIER
                    inside = True
                at += size
        else:
            at += 1
        if split and inside:
            words += 1
            slot = np.int64(word >> np.uint64(20)) & mask
            while stamps[slot] == stamp and keys[slot] != word:
                slot = (slot + 1) & mask
            if stamps[slot] != stamp:
                stamps[slot], keys[slot] = stamp, word
                distinct += 1
                if 2 * distinct > mask:
                    return False
            word, inside = _SEED, False
    for i in range(8):
        classes[i] += np.int64((counters >> np.uint64(8 * i)) & np.uint64(255))
    numbers[0], numbers[1], numbers[2], numbers[3] = chars, words, distinct, newlines + 1 if chars else 0
    numbers[4], numbers[5], numbers[6], numbers[7] = separators, wide, wide_bytes, replaced
    return True


@kernel
def _lengths(offsets: Any, data: Any, table: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 2), np.int64)
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        chars = words = np.int64(0)
        inside = np.int64(0)
        while at < end:
            byte = data[at]
            chars += 1
            if byte < 128:
                now = np.int64(0 if table[byte] & _SEPARATOR else 1)
                at += 1
            else:
                code, size = _decode(data, at, end)
                now = np.int64(0 if _class_of(code, table) & _SEPARATOR else 1)
                at += size
            words += now & ~inside
            inside = now
        numbers[row, 0], numbers[row, 1] = chars, words
    return numbers
