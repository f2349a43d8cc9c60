"""Recognisers: one shape each; a record that has it -> what was asked and answered, or None.

The table of shapes and their order stand in `readers.shapes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from math import isfinite
from typing import Any, NamedTuple

import orjson

from auditor.readers.turns import JOIN, Turn, parse, prompt_and_response, trained, turn

SYSTEMS = ("system", "system_prompt")
ASKED = ("prompt", "instruction", "question", "query")
CHATS = {"messages": "messages", "conversations": "sharegpt", "conversation": "sharegpt"}
PAIRS = (
    ("prompt-completion", "prompt", "completion"),
    ("prompt-response", "prompt", "response"),
    ("prompt-response", "prompt", "answer"),
    ("query-response", "query", "response"),
    ("query-response", "query", "answer"),
    ("question-answer", "question", "answer"),
    ("question-answer", "question", "response"),
    ("question-answer", "question", "solution"),
    ("problem-solution", "problem", "solution"),
    ("problem-solution", "problem", "answer"),
    ("prompt-response", "prompt", "output"),
    ("prompt-response", "prompt", "canonical_solution"),
    ("input-output", "input", "output"),
)
ANSWERS = frozenset(answer for _, _, answer in PAIRS)

CANDIDATES = ("completions", "responses", "outputs", "generations")
"""Lists of several answers to one prompt (UltraFeedback; rejection sampling)."""
ANSWER_TEXTS = ("response", "completion", "text", "output", "content", "generated_text")
ANSWER_SCORES = ("overall_score", "score", "reward")


class BadRecord(Exception):
    """A record that cannot be a row; `str()` is the reason told in the quarantine."""


class Said(NamedTuple):
    """What a recogniser found, and the fields that it used up."""

    shape: str
    prompt: str | None
    response: str | None
    text: str
    used: tuple[str, ...]
    rejected: str | None = None
    messages: list[Turn] | None = None


Recogniser = Callable[[Mapping[str, Any]], Said | None]


def recognisers(present: set[str]) -> Iterable[Recogniser]:
    """Recognisers that these keys allow, in the order of the table."""
    system = next((key for key in SYSTEMS if key in present), "")
    if {"chosen", "rejected"} <= present:
        asked = next((key for key in ASKED if key in present), "")
        yield lambda record: _preference(record, asked, system)
    for key in (key for key in CHATS if key in present):
        yield lambda record, key=key: _chat(record, key, system)  # type: ignore[misc]
    yield from _several(present, system)
    if "instruction" in present:
        inputs = tuple(key for key in ("input", "context") if key in present)
        outputs = tuple(key for key in ("output", "response") if key in present)
        yield lambda record: _alpaca(record, inputs, outputs, system)
    for shape, prompt, response in PAIRS:
        if prompt in present and response in present:
            yield lambda record, s=shape, p=prompt, r=response: _pair(record, s, p, r, system)  # type: ignore[misc]
    if "prompt" in present:
        yield lambda record: _pair(record, "prompt-response", "prompt", "", system)
    if "text" in present:
        yield _text
    lists = tuple(key for key in CHATS if key in present)
    if lists:
        yield lambda record: _broken_chat(record, lists)


def _text(record: Mapping[str, Any]) -> Said | None:
    text = record["text"]
    return Said("text", None, None, text, ("text",)) if isinstance(text, str) else None


def _pair(record: Mapping[str, Any], shape: str, prompt_key: str, response_key: str, system: str) -> Said | None:
    prompt, response = record[prompt_key], record[response_key] if response_key else None
    if prompt is None and response is None:
        return None
    used: tuple[str, ...] = (prompt_key, response_key)
    if shape == "prompt-completion" and isinstance(record.get("label"), bool):
        shape = "kto"
    if (prompt is None or type(prompt) is str) and (response is None or type(response) is str):
        if system:
            prompt, used = _with_system(record, prompt, system, used)
        return Said(shape, prompt, response, joined(prompt, response), used)
    turns = _exchange(prompt, response)
    return None if turns is None else _conversation(record, shape, turns, system, used)


def _several(present: set[str], system: str) -> Iterable[Recogniser]:
    """Lists beside a prompt: what the user says in turn, instances of a task, several answers to one prompt."""
    unanswered = not present & ANSWERS.union(CANDIDATES)
    for key in ("turns", "prompt"):
        if key in present and unanswered:
            yield lambda record, key=key: _turns(record, key, system)  # type: ignore[misc]
    if {"instruction", "instances"} <= present:
        yield lambda record: _instances(record, system)
    asked = next((key for key in ASKED if key in present), "")
    made = next((key for key in CANDIDATES if key in present), "")
    if asked and made and not present & ANSWERS:
        yield lambda record: _candidates(record, asked, made, system)


def _turns(record: Mapping[str, Any], key: str, system: str) -> Said | None:
    value = record[key]
    if not isinstance(value, list) or not value:
        return None
    if all(isinstance(one, str) for one in value):
        # No conversation, whose roles would take turns: what one side will say.
        prompt, used = _with_system(record, joined(*value), system, (key,))
        return Said("turns", prompt, None, prompt or "", used)
    turns = parse(value) if key == "turns" else None
    return None if turns is None else _conversation(record, "messages", turns, system, (key,))


def _instances(record: Mapping[str, Any], system: str) -> Said | None:
    """The first instance is what was asked and answered; of several, all are text, and stay in meta."""
    instruction, instances = record["instruction"], record["instances"]
    if not isinstance(instruction, str) or not isinstance(instances, list) or not instances:
        return None
    if not all(isinstance(one, dict) and isinstance(one.get("output"), str) for one in instances):
        return None
    asked = [one["input"] if isinstance(one.get("input"), str) else "" for one in instances]
    answers = [one["output"] for one in instances]
    prompt, used = _with_system(record, joined(instruction, asked[0]), system, ("instruction",))
    rest = [part for pair in zip(asked[1:], answers[1:], strict=True) for part in pair]
    if not rest and set(instances[0]) <= {"input", "output"}:
        used = (*used, "instances")
    return Said("instances", prompt, answers[0], joined(prompt, answers[0], *rest), used)


def _candidates(record: Mapping[str, Any], asked: str, made: str, system: str) -> Said | None:
    """The best scored answer is the response, the first of equals; all are text, and stay in meta."""
    prompt, given = record[asked], record[made]
    answers = [_answer(one) for one in given] if isinstance(given, list) else []
    if not isinstance(prompt, str) or not answers or any(text is None for text, _ in answers):
        return None
    texts, scores = [text for text, _ in answers if text is not None], [score for _, score in answers]
    best = max(range(len(texts)), key=lambda i: scores[i] or 0.0) if None not in scores else 0
    shown, used = _with_system(record, prompt, system, (asked,))
    return Said("completions", shown, texts[best], joined(shown, *texts), used)


def _answer(value: Any) -> tuple[str | None, float | None]:
    """The text of one of several answers, and its score where it has one."""
    if not isinstance(value, dict):
        return (value if isinstance(value, str) else None), None
    text = next((value[key] for key in ANSWER_TEXTS if isinstance(value.get(key), str)), None)
    scores = (value[key] for key in ANSWER_SCORES if isinstance(value.get(key), int | float))
    return text, next((float(score) for score in scores if isfinite(score)), None)


def _alpaca(record: Mapping[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...], system: str) -> Said | None:
    instruction = record["instruction"]
    given = next((key for key in inputs if record[key] is not None), "")
    made = next((key for key in outputs if record[key] is not None), "")
    extra, response = record.get(given, ""), record.get(made)
    if not (instruction is None or isinstance(instruction, str)) or (instruction is None and response is None):
        return None
    if not isinstance(extra, str) or not (response is None or isinstance(response, str)):
        return None
    prompt = joined(instruction, extra) if instruction is not None else extra or None
    used: tuple[str, ...] = ("instruction", given, made)
    past = _history(record.get("history"))
    if past:
        turns = [*past, turn("user", prompt or "")]
        if response is not None:
            turns.append(turn("assistant", response))
        return _conversation(record, "alpaca", turns, system, (*used, "history"))
    if system:
        prompt, used = _with_system(record, prompt, system, used)
    return Said("alpaca", prompt, response, joined(prompt, response), used)


def _history(value: Any) -> list[Turn]:
    """[[question, answer], …] as turns; empty where it is anything else."""
    if not isinstance(value, list):
        return []
    turns = []
    for item in value:
        if not (isinstance(item, list) and len(item) == 2 and all(isinstance(part, str) for part in item)):
            return []
        turns += [turn("user", item[0]), turn("assistant", item[1])]
    return turns


def _chat(record: Mapping[str, Any], key: str, system: str) -> Said | None:
    turns = None if record[key] is None else parse(record[key])
    return None if turns is None else _conversation(record, CHATS[key], turns, system, (key,))


def _conversation(record: Mapping[str, Any], shape: str, turns: list[Turn], system: str, used: tuple[str, ...]) -> Said:
    opening = record.get(system) if system else None
    if isinstance(opening, str) and opening and not (turns and turns[0].role == "system"):
        turns, used = [turn("system", opening), *turns], (*used, system)
    prompt, response = prompt_and_response(turns)
    return Said(shape, prompt, response, trained(turns), used, None, turns)


def _broken_chat(record: Mapping[str, Any], keys: tuple[str, ...]) -> None:
    """A list under a chat's key that is no conversation is a damaged row, not a record."""
    for key in keys:
        if isinstance(record[key], list):
            raise BadRecord(f"{key}: not a list of turns with role and content")


