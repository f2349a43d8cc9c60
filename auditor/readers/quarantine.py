"""Records that could not be read: what is said of each, how many are borne, when it is too many."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from auditor.model.errors import ConfigError, TooManyBadRows, UnknownShape

SEEN = 200
"""Characters of a bad record that are shown and kept."""

EXAMPLES = 20
DEFAULT_SHARE, DEFAULT_COUNT = 0.001, 10

NOT_AN_OBJECT = "not an object"
CUT = "truncated archive"


class Bad(NamedTuple):
    """One record that is no row. line: 1-based line, or record where the format has no lines."""

    file: int
    line: int
    reason: str
    seen: str


def shown(raw: bytes | str) -> str:
    """A cut of what was seen, safe on any terminal: control and invisible characters escaped."""
    cut = raw[: SEEN * 4].decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw[:SEEN]
    return "".join(c if c.isprintable() else _escape(c) for c in cut[:SEEN])


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def limit(allowed: str | float | None, records: int) -> int:
    """How many of `records` may be bad: a count ("50", 50), a share ("0.1%", "0.001", 0.001) or the default.

    Raises ConfigError for anything else.
    """
    if allowed is None:
        return max(DEFAULT_COUNT, math.floor(DEFAULT_SHARE * records))
    text = str(allowed).strip()
    try:
        if text.endswith("%"):
            share = float(text[:-1]) / 100
        elif isinstance(allowed, float) or not text.lstrip("+").isdigit():
            share = float(text)
        else:
            return int(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= 1:
        raise ConfigError(
            "--max-bad-rows makes no sense", seen=text, wanted='a count ("50") or a share ("0.1%", "0.001")'
        )
    return math.floor(share * records)


def judge(
    bad: Sequence[Mapping[str, str | int]],
    reasons: Mapping[str, int],
    rows: int,
    allowed: str | float | None,
    path: Path | None,
) -> None:
    """Raise TooManyBadRows (or UnknownShape, where nothing is an object) past the limit."""
    count = sum(reasons.values())
    borne = limit(allowed, rows + count)
    if not count or (count <= borne and rows):
        return
    if not rows and set(reasons) == {NOT_AN_OBJECT}:
        raise UnknownShape(
            "the file holds values, not records",
            file=str(bad[0]["file"]),
            line=int(bad[0]["line"]),
            seen=str(bad[0]["seen"]),
            wanted='one JSON object a record, such as {"prompt": "…", "response": "…"}',
            hint="wrap each value in an object: jq -c '{\"text\": .}'",
        )
    told = [f"{one['file']}:{one['line']}: {one['reason']}: {one['seen']}" for one in bad[:3]]
    several = ", ".join(f"{reason} ({n})" for reason, n in Counter(reasons).most_common(4))
    raise TooManyBadRows(
        f"{count} of {rows + count} records could not be read: {several}"
        if rows
        else f"no record could be read: {several}",
        seen="\n        ".join(told),
        wanted=f"at most {borne} (--max-bad-rows)" if rows else "at least one record that can be read",
        hint=f"mend them{f' (all are in {path})' if path else ''}, or allow more with --max-bad-rows COUNT or SHARE"
        if rows
        else "check the file's format",
    )
