"""Pictures as SVG: distributions with the policy's bound, cluster sizes, rates of groups.

Drawn by matplotlib without pyplot (no global state) and rewritten for a page with a strict
Content-Security-Policy: style attributes become presentation attributes, colours become CSS
variables, ids are made unique. Same data, same bytes.

Synthetic is filled and of middling lightness, real is a line or an open mark, dark on white and light on black: the
two are told apart in grey print as well as in every kind of colour blindness. What is judged by a bound has it dashed.
"""

from __future__ import annotations

import io
import math
import re
import unicodedata
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

from auditor.model.result import Distribution
from auditor.reports import wording
from auditor.reports.escaping import visible

LIGHT = {
    "muted": "#5a626a", "line": "#e2e2dd", "bar": "#5490cc", "mark": "#b8430d", "real": "#5c4000", "ink": "#1b1f23",
    "surface": "#ffffff",
}  # fmt: skip
DARK = {
    "muted": "#a3abb3", "line": "#32373c", "bar": "#5287bd", "mark": "#ff9d66", "real": "#ffd166", "ink": "#e7e9eb",
    "surface": "#1a1d20",
}  # fmt: skip
"""The page's colours, as report.css has them. Blue, ochre and vermilion are hues that differ in every kind of colour
blindness (Okabe and Ito, "Color Universal Design", 2008); bars and real differ in lightness by 2.5 to 1 at least."""

INK, FAINT, BAR, MARK, REAL, STRONG, GROUND = (f"#0{n}0{n}0{n}" for n in range(1, 8))
"""Sentinels that matplotlib draws with; they become the page's variables."""
_NAMES = {INK: "muted", FAINT: "line", BAR: "bar", MARK: "mark", REAL: "real", STRONG: "ink", GROUND: "surface"}
COLOURS = {sentinel: f"var(--{name}, {LIGHT[name]})" for sentinel, name in _NAMES.items()}
CLUSTERS = 24
"""Cluster sizes drawn, largest first; the rest is told in words."""

