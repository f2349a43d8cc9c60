"""Labels of a field against the shares that they should have: those of a sample, or declared ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import log2

import numpy as np
import numpy.typing as npt

from auditor.core.content.labels import LABELS, Values
from auditor.statistics import balance
from auditor.statistics.balance import Distance

DUE = 8
"""Rows due to a label from which its absence is no accident: by chance one label in 3,000 of them would be missed, and
as what is due is itself a sample's, no more than one in 1,000. So that of fifty labels; twice as many of them ask for
one row more, as each row halves that chance."""

MISSED = 500
"""Missing labels of a field that are named."""

OTHER = "(other)"

_ROUNDING = 1e-9

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Names = Callable[[Longs], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Counts:
    """A field on two sides, by label. ours, theirs: int64 [labels], rows. rows: those that could have a label, ours and
    theirs. names: of all labels, or of those at the places asked for. first: int64 [labels], a real row that has the
    label, -1 where there is none. many: so many labels that chance sets samples apart."""

    field: str
    ours: Longs
    theirs: Longs
    rows: tuple[int, int]
    names: Sequence[str] | Names
    first: Longs
    many: bool = False

    def named(self, at: Longs) -> Sequence[str]:
        return self.names(at) if callable(self.names) else [self.names[one] for one in at]


@dataclass(frozen=True, slots=True)
class Missing:
    """A label without a row though `due` rows are due. first: a real row that has it, -1 where there is none."""

    field: str
    label: str
    due: float
    first: int


@dataclass(frozen=True, slots=True)
class Compared:
    """A field against what it should be. against: real, seeds or target. n: rows with a label. distance: None where
    either side has too few. lines: label, share and share due of those furthest from it, of the rows that could have a
    label (beside a target, of those that have one). asked: labels that enough rows
    are due to for their absence to tell; lost: those without any; missing: the first of them."""

    field: str
    against: str
    n: int
    distance: Distance | None
    lines: tuple[tuple[str, float, float], ...]
    asked: int
    lost: int
    missing: tuple[Missing, ...]


def of_values(field: str, ours: Values, theirs: Values) -> Counts:
    """A field whose labels are the values of columns, theirs those of real data."""
    mine, other = ours.tally, theirs.tally
    key = np.union1d(mine.key, other.key)
    first, own = other.first_of(key), mine.first_of(key)

    def names(at: Longs) -> Sequence[str]:
        there = first[at] >= 0
        found = np.empty(len(at), object)
        found[there], found[~there] = theirs.named(first[at[there]]), ours.named(own[at[~there]])
        return [str(one) for one in found]

    return Counts(field, mine.of(key), other.of(key), (mine.rows, other.rows), names, first, other.many)


def to_sample(one: Counts, against: str, least: int) -> Compared:
    """Shares due are those of the other side, where both have `least` rows and two labels between them."""
    n, m = int(one.ours.sum()), int(one.theirs.sum())
    distance: Distance | None = None
    lines: tuple[tuple[str, float, float], ...] = ()
    some = np.flatnonzero(one.ours + one.theirs)
    if min(n, m) >= least and len(some) > 1:
        distance = balance.between(one.ours[some], one.theirs[some], corrected=one.many)
        lines = _furthest(one.ours / max(1, one.rows[0]), one.theirs / max(1, one.rows[1]), one.named)
    due = one.theirs * (one.rows[0] / max(1, one.rows[1]))
    # As many in the reference itself, lest a single seed ask for a thousand rows.
    enough = DUE + log2(max(1.0, np.count_nonzero(one.theirs) / LABELS))
    asked = (one.theirs >= enough) & (due >= enough)
    lost = np.flatnonzero(asked & (one.ours == 0))
    shown = lost[np.argsort(-due[lost], kind="stable")][:MISSED]
    pairs = sorted(zip(one.named(shown), shown.tolist(), strict=True))
    missing = tuple(Missing(one.field, label, float(due[at]), int(one.first[at])) for label, at in pairs)
    return Compared(one.field, against, n, distance, lines, int(asked.sum()), len(lost), missing)


def to_target(field: str, counts: Mapping[str, int], n: int, target: Mapping[str, float], least: int) -> Compared:
    """counts: rows of the labels that the target names, of `n` rows with a label. What it does not name is one label,
    due what it leaves."""
    labels = sorted(target)
    ours, shares = [counts.get(label, 0) for label in labels], [target[label] for label in labels]
    rest, left = n - sum(ours), 1 - sum(shares)
    if rest or left > _ROUNDING:
        labels, ours, shares = [*labels, OTHER], [*ours, rest], [*shares, max(0.0, left)]
    mine, due = np.array(ours, np.int64), np.array(shares)
    distance: Distance | None = None
    lines: tuple[tuple[str, float, float], ...] = ()
    if n >= least:
        distance = balance.to_shares(mine, due / due.sum())
        lines = _furthest(mine / n, due / due.sum(), lambda at: [labels[one] for one in at])
    asked = due * n >= DUE
    missing = tuple(
        Missing(field, labels[at], float(due[at] * n), -1) for at in np.flatnonzero(asked & (mine == 0)).tolist()
    )
    return Compared(field, "target", n, distance, lines, int(asked.sum()), len(missing), missing)


def _furthest(shares: Doubles, due: Doubles, named: Names) -> tuple[tuple[str, float, float], ...]:
    """Of labels that are not as they should be."""
    apart = np.abs(shares - due)
    at = np.argsort(-apart, kind="stable")[:LABELS]
    at = at[apart[at] > 0]
    return tuple(zip(named(at), shares[at].tolist(), due[at].tolist(), strict=True))


def targets(given: Sequence[str]) -> dict[str, dict[str, float]]:
    """Field -> label -> share, from `field=label:share`."""
    found: dict[str, dict[str, float]] = {}
    for one in given:
        name, equals, rest = one.partition("=")
        label, colon, share = rest.rpartition(":")
        try:
            value = float(share)
        except ValueError:
            value = -1.0
        if not (name and equals and label and colon and 0 <= value <= 1):
            raise ValueError(f"target {one!r} is not FIELD=LABEL:SHARE with a share from 0 to 1")
        found.setdefault(name, {})[label] = value
    for name, shares in found.items():
        if sum(shares.values()) > 1 + _ROUNDING:
            raise ValueError(f"the targets of {name} add up to {sum(shares.values()):g}, more than 1")
    return found
