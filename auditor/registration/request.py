"""What `register` is asked for, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from auditor.model.card import Card, Kind, Lineage, Refresh, Registered, Source, Standing


@dataclass(frozen=True, slots=True)
class Request:
    """What `register` is asked for. None, or an empty mapping, leaves what the card says already.

    path: file or folder, or a URL; the caller's, or relative to the workspace. named_in: the card file that
    gives the path, which then leads nowhere out of the workspace. lineage: as declared: a `Source` may have only
    `file` (a path or a name), a `Prompt` only `file`; None is that of the current version. like: `NAME@VERSION`
    whose lineage holds where `lineage` says nothing. named: sources that a file of another tool names -> that
    file, for errors. status: "candidate" for a version that a gate has yet to
    judge, which supersedes
    nothing so far. again: rows of an older version become a new one (a step back). remade: the rows were
    made anew from the lineage given: the same ones with another lineage are a new version, not a
    contradiction. by_row: take what rows say of their makers. dvc: version the bytes.
    """

    name: str
    path: str
    lineage: Lineage | None = None
    kind: Kind | None = None
    owner: str | None = None
    purpose: str | None = None
    licence: str | None = None
    terms: str | None = None
    description: str | None = None
    stage: str | None = None
    real: str | None = None
    policy: str | None = None
    refresh: Refresh = field(default_factory=Refresh)
    mapping: Mapping[str, str] = field(default_factory=dict)
    status: Standing = "current"
    why: str = ""
    again: bool = False
    remade: bool = False
    by_row: bool = True
    dvc: bool = True
    max_bad_rows: str | None = None
    threads: int = 0
    like: str | None = None
    named_in: Path | None = None
    named: Mapping[Source, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registration:
    """created: False where the version was registered already. notes: what the user should know. pushed:
    whether the bytes are at the DVC remote; None where that was not asked for."""

    card: Card
    version: Registered
    created: bool
    notes: tuple[str, ...] = ()
    pushed: bool | None = None

    @property
    def ref(self) -> str:
        return self.card.ref(self.version)
