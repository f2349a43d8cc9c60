"""Word lists as data: categories of words and phrases that rooms count, each file with its sources in comments.

They lie in `words/drift/` of a folder of expectations; the first folder that has a file of the name is read, so that a
user's own stands in place of ours, and files that are named are added to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path

from auditor.core import documents

Lexicon = dict[str, tuple[str, ...]]
"""Phrases by category, in the order in which a room names its categories."""

FOLDER = Path("words") / "drift"


def load(name: str, folders: Sequence[Path], more: Sequence[str], categories: Sequence[str]) -> Lexicon:
    """The lists of `name` in the first of `folders` that has it, and those of the files `more`.

    Raises ConfigError where a file is missing, or is not a list of `category` and `phrases`.
    """
    lexicon: dict[str, list[str]] = {category: [] for category in categories}
    for path in (first(name, folders), *map(Path, more)):
        for category, phrases in read(path, categories):
            lexicon[category] += phrases
    return {category: tuple(dict.fromkeys(phrases)) for category, phrases in lexicon.items()}


def first(name: str, folders: Sequence[Path]) -> Path:
    """The file `name` (without its suffix) of the first of `folders` that has it. Raises ConfigError where none has."""
    return documents.first(folders, FOLDER / f"{name}.yaml", f"word list {name!r}")


def read(path: Path, categories: Collection[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The lists of one file: category and phrases, as they stand."""
    lists = []
    for entry in documents.read(path).items("a word list"):
        given = entry.mapping("a word list", ("category", "phrases"), required=("category", "phrases"))
        phrases = tuple(one.text("a phrase") for one in given["phrases"].items("phrases"))
        lists.append((given["category"].name("category", categories), phrases))
    return lists


def digest(lexicon: Lexicon) -> str:
    """What tells these lists from others, for notes: 16 hexadecimal digits."""
    return hashlib.sha256(repr(sorted(lexicon.items())).encode()).hexdigest()[:16]
