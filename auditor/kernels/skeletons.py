"""What is left of a text when its particulars are masked: tokens, the phrases they share, skeletons.

A token is a word (`kernels.tokens`), or a mask: a number, a name (a word with a capital within a sentence), a
quotation, a web address; masks side by side are one. A word is *supported* as far as some run of three tokens
with it (the ends of the text count as tokens) stands in many texts. The skeleton of a text at a level is its
words of that support, in order, with everything between them masked. In plain Python:
`tests/kernels/test_skeletons.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.buffers import grown, longest
from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.hashes import is_space, sort_unique
from auditor.kernels.machine import fold_multiply, load8
from auditor.kernels.texts import Spans, classes_for, decode
from auditor.kernels.tokens import K0, K1, K2, K3, word_hash

READ = 1 << 14
"""Bytes of a text that are read: a skeleton longer than that is no template."""

QUOTED, SPOKEN = 400, 80
"""Bytes of the longest quotation in double and in single quotes."""

MASK = np.uint64(0x9E3779B97F4A7C15)
_START, _STOP = np.uint64(0xD1B54A32D192ED03), np.uint64(0x8CB92BA72F3D8DD7)

WIDEST = 4
"""Words of a mask that count against a skeleton: a slot may hold a paragraph."""

Hashes = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candidates:
    """Skeletons of texts: of text `rows[i]`, ascending, the skeleton `hashes[i]` with `fixed[i]` words."""

    rows: Longs
    hashes: Hashes
    fixed: Longs


@inlined
def _letter(byte):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    return 0x61 <= byte <= 0x7A or 0x41 <= byte <= 0x5A or 0x30 <= byte <= 0x39 or byte == 0x5F


@kernel
def _web(at, stop):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Whether a web address begins here."""
    if at + 8 >= stop:
        return False
    one, two, three, four = load8(at), load8(at + 1), load8(at + 2), load8(at + 3)
    if one == 0x77 and two == 0x77 and three == 0x77 and four == 0x2E:
        return True
    if one != 0x68 or two != 0x74 or three != 0x74 or four != 0x70:
        return False
    after = at + 5 if load8(at + 4) == 0x73 else at + 4
    return load8(after) == 0x3A and load8(after + 1) == 0x2F and load8(after + 2) == 0x2F


@kernel
def _closing(at, stop, close, size, most):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Address behind the quotation mark that closes, on the same line; 0 where there is none. close: codepoint.
    size: bytes of it. most: bytes to look through."""
    last = min(stop, at + most)
    while at < last:
        byte = load8(at)
        if byte == 0x0A:
            return 0
        if size == 1:
            after = load8(at + 1) if at + 1 < stop else 0x20
            if byte == close and not _letter(after):
                return at + 1
        elif byte >= 0xE0 and decode(at, stop)[0] == close:
            return at + size
        at += 1
    return 0


@kernel
def tokens_of(start, length, table, hashes, begins, ends, words):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Tokens of one text; returns how many. hashes: uint64, MASK for a mask. begins, ends: int64, bytes from the
    start. words: int64, words that a mask stands for. All as long as the text has bytes, at least 1."""
    made = 0
    at = start
    stop = start + length
    opening = True  # a capital says nothing where a sentence begins
    gap = True  # white space, or the start, just before
    while at < stop:
        byte = load8(at)
        code, size = np.int64(byte), 1
        bits = np.uint8(1) if _letter(byte) else np.uint8(0)
        if byte >= 0x80:
            code, size = decode(at, stop)
            bits = np.uint8(3) if 0x20000 <= code < 0x40000 else np.uint8(0)
            if code < len(table):
                bits = table[code]
        if bits & 1 == 0:
            close = np.int64(0)
            if gap and byte in (0x22, 0x27):
                close = code
            elif code == 0x201C:
                close = np.int64(0x201D)
            if close != 0 and at + size < stop and not is_space(np.int64(load8(at + size))):
                behind = _closing(at + size, stop, close, size, SPOKEN if byte == 0x27 else QUOTED)
                if behind > 0:
                    if made == 0 or hashes[made - 1] != MASK:
                        hashes[made], begins[made], words[made] = MASK, at - start, 0
                        made += 1
                    ends[made - 1] = behind - start
                    words[made - 1] += WIDEST
                    at = behind
                    opening, gap = False, False
                    continue
            gap = is_space(code)
            if not (gap and code != 0x0A) and code not in (0x2C, 0x27, 0x2019, 0x2D, 0x26):
                opening = True
            at += size
            continue
        begin = at
        masked = False
        if bits & 2 != 0:
            at += size
        else:
            masked = 0x30 <= byte <= 0x39
            if _web(at, stop):
                masked = True
                while at < stop and not is_space(np.int64(load8(at))):
                    at += 1
            while at < stop:
                byte = load8(at)
                if byte < 0x80:
                    if not _letter(byte):
                        break
                    at += 1
                    continue
                inner, size = decode(at, stop)
                if inner >= len(table) or table[inner] & 3 != 1:
                    break
                at += size
            capital = 0x41 <= load8(begin) <= 0x5A
            alone = at - begin == 1 and (load8(begin) == 0x49 or load8(begin) == 0x41)  # I, A
            masked = masked or (capital and not opening and not alone)
        opening, gap = False, False
        if masked and made > 0 and hashes[made - 1] == MASK:
            ends[made - 1] = at - start
            words[made - 1] += 1
            continue
        hashes[made] = MASK if masked else word_hash(begin, at - begin)
        begins[made], ends[made], words[made] = begin - start, at - start, 1
        made += 1
    return made


