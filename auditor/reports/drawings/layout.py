"""Where each node of a lineage stands: in layers from cause to effect, with few crossings.

Sugiyama, Tagawa and Toda 1981 ("Methods for visual understanding of hierarchical system structures"):
break cycles, layer by the longest path, bend long edges at each layer, order by barycentres, then set
heights by least squares under the order (isotonic regression by pooling adjacent violators).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

WIDTH, HEIGHT = 208, 52
"""Of a node's box, in CSS pixels: a name of 26 letters on two lines."""
ACROSS, DOWN, THIN = 84, 16, 10
"""Between two layers, two boxes of a layer, and beside an edge that passes through."""
TALLEST = 24
"""Boxes in one column: a layer with more is folded into several, or the picture would be a thread."""
SWEEPS = 12
"""Orderings tried; crossings rarely fall after the first ten."""


class Bend(NamedTuple):
    """An edge passing through a layer: the edge's number, and the layer."""

    edge: int
    layer: int


Item = str | Bend


@dataclass(frozen=True, slots=True)
class Layout:
    """places: node -> (x, y) of its box's upper left corner. paths: an SVG path for each edge, in order.
    backward: numbers of edges that run against the layers (they close a cycle)."""

    places: Mapping[str, tuple[float, float]]
    paths: tuple[str, ...]
    backward: frozenset[int]
    width: float
    height: float


