"""Looking again and again: once for cron and CI, or resident on a schedule, woken by MLflow's webhooks.

A look tells what is stale, carries the plan out where it was told to, within limits, and calls a command
where what is stale is not what it was at the last look. One watcher a workspace.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import logging
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Any

import xxhash

from auditor.core.secrets import environment
from auditor.files import write_text
from auditor.model.errors import AuditorError, ConfigError, StorageError
from auditor.regeneration import look, telling
from auditor.regeneration.plan import Done
from auditor.regeneration.receiver import Receiver, Signatures
from auditor.regeneration.staleness import Stale
from auditor.registry.workspace import Workspace

if TYPE_CHECKING:
    from apscheduler.triggers.base import BaseTrigger

    from auditor.regeneration.asked import Asked

_log = logging.getLogger("auditor.watch")

PATIENCE = 600.0
"""Seconds that the command of --on-change may take: it tells somebody, it does not do the work."""

SHORTEST = 10
"""Seconds between two looks, at least: a look at a registry is a handful of requests."""

_EVERY = re.compile(r"(\d{1,6})\s*([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@dataclass(frozen=True, slots=True)
class Orders:
    """What a look does. names: empty for all. regenerate: what to carry out; None only looks. on_change:
    argv of a command that gets what is stale as JSON on its standard input. uri: where MLflow is."""

    names: tuple[str, ...] = ()
    regenerate: Asked | None = None
    on_change: tuple[str, ...] = ()
    uri: str | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """stale: after what was regenerated. changed: since the last look. told: whether the command took it;
    None where none was called. said: all of it, as JSON has it."""

    stale: Sequence[Stale]
    looked_at: int
    changed: bool
    told: bool | None = None
    exit_code: int = 0
    said: dict[str, Any] = field(default_factory=dict)


def once(orders: Orders, workspace: Workspace, stopping: Callable[[], bool] = lambda: False) -> Look:
    """One look. Raises AuditorError where the cards cannot be read or no plan can be made."""
    found, looked_at = look(workspace, orders.names, orders.uri)
    done: list[Done] = []
    if orders.regenerate is not None and any(told.reasons or told.verdict for told in found):
        from auditor.regeneration.run import regenerate

        _, done = regenerate(orders.regenerate, workspace, stopping=stopping)
        for one in done:
            _log.info("%s", telling.done_line(one))
        found, looked_at = look(workspace, orders.names, orders.uri)
    said = telling.stale_json(found, looked_at)
    memory = workspace.home / "watch.json"
    print_, before = _print(said["stale"]), _remembered(workspace)
    changed = print_ != before and not (before is None and not said["stale"])
    said = {"changed": changed, **said, "done": [telling.done_json(one) for one in done]}
    told = _called(orders.on_change, said) if changed and orders.on_change else None
    if told is not False and print_ != before:
        # What the command did not take is told again at the next look.
        write_text(memory, json.dumps({"stale": print_}))
    return Look(found, looked_at, changed, told, telling.exit_code(done, ()), said)


def resident(
    orders: Orders,
    workspace: Workspace,
    trigger: BaseTrigger,
    *,
    listen: tuple[str, int] | None = None,
    secret: str = "",
    ready: Callable[[int | None], None] = lambda port: None,
) -> None:
    """Look now, then as `trigger` says and whenever a webhook comes in, until SIGTERM or SIGINT.

    A signal ends it after the dataset that is being made. What goes wrong in a look is logged, and the
    next look tries again. ready: called with the receiver's port (None without one) once it is at work.

    Raises StorageError where another watcher is at work here, ConfigError where it cannot listen.
    """
    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers import SchedulerNotRunningError
    from apscheduler.schedulers.blocking import BlockingScheduler

    with _only(workspace):
        watcher = _Resident(orders, workspace)
        # Two workers: a look that was woken waits behind one that is running, and is not thrown away.
        scheduler = BlockingScheduler(
            executors={"default": ThreadPoolExecutor(2)}, job_defaults={"coalesce": True, "misfire_grace_time": None}
        )
        scheduler.add_job(watcher.look, trigger, id="look", next_run_time=dt.datetime.now(dt.UTC))

        def wake(event: str) -> None:
            _log.info("MLflow says %s: looking", event)
            watcher.woken.set()
            scheduler.add_job(watcher.wake, id="woken", replace_existing=True, max_instances=2)

        receiver = Receiver(listen, Signatures(secret), wake) if listen else None

        over = threading.Event()

        def end() -> None:
            while not over.wait(0.05):  # a signal may come before the scheduler has begun
                with contextlib.suppress(SchedulerNotRunningError):
                    scheduler.shutdown(wait=False)
                    return

        def stop(*_: object) -> None:
            watcher.stopping.set()
            # Not here: the main thread may hold the very lock that a shutdown needs.
            threading.Thread(target=end, name="stop").start()

        before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            if receiver is not None:
                receiver.start()
                _log.info("listening for MLflow's webhooks on port %d", receiver.port)
            ready(receiver.port if receiver else None)
            if not watcher.stopping.is_set():
                scheduler.start()
        finally:
            over.set()
            for number, handler in before.items():
                signal.signal(number, handler)
            if receiver is not None:
                receiver.stop()
            with watcher.alone:
                _log.info("stopped")


class _Resident:
    """Looks, one at a time."""

    def __init__(self, orders: Orders, workspace: Workspace) -> None:
        self._orders, self._workspace = orders, workspace
        self.alone, self.woken, self.stopping = threading.Lock(), threading.Event(), threading.Event()

    def wake(self) -> None:
        """A look for a webhook, unless one has begun since it came."""
        with self.alone:
            if self.woken.is_set():
                self._look()

    def look(self) -> None:
        with self.alone:
            self._look()

    def _look(self) -> None:
        self.woken.clear()
        if self.stopping.is_set():
            return
        try:
            # Settings may have changed since the last look: the workspace is read anew.
            seen = once(self._orders, Workspace(self._workspace.root), self.stopping.is_set)
        except AuditorError as error:
            _log.error("%s", " ".join(str(error).split()))
        except Exception:  # noqa: BLE001  a watcher outlives whatever one look meets
            _log.exception("this look failed")
        else:
            stale = [told.ref for told in seen.stale if told.reasons or told.verdict]
            named = ", ".join(stale[:10]) + (f" and {len(stale) - 10} more" if len(stale) > 10 else "")
            _log.info("%d of %d datasets stale%s", len(stale), seen.looked_at, f": {named}" if named else "")


def every(text: str, jitter: int) -> BaseTrigger:
    """`90s`, `15m`, `1h` or `1d`. Raises ConfigError where it is no such time, or too short."""
    from apscheduler.triggers.interval import IntervalTrigger

    match = _EVERY.fullmatch(text.strip())
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if seconds < SHORTEST:
        raise ConfigError("not a time between looks", seen=repr(text[:40]), wanted=f"{SHORTEST}s or more: 15m, 1h, 1d")
    return IntervalTrigger(seconds=seconds, jitter=min(jitter, seconds // 2) or None)


def cron(text: str, jitter: int) -> BaseTrigger:
    """Five fields as cron has them, in the machine's time zone. Raises ConfigError where they are not."""
    from apscheduler.triggers.cron import CronTrigger

    try:
        trigger = CronTrigger.from_crontab(text)
    except ValueError as error:
        raise ConfigError(
            f"not a cron expression: {error}", seen=repr(text[:80]), wanted="such as '0 6 * * *'"
        ) from error
    trigger.jitter = jitter or None
    return trigger


