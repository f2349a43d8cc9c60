"""What can go wrong, as a tree.

    AuditorError                  exit 2 unless said otherwise
    ├── InputError                a dataset cannot be read, or is not what it claims to be
    │   ├── UnreadableFile        missing, forbidden, truncated, binary, a directory with no data
    │   ├── UnknownShape          the records were read, and nothing in them is trainable text
    │   └── TooManyBadRows        more rows went to the quarantine than --max-bad-rows allows
    ├── ConfigError               settings, policy, waivers or arguments; unknown names carry a suggestion
    ├── MissingPackage            an optional package is wanted and not installed
    └── StorageError              the disk is full, the workspace is not writable or is locked

Every message says what was seen, what was wanted and what to try.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AuditorError(Exception):
    """Any failure that is the caller's to mend. `str()` is the whole message."""

    exit_code = 2

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        seen: str | None = None,
        wanted: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.message, self.file, self.line = message, file, line
        self.seen, self.wanted, self.hint = seen, wanted, hint
        super().__init__(self._text())

    def _text(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        lines = [f"{place}: {self.message}" if place else self.message]
        for label, value in (("seen", self.seen), ("wanted", self.wanted), ("try", self.hint)):
            if value:
                lines.append(f"  {label}: {value}")
        return "\n".join(lines)


class InputError(AuditorError):
    """A dataset cannot be read, or is not what it claims to be."""


class UnreadableFile(InputError):
    """Missing, forbidden, truncated, binary, or a directory with no data."""


class UnknownShape(InputError):
    """The records were read, and nothing in them is trainable text."""


class TooManyBadRows(InputError):
    """More rows went to the quarantine than `--max-bad-rows` allows."""


class ConfigError(AuditorError):
    """Settings, a policy, waivers or arguments are wrong."""


class MissingPackage(AuditorError):
    """An optional package is wanted and not installed."""


class StorageError(AuditorError):
    """The disk is full, or the workspace is not writable or is locked."""


def suggest(name: str, known: Iterable[str]) -> str:
    """`did you mean 'near-duplicates'?`, or the known names where nothing is close."""
    names = sorted(known)
    if not names:
        return "there is none yet"
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
