"""What a regeneration is asked for, and who is told of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Protocol

from auditor.auditing import Options, Progress, Silent
from auditor.regeneration.plan import Done, Limits, Step


@dataclass(frozen=True, slots=True)
class Asked:
    """names: empty for all that is stale. expires: the day until which the new versions are good.
    options: of the gate. uri: where MLflow is, None for that of the settings."""

    names: tuple[str, ...] = ()
    limits: Limits = field(default_factory=Limits)
    expires: dt.date | None = None
    options: Options = field(default_factory=Options)
    uri: str | None = None


class Watcher(Progress, Protocol):
    """Told of each dataset as it begins and ends, beside the stages of its audit."""

    def begins(self, step: Step, number: int, of: int) -> None: ...
    def ended(self, done: Done) -> None: ...


class Unwatched(Silent):
    """Nobody is told."""

    def begins(self, step: Step, number: int, of: int) -> None: ...
    def ended(self, done: Done) -> None: ...
