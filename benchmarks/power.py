"""Power against planted drift: how often the two tests of embedding-drift and tells-of-synthesis see it, as curves.

    AUDITOR_DATA=../shared/data python benchmarks/power.py --draws 60 --csv docs/power.csv
    python benchmarks/power.py --draw docs/power.csv --svg docs/power.svg

Rows of real data against other rows of it, a share of them replaced by rows of another source: GSM8K's by Dolly's for
the maximum mean discrepancy, Dolly's by Alpaca's for the classifier. A draw is seeded, and the same for every share.
The second command draws what the first one measured, without the data.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from auditor import fakes
from auditor.checks.tells_of_synthesis import TellsOfSynthesis
from auditor.core.check import Context
from auditor.core.intervals import wilson
from auditor.engines.local import Local
from auditor.statistics import mmd
from auditor.statistics.blas import single

ALARM = 0.05
CURVES = {
    "mmd_p": ((200, 1_000, 3_000), (0.0, 0.01, 0.02, 0.05, 0.1, 0.2)),
    "p": ((400, 1_000), (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4)),
}
"""Metric -> rows a side, and shares of them that are planted."""

HEADS = ("metric", "rows", "share", "draws", "alarms", "value")
"""value: median of `mmd` or `auc`."""

Records = Sequence[dict[str, Any]]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--csv", type=Path, help="keep what was measured here")
    parser.add_argument("--draw", type=Path, help="a file kept by --csv: draw it, and measure nothing")
    parser.add_argument("--svg", type=Path, default=Path("power.svg"))
    options = parser.parse_args()
    if options.draw:
        options.svg.write_text(drawing(read(options.draw)), "utf-8")
        return
    data = Path(os.environ.get("AUDITOR_DATA", "../shared/data"))
    points = []
    print("| " + " | ".join(HEADS) + " |\n|" + " --- |" * len(HEADS))
    for point in measured(data, options.draws):
        points.append(point)
        print("| " + " | ".join(str(point[head]) for head in HEADS) + " |", flush=True)
    if options.csv:
        with options.csv.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, HEADS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(points)


def read(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {"metric": one["metric"], **{head: json.loads(one[head]) for head in HEADS[1:]}}
            for one in csv.DictReader(file)
        ]


def lines(path: Path) -> Records:
    text = path.read_text("utf-8")
    return json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines()]


def measured(data: Path, draws: int) -> Iterator[dict[str, Any]]:
    for metric, (sizes, shares) in CURVES.items():
        test, *sources = TESTS[metric]
        with tempfile.TemporaryDirectory() as folder:
            see = test(Path(folder), *(lines(data / source) for source in sources))
            for rows in sizes:
                for share in shares:
                    seen = [see(seed, rows, round(share * rows)) for seed in range(draws)]
                    alarms, value = sum(p <= ALARM for p, _ in seen), statistics.median(found for _, found in seen)
                    yield dict(zip(HEADS, (metric, rows, share, draws, alarms, round(value, 4)), strict=True))


def discrepancies(folder: Path, real: Records, other: Records) -> Any:
    """By the vectors of all rows, embedded once."""
    vectors = []
    for name, records in (("real", real), ("other", other)):
        rows = fakes.dataset(records, folder / name)
        vectors.append(fakes.space(folder / "space").vectors(rows, "text").take(np.arange(len(records))))

    def see(seed: int, rows: int, planted: int) -> tuple[float, float]:
        draw = np.random.default_rng(seed)
        chosen, strangers = (draw.permutation(len(side)) for side in vectors)
        ours = np.concatenate((vectors[1][strangers[:planted]], vectors[0][chosen[planted:rows]]))
        with single():
            found = mmd.discrepancy(ours, vectors[0][chosen[rows : 2 * rows]], Local(0).map)
        return found.p, max(found.squared, 0.0) ** 0.5

    return see


def told(folder: Path, real: Records, other: Records) -> Any:
    """By the check itself, from rows to p."""

    def see(seed: int, rows: int, planted: int) -> tuple[float, float]:
        draw = random.Random(seed)
        chosen, strangers = draw.sample(list(real), 2 * rows), draw.sample(list(other), rows)
        sides = ([*strangers[:planted], *chosen[planted:rows]], chosen[rows:])
        with tempfile.TemporaryDirectory(dir=folder) as place:
            ours, theirs = (fakes.dataset(side, Path(place) / str(at)) for at, side in enumerate(sides))
            context = Context({"real": theirs}, space=fakes.space(Path(place) / "space"))
            metrics = {one.name: one.value for one in TellsOfSynthesis().run(ours, context, Local(0)).metrics}
        return float(metrics["tells_of_synthesis.p"] or 0), float(metrics["tells_of_synthesis.auc"] or 0)

    return see


TESTS = {
    "mmd_p": (discrepancies, "gsm8k/train.jsonl", "alpaca/dolly_3k.json"),
    "p": (told, "alpaca/dolly_3k.json", "alpaca/random_9k.json"),
}

# What the picture is made of: panels side by side, each with axes from 0, and the sizes below.
WIDTH, HEIGHT, LEFT, TOP, BETWEEN = 340, 230, 52, 54, 70
TITLES = {
    "mmd_p": ("embedding-drift: mmd_p", "rows of Dolly among GSM8K's"),
    "p": ("tells-of-synthesis: p", "rows of Alpaca among Dolly's"),
}
STYLE = """
  svg { --ink: #1f2328; --faint: #d0d7de; --paper: #ffffff; --a: #0072b2; --b: #b35900; --c: #00795a }
  @media (prefers-color-scheme: dark) {
    svg { --ink: #e6edf3; --faint: #3d444d; --paper: #0d1117; --a: #56b4e9; --b: #f0a13a; --c: #2fc79a }
  }
  text { font: 12px system-ui, sans-serif; fill: var(--ink) }
  .title { font-weight: 600; font-size: 13px }
  .paper { fill: var(--paper) }
  .grid { stroke: var(--faint) }
  .size { stroke: var(--ink); stroke-dasharray: 5 4 }
  .curve { fill: none; stroke-width: 2 }
  .a { stroke: var(--a) } .b { stroke: var(--b) } .c { stroke: var(--c) }
  .mark.a { fill: var(--a) } .mark.b { fill: var(--b) } .mark.c { fill: var(--c) }
"""


def drawing(points: Sequence[dict[str, Any]]) -> str:
    """An SVG of its own: share of draws with an alarm over the share planted, with the 95 % interval of each."""
    width, height = 2 * (LEFT + WIDTH) + BETWEEN, TOP + HEIGHT + 78
    draws = points[0]["draws"]
    size = f'width="{width}" height="{height}"'
    said = f"Share of {draws} draws in which p is at most {ALARM}, with 95 % intervals; dashed: what chance would give"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size} role="img">',
        f"<title>Power against planted drift. {said}</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" {size}/>',
        f'<text x="{LEFT}" y="20">{said}</text>',
    ]
    for at, metric in enumerate(CURVES):
        parts += panel(metric, [one for one in points if one["metric"] == metric], LEFT + at * (WIDTH + BETWEEN))
    return "\n".join([*parts, "</svg>", ""])


def panel(metric: str, points: Sequence[dict[str, Any]], left: float) -> Iterator[str]:
    most = float(max(one["share"] for one in points))

    def x(share: float) -> float:
        return round(left + WIDTH * share / most, 1)

    def y(power: float) -> float:
        return round(TOP + HEIGHT * (1 - power), 1)

    title, planted = TITLES[metric]
    yield f'<text class="title" x="{left}" y="{TOP - 12}">{escape(title)}</text>'
    for tick in (0, 0.25, 0.5, 0.75, 1):
        yield f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{y(tick)}" y2="{y(tick)}"/>'
        yield f'<text text-anchor="end" x="{left - 8}" y="{y(tick) + 4}">{tick:g}</text>'
    yield f'<line class="size" x1="{left}" x2="{left + WIDTH}" y1="{y(ALARM)}" y2="{y(ALARM)}"/>'
    for share in (most * quarter / 4 for quarter in range(5)):
        yield f'<text text-anchor="middle" x="{x(share)}" y="{TOP + HEIGHT + 18}">{share:.0%}</text>'
    yield f'<text text-anchor="middle" x="{left + WIDTH / 2}" y="{TOP + HEIGHT + 40}">{escape(planted)}</text>'
    for colour, rows in zip("abc", sorted({one["rows"] for one in points}), strict=False):
        mine = sorted((one["share"], one["alarms"], one["draws"]) for one in points if one["rows"] == rows)
        line = " ".join(f"{x(share)},{y(alarms / draws)}" for share, alarms, draws in mine)
        yield f'<polyline class="curve {colour}" points="{line}"/>'
        for share, alarms, draws in mine:
            low, high = wilson(alarms, draws)
            yield f'<line class="{colour}" x1="{x(share)}" x2="{x(share)}" y1="{y(low)}" y2="{y(high)}"/>'
            yield mark(colour, x(share), y(alarms / draws))
        place = left + 118 * "abc".index(colour)
        yield mark(colour, place + 5, TOP + HEIGHT + 60)
        yield f'<text x="{place + 14}" y="{TOP + HEIGHT + 64}">{rows:,} rows a side</text>'


def mark(colour: str, x: float, y: float) -> str:
    """A shape for each colour, for those who do not see it."""
    if colour == "a":
        return f'<circle class="mark a" cx="{x}" cy="{y}" r="4"/>'
    if colour == "b":
        return f'<rect class="mark b" x="{x - 3.5:.1f}" y="{y - 3.5:.1f}" width="7" height="7"/>'
    return f'<polygon class="mark c" points="{x - 4.5:.1f},{y + 4:.1f} {x + 4.5:.1f},{y + 4:.1f} {x},{y - 4.5:.1f}"/>'


if __name__ == "__main__":
    main()
