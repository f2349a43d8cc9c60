"""Surface features: what a text looks like before anyone reads it.

Counts are int32, ratios float32. Ratios are shares of the characters of `text` unless said otherwise.
What is not defined is null: prompt and response features where there is none, `turns` where there is
no conversation, ratios of an empty text. Character classes and words are those of
`auditor.kernels.surface`.

| column | meaning |
| --- | --- |
| chars, words, lines | characters, words (`str.split()`), lines (line feeds + 1; 0 where empty) |
| tokens | approximate tokens, see `approximate_tokens` |
| prompt_chars, prompt_words, response_chars, response_words | the same of `prompt` and `response` |
| turns | messages of the conversation, the system message included |
| mean_word_length | characters in words / words |
| unique_word_ratio | distinct words / words; case and punctuation count |
| alpha_ratio, digit_ratio, punctuation_ratio, symbol_ratio, whitespace_ratio | Unicode L*, N*, P*, S*, whitespace |
| upper_ratio | upper-case letters (Lu, Lt) |
| non_ascii_ratio | characters beyond U+007F |
| replacement_chars | U+FFFD, the scar of a failed decoding |
| control_chars | control characters other than tab, line ends, form feed |
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.kernels.surface import (
    CONTROL,
    DIGIT,
    LETTER,
    PUNCTUATION,
    SYMBOL,
    UPPER,
    WHITESPACE,
    Counts,
    count,
    lengths,
)
from auditor.model.rows import Rows

VERSION = 1

COLUMNS: dict[str, pa.DataType] = {
    "chars": pa.int32(),
    "words": pa.int32(),
    "lines": pa.int32(),
    "tokens": pa.int32(),
    "prompt_chars": pa.int32(),
    "prompt_words": pa.int32(),
    "response_chars": pa.int32(),
    "response_words": pa.int32(),
    "turns": pa.int32(),
    "mean_word_length": pa.float32(),
    "unique_word_ratio": pa.float32(),
    "alpha_ratio": pa.float32(),
    "digit_ratio": pa.float32(),
    "upper_ratio": pa.float32(),
    "punctuation_ratio": pa.float32(),
    "symbol_ratio": pa.float32(),
    "whitespace_ratio": pa.float32(),
    "non_ascii_ratio": pa.float32(),
    "replacement_chars": pa.int32(),
    "control_chars": pa.int32(),
}

ASCII_CHARACTERS_A_TOKEN = 4
"""OpenAI, "What are tokens and how to count them?": one token is about 4 characters of English."""

WIDE_BYTES_A_TOKEN = 3
"""Byte-level BPE sees UTF-8 bytes: a Han character (3 bytes) is about one token, a Cyrillic or Greek
letter (2 bytes) about two thirds, an emoji (4 bytes) one and a third. Our rule, not a published one."""

_MOST = np.iinfo(np.int32).max


def surface(rows: Rows) -> pa.RecordBatch:
    """The table above for one shard: int32 and float32 columns, row-aligned."""
    text = count(rows.strings("text"))
    prompt = lengths(rows.strings("prompt"))
    response = lengths(rows.strings("response"))
    no_prompt, no_response = _null(rows, "prompt"), _null(rows, "response")
    letters = text.classes[:, LETTER] + text.classes[:, UPPER]
    columns = {
        "chars": _whole(text.chars),
        "words": _whole(text.words),
        "lines": _whole(text.lines),
        "tokens": _whole(approximate_tokens(text)),
        "prompt_chars": _whole(prompt[0], no_prompt),
        "prompt_words": _whole(prompt[1], no_prompt),
        "response_chars": _whole(response[0], no_response),
        "response_words": _whole(response[1], no_response),
        "turns": pc.list_value_length(rows.column("messages")).cast(pa.int32()),
        "mean_word_length": _share(text.chars - text.separators, text.words),
        "unique_word_ratio": _share(text.distinct, text.words),
        "alpha_ratio": _share(letters, text.chars),
        "digit_ratio": _share(text.classes[:, DIGIT], text.chars),
        "upper_ratio": _share(text.classes[:, UPPER], text.chars),
        "punctuation_ratio": _share(text.classes[:, PUNCTUATION], text.chars),
        "symbol_ratio": _share(text.classes[:, SYMBOL], text.chars),
        "whitespace_ratio": _share(text.classes[:, WHITESPACE], text.chars),
        "non_ascii_ratio": _share(text.non_ascii, text.chars),
        "replacement_chars": _whole(text.replacements),
        "control_chars": _whole(text.classes[:, CONTROL]),
    }
    return pa.RecordBatch.from_arrays([columns[name] for name in COLUMNS], schema=pa.schema(list(COLUMNS.items())))


def approximate_tokens(text: Counts) -> npt.NDArray[np.int64]:
    """int64 [n]: ASCII characters / 4 + UTF-8 bytes of all others / 3, rounded up.

    An estimate for budgets, not for billing: expect it within a quarter of a GPT-like tokeniser's
    count on prose, and low on numbers and dense code.
    """
    quarters = (text.chars - text.non_ascii) * WIDE_BYTES_A_TOKEN + text.wide_bytes * ASCII_CHARACTERS_A_TOKEN
    return -(-quarters // (ASCII_CHARACTERS_A_TOKEN * WIDE_BYTES_A_TOKEN))


def _null(rows: Rows, name: str) -> npt.NDArray[np.bool_] | None:
    valid = rows.strings(name).valid
    return None if valid is None else ~valid


def _whole(values: npt.NDArray[np.int64], null: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(np.minimum(values, _MOST).astype(np.int32), pa.int32(), mask=null)


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> pa.Array:
    nothing = whole == 0
    return pa.array((part / np.maximum(whole, 1)).astype(np.float32), pa.float32(), mask=nothing)
