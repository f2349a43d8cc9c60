"""Words and phrases of given lists in texts, and how texts are written: counts a row, in one pass over Arrow buffers.

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

from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.hashes import is_space
from auditor.kernels.machine import fold_multiply, load8
from auditor.kernels.texts import Spans, classes, classes_for, decode, spans
from auditor.kernels.tokens import K0, K1, K2
from auditor.model.rows import Strings, strings

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int32]

_STEP = np.uint64(0xD6E8FEB86659FD93)  # odd, so each step is a bijection; from Evensen's rrmxmx mixer
_PHRASE = np.uint64(0x9E3779B97F4A7C15)  # odd, 2**64 / golden ratio
_END, _QUESTION = np.uint64(0), np.uint64(1)
"""What stands between the words of sentences."""

_HALF = np.uint64(32)

PLAIN = (5, 20)
"""Letters of the words that are looked at for slips."""


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


@dataclass(frozen=True, slots=True)
class Form:
    """How n texts are written, int64 [n] each.

    words; latin: those that begin with an ASCII letter, of which `syllables` are counted; sentences: at least 1 where
    there is a word; lower: 1 where the first letter is a small one, 0 where a capital, -1 where neither (no letter, or
    one beyond ASCII); open_end: 1 where the text ends in a letter or digit; suffixed: words in -ing or -ed;
    elongated: letters three times in a row, or more (not i, w and x: III, www, xxx); pictures: emoji; loud: runs of
    ? and ! of two or more; lone_i: the word i, written small.
    """

    words: Ints
    latin: Ints
    syllables: Ints
    sentences: Ints
    lower: Ints
    open_end: Ints
    suffixed: Ints
    elongated: Ints
    pictures: Ints
    loud: Ints
    lone_i: Ints


@dataclass(frozen=True, slots=True)
class Plain:
    """Words that stand in small ASCII letters alone, of PLAIN length. word: uint64 hash; row; start, length: bytes in
    the column's data."""

    word: npt.NDArray[np.uint64]
    row: Ints
    start: Ints
    length: Ints


@inlined
def _end_of_sentence(code: Any, after: Any) -> Any:
    stops = code in (0x0A, 0x3F, 0x21, 0x3002, 0xFF01, 0xFF1F)
    return stops or (code == 0x2E and (after == 0x20 or 0x09 <= after <= 0x0D))


@inlined
def _letter(code: Any) -> Any:
    return 0x61 <= (code | 0x20) <= 0x7A


@inlined
def _kind(code: Any, table: Any) -> Any:
    """0 separates, 1 is part of a word, 3 is a word of its own."""
    if code < 0x80:
        return 1 if _letter(code) or 0x30 <= code <= 0x39 else 0
    if code < len(table):
        return np.int64(table[code]) & 3
    return 3 if 0x20000 <= code < 0x40000 else 0


