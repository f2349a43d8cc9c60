"""What is stale, a plan, and `dvc repro` of exactly what the plan says; then the gate decides.

staleness -> plan -> run: the first is pure, the second reads `dvc.yaml`, only the third changes anything.
`watch` does it again and again. Here is no lineage graph and no DVC: those are `registry` and `trackers`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import gc
from collections.abc import Collection, Iterator

from auditor.model.errors import ConfigError, suggest
from auditor.regeneration.journal import Journal
from auditor.regeneration.now import Now
from auditor.regeneration.plan import Situation
from auditor.regeneration.staleness import Stale, stale
from auditor.registry import index
from auditor.registry.workspace import Workspace

__all__ = ["journal_of", "look", "situation"]


def situation(workspace: Workspace, uri: str | None = None) -> Situation:
    """All cards, their graph, and a present that is looked up as it is asked for.

    uri: where MLflow is; None is that of the settings. Raises ConfigError where a card is broken.
    """
    with uncollected():
        cards, graph = index.cards_and_graph(workspace)
    return Situation(
        root=workspace.root,
        cards=cards,
        graph=graph,
        present=Now(workspace, cards, uri),
        today=dt.datetime.now(dt.UTC).date(),
        journal=journal_of(workspace),
    )


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector: ten thousand cards are a million objects that all stay, and going
    through them again and again took half of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def journal_of(workspace: Workspace) -> Journal:
    return Journal(workspace.home / "regeneration.jsonl")


def look(workspace: Workspace, names: Collection[str] = (), uri: str | None = None) -> tuple[list[Stale], int]:
    """What is stale among the named datasets (all of them without names), and how many were looked at.

    Raises ConfigError for a name that no card has.
    """
    now = situation(workspace, uri)
    for name in names:
        if name not in now.cards:
            raise ConfigError(f"no dataset is registered as {name!r}", hint=suggest(name, now.cards))
    with uncollected():
        found = stale(now.cards, now.graph, now.present, now.today, names=names, remade=now.journal.remade())
    now.present.save()
    return found, len(names) or len(now.cards)
