"""Checks that had too few rows to tell: that they say so, and whose rows were too few."""

from __future__ import annotations

import re

_TOO_FEW = re.compile(
    r"\bneeds (?:at least|about|n >=) (?P<least>\d[\d,]*)(?P<what>.*?)"
    r"(?:\bhas (?P<mine>\d[\d,]*)(?:[^,;]* and (?P<real>\d[\d,]*))?|$)|\btoo few to tell\b"
)
"""How a check says that it declines for want of rows or words: how many it has, and how many real ones."""


def told(why: str) -> bool:
    """Whether a check declines for want of rows or words."""
    return bool(_TOO_FEW.search(why))


def whose(why: str, rows: int, real: int) -> str:
    """Whose rows are too few, where a check says so: `data`, `real`, or what is `left` of rows that are enough."""
    found = _TOO_FEW.search(why)
    if found is None or found["mine"] is None:
        return "data"
    least, mine = (int(found[part].replace(",", "")) for part in ("least", "mine"))
    short, given = ("data", rows) if mine < least or found["real"] is None else ("real", real)
    return "left" if given >= least and "rows" in found["what"] else short
