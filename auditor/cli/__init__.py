"""Words in, exit code out. One module a command group; nothing heavy is imported before a command runs."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

import click

from auditor import __version__
from auditor.model.errors import AuditorError

COMMANDS = {
    "audit": ("auditor.cli.audit:audit", "Check a dataset and give a verdict."),
    "checks": ("auditor.cli.explain:checks", "List the checks and what they measure."),
    "explain": ("auditor.cli.explain:explain", "Say what a check finds, why it matters and where it comes from."),
    "show": ("auditor.cli.show:show", "Print one row of a dataset as the checks see it."),
    "compare": ("auditor.cli.compare:compare", "Set two files or records side by side, metric by metric."),
    "stale": ("auditor.cli.stale:stale", "Name the datasets whose sources are not what they were."),
    "sync": ("auditor.cli.sync:sync", "Send what waits in the outbox."),
    "cache": ("auditor.cli.cache:cache", "Show or empty the cache."),
}
"""Command -> (where it is, its line in `--help`): the line stands here so that `--help` imports nothing."""

INTERNAL = 3
"""Something did not run: as when a check ends in an error."""

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


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
    3 a check ended in an error or a required one was skipped.
    """


def main() -> None:
    """Entry point of the `auditor` command: every expected failure is a message and an exit code."""
    try:
        code = group.main(standalone_mode=False)
    except AuditorError as error:
        click.echo(f"auditor: {printable(str(error))}", err=True)
        code = error.exit_code
    except click.exceptions.Abort:
        click.echo("auditor: interrupted; nothing half-written, run it again to go on", err=True)
        code = INTERRUPTED
    except KeyboardInterrupt:
        click.echo("auditor: interrupted; nothing half-written, run it again to go on", err=True)
        code = INTERRUPTED
    except click.ClickException as error:
        error.show()
        code = 2
    except BrokenPipeError:
        # The reader of our output went away (`auditor … | head`): not a failure of the audit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except OSError as error:
        click.echo(f"auditor: {printable(str(error))}", err=True)
        code = 2
    except Exception as error:
        click.echo(f"auditor: internal error, {printable(f'{type(error).__name__}: {error}')}", err=True)
        click.echo("  try: run it with AUDITOR_TRACEBACK=1 and report what it prints", err=True)
        if os.environ.get("AUDITOR_TRACEBACK"):
            raise
        code = INTERNAL
    sys.exit(code if isinstance(code, int) else 0)


def printable(text: str) -> str:
    """Text with control characters made visible, so that data cannot drive the terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
