"""Which text of a row a room looks at."""

from __future__ import annotations

SCOPES = ("text", "prompt", "response")


def refuse_scope(scope: str) -> None:
    """ValueError where the scope is none of SCOPES."""
    if scope not in SCOPES:
        raise ValueError(f"scope is {scope!r}, and must be one of {', '.join(SCOPES)}")
