"""Words of a text, hashed as they are read.

A word is a longest run of letters, digits, marks and underscores after NFC and case folding; a
codepoint of a script written without spaces (Han, Kana, Thai …) is a word of its own; everything else
separates. In plain Python: `tests/kernels/oracle.py`.

A word's hash is 64 bits by folded 128-bit multiplication of its UTF-8 bytes, eight at a time. Unequal
words have equal hashes with a probability of about 2**-64; the hash is not keyed, so it withstands
accidents and not an adversary who looks for collisions.
"""

from __future__ import annotations

import numpy as np

from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.machine import count_bits, first_bit, fold_multiply, load64, low_masks, word_bits
from auditor.kernels.texts import decode

# Odd constants with well-spread bits: the secret of wyhash 4 (Wang Yi, public domain).
K0, K1, K2, K3 = (
    np.uint64(0xA0761D6478BD642F),
    np.uint64(0xE7037ED1A0B428DB),
    np.uint64(0x8EBC6AF09C88C6E3),
    np.uint64(0x589965CC75374CC3),
)
_LOW = low_masks()
_HIGH_BITS = np.uint64(0x8080808080808080)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ONE, _TWO, _TOP = np.uint64(1), np.uint64(2), np.uint64(63)


@inlined
def _folded(chunk):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Set bit 5 of ASCII bytes: upper case to lower, digits as they are, the underscore to a byte of
    its own. One to one on the bytes of words."""
    return chunk | ((~chunk & _HIGH_BITS) >> _TWO)


@kernel
def word_hash(start, length):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """uint64 hash of the `length` bytes of a word at an address."""
    state = K0 ^ (np.uint64(length) * K1)
    while length > 8:
        state = fold_multiply(_folded(load64(start)) ^ K2, state ^ K3)
        start += 8
        length -= 8
    return fold_multiply((_folded(load64(start)) & _LOW[length]) ^ K2, state ^ K3)


@kernel
def count_words(start, length):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """An upper bound of the words in a text, exact where it is ASCII."""
    words = 0
    at = 0
    before = np.uint64(0)
    while at < length:
        bits = word_bits(start + at)
        if length - at < 64:
            bits &= (_ONE << np.uint64(length - at)) - _ONE
        words += count_bits(bits & ~((bits << _ONE) | before))
        before = bits >> _TOP
        at += 64
    return words


@kernel
def ascii_words(start, length, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Word hashes of an ASCII text into out: uint64, long enough; returns how many."""
    words = 0
    begin = 0
    inside = False
    at = 0
    before = np.uint64(0)
    while at < length:
        bits = word_bits(start + at)
        if length - at < 64:
            bits &= (_ONE << np.uint64(length - at)) - _ONE
        edges = bits ^ ((bits << _ONE) | before)
        before = bits >> _TOP
        while edges != 0:
            place = at + first_bit(edges)
            edges &= edges - _ONE
            if inside:
                out[words] = word_hash(start + begin, place - begin)
                words += 1
                inside = False
            else:
                begin = place
                inside = True
        at += 64
    if inside:
        out[words] = word_hash(start + begin, length - begin)
        words += 1
    return words


@kernel
def unicode_words(start, length, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Word hashes of any normalised text into out; table: class bits by codepoint (`texts.classes`)."""
    words = 0
    at = start
    stop = start + length
    begin = np.int64(-1)
    while at < stop:
        code, size = decode(at, stop)
        bits = np.uint8(3) if 0x20000 <= code < 0x40000 else np.uint8(0)
        if code < len(table):
            bits = table[code]
        if begin >= 0 and (bits & 1 == 0 or bits & 2 != 0):
            out[words] = word_hash(begin, at - begin)
            words += 1
            begin = np.int64(-1)
        if bits & 2 != 0:
            out[words] = word_hash(at, size)
            words += 1
        elif bits & 1 != 0 and begin < 0:
            begin = at
        at += size
    if begin >= 0:
        out[words] = word_hash(begin, stop - begin)
        words += 1
    return words


@kernel
def room_for(starts, lengths, ascii_only):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Words of the wordiest row at most: how long the buffers of a scan must be."""
    most = 1
    for row in range(len(starts)):
        if lengths[row] > most:  # a text has at most one word a byte
            count = count_words(starts[row], lengths[row]) if ascii_only[row] else lengths[row]
            most = max(most, count)
    return most


@kernel
def words_of(start, length, is_ascii, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Word hashes of one text into out; returns how many."""
    if is_ascii:
        return ascii_words(start, length, out)
    return unicode_words(start, length, table, out)
