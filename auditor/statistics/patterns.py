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
6. What is left is a pattern of its own. Nothing is fitted to the number of patterns or to the reference.

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
from auditor.statistics.background import centred, noise_of
from auditor.statistics.blas import single
from auditor.statistics.claims import united
from auditor.statistics.neighbours import Spread, edges, nearest

Floats = npt.NDArray[np.float32]
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


def effective(sizes: Longs) -> float:
    """Exp of the Shannon entropy of shares: as many equally large patterns are as diverse (Hill 1973, order 1)."""
    held = sizes[sizes > 0]
    if not len(held):
        return 0.0
    share = held / held.sum()
    return float(np.exp(-np.sum(share * np.log(share))))


def _grouped(vectors: Floats, spread: Spread, template: bool) -> tuple[Longs, float, float]:
    """A label for each of distinct vectors."""
    n = len(vectors)
    if n < 3:
        return np.arange(n), 1.0, 0.0
    rows, common = centred(vectors, template)
    noise = noise_of(rows)
    near, _ = nearest(rows, NEAREST, LEAST, spread)
    left, right = edges(near, np.arange(n))
    strict = merged(rows, np.arange(n), left, right, noise, strict=True)
    loose = merged(rows, strict, left, right, noise, strict=False)
    loose = joined(rows, loose, noise, 1, spread)
    loose = settled(rows, loose, noise, spread)
    loose = joined(rows, loose, noise, 2, spread)
    together, given, stands = united(rows, loose, spread)
    label = np.where(stands, together, np.where(given, n + loose, 2 * n + strict))
    return np.unique(label, return_inverse=True)[1], common, noise


def _distinct(vectors: Floats) -> tuple[Longs, Longs]:
    """The first row of every distinct vector, ascending, and for each row its place among them."""
    rows = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.shape[1] * vectors.itemsize))).ravel()
    _, first, which = np.unique(rows, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[which]
