"""Chatbot Arena votes and the human judgments of MT-bench: `model_a`, `model_b`, `winner`, conversations.

A vote of the Arena was given with `model_a` on the left. Judges are people but where they are called by a pair of
model and prompt (`["gpt-4", "pair-v2"]`), whose winner combines both orders. Later sets of the Arena have texts as
lists of parts, sessions in place of judges, or a column a winner (`winner_model_a`) with `prompt` and `response_a` as
JSON lists of turns; votes without a question are an item each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from auditor.judging.files import File, Record, Told, records
from auditor.judging.formats.fastchat import item_of, judge_of

TITLE = "Chatbot Arena votes"

WINNERS = {"winner_model_a": "model_a", "winner_model_b": "model_b", "winner_tie": "tie"}
VOTER = "a voter"


def fits(record: Record) -> bool:
    return {"model_a", "model_b"} <= set(record) and ("winner" in record or set(WINNERS) <= set(record))


def verdicts(files: Sequence[File], told: Told) -> Iterator[dict[str, Any]]:
    for file in files:
        for line, record in records(file, told):
            judge, prompt = judge_of(record)
            yield {
                "item": _item(record, f"{file.stem} {line}"),
                "a": record["model_a"],
                "b": record["model_b"],
                "first": None if prompt else "a",
                "verdict": _winner(record),
                "judge": judge or record.get("evaluation_session_id") or VOTER,
                "prompt": prompt,
                "human": prompt is None,
                "question": _said(record.get("conversation_a"), "user", record.get("prompt")),
                "output_a": _said(record.get("conversation_a"), "assistant", record.get("response_a")),
                "output_b": _said(record.get("conversation_b"), "assistant", record.get("response_b")),
                "file": file.index,
                "line": line,
            }


def _item(record: Record, place: str) -> str | None:
    """The question; of a vote without one its own name, or its place."""
    if "question_id" in record:
        return item_of(record)
    if "conversation_a" in record or "prompt" in record:
        return None  # called by a hash of what was asked
    return str(record.get("id") or place)


def _winner(record: Record) -> Any:
    if "winner" in record:
        return record["winner"]
    won = [winner for column, winner in WINNERS.items() if str(record[column]) in ("1", "1.0", "True", "true")]
    return won[0] if len(won) == 1 else None


def _said(conversation: Any, role: str, turns: Any) -> str | None:
    """Everything that one side said, in order; `turns` where there is no conversation."""
    if not isinstance(conversation, list):
        return _turns(turns)
    return "\n\n".join(
        _text(turn.get("content")) for turn in conversation if isinstance(turn, dict) and turn.get("role") == role
    )


def _text(content: Any) -> str:
    """A text, or the texts among its parts."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and part.get("text"))
    return str(content)


def _turns(texts: Any) -> str | None:
    """Turns as a list, or as the JSON of one."""
    if isinstance(texts, str) and texts.startswith("["):
        try:
            texts = json.loads(texts)
        except ValueError:
            return str(texts)
    if isinstance(texts, list):
        return "\n\n".join(str(turn) for turn in texts if turn is not None)
    return texts if isinstance(texts, str) else None
