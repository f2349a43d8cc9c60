"""How texts are written: words, syllables, sentences, and marks of haste, a row at a time, over Arrow buffers.

Words and sentences are those of `auditor.kernels.wording`. In plain Python: `tests/kernels/test_stylometry.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import ends_sentence, is_letter, kind_of
from auditor.kernels.compiled import inlined, kernel
from auditor.kernels.hashes import is_space
from auditor.kernels.machine import load8
from auditor.kernels.texts import classes_for, decode, spans
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]


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
                if is_letter(code):
                    lower = 1 if code == small else 0
                    cased = True
                elif code >= 0x80 and kind_of(code, table) != 0:
                    cased = True
            kind = kind_of(code, table)
            if at < stop and not is_space(code):
                ended = kind != 0
            if size > 0 and (code in (0x27, 0x2019)) and is_letter(after):
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
                if is_letter(first):
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
            if pending and (at >= stop or ends_sentence(code, after)):
                sentences += 1
                pending = False
            at += width
        out[row, 0], out[row, 1], out[row, 2], out[row, 3], out[row, 4] = words, latin, syllables, sentences, lower
        out[row, 5], out[row, 6], out[row, 7], out[row, 8] = ended, suffixed, elongated, pictures
        out[row, 9], out[row, 10] = loud, lone_i
    return out


def form(text: Strings) -> Form:
    """How every value is written (a null counts as empty)."""
    found = spans(text.offsets, text.data, fold=False)
    out = _form(found.starts, found.lengths, classes_for(found))
    return Form(*(np.ascontiguousarray(out[:, i]) for i in range(out.shape[1])))
