"""Character 4-grams of texts, counted and weighted: what the weight-free embedder is made of.

As in scikit-learn's `analyzer="char_wb"`: a word is a run without white space, padded by one space on each
side; its 4-grams, or the whole padded word where that is shorter. Of scripts written without spaces, a codepoint of
Han is a feature by itself and together with the one before it; one of an alphabet (Kana, Thai …), whose few letters
every text has, together with the two before it, or with as many as the run has so far. Case is folded and
texts are in NFC (`texts.spans`). In plain Python: `tests/kernels/test_grams.py`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels.buffers import longest, places
from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.hashes import is_space
from auditor.kernels.machine import fold_multiply, load8
from auditor.kernels.texts import Spans, classes_for, decode
from auditor.kernels.tokens import K0, K1, K2

LONGEST = 1 << 20
"""Bytes of a text that are read; what follows does not change its vector."""

COUNTS = 1 << 10
"""Occurrences beyond which a gram counts no more."""

_LOGS = 1 + np.log(np.arange(1, COUNTS + 1, dtype=np.float64))
"""1 + ln(tf): sublinear scaling (Manning, Raghavan and Schütze 2008, section 6.4.1)."""

_SHORT = np.uint64(0xFFFF_FFFF)

_FOLDED = np.array([32 if chr(code).isspace() else ord(chr(code).lower()) for code in range(128)], np.uint32)
"""Of an ASCII byte, case folded; white space is a space."""

_SPREAD = np.uint32(0x9E3779B1)
"""2 ** 32 / golden ratio (Knuth 1998, volume 3, section 6.4): where four bytes lie in a table."""

Floats = npt.NDArray[np.float32]


@inlined
def _is_han(code):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Of `texts.SCRIPTS_WITHOUT_SPACES` those whose signs stand for words."""
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or code >= 0x20000 or 0x3005 <= code <= 0x3007


@inlined
def _hashed(a, b, c, d):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    return fold_multiply(K0 ^ (a | (b << np.uint64(32))), K1 ^ (c | (d << np.uint64(32))))


