"""Plain tables for a terminal and for Markdown. What goes in is data and never markup."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from auditor.reports.escaping import markdown, one_line

WIDEST = 60
"""Columns of a terminal that one cell takes."""


def lines(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """A table with aligned columns, two spaces apart. right: numbers of the columns aligned to the right."""
    cells = [[one_line(cell, WIDEST) for cell in row] for row in (header, *rows)]
    widths = [max(_width(row[column]) for row in cells) for column in range(len(header))]
    return [
        "  ".join(
            " " * (width - _width(cell)) + cell if column in right else cell + " " * (width - _width(cell))
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def markdown_lines(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """The same as a Markdown table, every cell escaped."""
    ruler = ["---:" if column in right else "---" for column in range(len(header))]
    table = [[markdown(cell) for cell in row] for row in (header, *rows)]
    return ["| " + " | ".join(row) + " |" for row in (table[0], ruler, *table[1:])]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
