"""Patterns of a set of texts: groups of vectors that vary about a common core.

1. What all rows share (a scaffold, a system prompt, the language) is subtracted: patterns differ by the rest.
2. Rows join by average linkage where they are alike by at least STRICT: these groups stand by themselves.
3. Rows of a pattern with much variation are less alike than that. Groups are proposed on the cosine of their cores,
   average similarity between them over that within them, which does not fall as rows vary.
4. A group claims the rows outside that are as near to it as its own. Groups that claim each other's rows are parts of
   one pattern, however their cores differ: no gap is between them. They unite, and rows go where they are nearest, as
   in k-means, for the words that were replaced average out in a core.
5. A proposal stands where few rows are claimed by it: a pattern ends somewhere, and in diverse text there is always a
   next row. Groups too small to tell borrow from what is so in the whole set (empirical Bayes). A union that does not
   stand is taken back.
6. What is left is a pattern of its own. Nothing is fitted to the number of patterns or to the reference.

Average linkage (Sokal and Michener 1958) needs the sums of vectors only: the mean similarity of two groups is the
product of their sums. Merging reciprocal nearest groups in rounds (Murtagh 1983, The Computer Journal 26:354) is
deterministic and parallel. The core cosine is Spearman's (1904) correction for attenuation.

Constants were chosen on sets planted otherwise than those of the tests; their figures are in the notes of the room.
Tried and left: single linkage and components of the graph of neighbours (chains through any diverse text), a fixed
threshold (GSM8K's questions are as alike, .35, as rows of a template with two fifths replaced), the ratio to the
nearest other group (fragments of a pattern are near to it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from auditor.kernels import linkage
from auditor.statistics.blas import single

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

STRICT = 0.4
"""Average similarity at which groups stand by themselves; of GSM8K's rows 19 % are in one, of Dolly's 23 %."""

CORES = 0.75
"""Cosine of two cores that are one: halves of a pattern are near 1, templates with one word changed near .7."""

PART = 0.5
"""A stray group belongs to a large one if as alike to it as half of what the rows of that are to each other."""

STRAY, LARGE = 8, 16
"""Rows of a stray group at most, and of a large one at the least: what is alike by chance is small."""

REACH = 0.22
"""Cosine of a single row with the core that it joins."""

PRIOR, PAIRS = 0.5, 0.5
"""Similarity within a group before anything is seen of it, and the pairs of rows that this is worth."""

SLACK = 0.75
"""A row is contested by a group that is this near to it, as a share of its own group's similarity."""

CONTESTED, ROWS = 0.2, 4.0
"""Contested rows a row of a proposal that stands, and the rows that the whole set's share is worth for each."""

COMMON = 0.2
"""Average similarity of two rows of a pattern at the least: rows that have no more in common than one word, however
clear it is which of them have it, reach .18 (`technology` among random English words)."""

UNITED, UNION = 0.1, 0.25
"""Rows that two groups claim of each other, as a share of both, from which on they may be one; and the average
similarity of two rows of such a union. One topic word often repeated makes .22 (GSM8K's pizzas, sandwiches, calories),
two fifths of the words of every row replaced .36."""

ROUNDS, TRAFFIC = 6, 10
"""Times that groups unite and rows move, and the share of its rows, as 1 / that, that makes a group a changed one."""

CHANCE = 4.0
"""Standard deviations of random cosines below which a similarity says nothing."""

NEAREST, LEAST = 10, 0.15
"""Neighbours looked at for each row, and the cosine below which there are none."""

SCAFFOLD = 0.03
"""Median of the rows' 2 % quantiles of cosines above which all rows share a scaffold; about -0.11 where none do."""

MANY = 256
"""Different rows that a mean needs to be a background: of few patterns without a scaffold it is one of them."""

SUBTRACTED = 8.0
"""Squared length of the mean of fewer different rows from which on it is a background, times that if they were unlike:
four templates reach 4, 200 templates that share a vocabulary of common words 28."""

BLOCK = 1024
CENTRE = 2_000
RANDOM = 20_000
PASSES, SETTLED = 3, 0.99
"""Times that groups look for each other, and the share of them that is left where they have stopped to merge."""

