"""Two datasets, row by row: what was added, removed and changed.

A row that both have is the same: equal digest of its canonical content, copy by copy. Of the others, one
of the left and one of the right are one *changed* row where they have the same id, else the same text,
else the same prompt; equal ones are paired in order. What is left was removed, or added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.hashes import first_rows, hash_rows
from auditor.kernels.texts import spans
from auditor.model.rows import Dataset, Rows

KEYS = ("id", "text", "prompt")
"""What makes two different rows one that changed, in the order it is tried. Text before prompt: of
several answers to a prompt, the one that only got a new id is not taken for another's change."""

COLUMNS = ("id", "prompt", "response", "rejected", "source", "meta")
REST = ("text", "messages")
"""`text` is told where what it is made of did not change otherwise, `messages` where nothing else did."""

Longs = npt.NDArray[np.int64]
Hashes = tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64], npt.NDArray[np.bool_]]

_HEX = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], np.uint8)


@dataclass(frozen=True, slots=True)
class Changes:
    """same: rows of both. removed: rows of the left. added: rows of the right. changed: [n, 2], the row
    of the left and of the right, in order of the left. by: key -> pairs it made. columns: column ->
    pairs that differ in it. differs: column -> bool [n]."""

    same: int
    removed: Longs
    added: Longs
    changed: Longs
    by: Mapping[str, int]
    columns: Mapping[str, int]
    differs: Mapping[str, npt.NDArray[np.bool_]]

    @property
    def any(self) -> bool:
        return bool(len(self.removed) or len(self.added) or len(self.changed))


def changes(left: Dataset, right: Dataset) -> Changes:
    """What lies between two datasets. Memory: about 100 bytes a row, whatever the rows hold."""
    mine, theirs = _digests(left), _digests(right)
    a, b = _paired(mine, theirs)
    gone, new = _without(len(left), a), _without(len(right), b)
    same = len(a)
    pairs: list[Longs] = []
    by: dict[str, int] = {}
    for key in KEYS:
        if not len(gone) or not len(new):
            break
        a, b = _paired(_key(left, gone, key), _key(right, new, key))
        if len(a):
            by[key] = len(a)
            pairs.append(np.column_stack((gone[a], new[b])))
            gone, new = np.delete(gone, a), np.delete(new, b)
    changed = np.concatenate(pairs) if pairs else np.zeros((0, 2), np.int64)
    changed = changed[np.argsort(changed[:, 0], kind="stable")]
    differs = _differs(left, right, changed)
    return Changes(same, gone, new, changed, by, {c: int(d.sum()) for c, d in differs.items() if d.any()}, differs)


def _digests(rows: Dataset) -> Hashes:
    """The rows' digests as two halves."""
    parts = [_binary(shard).view(np.uint64).reshape(-1, 2) for shard in rows]
    halves = np.concatenate(parts) if parts else np.zeros((0, 2), np.uint64)
    return np.ascontiguousarray(halves[:, 0]), np.ascontiguousarray(halves[:, 1]), np.ones(len(halves), np.bool_)


def _binary(shard: Rows) -> npt.NDArray[np.uint8]:
    """uint8 [n, 16]: the digests of a shard."""
    column = shard.column("digest")
    data = np.frombuffer(column.buffers()[1], np.uint8)
    return data[16 * column.offset : 16 * (column.offset + len(column))].reshape(-1, 16)


def _key(rows: Dataset, among: Longs, key: str) -> Hashes:
    """Hashes of a text column of the rows `among`; nothing is no key, nor is an id that was only made up."""
    left, right, present = _hashed(rows, among, key)
    if key == "id":
        present &= ~_made_up(rows, among)
    return left, right, present


def _hashed(rows: Dataset, among: Longs, column: str) -> Hashes:
    parts: list[Hashes] = []
    for shard, here in _by_shard(rows, among):
        view = shard.strings(column)
        texts = spans(view.offsets, view.data, fold=False, rows=here)
        left, right = hash_rows(texts.starts, texts.lengths)
        parts.append((left, right, texts.lengths > 0))
    if not parts:
        nothing = np.zeros(0, np.uint64)
        return nothing, nothing, np.zeros(0, np.bool_)
    left, right, present = (np.concatenate(column) for column in zip(*parts, strict=True))
    return left, right, present


def _made_up(rows: Dataset, among: Longs) -> npt.NDArray[np.bool_]:
    """Whether a row's id is its digest in hex: then nobody gave it one."""
    parts = []
    for shard, here in _by_shard(rows, among):
        ids = shard.strings("id")
        begin = ids.offsets[here]
        found = ids.offsets[here + 1] - begin == 32
        letters = ids.data[begin[found, None] + np.arange(32)]
        found[found] = (letters == _HEX[_binary(shard)[here[found]]].reshape(-1, 32)).all(axis=1)
        parts.append(found)
    return np.concatenate(parts) if parts else np.zeros(0, np.bool_)


def _by_shard(rows: Dataset, among: Longs) -> Sequence[tuple[Rows, Longs]]:
    """Each shard with the places in it of the rows `among` (ascending)."""
    ends = np.searchsorted(among, [shard.start + shard.rows for shard in rows.shards])
    begins = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    return [
        (rows.shard(index), among[begin:end] - rows.shards[index].start)
        for index, (begin, end) in enumerate(zip(begins, ends, strict=True))
        if end > begin
    ]


def _paired(left: Hashes, right: Hashes) -> tuple[Longs, Longs]:
    """Places in left and right that have the same hash: the k-th of the one with the k-th of the other."""
    count = len(left[0])
    one, two, present = (np.concatenate(sides) for sides in zip(left, right, strict=True))
    group = first_rows(one, two, present)
    a, b = np.flatnonzero(present[:count]), np.flatnonzero(present[count:])
    a = a[np.argsort(group[:count][a], kind="stable")]
    b = b[np.argsort(group[count:][b], kind="stable")]
    mine, theirs = group[:count][a], group[count:][b]
    rank = np.arange(len(a)) - np.searchsorted(mine, mine)
    begin = np.searchsorted(theirs, mine)
    found = rank < np.searchsorted(theirs, mine, side="right") - begin
    return a[found], b[(begin + rank)[found]]


def _without(count: int, taken: Longs) -> Longs:
    left = np.ones(count, np.bool_)
    left[taken] = False
    return np.flatnonzero(left)


def _differs(left: Dataset, right: Dataset, changed: Longs) -> dict[str, npt.NDArray[np.bool_]]:
    found = {column: _unequal(left, right, changed, column) for column in COLUMNS}
    order = np.argsort(changed[:, 1], kind="stable")
    theirs = np.empty(len(changed), np.bool_)
    theirs[order] = _made_up(right, changed[order, 1])
    found["id"] &= ~(_made_up(left, changed[:, 0]) & theirs)  # made up from contents that differ
    # The prompt and the answers are parts of the text.
    parts = found["prompt"] | found["response"] | found["rejected"]
    found["text"] = _unequal(left, right, changed, "text") & ~parts
    found["messages"] = ~np.logical_or.reduce(list(found.values())) if len(changed) else np.zeros(0, np.bool_)
    return found


def _unequal(left: Dataset, right: Dataset, changed: Longs, column: str) -> npt.NDArray[np.bool_]:
    """Which pairs differ in a column; nothing and an empty text are one."""
    order = np.argsort(changed[:, 1], kind="stable")
    mine, theirs = _hashed(left, changed[:, 0], column), _hashed(right, changed[order, 1], column)
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    unequal: npt.NDArray[np.bool_] = (mine[0] != theirs[0][back]) | (mine[1] != theirs[1][back])
    return unequal
