"""What one of two samples of texts has lost of the other, by an exact test (R. A. Fisher 1935, "The Design of
Experiments"; R. Phipson and G. Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39, for p).

Two ways, since a subject can be lost in two. *Words*: where it has words of its own, they go with it: rows of rare
words that no row of ours has. *Places*: where its words are many and each is seldom, or all are used elsewhere too, no
single word tells, but the rows that share them stand together and none of ours is among them. Rows of both sides are
linked where each is among the NEAR nearest of the other (mutual neighbours hold dense places apart: M. Maier, M. Hein
and U. von Luxburg 2009, Theoretical Computer Science 410:1749), and around each row the real ones two links away are
counted, as is done with cases of a disease (J. Cuzick and R. Edwards 1990, JRSS B 52:73). How much likelier what is
seen is if the place is lost (M. Kulldorff 1997, Communications in Statistics 26:1481) is summed over all places.

Which words are rare and who is near whom is decided without regard to sides, so that where both are of one source any
labelling of the rows is as likely as the true one, however words come together and places overlap. p is by the harmonic
mean of the chances (D. Wilson 2019, PNAS 116:1195), held against what it is in every other labelling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from auditor.kernels import vicinity
from auditor.statistics.tails import Bags, Hashes
from auditor.statistics.topics import Each

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Shorts = npt.NDArray[np.int16]

SEEN = (2, 40)
"""Rows, of both sides together, that a rare word stands in: below, there is nothing to compare; above, a subject would
not be a tail."""

NEAR = 8
"""Neighbours that are mutual: 12 and 16 tell as much; with 8, places of 8 rows are places still."""

COMMON = 0.05
"""Share of the rows from which on a word says nothing of where a row belongs."""

MET = 160_000_000
"""Rows met at most while the nearest of all are sought, each row's rarest words first: a second."""

LEFT = ((0.002, 0.0), (0.1, 3.0))
"""What a lost place looks like: the share of its rows of ours that is left, and the log-likelihood from which on it
counts. The first tells small subjects of short texts, by places of real rows alone; the second subjects of words that
all use, whose places mix with others. Four topics of 9 rows in 10,000 are told (.05) in 20 of 20 draws, and in 7 by the
square of the excess over 2.5 standard deviations, which hears large uneven places most."""

BLOCK, BLOCKS, SEED = 64, 16, 1935
"""Labellings of a block; the first of all is the true one."""

ROWS = 1_024


@dataclass(frozen=True, slots=True)
class Lost:
    """share: of rare words' rows, those whose word only real rows have; by_chance: the same where sides are drawn by
    lot; both None where no word is rare. words, places: the chance of as much loss by either statistic, and p by both
    together. items: the words lost, in most rows first."""

    share: float | None
    by_chance: float | None
    words: float
    places: float
    p: float
    items: Hashes


@dataclass(frozen=True, slots=True)
class Table:
    """The words of all rows and the rows of all words. starts, words: each row's, the rarest first; first, rows: each
    word's. norms: float32, one by each row's length where words weigh `weights`."""

    hashes: Hashes
    starts: Longs
    words: Longs
    first: Longs
    rows: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float32]

    @property
    def sizes(self) -> Longs:
        return np.diff(self.first)


def lost(ours: Bags, real: Bags, each: Each) -> Lost | None:
    """What our rows lack of the real ones, and how likely as much is; None where no word tells rows from others. The
    sides need not be equal; each: see `topics`."""
    n, real_rows = len(ours) + len(real), len(real)
    if not 0 < real_rows < n:
        return None
    # Equal likeness is decided by place, and places must not tell sides.
    place = np.random.Generator(np.random.Philox(key=SEED)).permutation(n)
    table = _table(ours, real, place)
    if not len(table.hashes):
        return None
    truth = np.zeros(n, np.bool_)
    truth[place[len(ours) :]] = True
    labels = each(partial(_labelled, truth), range(BLOCKS))
    rare = np.flatnonzero(table.sizes <= SEEN[1])
    rare_first = np.concatenate(([0], np.cumsum(table.sizes[rare])))
    rare_rows = table.rows[np.repeat(table.sizes <= SEEN[1], table.sizes)]
    starts, links = mutual(table, each)
    gain, cost = _weighed(starts, links, real_rows / n)

    def measured(block: Shorts) -> tuple[Longs, Doubles]:
        whole, sums, gains = np.zeros(BLOCK, np.int64), np.empty_like(block), np.zeros((len(LEFT), BLOCK))
        vicinity.add_whole(rare_first, rare_rows, block, whole)
        vicinity.add_links(starts, links, block, sums)
        vicinity.add_gains(starts, links, sums, gain, cost, gains)
        return whole, gains

    found = each(measured, labels)
    whole = np.concatenate([one for one, _ in found])
    words, places = _chances(whole), [_chances(of) for of in np.concatenate([one for _, one in found], axis=1)]
    seen = np.zeros(len(rare), np.int64)
    np.add.at(seen, np.repeat(np.arange(len(rare)), table.sizes[rare]), truth[rare_rows])
    gone = rare[seen == table.sizes[rare]]
    order = gone[np.lexsort((table.hashes[gone], -table.sizes[gone]))]
    among = float(table.sizes[rare].sum())
    return Lost(
        float(whole[0]) / among if among else None,
        float(whole[1:].mean()) / among if among else None,
        float(words[0]),
        _together(places),
        _together([words, *places]),
        table.hashes[order],
    )


