"""What judges are asked: versioned files with a hash, and the fences that keep what is judged apart from what is asked.

    name: pairwise            # in verdicts: pairwise@HASH12
    version: 1
    kind: pairwise            # or pointwise, or reference: pairwise with a reference answer
    scale: [1, 10]            # of a pointwise prompt
    system: |                 # instructions; {nonce} stands for the mark on the fences
    user: |                   # {question}, {first}, {second}, {response}, {reference}: fenced texts
    schema:                   # JSON schema of the answer, for servers that take one
      verdict: [A, B, tie]    # a list: one of these; a word: a type of JSON
    examples:                 # few-shots, optional: the texts by name, and the answer
      - {question: …, first: …, second: …, answer: '{"verdict": "A"}'}

A text that is judged stands between `<first NONCE>` and `</first NONCE>`. The nonce is a hash of the prompt and of all
texts in the request, and is in none of them: nobody can write a text that closes its own fence, and the same
texts are asked about in the same words each time, in either order.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import orjson

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.model.errors import ConfigError, suggest

__all__ = ["DEFAULTS", "KINDS", "Prompt", "load", "names"]

KINDS = ("pairwise", "pointwise", "reference")

DEFAULTS = {"pairwise": "pairwise", "pointwise": "pointwise", "reference": "reference"}
"""The prompt of each kind where none is asked for."""

TEXTS = {
    "pairwise": ("question", "first", "second"),
    "pointwise": ("question", "response"),
    "reference": ("question", "reference", "first", "second"),
}
"""What each kind shows."""

NONCE = 12
"""Hex digits of the mark on the fences."""

_SLOT = re.compile(r"\{([a-z]+)\}")
_SCALARS = ("string", "integer", "number", "boolean")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt as its file says it. schema: property -> its JSON schema. digest: hex SHA-256 of all of it."""

    name: str
    version: int
    kind: str
    system: str
    user: str
    schema: Mapping[str, Mapping[str, Any]]
    scale: tuple[float, float] | None
    examples: tuple[Mapping[str, str], ...]
    digest: str

    @property
    def ref(self) -> str:
        """As verdicts name it: the name, and what it says by its hash."""
        return f"{self.name}@{self.digest[:12]}"

    @property
    def text(self) -> str:
        """All of it for people to read, as a registry of prompts keeps it."""
        shown = ["\n".join(f"{name}: {value}" for name, value in example.items()) for example in self.examples]
        schema = orjson.dumps(self.schema, option=orjson.OPT_SORT_KEYS).decode()
        parts = [f"system:\n{self.system}", f"user:\n{self.user}", *(f"example:\n{example}" for example in shown)]
        parts.append(f"answer:\n{schema}")
        return "\n\n".join(part.rstrip() for part in parts) + "\n"

    @property
    def response_format(self) -> dict[str, Any]:
        """The schema as `/chat/completions` takes it (OpenAI's "structured outputs"; vLLM and llama.cpp alike)."""
        schema = {
            "type": "object",
            "properties": {name: dict(one) for name, one in self.schema.items()},
            "required": list(self.schema),
            "additionalProperties": False,
        }
        return {"type": "json_schema", "json_schema": {"name": "judgment", "strict": True, "schema": schema}}

    def messages(self, texts: Mapping[str, str]) -> list[dict[str, str]]:
        """The conversation about these texts (by the names of TEXTS); what they say is never read as a template."""
        nonce = _nonce(self.digest, texts)
        turns = [{"role": "system", "content": _filled(self.system, {"nonce": nonce})}]
        for example in self.examples:
            shown = {name: text for name, text in example.items() if name != "answer"}
            turns.append({"role": "user", "content": _filled(self.user, _fenced(shown, nonce))})
            turns.append({"role": "assistant", "content": example["answer"]})
        turns.append({"role": "user", "content": _filled(self.user, _fenced(texts, nonce))})
        return turns


