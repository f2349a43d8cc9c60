"""What a codepoint is to words and sentences, and the hash of a word, letter by letter."""

from __future__ import annotations

from typing import Any

import numpy as np

from auditor.kernels.compiled import inlined
from auditor.kernels.machine import fold_multiply
from auditor.kernels.tokens import K0, K1, K2

NO_WORD = K0
"""The state of a word without letters."""

_STEP = np.uint64(0xD6E8FEB86659FD93)  # odd, so each step is a bijection; from Evensen's rrmxmx mixer


@inlined
def and_then(state: Any, code: Any) -> Any:
    """The state of a word, one letter on."""
    return (state ^ np.uint64(code)) * _STEP


@inlined
def hash_of(state: Any) -> Any:
    """The hash of a word whose letters led to this state: at least 2."""
    return fold_multiply(state ^ K1, K2) | np.uint64(2)


@inlined
def is_blank(byte: Any) -> Any:
    """ASCII white space."""
    return byte == 0x20 or 0x09 <= byte <= 0x0D


@inlined
def ends_sentence(code: Any, after: Any) -> Any:
    """Whether a sentence ends at a character, before the byte `after`."""
    stops = code in (0x0A, 0x3F, 0x21, 0x3002, 0xFF01, 0xFF1F)
    return stops or (code == 0x2E and is_blank(after))


@inlined
def is_letter(code: Any) -> Any:
    """A letter of ASCII."""
    return 0x61 <= (code | 0x20) <= 0x7A


@inlined
def kind_of(code: Any, table: Any) -> Any:
    """0 separates, 1 is part of a word, 3 is a word of its own."""
    if code < 0x80:
        return 1 if is_letter(code) or 0x30 <= code <= 0x39 else 0
    if code < len(table):
        return np.int64(table[code]) & 3
    return 3 if 0x20000 <= code < 0x40000 else 0
