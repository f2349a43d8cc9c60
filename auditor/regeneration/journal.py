"""What regeneration did in this workspace, a line an event: for durations, and for who comes after a kill.

`.auditor/regeneration.jsonl`. The cards are the truth: without this file nothing is lost but how long
the last time took, and that a forced stage has already been run.
"""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import orjson

Happened = Literal["made", "unchanged", "unusable", "passed", "rejected", "failed"]


@dataclass(frozen=True, slots=True)
class Event:
    """dataset: its name. version: from which it was made. what: "made" by its stage, and not registered
    yet; "unchanged", the same rows came out; "unusable", nobody can read them; how the gate judged; or
    "failed". seconds: that it took."""

    at: dt.datetime
    dataset: str
    version: int
    what: Happened
    seconds: float


@dataclass(frozen=True, slots=True)
class Journal:
    path: Path

    def tell(self, dataset: str, version: int, what: Happened, seconds: float) -> None:
        """One line, written at once; a line that a kill cut off before it is ended first."""
        said = {
            "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "dataset": dataset,
            "version": version,
            "what": what,
            "seconds": round(seconds, 3),
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            torn = file.seek(0, os.SEEK_END) > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + orjson.dumps(said) + b"\n")

    def events(self) -> list[Event]:
        """Oldest first; lines that are not whole are left out."""
        try:
            lines = self.path.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for line in lines:
            try:
                said = orjson.loads(line)
                at = dt.datetime.fromisoformat(said["at"])
                if said["what"] in get_args(Happened):
                    found.append(Event(at, said["dataset"], said["version"], said["what"], said["seconds"]))
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def durations(self) -> Mapping[str, float]:
        """Dataset -> seconds that its stage took when it last made something."""
        return {event.dataset: event.seconds for event in self.events() if event.what == "made"}

    def remade(self) -> Mapping[str, dt.date]:
        """Dataset -> the day on which it was last made again and came out the same."""
        return {event.dataset: event.at.date() for event in self.events() if event.what == "unchanged"}

    def unregistered(self, dataset: str, version: int) -> bool:
        """Whether a stage has made its rows from `version` on, and nobody came to register them."""
        last = next((event for event in reversed(self.events()) if event.dataset == dataset), None)
        return last is not None and last.what == "made" and last.version == version

    def unusable(self, dataset: str) -> bool:
        """Whether nobody could read what its stage made last: what DVC remembers of that run is no help."""
        mine = (event.what for event in reversed(self.events()) if event.dataset == dataset)
        return next((what for what in mine if what != "failed"), None) == "unusable"
