"""Pictures of judges side by side: how good and how steady, what length does, who agrees with whom, what it costs.

Judges are told apart by shape first and by colour second (blue, ochre and vermilion, which differ in every kind of
colour blindness).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from auditor.model.lab import OTHERS, PEOPLE, Comparison, Judged
from auditor.model.result import Metric
from auditor.reports import wording
from auditor.reports.figures import BAR, FAINT, INK, MARK, REAL, STRONG, drawn, figure_of, label, round_numbers

SHAPES = ("o", "s", "^", "D", "v", "P", "X", "*")
COLOURS = (BAR, REAL, MARK)

CROSSES = 24
"""Points whose intervals are drawn strongly; more would hide each other."""

BARS = 24
"""Judges in the picture of costs, the most accurate first."""

APART = 8
"""Times that the dearest costs as much as the cheapest, from which the axis is logarithmic."""


def pictures(compared: Comparison, style: Path) -> list[tuple[str, str]]:
    """(SVG, caption) of every picture that the comparison allows."""
    found = []
    if any(_known(one, "accuracy", "consistency") for one in compared.judged):
        told = "How often each says what people say, and how often the same in both orders"
        if compared.against == OTHERS:
            told = "How often each says what most others say, and how often the same in both orders"
        found.append((accuracy(compared, style), f"{told}; lines: 95% intervals"))
    if compared.lengths:
        found.append((lengths(compared, style), "How often the longer output wins, by how many times as long it is"))
    if len(compared.raters) > 1:
        found.append((agreement(compared, style), "Agreement of every two beyond chance (Cohen's kappa)"))
    for column, words in (
        ("cost", "What a thousand accepted verdicts cost"),
        ("tokens", "Tokens for an accepted verdict"),
    ):
        if any(_known(one, column) for one in compared.judged):
            found.append((prices(compared, column, style), f"{words}, by the rule {compared.rule}"))
            break
    return found


def accuracy(compared: Comparison, style: Path) -> str:
    """Consistency against accuracy, a point a judge with a prompt, with crosses of intervals."""
    shown = [one for one in compared.judged if _known(one, "accuracy", "consistency")]
    names = [one.name if len(shown) <= len(SHAPES) else one.judge for one in shown]
    looks = _looks(names)
    figure, axes = figure_of(style, height=3.0)
    strength = 0.55 if len(shown) <= CROSSES else 0.16
    told = []
    for one, name in zip(reversed(shown), reversed(names), strict=True):
        x, y = one.metrics["consistency"], one.metrics["accuracy"]
        shape, colour = looks[name]
        for metric, along in ((x, True), (y, False)):
            low, high = _ends(metric)
            across = (
                ([100 * low, 100 * high], [_percent(y)] * 2) if along else ([_percent(x)] * 2, [100 * low, 100 * high])
            )
            axes.plot(*across, color=colour, linewidth=1.0, alpha=strength)
        axes.plot([_percent(x)], [_percent(y)], shape, color=colour, markersize=4.5)
        told.append(f"{one.name}: consistent {_share(x)}, accurate {_share(y)}")
    axes.set_xlabel("consistent, % of pairs")
    axes.set_ylabel("accurate, % of verdicts" if compared.against == PEOPLE else "with the others, % of verdicts")
    axes.grid(axis="x", visible=True)
    _legend(axes, looks)
    return drawn(figure, "lab-a", "; ".join(reversed(told)))


def lengths(compared: Comparison, style: Path) -> str:
    """A line a judge over the bins of how many times as long the longer output is; people's dashed."""
    bins = list(dict.fromkeys(label_ for series in compared.lengths.values() for label_, _ in series))
    bins.sort(key=lambda text: float(text.split(" ")[0]))
    looks = _looks([name for name in compared.lengths if name != PEOPLE])
    figure, axes = figure_of(style, height=2.6)
    told = []
    several = max(1, len(looks))
    for place, (name, (shape, colour)) in enumerate(looks.items()):
        series = compared.lengths[name]
        at = [bins.index(text) + 0.5 * (place - (several - 1) / 2) / several for text, _ in series]
        for x, (_, metric) in zip(at, series, strict=True):
            low, high = _ends(metric)
            axes.plot([x, x], [100 * low, 100 * high], color=colour, linewidth=0.9, alpha=0.4)
        axes.plot(at, [_percent(metric) for _, metric in series], shape, color=colour, markersize=4.2)
        axes.plot(at, [_percent(metric) for _, metric in series], color=colour, linewidth=0.9, alpha=0.6)
        told.append(f"{name}: " + ", ".join(f"{text} times {_share(metric)}" for text, metric in series))
    if PEOPLE in compared.lengths:
        theirs = compared.lengths[PEOPLE]
        at = [float(bins.index(text)) for text, _ in theirs]
        axes.plot(
            at, [_percent(m) for _, m in theirs], color=STRONG, linewidth=1.6, linestyle=(0, (4, 2)), label=PEOPLE
        )
        told.append(f"{PEOPLE}: " + ", ".join(f"{text} times {_share(metric)}" for text, metric in theirs))
    axes.axhline(50, color=INK, linewidth=0.8)
    axes.set_ylim(0, 100)
    axes.set_xticks(range(len(bins)), [text.split(" ")[0] for text in bins])
    axes.set_xlabel("times as long, from")
    axes.set_ylabel("longer wins, %")
    _legend(axes, looks)
    return drawn(figure, "lab-l", "; ".join(told))


