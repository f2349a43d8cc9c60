"""Cards in git: `datasets/NAME.yaml`, read with errors that name the line, written whole and readably.

A secret that somebody wrote onto one is masked as it is read, so that nothing behind here can show it; and what
a card names as a file is looked up by `confined`.

Here is no lock: who changes a card reads and saves it under `workspace.lock("registry")`.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.core import documents, places
from auditor.core.documents import Entry
from auditor.core.secrets import veiled
from auditor.files import write_text
from auditor.model.card import Card, Lineage
from auditor.model.errors import ConfigError, UnreadableFile, suggest
from auditor.model.techniques import TECHNIQUES
from auditor.registry import grammar, plain
from auditor.registry.retouch import dump as _yaml
from auditor.registry.retouch import retouch
from auditor.registry.workspace import Workspace

FOLDER = "datasets"

SKEW = dt.timedelta(days=1)
"""How far in the future a date may lie: two machines' clocks and zones differ by less."""

_SLUG = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9_-])?")

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?", re.IGNORECASE)
"""A repository with a file of such a name cannot be checked out on Windows."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """A card handed in to register one version. facts: of the card, by its keys, as given. path: of the data,
    as given. lineage: as declared, with sources and prompts still to be looked up; None where it has none."""

    facts: Mapping[str, Any]
    path: str | None
    lineage: Lineage | None
    why: str = ""


def path(name: str, workspace: Workspace) -> Path:
    """Where the card of that name is kept. Raises ConfigError for a name that could not be a file's."""
    if not _SLUG.fullmatch(name):
        raise ConfigError(
            "not a name for a dataset",
            seen=repr(name[:120]),
            wanted="letters, digits, '-', '_' and '.', at most 80, such as sft-v3",
        )
    if _DEVICE.fullmatch(name):
        raise ConfigError("a name that Windows keeps for a device", seen=name, hint=f"such as {name}-data")
    return workspace.root / FOLDER / f"{name}.yaml"


def names(workspace: Workspace) -> list[str]:
    """Names of all cards, sorted."""
    try:
        with os.scandir(workspace.root / FOLDER) as entries:
            return sorted(
                entry.name[:-5]
                for entry in entries
                if entry.name.endswith(".yaml") and _SLUG.fullmatch(entry.name[:-5]) and entry.is_file()
            )
    except FileNotFoundError:
        return []


def load(name: str, workspace: Workspace) -> Card:
    """The card of a registered dataset. Raises ConfigError where there is none, or it is not a card."""
    place = path(name, workspace)
    if not place.is_file():
        known = names(workspace)
        hint = suggest(name, known) if known else "register it: auditor register NAME PATH"
        raise ConfigError(f"no dataset is registered as {name!r}", file=str(place), hint=hint)
    return read(place)


def read(path: Path) -> Card:
    """The card in a file. Raises ConfigError with file and line of what is wrong with it."""
    return parse(documents.read(places.kept(path, path.parent.parent)), path)


def parse(entry: Entry, path: Path) -> Card:
    """The card in a document; `path` is the file that it was read from."""
    given = grammar.plain(entry, "card")
    top = entry.mapping("a card")
    if given["name"] != path.stem:
        top["name"].refuse("the name is not the file's", wanted=path.stem)
    if "versions" in given:
        _versions(given["versions"], list(top["versions"].items("versions")))
    return plain.card(veiled(given))


def confined(given: str, workspace: Workspace, name: str, *keys: str | int) -> Path:
    """Where a path that stands on the card of `name` lies on this machine; as `inside`."""
    return inside(given, workspace, path(name, workspace), *keys)


def inside(given: str, workspace: Workspace, file: Path, *keys: str | int) -> Path:
    """Where a path that stands in a card file lies on this machine.

    keys: to its place in the file, such as "real", or "versions", 3, "path" for that of version 3. Raises
    ConfigError with file, line and key where it leads out of the workspace (see `core.places`).
    """
    try:
        return places.confined(given, workspace.root)
    except ConfigError as error:
        raise ConfigError(
            f"{str(keys[-1])!r}: {error.message}",
            file=str(file),
            line=_line(file, keys),
            seen=error.seen,
            wanted=error.wanted,
            hint=error.hint,
        ) from error


