"""What other tools write about the data they make, read as lineage: recognised by content, never executed.

A Hugging Face dataset card, a distilabel pipeline, a Croissant description, InstructLab taxonomy leaves.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from auditor.core import documents
from auditor.core.documents import LARGEST, Entry
from auditor.model.errors import ConfigError, UnreadableFile
from auditor.registry.imports import croissant, distilabel, hub, instructlab
from auditor.registry.imports.declared import Declared, plain

__all__ = ["Declared", "read"]

WANTED = (
    "a Hugging Face README.md, a distilabel pipeline.yaml, a Croissant JSON-LD file, "
    "or an InstructLab qna.yaml or a folder of them"
)
LEAVES = 10_000
"""Leaves of the largest taxonomy that is read; the public one has some hundreds."""

_BESIDE = ("README.md", "pipeline.yaml", "croissant.json", "croissant.jsonld", "metadata.json")


def read(path: Path) -> Declared:
    """What the file, or the folder, declares.

    Raises UnreadableFile where it is missing, ConfigError where it is none of the known kinds or is broken,
    with the line where there is one.
    """
    try:
        return replace(_folder(path) if path.is_dir() else _file(path), file=str(path))
    except RecursionError:
        raise ConfigError("the values are nested too deeply", file=str(path)) from None


def _file(path: Path) -> Declared:
    text = _text(path)
    if text.lstrip().startswith("{"):
        return _json(text, path)
    front, body, after = _front(text)
    if front is not None:
        # Empty lines above keep the numbers of the lines right.
        entry = documents.parse("\n" * after + front, str(path))
        entry.mapping("the front matter")
        return hub.card(plain(entry), body)
    entry = documents.parse(text, str(path))
    return _yaml(entry, path)


def _yaml(entry: Entry, path: Path) -> Declared:
    top = entry.value if isinstance(entry.value, dict) else {}
    if "seed_examples" in top:
        return instructlab.leaves([(path, entry)], path)
    if "pipeline" in top:
        return distilabel.pipeline(entry)
    raise ConfigError(
        "this is not a description of data that is known here",
        file=str(path),
        seen=f"keys {', '.join(list(top)[:8])}" if top else None,
        wanted=WANTED,
    )


def _json(text: str, path: Path) -> Declared:
    try:
        document: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"not JSON: {error.msg}", file=str(path), line=error.lineno) from error
    except ValueError as error:  # an integer of more digits than Python reads
        raise ConfigError(f"not JSON that can be read: {error}", file=str(path)) from error
    if croissant.is_croissant(document):
        return croissant.description(document)
    # distilabel saves the same pipeline as JSON where it is asked to.
    return _yaml(_entry(document, str(path)), path)


def _entry(value: Any, file: str) -> Entry:
    """JSON values as a document's; it is one line to us."""
    if isinstance(value, dict):
        return Entry({key: _entry(one, file) for key, one in value.items()}, file, 1)
    return Entry([_entry(one, file) for one in value] if isinstance(value, list) else value, file, 1)


def _folder(path: Path) -> Declared:
    leaves = sorted(Path(folder) / instructlab.LEAF for folder, _, names in os.walk(path) if instructlab.LEAF in names)
    if len(leaves) > LEAVES:
        raise ConfigError("the taxonomy is too large", file=str(path), seen=f"{len(leaves):,} leaves")
    if leaves:
        return instructlab.leaves([(leaf, documents.read(leaf)) for leaf in leaves], path)
    for name in _BESIDE:
        if (path / name).is_file():
            return _file(path / name)
    raise ConfigError("nothing in this folder describes data", file=str(path), wanted=WANTED)


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise ConfigError("the file is too large for a description", file=str(path), wanted="at most 16 MiB")
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise UnreadableFile(f"no such file {str(path)!r}", wanted=WANTED) from error
    except OSError as error:
        raise UnreadableFile(f"cannot read: {error.strerror}", file=str(path)) from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8", file=str(path), seen=str(error)) from error


def _front(text: str) -> tuple[str | None, str, int]:
    """(front matter, body, lines before the front matter); None where there is no front matter."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0].rstrip() != "---":
        return None, text, 0
    for place in range(1, len(lines)):
        if lines[place].rstrip() == "---":
            return "\n".join(lines[1:place]), "\n".join(lines[place + 1 :]), 1
    return None, text, 0
