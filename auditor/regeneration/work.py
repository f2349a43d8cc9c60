"""The datasets of one regeneration, taken one by one.

    models.lock.yaml and the sources in their places -> dvc repro STAGE -> register as a candidate -> gate

The version before stays where the gate turns the candidate away.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

from auditor import gating, registration
from auditor.model.card import Card, Lineage, Refresh, Registered
from auditor.model.errors import AuditorError, ConfigError, InputError
from auditor.regeneration import guards, journal_of, rollback
from auditor.regeneration.asked import Asked, Watcher
from auditor.regeneration.locked import bump
from auditor.regeneration.now import Now
from auditor.regeneration.plan import Done, Held, Situation, Step, key_of, plan
from auditor.regeneration.renewal import declared, renewed
from auditor.registry import index, models
from auditor.registry.workspace import Workspace
from auditor.trackers.dvc import Dvc

_log = logging.getLogger("auditor.regeneration")


class Work:
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
            if version.status == "candidate" and guards.lies_there(card, version, self._workspace):
                self._register(card, version.path, version.lineage)
            return self._judged(card, version, candidate=version.status == "candidate")
        # What came before may have moved its sources, or come out the same.
        again = plan(self._now, [step.dataset], expires=self._asked.expires is not None)
        mine = next((one for one in again.steps if one.dataset == step.dataset), None)
        if mine is None:
            held = next((one for one in again.held if one.dataset == step.dataset), None)
            return left(held) if held else Done(step.dataset, "fresh", why="its sources came out the same")
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
        guards.in_place(lineage, step.stage, self._workspace)
        revisions = {
            key_of(generator): generator.model.revision
            for generator in lineage.generators
            if generator.follows and generator.model.revision and step.stage.follows(key_of(generator))
        }
        for key, (before, after) in bump(revisions, self._workspace).items():
            _log.info("%s: %s is %s now, and was %s", models.LOCK, key, after, before)
        guards.nothing_lost(card, version, self._workspace)
        rollback.remember(card, step.stage, self._workspace)
        begun = time.perf_counter()
        try:
            self._repro(step)
        except ConfigError:
            rollback.settle(self._workspace, [card.name], given_up=True)
            raise
        self._journal.tell(card.name, step.version, "made", time.perf_counter() - begun)
        guards.still(lineage, step.stage, self._workspace)
        why = "; ".join(str(reason) for reason in step.reasons)
        try:
            made = self._register(card, version.path, declared(lineage, self._now.present), why)
        except InputError:
            self._journal.tell(card.name, step.version, "unusable", time.perf_counter() - begun)
            rollback.settle(self._workspace, [card.name], given_up=True)
            raise
        if made.version.version == version.version:
            self._journal.tell(card.name, version.version, "unchanged", time.perf_counter() - begun)
            rollback.forget(card.name, self._workspace)
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
        log = self._workspace.home / rollback.HOME / f"{step.dataset}.log"
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
            rollback.forget(card.name, self._workspace)
            return Done(card.name, "current", version.version, True)
        notes = rollback.settle(self._workspace, [card.name])
        stays = outcome.card.current
        kept = [f"version {stays.version} stays"] if stays else []
        return Done(card.name, "turned away", version.version, False, "; ".join([failed, *kept, *notes]))


def left(held: Held) -> Done:
    return Done(held.dataset, "left alone", why=held.why, hint=held.hint)


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
