"""Repetition kernels against plain Python, definition by definition."""

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.kernels.repeats import DUPLICATED, LONGEST_UNIT, READ, TOP, repeats
from auditor.model.rows import strings

BLANK = b" \t\n\r\x0b\x0c"
TEXT = st.text() | st.lists(st.sampled_from(["a", "bb", "c", " ", "\n", "\n\n", "é", "中中", "the cat ", "==="])).map(
    "".join
)


def pieces(text: bytes, pattern: bytes) -> tuple[int, float, float]:
    parts = [re.sub(rb"[ \t\n\r\x0b\x0c]", b" ", p.strip(BLANK)) for p in re.split(pattern, text) if p.strip(BLANK)]
    seen: set[bytes] = set()
    again = [p for p in parts if p in seen or seen.add(p)]  # type: ignore[func-returns-value]
    return len(parts), len(again) / max(len(parts), 1), sum(map(len, again)) / max(len(text), 1)


def top(words: list[bytes], n: int) -> int:
    counts = Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    most = max(counts.values(), default=0)
    return max((sum(map(len, g)) * c for g, c in counts.items() if c == most), default=0) if most > 1 else 0


def duplicated(words: list[bytes], n: int) -> int:
    seen, at, total = set(), 0, 0
    while at <= len(words) - n:
        gram = tuple(words[at : at + n])
        if gram in seen:
            total += sum(map(len, gram))
            at += n
        else:
            seen.add(gram)
            at += 1
    return total


def run(text: str) -> int:
    return max(
        (len(m.group()) for m in re.finditer(r"(.)\1*", text, re.DOTALL) if m.group()[0] not in " \t\n\r\x0b\x0c"),
        default=0,
    )


def loop(text: bytes) -> tuple[int, int]:
    text = text.rstrip(BLANK)
    for unit in range(1, min(LONGEST_UNIT, len(text) // 4) + 1):
        covered = unit
        while covered < len(text) and text[-covered - 1] == text[-covered - 1 + unit]:
            covered += 1
        letters = {c for c in text[-unit:] if c > 127 or chr(c).isalpha()}
        if covered >= 4 * unit and len(letters) > 1:
            return covered, unit
    return 0, 0


def compare(values: list[str]) -> None:
    found = repeats(strings(pa.array(values, pa.large_string())))
    for i, value in enumerate(values):
        text, size = value.encode(), max(len(value.encode()), 1)
        words = text.split()
        assert found.words[i] == len(words)
        lines = (found.lines[i], found.line_share[i], found.line_bytes[i])
        assert lines == pytest.approx(pieces(text, rb"\n"), rel=1e-6), value
        paragraphs = (found.paragraphs[i], found.paragraph_share[i], found.paragraph_bytes[i])
        assert paragraphs == pytest.approx(pieces(text, rb"\n[ \t\r\x0b\x0c]*\n"), rel=1e-6), value
        assert found.top[i].tolist() == pytest.approx([top(words, n) / size for n in TOP], rel=1e-6), value
        wanted = [duplicated(words, n) / size for n in DUPLICATED]
        assert found.duplicated[i].tolist() == pytest.approx(wanted, rel=1e-6), value
        assert found.run[i] == run(value), value
        assert (found.loop_bytes[i], found.loop_unit[i]) == loop(text), value


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=6))
@example(["a b c d e f g h i j k l a b c d e f g h i j k l", "", " \n ", "ab" * 9, "one two " * 2_000])
@example(["p q\n\np q\n \t\np q\n\n\nr", "x\r\nx\r\ny"])
def test_equal_to_plain_python(values: list[str]) -> None:
    compare(values)


@pytest.mark.data
def test_equal_to_plain_python_on_real_answers(shared_data: Callable[[str], Path]) -> None:
    records = json.loads(shared_data("alpaca/random_9k.json").read_text())
    compare([record["output"] for record in records[:1_500]])


def test_a_huge_row_is_measured_at_its_beginning_and_its_end() -> None:
    text = "\n".join(f"line {i}" for i in range(200_000)) + " the end" * 30
    found = repeats(strings(pa.array(["short", text, "a b a b"], pa.large_string())))
    assert len(text) > READ
    assert found.words[1] == len(text[:READ].split())
    assert found.lines[1] == len(text[:READ].split("\n"))
    assert (found.loop_bytes[1], found.loop_unit[1]) == (240, 8)
    assert found.top[2].tolist() == pytest.approx([4 / 7, 0, 0])


def test_an_empty_column() -> None:
    assert len(repeats(strings(pa.array([], pa.large_string()))).words) == 0
