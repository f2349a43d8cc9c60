"""Carrying a plan out, dataset by dataset, alone in the workspace.

Nothing here is remembered but in the cards, `dvc.lock` and the journal: a run that was killed anywhere is
gone on with by the next, which finds a stage that DVC has nothing to do for, or a candidate that waits
for its gate.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Sequence

from auditor.regeneration import rollback, situation
from auditor.regeneration.asked import Asked, Unwatched, Watcher
from auditor.regeneration.plan import Done, Plan, plan
from auditor.regeneration.work import Work, left
from auditor.registry.workspace import Workspace

_log = logging.getLogger("auditor.regeneration")


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
        rollback.settle(workspace)
        now = situation(workspace, asked.uri)
        found = plan(now, asked.names, asked.limits, expires=asked.expires is not None)
        work = Work(now, asked, workspace, watcher, running)
        for number, step in enumerate(found.steps, 1):
            if stopping():
                break
            watcher.begins(step, number, len(found.steps))
            watcher.ended(work.take(step))
        now.present.save()
    return found, [*work.done, *(left(held) for held in found.held)]


@contextlib.contextmanager
def _alone(workspace: Workspace) -> Iterator[Sequence[int]]:
    """The only regeneration in this workspace; gives descriptors that a stage must hold.

    A killed regeneration may leave DVC and its stage running. They hold the descriptor that they were
    started with, so that whoever comes next waits for them.
    """
    with workspace.lock("regeneration"):
        (workspace.home / rollback.HOME).mkdir(exist_ok=True)
        try:
            import fcntl
        except ImportError:  # not POSIX
            yield ()
            return
        descriptor = os.open(workspace.home / rollback.HOME / "running", os.O_CREAT | os.O_RDWR, 0o644)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _log.warning("a stage of a regeneration that was killed is still running: waiting for it")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield (descriptor,)
        finally:
            os.close(descriptor)
