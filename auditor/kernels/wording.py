"""Words and phrases of given lists in texts: counts a row, in one pass over Arrow buffers.

A word is a longest run of letters, digits and marks, with apostrophes (either kind) between letters as part of it;
ASCII is folded to lower case; a codepoint of a script written without spaces is a word of its own. A phrase does not
reach beyond the end of a sentence: `?`, `!` (also full-width), the ideographic full stop, a line feed, or a full stop
before white space. At each word the longest phrase of the lists that starts there counts, and its words are used up.
In plain Python: `tests/kernels/test_wording.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels.characters import NO_WORD, and_then, ends_sentence, hash_of, is_letter, kind_of
from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.machine import load8
from auditor.kernels.texts import classes, classes_for, decode, spans
from auditor.model.rows import Strings, strings

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

_PHRASE = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 / golden ratio
_END, _QUESTION = np.uint64(0), np.uint64(1)
"""What stands between the words of sentences."""

_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Lists:
    """Word lists as the kernel wants them, an open hash table: keys[slot] is a word, or words, in a row; masks[slot]
    the categories it counts for, a bit each (0: only the beginning of a phrase); longer[slot]: whether any phrase goes
    on from here.

    keys: uint64 [a power of two]. masks: int64. longer: bool. categories: their names, in the order of the bits.
    """

    keys: npt.NDArray[np.uint64]
    masks: Ints
    longer: npt.NDArray[np.bool_]
    categories: tuple[str, ...]


@kernel
def read(start, length, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Word hashes of one text into out (uint64, longer than its bytes), with _END or _QUESTION after each sentence;
    returns how many. A question within double quotes is only an end."""
    made = 0
    size = 0
    state = NO_WORD
    quoted = False
    at = start
    stop = start + length
    while at < stop:
        code = np.int64(load8(at))
        width = 1
        if code >= 0x80:
            code, width = decode(at, stop)
        after = np.int64(load8(at + width)) if at + width < stop else np.int64(0x20)
        if size > 0 and (code in (0x27, 0x2019)) and is_letter(after):
            state = and_then(state, 0x27)
            at += width
            continue
        kind = kind_of(code, table)
        if kind == 1:
            if 0x41 <= code <= 0x5A:
                code |= 0x20
            state = and_then(state, code)
            size += 1
            at += width
            continue
        if size > 0:
            out[made] = hash_of(state)
            made += 1
            size = 0
            state = NO_WORD
        if kind == 3:
            out[made] = hash_of(and_then(NO_WORD, code))
            made += 1
        elif code == 0x22:
            quoted = not quoted
        elif code == 0x201C:
            quoted = True
        elif code == 0x201D:
            quoted = False
        elif ends_sentence(code, after):
            if made > 0 and out[made - 1] > _QUESTION:
                out[made] = _QUESTION if not quoted and (code in (0x3F, 0xFF1F)) else _END
                made += 1
            if code == 0x0A:
                quoted = False
        at += width
    if size > 0:
        out[made] = hash_of(state)
        made += 1
    return made


@inlined
def _slot(key: Any, keys: Any) -> Any:
    """Where a key stands, or the empty slot (0) that says it does not."""
    mask = np.uint64(len(keys) - 1)
    slot = (key ^ (key >> _HALF)) & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _tally(starts, lengths, table, keys, masks, longer, categories, reader, question):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    counts = np.zeros((n, categories), np.int32)
    words = np.zeros(n, np.int64)
    most = 0
    for row in range(n):
        most = max(most, lengths[row])
    out = np.empty(most + 2, np.uint64)
    addressed = np.int64(1) << np.int64(max(reader, 0)) if reader >= 0 else np.int64(0)
    asked = np.int64(1) << np.int64(max(question, 0)) if question >= 0 else np.int64(0)
    for row in range(n):
        made = read(starts[row], lengths[row], table, out)
        to_reader = False
        told = False
        at = 0
        while at < made:
            if out[at] <= _QUESTION:
                if out[at] == _QUESTION and to_reader and not told and question >= 0:
                    counts[row, question] += 1
                to_reader = False
                told = False
                at += 1
                continue
            best = np.int64(0)
            size = 1
            key = np.uint64(0)
            ahead = at
            while ahead < made and out[ahead] > _QUESTION:
                key = key * _PHRASE + out[ahead]
                slot = _slot(key, keys)
                if keys[slot] == 0:
                    break
                if masks[slot] != 0:
                    best = masks[slot]
                    size = ahead - at + 1
                if not longer[slot]:
                    break
                ahead += 1
            words[row] += size
            at += size
            if best & addressed != 0:
                to_reader = True
            if best & asked != 0:
                told = True
            category = 0
            while best != 0:
                counts[row, category] += np.int32(best & 1)
                best >>= 1
                category += 1
    return counts, words


def lists(words: Mapping[str, Sequence[str]]) -> Lists:
    """Word lists by category (at most 62), each of words and phrases. The same lists are made once: splits of real data
    ask for them hundreds of times."""
    return _lists(tuple((category, tuple(phrases)) for category, phrases in words.items()))


@lru_cache(maxsize=32)
def _lists(named: tuple[tuple[str, tuple[str, ...]], ...]) -> Lists:
    words = dict(named)
    categories = tuple(words)
    wanted: dict[int, int] = {}
    longer: set[int] = set()
    table, everything = classes(), [phrase for phrases in words.values() for phrase in phrases]
    listed = strings(pa.array(everything, pa.large_string()))
    found = spans(listed.offsets, listed.data, fold=False)
    out = np.empty(int(max(found.lengths, default=0)) + 2, np.uint64)
    place = 0
    for bit, phrases in enumerate(words.values()):
        for _ in phrases:
            made = read(int(found.starts[place]), int(found.lengths[place]), table, out)
            key = 0
            for index in range(made):
                key = (key * int(_PHRASE) + int(out[index])) % (1 << 64)
                wanted.setdefault(key, 0)
                if index < made - 1:
                    longer.add(key)
            if made:
                wanted[key] |= 1 << bit
            place += 1
    size = 1 << max(4, (4 * len(wanted)).bit_length())
    keys, masks, more = np.zeros(size, np.uint64), np.zeros(size, np.int64), np.zeros(size, np.bool_)
    for key, mask in wanted.items():
        at = (key ^ (key >> 32)) & (size - 1)
        while keys[at]:
            at = (at + 1) & (size - 1)
        keys[at], masks[at], more[at] = key, mask, key in longer
    return Lists(keys, masks, more, categories)


def tally(text: Strings, known: Lists, *, reader: str = "", question: str = "") -> tuple[Counts, Ints]:
    """How often each category's words stand in each text, int32 [n, categories], and how many words it has.

    reader: the category of words that address the reader. question: the category that a sentence with one of those
    and a question mark at its end counts for, outside of quotes and where none of its own phrases stands in it.
    """
    found = spans(text.offsets, text.data, fold=False)
    places = [known.categories.index(name) if name else -1 for name in (reader, question)]
    counts, words = _tally(
        *(found.starts, found.lengths, classes_for(found)),
        *(known.keys, known.masks, known.longer, len(known.categories), *places),
    )
    return counts, words