_STYLE = re.compile(r' style="([^"]*)"')
_ID = re.compile(r'(\bid="|"#|url\(#)([^")]+)')
_KEPT = {
    "fill", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
    "stroke-opacity", "opacity", "font-size", "text-anchor",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture still to be drawn. name: what it is of, for a file's name. title, caption: as plain text; words of the
    dataset may be among them. draw: makes the SVG, which takes about 50 ms."""

    name: str
    title: str
    caption: str
    draw: Callable[[], str]


def distribution(d: Distribution, mark: float | None, style: Path, key: str, *, beyond: bool = False) -> str:
    """A histogram over the fixed bins; mark: a bound or threshold on the same axis, drawn dashed. beyond: the bars at
    the ends hold what lies beyond them."""
    both = sum(d.reference) > 0
    figure, axes = figure_of(style, height=2.15 if both else None)
    first, last = _used(d, mark)
    edges, counts = list(d.edges[first : last + 1]), d.counts[first:last]
    log = d.scale == "log" and d.edges[-1] > 0
    dense = log and both and edges[0] > 0
    if dense:  # bins of whole numbers differ in width: the areas are the shares
        edges = [math.log2(edge) for edge in edges]
    positions = list(range(len(counts))) if log and not dense else edges[:-1]
    widths = [1.0] * len(counts) if log and not dense else [b - a for a, b in pairwise(edges)]
    heights = [float(count) for count in counts]
    if both:  # as shares: the sides may differ in size
        per = widths if dense else [1.0] * len(counts)
        heights = _shares(counts, sum(d.counts), per)
        real = _shares(d.reference[first:last], sum(d.reference), per)
        axes.set_ylabel("% of rows per doubling" if dense else "% of rows")
    axes.bar(positions, heights, widths, align="edge", color=BAR, edgecolor="none", linewidth=0, label="synthetic")
    if both:  # the real data as a line over the bars
        ends = [*positions, positions[-1] + widths[-1]]
        axes.step(ends, [*real, real[-1]], where="post", color=REAL, linewidth=1.7, label="real")
        sides(axes)
    else:
        whole_numbers(axes.yaxis)
    axes.set_xlim(positions[0], positions[-1] + widths[-1])
    if dense:
        ticks = round_numbers(2 ** edges[0], 2 ** edges[-1])
        axes.set_xticks([math.log2(tick) for tick in ticks], [_tick(tick) for tick in ticks])
    elif log:
        step = max(1, -(-len(edges) // 9))
        axes.set_xticks(range(0, len(edges), step), [_tick(edge) for edge in edges[::step]])
    if mark is not None and not log and edges[0] <= mark <= edges[-1]:
        axes.axvline(mark, color=MARK, linewidth=1.4, linestyle=(0, (4, 2)))
    axes.set_xlabel(label(d.unit, 48) + (" (end bars: all beyond)" if beyond else ""))
    return drawn(figure, key, _described(d))


def _shares(counts: Sequence[int], total: int, per: Sequence[float]) -> list[float]:
    """Percent of all rows in each bin, for its width."""
    return [100 * count / total / width for count, width in zip(counts, per, strict=True)]


def round_numbers(low: float, high: float) -> list[float]:
    """1, 2, 5, 10, 20, … within a range; powers of ten alone where those would crowd the axis."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [times * 10.0**power for power in powers for times in (1, 2, 5) if low <= times * 10.0**power <= high]
    return found if len(found) <= 12 else [one for one in found if f"{one:e}".startswith("1.")]


def clusters(sizes: Sequence[int], style: Path, key: str) -> str:
    """Rows of the largest clusters, one bar each."""
    figure, axes = figure_of(style)
    shown = list(sizes[:CLUSTERS])
    axes.bar(range(1, len(shown) + 1), shown, width=0.72, color=BAR, linewidth=0)
    axes.set_xlim(0.3, max(len(shown), 8) + 0.7)
    axes.set_xticks(range(1, len(shown) + 1) if len(shown) <= 12 else [1, *range(5, len(shown) + 1, 5)])
    whole_numbers(axes.yaxis)
    axes.set_xlabel("cluster, largest first")
    axes.set_ylabel("rows")
    return drawn(
        figure, key, f"{wording.count(len(sizes), 'cluster')}; the largest has {wording.count(sizes[0], 'row')}"
    )


def sides(axes: Any) -> None:
    """The legend of both sides, above the axes: it hides nothing."""
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        *zip(*sorted(zip(handles, labels, strict=True), key=lambda one: one[1] != "synthetic"), strict=True),
        frameon=False, fontsize=8.5, labelcolor=INK, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2,
        borderaxespad=0.1, handlelength=1.6, columnspacing=1.4,
    )  # fmt: skip


def whole_numbers(axis: Any) -> None:
    """Ticks for counts: no half rows, thousands apart."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(nbins="auto", steps=[1, 2, 5, 10], integer=True, min_n_ticks=1))
    axis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def figure_of(style: Path, height: float | None = None) -> tuple[Any, Any]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_rc(style)):
        figure = Figure(layout="constrained")
        if height is not None:
            figure.set_figheight(height)
        return figure, figure.add_subplot()


def rows_of(
    style: Path, many: int, each: float, foot: float, across: tuple[float, float], width: float | None = None
) -> tuple[Any, list[Any]]:
    """A figure of `many` axes one below the other, each as high, with common scales. each, foot: inches. across: where
    they begin and end, as shares of the width: what is left is for words. width: inches, or that of the style."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_rc(style)):
        figure = Figure()
        height = each * many + foot
        figure.set_figheight(height)
        if width is not None:
            figure.set_figwidth(width)
        found = figure.subplots(many, 1, sharex=True, sharey=True, squeeze=False)
        figure.subplots_adjust(left=across[0], right=across[1], top=1.0, bottom=foot / height, hspace=0.12)
        return figure, list(found[:, 0])


_styles: dict[tuple[Path, float], Any] = {}


