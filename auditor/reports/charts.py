"""Pictures of data against real data: the map of both, pattern sizes, lost regions, metrics over versions.

What they need lies in a measurement's tables and exhibits. Synthetic is drawn filled, real as an outline or in
ochre (Tol, "Colour schemes", 2021: blue and ochre differ in every kind of colour blindness, and in grey).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from markupsafe import escape

from auditor.model.result import Exhibit
from auditor.reports import wording
from auditor.reports.escaping import one_line
from auditor.reports.figures import BAR, INK, REAL, drawn, figure_of, label

OUTLINED = 8
"""Patterns of the map that have an outline and a name."""

WIDTH, HEIGHT, LABEL = 640, 480, (190.0, 21.0)
"""Of the map, and the room that a name on it takes where it is largest, on a phone."""

AIR = 0.05
"""Of the width of the outlined patterns, left free around them, as a tenth of their points lies outside their outline;
and of the whole: points nearer to others than that are drawn where they are."""

REGIONS = 14
"""Lost regions drawn; the rest is in the table."""

FLOOR = 0.01
"""Multiple of the first version below which a metric is drawn as there: a logarithm of 0 has no place."""

TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)

HOVER = 160
"""Characters of a row that a point tells."""

Doubles = npt.NDArray[np.float64]
Drawing = tuple[Callable[[], str], str]


def of(check: str, tables: Mapping[str, pa.Table], exhibits: Sequence[Exhibit], style: Path, key: str) -> list[Drawing]:
    """(draw, caption) of every picture that these measurements allow. key: prefix of ids, unique on the page."""
    found: list[Drawing] = []
    if check == "few-patterns" and "map" in tables:
        beside = " over real (ochre)" if "real" in tables["map"].column("side").to_pylist() else ""
        told = f"Map of the rows{beside}: near is alike; the largest patterns outlined"
        found.append((partial(scatter, tables["map"]), told))
    if check == "few-patterns" and "sizes" in tables:
        found.append((partial(sizes, tables["sizes"], style, f"{key}-s"), "Rows of each pattern, largest first"))
    for exhibit in exhibits:
        if exhibit.name == "lost_tails.regions" and exhibit.rows:
            found.append((partial(regions, exhibit, style, f"{key}-r"), "The regions that miss most"))
        if exhibit.name == "generation_trend.series" and _series(exhibit):
            found.append(
                (partial(series, exhibit, style, f"{key}-t"), "Metrics over the versions, as multiples of the first")
            )
    return found


def scatter(points: pa.Table) -> str:
    """One circle a row, its text on hovering. points: x, y, side ("synthetic" | "real"), pattern, row, text."""
    x, y = (np.asarray(points.column(name), np.float64) for name in ("x", "y"))
    side, pattern = points.column("side").to_pylist(), np.asarray(points.column("pattern"))
    texts = points.column("text").to_pylist() if "text" in points.column_names else [""] * len(points)
    names = points.column("name").to_pylist() if "name" in points.column_names else [""] * len(points)
    own = np.array([one != "real" for one in side], np.bool_) & (pattern >= 0)
    members, counts = np.unique(pattern[own], return_counts=True)
    outlined = members[np.lexsort((members, -counts))][:OUTLINED]
    hulls = [mine[_hull(x[mine], y[mine])] for one in outlined for mine in [np.flatnonzero(own & (pattern == one))]]
    hulls = [hull for hull in hulls if len(hull)]
    corners = np.concatenate(hulls) if hulls else np.zeros(0, np.intp)
    (across, beside), (up, above) = _fitted(x, corners, WIDTH, 12), _fitted(y, corners, HEIGHT, 12)
    up, beyond = HEIGHT - up, int(np.count_nonzero(beside | above))
    strays = f"; {wording.count(beyond, 'row')} farther out drawn on the edge" if beyond else ""
    rows = points.column("row").to_pylist()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="map">',
        f"<title>{len(points):,} rows as points; those that are alike lie together{strays}</title>",
    ]
    order = sorted(range(len(points)), key=lambda i: side[i] != "real")  # synthetic over real
    for i in order:
        ink = "var(--real, #997700)" if side[i] == "real" else "var(--bar, #4477aa)"
        told = escape(one_line(f"{side[i]} row {rows[i]}: {texts[i] or ''}", HOVER))
        parts.append(
            f'<circle cx="{across[i]:.1f}" cy="{up[i]:.1f}" r="2.6" fill="{ink}" fill-opacity="0.55">'
            f"<title>{told}</title></circle>"
        )
    placed: list[tuple[float, float]] = []
    for hull in hulls:
        outline = " ".join(f"{across[i]:.1f},{up[i]:.1f}" for i in hull)
        parts.append(f'<polygon points="{outline}" fill="none" stroke="var(--mark, #c2410c)" stroke-width="1.4"/>')
        middle, top = float(across[hull].mean()), max(14.0, float(up[hull].min()) - 4)
        if all(abs(middle - x) > LABEL[0] or abs(top - y) > LABEL[1] for x, y in placed):
            placed.append((middle, top))
            anchor = "start" if middle < LABEL[0] / 2 else "end" if middle > WIDTH - LABEL[0] / 2 else "middle"
            name = escape(one_line(", ".join((names[hull[0]] or "").split(", ")[:2]), 32))
            parts.append(
                f'<text x="{middle:.1f}" y="{top:.1f}" text-anchor="{anchor}" font-size="12" paint-order="stroke" '
                f'stroke="var(--sunk, #f3f3f0)" stroke-width="3" fill="var(--ink, #1b1f23)">{name}</text>'
            )
    return "".join([*parts, "</svg>"])


def sizes(table: pa.Table, style: Path, key: str) -> str:
    """Rank against size on two logarithmic axes, a line a side."""
    figure, axes = figure_of(style)
    told = []
    for side, ink in (("synthetic", BAR), ("real", REAL)):
        mine = table.filter(pa.array([one == side for one in table.column("side").to_pylist()]))
        if len(mine):
            rank, size = np.asarray(mine.column("rank")), np.asarray(mine.column("size"))
            axes.step(rank, size, where="post", color=ink, linewidth=1.8, label=side)
            told.append(f"{side}: {len(mine):,} patterns, the largest of {int(size.max()):,} rows")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("pattern, by size")
    axes.set_ylabel("rows")
    if len(told) > 1:
        axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    return drawn(figure, key, "; ".join(told))


def regions(exhibit: Exhibit, style: Path, key: str) -> str:
    """Real and synthetic rows of the first regions, a pair of bars each."""
    heads = [column.lower() for column in exhibit.columns]
    real, ours = heads.index("real rows"), heads.index("synthetic rows")
    rows = [row for row in exhibit.rows if isinstance(row[real], int | float)][:REGIONS]
    figure, axes = figure_of(style, height=0.7 + 0.3 * max(1, len(rows)))
    places = np.arange(len(rows))[::-1]
    axes.barh(places + 0.19, [float(row[real] or 0) for row in rows], 0.36, color=REAL, label="real")
    axes.barh(places - 0.19, [float(row[ours] or 0) for row in rows], 0.36, color=BAR, label="synthetic")
    axes.set_yticks(places, [label(str(row[0])) for row in rows])
    axes.set_xlabel("rows, of as many on both sides")
    axes.grid(axis="y", visible=False)
    axes.legend(frameon=False, fontsize=8.5, labelcolor=INK)
    return drawn(figure, key, "; ".join(f"{row[0]}: real {row[real]}, synthetic {row[ours]}" for row in rows))


def series(exhibit: Exhibit, style: Path, key: str) -> str:
    """Each metric over the versions, as a multiple of its first value on a logarithmic axis (half and twice are as far
    apart), named from the highest end to the lowest. exhibit: a row a metric, a column a version."""
    versions = _versions(exhibit)
    figure, axes = figure_of(style, height=2.6)
    marks = ("o", "s", "^", "D", "v", "P", "X", "*")
    shown = _series(exhibit)[: len(marks)]
    told = [f"{metric} {known[-1][1]:.2f}" for metric, known in shown]
    names = [wording.label(metric) for metric, _ in shown]
    for mark, (metric, known) in zip(marks, sorted(shown, key=lambda one: (-one[1][-1][1], one[0])), strict=False):
        name = wording.label(metric)
        name = name if names.count(name) == 1 and name != "rate" else metric.replace("_", " ").replace(".", " ")
        places, values = zip(*known, strict=True)
        drawn_at = [max(value, FLOOR) for value in values]
        axes.plot(places, drawn_at, marker=mark, markersize=4, linewidth=1.2, color=BAR, label=label(name))
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_yticks(ticks, [f"{tick:g}×" for tick in ticks])
    axes.minorticks_off()
    axes.set_xticks(range(len(versions)), [exhibit.columns[at].removeprefix("version ") for at in versions])
    axes.set_xlabel("version")
    axes.axhline(1, color=INK, linewidth=0.8)
    axes.legend(frameon=False, fontsize=7.5, labelcolor=INK, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn(figure, key, "as multiples of the first version: " + "; ".join(told))


def _versions(exhibit: Exhibit) -> list[int]:
    return [place for place, head in enumerate(exhibit.columns) if head.startswith("version ")]


def _series(exhibit: Exhibit) -> list[tuple[str, list[tuple[int, float]]]]:
    """(metric, [(place, share of its first value)]) of the metrics that have a first value to be a share of."""
    found = []
    for row in exhibit.rows:
        known = [
            (place, float(v)) for place, at in enumerate(_versions(exhibit)) if isinstance(v := row[at], int | float)
        ]
        if known and known[0][1]:
            found.append((str(row[0]), [(place, value / known[0][1]) for place, value in known]))
    return found


def _fitted(
    values: Doubles, corners: npt.NDArray[np.intp], size: int, margin: int
) -> tuple[Doubles, npt.NDArray[np.bool_]]:
    """Places on an axis of `size`, and which values lie beyond it: a few that are far from everything do not press the
    rest together; those that follow one another closely, and every corner of an outline, are within."""
    if not len(values):
        return values, np.zeros(0, np.bool_)
    low, high = np.quantile(values, (0.002, 0.998))
    low, high = -_close(-values, -low, AIR * (high - low)), _close(values, high, AIR * (high - low))
    if len(corners):
        air = AIR * np.ptp(values[corners])
        low, high = min(low, values[corners].min() - air), max(high, values[corners].max() + air)
    low, high = max(low, values.min()), min(high, values.max())
    span = (high - low) or 1.0
    placed = margin + (size - 2 * margin) * np.clip((values - low) / span, 0, 1)
    return placed, (values < low) | (values > high)


def _close(values: Doubles, end: float, step: float) -> float:
    """The farthest value that is reached from `end` by steps of at most `step`."""
    beyond = np.sort(values[values > end])
    far = np.flatnonzero(np.diff(beyond, prepend=end) > step)
    reached = beyond[: far[0]] if len(far) else beyond
    return float(reached[-1]) if len(reached) else float(end)


def _hull(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> list[int]:
    """Places of the convex hull's corners in order; none for points on a line."""
    from matplotlib.tri import Triangulation

    inner = _core(x, y)
    if len(inner) < 3:
        return []
    try:
        mesh = Triangulation(x[inner], y[inner])
    except (RuntimeError, ValueError):  # all on one line, or fewer than three places
        return []
    following = {}
    for triangle, neighbours in zip(mesh.triangles, mesh.neighbors, strict=True):
        for corner in range(3):
            if neighbours[corner] == -1:
                following[int(triangle[corner])] = int(triangle[(corner + 1) % 3])
    start = at = min(following)
    corners = [at]
    while following.get(at, start) != start and len(corners) <= len(following):
        at = following[at]
        corners.append(at)
    return [int(inner[corner]) for corner in corners]


def _core(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Places of the nine tenths nearest to the middle: one stray point does not stretch an outline."""
    away = np.hypot(x - np.median(x), y - np.median(y))
    return np.flatnonzero(away <= np.quantile(away, 0.9))
