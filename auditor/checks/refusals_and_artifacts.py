"""refusals-and-artifacts: words that a generator or its pipeline left behind."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core import documents
from auditor.core.check import Case, Measure, Spec, check
from auditor.core.documents import Entry
from auditor.core.rowwise import Flags, Mask, Rowwise
from auditor.model.rows import Rows, arrow

_PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = next(
    (folder for folder in (_PACKAGE / "_expectations", _PACKAGE.parent / "expectations") if folder.is_dir()),
    _PACKAGE / "_expectations",
)
"""Our word lists: in the package when installed, beside it in a checkout."""

Side = Literal["response", "prompt"]
CONTEXT = 60
"""Characters of evidence on either side of what matched."""
KEY = 80
"""Characters of a record's key, before a value that is looked at as an answer of its own."""
_OPENING = r"[\s\"'“]*"

MEASURES = (
    Measure("rate", "share", "rows with any of these faults"),
    Measure("refusal", "share", "answers that decline", "drop the row, or answer it with another generator"),
    Measure("ai_self_mention", "share", "answers that speak of themselves as a model", "drop or rewrite the answer"),
    Measure("teacher_mention", "share", "answers that name their maker", "drop the row, or replace the identity"),
    Measure("template_slot", "share", "answers with a slot left to fill", "fill the slot, or generate the row again"),
    Measure("prompt_scaffolding", "share", "answers that echo the pipeline", "strip the scaffolding at its source"),
    Measure("fabricated_url", "share", "answers with an address made up by form", "remove the address or the row"),
    Measure("image_request", "share", "prompts that ask a text model for an image", "drop the row"),
    Measure("no_input_placeholder", "share", "a placeholder where nothing should stand", "empty the field"),
    Measure("custom", "share", "phrases of your own lists", "as your list says"),
)
CATEGORIES = tuple(measure.name for measure in MEASURES if measure.name != "rate")


@dataclass(frozen=True, slots=True)
class Words:
    """Patterns (RE2, without flags) of one category that are looked for on one side of a row; at its
    `start`, or anywhere."""

    category: str
    side: Side
    patterns: tuple[str, ...]
    unless: tuple[str, ...] = ()
    unless_prompt: tuple[str, ...] = ()
    start: bool = False

    @property
    def pattern(self) -> str:
        return rf"^{_OPENING}(?:{_any(self.patterns)})" if self.start else _any(self.patterns)

    @property
    def in_field(self) -> str:
        """Where the pattern may stand in a record's text, whose lines are `key: value`."""
        return rf"(?m:^[^\n]{{1,{KEY}}}?: {_OPENING}(?:{_any(self.patterns)}))"


