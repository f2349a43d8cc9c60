"""How often outputs win: each judgement's points, by maker, against a reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.judges import rules
from auditor.core.judges.orders import Both, drawn, summed
from auditor.model.errors import ConfigError, suggest
from auditor.model.verdicts import UNKNOWN, Verdicts

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """Judgements of two named makers that count, n of them: two orders made one by the rule, or one order alone.

    names: of makers. a, b: int32 [n], the two. points: int64 [n], A's in GRAINs. group: int32 [n], bootstrap group of
    the item. reference: code of the maker that others are held against; -1 where no maker is named.
    """

    names: tuple[str, ...]
    a: npt.NDArray[np.int32]
    b: npt.NDArray[np.int32]
    points: Longs
    group: npt.NDArray[np.int32]
    reference: int
    notes: tuple[str, ...]

    def against(self, maker: int | None = None) -> Longs:
        """(judgements, points) by bootstrap group, int64 [groups, 2], of `maker`, or of all others, against the
        reference."""
        left = (self.b == self.reference) & (self.a != self.reference)
        right = (self.a == self.reference) & (self.b != self.reference)
        if maker is not None:
            left, right = left & (self.a == maker), right & (self.b == maker)
        return self._summed(left, right)

    def overall(self, maker: int) -> Longs:
        """The same against everyone else."""
        return self._summed((self.a == maker) & (self.b != maker), (self.b == maker) & (self.a != maker))

    def makers(self) -> Iterator[int]:
        """Codes of the makers, those with the most judgements first."""
        counts = np.bincount(self.a, minlength=len(self.names)) + np.bincount(self.b, minlength=len(self.names))
        for code in np.lexsort((np.arange(len(counts)), -counts)):
            if counts[code]:
                yield int(code)

    def _summed(self, left: Mask, right: Mask) -> Longs:
        mine = left | right
        points = np.where(right[mine], rules.GRAIN - self.points[mine], self.points[mine])
        return summed(self.group[mine], [np.ones(len(points), np.int64), points])


def share(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of sums [..., 2] of `against`: the win rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        value: npt.NDArray[np.float64] = sums[..., 1] / sums[..., 0] / rules.GRAIN
    return value


def standing(verdicts: Verdicts, pairs: Both, rule: str, reference: str) -> Standing:
    """Judgements of machines, or of people where no machine judged. pairs: of machines, in both orders.

    Raises ConfigError where nobody is called `reference`.
    """
    machine = verdicts.by_machine
    if machine.any():
        alone = np.concatenate([pairs.alone, np.flatnonzero(machine & (verdicts.first == UNKNOWN))])
    else:
        alone = np.flatnonzero(verdicts.judge.codes != UNKNOWN)
    rows = np.concatenate([pairs.rows_first, alone])
    points = np.concatenate([rules.combine(rule, pairs, verdicts).points, rules.points(verdicts, alone)])
    a, b = verdicts.a.codes[rows], verdicts.b.codes[rows]
    named = (a >= 0) & (b >= 0) & (a != b)
    kept = named & ~np.isnan(points)
    dropped = int((named & ~kept).sum())
    note = f"win rates leave out {dropped:,} of {int(named.sum()):,} judgements (unparsable, or rejected by {rule!r})"
    groups = np.append(drawn(verdicts), np.int32(0))[verdicts.item.codes[rows]]
    return Standing(
        verdicts.a.names,
        a[kept],
        b[kept],
        np.rint(points[kept] * rules.GRAIN).astype(np.int64),
        groups[kept].astype(np.int32),
        _reference(verdicts.a.names, a[named], b[named], reference),
        (note,) if dropped else (),
    )


def _reference(names: tuple[str, ...], a: npt.NDArray[np.int32], b: npt.NDArray[np.int32], wanted: str) -> int:
    if wanted:
        if wanted not in names:
            raise ConfigError(f"no maker is called {wanted!r}", hint=suggest(wanted, names))
        return names.index(wanted)
    counts = np.bincount(a, minlength=len(names)) + np.bincount(b, minlength=len(names))
    return int(np.flatnonzero(counts == counts.max())[-1]) if len(a) else -1
