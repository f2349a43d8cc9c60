"""Answers of judges -> verdicts in our own format: they follow from the items and the store alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson

from auditor.files import atomic
from auditor.judging import parse
from auditor.judging.questions import Ask, Item, Material, Seat, asks, settled
from auditor.judging.store import Answer, Store

__all__ = ["decided", "records", "write"]

GRADED = "graded"
"""How a score of one output is counted: beside nothing else it is no verdict, and null in the file."""


def write(path: Path, material: Material, seats: Sequence[Seat], store: Store) -> dict[str, int]:
    """The verdicts in our own format, by item, judge, repeat and order; whole or not at all. Returns how many of each
    verdict there are."""
    counts: dict[str, int] = {}
    with atomic(path) as file:
        for record in records(material, seats, store):
            word = record["verdict"] or GRADED
            counts[word] = counts.get(word, 0) + 1
            file.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
    return counts


def records(material: Material, seats: Sequence[Seat], store: Store) -> Iterator[dict[str, Any]]:
    """Verdicts in our own format, by item, judge, repeat and order."""
    known = [settled(seat, store) for seat in seats]
    for item in material.items():
        for seat in known:
            yield from _records(item, seat, store)


def decided(material: Material, seat: Seat, store: Store) -> tuple[int, int]:
    """(A's wins, pairs decided): pairs whose first verdicts are the same in both orders, and no tie."""
    wins = pairs = 0
    known = settled(seat, store)
    for item in material.items():
        said = {record["verdict"] for record in _records(item, known, store) if record["repeat"] == 0}
        if len(said) == 1 and said <= {"a", "b"}:
            pairs += 1
            wins += "a" in said
    return wins, pairs


def _records(item: Item, seat: Seat, store: Store) -> Iterator[dict[str, Any]]:
    answered = [(ask, store.get(ask.asked)) for ask in asks(item, seat)]
    if seat.prompt.kind != "pointwise":
        for ask, answer in answered:
            yield _record(item, seat, ask.repeat) | _preferred(ask, answer) | _spent(seat, [answer])
        return
    for repeat in range(seat.repeats):
        mine = [(ask, answer) for ask, answer in answered if ask.repeat == repeat]
        yield _record(item, seat, repeat) | _scored(seat, mine) | _spent(seat, [answer for _, answer in mine])


def _record(item: Item, seat: Seat, repeat: int) -> dict[str, Any]:
    said: dict[str, Any] = {
        "item": item.item,
        "judge": seat.judge.name,
        "judge_model": seat.judge.model,
        "prompt": seat.prompt.ref,
    }
    said["repeat"] = repeat
    said |= dict(zip("ab", item.makers, strict=False))
    texts = zip(("output_a", "output_b"), item.outputs, strict=False)
    return {**said, "question": item.question, **dict(texts), "human": False}


def _preferred(ask: Ask, answer: Answer | None) -> dict[str, Any]:
    place = parse.preference(answer.text) if answer and answer.status == 200 else None
    winner = {parse.FIRST: "ab"[ask.places[0]], parse.SECOND: "ab"[ask.places[1]], parse.TIED: "tie"}
    return {
        "first": "ab"[ask.places[0]],
        "verdict": winner[place] if place else "invalid",
        "raw": _raw(answer),
    }


def _scored(seat: Seat, answered: Sequence[tuple[Ask, Answer | None]]) -> dict[str, Any]:
    """One or two outputs, each by itself; of two, the higher score wins, and one alone has no verdict."""
    low, high = seat.prompt.scale or (1.0, 10.0)
    scores = [parse.score(a.text, low, high) if a and a.status == 200 else None for _, a in answered]
    said: dict[str, Any] = {f"score_{'ab'[ask.places[0]]}": s for (ask, _), s in zip(answered, scores, strict=True)}
    verdict: str | None = "invalid"
    if len(scores) == 1 and scores[0] is not None:
        verdict = None
    elif len(scores) == 2 and scores[0] is not None and scores[1] is not None:
        verdict = "tie" if scores[0] == scores[1] else "a" if scores[0] > scores[1] else "b"
    raw = "\n\n".join(_raw(answer) for _, answer in answered)
    return said | {"first": None, "verdict": verdict, "raw": raw}


def _spent(seat: Seat, answers: Sequence[Answer | None]) -> dict[str, Any]:
    """Tokens of these answers together, and what they cost where the judge has prices: to 12 places, so that sums of
    floats do not show."""
    given = [answer for answer in answers if answer]
    read, written = sum(answer.tokens_in for answer in given), sum(answer.tokens_out for answer in given)
    spent: dict[str, Any] = {"tokens_in": read, "tokens_out": written}
    return spent | ({"cost": round(seat.judge.cost(read, written), 12)} if seat.judge.priced else {})


def _raw(answer: Answer | None) -> str:
    if answer is None:
        return ""
    return (
        answer.text if answer.status == 200 else f"HTTP {answer.status}: {answer.raw[:500].decode('utf-8', 'replace')}"
    )
