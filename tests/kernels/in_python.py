"""Words and sentences as the kernels take them, in plain Python, and texts to try them on."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
from hypothesis import strategies as st

from auditor.kernels.texts import ALONE, WORD, classes
from auditor.model.rows import Strings, strings

PIECES = st.sampled_from(
    [
        *("may", "May", "in", "general", "I", "am", "not", "sure", "i'm", "it’s", "you", "your", "do", "mean", "which"),
        *(
            "one",
            "général",
            "猫",
            "走った",
            "no",
            "3.5",
            "U.S.A",
            "sooo",
            "Helloooo",
            "don''t",
            "'quoted'",
            "x_y",
            "a-b",
        ),
        *(
            "?",
            "!",
            "?!",
            "??",
            ".",
            "...",
            ",",
            "\n",
            "。",
            "？",
            '"',
            "“",
            "”",
            "\U0001f600",
            "☀",
            "—",
            "\u0301",
            "\x00",
        ),
        *("table", "loved", "boxes", "free", "the", "singing", "red", "bleed", "idea", "rhythm", "É", "ß", "Ωmega"),
    ]
)
TEXTS = st.lists(st.lists(PIECES | st.text(max_size=4), max_size=14).flatmap(
    lambda parts: st.lists(st.sampled_from(["", " ", " "]), min_size=len(parts), max_size=len(parts)).map(
        lambda gaps: "".join(part + gap for part, gap in zip(parts, gaps, strict=True))
    )
), min_size=1, max_size=4)  # fmt: skip


def column(texts: Sequence[str | None]) -> Strings:
    return strings(pa.array(texts, pa.large_string()))


def kind(character: str) -> int:
    code = ord(character)
    if code < 0x80:
        return int(character.isalnum())
    if code < len(classes()):
        return int(classes()[code]) & (WORD | ALONE)
    return 3 if 0x20000 <= code < 0x40000 else 0


def ascii_letter(character: str) -> bool:
    return character.isascii() and character.isalpha()


def ends_sentence(text: str, at: int) -> bool:
    after = text[at + 1] if at + 1 < len(text) else " "
    return text[at] in "\n?!。！？" or (text[at] == "." and after in " \t\n\v\f\r")


def lowered(text: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in text)


def sentences(text: str) -> list[tuple[list[str], bool]]:
    """Words of each sentence and whether it asks."""
    found: list[tuple[list[str], bool]] = []
    words, word, quoted = [], "", False
    for at, character in enumerate(text):
        after = text[at + 1] if at + 1 < len(text) else " "
        if word and character in "'’" and ascii_letter(after):
            word += "'"
            continue
        bits = kind(character)
        if bits == 1:
            word += lowered(character)
            continue
        if word:
            words.append(word)
            word = ""
        if bits == 3:
            words.append(character)
        elif character == '"':
            quoted = not quoted
        elif character in "“”":
            quoted = character == "“"
        elif ends_sentence(text, at):
            if words:
                found.append((words, character in "?？" and not quoted))
                words = []
            quoted = quoted and character != "\n"
    if word:
        words.append(word)
    return [*found, (words, False)] if words else found
