"""`auditor export`: a registered version as standards have it."""

from __future__ import annotations

from pathlib import Path

import click

from auditor.cli import options

TARGETS = ("croissant", "hf-card", "in-toto", "openlineage")


@click.command(
    epilog="\b\nExamples:\n  auditor export sft-v3 --to croissant -o croissant.json\n"
    "  auditor export sft-v3@2 --to hf-card -o README.md\n"
    "  auditor export sft-v3 --to in-toto | cosign attest-blob --statement /dev/stdin …\n"
)
@click.argument("name", metavar="NAME[@V]")
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="What to make of it.")
@options.file
def export(name: str, target: str, output: Path | None) -> None:
    """Write what is recorded of a version as others read it.

    \b
    croissant    Croissant 1.1 with provenance (PROV) and responsible AI (RAI) fields
    hf-card      a dataset card for the Hugging Face Hub
    in-toto      an unsigned in-toto test-result statement over the dataset's digest
    openlineage  the event of its registration
    """
    from auditor import browsing
    from auditor.registry.workspace import Workspace

    put(browsing.exported(name, target, Workspace.find()), output)


def put(text: str, output: Path | None) -> None:
    """Write a text to a file, whole, or to standard output."""
    if output is None:
        click.echo(text, nl=False)
        return
    from auditor.files import write_text

    write_text(output, text)
    click.echo(f"wrote {output}", err=True)
