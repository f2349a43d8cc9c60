"""What a generation prompt demands of the rows that it makes, as far as rows can be held to it.

Read by a few patterns, without a model: marks that answers must carry, labels of sections, keys of JSON, a
fenced block, bounds on words, a language. Most prompts demand more than this; many nothing of the kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["mark", "label", "key", "fence", "words", "language"]

LANGUAGES = {
    "arabic": "ar", "bengali": "bn", "bulgarian": "bg", "chinese": "zh", "czech": "cs", "danish": "da",
    "dutch": "nl", "english": "en", "finnish": "fi", "french": "fr", "german": "de", "greek": "el",
    "hebrew": "he", "hindi": "hi", "hungarian": "hu", "indonesian": "id", "italian": "it", "japanese": "ja",
    "korean": "ko", "norwegian": "no", "persian": "fa", "polish": "pl", "portuguese": "pt", "romanian": "ro",
    "russian": "ru", "spanish": "es", "swahili": "sw", "swedish": "sv", "tamil": "ta", "thai": "th",
    "turkish": "tr", "ukrainian": "uk", "urdu": "ur", "vietnamese": "vi",
}  # fmt: skip
"""English names of languages, ISO 639-1."""

_CANONICAL = """
    answer chosen completion context conversation input instruction messages output problem prompt query question
    rejected response solution system text
"""
FIELDS = frozenset(_CANONICAL.split())
"""Keys that readers take for canonical columns: whether an answer had them can no longer be seen."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTED = re.compile(r'"([^"\n]{2,40})"|“([^”\n]{2,40})”|`([^`\n]{2,40})`|(?<!\w)\'([^\'\n]{2,40})\'(?!\w)')
_TAG = re.compile(r"</?[A-Za-z][\w-]{0,30}>")
_SYMBOLS = re.compile(r"[<>#\\\[\]{}|$@^~=]")
_ASKS = re.compile(
    r"\b(?:answer|begin|between|close|conclude|enclos|end|finish|follow|format|keys?|mark|preced|prefix|put|respon|"
    r"return|section|start|surround|tag|us(?:e|ing)|wrap|writ|output)\w*\b",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```[A-Za-z+#]*|\bfenced\b", re.IGNORECASE)
_NUMBER = r"(\d{1,3}(?:,\d{3})+|\d{1,6})"
_RANGE = re.compile(rf"\b{_NUMBER}\s*(?:-|–|to|and)\s*{_NUMBER}[\s-]+words?\b", re.IGNORECASE)
_MOST = re.compile(
    rf"\b(?:at most|no more than|not (?:be )?more than|not exceed|up to|under|below|less than|fewer than|within|"
    rf"maximum(?: of| length of)?|max\.?|shorter than)\s+{_NUMBER}[\s-]+words?\b",
    re.IGNORECASE,
)
_LEAST = re.compile(
    rf"\b(?:at least|no (?:less|fewer) than|not (?:be )?(?:less|fewer) than|more than|over|minimum(?: of| length of)?|"
    rf"min\.?|longer than)\s+{_NUMBER}[\s-]+words?\b",
    re.IGNORECASE,
)
_NEGATED = re.compile(r"\b(?:no|not(?: be)?)\s+$", re.IGNORECASE)
_ASKED = re.compile(r"\b(?:instruction|question|problem|query|prompt)s?\b", re.IGNORECASE)
_ANSWERED = re.compile(
    r"\b(?:answer|article|completion|essay|explanation|output|reply|response|solution|story|summary)", re.IGNORECASE
)
_INPUT = re.compile(r"\b(?:input|passage|context|note)s?\b", re.IGNORECASE)
_TONGUE = re.compile(rf"\b(?:in|into)\s+({'|'.join(LANGUAGES)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing. what: the mark, label or key, the language's code, or the bound in words. least, most:
    of words. column: where the words are counted."""

    kind: Kind
    what: str
    least: int = 0
    most: int | None = None
    column: Literal["prompt", "response"] = "response"

    def __str__(self) -> str:
        return {
            "mark": f"the mark {self.what!r}",
            "label": f"the label {self.what!r}",
            "key": f"the key {self.what!r}",
            "fence": "a fenced block",
            "words": f"{self.what} in the {self.column}",
            "language": f"the language {self.what!r}",
        }[self.kind]


def read(prompt: str) -> tuple[Demand, ...]:
    """The demands of a prompt, each once, in the order of the text."""
    found: dict[Demand, None] = {}
    json = re.search(r"\bjson\b", prompt, re.IGNORECASE) is not None
    for sentence in _SENTENCE.split(prompt):
        for demand in (*_literal(sentence, json=json), *_bounds(sentence)):
            found[demand] = None
    tongues = {LANGUAGES[match.lower()] for match in _TONGUE.findall(prompt)}
    if len(tongues) == 1:  # two are a translation, or a list
        found[Demand("language", tongues.pop())] = None
    return tuple(found)


def _literal(sentence: str, *, json: bool) -> Iterator[Demand]:
    if not _ASKS.search(sentence):
        return
    if _FENCE.search(sentence):
        yield Demand("fence", "```")
    for groups in _QUOTED.findall(sentence):
        quoted = next(group for group in groups if group).strip()
        if quoted.startswith("```"):
            continue
        if quoted.endswith(":") and len(quoted.split()) <= 3 and quoted[0].isalpha():
            yield Demand("label", quoted)
        elif len(quoted) >= 4 and _SYMBOLS.search(quoted) and " " not in quoted:
            yield Demand("mark", quoted)
        elif json and re.fullmatch(r"[A-Za-z]\w*", quoted) and quoted.lower() not in FIELDS:
            yield Demand("key", quoted)
    for tag in _TAG.findall(_QUOTED.sub(" ", sentence)):
        yield Demand("mark", tag)


def _bounds(sentence: str) -> Iterator[Demand]:
    asked, answered = _ASKED.search(sentence), _ANSWERED.search(sentence)
    if _INPUT.search(sentence) and not answered:
        return  # of what is given to the generator, which no column holds by itself
    column: Literal["prompt", "response"] = "prompt" if asked and not answered else "response"
    for low, high in _RANGE.findall(sentence):
        yield Demand("words", f"{low} to {high} words", _int(low), _int(high), column)
    for match in _MOST.finditer(sentence):
        if _NEGATED.search(sentence[: match.start()]):
            continue  # "no fewer than"
        yield Demand("words", f"at most {match[1]} words", 0, _int(match[1]), column)
    for match in _LEAST.finditer(sentence):
        if _NEGATED.search(sentence[: match.start()]):  # "not longer than"
            yield Demand("words", f"at most {match[1]} words", 0, _int(match[1]), column)
        else:
            yield Demand("words", f"at least {match[1]} words", _int(match[1]), None, column)


def _int(number: str) -> int:
    return int(number.replace(",", ""))