Spread = Callable[[Callable[[Any], Any], Iterable[Any]], list[Any]]
"""`Engine.map`: function over items in parallel, results in order."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """labels: int64 [n], the pattern of each row, 0 the largest; equal ones by their first row. sizes: int64 [K].
    common: mean cosine of two rows, before what all share was subtracted. noise: spread of cosines by chance."""

    labels: Longs
    sizes: Longs
    common: float
    noise: float

    @property
    def effective(self) -> float:
        return effective(self.sizes)


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


def effective(sizes: Longs) -> float:
    """Exp of the Shannon entropy of shares: as many equally large patterns are as diverse (Hill 1973, order 1)."""
    held = sizes[sizes > 0]
    if not len(held):
        return 0.0
    share = held / held.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def find(vectors: Floats, spread: Spread, template: bool = False) -> Patterns:
    """The patterns of rows. vectors: float32 [n, d] of length 1, in an order that has nothing to do with what they
    are (that of `sketches.sample.drawn`). template: what all rows share is a pattern, not a scaffold around them;
    vectors do not tell which, texts do (`shared`)."""
    first, place = _distinct(vectors)
    with single():
        found, common, noise = _grouped(vectors[first], spread, template)
    by_row = found[place]
    sizes = np.bincount(by_row, minlength=1)
    begins = np.full(len(sizes), len(by_row), np.int64)
    np.minimum.at(begins, by_row, np.arange(len(by_row)))
    order = np.lexsort((begins, -sizes))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return Patterns(number[by_row], sizes[order], common, noise)


def _distinct(vectors: Floats) -> tuple[Longs, Longs]:
    """The first row of every distinct vector, ascending, and for each row its place among them."""
    rows = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.shape[1] * vectors.itemsize))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which]


def _grouped(vectors: Floats, spread: Spread, template: bool) -> tuple[Longs, float, float]:
    """A label for each of distinct vectors."""
    n = len(vectors)
    if n < 3:
        return np.arange(n), 1.0, 0.0
    rows, common = centred(vectors, template)
    noise = _noise(rows)
    near, _ = nearest(rows, NEAREST, LEAST, spread)
    left, right = _edges(near, np.arange(n))
    strict = _merged(rows, np.arange(n), left, right, noise, strict=True)
    loose = _merged(rows, strict, left, right, noise, strict=False)
    loose = _joined(rows, loose, noise, 1, spread)
    loose = _settled(rows, loose, noise, spread)
    loose = _joined(rows, loose, noise, 2, spread)
    united, given, stands = _united(rows, loose, spread)
    label = np.where(stands, united, np.where(given, n + loose, 2 * n + strict))
    return np.unique(label, return_inverse=True)[1], common, noise


def shared(offsets: Longs, words: npt.NDArray[np.uint64]) -> tuple[float, float]:
    """What texts have in common and what is their own: the medians, over texts, of how many of their distinct words
    stand in half of all texts or more, and of how many do not. Text i has words[offsets[i]:offsets[i + 1]] (hashes)."""
    n = len(offsets) - 1
    found, place, texts = np.unique(words, return_inverse=True, return_counts=True)
    if not n or not len(found):
        return 0.0, 0.0
    common = np.concatenate([[0], np.cumsum(2 * texts[place] >= n)])
    held = common[offsets[1:]] - common[offsets[:-1]]
    return float(np.median(held)), float(np.median(np.diff(offsets) - held))


def centred(vectors: Floats, template: bool = False) -> tuple[Floats, float]:
    """The vectors without what all share, of length 1; and the mean cosine of two of them before.

    What all share is a direction, whole, for a scaffold weighs less in a long text: the mean of a sample in which rows
    weigh the less the more rows are like them (1 / the sum of cosine**4), so that a template that makes most of the
    rows is a pattern and not the background. Where even rows that are least alike share something, likeness is what
    goes beyond it: a product of loadings, first by the lowest cosines of each row, then by the direction found.
    Nothing is subtracted where what all share is known to be a template, or where there is neither a scaffold nor
    enough different rows to have a background, and their mean is no longer than that of so many unlike rows may be.
    """
    sample = vectors[:CENTRE]
    alike = sample @ sample.T
    common = float((alike.sum(dtype=np.float64) - np.trace(alike)) / (len(sample) * (len(sample) - 1)))
    lowest = len(sample) // 50
    floor = np.maximum(np.partition(alike, lowest, axis=1)[:, lowest], 0)
    usual = float(np.median(floor))
    scaffold = usual >= SCAFFOLD and not template
    loading = np.minimum(floor / np.sqrt(usual), 0.97).astype(np.float32) if scaffold else np.zeros_like(floor)
    for _ in range(2 if scaffold else 1):
        beyond = np.maximum(alike - np.outer(loading, loading), 0)
        beyond *= beyond
        weight = 1 / np.maximum(np.einsum("ij,ij->i", beyond, beyond, dtype=np.float64), 1)
        centre = (weight @ sample).astype(np.float32)
        length = float(np.sqrt(centre @ centre))
        centre /= max(length, 1e-9)
        loading = np.maximum(sample @ centre, 0)
    different = float(weight.sum())
    few = different < min(MANY, len(sample) / 4) and (template or length**2 < SUBTRACTED * different)
    if few and not scaffold:
        return vectors, common
    moved: Floats = vectors - np.outer(vectors @ centre, centre)
    moved /= np.maximum(np.sqrt(np.einsum("ij,ij->i", moved, moved)), np.float32(1e-6))[:, None]
    return moved, common


def _noise(rows: Floats) -> float:
    """Spread of the cosines of random pairs by chance: of the negative ones about 0, for patterns are positive.

    Between one and two times that of random directions: of few patterns each is opposite to the others' mean.
    """
    seen: list[Floats] = []
    for step in range(1, min(len(rows), 1 + max(1, RANDOM // len(rows)) * 2)):
        seen.append(np.einsum("ij,ij->i", rows[:RANDOM], np.roll(rows, step, axis=0)[:RANDOM]))
        if sum(map(len, seen)) >= RANDOM:
            break
    drawn = np.concatenate(seen).astype(np.float64)
    below = drawn[drawn < 0]
    usual = 1 / float(np.sqrt(rows.shape[1]))
    return float(np.clip(np.sqrt(np.mean(below**2)), usual, 2 * usual)) if len(below) else usual


def nearest(rows: Floats, k: int, least: float, spread: Spread, among: int = 0) -> tuple[npt.NDArray[np.int32], Floats]:
    """int32 [n, k] and float32 [n, k]: the nearest others of each row with a cosine above `least`, else -1.

    among: only pairs with one of the first so many rows; 0 for all.
    """
    n = len(rows)
    starts = range(0, n, BLOCK)
    blocks = [(i, j) for i in starts if i < (among or n) for j in starts if j >= i]
    parts = min(4, max(1, len(blocks) // 4))

    def search(part: int) -> tuple[npt.NDArray[np.int32], Floats]:
        near = np.full((n, k), -1, np.int32)
        cosine = np.full((n, k), least, np.float32)
        for i, j in blocks[part::parts]:
            products = rows[i : i + BLOCK] @ rows[j : j + BLOCK].T
            hits = np.flatnonzero(products > cosine[i : i + BLOCK, -1:])
            linkage.keep_nearest(products, hits, i, j, near, cosine, False)
            if i != j:
                hits = np.flatnonzero(products > cosine[j : j + BLOCK, -1])
                linkage.keep_nearest(products, hits, i, j, near, cosine, True)
        return near, cosine

    found = spread(search, range(parts))
    near = np.concatenate([one for one, _ in found], axis=1)
    cosine = np.concatenate([other for _, other in found], axis=1)
    if parts > 1:
        order = np.lexsort((near, -cosine), axis=1)[:, :k]
        near, cosine = np.take_along_axis(near, order, 1), np.take_along_axis(cosine, order, 1)
    return near, cosine


def _edges(near: npt.NDArray[np.int32], group: Longs) -> tuple[Longs, Longs]:
    """Pairs of different groups that have neighbours in each other, each pair once, ascending."""
    n, k = near.shape
    one, other = np.repeat(np.arange(n), k), near.ravel().astype(np.int64)
    real = other >= 0
    return _pairs(group[one[real]], group[other[real]])


def _pairs(one: Longs, other: Longs) -> tuple[Longs, Longs]:
    low, high = np.minimum(one, other), np.maximum(one, other)
    apart = low != high
    width = int(high.max(initial=0)) + 1
    keys = np.unique(low[apart] * width + high[apart])
    return keys // width, keys % width


def _sums(rows: Floats, group: Longs, groups: int) -> Floats:
    sums = np.zeros((groups, rows.shape[1]), np.float32)
    linkage.add_up(rows, group, sums)
    return sums


def _within(squared: Doubles, size: Doubles) -> Doubles:
    """Average similarity of two rows of a group. squared: of its sum's length."""
    pairs = size * (size - 1) / 2
    seen: Doubles = ((squared - size) / 2 + PAIRS * PRIOR) / (pairs + PAIRS)
    return np.clip(seen, 0.12, 0.95)  # a core's length is a root of it: never nothing