@kernel
def _phrases(hashes, count, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Hash of the run of three tokens about each token, into out."""
    before = _START
    for i in range(count):
        after = hashes[i + 1] if i + 1 < count else _STOP
        out[i] = fold_multiply(fold_multiply(before ^ K0, hashes[i] ^ K1) ^ after, K2)
        before = hashes[i]


@kernel
def _places(starts, lengths, table, bits):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    most = longest(lengths, READ)
    hashes, phrases, spare = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.uint64)
    begins, ends, words = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    bins = np.empty((1 << 10) + 1, np.int64)
    shift = np.uint64(64 - bits)
    places = np.empty(max(most, 80 * n), np.uint32)
    made = 0
    for row in range(n):
        count = tokens_of(starts[row], min(lengths[row], READ), table, hashes, begins, ends, words)
        _phrases(hashes, count, phrases)
        count = sort_unique(phrases, count, spare, bins)
        if made + count > len(places):
            places = grown(places, made, 2 * len(places) + count)
        for i in range(count):
            places[made + i] = np.uint32(phrases[i] >> shift)
        made += count
    return places[:made].copy()


@kernel
def add(counters, places):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Count places into counters: uint32."""
    for place in places:
        counters[place] += np.uint32(1)


@kernel
def _supports(hashes, count, phrases, counters, shift, support):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """How many texts have the commonest run of three with each token, into support; returns the largest. Of masks
    none."""
    _phrases(hashes, count, phrases)
    top = np.int64(0)
    before, here = np.int64(0), np.int64(counters[phrases[0] >> shift]) if count > 0 else np.int64(0)
    for i in range(count):
        after = np.int64(counters[phrases[i + 1] >> shift]) if i + 1 < count else np.int64(0)
        support[i] = np.int64(0) if hashes[i] == MASK else max(before, here, after)
        top = max(top, support[i])
        before, here = here, after
    return top


@kernel
def _skeleton(hashes, words, support, count, level):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """(hash, fixed words, slots, words of slots, each at most WIDEST) at a level."""
    state = K3
    fixed, slots, held, run = 0, 0, 0, 0
    for i in range(count):
        if support[i] >= level:
            state = fold_multiply(state ^ hashes[i], K1)
            held += min(run, WIDEST)
            fixed += 1
            run = 0
        else:
            if run == 0:
                state = fold_multiply(state ^ MASK, K2)
                slots += 1
            run += words[i]
    return state, fixed, slots, held + min(run, WIDEST)


@kernel
def _candidates(starts, lengths, table, counters, bits, levels, least, coverage):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    most = longest(lengths, READ)
    hashes, phrases, support = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.int64)
    begins, ends, words = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    shift = np.uint64(64 - bits)
    rows, keys, sizes = np.empty(n + 64, np.int64), np.empty(n + 64, np.uint64), np.empty(n + 64, np.int64)
    made = 0
    for row in range(n):
        count = tokens_of(starts[row], min(lengths[row], READ), table, hashes, begins, ends, words)
        top = _supports(hashes, count, phrases, counters, shift, support)
        if made + len(levels) > len(rows):
            room = 2 * len(rows) + len(levels)
            more_rows, more_keys, more_sizes = (
                np.empty(room, np.int64),
                np.empty(room, np.uint64),
                np.empty(room, np.int64),
            )
            for i in range(made):
                more_rows[i], more_keys[i], more_sizes[i] = rows[i], keys[i], sizes[i]
            rows, keys, sizes = more_rows, more_keys, more_sizes
        last = np.uint64(0)
        for level in levels:
            if level > top:
                break
            key, fixed, slots, held = _skeleton(hashes, words, support, count, level)
            if slots > 0 and fixed >= least and fixed >= coverage * (fixed + held) and key != last:
                rows[made], keys[made], sizes[made] = row, key, fixed
                made += 1
                last = key
    return rows[:made].copy(), keys[:made].copy(), sizes[:made].copy()


