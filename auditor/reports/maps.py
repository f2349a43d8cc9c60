"""The map: synthetic rows over real ones, near where they are alike, with the dense parts of large patterns outlined.

A projection tears some patterns apart and spreads others out: an outline goes around each part of a pattern that lies
close together and is mostly that pattern's, and around nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from markupsafe import escape

from auditor.reports import wording
from auditor.reports.escaping import one_line
from auditor.reports.figures import BAR, COLOURS, GROUND, INK, MARK, REAL, STRONG, letters

WIDTH, HEIGHT, FOOT = 640, 480, 30
"""Of the map, and of the legend below it."""

MARGIN = 14

OUTLINED = 8
"""Patterns of a side that may be outlined, the largest first."""

NEAR = 14.0
"""Points of a pattern no farther apart than this are of one part: two or three times what lies between neighbours
where 4,000 points fill the map."""

LEAST, PART, OWN = 5, 0.15, 0.5
"""An outlined part has five points, 15 % of its pattern's, and is half of what lies within the outline."""

AIR = 7.0
"""From the points of a part to its outline: a tight part has a ring around it, and is not painted over."""

EDGE = 0.05
"""Share of the width: points nearer to others than that are drawn where they are, however far out."""

LETTER, LINE = 9.0, 21.0
"""Width of a letter and height of a line of a name where it is largest, on a phone."""

NAME, HOVER = 26, 100
"""Characters of a pattern's name, and of the row that a point tells."""

SIDES = ("real", "synthetic")
"""As they are drawn, synthetic over real."""

Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Part:
    """What is outlined: members of a pattern that lie together. size: the pattern's points on the map."""

    side: str
    name: str
    size: int
    at: Places


def told(points: pa.Table, totals: Mapping[str, int]) -> tuple[str, str]:
    """Title and caption. totals: rows of each side that there are."""
    sides = points.column("side").to_pylist()
    drawn = {side: sides.count(side) for side in reversed(SIDES) if side in sides}
    marks = {"synthetic": "filled dots", "real": "rings"}
    many = []
    for side, shown in drawn.items():
        of = f"of {totals[side]:,} " if totals.get(side, 0) > shown else ""
        many.append(f"{shown:,} {of}{side} rows ({marks[side]})")
    outlined = "outlined and named: dense parts of the largest patterns"
    if not parts(points):
        outlined = "no pattern is large and dense enough to be outlined"
    title = "Map of the rows over real ones" if "real" in drawn else "Map of the rows"
    return title, f"{' and '.join(many)}. Rows that are alike lie together; {outlined}. The axes have no meaning."


def scatter(points: pa.Table) -> str:
    """One mark a row, its text on hovering. points: x, y, side ("synthetic" | "real"), pattern, row, text, name."""
    found = parts(points)
    x, y = _numbers(points, "x"), _numbers(points, "y")
    corners = np.concatenate([part.at for part in found]) if found else np.zeros(0, np.intp)
    (across, beside), (up, above) = fitted(x, corners, WIDTH), fitted(y, corners, HEIGHT)
    up, beyond = HEIGHT - up, int(np.count_nonzero(beside | above))
    strays = f"; {wording.count(beyond, 'row')} farther out drawn on the edge" if beyond else ""
    sides = np.asarray(points.column("side").to_pylist(), object)
    shown = [side for side in SIDES if (sides == side).any()]
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT + FOOT}" role="img" class="map">',
            f"<title>{len(points):,} rows as points; those that are alike lie together{strays}</title>",
            *(mark for side in shown for mark in _marks(points, side, np.flatnonzero(sides == side), across, up)),
            *_outlines(found, across, up),
            *_legend(shown, {part.side for part in found}),
            "</svg>",
        ]
    )


def parts(points: pa.Table) -> list[Part]:
    """The dense parts of the largest patterns of each side, the largest pattern and the largest part first."""
    x, y = (
        _scaled(_numbers(points, axis), size) for axis, size in (("x", WIDTH - 2 * MARGIN), ("y", HEIGHT - 2 * MARGIN))
    )
    pattern = np.asarray(points.column("pattern"))
    sides = np.asarray(points.column("side").to_pylist(), object)
    names = points.column("name").to_pylist() if "name" in points.column_names else [""] * len(points)
    found = []
    for side in reversed(SIDES):
        here = np.flatnonzero(sides == side)
        members, counts = np.unique(pattern[here][pattern[here] >= 0], return_counts=True)
        for one in members[np.lexsort((members, -counts))][:OUTLINED]:
            mine = here[pattern[here] == one]
            for at in _together(x[mine], y[mine]):
                outline = hull(x[mine[at]], y[mine[at]], AIR)
                within = _inside(outline, x[here], y[here])
                if len(at) >= OWN * np.count_nonzero(within):
                    found.append(Part(side, str(names[mine[0]] or ""), len(mine), mine[at]))
    return found