def _merged(rows: Floats, group: Longs, left: Longs, right: Longs, noise: float, *, strict: bool) -> Longs:
    """Groups of groups, merged along edges of rows until no pair qualifies; labels from 0."""
    labels, group = np.unique(group, return_inverse=True)
    left, right = _pairs(group[left], group[right])
    return _agglomerated(_sums(rows, group, len(labels)), np.bincount(group), left, right, noise, strict=strict)[group]


def _agglomerated(sums: Floats, rows: Longs, left: Longs, right: Longs, noise: float, *, strict: bool) -> Longs:
    """int64 [m]: for each group the group that it went into. Every round merges reciprocal best pairs."""
    m = len(sums)
    parent = np.arange(m)
    size = rows.astype(np.float64)
    squared = np.einsum("ij,ij->i", sums, sums, dtype=np.float64)
    product = _products(sums, left, right)
    while len(left):
        between = product / (size[left] * size[right])
        within, length = _within(squared, size), np.sqrt(squared) / size
        cores = between / np.sqrt(within[left] * within[right]) / CORES
        fits = between >= CHANCE * noise * length[left] * length[right]
        if strict:
            # What is below cannot rise: the mean of a union is between those of its parts.
            kept = between >= STRICT
            left, right, product, between = left[kept], right[kept], product[kept], between[kept]
            fits = fits[kept] & (cores[kept] >= 1)
            cores = between
        else:
            small, large = np.minimum(size[left], size[right]), np.maximum(size[left], size[right])
            home = within[np.where(size[left] >= size[right], left, right)]
            stray = (small <= STRAY) & (large >= LARGE)
            cores = np.where(stray, np.maximum(cores, between / home / PART), cores)
            fits &= cores >= 1
        into, gone = _chosen(size, left[fits], right[fits], cores[fits])
        if not len(into):
            break
        linkage.add_up(sums[gone], into, sums)
        np.add.at(size, into, size[gone])
        grown = np.unique(into)
        squared[grown] = np.einsum("ij,ij->i", sums[grown], sums[grown], dtype=np.float64)
        parent[gone] = into
        moved = np.zeros(m, np.bool_)
        moved[grown] = moved[gone] = True
        old = ~(moved[left] | moved[right])
        new_left, new_right = _pairs(parent[left[~old]], parent[right[~old]])
        product = np.concatenate([product[old], _products(sums, new_left, new_right)])
        left, right = np.concatenate([left[old], new_left]), np.concatenate([right[old], new_right])
    return _ends(parent)


