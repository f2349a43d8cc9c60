"""Pictures of data against real data: pattern sizes, lost regions, metrics over versions, tables with bars.

What they need lies in a measurement's tables and exhibits.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from auditor.model.result import Exhibit, Number
from auditor.reports import exhibits, maps, wording
from auditor.reports.figures import (
    BAR,
    FAINT,
    GROUND,
    INK,
    MARK,
    REAL,
    STRONG,
    Drawing,
    drawn,
    figure_of,
    label,
    rows_of,
    sides,
)  # fmt: skip

REGIONS = 14
"""Lost regions drawn; the rest is in the table."""

SERIES = 8
"""Metrics over versions that are drawn, those that decline first."""

BARS = 20
"""Rows of a table that are drawn."""

_PLACE = re.compile(r"(version|round|generation|iteration) \S+", re.IGNORECASE)
_SIDE = re.compile(r"(data|real)( \(.*\))?")
"""Heads of columns that tell what the two sides have."""

FLOOR = 0.01
"""Multiple of the first version below which a metric is drawn as there: a logarithm of 0 has no place."""

LEAD = 1.25
"""Height of a line, in the size of its letters."""

LETTERS = 28
"""Of a metric's name on one line beside its strip."""


@dataclass(frozen=True, slots=True)
class Course:
    """A metric over the versions. places: which of the versions have it. more: whether more is better. verdict: how it
    declines, or nothing."""

    metric: str
    places: tuple[int, ...]
    values: tuple[float, ...]
    more: bool
    verdict: str

    @property
    def multiples(self) -> tuple[float, ...]:
        """Of the first value; of one that starts at 0 there are none."""
        return tuple(value / self.values[0] for value in self.values) if self.values[0] else ()

    @property
    def change(self) -> str:
        """`+12%`, `0 to 0.94`."""
        if self.multiples:
            return f"{100 * (self.multiples[-1] - 1):+.0f}%".replace("-", "\N{MINUS SIGN}").replace("+0%", "0%")
        return f"0 to {wording.quantity(self.values[-1], '')}"


def of(
    check: str, tables: Mapping[str, pa.Table], shown: Sequence[Exhibit], style: Path, key: str,
    totals: Mapping[str, int],
) -> list[Drawing]:  # fmt: skip
    """Every picture that these measurements allow. key: prefix of ids, unique on the page. totals: rows of a side."""
    found: list[Drawing] = []
    if check == "few-patterns" and "map" in tables:
        title, caption = maps.told(tables["map"], totals)
        found.append(Drawing("map", title, caption, partial(maps.scatter, tables["map"])))
    if check == "few-patterns" and "sizes" in tables:
        title, caption = _of_sizes(tables["sizes"])
        found.append(Drawing("sizes", title, caption, partial(sizes, tables["sizes"], style, f"{key}-s")))
    for exhibit in shown:
        if exhibit.name == "lost_tails.regions" and exhibit.rows:
            title, caption = "Topics of the real data that are missing most", f"Rows of each topic {exhibit.note}."
            found.append(Drawing("regions", title, caption, partial(regions, exhibit, style, f"{key}-r")))
        if exhibit.name.startswith("generation_trend.") and (known := _series(exhibit)):
            step = _step(exhibit)
            drawing = partial(series, exhibit, style, f"{key}-{step}")
            found.append(
                Drawing(f"{step}s", f"Diversity and tails over the {step}s", _of_series(exhibit, known), drawing)
            )
    return found


