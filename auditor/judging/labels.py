"""The words that verdicts, orders and yes or no are written in; what is in no table is invalid, and counted.

A table, not a parser: a judge's sentence such as "I think A is better" is no verdict here, because guessing what a
judge meant would hide that it does not answer as it was asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from auditor.model.verdicts import INVALID, TIE, UNKNOWN, A, B

STOOD_FIRST, STOOD_SECOND = 4, 5
"""Which place won, where only the order of showing tells whose it was."""

_OUTPUTS = ("model", "assistant", "output", "response", "answer", "candidate", "option", "completion", "generator")

_A = {"a", "1", "left", *(f"{word} {which}" for word in _OUTPUTS for which in ("a", "1"))}
_B = {"b", "2", "right", *(f"{word} {which}" for word in _OUTPUTS for which in ("b", "2"))}
_COMPARED = {"a>b": A, "a>>b": A, "b<a": A, "b<<a": A, "b>a": B, "b>>a": B, "a<b": B, "a<<b": B, "a=b": TIE, "b=a": TIE}
_TIE = {"tie", "draw", "equal", "same", "both", "both good", "both bad", "bothbad", "tie bothbad", "tie both bad",
        "tie inconsistent", "inconsistent", "neither", "0", "c"}  # fmt: skip
_INVALID = {"", "error", "invalid", "none", "null", "nan", "-1", "n/a", "na", "unknown", "unparsable", "failed", "?"}

SILENT = frozenset({"", "none", "null", "nan"})
"""How files write that there is no verdict (CSV, Python, SQL and pandas): where there are scores, these tell it."""

VERDICTS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys(_A, A),
        **dict.fromkeys(_B, B),
        **dict.fromkeys(_TIE, TIE),
        **dict.fromkeys(_INVALID, INVALID),
        **_COMPARED,
        **dict.fromkeys(("first", "first output", "first response", "first answer"), STOOD_FIRST),
        **dict.fromkeys(("second", "second output", "second response", "second answer"), STOOD_SECOND),
    }
)
"""FastChat (`[[A]]`, `model_1`, `error`), Chatbot Arena (`model_a`, `tie (bothbad)`), LLMBar (`Output (a)`, `1`),
PandaLM and Auto-J (0 is a tie), Arena-Hard and JudgeBench (`A>>B`); `c` is FastChat's tie."""

ORDERS: Mapping[str, int] = MappingProxyType(
    {
        **dict.fromkeys((*_A, "first", "ab", "a,b", "original", "normal", "false"), A),
        **dict.fromkeys((*_B, "second", "ba", "b,a", "swapped", "exchanged", "reversed", "true"), B),
        **dict.fromkeys(("", "none", "null", "nan", "unknown", "-1"), UNKNOWN),
    }
)
"""Which of the two stood first; or whether they were swapped."""

TRUTH: Mapping[str, bool] = MappingProxyType(
    {
        **dict.fromkeys(("true", "1", "yes", "human", "person", "people"), True),
        **dict.fromkeys(("false", "0", "no", "", "null", "none", "model", "machine"), False),
    }
)


def plain(word: str) -> str:
    """`[[Model_A]]`, ` Output (a).`, `2.0` as the tables have them: `model a`, `output a`, `2`."""
    word = re.sub(r"[\[\](){}*_\"'`:]+", " ", word.casefold())
    word = re.sub(r"\s*([<>=]+)\s*", r"\1", word).replace("==", "=")
    word = " ".join(word.split()).strip(" .!")
    return word[:-2] if re.fullmatch(r"-?\d+\.0", word) else re.sub(r"(?<=[a-z])(?=[12]$)", " ", word)


def verdict(word: str) -> int | None:
    """The code of a verdict's word, or None where the table has it not."""
    return VERDICTS.get(plain(word))


def order(word: str) -> int | None:
    """Who stood first (A, B, UNKNOWN), or None where the table has it not."""
    return ORDERS.get(plain(word))


def truth(word: str) -> bool | None:
    return TRUTH.get(plain(word))
