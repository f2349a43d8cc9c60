"""What would be made again, in which order, by which command, and what is left alone and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditor.model.card import Card, Generator, Model, Registered
from auditor.model.errors import ConfigError, suggest
from auditor.model.graph import Graph
from auditor.model.seen import Seen
from auditor.regeneration import pipeline
from auditor.regeneration.journal import Journal
from auditor.regeneration.pipeline import Stage
from auditor.regeneration.renewal import identity, renewed
from auditor.regeneration.staleness import Present, Reason, Stale, grounds_moved, node_of, stale
from auditor.registry import models

COST = "cost"
"""Key of a lineage's facts: what making the version cost, in whichever currency the workspace counts in."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run may make. rows: sum over datasets, as many as each has now. cost: sum of recorded costs."""

    rows: int | None = None
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One dataset. action: "make" runs its stage, registers and judges; "judge" only judges `version`.

    version: the current one, or the one to judge. rows: that it has. command: that is run. seconds: that
    the stage took last time, where known. force: the stage is run although DVC sees nothing new.
    """

    dataset: str
    version: int
    rows: int
    reasons: tuple[Reason, ...]
    action: Literal["make", "judge"]
    command: tuple[str, ...]
    stage: Stage | None = None
    seconds: float | None = None
    force: bool = False

    @property
    def ref(self) -> str:
        return f"{self.dataset}@{self.version}"


@dataclass(frozen=True, slots=True)
class Held:
    """A dataset that is left alone. why: a sentence. hint: what a person can do, or empty."""

    dataset: str
    version: int
    rows: int
    reasons: tuple[Reason, ...]
    why: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """fresh: datasets asked for by name in which nothing is stale."""

    steps: tuple[Step, ...] = ()
    held: tuple[Held, ...] = ()
    fresh: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(step.rows for step in self.steps if step.action == "make")


What = Literal["current", "turned away", "unchanged", "judged", "failed", "left alone", "fresh"]


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one dataset. version: that was made or judged, None where none was. passed: what its
    gate said, None where it stood before none. why: where something is in the way. seconds: all in all."""

    dataset: str
    what: What
    version: int | None = None
    passed: bool | None = None
    why: str = ""
    hint: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Situation:
    """All that a plan is made from."""

    root: Path
    cards: Mapping[str, Card]
    graph: Graph
    present: Present
    today: dt.date
    journal: Journal


def plan(now: Situation, names: Collection[str] = (), limits: Limits = Limits(), expires: bool = False) -> Plan:
    """Steps for the named datasets and what of their ancestors is stale; for all that is stale without names.

    expires: the new versions get a new day of expiry, so that one that has expired can be made again.

    Raises ConfigError for a name that no card has.
    """
    for name in names:
        if name not in now.cards:
            raise ConfigError(f"no dataset is registered as {name!r}", hint=suggest(name, now.cards))
    found = stale(now.cards, now.graph, now.present, now.today, remade=now.journal.remade())
    wanted = _wanted(found, names) if names else {told.dataset for told in found}
    draft = _Draft(now, frozenset(names), limits, expires)
    for told in found:
        if told.dataset in wanted:
            draft.take(told)
    for name in sorted(set(names) - {told.dataset for told in found if told.reasons or told.verdict}):
        draft.unstale(now.cards[name])
    return Plan(tuple(draft.steps), tuple(draft.held), tuple(draft.fresh))


def _wanted(found: Sequence[Stale], names: Collection[str]) -> set[str]:
    """The named and those that they wait for. Effects stand behind their causes: one walk back is enough."""
    wanted, by_node = set(names), {told.node: told.dataset for told in found}
    for told in reversed(found):
        if told.dataset in wanted:
            wanted |= {by_node[r.subject] for r in told.reasons if r.cause == "ancestor" and r.subject in by_node}
    return wanted


