"""Plain tables for a terminal and for Markdown, and texts broken to a width. What goes in is data and never markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from auditor.reports.escaping import markdown, one_line

WIDEST = 60
"""Columns of a terminal that one cell takes."""


LEAST = 16
"""Columns of a terminal that a text keeps where a table has to fit."""

NAME = 40
"""Columns that the first column keeps, which says of what; half the room at most."""


def lines(
    header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = (), room: int | None = None
) -> list[str]:
    """A table with aligned columns, two spaces apart. right: numbers of the columns aligned to the right.

    room: columns of the terminal to fit in. Texts are shortened first; then the last columns are left out, whole: a
    number that is cut is another number.
    """
    cells = [[one_line(cell, WIDEST) for cell in row] for row in (header, *rows)]
    widths = [max(across(row[column]) for row in cells) for column in range(len(header))]
    if room is not None:
        cells, widths = _fitted(cells, widths, right, room)
    return [
        "  ".join(
            " " * (width - across(cell)) + cell if column in right else cell + " " * (width - across(cell))
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def _fitted(
    cells: list[list[str]], widths: list[int], right: Sequence[int], room: int
) -> tuple[list[list[str]], list[int]]:
    """The columns that fit, the widest texts shortened."""
    widths = list(widths)
    keeps = [LEAST if column else max(LEAST, min(NAME, room // 2)) for column in range(len(widths))]
    texts = [column for column in range(len(widths)) if column not in right]
    while sum(widths) + 2 * (len(widths) - 1) > room:
        longer = [column for column in texts if widths[column] > keeps[column]]
        if not longer:
            break
        widths[max(longer, key=lambda column: (widths[column], column))] -= 1
    kept = len(widths)
    while kept > 1 and sum(widths[:kept]) + 2 * (kept - 1) > room:
        kept -= 1
    short = [[cut(cell, widths[column]) for column, cell in enumerate(row[:kept])] for row in cells]
    return short, [max(across(row[column]) for row in short) for column in range(kept)]


def cut(cell: str, width: int) -> str:
    """The text in so many columns at most."""
    if across(cell) <= width:
        return cell
    while cell and across(cell) >= width:
        cell = cell[:-1]
    return cell.rstrip() + "…"


def markdown_lines(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """The same as a Markdown table, every cell escaped."""
    ruler = ["---:" if column in right else "---" for column in range(len(header))]
    table = [[markdown(cell) for cell in row] for row in (header, *rows)]
    return ["| " + " | ".join(row) + " |" for row in (table[0], ruler, *table[1:])]


def wrapped(text: str, first: int, further: int) -> list[tuple[int, int]]:
    """Where each line of the text begins and ends, of at most so many columns: broken at white space, beside letters of
    scripts that are written without it, and within a word where it is longer than a line."""
    lines: list[tuple[int, int]] = []
    begin = taken = 0
    last: tuple[int, int] | None = None  # where the line may end, and the next begin
    place = 0
    while place < len(text):
        c = text[place]
        if c == "\n":
            lines.append((begin, place))
            begin, taken, last = place + 1, 0, None
        elif c.isspace():
            last = (last[0] if last and last[1] == place else place, place + 1)
            taken += 1
        else:
            if place > begin and _apart(text[place - 1], c):
                last = (place, place)
            if taken + across(c) > (further if lines else first) and place > begin:
                end, following = last if last and last[0] > begin else (place, place)
                lines.append((begin, end))
                begin, place, taken, last = following, following, 0, None
                continue
            taken += across(c)
        place += 1
    return [*lines, (begin, max(begin, len(text.rstrip())))]


_CLOSING = frozenset("、。，．！？：；）」』】》〉〕”’…％")
"""Marks that no line begins with (JIS X 4051; GB/T 15834)."""


def _apart(before: str, after: str) -> bool:
    """Whether a line may end between two letters without white space."""
    wide = unicodedata.east_asian_width(before) in "WF" or unicodedata.east_asian_width(after) in "WF"
    return wide and not before.isspace() and after not in _CLOSING and not unicodedata.combining(after)


def across(text: str) -> int:
    """Columns of a terminal: letters of East Asian scripts take two, combining marks none."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
