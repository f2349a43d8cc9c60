"""Keeping passwords out of everything that is written or shown."""

from __future__ import annotations

import re
from urllib.parse import unquote, urlsplit

MASK = "***"

_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^\s/?#'\"<>]*@")
# Names of query and header fields that carry a secret in the tracking servers and databases we know.
_FIELD = re.compile(
    r"(?i)\b((?:access[_-]?)?token|password|passwd|pwd|secret|api[_-]?key|sig|signature|authorization)"
    r"(\s*[=:]\s*)(?:(basic|bearer)\s+)?[^\s&;,'\"<>]+"
)


def redact(text: str, *uris: str | None) -> str:
    """`text` without the user and password of any URI, without secret fields, and without the
    credentials of the given URIs wherever they stand, percent-encoded or not."""
    for uri in uris:
        for secret in _credentials(uri or ""):
            text = text.replace(secret, MASK)
    text = _USERINFO.sub(rf"\1{MASK}@", text)
    return _FIELD.sub(rf"\1\2{MASK}", text)


def bare(uri: str) -> str:
    """The URI without user, password, query and fragment: what may be kept of it.

    `http://u:p@host:5000/x?token=y` -> `http://host:5000/x`. Two URIs with equal `bare` are one server.
    """
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]*://)[^/?#]*@", r"\1", re.split(r"[?#]", uri, maxsplit=1)[0])


def _credentials(uri: str) -> list[str]:
    """Longest first, so that a short one never breaks a longer one apart."""
    try:
        parts = urlsplit(uri)
        given = [parts.password, parts.netloc.rpartition("@")[0]]
    except ValueError:
        return []
    found = {secret for value in given if value for secret in (value, unquote(value))}
    # Under four characters everything would match; such a password hides nothing.
    return sorted((secret for secret in found if len(secret) > 3), key=len, reverse=True)
