"""Carrying a plan out: the stage, a candidate version, the gate, and the old version where it is turned away.

    models.lock.yaml and the sources in their places -> dvc repro STAGE -> register as a candidate -> gate

Nothing here is remembered but in the cards, `dvc.lock` and the journal: a run that was killed anywhere is
gone on with by the next, which finds a stage that DVC has nothing to do for, or a candidate that waits
for its gate.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import orjson

from auditor import gating, registration
from auditor.auditing import Options, Progress, Silent
from auditor.core import objects
from auditor.files import write_bytes
from auditor.model.card import Card, Lineage, Refresh, Registered, Tracked
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.regeneration import journal_of, pipeline, situation
from auditor.regeneration.locked import bump
from auditor.regeneration.now import Now
from auditor.regeneration.pipeline import Stage
from auditor.regeneration.plan import Done, Held, Limits, Plan, Situation, Step, key_of, plan
from auditor.regeneration.renewal import renewed
from auditor.registration.registering import LOCK
from auditor.registry import cards, index, models, versions
from auditor.registry.workspace import Workspace
from auditor.trackers.dvc import Dvc

_log = logging.getLogger("auditor.regeneration")

HOME = "regeneration"
"""Folder in `.auditor/`: what stages print (NAME.log), and how `dvc.lock` was before them (NAME.json)."""


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


def planned(asked: Asked, workspace: Workspace) -> Plan:
    """What `regenerate` would do; nothing is changed but caches."""
    now = situation(workspace, asked.uri)
    found = plan(now, asked.names, asked.limits, expires=asked.expires is not None)
    now.present.save()
    return found


def regenerate(
    asked: Asked,
    workspace: Workspace,
    watcher: Watcher | None = None,
    *,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[Plan, list[Done]]:
    """Carry out the plan for `asked`, dataset by dataset in order; returns it and what became of each.

    A version that its gate turns away does not become current: the one before stays, in its place too,
    and what hangs on it is left alone. What fails stops what hangs on it, and nothing else. stopping:
    asked between datasets. Another regeneration in this workspace is waited for.

    Raises AuditorError where no plan can be made.
    """
    watcher = watcher or Unwatched()
    with _alone(workspace) as running:
        _settle(workspace)
        now = situation(workspace, asked.uri)
        found = plan(now, asked.names, asked.limits, expires=asked.expires is not None)
        work = _Work(now, asked, workspace, watcher, running)
        for number, step in enumerate(found.steps, 1):
            if stopping():
                break
            watcher.begins(step, number, len(found.steps))
            watcher.ended(work.take(step))
        now.present.save()
    return found, [*work.done, *(_left(held) for held in found.held)]


def _left(held: Held) -> Done:
    return Done(held.dataset, "left alone", why=held.why, hint=held.hint)


class _Work:
    """The datasets of one run, taken one by one."""

    def __init__(
        self, now: Situation, asked: Asked, workspace: Workspace, watcher: Watcher, running: Sequence[int]
    ) -> None:
        self._now, self._asked, self._workspace = now, asked, workspace
        self._watcher, self._running = watcher, running
        self._journal = journal_of(workspace)
        self._stopped: dict[str, str] = {}  # node -> what is in the way there, for those downstream
        self.done: list[Done] = []

    def take(self, step: Step) -> Done:
        begun = time.perf_counter()
        try:
            done = self._taken(step)
        except (AuditorError, OSError) as error:
            done = Done(step.dataset, "failed", why=_said(error), hint=getattr(error, "hint", None) or "")
            self._journal.tell(step.dataset, step.version, "failed", time.perf_counter() - begun)
        done = replace(done, seconds=time.perf_counter() - begun)
        if done.what in ("failed", "turned away", "left alone"):
            current = self._now.cards[step.dataset].current
            if current is not None:
                self._stopped[index.dataset_node(f"{step.dataset}@{current.version}")] = step.dataset
        self.done.append(done)
        return done

    def _taken(self, step: Step) -> Done:
        for reason in step.reasons:
            if reason.cause == "ancestor" and reason.subject in self._stopped:
                return Done(step.dataset, "left alone", why=f"it waits for {self._stopped[reason.subject]}")
        self._refresh()
        if step.action == "judge":
            card = self._now.cards[step.dataset]
            version = card.version(step.version)
            if version is None:
                raise ConfigError(f"{step.ref} is gone", hint="run it again")
            if version.status == "candidate" and self._lies_there(card, version):
                self._register(card, version.path, version.lineage)
            return self._judged(card, version, candidate=version.status == "candidate")
        # What came before may have moved its sources, or come out the same.
        again = plan(self._now, [step.dataset], expires=self._asked.expires is not None)
        mine = next((one for one in again.steps if one.dataset == step.dataset), None)
        if mine is None:
            held = next((one for one in again.held if one.dataset == step.dataset), None)
            return _left(held) if held else Done(step.dataset, "fresh", why="its sources came out the same")
        return self._made(mine, self._now.cards[step.dataset])

    def _refresh(self) -> None:
        now, graph = index.cards_and_graph(self._workspace)
        if isinstance(self._now.present, Now):
            self._now.present.cards = now
        self._now = replace(self._now, cards=now, graph=graph)

    def _made(self, step: Step, card: Card) -> Done:
        assert step.stage is not None
        version = card.version(step.version)
        assert version is not None
        lineage = renewed(version, card.name, self._now.cards, self._now.present)
        self._in_place(lineage, step.stage)
        revisions = {
            key_of(generator): generator.model.revision
            for generator in lineage.generators
            if generator.follows and generator.model.revision and step.stage.follows(key_of(generator))
        }
        for key, (before, after) in bump(revisions, self._workspace).items():
            _log.info("%s: %s is %s now, and was %s", models.LOCK, key, after, before)
        self._nothing_lost(card, version)
        _remember(card, step.stage, self._workspace)
        begun = time.perf_counter()
        try:
            self._repro(step)
        except ConfigError:
            _settle(self._workspace, [card.name], given_up=True)
            raise
        self._journal.tell(card.name, step.version, "made", time.perf_counter() - begun)
        self._still(lineage, step.stage)
        why = "; ".join(str(reason) for reason in step.reasons)
        try:
            made = self._register(card, version.path, _declared(lineage, self._now.present), why)
        except InputError:
            self._journal.tell(card.name, step.version, "unusable", time.perf_counter() - begun)
            _settle(self._workspace, [card.name], given_up=True)
            raise
        if made.version.version == version.version:
            self._journal.tell(card.name, version.version, "unchanged", time.perf_counter() - begun)
            _forget(card.name, self._workspace)
            return Done(card.name, "unchanged", version.version, why="the same rows came out, from the same sources")
        entry = made.version
        if entry.status != "candidate" and entry.verdict is not None:
            # Made before, and turned away: asked for again by name, it goes before the gate again.
            registration.record_verdict(made.ref, entry.verdict, "candidate", self._workspace)
        return self._judged(card, entry, candidate=True)

    def _register(self, card: Card, path: str, lineage: Lineage, why: str = "") -> registration.Registration:
        """The rows that lie there as a candidate; what a kill left undone of it is done now."""
        return registration.register(
            registration.Request(
                name=card.name,
                path=str(self._workspace.root / path),
                lineage=lineage,
                refresh=Refresh(expires=self._asked.expires),
                status="candidate",
                why=why,
                again=True,
                remade=True,
            ),
            self._workspace,
            self._watcher,
            track=bool(self._asked.uri or self._workspace.tracking_uri),
            uri=self._asked.uri,
        )

    def _repro(self, step: Step) -> None:
        assert step.stage is not None
        log = self._workspace.home / HOME / f"{step.dataset}.log"
        force = step.force or self._journal.unusable(step.dataset)
        with log.open("wb") as output:
            try:
                Dvc(self._workspace.root).repro([step.stage.target], force=force, output=output, holding=self._running)
            except AuditorError as error:
                output.flush()
                raise ConfigError(
                    f"stage {step.stage.target} failed",
                    seen=error.seen,
                    hint=f"what it printed is in {log.relative_to(self._workspace.root)}",
                ) from error

    def _judged(self, card: Card, version: Registered, *, candidate: bool) -> Done:
        """Before the gate. card: as it was before the version, with the expiry that stands if it is rejected."""
        begun = time.perf_counter()
        outcome = gating.gate(card.ref(version), self._asked.options, self._workspace, self._watcher)
        self._journal.tell(
            card.name, version.version, "passed" if outcome.passed else "rejected", time.perf_counter() - begun
        )
        failed = "" if outcome.passed else _why(outcome)
        if not candidate:
            return Done(card.name, "judged", version.version, outcome.passed, failed)
        if outcome.passed:
            _forget(card.name, self._workspace)
            return Done(card.name, "current", version.version, True)
        notes = _settle(self._workspace, [card.name])
        stays = outcome.card.current
        kept = [f"version {stays.version} stays"] if stays else []
        return Done(card.name, "turned away", version.version, False, "; ".join([failed, *kept, *notes]))

    def _nothing_lost(self, card: Card, version: Registered) -> None:
        """Raises ConfigError where the stage would write over rows that are neither registered nor kept by DVC.
        What a killed stage left half-written is no loss."""
        place = versions.place(card, version, self._workspace)
        if _memory(card.name, self._workspace).is_file() or not place.exists() or self._lies_there(card, version):
            return
        md5 = self._md5(place)
        if not Dvc(self._workspace.root).holds(Tracked(md5, 0, "")):
            raise ConfigError(
                f"what lies in {version.path} is not {card.ref(version)}, and DVC does not keep it",
                hint=f"register it, or bring the version back: auditor checkout {card.ref(version)} --force",
            )

    def _lies_there(self, card: Card, version: Registered) -> bool:
        place = versions.place(card, version, self._workspace)
        return version.dvc is not None and place.exists() and self._md5(place) == version.dvc.md5

    def _md5(self, place: Path) -> str:
        return objects.content(place, self._workspace.cache / "hashes").md5

    def _in_place(self, lineage: Lineage, stage: Stage) -> None:
        """Raises ConfigError where a source that the stage reads is not the version that the lineage would name."""
        for _, source in lineage.sources():
            if source.dataset is None:
                continue
            card, entry = index.find(source.dataset, self._workspace)
            if entry.dvc is None or not stage.reads(entry.path):
                continue
            place = versions.place(card, entry, self._workspace)
            if not place.exists() or self._md5(place) != entry.dvc.md5:
                raise ConfigError(
                    f"{entry.path} is not {card.ref(entry)}",
                    file=str(place),
                    wanted=f"DVC's hash {entry.dvc.md5}",
                    hint=f"register what lies there, or bring it back: auditor checkout {card.ref(entry)}",
                )

    def _still(self, lineage: Lineage, stage: Stage) -> None:
        """Raises ConfigError where the stage was run with another revision than the lineage would name."""
        entry = pipeline.locked(stage.target, self._workspace.root) or {}
        used = (entry.get("params") or {}).get(models.LOCK) or {}
        for generator in lineage.generators:
            key = key_of(generator)
            if key in used and generator.model.revision not in (None, str(used[key])):
                raise ConfigError(
                    f"stage {stage.target} ran with {key} at {used[key]}, and not at {generator.model.revision}",
                    file=models.LOCK,
                    hint="it was changed meanwhile, or follows something else: run it again",
                )


def _declared(lineage: Lineage, present: Any) -> Lineage:
    """As registration takes it: makers that only the rows name are left for the new rows to name."""
    generators, prompts = lineage.generators, lineage.prompts
    if "generator" in lineage.columns:
        generators = tuple(one for one in generators if one.follows or present.model(one).value is not None)
    if "prompt" in lineage.columns:
        prompts = tuple(one for one in prompts if one.file or one.version)
    return replace(lineage, generators=generators, prompts=prompts)


def _why(outcome: gating.Outcome) -> str:
    """The checks that decided, worst first, at most three."""
    if not outcome.report.verdict.judged:
        return "nothing was judged"
    bad = [v for v in outcome.report.record.verdicts if str(v.status) in ("fail", "error")]
    named = [f"{v.metric} is {v.observed:.4g}, wanted {v.expected}" if v.metric and v.observed is not None else v.check
             for v in bad]  # fmt: skip
    more = f" and {len(named) - 3} more" if len(named) > 3 else ""
    return "; ".join(named[:3]) + more or f"the gate ended with {outcome.report.exit_code}"


def _said(error: Exception) -> str:
    if isinstance(error, AuditorError):
        return error.message + (f" ({error.seen})" if error.seen else "")
    return str(error)


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[Sequence[int]]:
    """The only regeneration in this workspace; gives descriptors that a stage must hold.

    A killed regeneration may leave DVC and its stage running. They hold the descriptor that they were
    started with, so that whoever comes next waits for them.
    """
    with workspace.lock("regeneration"):
        (workspace.home / HOME).mkdir(exist_ok=True)
        try:
            import fcntl
        except ImportError:  # not POSIX
            yield ()
            return
        descriptor = os.open(workspace.home / HOME / "running", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("a stage of a regeneration that was killed is still running: waiting for it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield (descriptor,)
        finally:
            os.close(descriptor)


def _memory(name: str, workspace: Workspace) -> Path:
    return workspace.home / HOME / f"{name}.json"


def _remember(card: Card, stage: Stage, workspace: Workspace) -> None:
    """How `dvc.lock` and the card's expiry are before the stage runs, for a version that is turned away."""
    place = _memory(card.name, workspace)
    if place.is_file():
        return  # of a run that was cut off: what it found is what was accepted
    said = {
        "newest": card.versions[-1].version,
        "stage": stage.target,
        "entry": pipeline.locked(stage.target, workspace.root),
        "expires": card.refresh.expires.isoformat() if card.refresh.expires else None,
    }
    write_bytes(place, orjson.dumps(said))


def _forget(name: str, workspace: Workspace) -> None:
    _memory(name, workspace).unlink(missing_ok=True)


def _settle(workspace: Workspace, names: Collection[str] = (), *, given_up: bool = False) -> list[str]:
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