def fitted(values: Doubles, corners: Places, size: int) -> tuple[Doubles, Mask]:
    """Places on an axis of `size`, and which values lie beyond it: a few that are far from everything do not press the
    rest together; those that follow one another closely, and all at `corners`, are within."""
    if not len(values):
        return values, np.zeros(0, np.bool_)
    low, high = np.quantile(values, (0.002, 0.998))
    low, high = -_close(-values, -low, EDGE * (high - low)), _close(values, high, EDGE * (high - low))
    if len(corners):
        low, high = min(low, values[corners].min()), max(high, values[corners].max())
    low, high = max(low, values.min()), min(high, values.max())
    span = (high - low) or 1.0
    placed = MARGIN + (size - 2 * MARGIN) * np.clip((values - low) / span, 0, 1)
    return placed, (values < low) | (values > high)


def hull(x: Doubles, y: Doubles, air: float) -> Doubles:
    """Corners of the convex outline that is `air` away from every point, [k, 2], in order: that of circles, as twelve
    points each, around the corners of the points themselves."""
    corners = _corners(np.stack((x, y), axis=1))
    turn = np.arange(12) * np.pi / 6
    circle = air * np.stack((np.cos(turn), np.sin(turn)), axis=1)
    return _corners((corners[:, None, :] + circle).reshape(-1, 2))


def _corners(points: Doubles) -> Doubles:
    """Of the convex hull, in order (Andrew 1979, Information Processing Letters 9:216)."""
    ordered = [(float(x), float(y)) for x, y in np.unique(np.round(points, 3), axis=0)]
    if len(ordered) < 3:
        return np.array(ordered)
    chains: list[tuple[float, float]] = []
    for way in (ordered, ordered[::-1]):
        chain: list[tuple[float, float]] = []
        for point in way:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], point) <= 0:
                chain.pop()
            chain.append(point)
        chains += chain[:-1]
    return np.array(chains)


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _inside(outline: Doubles, x: Doubles, y: Doubles) -> Mask:
    """Which points a convex outline holds."""
    held = np.ones(len(x), np.bool_)
    for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True):
        held &= (b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0]) >= 0
    return held


def _together(x: Doubles, y: Doubles) -> list[Places]:
    """Places of the parts whose points are a chain of near ones, the largest first."""
    left = np.ones(len(x), np.bool_)
    found = []
    for start in range(len(x)):
        if not left[start]:
            continue
        left[start], edge = False, np.array([start])
        part = [edge]
        while len(edge):
            rest = np.flatnonzero(left)
            away = np.hypot(x[rest, None] - x[edge], y[rest, None] - y[edge])
            edge = rest[(away <= NEAR).any(axis=1)]
            left[edge] = False
            part.append(edge)
        found.append(np.sort(np.concatenate(part)))
    found.sort(key=lambda part: (-len(part), int(part[0])))
    return [part for part in found if len(part) >= max(LEAST, PART * len(x))]


def _marks(points: pa.Table, side: str, at: Places, x: Doubles, y: Doubles) -> Iterator[str]:
    rows = points.column("row").to_pylist()
    texts = points.column("text").to_pylist() if "text" in points.column_names else [""] * len(points)
    yield f"<g {_look(side)}>"
    size = 2.4 if side == "synthetic" else 2.7
    for i in at:
        said = escape(one_line(f"{side} row {rows[i]}: {texts[i] or ''}", HOVER))
        yield f'<circle cx="{x[i]:.1f}" cy="{y[i]:.1f}" r="{size}"><title>{said}</title></circle>'
    yield "</g>"


def _look(side: str) -> str:
    if side == "real":
        return f'fill="none" stroke="{COLOURS[REAL]}" stroke-width="1" stroke-opacity="0.7" pointer-events="all"'
    return f'fill="{COLOURS[BAR]}" fill-opacity="0.8"'


def _line(side: str) -> str:
    """How the outlines of a side are drawn."""
    if side == "real":
        return f'fill="none" stroke="{COLOURS[REAL]}" stroke-width="1.4" stroke-dasharray="4 3"'
    return f'fill="none" stroke="{COLOURS[MARK]}" stroke-width="1.8"'


