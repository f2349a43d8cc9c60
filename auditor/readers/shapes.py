"""A record as a file holds it -> canonical fields, recognised by its shape.

The first line of this table whose fields a record has wins. Fields that a shape does not use go to
`meta`. P/Q means P where both are there. A field that is null counts as absent, except that a pair of
which one half is null is still that pair.

| shape | fields | prompt | response |
| --- | --- | --- | --- |
| preference | chosen + rejected; prompt/instruction/question/query | as given, or the turns before | chosen |
| messages | messages, `turns` of roles | the last user turn before the last answer, in context | last assistant turn |
| sharegpt | conversations/conversation | same | same |
| turns | turns (or prompt): a list of strings, the user's turns | all of them | null |
| instances | instruction + instances of input, output | instruction, input of the first instance | its output |
| completions | a prompt; completions/responses/outputs/generations, a list | prompt | the best scored |
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

A lone prompt beside other texts of some length (`output_1`) is a record, so that no text goes unread; name
its answer by a mapping. Of several instances and answers all are `text` and stay in `meta`; other lists of
texts stay in `meta` alone, and the dataset's notes name them. A preference pair of transcripts
(`\n\nHuman: …\n\nAssistant: …`, as Anthropic's HH) is a conversation.

`system` or `system_prompt` beside any of the prompts is context: it opens the prompt (a chat gets
it as its first turn). Prompts and answers may be strings or lists of messages. The user's id is `id`,
`_id`, `uuid` or `row_id`, in that order, where it is a string or an integer; `idx` and `index` are
positions, not names, and stay in `meta`. A mapping (canonical name -> field) comes before all this.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from auditor.model.errors import ConfigError, suggest
from auditor.readers.recognisers import BadRecord, Recogniser, Said, joined, recognisers, spoken, string
from auditor.readers.turns import Turn, parse, prompt_and_response, trained

MAPPABLE = ("id", "prompt", "response", "rejected", "text", "messages", "source")

IDS = ("id", "_id", "uuid", "row_id")

LONG = 40
"""Characters from which a field beside a lone prompt is taken for text rather than for a label."""

LONE = ("alpaca", "prompt-response")
"""Shapes that may have a prompt alone."""

MEMORY = 4096
"""Key tuples whose recognition is remembered; a file with more has no schema worth remembering."""


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
        identity, able = plan
        said = None
        for recognise in able:
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
        if said is not None and said.shape in LONE and said.response is None and any(map(textual, meta.values())):
            said = None
            meta = {k: v for k, v in record.items() if v is not None and k not in (identity, mapped)}
        source = string(record.get(mapped)) if mapped else None
        if said is None:
            text = "\n".join([f"{k}: {v if type(v) is str else string(v)}" for k, v in meta.items()])
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
        return identity or "", tuple(recognisers(present))

    def _mapped(self, record: Mapping[str, Any]) -> Said:
        fields = {name: record.get(field) for name, field in self.mapping.items()}
        messages = None
        if fields.get("messages") is not None:
            messages = parse(fields["messages"])
            if messages is None:
                raise BadRecord(f"{self.mapping['messages']}: not a list of turns with role and content")
        prompt, response = prompt_and_response(messages) if messages else (None, None)
        prompt = spoken(fields["prompt"]) if fields.get("prompt") is not None else prompt
        response = spoken(fields["response"]) if fields.get("response") is not None else response
        rejected = spoken(fields.get("rejected"))
        text = string(fields.get("text"))
        if text is None:
            head = trained(messages) if messages else joined(prompt, response)
            text = joined(head, rejected)
        return Said("mapped", prompt, response, text, tuple(self.mapping.values()), rejected, messages)


def textual(value: Any) -> bool:
    """Whether a field holds what a model could be trained on, rather than a label, a number or a structure."""
    return isinstance(value, str) and len(value) >= LONG and " " in value


def worded(value: Any) -> bool:
    """Whether a list or an object holds any text, however deep; keys are none."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, str) and one:
            return True
        left += one.values() if isinstance(one, dict) else one if isinstance(one, list) else ()
    return False


def unread(value: Any) -> bool:
    """Whether a list holds texts, plain or in objects, which no shape reads."""
    parts = (part for one in value for part in (one.values() if isinstance(one, dict) else (one,)))
    return any(map(textual, parts))