def _ends(parent: Longs) -> Longs:
    """Where each ends up that follows its parent, and that its own."""
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    return parent


def _products(sums: Floats, left: Longs, right: Longs) -> Doubles:
    product = np.empty(len(left))
    linkage.products_of(sums, left, right, product)
    return product


def _chosen(size: Doubles, left: Longs, right: Longs, score: Doubles) -> tuple[Longs, Longs]:
    """Which groups take in which in this round: of two that are each other's best the smaller number takes the other,
    and a group takes in all that it is the best of and that are a fifth of its size. Equal scores: the smaller number.
    """
    one, other = np.concatenate([left, right]), np.concatenate([right, left])
    order = np.lexsort((other, -np.concatenate([score, score]), one))
    one, other = one[order], other[order]
    ahead = np.ones(len(one), np.bool_)
    ahead[1:] = one[1:] != one[:-1]
    one, other = one[ahead], other[ahead]
    best = np.full(len(size), -1)
    best[one] = other
    pair = best[other] == one
    goes = pair & (one > other)
    leaving = np.zeros(len(size), np.bool_)
    leaving[one[goes]] = True
    goes |= ~pair & (5 * size[one] <= size[other]) & ~leaving[other]
    leaving[one[goes]] = True
    goes &= ~leaving[other]  # what leaves takes nobody in
    return other[goes], one[goes]