class _Draft:
    """A plan in the making, dataset by dataset in order."""

    def __init__(self, now: Situation, named: frozenset[str], limits: Limits, expires: bool) -> None:
        self._now, self._named, self._limits, self._expires = now, named, limits, expires
        self._durations = now.journal.durations()
        self._rows, self._cost = 0, 0.0
        self._left: dict[str, str] = {}  # node of a dataset that is left alone -> its name
        self.steps: list[Step] = []
        self.held: list[Held] = []
        self.fresh: list[str] = []

    def take(self, told: Stale) -> None:
        card = self._now.cards[told.dataset]
        version = card.version(told.version)
        assert version is not None
        if not told.reasons:
            if told.verdict:
                self._judge(card, version, told.verdict)
            return
        attempt = self._attempt(card, version, told)
        if attempt is not None and attempt.status == "candidate":
            self._judge(card, attempt, told.reasons)
            return
        if attempt is not None and card.name not in self._named:
            why = f"version {attempt.version}, made from the same sources, was turned away at the gate"
            hint = (
                f"auditor log {card.name}; change its sources or its policy, or name it: auditor regenerate {card.name}"
            )
            self._hold(told, why, hint)
            return
        try:
            self._make(card, version, told)
        except _Stop as stop:
            self._hold(told, stop.why, stop.hint)

    def unstale(self, card: Card) -> None:
        """A dataset asked for by name of which nothing is stale: at most it waits for the gate."""
        last = card.versions[-1] if card.versions else None
        if last is not None and last.status == "candidate":
            self._judge(card, last, ())
        else:
            self.fresh.append(card.name)

    def _attempt(self, card: Card, version: Registered, told: Stale) -> Registered | None:
        """The newest version, where it is newer than the current one, not accepted, and made from what a
        stage would be given today: nothing would come of making it again."""
        last = card.versions[-1]
        if last.version <= version.version or any(reason.cause == "ancestor" for reason in told.reasons):
            return None
        every = card.refresh.every
        if every is not None and last.date.date() + dt.timedelta(days=every) <= self._now.today:
            return None
        today = renewed(version, card.name, self._now.cards, self._now.present)
        if identity(last.lineage) != identity(today):
            return None
        if last.status == "rejected" and any(grounds_moved(card, last, self._now.present, [])):
            return None
        return last

    def _judge(self, card: Card, version: Registered, reasons: tuple[Reason, ...]) -> None:
        command = ("auditor", "gate", card.ref(version))
        self.steps.append(Step(card.name, version.version, version.rows, reasons, "judge", command))

    def _hold(self, told: Stale, why: str, hint: str) -> None:
        self._left[told.node] = told.dataset
        self.held.append(Held(told.dataset, told.version, told.rows, told.reasons, why, hint))

    def _make(self, card: Card, version: Registered, told: Stale) -> None:
        for reason in told.reasons:
            if reason.cause == "ancestor" and reason.subject in self._left:
                raise _Stop(f"it waits for {self._left[reason.subject]}, which is left alone")
        self._mendable(told)
        if any(reason.cause == "expired" for reason in told.reasons) and not self._expires:
            raise _Stop("it has expired", "say how long the next version is good for: --expires 90d")
        stage = self._stage(card, version)
        self._usable(version)
        unseen = [_unseen(stage, reason, version, self._now) for reason in told.reasons]
        force = any(unseen) and not self._now.journal.unregistered(card.name, version.version)
        self._within(version)
        self.steps.append(
            Step(
                dataset=card.name,
                version=version.version,
                rows=version.rows,
                reasons=told.reasons,
                action="make",
                command=("dvc", "repro", "--single-item", *(["--force"] if force else []), stage.target),
                stage=stage,
                seconds=self._durations.get(card.name),
                force=force,
            )
        )

    def _mendable(self, told: Stale) -> None:
        """Raises _Stop where making it again from what is here would leave it as stale as it is."""
        by_model = [
            r for r in told.reasons if r.cause == "ancestor" and self._now.graph.nodes[r.subject].kind == "model"
        ]
        if all(reason.cause == "withdrawn" or reason in by_model for reason in told.reasons) and by_model:
            hint = "train it again, and tell: auditor trained MODEL@REVISION --on NAME@VERSION"
            raise _Stop(by_model[0].note, hint)

    def _stage(self, card: Card, version: Registered) -> Stage:
        target = pipeline.target(card.stage, version)
        if target is None:
            by_hand = f"make {version.path} again, then: auditor register {card.name} {version.path}"
            raise _Stop("no stage of dvc.yaml makes it", by_hand)
        try:
            stage = pipeline.find(target, self._now.root)
        except ConfigError as error:
            raise _Stop(error.message, error.hint or "") from error
        if version.path not in stage.outs:
            raise _Stop(f"stage {target} does not make {version.path}", "name its stage in the card")
        return stage

    def _usable(self, version: Registered) -> None:
        """Raises _Stop where the models that would be run are withdrawn, or are looked up where nobody answers."""
        present = self._now.present
        for generator in version.lineage.generators:
            seen = present.model(generator)
            if seen.value is None and generator.follows is not None:
                raise _Stop(f"the present revision of {generator.model.name} is unknown: {seen.why}")
            self._allowed(generator.model, seen)
        for judge in version.lineage.judges:
            self._allowed(judge, present.judge(judge))

    def _allowed(self, model: Model, seen: Seen | None) -> None:
        today = Model(model.name, (seen.value if seen else None) or model.revision)
        node = self._now.graph.nodes.get(f"model:{today}")
        if node is not None and node.withdrawn is not None:
            raise _Stop(f"{today} is withdrawn, and is what would be run", f"name another revision in {models.LOCK}")

    def _within(self, version: Registered) -> None:
        rows, cost = self._limits.rows, self._limits.cost
        if rows is not None and self._rows + version.rows > rows:
            raise _Stop(f"its {version.rows:,} rows are more than --max-rows leaves ({rows - self._rows:,})")
        if cost is not None:
            said = version.lineage.facts.get(COST)
            if isinstance(said, bool) or not isinstance(said, int | float):
                raise _Stop("what it costs is not known, and --max-cost is given", "register with --fact cost=AMOUNT")
            if self._cost + said > cost:
                raise _Stop(f"its cost of {said:g} is more than --max-cost leaves ({cost - self._cost:g})")
            self._cost += said
        self._rows += version.rows


