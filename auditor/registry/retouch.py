"""Rewriting a YAML file a person may have edited: only the lines of what changed are written anew.

Comments, order and spelling of every other key stay. Works line by line on block YAML; where a file is
written in another style the caller writes it whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Plain = Mapping[str, Any]
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Block(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Texts of several lines as a reader of a pull request wants them."""


def _text(dumper: Any, text: str) -> Any:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Block.add_representer(str, _text)


def dump(given: Any) -> str:
    """Block YAML, keys in the order given."""
    text: str = yaml.dump(given, Dumper=_Block, sort_keys=False, allow_unicode=True, width=110)
    return text


def retouch(text: str, before: Plain, after: Plain, listed: str) -> str | None:
    """`text`, which says `before`, changed so that it says `after`; None where its style does not allow it.

    listed: the key whose value is a list of which single entries are kept, too.
    """
    lines = text.splitlines(keepends=True)
    places = _places(text, lines, listed)
    if places is None:
        return None
    keys, items = places
    head, blocks = _cut(lines, list(keys.values()))
    old = dict(zip(keys, blocks, strict=True))
    new: dict[str, str] = {}
    for key, value in after.items():
        if key in old and before.get(key) == value:
            new[key] = _ended(old[key])
        elif key == listed and key in old and items:
            new[key] = _list(lines[keys[key] :], [at - keys[key] for at in items], old[key], before[key], value)
        else:
            new[key] = _comments(old.get(key, "")) + dump({key: value})
    order = [key for key in old if key in new]
    for index, key in enumerate(after):
        if key not in old:  # after the key it follows in a fresh card
            earlier = [other for other in list(after)[:index] if other in order]
            order.insert(order.index(earlier[-1]) + 1 if earlier else 0, key)
    return head + "".join(new[key] for key in order)


def _places(text: str, lines: list[str], listed: str) -> tuple[dict[str, int], list[int]] | None:
    """The line on which each top-level key begins, and each entry of `listed`, comments above them included."""
    keys: dict[str, int] = {}
    items: list[int] = []
    depth, at_key, inside = 0, True, False
    event: Any
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent) and event.explicit:
            return None
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            depth -= 1
            continue
        scalar = isinstance(event, yaml.ScalarEvent)
        if not scalar and not isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            continue
        line = event.start_mark.line
        if depth == 0 and (event.flow_style or event.start_mark.column):
            return None
        if depth == 1:
            if at_key:
                keys[event.value] = _with_comments(lines, line)
                inside = event.value == listed
            elif inside and isinstance(event, yaml.SequenceStartEvent) and event.flow_style:
                inside = False
            at_key = not at_key
        elif depth == 2 and inside:
            if not lines[line].lstrip().startswith("-"):
                return None
            items.append(_with_comments(lines, line))
        depth += not scalar
    return keys, items


def _with_comments(lines: list[str], line: int) -> int:
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return line


def _cut(lines: list[str], starts: list[int]) -> tuple[str, list[str]]:
    ends = [*starts[1:], len(lines)]
    return "".join(lines[: starts[0]]), ["".join(lines[start:end]) for start, end in zip(starts, ends, strict=True)]


def _list(lines: list[str], starts: list[int], block: str, before: list[Any], after: list[Any]) -> str:
    """The block of the listed key, entry by entry; entries are told apart by their place."""
    lines = lines[: len(block.splitlines())]
    head, blocks = _cut(lines, starts)
    entry = next(line for line in lines[starts[0] :] if line.lstrip().startswith("-"))
    indent = entry[: len(entry) - len(entry.lstrip())]
    written = []
    for index, value in enumerate(after):
        kept = blocks[index] if index < len(blocks) else ""
        if kept and index < len(before) and before[index] == value:
            written.append(_ended(kept))
            continue
        fresh = dump([value])
        written.append(_comments(kept) + "".join(indent + line for line in fresh.splitlines(keepends=True)))
    return head + "".join(written)


def _comments(block: str) -> str:
    """The comments above a key."""
    kept = []
    for line in block.splitlines(keepends=True):
        if not line.lstrip().startswith("#"):
            break
        kept.append(line)
    return "".join(kept)


def _ended(block: str) -> str:
    return block if block.endswith("\n") else block + "\n"