def agreement(compared: Comparison, style: Path) -> str:
    """A square a pair of raters: blue for agreement, vermilion for less than chance, the stronger the more."""
    from matplotlib.patches import Rectangle

    names, n = compared.raters, len(compared.raters)
    figure, axes = figure_of(style, height=max(1.6, 0.5 + 0.2 * n))
    told = []
    for row in range(n):
        for column in range(n):
            value = compared.kappa[row][column]
            if row == column or value is None:
                fill, words, strength = FAINT, "", 0.5
            else:
                fill, words, strength = (
                    BAR if value >= 0 else MARK,
                    f"{round(value, 2) + 0.0:.2f}",
                    0.55 * min(1.0, abs(value)) + 0.03,
                )
            axes.add_patch(Rectangle((column, n - 1 - row), 0.94, 0.94, facecolor=fill, alpha=strength, linewidth=0))
            if words:
                size = 7.0 if n <= 10 else 5.4
                short = words.replace("0.", ".") if n > 6 else words
                axes.text(
                    column + 0.47, n - 1 - row + 0.45, short, color=STRONG, fontsize=size, ha="center", va="center"
                )
            if row < column and value is not None:
                told.append(f"{names[row]} and {names[column]} {value:.2f}")
    axes.set_xlim(0, n)
    axes.set_ylim(0, n)
    axes.set_xticks([place + 0.47 for place in range(n)], [str(place + 1) for place in range(n)])
    axes.set_yticks(
        [n - 1 - place + 0.47 for place in range(n)],
        [f"{label(name)}  {place + 1}" for place, name in enumerate(names)],
    )
    axes.grid(visible=False)
    axes.spines["bottom"].set_visible(False)
    axes.tick_params(length=0, labelsize=7.5 if n > 10 else 8.5)
    return drawn(figure, "lab-k", "; ".join(told))


def prices(compared: Comparison, column: str, style: Path) -> str:
    """A point a judge, with its interval; on a logarithmic axis where prices lie far apart."""
    shown = [one for one in compared.judged if _known(one, column)][:BARS]
    figure, axes = figure_of(style, height=0.7 + 0.26 * max(1, len(shown)))
    times = 1000 if column == "cost" else 1
    told, reach = [], []
    for place, one in enumerate(reversed(shown)):
        metric = one.metrics[column]
        value, (low, high) = times * float(metric.value or 0), (times * end for end in _ends(metric))
        axes.plot([low, high], [place, place], color=BAR, linewidth=2.4, solid_capstyle="round")
        axes.plot([value], [place], "o", color=BAR, markersize=5)
        told.append(f"{one.name} {value:.3g}")
        reach += [low, high]
    axes.set_yticks(range(len(shown)), [label(one.name) for one in reversed(shown)])
    axes.set_ylim(-0.6, len(shown) - 0.4)
    axes.set_xlabel("for 1,000, in the unit of the prices" if column == "cost" else "tokens")
    if min(reach) > 0 and max(reach) > APART * min(reach):
        axes.set_xscale("log")
        axes.minorticks_off()
        ticks = round_numbers(*axes.get_xlim())
        axes.set_xticks(ticks, [f"{tick:,g}" for tick in ticks])
    else:
        axes.set_xlim(0, max(reach) * 1.08 or 1.0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", visible=True)
    return drawn(figure, "lab-c", "; ".join(reversed(told)))


def _looks(names: Sequence[str]) -> dict[str, tuple[str, str]]:
    """A shape and a colour for each name: the first ones have a shape of their own."""
    distinct = dict.fromkeys(names)
    return dict(zip(distinct, zip(cycle(SHAPES), cycle(COLOURS), strict=False), strict=False))


def _legend(axes: Any, looks: dict[str, tuple[str, str]]) -> None:
    for name, (shape, colour) in list(looks.items())[:12]:
        axes.plot([], [], shape, color=colour, markersize=4.5, label=label(name))
    axes.legend(frameon=False, fontsize=7.5, labelcolor=INK, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _known(one: Judged, *columns: str) -> bool:
    return all(one.metrics[column].value is not None for column in columns)


def _ends(metric: Metric) -> tuple[float, float]:
    value = float(metric.value or 0)
    return (value if metric.low is None else metric.low, value if metric.high is None else metric.high)


def _percent(metric: Metric) -> float:
    return 100 * float(metric.value or 0)


def _share(metric: Metric) -> str:
    return wording.quantity(metric.value, "share")