class _Stop(Exception):
    """Why a dataset is left alone, and what to do."""

    def __init__(self, why: str, hint: str = "") -> None:
        super().__init__(why)
        self.why, self.hint = why, hint


def _unseen(stage: Stage, reason: Reason, version: Registered, now: Situation) -> bool:
    """Whether DVC cannot see this reason, so that the stage must be forced: a refresh, a prompt in a registry.

    Raises _Stop where it could, and the stage does not name what changed: the stage would be passed over,
    and the new lineage would say what is not so.
    """
    if reason.cause in {"due", "expired"}:
        return True
    if reason.cause == "prompt":
        if all(prompt.file != reason.subject for prompt in version.lineage.prompts):
            return True
        _needs(stage, reason.subject)
    elif reason.cause == "model":
        for generator in _of(version, reason.subject):
            key = key_of(generator)
            follows = generator.follows or ""
            if not stage.follows(key) and not (follows.startswith("weights:") and stage.reads(follows[8:])):
                raise _Stop(f"stage {stage.target} does not depend on {key!r} of {models.LOCK}", _params(key))
    elif reason.cause == "source":
        source = now.cards.get(reason.subject)
        _needs(stage, source.current.path if source and source.current else reason.subject)
    elif reason.cause == "ancestor" and reason.subject.startswith(node_of("")):
        source = now.cards[now.graph.nodes[reason.subject].name]
        assert source.current is not None
        _needs(stage, source.current.path)
    return False


def _needs(stage: Stage, path: str) -> None:
    if not stage.reads(path):
        raise _Stop(f"stage {stage.target} does not depend on {path}", f"add it to its deps in dvc.yaml: [{path}]")


def _params(key: str) -> str:
    return f"add to its params in dvc.yaml: - {models.LOCK}: [{key}]"


def _of(version: Registered, model: str) -> Iterator[Generator]:
    """The generators of that name; a judge is named in the lock by its name alone."""
    found = [generator for generator in version.lineage.generators if generator.model.name == model]
    yield from found
    if not found:
        yield from (Generator(judge) for judge in version.lineage.judges if judge.name == model)


def key_of(generator: Generator) -> str:
    """Where `models.lock.yaml` keeps a generator's revision for the stages that run it."""
    follows = generator.follows or ""
    return follows.removeprefix("lock:") if follows.startswith("lock:") else models.key(generator.model.name)
