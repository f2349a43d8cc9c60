"""The surface kernel against plain Python, on any Unicode text."""

import unicodedata

import numpy as np
import pyarrow as pa
from hypothesis import example, given, settings
from hypothesis import strategies as st

from auditor.kernels import surface
from auditor.model.rows import strings

TEXT = st.text() | st.text(st.sampled_from("aB 9.\n\t+é中Д😀�\x00\x1c\x85\u2028\u3000\u0301"))


def kind_of(character: str) -> int:
    """Class by category, written apart from the package's."""
    category = unicodedata.category(character)
    if ord(character) >= 0x20000:
        return surface.LETTER if ord(character) < 0x40000 else surface.OTHER
    if character in "\t\n\v\f\r\x85":
        return surface.WHITESPACE
    if category == "Cc":
        return surface.CONTROL
    if character.isspace():
        return surface.WHITESPACE
    if category in {"Lu", "Lt"}:
        return surface.UPPER
    return {"L": surface.LETTER, "N": surface.DIGIT, "P": surface.PUNCTUATION, "S": surface.SYMBOL}.get(
        category[0], surface.OTHER
    )


def expected(text: str) -> tuple[list[int], list[int]]:
    words = text.split()
    wide = [c for c in text if ord(c) > 127]
    numbers = [
        len(text),
        len(words),
        len(set(words)),
        text.count("\n") + 1 if text else 0,
        sum(c.isspace() for c in text),
        len(wide),
        len("".join(wide).encode()),
        text.count("�"),
    ]
    classes = [0] * 8
    for character in text:
        classes[kind_of(character)] += 1
    return numbers, classes


def seen(values: list[str | None]) -> list[tuple[list[int], list[int]]]:
    counts = surface.count(strings(pa.array(values, pa.large_string())))
    columns = [
        counts.chars, counts.words, counts.distinct, counts.lines,
        counts.separators, counts.non_ascii, counts.wide_bytes, counts.replacements,
    ]  # fmt: skip
    return [([int(c[i]) for c in columns], counts.classes[i].tolist()) for i in range(len(values))]


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXT, max_size=8))
@example(["a" * 600 + " " + "b" * 255, "", "x"])
@example(["𠀀 𝐀 🇫🇷 \U000e0020 \U00100000"])
def test_counts_equal_plain_python(values: list[str]) -> None:
    assert seen(values) == [expected(value) for value in values]


def test_a_row_of_very_many_words_outgrows_the_table() -> None:
    many = " ".join(f"w{i}" for i in range(20_000))
    assert seen(["one two two", many, "two one"]) == [expected(v) for v in ("one two two", many, "two one")]


def test_nulls_count_as_empty_and_slices_start_where_they_start() -> None:
    array = pa.array(["first", None, "third word"], pa.large_string())
    assert seen(array.to_pylist()) == [expected("first"), expected(""), expected("third word")]
    sliced = surface.count(strings(array.slice(2, 1)))
    assert (int(sliced.chars[0]), int(sliced.words[0])) == (10, 2)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXT, max_size=8))
def test_lengths_agree_with_counts(values: list[str]) -> None:
    text = strings(pa.array(values, pa.large_string()))
    counts = surface.count(text)
    chars, words = surface.lengths(text)
    np.testing.assert_array_equal(chars, counts.chars)
    np.testing.assert_array_equal(words, counts.words)


def test_damaged_utf8_never_reads_past_the_end() -> None:
    for tail in (b"\xe4", b"\xe4\xb8", b"\xf0\x9f\x98", b"\xff", b"\x80"):
        offsets = pa.py_buffer(np.array([0, 1 + len(tail)], np.int64))
        array = pa.LargeStringArray.from_buffers(1, offsets, pa.py_buffer(b"a" + tail))
        counts = surface.count(strings(array))
        assert int(counts.chars[0]) == 1 + int(counts.replacements[0])
        assert int(counts.wide_bytes[0]) == len(tail)
