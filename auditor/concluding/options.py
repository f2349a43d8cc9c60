"""What one audit is asked for, and what stands in for what was left open."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from auditor import trackers
from auditor.model.errors import ConfigError
from auditor.registry.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Options:
    """What one audit is asked for; every field has the default of the command line.

    checks: parameters by check, {"near-duplicates": {"threshold": 0.7}}. only, skip: check names.
    by: attribution columns; None takes them by itself. mapping: canonical column -> field. memory:
    bytes of working memory; 0 is half of the machine. out: folder of the audit's files. embedder: what
    turns texts into vectors, by name or path. gaps: file for what the real data has and the rows lack. verdicts: files
    of what judges said of the rows.
    """

    policy: str | None = None
    checks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    by: tuple[str, ...] | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    max_bad_rows: str | None = None
    baseline: Path | None = None
    waivers: Path | None = None
    fail_on: str = "fail"
    out: Path | None = None
    memory: int = 0
    threads: int = 0
    track: bool = False
    tracking_uri: str | None = None
    top: int = 20
    name: str | None = None
    embedder: str | None = None
    gaps: Path | None = None
    verdicts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Paths may be given as text: a call from Python has no command line to make them of it."""
        for name in ("baseline", "waivers", "out", "gaps"):
            given = getattr(self, name)
            if given is not None and not isinstance(given, str | os.PathLike):
                raise ConfigError(f"{name!r} is a path", seen=type(given).__name__, wanted="text, or a pathlib.Path")
            object.__setattr__(self, name, None if given is None else Path(given))
        embedder: Any = self.embedder
        if isinstance(embedder, os.PathLike):
            object.__setattr__(self, "embedder", os.fspath(embedder))


def settled(options: Options, workspace: Workspace) -> Options:
    """What the call left open, from `auditor.yaml`, then from the defaults."""
    uri = options.tracking_uri or workspace.tracking_uri
    return replace(
        options,
        policy=options.policy or workspace.policy or "default",
        by=options.by if options.by is not None else (workspace.by or None),
        max_bad_rows=options.max_bad_rows or workspace.max_bad_rows,
        memory=options.memory or workspace.memory or _half_of_memory(),
        tracking_uri=trackers.checked(uri) if uri else None,
        embedder=options.embedder or workspace.embedder,
    )


def _half_of_memory() -> int:
    import psutil

    return int(psutil.virtual_memory().total) // 2
