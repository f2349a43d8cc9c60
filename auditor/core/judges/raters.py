"""Raters of the same pairs: people, and judges with their prompts, each with one opinion of a pair."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from auditor.core.judges.orders import Settled, drawn, keys, ranked, settled, summed
from auditor.core.judges.panels import named
from auditor.model.verdicts import INVALID, UNKNOWN, Verdicts
from auditor.statistics import agreement

Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

MOST = 10
"""Raters that are compared with each other, those with the most opinions first: 45 pairs, which fit an exhibit."""

NOBODY = 4
"""Code of a rater who gave no opinion."""


@dataclass(frozen=True, slots=True)
class Raters:
    """Opinions of the raters `rater` (int64 [n], by rising number) on pairs `pair` (int64 [n]): for each pair the
    majority of the rater's verdicts on it, in either order. said: cells of them. names, people, sizes: of each rater,
    those with the most opinions first. group: int32 [pairs], bootstrap group of each pair's item."""

    said: Settled
    rater: Longs
    pair: Longs
    names: tuple[str, ...]
    people: npt.NDArray[np.bool_]
    group: npt.NDArray[np.int32]

    def counts(self, rater: int) -> Longs:
        """Opinions by code, int64 [4]."""
        return np.bincount(self.said.verdict[self.rater == rater], minlength=4)

    def together(self) -> Longs:
        """What people say of each pair together, by code, int64 [4]."""
        mine = self.people[self.rater]
        majority = settled(self.pair[mine], self.said.verdict[mine], self.said.rows[mine])
        return np.bincount(majority.verdict, minlength=4)

    def crossed(self, most: int = MOST) -> Iterator[tuple[int, int, Longs]]:
        """(rater, other, int64 [4, 4]) for the `most` raters with the most opinions, where both have one."""
        opinions = np.full((min(len(self.names), most), len(self.group)), NOBODY, np.int8)
        for rater in range(len(opinions)):
            mine = self.rater == rater
            opinions[rater, self.pair[mine]] = self.said.verdict[mine]
        for left, right in combinations(range(len(opinions)), 2):
            cells = np.bincount(opinions[left] * np.int8(5) + opinions[right], minlength=25).reshape(5, 5)[:4, :4]
            if cells.any():
                yield left, right, cells

    def spread(self, *, people: bool) -> Spread:
        """How far people, or judges, are apart."""
        mine = (self.people[self.rater] == people) & (self.said.verdict != INVALID)
        pair, verdict = self.pair[mine], self.said.verdict[mine]
        several = np.bincount(pair, minlength=len(self.group))[pair] > 1
        distinct, place = np.unique(pair[several], return_inverse=True)
        counts = np.bincount(place * 3 + verdict[several], minlength=len(distinct) * 3).reshape(-1, 3)
        opinions, apart = agreement.tally(counts)
        sizes, size = np.unique(opinions, return_inverse=True)
        group = self.group[distinct]
        most, m = int(group.max(initial=-1)) + 1, len(sizes)
        by_size = np.bincount(group.astype(np.int64) * m + size, apart, most * m).reshape(most, m)
        rest = summed(group, [*counts.T, opinions * (opinions - 1)])
        return Spread(sizes, np.concatenate([by_size.astype(np.int64), rest], 1))


@dataclass(frozen=True, slots=True)
class Spread:
    """sizes: int64 [m], numbers of opinions that pairs have, two at least. table: int64 [groups, m + 4], by bootstrap
    group: ordered pairs of differing opinions by size; how often A, B and tie was chosen; ordered pairs of opinions.
    Invalid opinions are missing ones."""

    sizes: Longs
    table: Longs

    @property
    def opinions(self) -> int:
        return int(self.table[:, -4:-1].sum())

    def alpha(self, sums: Floats) -> Floats:
        """Krippendorff's, of sums [..., m + 4] of the table."""
        return agreement.alpha(self.sizes, sums[..., :-4], sums[..., -4:-1])

    def same(self, sums: Floats) -> Floats:
        """The share of two opinions of a pair that are the same."""
        with np.errstate(divide="ignore", invalid="ignore"):
            value: Floats = 1 - sums[..., :-4].sum(-1) / sums[..., -1]
        return value


def raters(verdicts: Verdicts, of: tuple[Longs, int]) -> Raters:
    """Everyone who gave a verdict: people by name, judges by name and prompt. of: of `orders.paired`."""
    rows = np.flatnonzero(verdicts.judge.codes != UNKNOWN)
    judge = verdicts.judge.codes[rows]
    prompt = np.where(verdicts.humans[judge], UNKNOWN, verdicts.prompt.codes[rows])
    rater, many = ranked(keys(judge, prompt))
    pair, pairs = of[0][rows], of[1]
    pair *= max(many, 1)
    pair += rater
    del rater, judge, prompt
    said = settled(pair, verdicts.verdict[rows], rows)
    del pair
    who = said.keys % max(many, 1)
    opinions = np.bincount(who, minlength=many)
    rank = np.empty(many, np.int64)
    rank[np.lexsort((np.arange(many), -opinions))] = np.arange(many)
    rater_of, pair_of = rank[who], said.keys // max(many, 1)
    one = np.zeros(many, np.int64)
    one[rater_of] = said.rows
    item = np.zeros(pairs, np.int64)
    item[pair_of] = verdicts.item.codes[said.rows]
    groups = np.append(drawn(verdicts), np.int32(0))
    return Raters(
        said,
        rater_of,
        pair_of,
        tuple(_called(verdicts, int(row)) for row in one),
        verdicts.humans[verdicts.judge.codes[one]] if len(one) else np.zeros(0, np.bool_),
        groups[item].astype(np.int32),
    )


def _called(verdicts: Verdicts, row: int) -> str:
    judge, prompt = named(verdicts.judge, row), named(verdicts.prompt, row)
    return judge if not prompt or verdicts.humans[verdicts.judge.codes[row]] else f"{judge} / {prompt}"
