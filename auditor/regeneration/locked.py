"""Writing a revision into `models.lock.yaml`: what stages take their models from, and what DVC watches."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from auditor.files import write_text
from auditor.model.errors import ConfigError
from auditor.registry import models
from auditor.registry.workspace import Workspace


def bump(revisions: Mapping[str, str], workspace: Workspace) -> dict[str, tuple[str | None, str]]:
    """Put these keys at these revisions; every other line, comments included, stays as it is.

    Returns what was changed: key -> (before, after). Raises ConfigError where the file is not flat.
    """
    before = models.locked(workspace)
    moved = {key: (before.get(key), new) for key, new in revisions.items() if before.get(key) != new}
    if not moved:
        return {}
    place = workspace.root / models.LOCK
    text = place.read_text("utf-8-sig") if place.is_file() else ""
    for key, (_, new) in moved.items():
        line = f"{key}: {json.dumps(new, ensure_ascii=False)}"
        found = re.compile(
            rf"""^(?P<q>["']?){re.escape(key)}(?P=q)[ \t]*:[^#\n\r"']*("[^"\n]*"|'[^'\n]*')?""", re.MULTILINE
        )
        if found.search(text):
            text = found.sub(lambda match, line=line: line + _gap(match[0]), text, count=1)  # type: ignore[misc]
        else:
            text = text + ("\n" if text and not text.endswith("\n") else "") + line + "\n"
    write_text(place, text)
    after = models.locked(workspace)
    wrong = next((key for key, (_, new) in moved.items() if after.get(key) != new), None)
    if wrong is not None:
        raise ConfigError(f"cannot write the revision of {wrong!r}", file=str(place), hint="give it a line of its own")
    return moved


def _gap(text: str) -> str:
    """The blanks before a comment that stands behind a value."""
    return text[len(text.rstrip(" \t")) :]
