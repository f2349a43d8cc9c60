"""A registered version as standards have it. OpenLineage, which is events, is in `trackers`."""

from __future__ import annotations

from collections.abc import Callable

from auditor.reports.exports import croissant, hf_card, in_toto
from auditor.reports.exports.subject import Subject
from auditor.reports.faces import face

_FACES: dict[str, Callable[[Subject], str]] = {
    "croissant": croissant.document,
    "hf-card": hf_card.card,
    "in-toto": in_toto.statement,
}

TARGETS = tuple(_FACES)

__all__ = ["TARGETS", "Subject", "export"]


def export(subject: Subject, target: str) -> str:
    """The version as one of `TARGETS`, ending in a line feed.

    Raises ConfigError for an unknown target, and where what the standard asks for is not recorded.
    """
    return face(_FACES, target)(subject)
