"""One dataset as words in a drawn order: how each row repeats itself, and a run of words through all of them."""

from __future__ import annotations

from math import exp, log

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from auditor.core.check import Engine
from auditor.kernels.diversity import leading_words, unique_ngrams
from auditor.kernels.texts import spans
from auditor.model.result import Metric
from auditor.model.rows import Dataset, Rows, strings
from auditor.sketches.sample import drawn
from auditor.statistics import lexical
from auditor.statistics.subsampling import interval

Longs = npt.NDArray[np.int64]

LONGEST = 2_000
"""Words of one text that are read: one of a megabyte shall not be all that is measured."""

CHARACTERS, CHUNK = 30_000, 256
"""Characters of one text that are read, and rows that are read at a time."""

UNKNOWN = 5.0
"""Half the width of an interval, in units of what it is of, beyond which it says nothing."""


class Wording:
    """One dataset, or some of its rows, in the order they are drawn.

    unique, total, count: of every row, in row order (`kernels.diversity.unique_ngrams`). own: each row's product, NaN
    where it is too short. run: the words of as many drawn rows as it takes; content: their bytes.
    """

    def __init__(self, rows: Dataset, scope: str, words: int, engine: Engine) -> None:
        def count(shard: Rows) -> tuple[Longs, Longs, Longs]:
            view = strings(shard.column(scope))
            return unique_ngrams(spans(view.offsets, view.data, fold=False))

        parts = engine.gather(rows, count)
        empty = np.zeros((0, 3), np.int64)
        self.unique = np.concatenate([empty, *(part[0] for part in parts)])
        self.total = np.concatenate([empty, *(part[1] for part in parts)])
        self.count = np.concatenate([empty[:, 0], *(part[2] for part in parts)])
        shares = self.unique / np.maximum(self.total, 1)
        self.own = np.where(self.total.all(axis=1), shares.prod(axis=1), np.nan).astype(np.float32)
        self.scope, self.order = scope, drawn(rows, rows.rows)
        self._read(rows, words)

    def of(self, rows: Dataset, mask: npt.NDArray[np.bool_], words: int) -> Wording:
        """The same of some rows."""
        some = object.__new__(Wording)
        some.unique, some.total, some.count, some.own = self.unique, self.total, self.count, self.own
        some.scope, some.order = self.scope, self.order[mask[self.order]]
        some._read(rows, words)
        return some

    def _read(self, rows: Dataset, words: int) -> None:
        hashes: list[npt.NDArray[np.uint64]] = []
        owners: list[Longs] = []
        content: list[bytes] = []
        self.word_at, self.byte_at, have = [0], [0], 0
        for start in range(0, len(self.order), CHUNK):
            if have >= words:
                break
            texts = rows.take(self.order[start : start + CHUNK], [self.scope]).column(0)
            view = strings(pc.fill_null(pc.utf8_slice_codeunits(texts, 0, CHARACTERS), ""))
            offsets, found, counts = leading_words(spans(view.offsets, view.data, fold=True), LONGEST)
            kept = np.diff(offsets)
            hashes.append(found)
            owners.append(np.repeat(start + np.arange(len(kept)), kept))
            have += len(found)
            for i in np.flatnonzero(kept):
                low, high = int(view.offsets[i]), int(view.offsets[i + 1])
                high = low + (high - low) * int(kept[i]) // int(counts[i])
                content.append(view.data[low:high].tobytes())
                self.word_at.append(self.word_at[-1] + int(kept[i]))
                self.byte_at.append(self.byte_at[-1] + high - low + 1)
        nothing = np.zeros(0, np.uint64)
        owner = np.concatenate([np.zeros(0, np.int64), *owners])[:words]
        self.run = lexical.stream(np.concatenate([nothing, *hashes])[:words], owner)
        self.content = b"\n".join([*content, b""])

    def compressed(self, low: int, high: int) -> float:
        """Of what words low to high were read from; where a text is cut, as if its words were of equal length."""
        first, last = np.interp([low, high], self.word_at, self.byte_at).astype(np.int64)
        return lexical.compression_ratio(self.content[first:last])

    def product(self, name: str) -> Metric:
        """Over all rows of this side, with its interval from drawn runs of them."""
        mine = self.order[self.total[self.order, -1] > 0]
        unique, total = self.unique[mine], self.total[mine]
        value = lexical.product(unique, total)
        if value is None:
            return Metric(name, None, "share", 0, why="no text has four words")
        if len(mine) < 32:
            return Metric(name, value, "share", len(mine))
        low, high = interval(lambda at: lexical.product(unique[at], total[at]) or 0.0, len(mine), value)
        return Metric(name, value, "share", len(mine), "", max(0.0, low), min(1.0, high))


def quotient(name: str, value: float, mine: Metric, other: Metric) -> Metric:
    """The interval of a ratio from those of its parts, on a log scale (the delta method)."""
    spread = 0.0
    for metric in (mine, other):
        if metric.low is None or metric.high is None or not metric.value:
            return Metric(name, value, "ratio", mine.n)
        spread += ((metric.high - metric.low) / 2 / abs(metric.value)) ** 2
    half = spread**0.5
    if half > UNKNOWN:
        return Metric(name, value, "ratio", mine.n)
    return Metric(name, value, "ratio", mine.n, "", exp(log(value) - half), exp(log(value) + half))
