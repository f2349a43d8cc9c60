"""`auditor show`: one row, as the checks see it."""

from __future__ import annotations

import json
from typing import Any

import click

from auditor.cli import options, printable

COLUMNS = ["row", "copy", "file", "line", "id", "prompt", "response", "rejected", "text", "messages", "source", "meta"]


@click.command(epilog="\b\nExamples:\n  auditor show data.jsonl 41\n  auditor show data.jsonl 41 --format json\n")
@click.argument("source")
@click.argument("row", type=click.IntRange(0))
@click.option("--map", "mapping", multiple=True, metavar="COLUMN=FIELD", callback=options.pairs, help="As for `audit`.")
@click.option("--max-bad-rows", metavar="N|SHARE", help="As for `audit`.")
@options.plain
def show(source: str, row: int, mapping: dict[str, str], max_bad_rows: str | None, format_: str) -> None:
    """Print one row of a dataset as the checks see it. ROW counts from 0, as findings do."""
    from auditor.auditing import Options, read
    from auditor.model.errors import InputError
    from auditor.registry.workspace import Workspace

    rows = read(source, Options(mapping=mapping, max_bad_rows=max_bad_rows), Workspace.find())
    if row >= rows.rows:
        raise InputError(f"{source} has no row {row}", wanted=f"a row from 0 to {rows.rows - 1}")
    seen: dict[str, Any] = rows.take([row], COLUMNS).to_pylist()[0]
    seen["file"] = rows.files[seen["file"]]
    seen["meta"] = json.loads(seen["meta"])
    if format_ == "json":
        click.echo(json.dumps(seen, ensure_ascii=False, indent=2))
        return
    click.echo(f"row {row}, {printable(seen['file'])}:{seen['line']}, recognised as {', '.join(rows.shapes)}\n")
    for name in ("id", "prompt", "response", "rejected", "source"):
        if seen[name] is not None:
            click.echo(f"{click.style(name, bold=True)}\n{printable(seen[name])}\n")
    if seen["prompt"] is None and seen["response"] is None:
        click.echo(f"{click.style('text', bold=True)}\n{printable(seen['text'])}\n")
    if seen["meta"]:
        pretty = json.dumps(seen["meta"], ensure_ascii=False, indent=2)
        click.echo(f"{click.style('meta', bold=True)}\n{printable(pretty)}")