@kernel
def _grams(start, length, ascii_only, table, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Hashes of the grams of one text into out, as they come; returns how many (at most 2 * bytes + 2)."""
    space = np.uint64(32)
    none = _SHORT
    a, b, c = none, none, none
    seen = 0  # characters of the padded word so far
    before, alone = none, none  # the two codepoints of scripts without spaces just before
    made = 0
    at = start
    stop = start + length
    while at < stop:
        size = 1
        code = np.int64(load8(at))
        if not ascii_only and code >= 0x80:
            code, size = decode(at, stop)
        at += size
        bits = np.uint8(0)
        if code >= 0x80:
            bits = table[code] if code < len(table) else np.uint8(3 if code < 0x40000 else 0)
        gap = is_space(code)
        if (gap or bits & 2 != 0) and seen > 0:
            out[made] = _hashed(a, b, c, space)  # the word's end; for " x " it is the whole of it
            made += 1
            seen = 0
        if gap:
            before, alone = none, none
            continue
        one = np.uint64(code)
        if bits & 2 != 0:
            if _is_han(code):
                out[made] = _hashed(none, none, none, one)
                made += 1
                if alone != none:
                    out[made] = _hashed(none, none, alone, one)
                    made += 1
            else:
                out[made] = _hashed(none, before, alone, one)
                made += 1
            before, alone = alone, one
            continue
        before, alone = none, none
        if 0x41 <= code <= 0x5A:
            one |= np.uint64(0x20)
        if seen == 0:
            a, b, c = none, none, space
            seen = 1
        seen += 1
        if seen >= 4:
            out[made] = _hashed(a, b, c, one)
            made += 1
        a, b, c = b, c, one
    if seen > 0:
        out[made] = _hashed(a, b, c, space)
        made += 1
    return made


@inlined
def _tally(grams, made, slots, keys, counts):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Distinct grams in the order of the text into keys and counts; returns how many. slots: scratch."""
    room = places(made)
    size = np.uint64(room - 1)
    slots[:room] = -1
    distinct = 0
    for i in range(made):
        slot = grams[i] & size
        while slots[slot] >= 0 and keys[slots[slot]] != grams[i]:
            slot = (slot + np.uint64(1)) & size
        if slots[slot] < 0:
            slots[slot] = distinct
            keys[distinct] = grams[i]
            counts[distinct] = 0
            distinct += 1
        counts[slots[slot]] += 1
    return distinct


@inlined
def _wide(four, shift):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """One of four bytes as the codepoint it stands for; 255 where the word has not begun."""
    byte = np.uint64((four >> np.uint32(shift)) & np.uint32(0xFF))
    return _SHORT if byte == np.uint64(0xFF) else byte


@kernel
def _tally_ascii(start, length, slots, fours, order, keys, counts):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """The same of a text in ASCII, whose grams are four bytes and hashed once they are told apart. slots: int32, 0
    before and after, `places` for the text's bytes; fours, order: scratch."""
    bits = 4
    while (1 << bits) < 2 * length:
        bits += 1
    down = np.uint32(32 - bits)
    size = (1 << bits) - 1
    four, seen, distinct = np.uint32(0), 0, 0
    for at in range(length + 1):
        one = _FOLDED[load8(start + at)] if at < length else np.uint32(32)
        if one == np.uint32(32):
            if seen == 0:
                continue
            seen = 0
            four = np.uint32((four << np.uint32(8)) | one)
        else:
            if seen == 0:
                four = np.uint32(0xFFFF20)
            four = np.uint32((four << np.uint32(8)) | one)
            seen += 1
            if seen < 3:
                continue
        slot = np.int64(np.uint32(four * _SPREAD) >> down)
        while slots[slot] != 0 and fours[slot] != four:
            slot = (slot + 1) & size
        fours[slot] = four
        order[distinct] = slot
        distinct += 1 if slots[slot] == 0 else 0
        slots[slot] += 1
    for i in range(distinct):
        slot = np.int64(order[i])
        four = fours[slot]
        keys[i] = _hashed(_wide(four, 24), _wide(four, 16), _wide(four, 8), _wide(four, 0))
        counts[i] = slots[slot]
        slots[slot] = 0
    return distinct


@inlined
def _scratch(read, plain):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """What `_counted` needs for texts of so many bytes: slots, fours and order of `_tally_ascii`, and unless all are
    plain grams and slots of `_tally`."""
    room, most = places(read), 1 if plain else 2 * read + 2
    return (
        np.zeros(room, np.int32),
        np.empty(room, np.uint32),
        np.empty(read + 1, np.int32),
        np.empty(most, np.uint64),
        np.empty(places(most), np.int32),
    )


@kernel
def _counted(start, length, plain, table, scratch, keys, counts):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Distinct grams of one text into keys and counts; returns how many. plain: all of it is ASCII."""
    slots, fours, order, grams, hashed = scratch
    length = min(length, LONGEST)
    if plain:
        return _tally_ascii(start, length, slots, fours, order, keys, counts)
    return _tally(grams, _grams(start, length, False, table, grams), hashed, keys, counts)


@inlined
def _weight(key, count, idf, shift, logs):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    return logs[min(count, len(logs)) - 1] * idf[key >> shift]


@inlined
def _leading(buckets):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """How far a hash is shifted to leave its leading bits, one of so many buckets."""
    shift = np.uint64(64)
    while buckets > 1:
        buckets >>= 1
        shift -= np.uint64(1)
    return shift


@kernel
def _project(starts, lengths, ascii_only, table, idf, logs, dimension):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    read = longest(lengths, LONGEST)
    most = 2 * read + 2
    keys, counts = np.empty(most, np.uint64), np.empty(most, np.int64)
    scratch = _scratch(read, ascii_only.all())
    row_of = np.empty(dimension, np.float64)
    vectors = np.zeros((n, dimension), np.float32)
    shift = _leading(len(idf))
    mask = np.uint64(dimension - 1)
    for row in range(n):
        distinct = _counted(starts[row], lengths[row], ascii_only[row], table, scratch, keys, counts)
        row_of[:] = 0.0
        for i in range(distinct):
            weight = _weight(keys[i], counts[i], idf, shift, logs)
            mixed = keys[i] * K2
            place = (mixed >> np.uint64(32)) & mask
            row_of[place] += weight if mixed >> np.uint64(63) == np.uint64(0) else -weight
        norm = 0.0
        for i in range(dimension):
            norm += row_of[i] * row_of[i]
        if norm > 0:
            norm = 1.0 / np.sqrt(norm)
            for i in range(dimension):
                vectors[row, i] = np.float32(row_of[i] * norm)
    return vectors


@kernel
def _cosines(starts, lengths, ascii_only, table, right_starts, right_lengths, right_ascii, right_table, idf, logs):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    read = max(longest(lengths, LONGEST), longest(right_lengths, LONGEST))
    most = 2 * read + 2
    keys, right_keys = np.empty(most, np.uint64), np.empty(most, np.uint64)
    counts, right_counts = np.empty(most, np.int64), np.empty(most, np.int64)
    scratch = _scratch(read, ascii_only.all() and right_ascii.all())
    found = np.empty(places(most), np.int32)
    cosine = np.full(n, -1.0)
    shift = _leading(len(idf))
    for row in range(n):
        others = _counted(
            right_starts[row], right_lengths[row], right_ascii[row], right_table, scratch, right_keys, right_counts
        )
        squared = 0.0
        for i in range(others):
            weight = _weight(right_keys[i], right_counts[i], idf, shift, logs)
            squared += weight * weight
        distinct = _counted(starts[row], lengths[row], ascii_only[row], table, scratch, keys, counts)
        top = np.uint64(places(distinct) - 1)
        found[: np.int64(top) + 1] = -1
        own = 0.0
        for i in range(distinct):
            weight = _weight(keys[i], counts[i], idf, shift, logs)
            own += weight * weight
            slot = keys[i] & top
            while found[slot] >= 0:
                slot = (slot + np.uint64(1)) & top
            found[slot] = i
        if own == 0.0 or squared == 0.0:
            continue
        dot = 0.0
        for i in range(others):
            slot = right_keys[i] & top
            while found[slot] >= 0 and keys[found[slot]] != right_keys[i]:
                slot = (slot + np.uint64(1)) & top
            if found[slot] >= 0:
                scale = idf[right_keys[i] >> shift]
                here = logs[min(counts[found[slot]], len(logs)) - 1] * scale
                dot += here * logs[min(right_counts[i], len(logs)) - 1] * scale
        cosine[row] = min(1.0, dot / np.sqrt(own * squared))
    return cosine


@kernel
def _documents(starts, lengths, ascii_only, table, frequency):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    most = 2 * longest(lengths, LONGEST) + 2
    grams = np.empty(most, np.uint64)
    shift = _leading(len(frequency))
    last = np.full(len(frequency), -1, np.int64)
    for row in range(n):
        made = _grams(starts[row], min(lengths[row], LONGEST), ascii_only[row], table, grams)
        for i in range(made):
            bucket = grams[i] >> shift
            if last[bucket] != row:
                last[bucket] = row
                frequency[bucket] += 1


def project(texts: Spans, idf: Floats, dimension: int) -> Floats:
    """float32 [n, dimension]: TF-IDF of each text's grams, added with a sign into one of `dimension` places
    (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"), length 1; 0 for a text
    without grams. idf: float32 [a power of two], weights by the leading bits of a gram's hash. dimension: a
    power of two."""
    found: Floats = _project(texts.starts, texts.lengths, texts.ascii, classes_for(texts), idf, _LOGS, dimension)
    return found


def cosines(left: Spans, right: Spans, idf: Floats) -> npt.NDArray[np.float64]:
    """float64 [n]: cosine of the grams' TF-IDF of left[i] and right[i], by the grams themselves; -1 where one has
    none."""
    found: npt.NDArray[np.float64] = _cosines(
        left.starts, left.lengths, left.ascii, classes_for(left),
        right.starts, right.lengths, right.ascii, classes_for(right), idf, _LOGS,
    )  # fmt: skip
    return found


def document_frequency(texts: Spans, buckets: int) -> npt.NDArray[np.int64]:
    """int64 [buckets]: in how many texts some gram of the bucket stands. buckets: a power of two."""
    frequency = np.zeros(buckets, np.int64)
    _documents(texts.starts, texts.lengths, texts.ascii, classes_for(texts), frequency)
    return frequency
