"""The description of a run, in Markdown: what a person reads, and the links that they walk by.

A description is what a run says of itself, then tables that grow: what was made from it, its audits. They
are kept in the description itself, so that any process that knows a run can add a line to it. MLflow shows
four lines of it until one asks for more, and only links in the first two can be clicked (the rest lies under
a shade), so the links nearest by are the first line. Names of datasets and models are of anyone: every cell
is escaped.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

LONGEST = 8000
"""Characters of an MLflow tag, and so of a description (mlflow/utils/validation.py: MAX_TAG_VAL_LENGTH)."""

OWN = 5000
"""Characters of them that the own part may take."""

NAME = 150
"""Characters of a source's name that a description shows."""

CHILDREN, MEASURED, AUDITS, JUDGED = "Made from this", "Measured with this", "Audits", "Judged"

_HEADS: Mapping[str, tuple[str, ...]] = {
    CHILDREN: ("dataset", "from this as", "how", "rows"),
    MEASURED: ("dataset", "how", "rows"),
    AUDITS: ("audit", "verdict", "policy"),
    JUDGED: ("run", "judges", "prompts"),
}

_MORE = "| … | | | |"

_NEAR = 4
"""Links of each direction in the first line."""

_UP, _DOWN = "Made from", "Made into"


@dataclass(slots=True)
class Note:
    """own: what the run says of itself. tables: title -> key -> line; the last written stands last."""

    own: str
    tables: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Note:
        """What `str` wrote. What a person changed in the own part is kept; in the tables, lines of ours are."""
        own, *parts = re.split(rf"^### ({'|'.join(_HEADS)})$", text, flags=re.MULTILINE)
        tables: dict[str, dict[str, str]] = {}
        for title, body in zip(parts[::2], parts[1::2], strict=True):
            lines = [line for line in body.splitlines() if line.startswith("| [")]
            tables[title] = {_key(line): line for line in lines}
        mine = [line for line in own.strip().splitlines() if not line.startswith((f"{_UP} [", f"{_DOWN} ["))]
        return cls("\n".join(mine), tables)

    def add(self, title: str, key: str, url: str, cells: Sequence[str]) -> None:
        """A line that is there keeps its place; it is written anew."""
        self.tables.setdefault(title, {})[cell(key)] = row(link(key, url), *map(cell, cells))

    def link(self, role: str, what: str, url: str) -> None:
        """Make a link of `what` in the line of `made_from` that begins with `role` and it."""
        bare = f"| {cell(role)} | {cell(cut(what, NAME))} |"
        linked = f"| {cell(role)} | {link(cut(what, NAME), url)} |"
        lines = self.own.splitlines()
        self.own = "\n".join(linked + line[len(bare) :] if line.startswith(bare) else line for line in lines)

    def __str__(self) -> str:
        """At most LONGEST characters: the oldest lines go first, from the longer table."""
        tables = {title: list(lines.values()) for title, lines in self.tables.items() if lines}
        dropped: set[str] = set()
        while True:
            text = self._text(tables, dropped)
            fullest = max(tables, key=lambda title: sum(map(len, tables[title])), default=None)
            if len(text) <= LONGEST or fullest is None:
                return text[:LONGEST]
            dropped.add(fullest)
            del tables[fullest][0]
            if not tables[fullest]:
                del tables[fullest]

    def _near(self) -> str:
        """The first line: where it came from, and where it went."""
        up = _links(line for line in self.own.splitlines() if line.startswith(("| seed |", "| parent |")))
        down = _links(self.tables.get(CHILDREN, {}).values())[::-1]
        said = [
            f"{word} {', '.join(links[:_NEAR])}" + (", …" if len(links) > _NEAR else "")
            for word, links in ((_UP, up), (_DOWN, down))
            if links
        ]
        return " · ".join(said)

    def _text(self, tables: Mapping[str, Sequence[str]], dropped: set[str]) -> str:
        near, own = self._near(), _fitted(self.own)
        parts = [f"{near}\n{own}" if near else own]
        for title in _HEADS:
            if title in tables:
                more = [_MORE] if title in dropped else []
                parts.append(f"### {title}\n\n" + "\n".join([*head(*_HEADS[title]), *more, *tables[title]]))
        return "\n\n".join(parts)


def _fitted(own: str) -> str:
    """Whole lines of the own part, so that the tables have their share of the room."""
    kept, room = [], OWN
    for line in own.splitlines():
        room -= len(line) + 1
        if room < 0:
            kept.append(_MORE)
            break
        kept.append(line)
    return "\n".join(kept)


def _links(lines: Iterable[str]) -> list[str]:
    return re.findall(r"^\| (?:(?:seed|parent) \| )?(\[.+?\]\([^)]*\)) \|", "\n".join(lines), flags=re.MULTILINE)


def made_from(role: str, what: str, how: str) -> str:
    return row(cell(role), cell(cut(what, NAME)), cell(cut(how, NAME)))


def head(*names: str) -> list[str]:
    return [row(*names), row(*(":---" for _ in names))]


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def link(text: str, url: str) -> str:
    """The address is ours: of ids, and of names that were made safe."""
    return f"[{cell(text)}]({url})"


def cell(text: str) -> str:
    """Text of anyone as the text of one Markdown table cell: no markup, no HTML, no second line."""
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return html.escape(re.sub(r"([\\`*_{}\[\]()#+!|~])", r"\\\1", flat), quote=False)


def cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _key(line: str) -> str:
    """The text of the link that a line begins with, as it stands there."""
    return line[len("| [") :].partition("](")[0]
