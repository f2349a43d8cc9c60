"""What two lineages say differently, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from auditor.model.card import Lineage, Source
from auditor.registry import plain

_LEADING = ("model", "name", "dataset", "file")
"""Keys whose value is what a thing is called."""


def differences(old: Lineage, new: Lineage) -> Iterator[tuple[str, str, str]]:
    """(field, before, after) of each field that differs, entries that both have left out. Where a source or
    a prompt lay does not count: its content does."""
    left, right = (plain.of_lineage(_by_content(lineage)) for lineage in (old, new))
    for name in dict.fromkeys((*left, *right)):
        before, after = left.get(name), right.get(name)
        if before != after:
            told = _worded(_without(before, after)), _worded(_without(after, before))
            yield name, *(told if told[0] != told[1] else (_worded(before), _worded(after)))


def _by_content(lineage: Lineage) -> Lineage:
    def one(source: Source) -> Source:
        return Source(source.digest) if source.digest else source

    return replace(
        lineage,
        seeds=tuple(map(one, lineage.seeds)),
        parents=tuple(map(one, lineage.parents)),
        evals=tuple(map(one, lineage.evals)),
        prompts=tuple(replace(prompt, file=None) for prompt in lineage.prompts),
    )


def _without(value: Any, other: Any) -> Any:
    """What of a list or a mapping the other has not."""
    if isinstance(value, list) and isinstance(other, list):
        return [one for one in value if one not in other] or None
    if isinstance(value, dict) and isinstance(other, dict):
        return {key: one for key, one in value.items() if other.get(key) != one} or None
    return value


def _worded(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_worded, value))
    if isinstance(value, Mapping):
        words = [_worded(one) if key in _LEADING else f"{key} {_worded(one)}" for key, one in value.items()]
        return " ".join(words)
    return "nothing" if value is None else str(value)[:120]