def layout(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> Layout:
    """nodes: ids, nearest to the start first. edges: (source, target), both of them nodes."""
    backward = _backward(nodes, edges)
    forward = [(t, s) if i in backward else (s, t) for i, (s, t) in enumerate(edges)]
    layer = _layers(nodes, forward)
    rows, links = _bent(nodes, forward, layer)
    rows = _ordered(rows, links)
    columns = [max(1, -(-sum(isinstance(item, str) for item in row) // TALLEST)) for row in rows]
    lefts = [0.0]
    for folds in columns:
        lefts.append(lefts[-1] + folds * (WIDTH + DOWN) - DOWN + ACROSS)
    middles = _heights(rows, links, columns)

    places: dict[str, tuple[float, float]] = {}
    for depth, row in enumerate(rows):
        boxes = [item for item in row if isinstance(item, str)]
        for place, item in enumerate(boxes):
            places[item] = (lefts[depth] + place % columns[depth] * (WIDTH + DOWN), middles[item] - HEIGHT / 2)
    top = min((y for _, y in places.values()), default=0.0)
    places = {node: (x, y - top) for node, (x, y) in places.items()}
    paths = []
    for number, (source, target) in enumerate(edges):
        low, high = layer[forward[number][0]], layer[forward[number][1]]
        bends = [
            (lefts[depth] + (lefts[depth + 1] - ACROSS - lefts[depth]) * side, middles[Bend(number, depth)] - top)
            for depth in range(low + 1, high)
            for side in (0, 1)
        ]
        paths.append(_path(places[source], places[target], bends[::-1] if number in backward else bends))
    right = max((x + WIDTH for x, _ in places.values()), default=0.0)
    bottom = max((y + HEIGHT for _, y in places.values()), default=0.0)
    return Layout(places, tuple(paths), frozenset(backward), right, bottom)


def _backward(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> set[int]:
    """Edges that close a cycle in a depth-first walk: with these turned round there is none."""
    out: dict[str, list[tuple[int, str]]] = {node: [] for node in nodes}
    for number, (source, target) in enumerate(edges):
        out[source].append((number, target))
    state = dict.fromkeys(nodes, 0)  # 0 unseen, 1 on the way, 2 done
    found = set()
    for root in nodes:
        if state[root]:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            node, rest = stack[-1]
            for number, target in rest:
                if state[target] == 1:
                    found.add(number)
                elif not state[target]:
                    state[target] = 1
                    stack.append((target, iter(out[target])))
                    break
            else:
                state[node] = 2
                stack.pop()
    return found


def _layers(nodes: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """The longest path to each node; a node without sources stands just before its first use."""
    into: dict[str, int] = dict.fromkeys(nodes, 0)
    out: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in edges:
        into[target] += 1
        out[source].append(target)
    roots = [node for node in nodes if not into[node]]
    layer = dict.fromkeys(nodes, 0)
    ready, left = list(roots), dict(into)
    while ready:
        node = ready.pop()
        for target in out[node]:
            layer[target] = max(layer[target], layer[node] + 1)
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    for node in roots:
        if out[node]:
            layer[node] = min(layer[target] for target in out[node]) - 1
    return layer


def _bent(
    nodes: Sequence[str], edges: Sequence[tuple[str, str]], layer: Mapping[str, int]
) -> tuple[list[list[Item]], list[tuple[Item, Item]]]:
    """The items of each layer, and links between items of neighbouring layers."""
    rows: list[list[Item]] = [[] for _ in range(max(layer.values(), default=0) + 1)]
    for node in nodes:
        rows[layer[node]].append(node)
    links: list[tuple[Item, Item]] = []
    for number, (source, target) in enumerate(edges):
        last: Item = source
        for depth in range(layer[source] + 1, layer[target]):
            bend = Bend(number, depth)
            rows[depth].append(bend)
            links.append((last, bend))
            last = bend
        links.append((last, target))
    return rows, links


def _neighbours(links: Sequence[tuple[Item, Item]]) -> tuple[dict[Item, list[Item]], dict[Item, list[Item]]]:
    before: dict[Item, list[Item]] = {}
    after: dict[Item, list[Item]] = {}
    for source, target in links:
        before.setdefault(target, []).append(source)
        after.setdefault(source, []).append(target)
    return before, after


def _ordered(rows: list[list[Item]], links: Sequence[tuple[Item, Item]]) -> list[list[Item]]:
    """Sweeps to and fro by barycentre; the order with the fewest crossings is kept."""
    before, after = _neighbours(links)
    best, fewest = rows, _crossings(rows, after)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        near, order = (before, range(1, len(rows))) if sweep % 2 == 0 else (after, range(len(rows) - 2, -1, -1))
        rows = [list(row) for row in rows]
        for depth in order:
            fixed = {item: place for place, item in enumerate(rows[depth - 1 if sweep % 2 == 0 else depth + 1])}
            here = {item: place for place, item in enumerate(rows[depth])}
            weight = {
                item: sum(fixed[other] for other in near[item]) / len(near[item]) if near.get(item) else here[item]
                for item in rows[depth]
            }
            rows[depth].sort(key=lambda item, weight=weight, here=here: (weight[item], here[item]))  # type: ignore[misc]
        crossings = _crossings(rows, after)
        if crossings < fewest:
            best, fewest = rows, crossings
    return best


def _crossings(rows: Sequence[Sequence[Item]], after: Mapping[Item, Sequence[Item]]) -> int:
    """Pairs of links that cross: inversions between neighbouring layers, by insertion into a sorted list."""
    total = 0
    for row, below in pairwise(rows):
        place = {item: index for index, item in enumerate(below)}
        seen: list[int] = []
        for item in row:
            ends = sorted(place[other] for other in after.get(item, ()))
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _heights(
    rows: Sequence[Sequence[Item]], links: Sequence[tuple[Item, Item]], columns: Sequence[int]
) -> dict[Item, float]:
    """The middle of each item: near the mean of its neighbours, in order, and apart from each other."""
    before, after = _neighbours(links)
    middle: dict[Item, float] = {}
    for row, folds in zip(rows, columns, strict=True):
        middle.update(zip(row, _spread(row, folds, [0.0] * len(row)), strict=True))
    for sweep in range(2 * SWEEPS):
        near = (before, after)[sweep % 2]
        order = range(len(rows)) if sweep % 2 == 0 else range(len(rows) - 1, -1, -1)
        for depth in order:
            row = rows[depth]
            wanted = [
                sum(middle[other] for other in near[item]) / len(near[item]) if near.get(item) else middle[item]
                for item in row
            ]
            middle.update(zip(row, _spread(row, columns[depth], wanted), strict=True))
    return middle


def _spread(row: Sequence[Item], folds: int, wanted: Sequence[float]) -> list[float]:
    """Heights nearest to the wanted ones, by least squares, that keep the order and the distances.

    A folded layer is a grid around the mean of what is wanted; edges pass behind its boxes.
    """
    if folds > 1:
        boxes = [index for index, item in enumerate(row) if isinstance(item, str)]
        lines = -(-len(boxes) // folds)
        centre = sum(wanted[index] for index in boxes) / len(boxes)
        heights = list(wanted)
        for place, index in enumerate(boxes):
            heights[index] = centre + (place // folds - (lines - 1) / 2) * (HEIGHT + DOWN)
        return heights
    offsets, reach = [], 0.0
    for index, item in enumerate(row):
        if index:
            boxes_here = isinstance(item, str) + isinstance(row[index - 1], str)
            reach += (THIN, HEIGHT / 2 + DOWN, HEIGHT + DOWN)[boxes_here]
        offsets.append(reach)
    blocks: list[list[float]] = []  # [sum, count] of pooled neighbours
    for y, offset in zip(wanted, offsets, strict=True):
        blocks.append([y - offset, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    levels = [total / count for total, count in blocks for _ in range(int(count))]
    return [level + offset for level, offset in zip(levels, offsets, strict=True)]


def _path(source: tuple[float, float], target: tuple[float, float], bends: Sequence[tuple[float, float]]) -> str:
    """From the right side of one box to the left side of another, level at every bend."""
    points = [(source[0] + WIDTH, source[1] + HEIGHT / 2), *bends, (target[0], target[1] + HEIGHT / 2)]
    words = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        pull = max(abs(to_x - x) / 2, ACROSS / 2)
        words.append(f"C{x + pull:.1f} {y:.1f} {to_x - pull:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}")
    return "".join(words)
