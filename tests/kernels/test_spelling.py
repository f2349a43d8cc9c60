"""Plainly written words, against a regular expression."""

from __future__ import annotations

import re

from hypothesis import given

from auditor.kernels import spelling
from tests.kernels.in_python import TEXTS, column


@given(TEXTS)
def test_plain_words_are_as_by_expression(texts: list[str]) -> None:
    pattern = re.compile(
        r"(?:(?<=[ \t\n\v\f\r])|(?<![\s\S]))[a-z]{5,20}(?=[ \t\n\v\f\r]|[,.?!;](?:[ \t\n\v\f\r]|\Z)|\Z)"
    )
    given_texts = [*texts, "hello there, wrold! don't could-be Hello apples."]
    text = column(given_texts)
    found = spelling.plain(text)
    seen = [
        (int(row), bytes(text.data[start : start + length]).decode())
        for row, start, length in zip(found.row, found.start, found.length, strict=True)
    ]
    assert seen == [(row, word) for row, one in enumerate(given_texts) for word in pattern.findall(one)]
    by_hash = {int(hashed): word for hashed, (_, word) in zip(found.word, seen, strict=True)}
    assert len(by_hash) == len({word for _, word in seen})


def test_no_text_has_no_words() -> None:
    for text in (column([]), column([None, ""])):
        assert not len(spelling.plain(text).word)
