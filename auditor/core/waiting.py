"""How long a server asks to be left alone."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping


def after(headers: Mapping[str, str], most: float) -> float | None:
    """Seconds of Retry-After, which is a number or a date (RFC 9110, 10.2.3), at most `most`; None where it says
    neither."""
    given = headers.get("retry-after", "").strip()
    if given.isascii() and given.replace(".", "", 1).isdigit():
        return min(float(given), most)
    try:
        at = email.utils.parsedate_to_datetime(given).timestamp()
    except (ValueError, TypeError):
        return None
    return min(max(0.0, at - time.time()), most)
