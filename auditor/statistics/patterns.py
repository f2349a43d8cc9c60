"""Patterns of a set of texts: groups of vectors that vary about a common core.

1. What all rows share (a scaffold, a system prompt, the language) is subtracted: patterns differ by the rest
   (`background`).
2. Rows join by average linkage where they are alike by at least STRICT: these groups stand by themselves
   (`agglomeration`).
3. Rows of a pattern with much variation are less alike than that. Groups are proposed on the cosine of their cores,
   average similarity between them over that within them, which does not fall as rows vary.
4. A group claims the rows outside that are as near to it as its own. Groups that claim each other's rows are parts of
   one pattern, however their cores differ: no gap is between them. They unite, and rows go where they are nearest, as
   in k-means, for the words that were replaced average out in a core (`claims`).
5. A proposal stands where few rows are claimed by it: a pattern ends somewhere, and in diverse text there is always a
   next row. Groups too small to tell borrow from what is so in the whole set (empirical Bayes). A union that does not
   stand is taken back.
6. What is left is a pattern of its own. Nothing is fitted to the number of patterns.
7. Two sides are compared by the patterns of their rows together (`compare`). Where templates are made of the same parts
   (ten verbs by eight objects), by which of these rows are grouped is chance, and two groupings of 600 rows a side
   of one set differed by factors of .7 to 5.4; by one grouping of both it is .8 to 1.25.

Constants were chosen on sets planted otherwise than those of the tests; their figures are in the notes of the room.
Tried and left: single linkage and components of the graph of neighbours (chains through any diverse text), a fixed
threshold (GSM8K's questions are as alike, .35, as rows of a template with two fifths replaced), the ratio to the
nearest other group (fragments of a pattern are near to it).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.statistics.agglomeration import LEAST, NEAREST, joined, merged, settled
from auditor.statistics.background import FEW, background, backgrounds, noise_of
from auditor.statistics.blas import single
from auditor.statistics.claims import united
from auditor.statistics.neighbours import Spread, edges, nearest

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


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


def find(vectors: Floats, spread: Spread, template: bool = False) -> Patterns:
    """The patterns of rows. vectors: float32 [n, d] of length 1, in an order that has nothing to do with what they
    are (that of `sketches.sample.drawn`). template: what all rows share is a pattern, not a scaffold around them;
    vectors do not tell which, texts do (`background.shared`)."""
    first, place = _distinct(vectors)
    distinct = vectors[first]
    with single():
        all_share = background(distinct, template)
        label, noise = _grouped(all_share.off(distinct), np.zeros(len(distinct), np.int64), spread)
    return _numbered(label[place], all_share.common, noise)


def compare(
    left: Floats, right: Floats, spread: Spread, templates: tuple[bool, bool] = (False, False)
) -> tuple[Patterns, Patterns]:
    """The patterns of two sides, those of all their rows together: each side has its rows' share of them.

    left, right: float32 [n, d] of length 1, as many rows of each, in such orders. Of sides of one source it is then
    chance which rows are whose, and so the ratio of their effective patterns is 1 but for that chance.
    """
    (first, one), (other, two) = _distinct(left), _distinct(right)
    with single():
        mine, theirs = backgrounds(left[first], right[other], templates)
        if mine is theirs:
            first, one = _distinct(_in_turn(left, right))
            both = mine.off(_in_turn(left, right)[first])[one]
        else:
            both = _in_turn(mine.off(left[first])[one], theirs.off(right[other])[two])
        distinct, place = _distinct(both)
        label, noise = _grouped(both[distinct], distinct % 2, spread)
    by_row = label[place]
    return _numbered(by_row[0::2], mine.common, noise), _numbered(by_row[1::2], theirs.common, noise)


def _in_turn(left: Floats, right: Floats) -> Floats:
    """A row of one, a row of the other."""
    both = np.empty((2 * len(left), left.shape[1]), np.float32)
    both[0::2], both[1::2] = left, right
    return both


def effective(sizes: Longs) -> float:
    """Exp of the Shannon entropy of shares: as many equally large patterns are as diverse (Hill 1973, order 1)."""
    held = sizes[sizes > 0]
    if not len(held):
        return 0.0
    share = held / held.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def deviation(sizes: Longs) -> float:
    """Standard deviation of the log of `effective`, of a sample of rows from patterns. sizes: int64 [K].

    The jackknife: what leaving out a row changes depends on its pattern's size alone. It counts what a pair of rows
    makes beyond what each does twice, so half of that is taken off (Efron and Stein 1981, Annals of Statistics 9:586);
    no less than the other half is left, where pairs are all there is: equally large patterns, or nearly all single; and
    no less than one pair more or less makes, where there is none. Subsamples of a sixteenth
    were half to twice as wide: the spread of an entropy of few rows a pattern does not fall as 1 / sqrt(n).
    """
    held = sizes[sizes > 0].astype(np.float64)
    n = float(held.sum())
    if n < 2:
        return 0.0
    change = _logs(held) - _logs(held - 1)
    mean = float(held @ change) / n
    jackknife = float(held @ (change - mean) ** 2) / (n - 1) / n
    pairs = float((held * (held - 1) / 2) @ (change - _logs(held - 1) + _logs(np.maximum(held - 2, 0))) ** 2) / n**2
    return float(np.sqrt(max(jackknife - pairs, pairs, (2 * np.log(2) / n) ** 2)))


def _logs(held: Doubles) -> Doubles:
    logs: Doubles = held * np.log(np.maximum(held, 1))
    return logs


def _numbered(group: Longs, common: float, noise: float) -> Patterns:
    """Groups by size, equal ones by their first row."""
    _, first, label, sizes = np.unique(group, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return Patterns(number[label], sizes[order], common, noise)


def _grouped(rows: Floats, side: Longs, spread: Spread) -> tuple[Longs, float]:
    """A label for each of distinct rows, without what all share, and the noise. side: int64 [n], the set of each."""
    n = len(rows)
    if n < FEW:
        return np.arange(n), 0.0
    noise = noise_of(rows)
    near, _ = nearest(rows, NEAREST, LEAST, spread)
    left, right = edges(near, np.arange(n))
    strict = merged(rows, np.arange(n), left, right, noise, strict=True)
    loose = merged(rows, strict, left, right, noise, strict=False)
    loose = joined(rows, loose, noise, 1, spread)
    loose = settled(rows, loose, noise, spread)
    loose = joined(rows, loose, noise, 2, spread)
    together, given, stands = united(rows, loose, side, spread)
    label = np.where(stands, together, np.where(given, n + loose, 2 * n + strict))
    return label, noise


def _distinct(vectors: Floats) -> tuple[Longs, Longs]:
    """The first row of every distinct vector, ascending, and for each row its place among them."""
    rows = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.shape[1] * vectors.itemsize))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which]
