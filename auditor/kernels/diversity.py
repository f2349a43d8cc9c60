"""How much texts repeat themselves: words in order, n-grams of a text that are unique in it, factors of MTLD."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels.buffers import grown, longest, places
from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.hashes import is_space
from auditor.kernels.machine import load8
from auditor.kernels.texts import Spans, classes_for, decode
from auditor.kernels.tokens import room_for, words_of

READ = 1 << 20
"""Bytes of a text that are read."""

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)
_HALF, _LOW = np.uint64(32), np.uint64(7)

Longs = npt.NDArray[np.int64]


@inlined
def _mixed(state, value):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    state = (state ^ value) * _MULTIPLIER
    return state ^ (state >> _HALF)


@kernel
def _split(start, length, table, words):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Hashes of what stands between white space, as it is; a codepoint of a script without spaces by itself."""
    made = 0
    at, stop = start, start + length
    word, inside = _SEED, False
    while at < stop:
        byte = load8(at)
        code, size = np.int64(byte), 1
        alone = False
        if byte >= 0x80:
            code, size = decode(at, stop)
            alone = (code < len(table) and table[code] & 2 != 0) or 0x20000 <= code < 0x40000
        gap = is_space(code)
        if inside and (gap or alone):
            words[made] = word
            made += 1
            word, inside = _SEED, False
        if alone:
            words[made] = _mixed(_SEED, np.uint64(code))
            made += 1
        elif not gap:
            word, inside = _mixed(word, np.uint64(code)), True
        at += size
    if inside:
        words[made] = word
        made += 1
    return made


@kernel
def _unique(starts, lengths, table):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    most = longest(lengths, READ)
    words = np.empty(most, np.uint64)
    room = places(most)
    keys, stamps, times = np.empty(room, np.uint64), np.zeros(room, np.int64), np.empty(room, np.int32)
    slots = np.empty(most, np.int64)
    repeats, again = np.empty(most, np.int64), np.empty(most, np.int64)
    unique, total = np.zeros((n, 3), np.int64), np.zeros((n, 3), np.int64)
    count = np.zeros(n, np.int64)
    stamp = 0
    for row in range(n):
        made = _split(starts[row], min(lengths[row], READ), table, words)
        count[row] = made
        mask = np.uint64(places(made) - 1)  # a short text uses the beginning of the table, which stays in the cache
        # A run is unique where it is so without its last word: only those that return are looked at one word on.
        looked = max(0, made - 1)
        for i in range(looked):
            repeats[i] = i
        for kind in range(3):
            size = kind + 2
            total[row, kind] = max(0, made - size + 1)
            stamp += 1
            different = 0
            for place in range(looked):
                i = repeats[place]
                key = _SEED
                for j in range(size):
                    key = _mixed(key, words[i + j])
                slot = np.int64((key >> _LOW) & mask)
                while stamps[slot] == stamp and keys[slot] != key:
                    slot = np.int64((np.uint64(slot) + np.uint64(1)) & mask)
                if stamps[slot] != stamp:
                    stamps[slot], keys[slot], times[slot] = stamp, key, 0
                    different += 1
                times[slot] += 1
                slots[place] = slot
            unique[row, kind] = total[row, kind] - looked + different
            kept = 0
            for place in range(looked):
                if times[slots[place]] > 1 and repeats[place] + size < made:
                    again[kept] = repeats[place]
                    kept += 1
            repeats, again, looked = again, repeats, kept
    return unique, total, count


def unique_ngrams(texts: Spans) -> tuple[Longs, Longs, Longs]:
    """(unique, total, words): int64 [n, 3], different n-grams and all n-grams of each text, n of 2, 3 and 4;
    int64 [n], words. A word is what stands between white space (as `str.split` has it), or a codepoint of a script
    written without spaces."""
    found: tuple[Longs, Longs, Longs] = _unique(texts.starts, texts.lengths, classes_for(texts))
    return found


@kernel
def _factors(words, seen, percent):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    factors = 0.0
    stamp, types, tokens = 1, 0, 0
    for word in words:
        tokens += 1
        if seen[word] != stamp:
            seen[word] = stamp
            types += 1
        if 100 * types <= percent * tokens:
            factors += 1.0
            stamp += 1
            types = tokens = 0
    if tokens > 0:
        factors += (1.0 - types / tokens) / (1.0 - percent / 100.0)
    return factors


def factors(words: Longs, percent: int) -> float:
    """MTLD's factors of a run of words, forward: how often the share of different words falls to `percent` %, counted
    anew each time, with the part of the last one. words: int64 [n], numbers from 0."""
    seen = np.zeros(int(words.max(initial=0)) + 1, np.int64)
    found: float = _factors(words, seen, percent)
    return found


@kernel
def _leading(starts, lengths, ascii_only, table, most):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    n = len(starts)
    words = np.empty(room_for(starts, lengths, ascii_only), np.uint64)
    offsets = np.zeros(n + 1, np.int64)
    values = np.empty(64 * n + most, np.uint64)
    counts = np.zeros(n, np.int64)
    for row in range(n):
        counts[row] = words_of(starts[row], lengths[row], ascii_only[row], table, words)
        begin, kept = offsets[row], min(counts[row], most)
        if begin + kept > len(values):
            values = grown(values, begin, 2 * len(values) + kept)
        for i in range(kept):
            values[begin + i] = words[i]
        offsets[row + 1] = begin + kept
    return offsets, values[: offsets[n]].copy(), counts


def leading_words(texts: Spans, most: int) -> tuple[Longs, npt.NDArray[np.uint64], Longs]:
    """(offsets, hashes, counts): text i's first words, at most `most`, are hashes[offsets[i]:offsets[i + 1]]; it has
    counts[i] words in all. Words as in `kernels.tokens`."""
    found: tuple[Longs, npt.NDArray[np.uint64], Longs] = _leading(
        texts.starts, texts.lengths, texts.ascii, classes_for(texts), most
    )
    return found
