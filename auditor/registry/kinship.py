"""The tables of model families, terms and purposes: `expectations/lineage/*.yaml`, the user's before ours.

    families:
      llama-3.1:
        names: ["llama-3.1*", "meta-llama-3.1*"]
        line: llama                       # families of one line are relatives
        built_on: [llama-3]               # whose weights they were tuned from
        distilled_from: [gpt]             # whose outputs they are documented to be trained on
        terms: llama-3.1-community
        source: https://…
    terms:
      llama-3.1-community:
        title: Llama 3.1 Community License Agreement
        names: [llama3.1]                 # other spellings
        forbids: []                       # of model.kinship.USES
        requires: ["name-prefix:Llama"]   # of model.kinship.DUTIES
        since: 2024-07-23
        source: https://…
    purposes:
      commercial-training: {uses: [commercial, competing-model], words: [commercial, product]}

A user's table adds to ours and stands before it: the first family whose pattern fits a name is its family,
and a licence or purpose of the same name replaces ours. Nothing unknown is ever ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.model.errors import suggest
from auditor.model.kinship import DUTIES, USES, Family, Kinship, Purpose, Terms, bare
from auditor.registry import models
from auditor.registry.workspace import Workspace

FOLDER = "lineage"

T = TypeVar("T")
Section = dict[str, Entry]


def load(workspace: Workspace) -> Kinship:
    """The tables of the workspace, then ours; and the families that models' own cards name.

    Raises ConfigError with file and line for a key, family, licence, use or duty that is not known.
    """
    tables = [
        documents.read(path).mapping("a table of lineage", ("families", "terms", "purposes"))
        for folder in workspace.expectations
        for path in sorted((folder / FOLDER).glob("*.yaml"))
    ]
    families = _section(tables, "families")
    terms = _section(tables, "terms")
    kin = {name: _family(name, entry, families, terms) for name, entry in families.items()}
    return Kinship(
        (*_said_by_cards(workspace, kin), *kin.values()),
        {name: _terms(name, entry) for name, entry in terms.items()},
        tuple(_purpose(name, entry) for name, entry in _section(tables, "purposes").items()),
    )


def _section(tables: list[Section], name: str) -> Section:
    """The entries of every table, the first of a name before later ones."""
    found: Section = {}
    for table in tables:
        if name in table:
            for key, entry in table[name].mapping(f"'{name}'").items():
                found.setdefault(key, entry)
    return found


def _family(name: str, entry: Entry, families: Collection[str], terms: Collection[str]) -> Family:
    what = f"the family {name!r}"
    given = entry.mapping(what, ("names", "line", "built_on", "distilled_from", "terms", "source"), ("names", "source"))
    names = _texts(given, "names", what)
    if not names:
        given["names"].refuse(f"{what} has no names", wanted='shell patterns, such as ["gpt-4o*"]')
    return Family(
        name,
        tuple(pattern.casefold() for pattern in names),
        given["source"].text(f"the source of {what}"),
        _text(given, "line", what) or "",
        _names(given, "built_on", what, families),
        _names(given, "distilled_from", what, families),
        given["terms"].name(f"the terms of {what}", terms) if "terms" in given else None,
    )


def _terms(name: str, entry: Entry) -> Terms:
    what = f"the terms {name!r}"
    keys = ("title", "names", "forbids", "requires", "since", "source")
    given = entry.mapping(what, keys, ("title", "source"))
    for duty in given["requires"].items(f"'requires' of {what}") if "requires" in given else ():
        kind, colon, prefix = duty.text("a duty").partition(":")
        if kind not in DUTIES:
            duty.refuse(f"{what} require an unknown duty", hint=suggest(kind, DUTIES))
        if (kind == "name-prefix") is not bool(colon and prefix.strip()):
            duty.refuse(f"{what}: only a name-prefix is followed by a name", wanted='such as "name-prefix:Llama"')
    return Terms(
        name,
        given["title"].text(f"the title of {what}"),
        given["source"].text(f"the source of {what}"),
        _names(given, "forbids", what, USES),
        _texts(given, "requires", what),
        _texts(given, "names", what),
        given["since"].date(f"'since' of {what}").isoformat() if "since" in given else None,
    )


def _purpose(name: str, entry: Entry) -> Purpose:
    what = f"the purpose {name!r}"
    given = entry.mapping(what, ("uses", "words"))
    words = tuple(word.casefold() for word in _texts(given, "words", what))
    return Purpose(name, _names(given, "uses", what, USES), words)


def _said_by_cards(workspace: Workspace, families: Mapping[str, Family]) -> list[Family]:
    """A family of one for each model whose card names its family: relatives as that family's are."""
    found = []
    for card in models.all(workspace).values():
        if card.family is not None:
            kin = families.get(card.family)
            source = f"models/ ({card.name})"
            found.append(
                Family(
                    f"{card.family}: {card.name}",
                    (_literal(card.name),),
                    source,
                    line=(kin.line or kin.name) if kin else card.family,
                    built_on=(kin.name,) if kin else (),
                )
            )
    return found


def _literal(name: str) -> str:
    """A shell pattern that fits the model's bare name alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in bare(name))


def _text(given: Mapping[str, Entry], key: str, what: str) -> str | None:
    return given[key].text(f"'{key}' of {what}") if key in given else None


def _texts(given: Mapping[str, Entry], key: str, what: str) -> tuple[str, ...]:
    return _each(given, key, what, lambda entry: entry.text(f"an entry of '{key}' of {what}"))


def _names(given: Mapping[str, Entry], key: str, what: str, known: Collection[str]) -> tuple[str, ...]:
    return _each(given, key, what, lambda entry: entry.name(f"'{key}' of {what}", known))


def _each(given: Mapping[str, Entry], key: str, what: str, read: Callable[[Entry], T]) -> tuple[T, ...]:
    return tuple(read(entry) for entry in given[key].items(f"'{key}' of {what}")) if key in given else ()
