"""What a source is now, as somebody found it who went to look."""

from __future__ import annotations

from dataclasses import dataclass

_PREFIX, _WHOLE = 8, 40
"""Characters from which a hexadecimal revision may stand for a whole hash, as git shows seven of forty."""


@dataclass(frozen=True, slots=True)
class Seen:
    """value: a revision or digest; None where it could not be looked up, and `why` not. also: other
    names of the same (an MLflow version's number beside its `revision` tag). by_itself: nobody said that this
    revision is in use: it is the newest that was trained here."""

    value: str | None
    why: str = ""
    also: tuple[str, ...] = ()
    by_itself: bool = False

    def agrees(self, recorded: str) -> bool:
        """Whether this is what was recorded, in whichever spelling."""
        names = [name for name in (self.value, *self.also) if name is not None]
        return any(recorded == name or _abbreviates(recorded, name) for name in names)


def _abbreviates(short: str, whole: str) -> bool:
    short, whole = short.removeprefix("sha256:"), whole.removeprefix("sha256:")
    hexadecimal = len(short) >= _PREFIX and all(c in "0123456789abcdef" for c in short)
    return hexadecimal and len(whole) >= _WHOLE and whole.startswith(short)
