"""Options that several commands share, and how what is given to them is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

FORMATS = ("text", "json", "html", "junit", "sarif", "github", "markdown")

Command = TypeVar("Command", bound=Callable[..., Any])


def bytes_of(_context: click.Context, _option: click.Parameter, value: str | None) -> int:
    """`3GB` as bytes (powers of 1024); 0 where nothing was given."""
    if value is None:
        return 0
    from auditor.registry import settings

    size = settings.bytes_of(value)
    if size is None:
        raise click.BadParameter(f"{value!r} is not a size: give one such as 3GB or 500MB")
    return size


def pairs(_context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """`a=b` options as a dict."""
    found = {}
    for value in values:
        key, equals, rest = value.partition("=")
        if not equals or not key or not rest:
            raise click.BadParameter(f"{value!r} is not of the form {option.metavar}")
        found[key] = rest
    return found


def parameters(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """`near-duplicates.threshold=0.7` options as {check: {parameter: value}}."""
    found: dict[str, dict[str, Any]] = {}
    for value in values:
        match = re.match(r"^([a-z0-9-]+)\.([a-z0-9_]+)=(.*)$", value, re.DOTALL)
        if not match:
            raise click.BadParameter(f"{value!r} is not of the form NAME.PARAM=VALUE")
        found.setdefault(match[1], {})[match[2]] = match[3]
    return found


def several(*made: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Several options as one decorator; `--help` has them in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(made):
            command = option(command)
        return command

    return decorate


def telling(formats: tuple[str, ...] = FORMATS) -> Callable[[Command], Command]:
    """Of every command whose result can be told in several formats."""

    def outputs(
        _context: click.Context, _option: click.Parameter, values: tuple[str, ...]
    ) -> tuple[tuple[str, Path], ...]:
        """`sarif=audit.sarif` as (format, path)."""
        found = []
        for value in values:
            name, _, path = value.partition("=")
            if name not in formats or not path:
                raise click.BadParameter(f"{value!r} is not FORMAT=PATH with a format of {', '.join(formats)}")
            found.append((name, Path(path)))
        return tuple(found)

    return several(
        click.option(
            "--format", "format_", type=click.Choice(formats), default="text", show_default=True, help="To stdout."
        ),
        click.option(
            "--output", multiple=True, metavar="FORMAT=PATH", callback=outputs, help="Write a format to a file."
        ),
    )


def ending(
    formats: tuple[str, ...] = FORMATS, policy: str = "default", quiet: str = "Only the summary line."
) -> Callable[[Command], Command]:
    """Of every command that ends in a verdict: what it is judged by, and how it is told.

    formats: those it can be told in. policy, quiet: what `--help` says of these.
    """

    return several(
        click.option("--policy", metavar="NAME|FILE", help=f"Bounds to judge by.  [default: {policy}]"),
        click.option("--fail-on", type=click.Choice(["fail", "warn"]), default="fail", show_default=True),
        telling(formats),
        click.option("--track", is_flag=True, help="Record each audit in MLflow."),
        click.option("--quiet", "-q", is_flag=True, help=quiet),
    )


plain = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True)

file = click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), help="Write to a file.")

mlflow_uri = click.option(
    "--mlflow-uri", metavar="URI", help="Where MLflow is.  [default: mlflow.uri, or .auditor/mlflow.db]"
)

mapping = click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="COLUMN=FIELD",
    callback=pairs,
    help="Take a canonical column from a field.",
)

checks = several(
    click.option("--only", multiple=True, metavar="CHECK", help="Run only this check (repeatable)."),
    click.option("--skip", multiple=True, metavar="CHECK", help="Leave this check out (repeatable)."),
    click.option(
        "--set",
        "checks",
        multiple=True,
        metavar="NAME.PARAM=VALUE",
        callback=parameters,
        help="Set a check's parameter.",
    ),
)

threads = click.option("--threads", default=0, type=click.IntRange(0), help="Threads.  [default: one a core]")

memory = click.option(
    "--memory", callback=bytes_of, metavar="SIZE", help="Working memory, such as 3GB.  [default: half]"
)

embedder = click.option(
    "--embedder",
    metavar="NAME|FOLDER|URL",
    help="What turns texts into vectors: hashed, wordllama, a folder of weights, or https://HOST/v1#MODEL.  "
    "[default: hashed]",
)

auditing = several(
    checks,
    mapping,
    click.option(
        "--baseline", type=click.Path(path_type=Path), metavar="RECORD", help="Fail only on what got worse since."
    ),
    click.option(
        "--waivers", type=click.Path(path_type=Path), metavar="FILE", help="Waivers.  [default: waivers.yaml]"
    ),
    click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Where the audit's files go."),
    click.option(
        "--top", default=20, show_default=True, type=click.IntRange(0), help="Examples to show of each fault."
    ),
    threads,
    click.option(
        "--max-bad-rows", metavar="N|SHARE", help="Unreadable records to allow.  [default: 0.1%, at least 10]"
    ),
    click.option("--name", help="Name of what is audited.  [default: from the file]"),
    click.option("--mlflow-uri", "tracking_uri", metavar="URI", help="Where MLflow is.  [default: .auditor/mlflow.db]"),
    ending(),
)
"""Of every command that audits what it is given, each named as the field of `concluding.Options`."""


def spare(sources: Iterable[str], targets: Iterable[tuple[str, Path]]) -> None:
    """Refuse to write over what is to be read. targets: (option, path).

    Raises click.BadParameter.
    """
    read = [Path(source) for source in sources]
    for option, path in targets:
        if path.is_dir() or (path.exists() and any(source.exists() and path.samefile(source) for source in read)):
            raise click.BadParameter(f"{option} would write over {path}: choose another file")