def _outlines(found: Sequence[Part], x: Doubles, y: Doubles) -> Iterator[str]:
    """Every outline with what it is of on hovering, and each pattern's name once, beside its largest part."""
    around = [hull(x[part.at], y[part.at], AIR) for part in found]
    for part, outline in zip(found, around, strict=True):
        corners = " ".join(f"{across:.1f},{up:.1f}" for across, up in outline)
        said = escape(one_line(f"{part.side}, {part.size:,} of the points: {part.name}", HOVER))
        yield f'<polygon points="{corners}" {_line(part.side)}><title>{said}</title></polygon>'
    boxes = [(*outline.min(axis=0), *outline.max(axis=0)) for outline in around]
    placed: list[Box] = []
    named = set()
    for part, box in zip(found, boxes, strict=True):
        if (part.side, part.name) in named or not part.name:
            continue
        named.add((part.side, part.name))
        name = one_line(", ".join(part.name.split(", ")[:2]), NAME)
        others = [*placed, *(other for other in boxes if other is not box)]
        if (place := _room(box, letters(name) * LETTER, others, x, y)) is not None:
            placed.append(place)
            at, anchor = (place[0] + place[2]) / 2, "middle"
            if place[0] > box[2]:
                at, anchor = place[0], "start"
            elif place[2] < box[0]:
                at, anchor = place[2], "end"
            yield (
                f'<text x="{at:.1f}" y="{place[3] - 6:.1f}" text-anchor="{anchor}" font-size="12" '
                f'paint-order="stroke" stroke="{COLOURS[GROUND]}" stroke-width="3.5" stroke-linejoin="round" '
                f'fill="{COLOURS[STRONG]}">{escape(name)}</text>'
            )


Box = tuple[float, float, float, float]
"""left, top, right, bottom."""


def _room(around: Box, width: float, taken: Sequence[Box], x: Doubles, y: Doubles) -> Box | None:
    """Where a name goes: above, below, right or left of its outline, on no other and over the fewest points; None
    where there is no room."""
    left, top, right, bottom = around
    middle, level = (left + right) / 2, (top + bottom) / 2
    middle = min(max(middle, width / 2 + 2), WIDTH - width / 2 - 2)
    tried = (
        (middle - width / 2, top - LINE - 1, middle + width / 2, top - 1),
        (middle - width / 2, bottom + 1, middle + width / 2, bottom + LINE + 1),
        (right + 3, level - LINE / 2, right + 3 + width, level + LINE / 2),
        (left - 3 - width, level - LINE / 2, left - 3, level + LINE / 2),
    )
    free = [
        (int(np.count_nonzero((x > box[0]) & (x < box[2]) & (y > box[1]) & (y < box[3]))), place, box)
        for place, box in enumerate(tried)
        if box[0] >= 0
        and box[2] <= WIDTH
        and box[1] >= 0
        and box[3] <= HEIGHT
        and not any(_meet(box, o) for o in taken)
    ]
    return min(free)[2] if free else None


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _legend(shown: Sequence[str], outlined: set[str]) -> Iterator[str]:
    y = HEIGHT + FOOT / 2
    yield f'<g fill="{COLOURS[INK]}" font-size="13">'
    x = float(MARGIN)
    for side in reversed(shown):
        yield f'<g {_look(side)}><circle cx="{x + 5:.1f}" cy="{y}" r="4.2"/></g>'
        yield f'<text x="{x + 16:.1f}" y="{y + 4.5}">{side}</text>'
        x += 28 + len(side) * LETTER
    for side in (side for side in reversed(SIDES) if side in outlined):
        words = f"pattern of {side}"
        yield f'<rect x="{x:.1f}" y="{y - 6}" width="22" height="12" rx="6" {_line(side)}/>'
        yield f'<text x="{x + 29:.1f}" y="{y + 4.5}">{words}</text>'
        x += 41 + len(words) * LETTER
    yield "</g>"


def _numbers(points: pa.Table, name: str) -> Doubles:
    return np.asarray(points.column(name), np.float64)


def _scaled(values: Doubles, size: float) -> Doubles:
    """To the map's own measure, roughly: outliers are beyond it."""
    if not len(values):
        return values
    low, high = np.quantile(values, (0.002, 0.998))
    scaled: Doubles = (values - low) * (size / ((high - low) or 1.0))
    return scaled


def _close(values: Doubles, end: float, step: float) -> float:
    """The farthest value that is reached from `end` by steps of at most `step`."""
    beyond = np.sort(values[values > end])
    far = np.flatnonzero(np.diff(beyond, prepend=end) > step)
    reached = beyond[: far[0]] if len(far) else beyond
    return float(reached[-1]) if len(reached) else float(end)