@kernel
def read(start, length, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Word hashes of one text into out (uint64, longer than its bytes), with _END or _QUESTION after each sentence;
    returns how many. A question within double quotes is only an end."""
    made = 0
    size = 0
    state = K0
    quoted = False
    at = start
    stop = start + length
    while at < stop:
        code = np.int64(load8(at))
        width = 1
        if code >= 0x80:
            code, width = decode(at, stop)
        after = np.int64(load8(at + width)) if at + width < stop else np.int64(0x20)
        if size > 0 and (code in (0x27, 0x2019)) and _letter(after):
            state = (state ^ np.uint64(0x27)) * _STEP
            at += width
            continue
        kind = _kind(code, table)
        if kind == 1:
            if 0x41 <= code <= 0x5A:
                code |= 0x20
            state = (state ^ np.uint64(code)) * _STEP
            size += 1
            at += width
            continue
        if size > 0:
            out[made] = fold_multiply(state ^ K1, K2) | np.uint64(2)
            made += 1
            size = 0
            state = K0
        if kind == 3:
            out[made] = fold_multiply(((K0 ^ np.uint64(code)) * _STEP) ^ K1, K2) | np.uint64(2)
            made += 1
        elif code == 0x22:
            quoted = not quoted
        elif code == 0x201C:
            quoted = True
        elif code == 0x201D:
            quoted = False
        elif _end_of_sentence(code, after):
            if made > 0 and out[made - 1] > _QUESTION:
                out[made] = _QUESTION if not quoted and (code in (0x3F, 0xFF1F)) else _END
                made += 1
            if code == 0x0A:
                quoted = False
        at += width
    if size > 0:
        out[made] = fold_multiply(state ^ K1, K2) | np.uint64(2)
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
    found = spans(*_parts(strings(pa.array(everything, pa.large_string()))), fold=False)
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
    found, table = _spans(text)
    places = [known.categories.index(name) if name else -1 for name in (reader, question)]
    counts, words = _tally(
        *(found.starts, found.lengths, table, known.keys, known.masks, known.longer, len(known.categories), *places)
    )
    return counts, words


@inlined
def _picture(code: Any) -> Any:
    """Emoji: Miscellaneous Symbols, Dingbats, and the pictographs of plane 1 (Unicode blocks)."""
    return 0x2600 <= code <= 0x27BF or 0x1F300 <= code <= 0x1FAFF


@inlined
def _vowel(code: Any) -> Any:
    return code in (0x61, 0x65, 0x69, 0x6F, 0x75, 0x79)


@kernel
def _form(starts, lengths, table):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    out = np.zeros((n, 11), np.int64)
    for row in range(n):
        at = starts[row]
        stop = at + lengths[row]
        words, latin, syllables, sentences, lower = 0, 0, 0, 0, -1
        suffixed, elongated, pictures, loud, lone_i = 0, 0, 0, 0, 0
        size, groups, first = 0, 0, np.int64(0)  # of the word so far
        a, b, c = np.int64(0), np.int64(0), np.int64(0)  # its last letters, in lower case
        cased = False
        pending = False  # a word since the last sentence
        ended = False
        before, run = np.int64(0), 0  # the character before this one, and how often it stood in a row
        shouts = 0
        while at <= stop:
            code = np.int64(0x20)
            width = 1
            if at < stop:
                code = np.int64(load8(at))
                if code >= 0x80:
                    code, width = decode(at, stop)
            after = np.int64(load8(at + width)) if at + width < stop else np.int64(0x20)
            small = code | 0x20 if 0x41 <= code <= 0x5A else code
            run = run + 1 if small == before else 1
            if run == 3 and 0x61 <= small <= 0x7A and small not in (0x69, 0x77, 0x78):
                elongated += 1
            before = small
            shouts = shouts + 1 if code in (0x21, 0x3F) else 0
            if shouts == 2:
                loud += 1
            if not cased and lower < 0:
                if _letter(code):
                    lower = 1 if code == small else 0
                    cased = True
                elif code >= 0x80 and _kind(code, table) != 0:
                    cased = True
            kind = _kind(code, table)
            if at < stop and not is_space(code):
                ended = kind != 0
            if size > 0 and (code in (0x27, 0x2019)) and _letter(after):
                a, b, c = b, c, np.int64(0x27)  # ends no group: o'clock has two
                size += 1
                at += width
                continue
            if kind == 1 and at < stop:
                if size == 0:
                    first = code
                    groups, a, b, c = 0, np.int64(0), np.int64(0), np.int64(0)
                if _vowel(small) and not _vowel(c):
                    groups += 1
                a, b, c = b, c, small
                size += 1
                at += width
                continue
            if size > 0:
                words += 1
                pending = True
                if _letter(first):
                    latin += 1
                    if size > 3:
                        # Talburt: endings -es, -ed and -e do not count, but -le does.
                        silent = c == 0x65 and b != 0x6C and not _vowel(b)
                        if silent or (b == 0x65 and c in (0x73, 0x64) and not _vowel(a)):
                            groups -= 1
                    syllables += max(1, groups) if size > 3 else 1
                    if size >= 5 and ((b == 0x65 and c == 0x64) or (a == 0x69 and b == 0x6E and c == 0x67)):
                        suffixed += 1
                    if size == 1 and first == 0x69:
                        lone_i += 1
                size = 0
            if kind == 3:
                words += 1
                pending = True
            elif _picture(code):
                pictures += 1
            if pending and (at >= stop or _end_of_sentence(code, after)):
                sentences += 1
                pending = False
            at += width
        out[row, 0], out[row, 1], out[row, 2], out[row, 3], out[row, 4] = words, latin, syllables, sentences, lower
        out[row, 5], out[row, 6], out[row, 7], out[row, 8] = ended, suffixed, elongated, pictures
        out[row, 9], out[row, 10] = loud, lone_i
    return out


def form(text: Strings) -> Form:
    """How every value is written (a null counts as empty)."""
    found, table = _spans(text)
    out = _form(found.starts, found.lengths, table)
    return Form(*(np.ascontiguousarray(out[:, i]) for i in range(out.shape[1])))


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
        state = K0
        while at <= stop:
            code = np.int64(load8(at)) if at < stop else np.int64(0x20)
            if 0x61 <= code <= 0x7A:
                state = (state ^ np.uint64(code)) * _STEP
                at += 1
                continue
            # A word ends where white space, or a mark and then white space, follows.
            after = np.int64(load8(at + 1)) if at + 1 < stop else np.int64(0x20)
            gap = code == 0x20 or 0x09 <= code <= 0x0D
            ends = gap or ((code in (0x2C, 0x2E, 0x3F, 0x21, 0x3B)) and (after == 0x20 or 0x09 <= after <= 0x0D))
            size = at - begin
            if fine and ends and least <= size <= most:
                word[made] = fold_multiply(state ^ K1, K2) | np.uint64(2)
                where[made, 0], where[made, 1], where[made, 2] = row, begin, size
                made += 1
            fine = bool(gap)
            state = K0
            at += 1
            begin = at
    return word[:made].copy(), where[:made].copy()


def plain(text: Strings) -> Plain:
    """Every word in small ASCII letters that white space, or white space and one mark behind it, sets apart."""
    found = spans(*_parts(text), fold=False)
    word, where = _plain(found.starts, found.lengths, *PLAIN)
    row = np.ascontiguousarray(where[:, 0])
    start = text.offsets[row] + (where[:, 1] - found.starts[row])
    return Plain(word, row, start, np.ascontiguousarray(where[:, 2]))


def _spans(text: Strings) -> tuple[Spans, npt.NDArray[np.uint8]]:
    found = spans(*_parts(text), fold=False)
    return found, classes_for(found)


def _parts(text: Strings) -> tuple[Ints, npt.NDArray[np.uint8]]:
    return text.offsets, text.data
