"""MT-bench pair judgments (FastChat, `gen_judgment.py`): two games a record, the second with the answers swapped.

`g1_winner` and `g2_winner` are told in terms of the models (`model_1`, `model_2`, `tie`, `error`), whichever stood
first. Records with `m1_score` are two single grades compared, and those with a `winner` alone are both games in one:
shown in no order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from auditor.judging.files import File, Record, Told, records

TITLE = "MT-bench pair judgments (FastChat)"


def fits(record: Record) -> bool:
    return {"model_1", "model_2"} <= set(record) and bool({"g1_winner", "winner"} & set(record))


def verdicts(files: Sequence[File], told: Told) -> Iterator[dict[str, Any]]:
    for file in files:
        for line, record in records(file, told):
            judge, prompt = judge_of(record)
            common = {
                "item": item_of(record),
                "a": record.get("model_1"),
                "b": record.get("model_2"),
                "judge": judge,
                "prompt": prompt,
                "file": file.index,
                "line": line,
            }
            if "m1_score" in record:
                scores = {"score_a": record.get("m1_score"), "score_b": record.get("m2_score")}
                yield {**common, **scores, "verdict": record.get("g1_winner"), "raw": record.get("g1_judgment")}
                continue
            if "g1_winner" not in record:
                yield {**common, "verdict": record["winner"], "raw": record.get("g1_judgment")}
                continue
            for game, first in (("g1", "a"), ("g2", "b")):
                if f"{game}_winner" in record:
                    said = {"verdict": record[f"{game}_winner"], "raw": record.get(f"{game}_judgment")}
                    yield {**common, **said, "first": first}


def item_of(record: Record) -> str:
    """The question, and which turn of it."""
    turn = record.get("turn")
    return f"{record.get('question_id')}" + (f" turn {turn}" if turn is not None else "")


def judge_of(record: Record) -> tuple[str | None, str | None]:
    """Judge and prompt: a pair of both, or the judge alone."""
    judge = record.get("judge")
    if isinstance(judge, list | tuple):
        model, prompt = [*judge, None, None][:2]
        return model, prompt
    return judge, None
