"""How things were before a stage is run: remembered, and put back where its version is turned away."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from auditor import registration
from auditor.files import write_bytes
from auditor.model.card import Card
from auditor.model.errors import AuditorError, ConfigError
from auditor.regeneration import journal_of, pipeline
from auditor.regeneration.pipeline import Stage
from auditor.registration.registering import LOCK
from auditor.registry import cards
from auditor.registry.workspace import Workspace

_log = logging.getLogger("auditor.regeneration")

HOME = "regeneration"
"""Folder in `.auditor/`: what stages print (NAME.log), and how `dvc.lock` was before them (NAME.json)."""


def memory(name: str, workspace: Workspace) -> Path:
    return workspace.home / HOME / f"{name}.json"


def remember(card: Card, stage: Stage, workspace: Workspace) -> None:
    """How `dvc.lock` and the card's expiry are before the stage runs, for a version that is turned away."""
    place = memory(card.name, workspace)
    if place.is_file():
        return  # of a run that was cut off: what it found is what was accepted
    said = {
        "newest": card.versions[-1].version,
        "stage": stage.target,
        "entry": pipeline.locked(stage.target, workspace.root),
        "expires": card.refresh.expires.isoformat() if card.refresh.expires else None,
    }
    write_bytes(place, orjson.dumps(said))


def forget(name: str, workspace: Workspace) -> None:
    memory(name, workspace).unlink(missing_ok=True)


def settle(workspace: Workspace, names: Collection[str] = (), *, given_up: bool = False) -> list[str]:
    """After the gate: where the newest version was turned away, the current one is put back in its place,
    in `dvc.lock` and in the expiry; the turned away one stays in DVC's cache, and on the card. given_up: so too
    where the stage came to no version.

    Returns what could not be put back.
    """
    notes = []
    for place in sorted((workspace.home / HOME).glob("*.json")):
        name = place.stem
        if names and name not in names:
            continue
        try:
            said = orjson.loads(place.read_bytes())
            card = cards.load(name, workspace)
        except (ValueError, ConfigError):
            place.unlink(missing_ok=True)
            continue
        last = card.versions[-1]
        away = last.status == "rejected" and (last.version > said["newest"] or _rejected_last(name, workspace))
        if given_up or away:
            notes += _restored(card, said, workspace)
            place.unlink(missing_ok=True)
        elif last.status == "current" and last.version > said["newest"]:
            place.unlink(missing_ok=True)
    return notes


def _rejected_last(name: str, workspace: Workspace) -> bool:
    """Whether the last that happened to a dataset is that its gate turned it away (a second time, perhaps)."""
    last = next((event for event in reversed(journal_of(workspace).events()) if event.dataset == name), None)
    return last is not None and last.what == "rejected"


def _restored(card: Card, said: dict[str, Any], workspace: Workspace) -> list[str]:
    current = card.current
    if current is None:
        return []
    with workspace.lock(LOCK):
        now = cards.load(card.name, workspace)
        expires = dt.date.fromisoformat(said["expires"]) if said["expires"] else None
        if now.refresh.expires != expires:
            cards.save(replace(now, refresh=replace(now.refresh, expires=expires)), workspace)
    try:
        registration.checkout(card.ref(current), workspace)
    except AuditorError as error:
        note = f"{current.path} is not that of version {current.version}: {error.message}"
        _log.warning("%s: %s", card.name, note)
        return [note]
    pipeline.restore(said["stage"], said["entry"], workspace.root)
    return []
