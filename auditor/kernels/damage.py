"""What is broken inside a text, seen from its bytes: how it ends, words that are none, mojibake, echoes.

Scans of the rows of Arrow buffers; arrays in, arrays out. A null counts as empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import inlined, kernel
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

NOTHING, TERMINAL, LETTER, OPEN, OTHER = range(5)
"""How a text ends: not at all, with sentence punctuation (a closing quote or bracket may follow it), with a
letter, with a comma or an opening bracket, with anything else."""

_TERMINAL = np.array([ord(c) for c in ".!?…。！？．।؟۔։။៕"], np.int64)
_CLOSING = np.array([ord(c) for c in "\"')]}*_`”’»›」』）】〉》"], np.int64)
_OPEN = np.array([ord(c) for c in ",([{，、（「『【"], np.int64)

# Bytes 0x80-0x9F of Windows-1252 as code points (WHATWG Encoding Standard, index windows-1252).
_CP1252 = np.array(
    [ord(bytes([b]).decode("cp1252")) if b not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else b for b in range(0x80, 0xA0)],
    np.int64,
)

# English words that do not end a sentence: a text that stops at one was cut off.
_DANGLING_WORDS = (
    "the",
    "a",
    "an",
    "and",
    "or",
    "but",
    "nor",
    "of",
    "to",
    "with",
    "for",
    "from",
    "into",
    "than",
    "as",
    "if",
    "because",
    "although",
    "while",
    "whereas",
    "which",
    "whose",
    "who",
    "is",
    "are",
    "was",
    "were",
    "be",
    "been",
    "has",
    "have",
    "had",
    "can",
    "could",
    "will",
    "would",
    "shall",
    "should",
    "may",
    "might",
    "must",
    "your",
    "their",
    "its",
    "my",
    "our",
    "his",
    "each",
    "every",
    "very",
    "through",
    "during",
    "upon",
)

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


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


def echoes(prompt: Strings, response: Strings, least: int) -> Mask:
    """Bool array [n]: the response is or begins with the prompt (ASCII whitespace around both aside), which has at
    least `least` bytes."""
    found: Mask = _echoes(prompt.offsets, prompt.data, response.offsets, response.data, least)
    return found


def given_ids(ids: Strings, digests: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint64], Mask]:
    """(64-bit hashes of the ids, which of them a user gave: not the hex of the row's digest).

    digests: uint8 [n, 16]. Two of a million different ids share a hash once in 40 million datasets.
    """
    hashes, given = _given_ids(ids.offsets, ids.data, digests)
    return hashes, given


def broken_turns(offsets: Ints, roles: npt.NDArray[np.int8], content: npt.NDArray[np.bool_]) -> Mask:
    """Bool array [n]: turns out of order. roles [turns]: 0 system, 1 user, 2 assistant, 3 tool, 4 any other.
    content [turns]: the turn says something (a turn of the assistant without content calls a tool).

    Out of order: a system message after another turn, a tool result or an answer before any question, two
    questions in a row, two answers in a row that both say something.
    """
    found: Mask = _broken_turns(offsets, roles, content)
    return found


@inlined
def _blank(byte: Any) -> Any:
    return byte == 32 or 9 <= byte <= 13


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
        while end > start and _blank(data[end - 1]):
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
            if _blank(byte):
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
            if _blank(data[at]):
                inside = False
            elif not inside:
                line_words += 1
                inside = True
        while line < end and _blank(data[line]):
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
        while at >= line and not _blank(data[at]):
            byte = data[at]
            lower = lower and 97 <= byte <= 122
            if end - at < 8:
                packed |= np.int64(byte) << np.int64(8 * (end - 1 - at))
            at -= 1
        numbers[row, 5] = lower and end - 1 - at < 8 and _among(packed, dangling)
        commas = 0
        while lower and at > line:
            byte = data[at - 1]
            if _blank(data[at]) and byte in (46, 33, 63):
                numbers[row, 6] = commas < 3
                break
            commas += byte == 44
            at -= 1
    return numbers


@kernel
def _implausible(offsets: Any, data: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 2), np.int64)
    for row in range(n):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            while at < end and _blank(data[at]):
                at += 1
            start = at
            while at < end and not _blank(data[at]):
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


@kernel
def _echoes(offsets: Any, data: Any, starts: Any, answers: Any, least: Any) -> Any:
    n = len(offsets) - 1
    found = np.zeros(n, np.bool_)
    for row in range(n):
        low, high = offsets[row], offsets[row + 1]
        while low < high and _blank(data[low]):
            low += 1
        while high > low and _blank(data[high - 1]):
            high -= 1
        at, end = starts[row], starts[row + 1]
        while at < end and _blank(answers[at]):
            at += 1
        if high - low < least or end - at < high - low:
            continue
        same = True
        for k in range(high - low):
            if data[low + k] != answers[at + k]:
                same = False
                break
        found[row] = same
    return found


@kernel
def _given_ids(offsets: Any, data: Any, digests: Any) -> Any:
    n = len(offsets) - 1
    hashes = np.zeros(n, np.uint64)
    given = np.zeros(n, np.bool_)
    for row in range(n):
        start, end = offsets[row], offsets[row + 1]
        word = _SEED
        for at in range(start, end):
            word = (word ^ np.uint64(data[at])) * _MULTIPLIER
            word ^= word >> np.uint64(32)
        hashes[row] = word
        same = end - start == 32
        if same:
            for k in range(16):
                for half in range(2):
                    digit = (digests[row, k] >> 4) if half == 0 else (digests[row, k] & 15)
                    if data[start + 2 * k + half] != (48 + digit if digit < 10 else 87 + digit):
                        same = False
        given[row] = end > start and not same
    return hashes, given


@kernel
def _broken_turns(offsets: Any, roles: Any, content: Any) -> Any:
    n = len(offsets) - 1
    found = np.zeros(n, np.bool_)
    for row in range(n):
        previous, said, asked = -1, False, False
        for turn in range(offsets[row], offsets[row + 1]):
            role = roles[turn]
            if role == 0:
                found[row] |= previous > 0
            elif role == 1:
                found[row] |= previous == 1
                asked = True
            elif role == 2:
                found[row] |= not asked or (previous == 2 and said and content[turn])
            elif role == 3:
                found[row] |= not asked
            previous, said = role, content[turn]
    return found