def _settled(rows: Floats, group: Longs, noise: float, spread: Spread) -> Longs:
    """Groups find each other by their cores, which are clearer than rows, until they stay."""
    for _ in range(PASSES):
        group, size = _by_size(group)
        several = int(np.count_nonzero(size > 1))
        if not several or len(size) < 2:
            break
        sums = _sums(rows, group, len(size))
        length = np.sqrt(np.einsum("ij,ij->i", sums, sums))
        near, _ = nearest(sums / np.maximum(length, 1e-9)[:, None], NEAREST, LEAST, spread, several)
        left, right = _edges(near, np.arange(len(size)))
        into = _agglomerated(sums, size, left, right, noise, strict=False)
        group = into[group]
        if len(np.unique(into)) > SETTLED * len(into):
            break
    return np.unique(group, return_inverse=True)[1]


def _by_size(group: Longs) -> tuple[Longs, Longs]:
    """Labels again so that larger groups come first, equal ones in their order; and the sizes."""
    _, group, size = np.unique(group, return_inverse=True, return_counts=True)
    order = np.argsort(-size, kind="stable")
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return number[group], size[order]


def _joined(rows: Floats, group: Longs, noise: float, most: int, spread: Spread) -> Longs:
    """Rows in groups of at most `most` go to the core that is nearest, if it is near enough."""
    group, size = _by_size(group)
    cores = int(np.count_nonzero(size > most))
    loose = np.flatnonzero(size[group] <= most)
    if not cores or not len(loose):
        return group
    sums = _sums(rows, group, len(size))[:cores]
    squared = np.einsum("ij,ij->i", sums, sums, dtype=np.float64)
    held = size[:cores].astype(np.float64)
    # The largest of so many random cosines: sqrt(2 ln m) standard deviations, and a half to be clear of it.
    chance = (np.sqrt(2 * np.log(cores + 1)) + 0.5) * noise * np.sqrt(squared) / held
    need = np.maximum(REACH * np.sqrt(_within(squared, held)), chance)
    scaled = (sums / (held * need)[:, None]).astype(np.float32)

    def search(start: int) -> tuple[Longs, Mask]:
        reach = rows[loose[start : start + BLOCK]] @ scaled.T
        best = reach.argmax(axis=1)
        return best, reach[np.arange(len(reach)), best] >= 1

    found = spread(search, range(0, len(loose), BLOCK))
    best, near = (np.concatenate(part) for part in zip(*found, strict=True))
    group[loose[near]] = best[near]
    return np.unique(group, return_inverse=True)[1]


def _field(rows: Floats, group: Longs, m: int) -> _Field:
    size = np.bincount(group, minlength=m)
    sums = _sums(rows, group, m)
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


def _united(rows: Floats, group: Longs, spread: Spread) -> tuple[Longs, Mask, Mask]:
    """int64 [n], the groups again, those together that do not end where the other begins; bool [n], whether the row's
    group stands as it was given, and as it is now."""
    m = int(group.max()) + 1
    field = _field(rows, group, m)
    claims = _claims(rows, field, np.arange(len(rows)), np.flatnonzero(field.size > 1), spread)
    given = _stands(field, claims)[group]
    for _ in range(ROUNDS):
        into, gone = _contesting(field, claims)
        parent = np.arange(m)
        parent[gone] = into
        now = _ends(parent)[_drawn(field, claims)]
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
    stands = _stands(field, claims) & (field.alike >= UNION)
    return field.group, given, stands[field.group]


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
    alike = (inside[left] + inside[right] + 2 * _products(field.sums, left, right)) / (both * (both - 1))
    share = count / both
    fits = (share >= UNITED) & (alike >= UNION)
    return _chosen(size, left[fits], right[fits], share[fits])


def _stands(field: _Field, claims: _Claims) -> Mask:
    """Bool [m]: the proposed group is a pattern, because few rows outside are as near to it as its own."""
    contested = np.bincount(claims.by, minlength=len(field.size))
    alone = int(np.count_nonzero(field.size == 1))
    usual = (len(claims.row) + alone) / len(field.group)
    clear: Mask = (contested + ROWS * usual) / (field.size + ROWS) <= CONTESTED
    return clear & (field.size > 1) & (field.alike >= COMMON)
