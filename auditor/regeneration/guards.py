"""What must hold around a stage, for the lineage of its rows to be true: raised as a ConfigError where it does not."""

from __future__ import annotations

from pathlib import Path

from auditor.core import objects
from auditor.model.card import Card, Lineage, Registered, Tracked
from auditor.model.errors import ConfigError
from auditor.regeneration import pipeline, rollback
from auditor.regeneration.pipeline import Stage
from auditor.regeneration.plan import key_of
from auditor.registry import index, models, versions
from auditor.registry.workspace import Workspace
from auditor.trackers.dvc import Dvc


def nothing_lost(card: Card, version: Registered, workspace: Workspace) -> None:
    """Raises ConfigError where the stage would write over rows that are neither registered nor kept by DVC.
    What a killed stage left half-written is no loss."""
    place = versions.place(card, version, workspace)
    if rollback.memory(card.name, workspace).is_file() or not place.exists() or lies_there(card, version, workspace):
        return
    md5 = _md5(place, workspace)
    if not Dvc(workspace.root).holds(Tracked(md5, 0, "")):
        raise ConfigError(
            f"what lies in {version.path} is not {card.ref(version)}, and DVC does not keep it",
            hint=f"register it, or bring the version back: auditor checkout {card.ref(version)} --force",
        )


def in_place(lineage: Lineage, stage: Stage, workspace: Workspace) -> None:
    """Raises ConfigError where a source that the stage reads is not the version that the lineage would name."""
    for _, source in lineage.sources():
        if source.dataset is None:
            continue
        card, entry = index.find(source.dataset, workspace)
        if entry.dvc is None or not stage.reads(entry.path):
            continue
        place = versions.place(card, entry, workspace)
        if not place.exists() or _md5(place, workspace) != entry.dvc.md5:
            raise ConfigError(
                f"{entry.path} is not {card.ref(entry)}",
                file=str(place),
                wanted=f"DVC's hash {entry.dvc.md5}",
                hint=f"register what lies there, or bring it back: auditor checkout {card.ref(entry)}",
            )


def still(lineage: Lineage, stage: Stage, workspace: Workspace) -> None:
    """Raises ConfigError where the stage was run with another revision than the lineage would name."""
    entry = pipeline.locked(stage.target, workspace.root) or {}
    used = (entry.get("params") or {}).get(models.LOCK) or {}
    for generator in lineage.generators:
        key = key_of(generator)
        if key in used and generator.model.revision not in (None, str(used[key])):
            raise ConfigError(
                f"stage {stage.target} ran with {key} at {used[key]}, and not at {generator.model.revision}",
                file=models.LOCK,
                hint="it was changed meanwhile, or follows something else: run it again",
            )


def lies_there(card: Card, version: Registered, workspace: Workspace) -> bool:
    """Whether the bytes in the version's place are its own."""
    place = versions.place(card, version, workspace)
    return version.dvc is not None and place.exists() and _md5(place, workspace) == version.dvc.md5


def _md5(place: Path, workspace: Workspace) -> str:
    return objects.content(place, workspace.cache / "hashes").md5
