"""Words in, exit code out. One module a command group; nothing heavy is imported before a command runs."""

from __future__ import annotations

import _thread
import gc
import os
import signal
import sys
import threading
import time
from importlib import import_module
from types import FrameType
from typing import Any

import click

from auditor import __version__
from auditor.model.errors import AuditorError

COMMANDS = {
    "audit": ("auditor.cli.audit:audit", "Check a dataset and give a verdict."),
    "calibrate": ("auditor.cli.calibrate:calibrate", "Find bounds in real data, at a known rate of false alarms."),
    "judge": ("auditor.cli.judge:judge", "Audit what judges said, and keep what can be trusted."),
    "checks": ("auditor.cli.explain:checks", "List the checks and what they measure."),
    "explain": ("auditor.cli.explain:explain", "Say what a check finds, why it matters and where it comes from."),
    "init": ("auditor.cli.init:init", "Make this folder a workspace."),
    "register": ("auditor.cli.register:register", "Register a version: who made it, from what, and its bytes."),
    "checkout": ("auditor.cli.checkout:checkout", "Bring a registered version back."),
    "trained": ("auditor.cli.trained:trained", "Say which datasets a model was trained on."),
    "withdraw": ("auditor.cli.withdraw:withdraw", "Say that a model must not be used any more."),
    "show": ("auditor.cli.show:show", "Print one row of a dataset as the checks see it."),
    "compare": ("auditor.cli.compare:compare", "Set two files or records side by side, metric by metric."),
    "lineage": ("auditor.cli.lineage:lineage", "Show what a dataset was made from, and what came of it."),
    "impact": ("auditor.cli.impact:impact", "Name every version that a model, a prompt or a seed had a part in."),
    "log": ("auditor.cli.log:log", "List a dataset's versions, their verdicts and main metrics."),
    "diff": ("auditor.cli.diff:diff", "Set two versions against each other: rows, lineage, metrics, verdict."),
    "export": ("auditor.cli.export:export", "Write a version as Croissant, a Hub card, in-toto or OpenLineage."),
    "gate": ("auditor.cli.gate:gate", "Audit registered datasets for CI and record their verdicts."),
    "stale": ("auditor.cli.stale:stale", "Name the datasets whose sources are not what they were."),
    "regenerate": ("auditor.cli.regenerate:regenerate", "Make what is stale again, judge it, and keep what passes."),
    "watch": ("auditor.cli.watch:watch", "Look at what is stale, once or on a schedule, and act on it."),
    "sync": ("auditor.cli.sync:sync", "Send what waits in the outbox."),
    "cache": ("auditor.cli.cache:cache", "Show or empty the cache."),
}
"""Command -> (where it is, its line in `--help`): the line stands here so that `--help` imports nothing."""

INTERNAL = 3
"""Something did not run: as when a check ends in an error."""

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

UNCOLLECTED = 50_000
"""New objects between two looks of the cyclic collector. At Python's 700 it goes again and again through what
imports make, which is no garbage: 4.5 s of CPU for Great Expectations instead of 2.6. (mypy does alike.)"""

PATIENCE = 1.0
"""Seconds that an interrupted command has to put its things away. What is left then is what a kill leaves,
and the next run clears that away."""


class Lazy(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from auditor.model.errors import suggest

            raise click.UsageError(f"no command {args[0]!r}: {suggest(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="auditor")
def group() -> None:
    """Audit synthetic training data before you train on it.

    \b
    Examples:
      auditor audit data.jsonl
      auditor audit data.jsonl --policy strict.yaml --output sarif=audit.sarif
      auditor explain near-duplicates

    \b
    Exit codes: 0 passed, 1 the gate failed, 2 usage, configuration or input error,
    3 a check ended in an error, a required one was skipped, or nothing was judged.
    """


def main() -> None:
    """Entry point of the `auditor` command: every expected failure is a message and an exit code."""
    gc.set_threshold(UNCOLLECTED)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, _interrupted)
    try:
        code = group.main(standalone_mode=False)
    except AuditorError as error:
        click.echo(f"auditor: {printable(str(error))}", err=True)
        code = error.exit_code
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo(_STOPPED, err=True)
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = 2
    except BrokenPipeError:
        # The reader of our output went away (`auditor … | head`): not a failure of the audit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:  # noqa: BLE001  the last place to say what went wrong
        code = _failed(error)
    if code == INTERNAL and _asked_to_stop:
        code = INTERRUPTED  # what fell into a library came out as its own failure
    gc.freeze()  # or Python looks, as it ends, for cycles among a million objects of modules
    sys.exit(code if isinstance(code, int) else 0)


def _failed(error: Exception) -> int:
    """Say what nobody expected; its exit code."""
    if _asked_to_stop:
        click.echo(_STOPPED, err=True)
        return INTERRUPTED
    if isinstance(error, OSError):
        click.echo(f"auditor: {printable(str(error))}", err=True)
        return 2
    click.echo(f"auditor: internal error, {printable(f'{type(error).__name__}: {error}')}", err=True)
    click.echo("  try: run it with AUDITOR_TRACEBACK=1 and report what it prints", err=True)
    if os.environ.get("AUDITOR_TRACEBACK"):
        raise error
    return INTERNAL


_STOPPED = "auditor: interrupted; nothing half-written, run it again to go on"
_asked_to_stop: list[int] = []


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """The first Ctrl-C unwinds the command, the second ends it at once.

    Python loses an interruption that falls into a destructor or a callback of a compiled library, and a
    running kernel is not interrupted at all: so a thread ends the process where unwinding does not. (Not a
    `threading.Thread`, whose locks the interrupted code may hold.)
    """
    _asked_to_stop.append(_number)
    signal.signal(signal.SIGINT, lambda _number, _frame: _leave(0))
    _thread.start_new_thread(_leave, (PATIENCE,))
    raise KeyboardInterrupt


def _leave(seconds: float) -> None:
    time.sleep(seconds)
    os.write(2, f"{_STOPPED}\n".encode())
    os._exit(INTERRUPTED)


def printable(text: str) -> str:
    """Text with control characters made visible, so that data cannot drive the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
