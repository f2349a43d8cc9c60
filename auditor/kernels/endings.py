"""How texts end: with the end of a sentence or in its midst, seen from their last characters and last line.

Scans of the rows of Arrow buffers; arrays in, arrays out. A null counts as empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import is_blank
from auditor.kernels.compiled import kernel
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NOTHING, TERMINAL, LETTER, OPEN, OTHER = range(5)
"""How a text ends: not at all, with sentence punctuation (a closing quote or bracket may follow it), with a
letter, with a comma or an opening bracket, with anything else."""

_TERMINAL = np.array([ord(c) for c in ".!?…。！？．।؟۔։။៕"], np.int64)
_CLOSING = np.array([ord(c) for c in "\"')]}*_`”’»›」』）】〉》"], np.int64)
_OPEN = np.array([ord(c) for c in ",([{，、（「『【"], np.int64)

# English words that do not end a sentence: a text that stops at one was cut off.
_DANGLING_WORDS = (
    "the", "a", "an", "and", "or", "but", "nor", "of", "to", "with", "for", "from", "into", "than", "as", "if",
    "because", "although", "while", "whereas", "which", "whose", "who", "is", "are", "was", "were", "be", "been",
    "has", "have", "had", "can", "could", "will", "would", "shall", "should", "may", "might", "must", "your",
    "their", "its", "my", "our", "his", "each", "every", "very", "through", "during", "upon",
)  # fmt: skip


def _packed(word: str) -> int:
    """A short ASCII word as one number: its bytes, base 256."""
    return int.from_bytes(word.encode(), "big")


_DANGLING = np.array([_packed(word) for word in _DANGLING_WORDS if len(word) < 8], np.int64)


@dataclass(frozen=True, slots=True)
class Endings:
    """kind: one of NOTHING … OTHER. words: of the whole text; line_words: of its last line that is
    not blank. item: that line is a list item, heading, quotation or table row. fences: lines that begin with ```.
    dangling: the last word is one that ends no sentence. running: the last line holds a whole sentence before one
    without an end, which closes in a lower-case word and is no enumeration (fewer than three commas)."""

    kind: Ints
    words: Ints
    line_words: Ints
    item: Mask
    fences: Ints
    dangling: Mask
    running: Mask


def endings(text: Strings) -> Endings:
    numbers = _endings(text.offsets, text.data, _TERMINAL, _CLOSING, _OPEN, _DANGLING)
    kind, words, line_words, item, fences, dangling, running = (np.ascontiguousarray(numbers[:, i]) for i in range(7))
    return Endings(kind, words, line_words, item > 0, fences, dangling > 0, running > 0)


@kernel
def _code_before(data: Any, start: Any, end: Any) -> Any:
    """(code point, where it starts) of the last character of data[start:end], start < end."""
    at = end - 1
    while at > start and end - at < 4 and 0x80 <= data[at] < 0xC0:
        at -= 1
    lead = np.int64(data[at])
    code = lead
    if lead >= 0xF0:
        code = lead & 0x07
    elif lead >= 0xE0:
        code = lead & 0x0F
    elif lead >= 0xC0:
        code = lead & 0x1F
    for k in range(at + 1, end):
        code = (code << 6) | np.int64(data[k] & 0x3F)
    return code, at


@kernel
def _among(code: Any, codes: Any) -> Any:
    for i in range(len(codes)):  # noqa: SIM110  Numba compiles no generator
        if codes[i] == code:
            return True
    return False


@kernel
def _endings(offsets: Any, data: Any, terminal: Any, closing: Any, opening: Any, dangling: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 7), np.int64)
    for row in range(n):
        start, end = offsets[row], offsets[row + 1]
        while end > start and is_blank(data[end - 1]):
            end -= 1
        if end == start:
            continue
        words, fences, inside, line = 0, 0, False, start
        at_start = True
        for at in range(start, end):
            byte = data[at]
            if byte == 10:
                line, at_start = at + 1, True
                inside = False
                continue
            if is_blank(byte):
                inside = False
                continue
            if at_start and byte == 96 and at + 2 < end and data[at + 1] == 96 and data[at + 2] == 96:
                fences += 1
            at_start = False
            if not inside:
                words += 1
                inside = True
        line_words, inside = 0, False
        for at in range(line, end):
            if is_blank(data[at]):
                inside = False
            elif not inside:
                line_words += 1
                inside = True
        while line < end and is_blank(data[line]):
            line += 1
        first = data[line]
        item = first in (45, 42, 35, 124, 62, 43)
        at = line
        while at < end and 48 <= data[at] <= 57:
            at += 1
        item = item or (at > line and at < end and (data[at] == 46 or data[at] == 41 or data[at] == 58))
        single = at == line and (65 <= first <= 90 or 97 <= first <= 122) and line + 1 < end
        item = item or (single and (data[line + 1] == 46 or data[line + 1] == 41))  # A. or b)
        item = item or (first == 0xE2 and line + 1 < end and data[line + 1] in (0x80, 0x97, 0x9E))
        code, at = _code_before(data, start, end)
        kind = OTHER
        while at > start and _among(code, closing):
            code, at = _code_before(data, start, at)
        last, _ = _code_before(data, start, end)
        if _among(code, terminal):
            kind = TERMINAL
        elif _among(last, opening):
            kind = OPEN
        elif 65 <= last <= 90 or 97 <= last <= 122 or 0xC0 <= last < 0x250 or 0x370 <= last < 0x1400:
            kind = LETTER
        numbers[row, 0], numbers[row, 1], numbers[row, 2] = kind, words, line_words
        numbers[row, 3], numbers[row, 4] = 1 if item else 0, fences
        at, lower, packed = end - 1, True, np.int64(0)
        while at >= line and not is_blank(data[at]):
            byte = data[at]
            lower = lower and 97 <= byte <= 122
            if end - at < 8:
                packed |= np.int64(byte) << np.int64(8 * (end - 1 - at))
            at -= 1
        numbers[row, 5] = lower and end - 1 - at < 8 and _among(packed, dangling)
        commas = 0
        while lower and at > line:
            byte = data[at - 1]
            if is_blank(data[at]) and byte in (46, 33, 63):
                numbers[row, 6] = commas < 3
                break
            commas += byte == 44
            at -= 1
    return numbers
