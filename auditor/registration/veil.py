"""No password of an address, and no key of an interface, gets onto a card: cards are in git for ever."""

from __future__ import annotations

from typing import Any

from auditor.model.card import Lineage
from auditor.registry import plain
from auditor.trackers.secrets import MASK, is_secret, nameless


def veiled(lineage: Lineage) -> Lineage:
    """The lineage with secrets masked, wherever they were given: by words, by a card file, or by the rows."""
    given = plain.of_lineage(lineage)
    shown = _veiled(given)
    return lineage if shown == given else plain.lineage(shown)


def _veiled(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: MASK if isinstance(inner, str) and is_secret(key) else _veiled(inner) for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_veiled(inner) for inner in value]
    return nameless(value) if isinstance(value, str) else value
