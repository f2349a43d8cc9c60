"""Our own format: a verdict a record, in the columns of `judging.build.SCHEMA`; or the score of one output."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from auditor.judging.files import File, Record, Told, records

TITLE = "our own format"

COLUMNS = (
    "item", "a", "b", "first", "verdict", "judge", "prompt", "repeat", "strength", "score_a", "score_b",
    "question", "output_a", "output_b", "raw", "human", "tokens_in", "tokens_out", "cost", "judge_model",
)  # fmt: skip


ASKED = frozenset({"item", "question", "output_a"})
GRADES = ("score", "reward", "rating")
"""Plain words for `score_a`."""

PAIRWISE = frozenset(
    {"b", "first", "verdict", "strength", "score_a", "score_b", "output_b", *(f"{w}_b" for w in GRADES)}
)
"""Fields beside which a plain word leaves open whose score it is."""


def fits(record: Record) -> bool:
    return bool({"verdict", "score_a"} & set(record)) and bool(ASKED & set(record))


def graded(fields: Collection[str]) -> Mapping[str, str]:
    """`score_a` -> the field that scores one output by itself, where just one of them can."""
    words = [word for word in GRADES if word in fields]
    return {"score_a": words[0]} if len(words) == 1 and not PAIRWISE & set(fields) else {}


def verdicts(files: Sequence[File], told: Told) -> Iterator[dict[str, Any]]:
    for file in files:
        for line, record in records(file, told):
            yield {**{column: record.get(column) for column in COLUMNS}, "file": file.index, "line": line}
