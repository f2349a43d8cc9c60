"""Text from a dataset made harmless for each place it is shown in. Rows are hostile."""

from __future__ import annotations

import re
import unicodedata

_JOINERS = "\u200c\u200d"  # between letters of Persian and Indic scripts, and inside emoji: text, not tricks
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Characters of XML 1.0, section 2.2; anything else makes the whole document unreadable.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~^$<>&-])")
_URL = re.compile(r"(?i)\b(https?|ftp|www)(?=[:.])")
_MENTION = re.compile(r"(@(?=[A-Za-z0-9])|#(?=\d)|\bGH(?=-\d))")


def visible(text: str, keep: str = "") -> str:
    """Control, bidirectional, invisible and unassigned characters as escapes: ESC becomes `\\x1b`.

    keep: characters to leave as they are, such as a line feed where lines are shown.
    """
    if text.isprintable():
        return text
    return "".join(c if c in keep or _harmless(c) else _escape(c) for c in text)


def one_line(text: str, length: int = 240) -> str:
    """`visible` on one line, white space joined, cut at `length` characters."""
    joined = visible(" ".join(text[: 8 * length].split()))
    return joined if len(joined) <= length else joined[: length - 1] + "…"


def xml(text: str) -> str:
    """Text with every character that XML 1.0 cannot hold made visible (quoting is the writer's)."""
    return _NOT_XML.sub(lambda m: _escape(m[0]), text)


def markdown(text: str, length: int = 240) -> str:
    """One line that Markdown shows as written: no markup, HTML, table cell, link or @mention.

    Characters are escaped by backslash or entity (CommonMark 0.31, sections 2.4 and 2.5); mentions,
    issue numbers and bare URLs, which GitHub links without markup, are broken by a zero-width space.
    """
    unlinked = _MENTION.sub("\\1\u200b", _URL.sub("\\1\u200b", one_line(text, length)))
    return _MARKDOWN.sub(_entity, unlinked)


def command_value(text: str) -> str:
    """The message of a GitHub workflow command (`escapeData` of actions/toolkit)."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """A property of a GitHub workflow command (`escapeProperty` of actions/toolkit)."""
    return command_value(text).replace(":", "%3A").replace(",", "%2C")


def _entity(match: re.Match[str]) -> str:
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;", "|": "&#124;", "`": "&#96;"}.get(match[1], "\\" + match[1])


def _harmless(c: str) -> bool:
    return c.isprintable() or c in _JOINERS or unicodedata.category(c) not in _HIDDEN


def _escape(c: str) -> str:
    code = ord(c)
    if c in _SHORT:
        return _SHORT[c]
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