def _line(file: Path, keys: Sequence[str | int]) -> int | None:
    """Where the value stands to which the keys lead; a number is that of a version."""
    try:
        entry = documents.read(file)
        for key in keys:
            if isinstance(key, str):
                entry = entry.mapping("a card")[key]
            else:
                entry = next(one for one in entry.items("versions") if one.mapping("a version")["version"].value == key)
    except (ConfigError, KeyError, StopIteration):  # changed meanwhile
        return None
    return entry.line


def _versions(given: list[dict[str, Any]], entries: list[Entry]) -> None:
    """What a schema cannot say of a list of versions."""
    latest, current = 0, 0
    for version, entry in zip(given, entries, strict=True):
        at = entry.mapping("a version")
        number = version["version"]
        if number <= latest:
            at["version"].refuse("versions must rise", wanted=f"more than {latest}")
        if version.get("supersedes", 0) >= number:
            at["supersedes"].refuse("a version supersedes an earlier one")
        if version.get("status", "current") == "current":
            if current:
                at["status" if "status" in at else "version"].refuse(
                    f"two versions are current: {current} and {number}", hint=f"set version {current} to superseded"
                )
            current = number
        for key, moment in (("date", version["date"]), ("verdict", version.get("verdict", {}).get("date"))):
            if moment and dt.datetime.fromisoformat(moment) > dt.datetime.now(dt.UTC) + SKEW:
                at[key].refuse(f"the date of version {number} is in the future", hint="look at this machine's clock")
        if "lineage" in version:
            _vocabulary(at["lineage"])
        latest = number


def _vocabulary(lineage: Entry) -> None:
    at = lineage.mapping("lineage")
    if "technique" in at:
        at["technique"].name("technique", TECHNIQUES)
    for field in at["fields"].mapping("fields").values() if "fields" in at else ():
        field.name("technique of a field", TECHNIQUES)


def declared(path: Path) -> Declaration:
    """A card file for `register`: facts, and `path` and `lineage` of the version to register at its top."""
    try:
        entry = documents.read(path)
    except ConfigError as error:
        if not path.exists():
            raise UnreadableFile(f"no such file {str(path)!r}") from error
        raise
    given = grammar.plain(entry, "card", "declaration")
    if "lineage" in given:
        _vocabulary(entry.mapping("a card")["lineage"])
    lineage = plain.lineage(given.pop("lineage")) if "lineage" in given else None
    return Declaration(given, given.pop("path", None), lineage, given.pop("why", ""))


def dump(card: Card) -> str:
    """The card as a file that nobody has edited yet."""
    return _yaml(plain.of_card(card))


def save(card: Card, workspace: Workspace) -> Path:
    """Write the card, whole or not at all; lines of what did not change stay as they are, comments included.

    Raises ConfigError where the file that stands there is not a card (nothing is lost by overwriting it
    unread), or what is to be written would not read back; StorageError where it cannot be written.
    """
    place, card = path(card.name, workspace), plain.card(veiled(plain.of_card(card)))
    if not place.exists():
        _alone(card.name, place, workspace)
    write_text(place, _merged(card, place) or _whole(card, place))
    return place


def _alone(name: str, place: Path, workspace: Workspace) -> None:
    """Raises ConfigError where another card's file would be the same to a file system that knows no case."""
    twin = next((one for one in names(workspace) if one.lower() == name.lower()), None)
    if twin is not None:
        message = f"{name!r} and {twin!r} are one file where case does not count"
        raise ConfigError(message, file=str(place), hint=f"call it {twin!r}, or something else")


def _whole(card: Card, place: Path) -> str:
    """The card as a fresh file, which reads back as it is: nobody may find one that does not."""
    try:
        text = dump(card)
        if len(text.encode()) > documents.LARGEST:
            raise ConfigError("the card is too large to be read again", file=str(place), wanted="at most 16 MiB")
    except UnicodeEncodeError as error:
        raise ConfigError("a text of the card is not UTF-8", file=str(place), seen=ascii(error.object)[:120]) from error
    if parse(documents.parse(text, str(place)), place) != card:
        raise ConfigError("the card would read back as another", file=str(place))
    return text


def _merged(card: Card, place: Path) -> str | None:
    if not place.exists():
        return None
    before = plain.of_card(read(place))
    text = retouch(place.read_text("utf-8-sig"), before, plain.of_card(card), "versions")
    if text is None:
        return None
    try:
        kept = parse(documents.parse(text, str(place)), place)
    except ConfigError:
        return None
    return text if kept == card else None
