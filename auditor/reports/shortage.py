"""Checks that could not tell: for want of rows, and whose were too few; or held against bounds that were found by other
means."""

from __future__ import annotations

import re

_TOO_FEW = re.compile(
    r"\bneeds (?:at least|about|n >=) (?P<least>\d[\d,]*)(?P<what>.*?)"
    r"(?:\bhas (?P<mine>\d[\d,]*)(?:[^,;]* and (?P<real>\d[\d,]*))?|$)|\btoo few to tell\b"
)
"""How a check says that it declines for want of rows or words: how many it has, and how many real ones."""

_FOUND = re.compile(r"^its bounds were found (?P<how>among|by the embedder|by version|with)\b")
"""How an audit says that bounds say nothing of it (`core.means`)."""

_OTHERWISE = {
    "among": "among other real rows",
    "by the embedder": "by another embedder",
    "by version": "by another version of the check",
    "with": "with other parameters",
}


def otherwise(why: str) -> str:
    """By what other means the bounds of a number were found, `among other real rows`; empty for another reason."""
    found = _FOUND.match(why)
    return _OTHERWISE[found["how"]] if found else ""


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