def names() -> list[str]:
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def load(name: str) -> Prompt:
    """A prompt of ours by name, or a file. Raises ConfigError with file and line."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml") and "/" not in name:
        if name not in names():
            raise ConfigError(
                f"unknown prompt {name!r}", wanted="a name, or a file that ends in .yaml", hint=suggest(name, names())
            )
        path = Path(__file__).parent / f"{name}.yaml"
    return _read(documents.read(path))


def _read(document: Entry) -> Prompt:
    known = ("name", "version", "kind", "scale", "system", "user", "schema", "examples")
    given = document.mapping("a prompt", known, ("name", "version", "kind", "system", "user", "schema"))
    kind = given["kind"].name("'kind'", KINDS)
    version = given["version"].value
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        given["version"].refuse("'version' must be a whole number from 1")
    system, user = given["system"].text("'system'"), given["user"].text("'user'")
    slots = set(_SLOT.findall(user))
    if lacking := sorted(set(TEXTS[kind]) - slots):
        given["user"].refuse(f"'user' does not show {{{lacking[0]}}}", wanted=_slots(kind))
    if foreign := sorted(slots - set(TEXTS[kind])):
        given["user"].refuse(f"'user' has an unknown place {{{foreign[0]}}}", wanted=_slots(kind))
    if foreign := sorted(set(_SLOT.findall(system)) - {"nonce"}):
        given["system"].refuse(f"'system' shows no texts, but has {{{foreign[0]}}}", wanted="at most {nonce}")
    schema = {name: _property(name, entry) for name, entry in given["schema"].mapping("'schema'").items()}
    wanted = "score" if kind == "pointwise" else "verdict"
    if wanted not in schema:
        given["schema"].refuse(f"'schema' has no {wanted!r}: nobody could read the answer")
    scale = _scale(given["scale"]) if "scale" in given else None
    if (kind == "pointwise") != (scale is not None):
        document.refuse("a prompt has a 'scale' where it is pointwise, and only there", wanted="scale: [1, 10]")
    examples = (
        tuple(_example(entry, kind) for entry in given["examples"].items("'examples'")) if "examples" in given else ()
    )
    name = given["name"].text("'name'")
    said = [name, version, kind, system, user, schema, scale, examples]
    digest = hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Prompt(name, version, kind, system, user, schema, scale, examples, digest)


def _slots(kind: str) -> str:
    return ", ".join(f"{{{name}}}" for name in TEXTS[kind])


def _property(name: str, entry: Entry) -> dict[str, Any]:
    if isinstance(entry.value, list):
        return {"type": "string", "enum": [one.text(f"a value of {name!r}") for one in entry.items(name)]}
    return {"type": entry.name(f"the type of {name!r}", _SCALARS)}


def _scale(entry: Entry) -> tuple[float, float]:
    ends = [one.value for one in entry.items("'scale'")]
    numbers = [float(end) for end in ends if isinstance(end, int | float) and not isinstance(end, bool)]
    if len(numbers) != 2 or len(ends) != 2 or numbers[0] >= numbers[1]:
        _no_scale(entry)
    return numbers[0], numbers[1]


def _no_scale(entry: Entry) -> NoReturn:
    raise ConfigError(
        "'scale' must be two numbers, the worst first", file=entry.file, line=entry.line, wanted="[1, 10]"
    )


def _example(entry: Entry, kind: str) -> dict[str, str]:
    wanted = (*TEXTS[kind], "answer")
    given = entry.mapping("an example", wanted, wanted)
    return {name: given[name].text(f"'{name}' of an example") for name in wanted}


def _nonce(digest: str, texts: Mapping[str, str]) -> str:
    """Of the texts whatever their order, so that two orders differ in nothing else."""
    content = sorted(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts.values())
    whole = " ".join(texts.values()).casefold()
    turn = 0
    while True:
        nonce = hashlib.sha256(b"\0".join((digest.encode(), *content, b"%d" % turn))).hexdigest()[:NONCE]
        if nonce not in whole:
            return nonce
        turn += 1


def _fenced(texts: Mapping[str, str], nonce: str) -> dict[str, str]:
    return {name: f"<{name} {nonce}>\n{text}\n</{name} {nonce}>" for name, text in texts.items()}


def _filled(template: str, values: Mapping[str, str]) -> str:
    """One pass: a place within a value is not filled."""
    return _SLOT.sub(lambda match: values.get(match[1], match[0]), template)
