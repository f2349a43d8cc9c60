"""A picture as a file of its own: with its title, what it is of, its caption and its ground, in light and dark.

Colours are written out, so that every viewer of SVG shows them (CSS variables are for browsers alone); a browser in
dark mode takes the dark ones.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import escape

from auditor.reports.escaping import one_line
from auditor.reports.figures import COLOURS, DARK, GROUND, INK, LIGHT, STRONG, letters

EDGE = 24
"""Around the picture."""

SCALE, PIXELS = 1.5, 600
"""Of a picture drawn in points, so that its letters are as large as those of the caption; what is as wide as this was
drawn in pixels."""

LARGE, SMALL, LEAD = 17.0, 12.5, 1.35
"""Sizes of letters, and of a line for its letters."""

MEAN, MEAN_BOLD = 0.53, 0.58
"""Width of a letter for its size, rather too wide: the font is the viewer's."""

_VIEW = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
_VARIABLE = re.compile(r"var\(--[a-z]+, (#[0-9a-f]{6})\)")


def plate(svg: str, title: str, caption: str, about: str) -> str:
    """The picture `svg` (of `figures.drawn` or `maps.scatter`) below its title and above its caption. about: which
    data; it and the others are plain text, and may be a stranger's."""
    seen = _VIEW.search(svg)
    assert seen is not None
    scale = 1.0 if float(seen[1]) >= PIXELS else SCALE
    wide, high = scale * float(seen[1]), scale * float(seen[2])
    width = wide + 2 * EDGE
    y = float(EDGE)
    parts: list[str] = []
    for text, size, mean, look in (
        (title, LARGE, MEAN_BOLD, f'font-weight="600" fill="{COLOURS[STRONG]}"'),
        (about, SMALL, MEAN, f'fill="{COLOURS[INK]}"'),
    ):
        for line in _lines(one_line(text, 300), wide / (size * mean)):
            y += size * LEAD
            parts.append(f'<text x="{EDGE}" y="{y - 4:.1f}" font-size="{size}" {look}>{escape(line)}</text>')
    y += 12
    parts.append(svg.replace("<svg ", f'<svg x="{EDGE}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" ', 1))
    y += high + 6
    for line in _lines(one_line(f"{caption[:1].upper()}{caption[1:]}", 600), wide / (SMALL * MEAN)):
        y += SMALL * LEAD
        parts.append(f'<text x="{EDGE}" y="{y:.1f}" font-size="{SMALL}" fill="{COLOURS[INK]}">{escape(line)}</text>')
    height = y + EDGE
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="0 0 {width:.1f} {height:.1f}" width="{width:.0f}" height="{height:.0f}" role="img" '
        f'font-family="system-ui, -apple-system, Segoe UI, Roboto, Noto Sans, Helvetica, Arial, sans-serif">'
    )
    head = f"<title>{escape(one_line(title, 300))}</title><style>{_DARK}</style>"
    ground = f'<rect width="100%" height="100%" fill="{COLOURS[GROUND]}"/>'
    return _VARIABLE.sub(r"\1", "".join([opening, head, ground, *parts, "</svg>"]))


_DARK = "@media (prefers-color-scheme: dark) {{ {} }}".format(
    " ".join(f'[{what}="{LIGHT[name]}"] {{ {what}: {DARK[name]} }}' for name in LIGHT for what in ("fill", "stroke"))
)


def _lines(text: str, most: float) -> Iterator[str]:
    """The text in lines of at most so many letters, of which wide ones are two; a word that is longer is cut."""
    line, taken = "", 0
    for word in text.split():
        for piece in _pieces(word, most):
            size = letters(piece)
            if line and taken + 1 + size > most:
                yield line
                line, taken = "", 0
            line, taken = (f"{line} {piece}", taken + 1 + size) if line else (piece, size)
    if line:
        yield line


def _pieces(word: str, most: float) -> Iterator[str]:
    while letters(word) > most:
        end = max(1, int(most / 2))
        yield word[:end]
        word = word[end:]
    yield word
