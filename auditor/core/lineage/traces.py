"""By what a dataset's rows are known when they turn up in another one; kept by content.

A row has a hash of its text, one of its prompt, and the least hashes of its shingles, by which its
near-copies meet it. They are laid in the order of the texts' hashes, so that the first of them are a
bottom-k sample of the rows (see `sketches.sample` for its reference): what a look at thousands of
datasets begins with.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xxhash

from auditor.core.check import Engine
from auditor.files import atomic
from auditor.kernels.hashes import Sets, hash_normalised, shingle_sets
from auditor.kernels.texts import spans
from auditor.kernels.traces import NONE, Longs, Lookup, least_shingles, lookup, meetings, similar
from auditor.model.rows import Dataset, Rows

SHINGLE = 5
"""Words in a row, as near-duplicates has it."""

LEAST = 4
"""Keys a row. Two rows of Jaccard .8 share at least one of their 4 least with probability .999 (measured
on random sets; see the tests); one key alone would find .8 of them."""

WORDS = 5
"""A text of fewer words is nobody's: "Yes." stands everywhere."""

COMMON = 16
"""A key that more rows have is a phrase of a template and brings no pair; copies are found all the same."""

PAIRS = 100_000
"""Pairs whose shingles are in memory at a time."""

COPY, NEAR, PROMPT = range(3)
"""Kinds of a match: the same text; nearly the same; the same prompt with another text."""

ASKED = 0.5
"""How strong an equal prompt is: weaker than any near-copy. A copy is 1, a near-copy its Jaccard."""

VERSION = 1
_COLUMNS = 3 + LEAST


@dataclass(frozen=True, slots=True)
class Traces:
    """Of n rows, by rising text. table: uint64 [n, 3 + LEAST]: row, text, prompt, keys; kernels' NONE where
    there is none. order: of the rows in their file, without which `row` means nothing."""

    table: npt.NDArray[np.uint64]
    order: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def rows(self) -> Longs:
        return self.table[:, 0].astype(np.int64)


def of(rows: Dataset, engine: Engine) -> Traces:
    """The traces of a dataset; about a second for a million rows of 60 words on two cores."""
    parts = engine.gather(rows, _shard)
    table = np.concatenate(parts) if parts else np.zeros((0, _COLUMNS), np.uint64)
    return Traces(table[np.lexsort((table[:, 0], table[:, 1]))], order(rows))


def order(rows: Dataset) -> int:
    """A number for the rows as they follow one another."""
    return xxhash.xxh3_64_intdigest("".join(shard.digest for shard in rows.shards).encode())


def _shard(opened: Rows) -> npt.NDArray[np.uint64]:
    table = np.full((len(opened), _COLUMNS), NONE, np.uint64)
    table[:, 0] = opened.numpy("row").astype(np.uint64)
    for at, column in ((1, "text"), (2, "prompt")):
        view = opened.strings(column)
        texts = spans(view.offsets, view.data, fold=True)
        least, words = least_shingles(texts, SHINGLE, LEAST)
        known = words >= WORDS
        hashed, _, _ = hash_normalised(texts.starts, texts.lengths)
        table[known, at] = hashed[known]
        if column == "text":
            table[known, 3:] = least[known]
    return table


def load(digest: str, cache: Path | None) -> Traces | None:
    """What was kept for a dataset, read as it is looked at; None where nothing sound was."""
    path = _path(digest, cache)
    if path is None or not path.is_file():
        return None
    try:
        table = np.load(path, mmap_mode="r")
    except (OSError, ValueError, EOFError):
        return None
    if table.dtype != np.uint64 or table.ndim != 2 or table.shape[1] != _COLUMNS or not len(table):
        return None
    version, number, rows = (int(value) for value in table[0, :3])
    return Traces(table[1:], number) if (version, rows) == (VERSION, len(table) - 1) else None


def save(traces: Traces, digest: str, cache: Path | None) -> None:
    path = _path(digest, cache)
    if path is None:
        return
    head = np.zeros((1, _COLUMNS), np.uint64)
    head[0, :3] = VERSION, traces.order, len(traces)
    with atomic(path) as file:
        np.save(file, np.concatenate((head, traces.table)))


def _path(digest: str, cache: Path | None) -> Path | None:
    """None where nothing is kept, or the digest is none: it comes from a file written by hand."""
    name = digest.removeprefix("sha256:")
    sound = len(name) == 64 and all(letter in "0123456789abcdef" for letter in name)
    return cache / f"{name}.npy" if cache is not None and sound else None