@check
@dataclass(frozen=True)
class RefusalsAndArtifacts(Rowwise):
    """Answers that refuse, talk about being a model, or carry debris of the pipeline that made them.

    Why it matters: a model trained on refusals refuses more than it should; one trained on its
    teacher's self-description answers with the teacher's name; slots, scaffolding and made-up
    addresses are learnt as if they were content. All are cheap to find and cheaper to leave out.

    Example: "As an AI language model, I don't have personal opinions." · "Dear [Recipient Name]," ·
    "### Response: …" · "www.yourwebsite.com" · a prompt that ends in "<noinput>".

    Remedy: each category names its own; most rows are best generated again, for a placeholder is the
    sign of a prompt that was not filled in.

    Limits: English lists, by form alone. Answers are looked at as `response` (of a chat, the last
    answer); of a record without a known answer every field that is text is one. Slots are not looked
    for in rows with code or in those that were asked for a template.
    Your own lists: `words` names files of the form of `expectations/words/artifacts.yaml`, `phrases`
    are looked for in answers literally; both are part of the recorded parameters (`lexicon` is the
    digest of all lists).

    Reference: the categories of AlpacaDataCleaned (github.com/gururise/AlpacaDataCleaned) and the
    refusal filters of Vicuna and WizardLM; the source of each list stands beside it.
    """

    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    lexicon: str = ""

    spec: ClassVar[Spec] = Spec(
        name="refusals-and-artifacts",
        title="Refusals and artifacts",
        measures=MEASURES,
        reads=("text",),
        version=2,
        fires=(
            Case(
                ({"prompt": "Who wins?", "response": "As an AI language model, I don't have personal opinions."},),
                "refusals_and_artifacts.ai_self_mention",
            ),
            Case(
                ({"prompt": "Help me.", "response": "I'm sorry, but I cannot help with that."},),
                "refusals_and_artifacts.refusal",
            ),
            Case(
                ({"topic": "weather", "generation_1": "I'm sorry, but I cannot help with that."},),
                "refusals_and_artifacts.refusal",
            ),
            Case(
                ({"prompt": "Hello?", "response": "Hi! I was trained by OpenAI to answer."},),
                "refusals_and_artifacts.teacher_mention",
            ),
            Case(
                ({"prompt": "Thank them.", "response": "Dear [Recipient Name],\nthank you."},),
                "refusals_and_artifacts.template_slot",
            ),
            Case(
                ({"prompt": "Shorten it.", "response": "Here is a rephrased version: Go home."},),
                "refusals_and_artifacts.prompt_scaffolding",
            ),
            Case(
                ({"prompt": "Where?", "response": "See https://www.yourwebsite.com for more."},),
                "refusals_and_artifacts.fabricated_url",
            ),
            Case(
                ({"prompt": "Draw a picture of a cat.", "response": "A cat sits on a mat."},),
                "refusals_and_artifacts.image_request",
            ),
            Case(
                ({"instruction": "Name a colour.", "input": "<noinput>", "output": "Blue."},),
                "refusals_and_artifacts.no_input_placeholder",
            ),
            Case(
                ({"prompt": "Greet.", "response": "Howdy partner!"},),
                "refusals_and_artifacts.custom",
                parameters={"phrases": ("howdy  Partner",)},
            ),
        ),
        quiet=(
            Case(
                (
                    {"prompt": "What is OpenAI?", "response": "OpenAI is a company that trains ChatGPT."},
                    {"prompt": "Explain language models.", "response": "A language model predicts the next word."},
                    {"prompt": "Write f-string code.", "response": 'name = "x"\nprint(f"Hello {name}")'},
                    {"prompt": "Give me a fraction.", "response": "\\frac{name}{date} = 2"},
                    {"prompt": "Comfort a customer.", "response": "We are sorry for the delay of your parcel."},
                    {"prompt": "Where is it documented?", "response": "At https://example.com/docs."},
                    {"prompt": "Draw a conclusion from the text.", "response": "## Result\nPrices rose."},
                ),
                "refusals_and_artifacts.rate",
            ),
        ),
    )

    def __post_init__(self) -> None:
        digest = hashlib.sha256(repr(self._lists()).encode()).hexdigest()[:16]
        if self.lexicon not in ("", digest):
            raise ValueError("lexicon is the digest of the word lists and cannot be set")
        object.__setattr__(self, "lexicon", digest)

    def _lists(self) -> tuple[Words, ...]:
        paths = (*sorted((SHIPPED / "words").glob("*.yaml")), *map(Path, self.words))
        lists = tuple(one for path in paths for one in _load(path, _stamp(path)))
        return (*lists, Words("custom", "response", tuple(map(_literal, self.phrases)))) if self.phrases else lists

    def flag(self, rows: Rows) -> Flags:
        masks: dict[str, Mask] = {name: np.zeros(len(rows), np.bool_) for name in CATEGORIES}
        bare = _bare(rows).to_numpy(zero_copy_only=False)
        for side, words, column in self._sides(rows):
            loose = side == "response" and bool(bare.any())
            patterns = [one.pattern for one in words] + [one.in_field for one in words if one.start and loose]
            hits = np.flatnonzero(_match(column, _any(patterns)))
            if not len(hits):
                continue
            taken = arrow(hits)
            some, asked, meta = column.take(taken), rows.column("prompt").take(taken), rows.column("meta").take(taken)
            for one in words:
                mask = _match(some, one.pattern)
                if one.start and loose:
                    for i in np.flatnonzero(bare[hits] & (mask | _match(some, one.in_field))):
                        mask[i] = _found(one.pattern, _parts(some[i].as_py(), meta[i].as_py())) is not None
                if one.unless and mask.any():
                    mask &= ~_match(some, _any(one.unless))
                if one.unless_prompt and mask.any() and side == "response":
                    mask &= ~_match(asked, _any(one.unless_prompt))
                masks[one.category][hits[mask]] = True
        return Flags(masks)

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        seen = [""] * len(hits)
        taken, bare = arrow(hits), _bare(rows).to_numpy(zero_copy_only=False)[hits]
        metas = rows.column("meta").take(taken).to_pylist()
        for side, words, column in self._sides(rows):
            mine = [one for one in words if one.category == measure]
            for position, text in enumerate(column.take(taken).to_pylist() if mine else ()):
                loose = side == "response" and bare[position]
                for one in mine:
                    if text and not seen[position]:
                        parts = _parts(text, metas[position]) if one.start and loose else [text]
                        seen[position] = _found(one.pattern, parts) or ""
        return seen

    def _sides(self, rows: Rows) -> list[tuple[str, list[Words], pa.Array]]:
        lists = sorted(self._lists(), key=lambda words: words.side)
        return [(side, list(words), _column(rows, side)) for side, words in groupby(lists, key=lambda w: w.side)]


