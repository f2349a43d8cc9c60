"""Two texts side by side, the words that differ marked."""

from __future__ import annotations

import re
from difflib import SequenceMatcher

WORDS = 400
"""Words compared: difflib is quadratic, and nobody reads further to see how two rows differ."""

# White space, one character of a script without spaces (Han, Kana, Hangul, Thai), or a run of anything else.
_TOKEN = re.compile(r"\s+|[\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af]|[^\s\u0e00-\u0e7f\u2e80-\u9fff\uac00-\ud7af]+")

Segments = tuple[tuple[str, bool], ...]
"""(text, differs), in order."""


def differences(left: str, right: str) -> tuple[Segments, Segments]:
    """Each text in segments, those that the other has not marked. Beyond `WORDS` words: cut, with …"""
    first, second = _tokens(left), _tokens(right)
    a: list[tuple[str, bool]] = []
    b: list[tuple[str, bool]] = []
    for kind, i, j, k, m in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        if j > i:
            a.append(("".join(first[i:j]), kind != "equal"))
        if m > k:
            b.append(("".join(second[k:m]), kind != "equal"))
    return tuple(a), tuple(b)


def _tokens(text: str) -> list[str]:
    tokens: list[str] = []
    for match in _TOKEN.finditer(text):
        if len(tokens) == 2 * WORDS:
            return [*tokens, " …"]
        tokens.append(match[0])
    return tokens
