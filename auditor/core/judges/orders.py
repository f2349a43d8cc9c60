"""Verdicts that belong together: the same question in both orders, one judge's opinion of a pair, what people said.

Everything is told by codes of names, and one verdict stands for those of a cell by their majority, so that nothing
here depends on the order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from auditor.core.check import Context
from auditor.model.verdicts import INVALID, TIE, UNKNOWN, A, B, Verdicts
from auditor.statistics import bootstrap

Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]

BLOCK = 1 << 20
"""Numbers that are counted up at a time."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Cells of verdicts, by rising key. keys: int64 [n], distinct. verdict: int8 [n], the majority of the valid
    ones; a tie without a majority; INVALID where none is valid. rows: int64 [n], a verdict of each cell. sizes:
    int32 [n], its verdicts."""

    keys: Longs
    verdict: Small
    rows: Longs
    sizes: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.keys)


@dataclass(frozen=True)
class Both:
    """The same judge asked the same in both orders, p times. shown_first: int8 [p], the verdict where A stood first,
    in terms of the item; shown_second: where B did. rows_first, rows_second: int64 [p], places of these verdicts.
    once: bool [p], whether each is one verdict, not the majority of several. alone: int64 [q], places of verdicts whose
    order is known and that have no twin in the other."""

    shown_first: Small
    shown_second: Small
    rows_first: Longs
    rows_second: Longs
    once: Mask
    alone: Longs

    def __len__(self) -> int:
        return len(self.shown_first)

    @cached_property
    def valid(self) -> Mask:
        valid: Mask = (self.shown_first != INVALID) & (self.shown_second != INVALID)
        return valid

    @cached_property
    def agree(self) -> Mask:
        same: Mask = self.shown_first == self.shown_second
        return same

    @cached_property
    def lean(self) -> Small:
        """int8 [p]: 1 where a conflict favours what stands last, -1 what stands first, else 0: one order won by a
        place and the other not by the other place. Two wins by places, or one and a tie (Shi et al. 2024)."""
        points = np.array([1, -1, 0, 0], np.int8)  # of A, B, tie, invalid
        lean: Small = np.sign(points[self.shown_second] - points[self.shown_first]).astype(np.int8)
        return np.where(self.valid, lean, 0).astype(np.int8)


def keys(*columns: npt.NDArray[np.integer], at: Longs | None = None) -> Longs:
    """One number (int64 [n]) for each combination of codes from UNKNOWN (-1) up, in their lexicographic order. at: the
    rows that are wanted, all where it is None."""
    joined, reach = np.zeros(len(columns[0] if at is None else at), np.int64), 1
    for column in columns:
        width = int(column.max(initial=UNKNOWN)) + 2
        if reach * width >= 1 << 62:
            joined, reach = ranked(joined)
        # In place, and one column after the other: these are the longest arrays there are.
        joined *= width
        joined += column if at is None else column[at]
        joined += 1
        reach *= width
    return joined


def ranked(key: Longs) -> tuple[Longs, int]:
    """The place of each key (not below 0) among the distinct ones in rising order (int64 [n]), and their number. key is
    written over."""
    reach = int(key.max(initial=-1)) + 1
    if reach <= len(key):  # a table of all keys there may be is smaller than what sorting takes
        present = np.zeros(reach, np.bool_)
        present[key] = True
        place = np.cumsum(present, dtype=np.int64)
        place -= 1
        return place[key], int(place[-1]) + 1 if reach else 0
    order, risen = rising(key)
    place = np.cumsum(risen[1:] != risen[:-1])
    rank = np.zeros(len(key), np.int64)
    rank[order[1:]] = place
    return rank, int(place[-1]) + 1 if len(place) else 1


def rising(key: Longs) -> tuple[Longs, Longs]:
    """The places of keys (int64 [n], not below 0, written over) by rising key, equals in the order they come; and the
    keys so."""
    bits = len(key).bit_length()
    if int(key.max(initial=0)).bit_length() + bits > 63:
        order = np.argsort(key, kind="stable")
        return order, key[order]
    # Keys with their places in the lowest bits are sorted in a fifth of the time of argsort.
    key <<= bits
    for low in range(0, len(key), BLOCK):
        key[low : low + BLOCK] += np.arange(low, min(low + BLOCK, len(key)))
    key.sort()
    order = key & ((1 << bits) - 1)
    key >>= bits
    return order, key


def settled(key: Longs, verdict: Small, rows: Longs) -> Settled:
    """One verdict for all of equal key. key, verdict, rows: [n]; rows are their places in the whole. key is written
    over."""
    order, risen = rising(key)
    fresh = np.ones(len(key), np.bool_)
    np.not_equal(risen[1:], risen[:-1], out=fresh[1:])
    said = verdict[order]
    if fresh.all():
        return Settled(risen, said, rows[order], np.broadcast_to(np.int32(1), len(key)))
    starts = np.flatnonzero(fresh)
    distinct = risen[starts]
    del risen, fresh
    counts = [np.add.reduceat(said == code, starts, dtype=np.int32) for code in (A, B, TIE)]
    most = np.maximum(np.maximum(counts[A], counts[B]), counts[TIE])
    settling = np.full(len(starts), TIE, np.int8)
    for code, other in ((A, B), (B, A)):
        settling[(counts[code] == most) & (counts[other] < most) & (counts[TIE] < most)] = code
    settling[most == 0] = INVALID
    sizes = np.diff(starts, append=len(key)).astype(np.int32)
    return Settled(distinct, settling, rows[order[starts]], sizes)


def both(verdicts: Verdicts, among: Mask) -> Both:
    """Verdicts of `among` (bool [n]) that were given in both orders: same item, makers, judge, prompt and repeat."""
    rows = np.flatnonzero(among & (verdicts.first != UNKNOWN))
    cells = settled(keys(*asking(verdicts), verdicts.repeat, verdicts.first, at=rows), verdicts.verdict[rows], rows)
    # `first` comes last in a key, as 1 (A) or 2 (B) of three: after B comes another question.
    twin = (np.diff(cells.keys) == 1) & (verdicts.first[cells.rows[:-1]] == A)
    at = np.flatnonzero(twin)
    paired = np.zeros(len(cells), np.bool_)
    paired[at] = paired[at + 1] = True
    return Both(
        cells.verdict[at],
        cells.verdict[at + 1],
        cells.rows[at],
        cells.rows[at + 1],
        (cells.sizes[at] == 1) & (cells.sizes[at + 1] == 1),
        cells.rows[~paired],
    )


def twice(verdicts: Verdicts, context: Context) -> Both:
    """`both` of all machine judges; worked out once an audit."""
    whose, pairs = context.known.get("both orders", (None, None))
    if whose is not verdicts:  # places are those of one table: the same verdicts in another order have other ones
        pairs = both(verdicts, verdicts.by_machine)
        context.known["both orders"] = verdicts, pairs
    found: Both = pairs
    return found


def pairing(verdicts: Verdicts) -> tuple[npt.NDArray[np.int32], ...]:
    """Columns that say which two outputs were compared: the question, and the makers."""
    question = verdicts.item.codes if verdicts.question is None else verdicts.question
    return question, verdicts.a.codes, verdicts.b.codes


def asking(verdicts: Verdicts) -> tuple[npt.NDArray[np.int32], ...]:
    """Columns that say what was asked of whom, but for the order."""
    return (*pairing(verdicts), verdicts.judge.codes, verdicts.prompt.codes)


def paired(verdicts: Verdicts) -> tuple[Longs, int]:
    """The pair of outputs that each verdict is of, as a number (int64 [n]) below that of pairs."""
    return ranked(keys(*pairing(verdicts)))


def gold(verdicts: Verdicts, pairs: tuple[Longs, int] | None = None) -> Small:
    """What people (or a gold label) say of each verdict's pair (int8 [n]): their majority, a tie without one, INVALID
    where no person gave a valid verdict. pairs: of `paired`, where that is known."""
    people = np.flatnonzero(~verdicts.by_machine & (verdicts.judge.codes != UNKNOWN) & (verdicts.verdict != INVALID))
    if not len(people):
        return np.full(len(verdicts), INVALID, np.int8)
    pair, n = pairs or paired(verdicts)
    said = settled(pair[people], verdicts.verdict[people], people)
    told = np.full(n, INVALID, np.int8)
    told[said.keys] = said.verdict
    return told[pair]


def drawn(verdicts: Verdicts) -> npt.NDArray[np.int32]:
    """The bootstrap group of each item (int32 [items]), by its code mixed (splitmix64, Steele et al. 2014)."""
    mixed = (np.arange(len(verdicts.item.names), dtype=np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bootstrap.groups(mixed ^ (mixed >> np.uint64(31)))


def counted(width: int, groups: npt.NDArray[np.int32], places: npt.NDArray[np.integer]) -> Longs:
    """How often each place below `width` comes in each bootstrap group: int64 [groups, width]."""
    most = int(groups.max(initial=-1)) + 1
    cells = groups.astype(np.int64) * width + places
    return np.bincount(cells, minlength=most * width).reshape(most, width)


def summed(groups: npt.NDArray[np.int32], values: Sequence[npt.NDArray[np.integer]]) -> Longs:
    """Sums of integers by bootstrap group: int64 [groups, len(values)]. Each column's sum is to stay below 2**53."""
    most = int(groups.max(initial=-1)) + 1
    columns = [np.bincount(groups, value, most).astype(np.int64) for value in values]
    return np.stack(columns, 1) if columns else np.zeros((most, 0), np.int64)