def _preference(record: Mapping[str, Any], asked: str, system: str) -> Said | None:
    chosen, rejected = _transcript(record["chosen"]), _transcript(record["rejected"])
    if chosen is None and rejected is None:
        return None
    prompt = record.get(asked) if asked else None
    used: tuple[str, ...] = ("chosen", "rejected", asked)
    if all(value is None or isinstance(value, str) for value in (prompt, chosen, rejected)):
        if system:
            prompt, used = _with_system(record, prompt, system, used)
        return Said("preference", prompt, chosen, joined(prompt, chosen, rejected), used, rejected)
    won, lost = _exchange(prompt, chosen), _exchange(prompt, rejected)
    if won is None or lost is None:
        return None
    said = _conversation(record, "preference", won, system, used)
    loser = prompt_and_response(lost)[1]
    if isinstance(rejected, list) and [t[:3] for t in lost[:-1]] != [t[:3] for t in won[:-1]]:
        used = ("chosen", asked)  # the two took different paths: the loser's whole path stays in meta
    if isinstance(prompt, str) and isinstance(chosen, list) and prompt != said.prompt:
        used = tuple(key for key in used if key != asked)
    if system in said.used:
        used = (*used, system)
    return said._replace(used=used, rejected=loser, text=joined(said.text, loser))


