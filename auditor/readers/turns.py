"""Conversations: any dialect of a list of turns -> role, content, extra, and the text of a turn.

| dialect | role | content | roles |
| --- | --- | --- | --- |
| OpenAI, Hugging Face | `role` | `content` (a string, or a list of parts) | user, assistant, system, tool, … |
| ShareGPT | `from` | `value` | human, gpt, system, tool, function_call, observation |

Tool calls, reasoning, names and content parts stay in `extra`, and are part of the row's `text`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "developer": "system",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
    "function_response": "tool",
    "tool_response": "tool",
}
"""Other words for the four roles. Any other role is kept as it is."""

REASONING = ("reasoning_content", "reasoning", "thinking")
CALLS = ("tool_calls", "function_call")

JOIN = "\n\n"


class Turn(NamedTuple):
    """extra: every other field of the turn, None where there is none.

    spoken: content and tool calls, what the other side sees. trained: that with name and reasoning.
    """

    role: str
    content: str | None
    extra: Mapping[str, Any] | None
    spoken: str
    trained: str


def parse(value: Any) -> list[Turn] | None:
    """The turns of a list (or of JSON text that holds one); None where it is no conversation."""
    if isinstance(value, str):
        value = from_json(value)
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        return None
    turns = []
    for item in value:
        turn = _turn(item) if isinstance(item, dict) else None
        if turn is None:
            return None
        turns.append(turn)
    return turns


def from_json(value: str) -> Any:
    """The list or object that a string holds as JSON, or None."""
    if value.lstrip()[:1] not in ("[", "{"):
        return None
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


def turn(role: str, content: str) -> Turn:
    """A turn of plain text."""
    return Turn(role, content, None, content, content)


def prompt_and_response(turns: Sequence[Turn]) -> tuple[str | None, str | None]:
    """The last user turn before the last assistant turn, with all turns before it; and that assistant turn.

    Where no assistant speaks, the prompt ends with the last user turn.
    """
    answer = next((i for i in range(len(turns) - 1, -1, -1) if turns[i].role == "assistant"), None)
    end = len(turns) if answer is None else answer
    asked = next((i for i in range(end - 1, -1, -1) if turns[i].role == "user"), None)
    prompt = None if asked is None else JOIN.join(t.spoken for t in turns[: asked + 1] if t.spoken)
    return prompt, None if answer is None else turns[answer].spoken


def trained(turns: Sequence[Turn]) -> str:
    """Everything in the conversation that a model would train on, in order."""
    return JOIN.join([t.trained for t in turns if t.trained])


def _turn(item: dict[str, Any]) -> Turn | None:
    role, content = item.get("role"), item.get("content")
    if not isinstance(role, str):
        role, content = item.get("from"), item.get("value")
        if not isinstance(role, str):
            return None
        known = ("from", "value")
    else:
        known = ("role", "content")
        if content is None and isinstance(item.get("value"), str):
            content, known = item["value"], ("role", "value")
    role = ROLES.get(role.lower(), role.lower())
    plain = content is None or isinstance(content, str)
    if plain and len(item) <= 2 and known[0] in item and (known[1] in item or len(item) == 1):
        return Turn(role, content, None, content or "", content or "")
    extra = {key: value for key, value in item.items() if key not in known and value is not None}
    hidden: list[str] = []
    if plain:
        spoken = [content] if content else []
    else:
        extra[known[1]] = content
        spoken, hidden = _parts(content)
        content = JOIN.join(spoken)
    for key in CALLS:
        if key in extra:
            spoken.extend(_calls(extra[key]))
    hidden = [value for key in REASONING if isinstance(value := extra.get(key), str)] + hidden
    said = JOIN.join(spoken)
    full = JOIN.join([*hidden, said]) if said else JOIN.join(hidden)
    name = extra.get("name")
    if isinstance(name, str) and name:
        full = f"{name}: {full}"
    return Turn(role, content, extra or None, said, full)


def _parts(content: Any) -> tuple[list[str], list[str]]:
    """Text of content parts, spoken and hidden; parts without text (images, audio) give none."""
    spoken: list[str] = []
    hidden: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, str):
            spoken.append(part)
        elif isinstance(part, dict):
            if isinstance(part.get("thinking"), str):
                hidden.append(part["thinking"])
            elif isinstance(part.get("text"), str):
                spoken.append(part["text"])
            elif part.get("type") == "tool_use":
                spoken.append(_call(part.get("name"), part.get("input")))
            elif "content" in part:
                inner = _parts(part["content"])
                spoken.extend(inner[0])
                hidden.extend(inner[1])
        elif part is not None:
            spoken.append(_json(part))
    return spoken, hidden


def _calls(value: Any) -> list[str]:
    calls = []
    for call in value if isinstance(value, list) else [value]:
        function = call.get("function", call) if isinstance(call, dict) else call
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            calls.append(_call(function["name"], function.get("arguments")))
        elif function:
            calls.append(function if isinstance(function, str) else _json(function))
    return calls


def _call(name: Any, arguments: Any) -> str:
    given = arguments if isinstance(arguments, str) else "" if arguments is None else _json(arguments)
    return f"{name}({given})"


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
