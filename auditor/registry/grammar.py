"""YAML that is held to a JSON Schema, so that what the schema says and what is read cannot differ.

Only the part of JSON Schema that our cards use, and errors that name file, line, key and what was meant.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any

import orjson

from auditor.core.documents import Entry

LARGEST = 2**63 - 1
"""The largest number: what JSON and SQLite keep of whole numbers, and far more than anyone counts."""


@cache
def schema(name: str) -> Mapping[str, Any]:
    """A schema of this package: "card" or "model"."""
    found: Mapping[str, Any] = orjson.loads(Path(__file__).with_name(f"{name}.schema.json").read_bytes())
    return found


def plain(entry: Entry, name: str, kind: str = "card") -> dict[str, Any]:
    """The mapping in `entry` as JSON values, held to `$defs/KIND` of the schema called `name`.

    Dates become ISO texts. Raises ConfigError with file and line of the first value that does not fit.
    """
    definitions = schema(name)["$defs"]
    found: dict[str, Any] = _read(entry, definitions[kind], definitions, f"a {name}")
    return found


def text(entry: Entry, what: str) -> str:
    """A text that is not empty; a day that YAML took for a date is its text again."""
    return _text(entry, {"pattern": "\\S"}, what)


def _read(entry: Entry, wanted: Mapping[str, Any], definitions: Mapping[str, Any], what: str) -> Any:
    while "$ref" in wanted:
        wanted = _refer(wanted["$ref"], definitions)
    if "oneOf" in wanted:
        short, long = wanted["oneOf"]
        return _read(entry, long if isinstance(entry.value, dict) else short, definitions, what)
    if "enum" in wanted:
        return entry.name(what, wanted["enum"])
    match wanted["type"]:
        case "object":
            return _mapping(entry, wanted, definitions, what)
        case "array":
            items = enumerate(entry.items(what), 1)
            return [_read(item, wanted["items"], definitions, f"{what}, entry {index}") for index, item in items]
        case "string":
            return _text(entry, wanted, what)
        case "integer":
            value = entry.value
            if type(value) is not int or not wanted.get("minimum", value) <= value <= LARGEST:
                entry.refuse(f"{what} must be a whole number", wanted=f"at least {wanted['minimum']}")
            return value
    if isinstance(entry.value, dict | list):
        entry.refuse(f"{what} must be one value", wanted="a text, a number, true, false or null")
    number = entry.value
    if (isinstance(number, int) and abs(number) > LARGEST) or (isinstance(number, float) and not isfinite(number)):
        entry.refuse(f"{what} is not a number that can be kept", hint="put it in quotes")
    return entry.value.isoformat() if isinstance(entry.value, dt.date) else entry.value


def _refer(reference: str, definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = {"$defs": definitions}
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def _mapping(entry: Entry, wanted: Mapping[str, Any], definitions: Mapping[str, Any], what: str) -> dict[str, Any]:
    properties: Mapping[str, Any] = wanted.get("properties", {})
    others = wanted["additionalProperties"]
    given = entry.mapping(what, properties if others is False else None, wanted.get("required", ()))
    if len(given) < wanted.get("minProperties", 0):
        entry.refuse(f"{what} is empty", wanted=f"some of {', '.join(properties)}")
    return {key: _read(value, properties.get(key, others), definitions, f"{key!r}") for key, value in given.items()}


def _text(entry: Entry, wanted: Mapping[str, Any], what: str) -> str:
    value, form = entry.value, wanted.get("format")
    if form is not None:
        return _moment(entry, form, what)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime):  # 2024-08-06: a revision, say
        value = value.isoformat()
    if not isinstance(value, str):
        hint = "put it in quotes" if isinstance(value, int | float) else None
        entry.refuse(f"{what} must be a text", hint=hint)
    if not _pattern(wanted["pattern"]).search(value):
        meant = wanted.get("description") or ("a text that is not empty" if wanted["pattern"] == "\\S" else None)
        entry.refuse(f"{what} is not of the form that is wanted", wanted=meant or wanted["pattern"])
    return value


def _moment(entry: Entry, form: str, what: str) -> str:
    if form == "date":
        return entry.date(what).isoformat()
    value = entry.value
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            value = None
    if not isinstance(value, dt.datetime) or value.tzinfo is None or value.year == 1:  # of which UTC may not exist
        entry.refuse(f"{what} is not a moment", wanted="a date with time and zone, such as 2026-11-21T07:50:00+00:00")
    return value.isoformat()


_pattern = cache(re.compile)