def _rc(style: Path) -> Any:
    """The style file with our colours; read once for each version of it."""
    key = (style, style.stat().st_mtime)
    if key not in _styles:
        import matplotlib as mpl

        rc: dict[Any, Any] = dict(mpl.rc_params_from_file(style, use_default_template=False))
        inked = ("axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "text.color")
        _styles[key] = {**rc, **dict.fromkeys(inked, INK), "grid.color": FAINT}
    return _styles[key]


def drawn(figure: Any, key: str, told: str) -> str:
    import matplotlib as mpl
    from markupsafe import escape

    written = io.StringIO()
    settings: Any = {"svg.fonttype": "none", "svg.hashsalt": "auditor"}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # Texts are written as texts, in whatever fonts the reader has; what ours lacks is measured as a box.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from", UserWarning)
        metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(written, format="svg", metadata=metadata, transparent=True)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style\b.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = _STYLE.sub(_presentation, text)
    for sentinel, variable in COLOURS.items():
        text = text.replace(sentinel, variable)
    text = _ID.sub(lambda m: f"{m[1]}{key}-{m[2]}", text)
    text = re.sub(r"\s*\n\s*", "\n", text)
    head = re.compile(r'<svg[^>]*?viewBox="([^"]+)"[^>]*>')
    opening = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        r'viewBox="\1" role="img" stroke-linejoin="round">'
    )
    text = head.sub(opening, text, count=1)
    return text.replace(">", f"><title>{escape(visible(told))}</title>", 1).strip()


def _presentation(match: re.Match[str]) -> str:
    pairs = (part.partition(":") for part in match[1].replace("&quot;", "'").split(";"))
    found = {name.strip(): value.strip() for name, _, value in pairs if value}
    if "font" in found:
        size = re.search(r"([\d.]+)px", found["font"])
        if size:
            found["font-size"] = size[1]
    return "".join(f' {name}="{value}"' for name, value in found.items() if name in _KEPT)


def _described(d: Distribution) -> str:
    total = sum(d.counts)
    if not total:
        return f"{d.title}: nothing counted"
    filled = [place for place, count in enumerate(d.counts) if count]
    middle = next(place for place, seen in enumerate(accumulate(d.counts)) if 2 * seen >= total)
    ends = f"{_plain(d.edges[filled[0]], up=True)} to {_plain(d.edges[filled[-1] + 1])}"
    half = f"{_plain(d.edges[middle], up=True)} to {_plain(d.edges[middle + 1])}"
    unit = "" if d.unit.lower() == d.title.lower() else f" {d.unit}"
    return f"{d.title}: {wording.count(total, 'value')}, drawn from {ends}{unit}; the median from {half}"


def _plain(value: float, *, up: bool = False) -> str:
    """A bin's edge in words: no exponents, and of an edge half-way between two whole numbers the one inside."""
    if value % 1 == 0.5 and abs(value) < 2**52:
        value = math.ceil(value) if up else math.floor(value)
    if value == int(value):
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.3g}"
    return f"{value:,.3f}".rstrip("0").rstrip(".") if abs(value) >= 0.001 else f"{value:.3g}"


def _used(d: Distribution, mark: float | None) -> tuple[int, int]:
    """The range of bins worth drawing: those with counts or the mark, and one more on each side."""
    used = [i for i, count in enumerate(d.counts) if count or (d.reference and d.reference[i])]
    if mark is not None:
        used += [i for i, (a, b) in enumerate(pairwise(d.edges)) if a <= mark <= b]
    if not used:
        return 0, len(d.counts)
    return max(0, min(used) - 1), min(len(d.counts), max(used) + 2)


def _tick(value: float) -> str:
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= max(size, 10_000):
            return f"{value / size:.3g}{letter}"
    return f"{value:,.0f}" if value == int(value) else f"{value:g}"


def letters(text: str) -> int:
    """How wide a text is, in letters: those of East Asian scripts are two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def label(text: str, most: int = 28) -> str:
    """Data as a label: short, printable, and never mathtext."""
    short = "".join(c if c.isprintable() else "·" for c in text[:most])
    return (short if len(text) <= most else short[: most - 1] + "…").replace("$", r"\$")