@dataclass(frozen=True)
class Index:
    """Rows of a dataset, to be met by those of others."""

    rows: Dataset
    texts: Lookup
    prompts: Lookup
    keys: Lookup

    @classmethod
    def of(cls, rows: Dataset, traces: Traces, among: Longs | None = None) -> Index:
        """among: rows that are asked for, ascending; None is all."""
        table = traces.table if among is None else traces.table[np.isin(traces.rows, among)]
        place = table[:, 0].astype(np.int64)
        keys = lookup(table[:, 3:].ravel(), np.repeat(place, LEAST))
        return cls(rows, lookup(table[:, 1].copy(), place), lookup(table[:, 2].copy(), place), keys)

    def meets(self, table: npt.NDArray[np.uint64]) -> bool:
        """Whether any row of `Traces.table` may be one of ours."""
        looked = (
            (self.texts, table[:, 1], 0),
            (self.prompts, table[:, 2], 0),
            (self.keys, table[:, 3:].ravel(), COMMON),
        )
        return any(len(meetings(known, keys, most)[0]) for known, keys, most in looked)

    def matches(self, table: npt.NDArray[np.uint64], theirs: Dataset | None, threshold: float) -> Matches:
        """Each row of ours with its strongest match in `Traces.table`; of equals the first of their rows.

        theirs: their rows, by which near-copies are verified; without them none is told. threshold: of the
        exact Jaccard similarity of shingles.
        """
        rows = table[:, 0].astype(np.int64)
        texts = np.unique(table[:, 1], return_index=True)[1]
        place, ours = meetings(self.texts, table[texts, 1])
        parts = [Matches(ours, np.full(len(ours), COPY), np.ones(len(ours)), rows[texts[place]])]
        if theirs is not None:
            place, near = meetings(self.keys, table[:, 3:].ravel(), COMMON)
            new = ~np.isin(near, ours)
            pairs = np.unique(np.stack((near[new], rows[place[new] // LEAST])), axis=1)
            score = _jaccard(self.rows, theirs, pairs, threshold)
            left, right = pairs[:, score >= 0]
            parts.append(Matches(left, np.full(len(left), NEAR), score[score >= 0], right))
        prompts = np.unique(table[:, 2], return_index=True)[1]
        place, asked = meetings(self.prompts, table[prompts, 2])
        parts.append(Matches(asked, np.full(len(asked), PROMPT), np.full(len(asked), ASKED), rows[prompts[place]]))
        return _strongest(parts)


@dataclass(frozen=True, slots=True)
class Matches:
    """Rows of ours that stand in one dataset: ours, kind, strength, theirs; arrays of equal length."""

    ours: Longs
    kind: npt.NDArray[np.int64]
    strength: npt.NDArray[np.float64]
    theirs: Longs

    def __len__(self) -> int:
        return len(self.ours)

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Matches:
        return Matches(self.ours[chosen], self.kind[chosen], self.strength[chosen], self.theirs[chosen])


def _strongest(parts: list[Matches]) -> Matches:
    """A row of ours once, ascending."""
    columns = ("ours", "kind", "strength", "theirs")
    every = Matches(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))
    order = np.lexsort((every.theirs, every.kind, -every.strength, every.ours))
    return every.where(order[np.unique(every.ours[order], return_index=True)[1]])


def _jaccard(ours: Dataset, theirs: Dataset, pairs: Longs, threshold: float) -> npt.NDArray[np.float64]:
    """Exact similarity of pairs: int64 [2, m] of rows; -1 below the threshold."""
    scores = [np.zeros(0)]
    for start in range(0, pairs.shape[1], PAIRS):
        left, at_left = np.unique(pairs[0, start : start + PAIRS], return_inverse=True)
        right, at_right = np.unique(pairs[1, start : start + PAIRS], return_inverse=True)
        sets = _sets(ours, left), _sets(theirs, right)
        scores.append(similar(*sets, at_left.ravel(), at_right.ravel(), threshold))
    return np.concatenate(scores)


def _sets(rows: Dataset, wanted: Longs) -> Sets:
    """Shingle sets of the wanted rows (ascending), in their order."""
    ends = np.array([shard.start + shard.rows for shard in rows.shards], np.int64)
    sizes, values = [np.zeros(1, np.int64)], []
    for shard, mine in enumerate(np.split(wanted, np.searchsorted(wanted, ends)[:-1])):
        if len(mine):
            view = rows.shard(shard).strings("text")
            inside = mine - rows.shards[shard].start
            part = shingle_sets(spans(view.offsets, view.data, fold=True, rows=inside), SHINGLE)
            sizes.append(sizes[-1][-1] + part.offsets[1:])
            values.append(part.values)
    return Sets(np.concatenate(sizes), np.concatenate(values))
