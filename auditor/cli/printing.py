"""What commands print, and where to."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from auditor.concluding import Report
    from auditor.reports.console import Console


def printed(text: str) -> None:
    """Print to stdout; a reader that went away (`auditor … | head`) does not change the verdict."""
    try:
        click.echo(text, nl=False)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def colored(stream: TextIO) -> bool:
    """Whether a stream is a terminal whose user wants colours (https://no-color.org)."""
    return "NO_COLOR" not in os.environ and stream.isatty()


def width() -> int | None:
    """Columns of the terminal; None where the output is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def watching(quiet: bool) -> Console:
    """What shows how a run goes, on stderr; quiet: nothing does."""
    from auditor.reports.console import Console

    return Console(sys.stderr, quiet=quiet, color=colored(sys.stderr))


def saying(quiet: bool) -> Callable[[str], None]:
    """What tells how a run goes, a line at a time, on stderr; quiet: nothing does."""

    def say(words: str) -> None:
        # Not by `click.echo`, which writes past the stream that the live bar puts in the place of stderr.
        if not quiet:
            sys.stderr.write(f"{words}\n")

    return say


def summarised(text: str) -> None:
    """Put Markdown on the page of a GitHub Actions run, where this is one."""
    if place := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(place).open("a", encoding="utf-8") as file:
            file.write(text)


def shown(report: Report, format_: str, output: tuple[tuple[str, Path], ...], *, quiet: bool, width: int) -> None:
    """Write the formats that were asked for to their files, and one to stdout."""
    from auditor import reports
    from auditor.files import write_text

    for name, path in output:
        write_text(path, reports.render(name, report.view))
    if format_ == "text":
        printed(reports.text(report.view, width=width, color=colored(sys.stdout), quiet=quiet))
    else:
        printed(reports.render(format_, report.view))
    if format_ == "github":
        summarised(reports.summary(report.view))
