"""Our own format: a verdict a record, in the columns of `judging.build.SCHEMA`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from auditor.judging.files import File, Record, Told, records

TITLE = "our own format"

COLUMNS = (
    "item", "a", "b", "first", "verdict", "judge", "prompt", "repeat", "strength", "score_a", "score_b",
    "question", "output_a", "output_b", "raw", "human", "tokens_in", "tokens_out", "cost", "judge_model",
)  # fmt: skip


def fits(record: Record) -> bool:
    said = "verdict" in record or {"score_a", "score_b"} <= set(record)
    return said and bool({"item", "question", "output_a"} & set(record))


def verdicts(files: Sequence[File], told: Told) -> Iterator[dict[str, Any]]:
    for file in files:
        for line, record in records(file, told):
            yield {**{column: record.get(column) for column in COLUMNS}, "file": file.index, "line": line}
