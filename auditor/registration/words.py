"""From the words of a command line, and a card file, to a `Request`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor.model.card import KINDS, Generator, Lineage, Model, Prompt, Refresh, Scalar, digest_of
from auditor.model.errors import ConfigError, InputError, suggest
from auditor.registration.provenance import over
from auditor.registration.request import Request
from auditor.registry import cards, grammar, plain
from auditor.registry.imports import Declared

_DAYS = re.compile(r"(\d{1,5})\s*(d|w)", re.IGNORECASE)
_FOLLOWS = re.compile(grammar.schema("card")["$defs"]["generator"]["oneOf"][1]["properties"]["follows"]["pattern"])


@dataclass(frozen=True, slots=True)
class Words:
    """What was written for each fact of lineage, as it was written."""

    generators: Sequence[str] = ()
    prompts: Sequence[str] = ()
    seeds: Sequence[str] = ()
    parents: Sequence[str] = ()
    evals: Sequence[str] = ()
    judges: Sequence[str] = ()
    people: Sequence[str] = ()
    technique: str | None = None
    provider: str | None = None
    decoding: Mapping[str, str] = field(default_factory=dict)
    system_prompt: str | None = None
    follows: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)

    def lineage(self, base: Lineage | None) -> Lineage | None:
        """The words over `base`: what is said stands in its place. None where neither says anything.

        Raises ConfigError where how a model was run is said without a model, InputError for a system
        prompt that cannot be read.
        """
        said: dict[str, Any] = {
            "technique": self.technique,
            "generators": self._generators(base.generators if base else ()),
            "prompts": tuple(Prompt(word, "", file=word) for word in self.prompts),
            "seeds": tuple(map(plain.source, self.seeds)),
            "parents": tuple(map(plain.source, self.parents)),
            "evals": tuple(map(plain.source, self.evals)),
            "judges": tuple(map(Model.parse, self.judges)),
            "people": tuple(self.people),
            "fields": self.fields,
            "columns": self.columns,
            "facts": {key: scalar(value) for key, value in self.facts.items()},
        }
        said = {key: value for key, value in said.items() if value}
        return replace(base or Lineage(), **said) if said else base

    def _generators(self, base: tuple[Generator, ...]) -> tuple[Generator, ...]:
        named = tuple(Generator(Model.parse(word)) for word in self.generators) or base
        how: dict[str, Any] = {
            "provider": self.provider,
            "decoding": {key: scalar(value) for key, value in self.decoding.items()},
            "system_prompt": _hashed(self.system_prompt) if self.system_prompt else None,
            "follows": self.follows,
        }
        how = {key: value for key, value in how.items() if value}
        if how and not named:
            raise ConfigError(f"{', '.join(how)}: of which model?", wanted="--generator MODEL@REVISION")
        if self.follows and not _FOLLOWS.match(self.follows):
            raise ConfigError(
                "not a place to look a revision up",
                seen=self.follows[:120],
                wanted="mlflow:models:/NAME@ALIAS, hub:ORG/NAME, lock:KEY or weights:PATH",
            )
        return tuple(replace(generator, **how) for generator in named)


def request(
    name: str | None,
    path: str | None,
    words: Words,
    facts: Mapping[str, Any],
    *,
    card: Path | None = None,
    imported: Declared | None = None,
    **how: Any,
) -> Request:
    """What to register: words stand before the card file, the card file before what was imported.

    facts: of the card, as `Request` has them; None is left open. how: other fields of `Request`.

    Raises ConfigError where the card file is broken, or name or path are said nowhere.
    """
    declared = cards.declared(card) if card else cards.Declaration({}, None, None)
    given = declared.facts
    called = name or given.get("name")
    where = path or declared.path
    if called is None or where is None:
        missing = "NAME" if called is None else "PATH"
        raise ConfigError(f"{missing} is missing", wanted="auditor register NAME PATH, or --card FILE that has both")
    kind = facts.get("kind") or given.get("kind") or (imported.kind if imported else None)
    if kind is not None and kind not in KINDS:
        raise ConfigError(f"unknown kind {kind!r}", hint=suggest(kind, KINDS))
    refresh = given.get("refresh", {})
    day = dt.date.fromisoformat(refresh["expires"]) if "expires" in refresh else None
    theirs = imported.lineage if imported and imported.lineage != Lineage() else None
    texts: dict[str, Any] = {
        fact: facts.get(fact) or given.get(fact) or getattr(imported, fact, None) for fact in plain.FACTS
    }
    return Request(
        called,
        where,
        named_in=card if path is None else None,
        lineage=words.lineage(over(declared.lineage, theirs) if theirs else declared.lineage),
        kind=kind,
        refresh=Refresh(facts.get("expires") or day, facts.get("every") or refresh.get("every")),
        named={source: imported.file for _, source in theirs.sources()} if imported and theirs else {},
        mapping={**given.get("map", {}), **facts.get("mapping", {})},
        why=facts.get("why") or declared.why,
        **texts,
        **how,
    )


def expiry(text: str, today: dt.date) -> dt.date:
    """`90d`, `12w` from today, or a day such as 2027-01-31."""
    number = days(text)
    if number is not None:
        return today + dt.timedelta(days=number)
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise ConfigError("not a time", seen=text[:80], wanted="90d, 12w or a day such as 2027-01-31") from None


def every(text: str) -> int:
    """`30d` or `4w` as days."""
    number = days(text)
    if not number:
        raise ConfigError("not a number of days", seen=text[:80], wanted="30d or 4w")
    return number


def days(text: str) -> int | None:
    match = _DAYS.fullmatch(text.strip())
    return int(match[1]) * (7 if match[2] in "wW" else 1) if match else None


def scalar(text: str) -> Scalar:
    """A number, true, false, or the text itself."""
    if text in ("true", "false"):
        return text == "true"
    for number in (int, float):
        try:
            value = number(text)
        except ValueError:
            continue
        return value if value == value and abs(value) != float("inf") else text  # noqa: PLR0124  NaN is a text
    return text


def _hashed(file: str) -> str:
    try:
        return digest_of(Path(file).read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the system prompt: {error.strerror}", file=file) from error
