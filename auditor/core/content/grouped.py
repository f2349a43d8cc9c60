"""One dataset, or two, as rows that are put into patterns; and the patterns of many rows, kept for the next audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xxhash

from auditor.core.check import Context, Engine
from auditor.core.content.space import Space
from auditor.files import atomic
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.model.rows import Dataset, strings
from auditor.model.vectors import Floats
from auditor.sketches.sample import drawn
from auditor.statistics.background import shared
from auditor.statistics.patterns import Patterns, compare, find

VERSION = 6
"""Of what is kept: rises when other patterns would be found."""

KEPT = 5_000
"""Rows from which on it is worth keeping what was found."""

OWN, RUN, LOOKED_AT = 4, 4, 2_000
"""Words of its own that a row has at the most where what all rows share is a template with a slot or two, and not a
scaffold around different rows; the words of a run; and the rows that are looked at."""

Longs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """One dataset as it is measured. rows: int64 [n], those of the sample with a text, in drawn order. vectors: float32
    [n, d] of these. scope: the column they are of. total: rows of the dataset. content: tells these vectors from all
    others. template: all rows are one template, but for a few."""

    rows: Longs
    vectors: Floats
    scope: str
    total: int
    content: str
    template: bool


def side(rows: Dataset, space: Space, scope: str, whole: int, sample: int) -> Side:
    """The rows that have the column, or `sample` of more than `whole`."""
    vectors = space.vectors(rows, scope)
    order = drawn(rows, rows.rows)
    order = order[vectors.present[order]] if len(order) else order
    order = order if len(order) <= whole else order[:sample]
    content = f"{rows.digest} {vectors.embedder} {scope}"
    return Side(order, vectors.take(order), scope, rows.rows, content, _template(rows, order[:LOOKED_AT], scope))


def _template(rows: Dataset, at: Longs, scope: str) -> bool:
    """Whether most words stand in most rows, and a row adds no more than OWN to them."""
    if not len(at):
        return False
    column = strings(rows.take(at, [scope]).column(0))
    texts = spans(column.offsets, column.data, fold=True)
    words, runs = shingle_sets(texts, 1), shingle_sets(texts, RUN)
    common, own = shared(words.offsets, words.values)
    # Where letters count as words all texts share them; but so few words of its own touch few runs.
    return own <= min(OWN, common) and shared(runs.offsets, runs.values)[1] <= RUN * OWN


def patterns(of: Side, n: int, context: Context, engine: Engine) -> Patterns:
    """The patterns of the first n rows of a side."""

    def make() -> tuple[Patterns, ...]:
        return (find(of.vectors[:n], engine.map, of.template),)

    return _kept(f"{of.content} {n}", 1, n, make, context)[0]


def compared(ours: Side, theirs: Side, n: int, context: Context, engine: Engine) -> tuple[Patterns, Patterns]:
    """The patterns of the first n rows of either side, found together."""

    def make() -> tuple[Patterns, ...]:
        templates = ours.template, theirs.template
        return compare(ours.vectors[:n], theirs.vectors[:n], engine.map, templates)

    one, other = _kept(f"{ours.content} beside {theirs.content} {n}", 2, n, make, context)
    return one, other


def _kept(
    of: str, sides: int, n: int, make: Callable[[], tuple[Patterns, ...]], context: Context
) -> tuple[Patterns, ...]:
    """What make() gives for n rows of so many sides; of many rows, from the file that an earlier audit left."""
    if context.cache is None or n < KEPT:
        return make()
    path = context.cache / f"patterns-{xxhash.xxh3_128_hexdigest(f'{VERSION} {of}'.encode())}.npy"
    try:
        held = np.load(path)
    except (OSError, ValueError, EOFError):
        held = np.zeros(0)
    if _sound(held, sides, n):
        labels = held[:, 2:].astype(np.int64)
        return tuple(
            Patterns(label, np.bincount(label), float(one[0]), float(one[1]))
            for label, one in zip(labels, held, strict=True)
        )
    found = make()
    with atomic(path) as file:
        np.save(file, np.stack([np.concatenate([[one.common, one.noise], one.labels]) for one in found]))
    return found


def _sound(held: npt.NDArray[np.float64], sides: int, n: int) -> bool:
    if held.shape != (sides, n + 2) or held.dtype != np.float64 or not np.isfinite(held).all():
        return False
    return bool(held[:, 2:].min() >= 0 and held[:, 2:].max() < n)
