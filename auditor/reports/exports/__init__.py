"""A registered version as standards have it. OpenLineage, which is events, is in `trackers`."""

from __future__ import annotations

from auditor.model.errors import ConfigError, suggest
from auditor.reports.exports.subject import Subject

TARGETS = ("croissant", "hf-card", "in-toto")

__all__ = ["TARGETS", "Subject", "export"]


def export(subject: Subject, target: str) -> str:
    """The version as one of `TARGETS`, ending in a line feed.

    Raises ConfigError for an unknown target, and where what the standard asks for is not recorded.
    """
    if target == "croissant":
        from auditor.reports.exports.croissant import document

        return document(subject)
    if target == "hf-card":
        from auditor.reports.exports.hf_card import card

        return card(subject)
    if target == "in-toto":
        from auditor.reports.exports.in_toto import statement

        return statement(subject)
    raise ConfigError(f"cannot export to {target!r}", hint=suggest(target, TARGETS))