@kernel
def _shown(start, length, table, counters, bits, level, begins, ends):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Bytes of the slots of one text at a level, into begins and ends: int64, as long as the text; returns
    (slots, hash of the skeleton)."""
    most = max(1, min(length, READ))
    hashes, phrases, support = np.empty(most, np.uint64), np.empty(most, np.uint64), np.empty(most, np.int64)
    first, last, words = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    count = tokens_of(start, min(length, READ), table, hashes, first, last, words)
    _supports(hashes, count, phrases, counters, np.uint64(64 - bits), support)
    made = 0
    inside = False
    for i in range(count):
        if support[i] >= level:
            inside = False
            continue
        if not inside:
            begins[made] = first[i]
            made += 1
        ends[made - 1] = last[i]
        inside = True
    return made, _skeleton(hashes, words, support, count, level)[0]


@kernel
def choose(offsets, rows, order, owner, least):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Give each row to the first group in `order` that it is of and that at least `least` rows are left for.

    offsets: int64 [groups + 1] into rows. owner: int64, filled with -1, then the group of each row.
    """
    for group in order:
        left = 0
        for i in range(offsets[group], offsets[group + 1]):
            left += owner[rows[i]] < 0
        if left < least:
            continue
        for i in range(offsets[group], offsets[group + 1]):
            if owner[rows[i]] < 0:
                owner[rows[i]] = group


@kernel
def _first_tokens(starts, lengths, table, most):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    room = longest(lengths, READ)
    hashes, begins = np.empty(room, np.uint64), np.empty(room, np.int64)
    ends, words = np.empty(room, np.int64), np.empty(room, np.int64)
    first, begin, end = np.zeros((n, most), np.uint64), np.zeros((n, most), np.int64), np.zeros((n, most), np.int64)
    for row in range(n):
        count = tokens_of(starts[row], min(lengths[row], READ), table, hashes, begins, ends, words)
        for i in range(min(count, most)):
            first[row, i], begin[row, i], end[row, i] = hashes[i], begins[i], ends[i]
    return first, begin, end


def first_tokens(texts: Spans, most: int) -> tuple[Hashes, Longs, Longs]:
    """(uint64 [n, most], hashes of each text's first tokens, MASK for a mask, 0 where there are fewer; int64 [n, most],
    the byte where each begins; and where it ends)."""
    found: tuple[Hashes, Longs, Longs] = _first_tokens(texts.starts, texts.lengths, classes_for(texts), most)
    return found


def places(texts: Spans, bits: int) -> npt.NDArray[np.uint32]:
    """Where each text's runs of three tokens are counted, once a text, in 2**bits counters."""
    found: npt.NDArray[np.uint32] = _places(texts.starts, texts.lengths, classes_for(texts), bits)
    return found


def candidates(
    texts: Spans, counters: npt.NDArray[np.uint32], levels: Longs, least: int, coverage: float
) -> Candidates:
    """Skeletons of each text at rising levels of support, with a slot, at least `least` words, and words for at
    least `coverage` of what they and the slots (each for at most WIDEST words) make; equal ones in a row once."""
    bits = len(counters).bit_length() - 1
    return Candidates(
        *_candidates(texts.starts, texts.lengths, classes_for(texts), counters, bits, levels, least, coverage)
    )


def skeleton(texts: Spans, counters: npt.NDArray[np.uint32], levels: Longs, wanted: int) -> list[tuple[int, int]]:
    """Bytes (begin, end) of the slots of the only text at the level where its skeleton has the hash `wanted`; none
    where it has no such level."""
    begins, ends = np.empty(READ, np.int64), np.empty(READ, np.int64)
    bits, table = len(counters).bit_length() - 1, classes_for(texts)
    for level in levels:
        made, found = _shown(texts.starts[0], texts.lengths[0], table, counters, bits, level, begins, ends)
        if found == wanted:
            return list(zip(begins[:made].tolist(), ends[:made].tolist(), strict=True))
    return []
