"""Templates of the columns of a dataset: which rows are of which, and how people see them."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Engine
from auditor.core.rowwise import cut
from auditor.kernels.hashes import hash_rows
from auditor.kernels.machine import PADDING
from auditor.kernels.skeletons import Candidates, add, candidates, places, skeleton
from auditor.kernels.texts import Spans, spans
from auditor.model.rows import Dataset, Rows, strings
from auditor.statistics.templates import Templates, levels, templates

BITS = (16, 23)
"""Bits of the smallest and the largest table of counters. In the largest, runs of three tokens share a counter with
about ten others at a million rows of a hundred words, where a template has a thousand rows or more."""

_ROOM = np.zeros(PADDING, np.uint8)

Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Name = tuple[tuple[int, int], ...]
"""What a template of a whole row is made of: parts, and the template of each."""


class Part:
    """One column's templates, and what it takes to show them. Of `text`: only rows that have neither a prompt nor
    a response."""

    def __init__(self, name: str, rows: Dataset, engine: Engine, words: int, coverage: float, least: int) -> None:
        self.name = name
        size = sum(engine.gather(rows, lambda shard: int(self._texts(shard).lengths.sum())))
        bits = min(max(size.bit_length() + 1, BITS[0]), BITS[1])
        self.counters = np.zeros(1 << bits, np.uint32)
        self.levels = levels(least, rows.rows)
        adding = threading.Lock()

        def count(shard: Rows) -> None:
            met = places(self._texts(shard), bits)
            with adding:
                add(self.counters, met)

        def look(shard: Rows) -> tuple[Candidates, Hashes, int]:
            texts = self._texts(shard)
            return (
                candidates(texts, self.counters, self.levels, words, coverage),
                hash_rows(texts.starts, texts.lengths)[0],
                len(shard),
            )

        engine.gather(rows, count)
        seen = engine.gather(rows, look)
        starts = np.cumsum([0, *(n for _, _, n in seen)])
        met = Candidates(
            np.concatenate([c.rows + start for (c, _, _), start in zip(seen, starts[:-1], strict=True)]),
            np.concatenate([c.hashes for c, _, _ in seen]),
            np.concatenate([c.fixed for c, _, _ in seen]),
        )
        self.mined: Templates = templates(met, np.concatenate([texts for _, texts, _ in seen]), least)

    def _texts(self, shard: Rows) -> Spans:
        column = shard.column(self.name)
        if self.name == "text":
            alone = pc.and_(pc.is_null(shard.column("prompt")), pc.is_null(shard.column("response")))
            column = column if pc.all(alone).as_py() else pc.if_else(alone, column, "")
        view = strings(column)
        # Room behind the last text, which rows that are left out would else be given one by one.
        data = np.concatenate([view.data, _ROOM]) if len(view.data) < len(column) else view.data
        return spans(view.offsets, data, fold=False)

    def skeleton(self, text: str, code: int) -> str:
        """The text with what is not of its template left out."""
        view = strings(pa.array([text], pa.large_string()))
        one = spans(view.offsets, view.data, fold=False)
        slots = skeleton(one, self.counters, self.levels, self.mined.hashes[code])
        content, shown, at = text.encode(), [], 0
        for begin, end in slots:
            shown.append(content[at:begin].decode("utf-8", "replace"))
            at = end
        return "⟨…⟩".join([*shown, content[at:].decode("utf-8", "replace")])


def joined(owners: Sequence[Longs], least: int) -> tuple[Longs, list[Name]]:
    """Each row's template over all parts, -1 for none, and of what each is made: (part, its template). The first
    part that has one, and where the first two have, both together if `least` rows have the same two."""
    names: list[Name] = []
    owner = np.full(len(owners[0]), -1, np.int64)
    for part, codes in enumerate(owners):
        fresh = (owner < 0) & (codes >= 0)
        owner[fresh] = codes[fresh] + len(names)
        names += [((part, code),) for code in range(int(codes.max(initial=-1)) + 1)]
    if len(owners) > 1:
        left, right = owners[0], owners[1]
        both = np.flatnonzero((left >= 0) & (right >= 0))
        width = int(right.max(initial=0)) + 1
        pairs, inverse, counts = np.unique(left[both] * width + right[both], return_inverse=True, return_counts=True)
        large = np.flatnonzero(counts >= least)
        number = np.full(len(pairs), -1, np.int64)
        number[large] = len(names) + np.arange(len(large))
        whole = number[inverse]
        owner[both[whole >= 0]] = whole[whole >= 0]
        names += [((0, int(pair) // width), (1, int(pair) % width)) for pair in pairs[large]]
    return owner, names


def told_of(rows: Dataset, parts: Sequence[Part], names: Sequence[Name], first: Longs, used: Longs) -> list[str]:
    """What people see of each template that has rows: its first row with the slots cut out."""
    told = [""] * len(names)
    columns = [part.name for part in parts]
    texts = rows.take(first[used], columns)
    for place, code in enumerate(used):
        seen = (parts[part].skeleton(texts.column(part)[place].as_py(), own) for part, own in names[code])
        told[code] = cut(" → ".join(seen))
    return told


def kind(name: Name, parts: Sequence[str]) -> str:
    return "prompt and response" if len(name) > 1 else parts[name[0][0]]
