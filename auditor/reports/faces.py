"""A face by its name: every document has a table of them, and every table is asked in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from auditor.model.errors import ConfigError, suggest

Face = TypeVar("Face")


def face(faces: Mapping[str, Face], format: str) -> Face:  # noqa: A002  the command line's word
    """The face of that format. Raises ConfigError for an unknown one."""
    if format not in faces:
        raise ConfigError(f"unknown format {format!r}", hint=suggest(format, faces))
    return faces[format]
