"""A record as a file holds it -> canonical fields, recognised by its shape.

The first line of this table whose fields a record has wins. Fields that a shape does not use go to
`meta`. P/Q means P where both are there. A field that is null counts as absent, except that a pair of
which one half is null is still that pair.

| shape | fields | prompt | response |
| --- | --- | --- | --- |
| preference | chosen + rejected; prompt/instruction/question/query | as given, or the turns before | chosen |
| messages | messages | the last user turn before the last answer, in context | last assistant turn |
| sharegpt | conversations/conversation | same | same |
| alpaca | instruction; input/context; output/response; history | system, instruction, input | output |
| kto | prompt + completion + label (true or false) | prompt | completion; `label` stays in `meta` |
| prompt-completion | prompt + completion | prompt | completion |
| prompt-response | prompt; response/answer/output/canonical_solution | prompt | response, null where there is none |
| query-response | query + response/answer | query | response |
| question-answer | question + answer/response/solution | question | answer |
| problem-solution | problem + solution/answer | problem | solution |
| input-output | input + output | input | output |
| text | text | null | null |
| record | anything else | null | null; `text` is "key: value" lines in the order of the file |

A lone prompt beside other texts of some length (`output_1`) is a record, so that no text
goes unread; name its answer by a mapping. A preference pair of transcripts (`\n\nHuman: …\n\nAssistant: …`,
as Anthropic's HH) is a conversation.

`system` or `system_prompt` beside any of the prompts is context: it opens the prompt (a chat gets
it as its first turn). Prompts and answers may be strings or lists of messages. The user's id is `id`,
`_id`, `uuid` or `row_id`, in that order, where it is a string or an integer; `idx` and `index` are
positions, not names, and stay in `meta`. A mapping (canonical name -> field) comes before all this.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from auditor.model.errors import ConfigError, suggest
from auditor.readers.turns import JOIN, Turn, parse, prompt_and_response, trained, turn

MAPPABLE = ("id", "prompt", "response", "rejected", "text", "messages", "source")

IDS = ("id", "_id", "uuid", "row_id")
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

LONG = 40
"""Characters from which a field beside a lone prompt is taken for text rather than for a label."""

LONE = ("alpaca", "prompt-response")
"""Shapes that may have a prompt alone."""

MEMORY = 4096
"""Key tuples whose recognition is remembered; a file with more has no schema worth remembering."""


class BadRecord(Exception):
    """A record that cannot be a row; `str()` is the reason told in the quarantine."""


class Canonical(NamedTuple):
    """One row's canonical fields. id: the user's, None where there is none. meta: fields left over."""

    shape: str
    id: str | int | None
    prompt: str | None
    response: str | None
    rejected: str | None
    text: str
    messages: list[Turn] | None
    source: str | None
    meta: dict[str, Any]


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


class Shapes:
    """Recognises records; remembers by their keys which recognisers can apply.

    mapping: canonical name -> field of the record. Raises ConfigError for another canonical name.
    """

    def __init__(self, mapping: Mapping[str, str] | None = None) -> None:
        self.mapping = dict(mapping or {})
        for name in self.mapping:
            if name not in MAPPABLE:
                raise ConfigError(f"nothing can be mapped to {name!r}", hint=suggest(name, MAPPABLE))
        self._content = any(name not in ("id", "source") for name in self.mapping)
        self._plans: dict[tuple[str, ...], tuple[str, tuple[Recogniser, ...]]] = {}

    def canonical(self, record: Mapping[str, Any]) -> Canonical:
        """Raises BadRecord where the record cannot be a row."""
        if not isinstance(record, dict):
            raise BadRecord("not an object")
        keys = tuple(record)
        plan = self._plans.get(keys)
        if plan is None:
            plan = self._plan(keys)
            if len(self._plans) < MEMORY and len(keys) < MEMORY:
                self._plans[keys] = plan
        identity, recognisers = plan
        said = None
        for recognise in recognisers:
            said = recognise(record)
            if said is not None:
                break
        used = said.used if said is not None else ()
        given = record.get(identity) if identity else None
        mapped = self.mapping.get("source")
        if type(given) is float and given.is_integer():
            given = int(given)
        if given == "" or not isinstance(given, str | int) or isinstance(given, bool):
            given, identity = None, ""
        meta = {k: v for k, v in record.items() if v is not None and k not in used and k not in (identity, mapped)}
        if said is not None and said.shape in LONE and said.response is None and any(map(_textual, meta.values())):
            said = None
            meta = {k: v for k, v in record.items() if v is not None and k not in (identity, mapped)}
        source = _string(record.get(mapped)) if mapped else None
        if said is None:
            text = "\n".join([f"{k}: {v if type(v) is str else _string(v)}" for k, v in meta.items()])
            return Canonical("record", given, None, None, None, text, None, source, meta)
        return Canonical(
            said.shape, given, said.prompt, said.response, said.rejected, said.text, said.messages, source, meta
        )

    def _plan(self, keys: tuple[str, ...]) -> tuple[str, tuple[Recogniser, ...]]:
        present = set(keys)
        mapped = self.mapping.get("id")
        identity = mapped if mapped in present else next((key for key in IDS if key in present), "")
        if self._content:
            return identity or "", (self._mapped,)
        present.discard(self.mapping.get("source", ""))
        return identity or "", tuple(_recognisers(present))

    def _mapped(self, record: Mapping[str, Any]) -> Said:
        fields = {name: record.get(field) for name, field in self.mapping.items()}
        messages = None
        if fields.get("messages") is not None:
            messages = parse(fields["messages"])
            if messages is None:
                raise BadRecord(f"{self.mapping['messages']}: not a list of turns with role and content")
        prompt, response = prompt_and_response(messages) if messages else (None, None)
        prompt = _said(fields["prompt"]) if fields.get("prompt") is not None else prompt
        response = _said(fields["response"]) if fields.get("response") is not None else response
        rejected = _said(fields.get("rejected"))
        text = _string(fields.get("text"))
        if text is None:
            head = trained(messages) if messages else _join(prompt, response)
            text = _join(head, rejected)
        return Said("mapped", prompt, response, text, tuple(self.mapping.values()), rejected, messages)


def _textual(value: Any) -> bool:
    """Whether a field holds what a model could be trained on, rather than a label, a number or a structure."""
    return isinstance(value, str) and len(value) >= LONG and " " in value


def _recognisers(present: set[str]) -> Iterable[Recogniser]:
    """Recognisers that these keys allow, in the order of the table."""
    system = next((key for key in SYSTEMS if key in present), "")
    if {"chosen", "rejected"} <= present:
        asked = next((key for key in ASKED if key in present), "")
        yield lambda record: _preference(record, asked, system)
    for key in (key for key in CHATS if key in present):
        yield lambda record, key=key: _chat(record, key, system)  # type: ignore[misc]
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
        return Said(shape, prompt, response, _join(prompt, response), used)
    turns = _exchange(prompt, response)
    return None if turns is None else _conversation(record, shape, turns, system, used)


def _alpaca(record: Mapping[str, Any], inputs: tuple[str, ...], outputs: tuple[str, ...], system: str) -> Said | None:
    instruction = record["instruction"]
    given = next((key for key in inputs if record[key] is not None), "")
    made = next((key for key in outputs if record[key] is not None), "")
    extra, response = record.get(given, ""), record.get(made)
    if not (instruction is None or isinstance(instruction, str)) or (instruction is None and response is None):
        return None
    if not isinstance(extra, str) or not (response is None or isinstance(response, str)):
        return None
    prompt = _join(instruction, extra) if instruction is not None else extra or None
    used: tuple[str, ...] = ("instruction", given, made)
    past = _history(record.get("history"))
    if past:
        turns = [*past, turn("user", prompt or "")]
        if response is not None:
            turns.append(turn("assistant", response))
        return _conversation(record, "alpaca", turns, system, (*used, "history"))
    if system:
        prompt, used = _with_system(record, prompt, system, used)
    return Said("alpaca", prompt, response, _join(prompt, response), used)


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
        return Said("preference", prompt, chosen, _join(prompt, chosen, rejected), used, rejected)
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
    return said._replace(used=used, rejected=loser, text=_join(said.text, loser))


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
    return (_join(value, prompt), (*used, key)) if isinstance(value, str) else (prompt, used)


def _said(value: Any) -> str | None:
    """A mapped prompt or answer: a string, the last spoken turns of messages, or any value as JSON."""
    if value is None or isinstance(value, str):
        return value
    turns = parse(value) if isinstance(value, list | dict) else None
    return JOIN.join(t.spoken for t in turns if t.spoken) if turns else _string(value)


def _join(*parts: str | None) -> str:
    return JOIN.join([part for part in parts if part])


def _string(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