def mutual(table: Table, each: Each) -> tuple[Longs, Longs]:
    """(starts, links): the rows that each row is linked to: itself, and those that it is near to and that are near to
    it, ascending."""
    n = len(table.norms)

    def block(low: int) -> npt.NDArray[np.int32]:
        near = np.full((min(ROWS, n - low), NEAR), -1, np.int32)
        vicinity.nearest(
            table.starts, table.words, table.weights, table.first, table.rows, table.norms, low, MET // n, near
        )
        return near

    near = np.concatenate(each(block, range(0, n, ROWS)))
    one, other = np.repeat(np.arange(n), NEAR)[near.ravel() >= 0], near[near >= 0].astype(np.int64)
    there, back = one * n + other, other * n + one
    linked = np.sort(np.concatenate([there[np.isin(there, back)], np.arange(n) * (n + 1)]))
    return np.searchsorted(linked, np.arange(n + 1) * n), linked % n


def _weighed(starts: Longs, links: Longs, share: float) -> tuple[Doubles, Doubles]:
    """(gain, cost): float64 [2, n], by LEFT: the log-likelihood of a place is gain * (ways of two steps from its row to
    real ones) - cost. It has as many rows as would give its sum the same variance without weights."""
    n = len(starts) - 1
    total, squares = np.zeros(n, np.int64), np.zeros(n, np.int64)
    vicinity.paths(starts, links, total, squares)
    rows = np.where(total > 1, total**2 / squares, 0)  # a row alone is no place
    left, least = np.array(LEFT).T[:, :, None]
    real, ours = np.log((1 - left * (1 - share)) / share), np.log(left)
    return (real - ours) * rows / total, least - ours * rows


def _table(ours: Bags, real: Bags, place: Longs) -> Table:
    n = len(place)
    row = place[np.repeat(np.arange(n), np.concatenate([ours.lengths, real.lengths]))]
    hashes, word, times = np.unique(np.concatenate([ours.values, real.values]), return_inverse=True, return_counts=True)
    telling = np.flatnonzero((times >= SEEN[0]) & (times <= max(COMMON * n, SEEN[1])))
    number = np.full(len(hashes), -1)
    number[telling] = np.arange(len(telling))
    kept = number[word] >= 0
    row, word, times = row[kept], number[word][kept], times[telling]
    weights = np.log(n / times) ** 2
    by_row, by_word = np.lexsort((word, times[word], row)), np.lexsort((row, word))
    lengths = np.sqrt(np.bincount(row, weights=weights[word], minlength=n))
    return Table(
        hashes[telling],
        np.searchsorted(row[by_row], np.arange(n + 1)),
        word[by_row],
        np.concatenate(([0], np.cumsum(times))),
        row[by_word].astype(np.int32),
        weights.astype(np.float32),
        (1 / np.where(lengths > 0, lengths, 1)).astype(np.float32),
    )


def _labelled(truth: npt.NDArray[np.bool_], block: int) -> Shorts:
    """int16 [n, BLOCK]: 1 for real rows, by lot but for the first column of the first block."""
    generator = np.random.Generator(np.random.Philox(key=[SEED, 1 + block]))
    labels = np.empty((len(truth), BLOCK), np.int16)
    for column in range(BLOCK):
        labels[:, column] = generator.permutation(truth) if block or column else truth
    return labels


def _chances(values: npt.NDArray[np.generic]) -> Doubles:
    """float64 [n]: by labelling, the share of all of them that give as much or more."""
    below = np.searchsorted(np.sort(values), values, "left")
    share: Doubles = 1 - below / len(values)
    return share


def _together(chances: Sequence[Doubles]) -> float:
    """The chance of as much by all: of as small a harmonic mean as that of the first labelling, the true one."""
    return float(_chances(np.sum([1 / one for one in chances], axis=0))[0])
