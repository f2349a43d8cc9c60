"""Where the kernels find a text: an address and a length, whatever buffer it lies in.

Rows of one shard lie in its memory-mapped Arrow buffer; the few that must be normalised in Python
(NFC, case folding) and the last ones, which have no room behind them for wide loads, lie in small
buffers of ours. Nothing is copied for the rest.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.kernels.machine import PADDING, first_bit, high_bits, load8

WORD, ALONE, INERT = 1, 2, 4
"""Bits of a codepoint's class: part of a word; a word of its own; NFC and case folding leave it as
it is, wherever it stands."""

TABLE = 0x20000
"""Codepoints with an entry of their own; the planes of Han beyond them are ALONE, the rest separates."""

SCRIPTS_WITHOUT_SPACES = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x19E0, 0x19FF),  # Khmer symbols
    (0x3005, 0x3007),  # ideographic iteration mark, closing mark, zero
    (0x3040, 0x312F),  # Hiragana, Katakana, Bopomofo
    (0x31A0, 0x31BF),  # Bopomofo extended
    (0x31F0, 0x31FF),  # Katakana extensions
    (0x3400, 0x4DBF),  # Han extension A
    (0x4E00, 0x9FFF),  # Han
    (0xA9E0, 0xA9FF),  # Myanmar extended B
    (0xAA60, 0xAA7F),  # Myanmar extended A
    (0xF900, 0xFAFF),  # Han compatibility
    (0xFF66, 0xFF9F),  # half-width Katakana
    (0x1AFF0, 0x1B16F),  # Kana extensions
)
"""Scripts written without spaces between words (UAX 29, section 4.1: dictionary-based scripts)."""

Bytes = npt.NDArray[np.uint8]
Longs = npt.NDArray[np.int64]

_NONE = np.zeros(0, np.uint8)
_NONE.setflags(write=False)  # of one type with `classes`, so that kernels are compiled for one


@dataclass(frozen=True, slots=True)
class Spans:
    """starts: int64 [n], addresses. lengths: int64 [n], bytes. ascii: bool [n]. keep: what the
    addresses point into; the texts live as long as this object."""

    starts: Longs
    lengths: Longs
    ascii: npt.NDArray[np.bool_]
    keep: tuple[Any, ...]

    def __len__(self) -> int:
        return len(self.starts)


def normal(text: str) -> str:
    """NFC, then case folding: what words are compared by (UAX 15; Unicode 3.13, toCasefold)."""
    return unicodedata.normalize("NFC", text).casefold()


@cache
def classes() -> Bytes:
    """uint8 [TABLE]: class bits by codepoint: letters, digits, marks and the underscore make words."""
    table = np.zeros(TABLE, np.uint8)
    for code in range(TABLE):
        character = chr(code)
        kind = unicodedata.category(character)
        bits = WORD if kind[0] in "LNM" or character == "_" else 0
        # A mark may reorder or compose with what stands before it, and so may the vowels of Hangul.
        if (
            kind[0] not in "MC"
            and not 0x1100 <= code <= 0x11FF
            and unicodedata.is_normalized("NFC", character)
            and character.casefold() == character
        ):
            bits |= INERT
        table[code] = bits
    for low, high in SCRIPTS_WITHOUT_SPACES:
        block = table[low : high + 1]
        block[(block & WORD) > 0] |= ALONE
    table[ord("A") : ord("Z") + 1] |= INERT  # kernels fold ASCII themselves
    table[:32] |= INERT
    table.setflags(write=False)
    return table


def classes_for(texts: Spans) -> Bytes:
    """What a kernel needs of `classes`: nothing where all texts are ASCII, and so nothing is made."""
    return _NONE if texts.ascii.all() else classes()


@kernel
def decode(at: int, stop: int) -> tuple[int, int]:  # pragma: no cover  compiled
    """The codepoint at an address and how many bytes it takes; a broken sequence is one separator."""
    lead = load8(at)
    if lead < 0x80:
        return lead, 1
    if lead >= 0xF0 and at + 4 <= stop:
        code = (
            ((lead & 0x07) << 18)
            | ((load8(at + 1) & 0x3F) << 12)
            | ((load8(at + 2) & 0x3F) << 6)
            | (load8(at + 3) & 0x3F)
        )
        return code, 4
    if 0xE0 <= lead < 0xF0 and at + 3 <= stop:
        return ((lead & 0x0F) << 12) | ((load8(at + 1) & 0x3F) << 6) | (load8(at + 2) & 0x3F), 3
    if 0xC0 <= lead < 0xE0 and at + 2 <= stop:
        return ((lead & 0x1F) << 6) | (load8(at + 1) & 0x3F), 2
    return 0, 1


@kernel
def first_high(start, length):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Offset of the first byte that is not ASCII, or `length`."""
    at = 0
    while at < length:
        bits = high_bits(start + at)
        if bits != 0:
            return min(length, at + first_bit(bits))
        at += 64
    return length