def sizes(table: pa.Table, style: Path, key: str) -> str:
    """Rank against size on two logarithmic axes, a line a side; the largest is told at its beginning."""
    figure, axes = figure_of(style, height=2.2)
    lines = {side: _sizes(table, side) for side in ("synthetic", "real")}
    lines = {side: size for side, size in lines.items() if len(size)}
    looks: dict[str, dict[str, Any]] = {
        "synthetic": {"color": BAR, "linewidth": 2.6},
        "real": {"color": REAL, "linewidth": 1.6, "linestyle": (0, (4, 1.6))},
    }
    highest = max(lines, key=lambda side: int(lines[side].max()))
    for side, size in lines.items():
        rank = np.arange(1, len(size) + 1)
        axes.step([*rank, len(size) + 1], [*size, size[-1]], where="post", label=side, **looks[side])
        at = "bottom" if side == highest else "top"
        shift = (1, 3) if side == highest else (1, -3)
        axes.annotate(
            f"{int(size.max()):,}", (1, size.max()), shift, textcoords="offset points", va=at, fontsize=8, color=STRONG
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(0.7, 2.2 * max(int(size.max()) for size in lines.values()))
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("pattern, largest first")
    axes.set_ylabel("rows")
    if len(lines) > 1:
        sides(axes)
    told = (f"{side}: {len(size):,} patterns, the largest of {int(size.max()):,} rows" for side, size in lines.items())
    return drawn(figure, key, "; ".join(told))


def _sizes(table: pa.Table, side: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    mine = table.filter(pa.array([one == side for one in table.column("side").to_pylist()], pa.bool_()))
    return np.asarray(mine.column("size"), np.int64)


def _of_sizes(table: pa.Table) -> tuple[str, str]:
    found = {side: _sizes(table, side) for side in ("synthetic", "real")}
    many = {side: f"{wording.count(len(size), 'pattern')}" for side, size in found.items() if len(size)}
    rows = {side: int(size.sum()) for side, size in found.items() if len(size)}
    told = " and ".join(f"{many[side]} in {rows[side]:,} {side} rows" for side in many)
    return "Rows of each pattern", f"{told}. High on the left and ended early: few patterns, said over and over."


def regions(exhibit: Exhibit, style: Path, key: str) -> str:
    """Real and synthetic rows of the first regions, a pair of bars each below its name."""
    heads = [column.lower() for column in exhibit.columns]
    real, ours = heads.index("real rows"), heads.index("synthetic rows")
    rows = [row for row in exhibit.rows if isinstance(row[real], int | float)][:REGIONS]
    figure, axes = figure_of(style, height=0.75 + 0.46 * max(1, len(rows)))
    places = np.arange(len(rows))[::-1]
    for side, column, ink, shift in (("synthetic", ours, BAR, -0.24), ("real", real, REAL, 0.03)):
        many = [float(row[column] or 0) for row in rows]
        axes.barh(places + shift, many, 0.22, color=ink, label=side)
        for place, value in zip(places + shift, many, strict=True):
            axes.annotate(
                f"{value:,.0f}", (value, place), (3, 0), textcoords="offset points", va="center_baseline", fontsize=7,
                color=INK, in_layout=False,
            )  # fmt: skip
    for place, row in zip(places, rows, strict=True):
        axes.text(0, place + 0.2, label(str(row[0]), 52), va="bottom", fontsize=8.5, color=STRONG, in_layout=False)
    axes.set_ylim(-0.5, len(rows) - 0.35)
    axes.set_yticks([])
    axes.margins(x=0.1)
    axes.set_xlabel("rows")
    axes.grid(axis="y", visible=False)
    sides(axes)
    return drawn(figure, key, "; ".join(f"{row[0]}: real {row[real]}, synthetic {row[ours]}" for row in rows))


def table(exhibit: Exhibit, style: Path, key: str) -> str:
    """The column of an exhibit that is drawn, a bar a row, with its interval where the exhibit has one, and what stands
    in its columns of data and real beside it."""
    heads, cells, _ = exhibits.table(exhibit, BARS)
    place, many = heads.index(exhibit.bar), len(cells)
    at = {head: exhibit.columns.index(head) for head in heads}
    names = [column for column in range(place) if _is_text(exhibit, at[heads[column]])] or [0]
    beside = [column for column, head in enumerate(heads) if _SIDE.fullmatch(head)]
    figure, (axes,) = rows_of(style, 1, 0.24 * many + 0.3, 0.4, (0.3, 0.62 if beside else 0.97), width=5.8)
    for line, (row, cell) in enumerate(zip(exhibit.rows, cells, strict=False)):
        y, value = float(many - 1 - line), _number(row[at[exhibit.bar]])
        ends = [value]
        axes.barh(y, value, 0.62, color=BAR)
        if {"low", "high"} <= set(heads):
            ends += [_number(row[at["low"]]), _number(row[at["high"]])]
            axes.plot(ends[1:], [y, y], color=STRONG, linewidth=1.2)
        axes.annotate(
            label(cell[place], 16), (max(ends), y), (4, 0), textcoords="offset points", va="center", fontsize=8,
            color=STRONG,
        )  # fmt: skip
        axes.annotate(
            label(" · ".join(cell[name] for name in names), 29), (0, y), (-5, 0), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", va="center", fontsize=8.5, color=STRONG,
        )  # fmt: skip
        for nth, column in enumerate(beside):
            where = (1.06 + 0.6 * nth, y)
            axes.annotate(
                label(cell[column], 18), where, xycoords=("axes fraction", "data"), va="center", fontsize=8, color=INK
            )
    for nth, column in enumerate(beside):
        head = heads[column].partition(" (")[0]
        where = (1.06 + 0.6 * nth, many - 0.3)
        axes.annotate(head, where, xycoords=("axes fraction", "data"), va="center", fontsize=8, color=STRONG)
    axes.set_yticks([])
    axes.set_ylim(-0.6, many + 0.1)
    axes.margins(x=0.24 if beside else 0.12)
    axes.set_xlim(
        left=min(0.0, axes.get_xlim()[0]) if any(_number(row[at[exhibit.bar]]) < 0 for row in exhibit.rows) else 0.0
    )
    axes.set_xlabel(label(exhibit.bar, 40))
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    return drawn(figure, key, "; ".join(f"{cell[names[0]]} {cell[place]}" for cell in cells))


def _is_text(exhibit: Exhibit, place: int) -> bool:
    return any(isinstance(row[place], str) for row in exhibit.rows)


def _number(value: str | Number | None) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def series(exhibit: Exhibit, style: Path, key: str) -> str:
    """A strip a metric over the versions, as multiples of its first value on one logarithmic scale (half and twice are
    as far apart), with the side that is worse shaded; one that starts at 0 from there to its greatest. exhibit: a row
    a metric, a column a version."""
    versions = _versions(exhibit)
    shown = _series(exhibit)[:SERIES]
    figure, strips = rows_of(style, len(shown), 0.5, 0.42, (0.41, 0.76))
    values = [max(FLOOR, min(1 / FLOOR, value)) for one in shown for value in one.multiples]
    low, high = min([0.8, *values]), max([1.25, *values])
    edge = (high / low) ** 0.12  # room for a point at the end of the scale
    low, high = low / edge, high * edge
    for axes, one, name in zip(strips, shown, _names([one.metric for one in shown]), strict=True):
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        if one.multiples:
            axes.axhspan(*((low, 1) if one.more else (1, high)), color=FAINT, alpha=0.55, linewidth=0)
            axes.axhline(1, color=INK, linewidth=0.8)
            heights = [max(low, min(high, value)) for value in one.multiples]
        else:
            if not one.more:
                axes.axhspan(low, high, color=FAINT, alpha=0.55, linewidth=0)
            axes.axhline(low, color=INK, linewidth=0.8)
            top = max(map(abs, one.values)) or 1.0
            heights = [low * (high / low) ** (0.85 * abs(value) / top) for value in one.values]
        ink, heavy = (MARK, 1) if one.verdict else (BAR, 0)
        axes.plot(
            one.places, heights, marker="o", markersize=3.8 + heavy, linewidth=1.2 + heavy, color=ink, clip_on=False,
            markerfacecolor=ink if heavy else GROUND, zorder=3,
        )  # fmt: skip
        better = f"{'more' if one.more else 'less'} is better"
        _beside(axes, -1.14, [*((line, 8.5, STRONG) for line in name), (better, 7, INK)])
        _beside(axes, 1.06, [(one.change, 8.5, MARK if heavy else STRONG), (label(one.verdict, 24), 7, MARK)])
        axes.set_yticks([])
        axes.minorticks_off()
        axes.grid(visible=False)
        axes.spines["bottom"].set_visible(axes is strips[-1])
        axes.tick_params(axis="x", length=3 if axes is strips[-1] else 0)
    strips[-1].set_xlim(-0.25, len(versions) - 0.75)
    strips[-1].set_xticks(range(len(versions)), [exhibit.columns[at].partition(" ")[2] for at in versions])
    strips[-1].set_xlabel(_step(exhibit))
    told = "; ".join(f"{wording.metric(one.metric)} {one.change}" for one in shown)
    return drawn(figure, key, f"from the first {_step(exhibit)} to the last: {told}")


def _beside(axes: Any, x: float, lines: Sequence[tuple[str, float, str]]) -> None:
    """Lines of (words, size, colour) beside a strip, together in the middle of its height. x: in widths of it."""
    written = [line for line in lines if line[0]]
    y = sum(size for _, size, _ in written) * LEAD / 2
    for words, size, colour in written:
        axes.annotate(
            words, (x, 0.5), (0, y), xycoords="axes fraction", textcoords="offset points", va="top", fontsize=size,
            color=colour, annotation_clip=False,
        )  # fmt: skip
        y -= size * LEAD


def _names(metrics: Sequence[str]) -> list[list[str]]:
    """Of each metric its name in words, on a line or two."""
    found = (textwrap.wrap(name.replace(":", ""), LETTERS) for name in wording.metrics(metrics))
    return [[label(line, LETTERS) for line in lines[:2]] for lines in found]


def _of_series(exhibit: Exhibit, known: Sequence[Course]) -> str:
    """What the strips are, and which metrics are not among them."""
    step = _step(exhibit)
    told = [f"Multiples of the first {step} (the line), on one logarithmic scale."]
    if any(not one.values[0] for one in known[:SERIES]):
        told.append("What starts at 0 is drawn from there to its greatest.")
    told.append("Shaded: worse than at first. Heavy: declines beyond chance.")
    if len(known) > SERIES:
        told.append(f"{SERIES} of {len(known)}, those that decline first; the others are in the table.")
    if few := len(exhibit.rows) - len(known):
        told.append(f"{wording.count(few, 'metric')} without two values {'is' if few == 1 else 'are'} not drawn.")
    return " ".join(told)


def _versions(exhibit: Exhibit) -> list[int]:
    """Columns of versions, or of rounds."""
    return [place for place, head in enumerate(exhibit.columns) if _PLACE.fullmatch(head)]


def _step(exhibit: Exhibit) -> str:
    return exhibit.columns[_versions(exhibit)[0]].partition(" ")[0].lower()


def _series(exhibit: Exhibit) -> list[Course]:
    """Those of the metrics that two versions have."""
    found = []
    better, verdict = (
        exhibit.columns.index(head) if head in exhibit.columns else None for head in ("better", "verdict")
    )
    for row in exhibit.rows:
        known = [
            (place, float(v)) for place, at in enumerate(_versions(exhibit)) if isinstance(v := row[at], int | float)
        ]
        if len(known) > 1:
            places, values = zip(*known, strict=True)
            more = better is None or row[better] == "more"
            found.append(Course(str(row[0]), places, values, more, "" if verdict is None else str(row[verdict] or "")))
    return found
