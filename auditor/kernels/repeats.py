"""Repetition within a text: lines, paragraphs, n-grams, runs of a character, loops at the end.

The shares follow Rae et al. 2021 ("Scaling Language Models: Methods, Analysis & Insights from Training
Gopher", arXiv 2112.11446, appendix A.1.1). Everything is over UTF-8 bytes; words are split at ASCII
whitespace, lines at line feeds and paragraphs at blank lines, all stripped and none empty. Of a text
longer than `READ` bytes, only the beginning is measured (runs and loops: all of it).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import is_blank
from auditor.kernels.compiled import inlined, kernel
from auditor.model.rows import Strings

TOP = (2, 3, 4)
"""Lengths of the n-grams whose most frequent one is measured."""

DUPLICATED = (5, 6, 7, 8, 9, 10)
"""Lengths of the n-grams whose repeated occurrences are measured."""

READ = 1 << 20
"""Bytes of a text whose lines and n-grams are measured: enough to judge it, and a bound on memory."""

LONGEST_UNIT = 512
"""Bytes of the longest phrase that is recognised as looping."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)

Shares = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Repeats:
    """What was found in n texts.

    words, lines, paragraphs: how many, int64 [n]. line_share, paragraph_share: share of them that
    stood before; line_bytes, paragraph_bytes: the same by bytes of the text. top: float32 [n, 3], the
    bytes of the words of the most frequent n-gram (the longest among equals), times its count, by
    bytes of the text; 0 where nothing occurs twice. duplicated: float32 [n, 6], bytes of n-grams that
    stood before, met from left to right without overlap. run, run_byte: longest run of one character,
    and its first byte; whitespace does not count. loop_bytes, loop_unit: the text ends in loop_bytes
    bytes of period loop_unit, the smallest one covering at least four units; 0 where it does not.
    """

    words: Ints
    lines: Ints
    paragraphs: Ints
    run: Ints
    run_byte: Ints
    loop_bytes: Ints
    loop_unit: Ints
    line_share: Shares
    line_bytes: Shares
    paragraph_share: Shares
    paragraph_bytes: Shares
    top: Shares
    duplicated: Shares


def repeats(text: Strings) -> Repeats:
    """Measure every value (a null counts as empty)."""
    numbers, shares = _repeats(text.offsets, text.data)
    counted = [np.ascontiguousarray(numbers[:, i]) for i in range(7)]
    parts = [np.ascontiguousarray(shares[:, i]) for i in range(4)]
    return Repeats(*[*counted, *parts, shares[:, 4:7], shares[:, 7:13]])


@kernel
def _repeats(offsets: Any, data: Any) -> Any:
    n = len(offsets) - 1
    numbers = np.zeros((n, 7), np.int64)
    shares = np.zeros((n, 13), np.float32)
    size = 1024  # words that there is room for
    hashes, lengths = np.zeros(size, np.uint64), np.zeros(size, np.int64)
    keys, stamps, counts = np.zeros(2 * size, np.uint64), np.zeros(2 * size, np.int64), np.zeros(2 * size, np.int64)
    stamp = np.int64(1)
    for row in range(n):
        text = data[offsets[row] : offsets[row + 1]]
        need = 64
        while need < min(len(text), READ) // 2 + 1:  # each word but the last takes at least two bytes
            need *= 2
        if need > size:
            size = need
            hashes, lengths = np.zeros(size, np.uint64), np.zeros(size, np.int64)
            keys, stamps = np.zeros(2 * size, np.uint64), np.zeros(2 * size, np.int64)
            counts = np.zeros(2 * size, np.int64)
        # A short text uses the beginning of the tables, which stays in the cache.
        room = 2 * need
        _row(text, hashes, lengths, keys[:room], stamps[:room], counts[:room], stamp, numbers[row], shares[row])
        stamp += 16  # more than the sets that a row empties
    return numbers, shares


@kernel
def _row(
    text: Any, hashes: Any, lengths: Any, keys: Any, stamps: Any, counts: Any, stamp: Any, numbers: Any, shares: Any
) -> None:
    end = len(text)
    while end > 0 and is_blank(text[end - 1]):
        end -= 1
    if end == 0:
        return
    numbers[3], numbers[4] = _run(text, end)
    numbers[5], numbers[6] = _loop(text, end)
    total = np.float32(min(len(text), READ))
    end = min(end, READ)
    words = _words(text, end, hashes, lengths)
    numbers[0] = words
    for blank_lines in range(2):
        count, again, repeated = _pieces(text, end, blank_lines, keys, stamps, stamp + blank_lines)
        numbers[1 + blank_lines] = count
        shares[2 * blank_lines] = again / max(count, 1)
        shares[2 * blank_lines + 1] = repeated / total
    for i in range(3):
        top = _top(hashes, lengths, words, 2 + i, keys, stamps, counts, stamp + 2 + i)
        shares[4 + i] = top / total
        if top == 0:
            break  # a longer n-gram that occurs twice holds a shorter one that does
    for i in range(6):
        repeated = _duplicated(hashes, lengths, words, 5 + i, keys, stamps, stamp + 5 + i)
        shares[7 + i] = repeated / total
        if repeated == 0:
            break


