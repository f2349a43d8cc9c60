"""Models that we have something to say of, `models/NAME.yaml`, and the revisions in use, `models.lock.yaml`.

`models.lock.yaml` is flat, `KEY: revision`, so that stages of `dvc.yaml` can take its keys as parameters
(`params: [models.lock.yaml: [KEY]]`) and are run again exactly when their model's revision changes.
"""

from __future__ import annotations

import datetime as dt
import os
import re
from collections.abc import Mapping
from pathlib import Path

from auditor.core import documents, places
from auditor.core.documents import Entry
from auditor.core.secrets import veiled
from auditor.files import write_text
from auditor.model.card import ModelCard
from auditor.model.errors import ConfigError
from auditor.registry import grammar, plain
from auditor.registry.cards import SKEW
from auditor.registry.retouch import dump, retouch
from auditor.registry.workspace import Workspace

FOLDER = "models"
LOCK = "models.lock.yaml"

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def key(name: str) -> str:
    """A model's key in `models.lock.yaml`: DVC's parameters cannot have dots. `gpt-3.5` -> `gpt-3_5`."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)


def path(name: str, workspace: Workspace) -> Path:
    """Where the card of that model is kept: `meta-llama/Llama-3` -> `models/meta-llama--Llama-3.yaml`."""
    safe = _UNSAFE.sub("--", name).strip("-.")[:120]
    if not safe:
        raise ConfigError("not a name for a model", seen=repr(name[:120]), wanted="a name such as gpt-4o")
    return workspace.root / FOLDER / f"{safe}.yaml"


def load(name: str, workspace: Workspace) -> ModelCard | None:
    """The model's card; None where nothing is said of it. Raises ConfigError where it is not a card."""
    place = path(name, workspace)
    if not place.is_file():
        return None
    card = read(place)
    if card.name != name:
        raise ConfigError(
            f"the card is of the model {card.name!r}, not of {name!r}",
            file=str(place),
            hint="their names differ only in characters that files cannot have: give one another name",
        )
    return card


def read(path: Path) -> ModelCard:
    """The model card in a file. Raises ConfigError with file and line of what is wrong with it."""
    return parse(documents.read(places.kept(path, path.parent.parent)), path)


def parse(entry: Entry, path: Path) -> ModelCard:  # noqa: ARG001  read like a dataset's card
    """The model card in a document."""
    given = grammar.plain(entry, "model")
    top = entry.mapping("a model")
    known: set[str | None] = set()
    entries = list(top["revisions"].items("revisions")) if "revisions" in top else []
    for revision, at in zip(given.get("revisions", ()), entries, strict=True):
        name = revision.get("revision")
        if name in known:
            at.refuse(f"the revision {name!r} is given twice" if name else "two entries are of every revision")
        known.add(name)
        since = revision.get("withdrawn", {}).get("date")
        if since and dt.date.fromisoformat(since) > (dt.datetime.now(dt.UTC) + SKEW).date():
            at.refuse("it was withdrawn in the future", hint="look at this machine's clock")
    return plain.model(veiled(given))


def save(card: ModelCard, workspace: Workspace) -> Path:
    """Write the model's card, whole or not at all; lines of what did not change stay as they are."""
    place = path(card.name, workspace)
    said = veiled(plain.of_model(card))
    text = None
    before = load(card.name, workspace)
    if before is not None:
        text = retouch(place.read_text("utf-8-sig"), plain.of_model(before), said, "revisions")
        if text is not None and parse(documents.parse(text, str(place)), place) != plain.model(said):
            text = None
    write_text(place, text or dump(said))
    return place


def files(workspace: Workspace) -> list[Path]:
    """Every model card's file, in name order."""
    try:
        with os.scandir(workspace.root / FOLDER) as entries:
            return sorted(Path(entry.path) for entry in entries if entry.name.endswith(".yaml") and entry.is_file())
    except FileNotFoundError:
        return []


def all(workspace: Workspace) -> Mapping[str, ModelCard]:  # noqa: A001  `models.all(ws)` reads as what it does
    """Every model card, by the model's name."""
    return {card.name: card for card in map(read, files(workspace))}


def locked(workspace: Workspace) -> Mapping[str, str]:
    """`models.lock.yaml`: key (see `key`) -> revision in use; empty where there is no such file.

    Raises ConfigError where it is not a flat mapping of keys to revisions.
    """
    place = workspace.root / LOCK
    if not place.is_file():
        return {}
    found = {}
    for name, entry in documents.read(places.kept(place, workspace.root)).mapping(LOCK).items():
        if name != key(name):
            entry.refuse(f"{name!r} is not a key that DVC can take", wanted=key(name))
        found[name] = grammar.text(entry, f"the revision of {name!r}")
    return found