@kernel
def kinds(starts, lengths, table):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """uint8 [n]: 0 all ASCII, 1 beyond ASCII and already normal but for ASCII case, 2 to be normalised.

    starts, lengths: int64 [n]. table: uint8 [TABLE] of class bits.
    """
    kind = np.zeros(len(starts), np.uint8)
    for row in range(len(starts)):
        at = starts[row] + first_high(starts[row], lengths[row])
        stop = starts[row] + lengths[row]
        if at < stop:
            kind[row] = 1
        while at < stop:
            code, size = decode(at, stop)
            if not (0x20000 <= code < 0x2F800) and (code >= len(table) or (table[code] & 4) == 0):
                kind[row] = 2
                break
            at += size
    return kind


@kernel
def any_high(starts, lengths):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Whether any of the texts goes beyond ASCII."""
    for row in range(len(starts)):  # noqa: SIM110  Numba has no generator expressions
        if first_high(starts[row], lengths[row]) < lengths[row]:
            return True
    return False


def spans(offsets: Longs, data: Bytes, *, fold: bool, rows: npt.NDArray[np.int64] | None = None) -> Spans:
    """Texts of a string column by address.

    offsets: int64 [n + 1] into data: uint8. fold: normalise rows beyond ASCII by `normal` (kernels
    fold the case of ASCII as they read). rows: int64 [m], only these rows, in this order.
    """
    begin = offsets[:-1] if rows is None else offsets[rows]
    end = offsets[1:] if rows is None else offsets[rows + 1]
    lengths = end - begin
    keep: list[Any] = [data]
    tight = np.flatnonzero(end + PADDING > len(data))
    starts = begin + data.ctypes.data
    if len(tight):
        _move(starts, tight, [data[begin[i] : end[i]].tobytes() for i in tight], keep)
    ascii_only = np.ones(len(starts), np.bool_)
    if any_high(starts, lengths):
        kind = kinds(starts, lengths, classes())
        ascii_only = kind == 0
        strange = np.flatnonzero(kind == 2) if fold else np.zeros(0, np.int64)
        if len(strange):
            normals = [
                normal(data[begin[i] : end[i]].tobytes().decode("utf-8", "replace")).encode("utf-8", "replace")
                for i in strange
            ]
            lengths = lengths.copy()
            lengths[strange] = [len(text) for text in normals]
            _move(starts, strange, normals, keep)
    return Spans(starts, lengths, ascii_only, tuple(keep))


def _move(starts: Longs, rows: npt.NDArray[np.intp], texts: list[bytes], keep: list[Any]) -> None:
    """Lay texts into a padded buffer of ours and point the rows there."""
    buffer = np.frombuffer(b"".join(texts) + bytes(PADDING), np.uint8)
    places = np.cumsum([0, *(len(text) for text in texts[:-1])])
    starts[rows] = buffer.ctypes.data + places
    keep.append(buffer)