def logging_to(workspace: Workspace) -> logging.Handler:
    """What the watcher says goes to `.auditor/watch.log` too; the last three megabytes are kept."""
    handler = RotatingFileHandler(workspace.home / "watch.log", maxBytes=1 << 20, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


def command(text: str) -> tuple[str, ...]:
    """A command as words, as a shell would part them; no shell ever runs it."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigError(f"not a command: {error}", seen=repr(text[:80])) from error
    if not words:
        raise ConfigError("an empty command", wanted="a program and its arguments")
    return words


def _called(words: Sequence[str], said: dict[str, Any]) -> bool:
    """Whether the command took it: ended with 0 in time."""
    given = json.dumps(said, ensure_ascii=False).encode()
    try:
        done = subprocess.run(  # noqa: S603  the user's own command
            words, input=given, stdout=subprocess.DEVNULL, timeout=PATIENCE, check=False, env=environment()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        _log.error("the command of --on-change did not run: %s", error)
        return False
    if done.returncode:
        _log.error("the command of --on-change ended with %d", done.returncode)
    return done.returncode == 0


@contextlib.contextmanager
def _only(workspace: Workspace) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(workspace.home / "watch.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise StorageError(
            "another watcher is at work in this workspace", file=str(workspace.home), hint="end it, or use --once"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _print(stale: list[dict[str, Any]]) -> str:
    return xxhash.xxh3_128_hexdigest(json.dumps(stale, sort_keys=True).encode())


def _remembered(workspace: Workspace) -> str | None:
    try:
        said = json.loads((workspace.home / "watch.json").read_text("utf-8"))
        return str(said["stale"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