def _transcript(value: Any) -> Any:
    """A transcript as messages; anything else as it is."""
    if not (isinstance(value, str) and value.startswith("\n\nHuman:")):
        return value
    _, *parts = re.split(r"\n\n(Human|Assistant):[ ]?", value)
    roles = {"Human": "user", "Assistant": "assistant"}
    return [{"role": roles[who], "content": said} for who, said in zip(parts[::2], parts[1::2], strict=True)]


def _exchange(prompt: Any, answer: Any) -> list[Turn] | None:
    """Prompt and answer, each a string or messages, as one conversation; None where either is neither.

    An answer that holds the question too (UltraFeedback) is the whole conversation.
    """
    ending = [turn("assistant", answer)] if isinstance(answer, str) else [] if answer is None else parse(answer)
    if ending is None or any(t.role == "user" for t in ending):
        return ending
    opening = [turn("user", prompt)] if isinstance(prompt, str) else [] if prompt is None else parse(prompt)
    return None if opening is None else opening + ending


def _with_system(
    record: Mapping[str, Any], prompt: str | None, key: str, used: tuple[str, ...]
) -> tuple[str | None, tuple[str, ...]]:
    value = record.get(key)
    return (joined(value, prompt), (*used, key)) if isinstance(value, str) else (prompt, used)


def spoken(value: Any) -> str | None:
    """A mapped prompt or answer: a string, the last spoken turns of messages, or any value as JSON."""
    if value is None or isinstance(value, str):
        return value
    turns = parse(value) if isinstance(value, list | dict) else None
    return JOIN.join(t.spoken for t in turns if t.spoken) if turns else string(value)


def joined(*parts: str | None) -> str:
    return JOIN.join([part for part in parts if part])


def string(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
