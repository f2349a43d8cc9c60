"""Which groups of rows are patterns, and which are parts of one: by the rows outside that they claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from auditor.statistics.agglomeration import chosen, dot_products, ends, sum_up
from auditor.statistics.neighbours import BLOCK, Spread

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SLACK = 0.75
"""A row is contested by a group that is this near to it, as a share of its own group's similarity."""

CONTESTED, ROWS = 0.2, 4.0
"""Contested rows a row of a proposal that stands, and the rows that the share in all of its set is worth for each."""

COMMON = 0.24
"""Average similarity of two rows of a pattern at the least: rows that have no more in common than one word, however
clear it is which of them have it, reach .18 (`technology` among random English words), and rows on one subject .21
(50 on energy in 2,500 of Alpaca)."""

UNITED, UNION = 0.1, 0.25
"""Rows that two groups claim of each other, as a share of both, from which on they may be one; and the average
similarity of two rows of such a union. One topic word often repeated makes .22 (GSM8K's pizzas, sandwiches, calories),
two fifths of the words of every row replaced .36."""

ROUNDS, TRAFFIC = 6, 10
"""Times that groups unite and rows move, and the share of its rows, as 1 / that, that makes a group a changed one."""


@dataclass(frozen=True, slots=True)
class _Field:
    """Groups, and how near their rows are. group: int64 [n]; size: int64 [m], 0 for one that went into another;
    sums: float32 [m, d]. own: float64 [n], average similarity of a row to the others of its group, 0 for a single one.
    edge: float32 [m], that of the group's lowest tenth, for these may be strays. alike: float64 [m], of two rows."""

    group: Longs
    size: Longs
    sums: Floats
    own: Doubles
    edge: Floats
    alike: Doubles


class _Claims(NamedTuple):
    """Rows (int64 [c]) that a group by (int64 [c]), not their own, is as near to as to its own, and as near as their
    own, but for SLACK; near: float32 [c], how near."""

    row: Longs
    by: Longs
    near: Floats


def united(rows: Floats, group: Longs, side: Longs, spread: Spread) -> tuple[Longs, Mask, Mask]:
    """int64 [n], the groups again, those together that do not end where the other begins; bool [n] twice, whether the
    row's group is a pattern as it was given, and as it is now. rows: float32 [n, d] of length 1; group: int64 [n];
    side: int64 [n] from 0, the set that each row is of: what is usual may differ between sets."""
    m = int(group.max()) + 1
    field = _field(rows, group, m)
    claims = _claims(rows, field, np.arange(len(rows)), np.flatnonzero(field.size > 1), spread)
    given = _stands(field, claims, side)[group]
    for _ in range(ROUNDS):
        into, gone = _contesting(field, claims)
        parent = np.arange(m)
        parent[gone] = into
        now = ends(parent)[_drawn(field, claims)]
        other = now != field.group
        if not other.any():
            break
        traffic = np.bincount(now[other], minlength=m) + np.bincount(field.group[other], minlength=m)
        field = _field(rows, now, m)
        # Only groups of which a tenth of the rows came or went are measured again, and the rows of these.
        changed = TRAFFIC * traffic > field.size
        again = changed[now] | other
        several = field.size > 1
        old = ~(again[claims.row] | changed[claims.by])
        claims = _together(
            [
                _Claims(*(part[old] for part in claims)),
                _claims(rows, field, np.flatnonzero(again), np.flatnonzero(several), spread),
                _claims(rows, field, np.flatnonzero(~again), np.flatnonzero(several & changed), spread),
            ]
        )
    stands = _stands(field, claims, side) & (field.alike >= UNION)
    return field.group, given, stands[field.group]


def _field(rows: Floats, group: Longs, m: int) -> _Field:
    size = np.bincount(group, minlength=m)
    sums = sum_up(rows, group, m)
    own = (np.einsum("ij,ij->i", rows, sums[group], dtype=np.float64) - 1) / np.maximum(size[group] - 1, 1)
    own[size[group] == 1] = 0
    ranked = own[np.lexsort((own, group))]
    edge = ranked[np.minimum(np.cumsum(size) - size + size // 10, len(rows) - 1)].astype(np.float32)
    squared = np.einsum("ij,ij->i", sums, sums, dtype=np.float64)
    return _Field(group, size, sums, own, edge, (squared - size) / np.maximum(size * (size - 1.0), 1))


def _claims(rows: Floats, field: _Field, at: Longs, by: Longs, spread: Spread) -> _Claims:
    """The claims of the groups `by` to the rows `at`."""
    means = field.sums[by] / field.size[by].astype(np.float32)[:, None]
    edge = SLACK * field.edge[by]

    def search(start: int) -> _Claims:
        part = at[start : start + BLOCK]
        products = rows[part] @ means.T
        row, column = np.nonzero(products >= edge)
        near = products[row, column]
        row, other = part[row], by[column]
        held = (near >= SLACK * field.own[row]) & (field.group[row] != other)
        return _Claims(row[held], other[held], near[held])

    return _together(spread(search, range(0, len(at), BLOCK)) if len(by) else [])


def _together(parts: Sequence[_Claims]) -> _Claims:
    none = _Claims(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))
    return _Claims(*(np.concatenate(part) for part in zip(none, *parts, strict=True)))


def _drawn(field: _Field, claims: _Claims) -> Longs:
    """int64 [n]: for each row the group that it is nearest to."""
    order = np.lexsort((claims.by, -claims.near, claims.row))
    row, by, near = (part[order] for part in claims)
    goes = np.ones(len(row), np.bool_)
    goes[1:] = row[1:] != row[:-1]
    goes &= (near > field.own[row]) & (field.alike[by] >= UNION)
    group = field.group.copy()
    group[row[goes]] = by[goes]
    return group


def _contesting(field: _Field, claims: _Claims) -> tuple[Longs, Longs]:
    """Groups that take in, and those that go into them, because they claim each other's rows."""
    mine = field.group[claims.row]
    several = field.size[mine] > 1
    mine, other = mine[several], claims.by[several]
    m = len(field.size)
    keys, count = np.unique(np.minimum(mine, other) * m + np.maximum(mine, other), return_counts=True)
    left, right = keys // m, keys % m
    size = field.size.astype(np.float64)
    inside = field.alike * size * (size - 1)
    both = size[left] + size[right]
    alike = (inside[left] + inside[right] + 2 * dot_products(field.sums, left, right)) / (both * (both - 1))
    share = count / both
    fits = (share >= UNITED) & (alike >= UNION)
    return chosen(size, left[fits], right[fits], share[fits])


def _stands(field: _Field, claims: _Claims, side: Longs) -> Mask:
    """Bool [m]: the proposed group is a pattern, because few rows outside are as near to it as its own."""
    n, m = len(field.group), len(field.size)
    contested = np.bincount(claims.by, minlength=m)
    often = np.bincount(claims.row, minlength=n) + (field.size[field.group] == 1)
    usual = np.bincount(side, often) / np.bincount(side)
    expected = np.bincount(field.group, usual[side], m) / np.maximum(field.size, 1)
    clear: Mask = (contested + ROWS * expected) / (field.size + ROWS) <= CONTESTED
    return clear & (field.size > 1) & (field.alike >= COMMON)