def _column(rows: Rows, side: str) -> pa.Array:
    if side == "prompt":
        return rows.column("prompt")
    response = rows.column("response")
    if response.null_count == 0:
        return response
    return pc.if_else(_bare(rows), rows.column("text"), response)


def _bare(rows: Rows) -> pa.Array:
    """Whether each row has neither prompt nor response, so that its text is looked at."""
    return pc.and_(pc.is_null(rows.column("response")), pc.is_null(rows.column("prompt")))


def _parts(text: str, meta: str) -> list[str]:
    """What a bare row says: the texts of a record's fields, or the text itself."""
    fields: dict[str, object] = orjson.loads(meta)
    if not text.startswith(f"{next(iter(fields), '')}: "):
        return [text]
    return [value for value in fields.values() if isinstance(value, str)]


def _found(pattern: str, parts: Iterable[str]) -> str | None:
    """What stands around the first match, or None."""
    expression = _compiled(pattern)
    matches = ((part, expression.search(part)) for part in parts)
    return next((_around(part, match) for part, match in matches if match), None)


def _match(column: pa.Array, pattern: str) -> Mask:
    found = pc.match_substring_regex(column, pattern, ignore_case=True)
    mask: Mask = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask.copy() if not mask.flags.writeable else mask


def _any(patterns: Iterable[str]) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


def _around(text: str, match: re.Match[str]) -> str:
    start, end = max(0, match.start() - CONTEXT), min(len(text), match.end() + CONTEXT)
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _literal(phrase: str) -> str:
    """A phrase as a pattern: any white space between words, either apostrophe."""
    words = (re.sub(r"([^\w\s])", r"\\\1", word) for word in phrase.split())
    return r"\s+".join(words).replace("\\'", "['’]").replace("\\’", "['’]")


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


_KEYS = ("category", "in", "at", "phrases", "patterns", "unless", "unless_prompt")


@lru_cache(maxsize=64)
def _load(path: Path, stamp: int) -> tuple[Words, ...]:  # noqa: ARG001  part of the cache's key
    """The lists of a file; `stamp` (its time of change) makes a changed file read again."""
    found = []
    for entry in documents.read(path).items("a word list"):
        given = entry.mapping("a word list", _KEYS, required=("category", "in"))
        side = given["in"].name("in", ("response", "prompt"))
        start = "at" in given and given["at"].name("at", ("start", "anywhere")) == "start"
        patterns = _texts(given, "patterns") + tuple(
            _literal(phrase) for phrase in _texts(given, "phrases", plain=True)
        )
        if not patterns:
            entry.refuse("a word list has neither phrases nor patterns")
        found.append(
            Words(
                given["category"].name("category", CATEGORIES),
                "prompt" if side == "prompt" else "response",
                patterns,
                _texts(given, "unless"),
                _texts(given, "unless_prompt"),
                start,
            )
        )
    return tuple(found)


def _texts(given: Mapping[str, Entry], key: str, *, plain: bool = False) -> tuple[str, ...]:
    if key not in given:
        return ()
    return tuple(entry.text(key) if plain else entry.pattern(key) for entry in given[key].items(key))
