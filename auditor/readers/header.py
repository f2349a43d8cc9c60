"""The first line of a CSV: names of columns, or already a row.

Readers of tables take it for names, and a file without a header silently loses a row. So where no name
is known to us, the line is held against the lines below it: a cell that is a number above numbers, prose
above prose, or a value that its column has again, is a row's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from itertools import islice

from auditor.model.errors import UnreadableFile
from auditor.readers.quarantine import shown
from auditor.readers.recognisers import ANSWERS, ASKED, CANDIDATES, CHATS, PAIRS, SYSTEMS
from auditor.readers.shapes import IDS, MAPPABLE, textual

_COMMON = {"chosen", "context", "label", "labels", "name", "title", "date", "category", "type", "url", "score", "index"}
KNOWN = _COMMON.union(MAPPABLE, IDS, SYSTEMS, ASKED, CHATS, CANDIDATES, ANSWERS, (asked for _, asked, _ in PAIRS))
"""A cell that is one of these, whatever its case, is the name of a column."""

BODY = 200
"""Lines below the first that it is held against."""

MOST = 0.8
"""Share of a column's values that must be like its first cell."""

_POSITION = re.compile(r"column_[1-9]\d*")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d+)*|\.\d+)(?:[eE][+-]?\d+)?%?")


def names(row: list[str], file: str) -> list[str]:
    """The cells as names, each once; an empty one is called by its position. Raises UnreadableFile for none."""
    if not any(cell.strip() for cell in row):
        raise UnreadableFile("there is no header line", file=file, wanted="the names of the columns in the first line")
    found: list[str] = []
    taken = set()
    for index, cell in enumerate(row, 1):
        clean = cell.encode("utf-8", "replace").decode().strip() or f"column_{index}"
        if clean in taken:
            clean = f"{clean}_{index}"
        taken.add(clean)
        found.append(clean)
    return found


def by_position(names: Sequence[str], mapped: Collection[str]) -> bool:
    """Whether the user calls columns by position, though the first line has cells of its own for them."""
    return bool(mapped) and not any(name in names for name in mapped) and any(map(_POSITION.fullmatch, mapped))


def known(names: Sequence[str], mapped: Collection[str]) -> bool:
    """Whether any name is one that we or the user know."""
    return any(name in mapped or name.lower() in KNOWN for name in names)


def body(sample: str, delimiter: str) -> list[list[str]]:
    """The lines below the first, of a sample that may end within one."""
    rows: list[list[str]] = []
    with suppress(csv.Error):  # the reading itself will tell it
        rows.extend(islice(csv.reader(sample.splitlines(keepends=True), delimiter=delimiter), BODY))
    return [row for row in rows if any(row)][1:]


def refuse_rows(first: Sequence[str], rows: Sequence[Sequence[str]], file: str) -> None:
    """Raises UnreadableFile where the first line looks like a row."""
    columns = [[row[i].strip() for row in rows if len(row) == len(first) and row != first] for i in range(len(first))]
    cells = [cell.strip() for cell in first]
    numbered = [cell for cell in cells if _NUMBER.fullmatch(cell)]
    for cell, column in zip(cells, columns, strict=True):
        values = [value for value in column if value]
        if (
            (cell in numbered and not _counted(cells) and _mostly(values, lambda value: bool(_NUMBER.fullmatch(value))))
            or (textual(cell) and _mostly(values, textual))
            or (cell and cell in values)
        ):
            raise UnreadableFile(
                "the first line looks like a row, not like the names of the columns",
                file=file,
                line=1,
                seen=shown(",".join(first)),
                hint="write the names above it, or call columns by position: "
                "--map prompt=column_1 --map response=column_2",
            )


def told(names: Sequence[str]) -> str:
    return ", ".join(shown(name)[:40] for name in names[:8]) + (", …" if len(names) > 8 else "")


def _counted(cells: Sequence[str]) -> bool:
    """Whether the numbers of the line count up: positions as pandas writes them, or years."""
    numbers = [int(cell) for cell in cells if cell.isascii() and cell.isdecimal()]
    if numbers != list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True:
        return False
    return len(numbers) > 1 or (numbers == [0] and all(cell in ("", "0") for cell in cells))


def _mostly(values: Sequence[str], like: Callable[[str], bool]) -> bool:
    """Whether most values are alike; where there are none nothing speaks against it."""
    return sum(map(like, values)) >= MOST * len(values)