@inlined
def _slot(keys: Any, stamps: Any, stamp: Any, key: Any) -> Any:
    """Where the key is, or where it would go: stamps[slot] != stamp says that it is not there."""
    mask = len(keys) - 1
    slot = np.int64((key ^ (key >> np.uint64(32))) >> np.uint64(7)) & mask
    while stamps[slot] == stamp and keys[slot] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def _words(text: Any, end: Any, hashes: Any, lengths: Any) -> Any:
    words, word, length = 0, _SEED, 0
    for at in range(end):
        byte = text[at]
        if is_blank(byte):
            if length:
                hashes[words], lengths[words] = word, length
                words += 1
                word, length = _SEED, 0
        else:
            word = (word ^ np.uint64(byte)) * _MULTIPLIER
            length += 1
    if length:
        hashes[words], lengths[words] = word, length
        words += 1
    return words


@kernel
def _pieces(text: Any, end: Any, blank_lines: Any, keys: Any, stamps: Any, stamp: Any) -> Any:
    """(pieces, pieces that stood before, their bytes): lines, or paragraphs where blank_lines."""
    count = again = repeated = 0
    at = 0
    while at < end:
        if is_blank(text[at]):
            at += 1
            continue
        piece, pending, length = _SEED, 0, 0  # pending: blanks that belong to the piece if more follows
        newlines = 0
        while at < end:
            byte = text[at]
            if byte == 10:
                newlines += 1
                if newlines > blank_lines:
                    break
                pending += 1
            elif is_blank(byte):
                pending += 1
            else:
                for _ in range(pending):
                    piece = (piece ^ np.uint64(32)) * _MULTIPLIER
                length += pending + 1
                pending = newlines = 0
                piece = (piece ^ np.uint64(byte)) * _MULTIPLIER
            at += 1
        count += 1
        slot = _slot(keys, stamps, stamp, piece)
        if stamps[slot] == stamp:
            again += 1
            repeated += length
        else:
            stamps[slot], keys[slot] = stamp, piece
    return count, again, repeated


@kernel
def _run(text: Any, end: Any) -> Any:
    """(length in characters, first byte) of the longest run of one character."""
    best, best_byte = 0, 0
    at, previous, run = 0, 0, 0
    while at < end:
        byte: Any = np.int64(text[at])
        size = 1
        if byte >= 0xF0:
            size = 4
        elif byte >= 0xE0:
            size = 3
        elif byte >= 0xC0:
            size = 2
        code: Any = np.int64(byte)
        for k in range(1, min(size, end - at)):
            code = (code << 8) | np.int64(text[at + k])
        run = run + 1 if code == previous else 1
        previous = code
        if run > best and not is_blank(byte):
            best, best_byte = run, byte
        at += size
    return best, best_byte


@kernel
def _loop(text: Any, end: Any) -> Any:
    """(bytes, period) of the periodic end of the text with the smallest period, at least four units."""
    last = text[end - 1]
    for unit in range(1, min(LONGEST_UNIT, end // 4) + 1):
        if text[end - 1 - unit] != last:
            continue
        at = end - 1
        while at - unit >= 0 and text[at] == text[at - unit]:
            at -= 1
        covered = (end - 1 - at) + unit
        if covered >= 4 * unit and _says_something(text, end - unit, end):
            return covered, unit
    return 0, 0


@kernel
def _says_something(text: Any, start: Any, end: Any) -> Any:
    """Two letters or more that differ: not a ruler, a table's frame, or zeros of an array."""
    first = 0
    for at in range(start, end):
        byte = text[at]
        if byte >= 128 or 65 <= byte <= 90 or 97 <= byte <= 122:
            if first and byte != first:
                return True
            first = byte
    return False


@kernel
def _top(hashes: Any, lengths: Any, words: Any, n: Any, keys: Any, stamps: Any, counts: Any, stamp: Any) -> Any:
    most, longest = 1, 0
    for at in range(words - n + 1):
        key, length = np.uint64(0), 0
        for k in range(n):
            key = (key ^ hashes[at + k]) * _MULTIPLIER
            length += lengths[at + k]
        slot = _slot(keys, stamps, stamp, key)
        if stamps[slot] == stamp:
            counts[slot] += 1
            if counts[slot] > most:
                most, longest = counts[slot], length
            elif counts[slot] == most:
                longest = max(longest, length)
        else:
            stamps[slot], keys[slot], counts[slot] = stamp, key, 1
    return most * longest


@kernel
def _duplicated(hashes: Any, lengths: Any, words: Any, n: Any, keys: Any, stamps: Any, stamp: Any) -> Any:
    repeated, at = 0, 0
    while at <= words - n:
        key = np.uint64(0)
        for k in range(n):
            key = (key ^ hashes[at + k]) * _MULTIPLIER
        slot = _slot(keys, stamps, stamp, key)
        if stamps[slot] == stamp:
            for k in range(n):
                repeated += lengths[at + k]
            at += n
        else:
            stamps[slot], keys[slot] = stamp, key
            at += 1
    return repeated
