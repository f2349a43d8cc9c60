"""A panel of judges: each one's verdicts on a pair become its vote, and the votes the panel's verdict.

One judge, one vote: what it said in two orders is made one by a rule (`core.judges.rules`), and of repeats and prompts
by majority. A panel of small judges of several families agrees with people better than one large judge, at a seventh of
the cost (P. Verga et al. 2024, "Replacing Judges with Juries", arXiv:2404.18796).

majority: of A, B and a tie, what more votes are for than for either of the others; a tie where there is no such.
weighted: the same of sums of weights. Those that nobody gave are the log-odds of each judge's accuracy where people, or
    a gold label, chose: log((right + 1/2) / (wrong + 1/2)), which is optimal for independent judges (S. Nitzan and J.
    Paroush 1982, "Optimal decision rules in uncertain dichotomous choice situations", International Economic
    Review 23:289-297; the halves keep a judge that is never wrong finite: J. B. S. Haldane 1956, Annals of Human
    Genetics 20:309-311). A judge's tie is half right. One that is right no oftener than a coin has no say.

A judge without a valid verdict on a pair is missing: the others decide. A pair on which nobody with a weight voted has
no verdict. A label has no part in the weights by which its own pair is decided, so that accuracy is honest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditor.core.intervals import wilson
from auditor.core.judges.orders import both, gold, keys, paired, settled
from auditor.core.judges.rules import DEFAULT, POINTS, combine
from auditor.model.errors import ConfigError, suggest
from auditor.model.verdicts import INVALID, TIE, UNKNOWN, A, B, Verdicts

Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Vote = Literal["majority", "weighted"]

VOTES: tuple[Vote, ...] = ("majority", "weighted")

UNIT = 1 << 20
"""Weights are counted in 2**-20, so that sums are exact, whatever the order, and ties are ties."""

MOST = 1e6
"""The largest weight: a thousand such sum below 2**53."""


@dataclass(frozen=True, slots=True)
class Jury:
    """members: names of judges; none is all that the verdicts have. weights: by name, from 0; a member that is not
    named has 1. None is log-odds, where the vote is weighted. rule: how a judge's two orders become one."""

    name: str = "panel"
    members: tuple[str, ...] = ()
    vote: Vote = "majority"
    weights: Mapping[str, float] | None = None
    rule: str = DEFAULT

    @property
    def learns(self) -> bool:
        """Whether its weights are found where people judged."""
        return self.vote == "weighted" and self.weights is None


@dataclass(frozen=True, slots=True)
class Standing:
    """One member, or the panel itself, beside the others. votes: pairs with a verdict of its. agreement: the share of
    the `common` pairs with a verdict of both on which it and the panel say the same. accuracy: the share of the
    `labelled` pairs on which it says what people chose, a tie being wrong; low, high: its 95 % interval. win_rate: A's
    share, a tie as half. weight: in the whole; None where all count alike, and for the panel."""

    name: str
    weight: float | None
    votes: int
    agreement: float | None
    common: int
    accuracy: float | None
    labelled: int
    low: float | None
    high: float | None
    win_rate: float | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What a jury concludes. members: codes of judges, int64 [m]. pair, who: int64 [v], of each vote the pair of
    outputs (as in `of`) and the place in `members`; said: int8 [v]. verdict: int8 [pairs], INVALID where nobody voted.
    votes: int64 [pairs], how many did. share: float64 [pairs], of the weight cast, that for the verdict. label:
    int8 [pairs], what people say. of: int64 [n], the pair of each verdict. row: int64 [pairs], a verdict of each pair
    that was voted on, else UNKNOWN."""

    verdicts: Verdicts
    jury: Jury
    members: Longs
    weights: npt.NDArray[np.float64]
    pair: Longs
    who: Longs
    said: Small
    verdict: Small
    votes: Longs
    share: npt.NDArray[np.float64]
    label: Small
    of: Longs = field(repr=False)
    row: Longs = field(repr=False)

    def standings(self) -> list[Standing]:
        """The panel, then its members in the order of their weights and names."""
        every = np.flatnonzero(self.verdict != INVALID)
        names = self.verdicts.judge.names
        weighted = self.jury.vote == "weighted"
        found = [self._standing(self.jury.name, None, every, self.verdict[every])]
        for place in np.lexsort((np.arange(len(self.members)), -self.weights)):
            mine = self.who == place
            weight = float(self.weights[place]) if weighted else None
            found.append(self._standing(names[self.members[place]], weight, self.pair[mine], self.said[mine]))
        return found

    def _standing(self, name: str, weight: float | None, pair: Longs, said: Small) -> Standing:
        panel, label = self.verdict[pair], self.label[pair]
        common, labelled = panel != INVALID, label < TIE
        n, m = int(common.sum()), int(labelled.sum())
        right = int((said[labelled] == label[labelled]).sum())
        low, high = wilson(right, m) if m else (None, None)
        return Standing(
            name,
            weight,
            len(pair),
            float((said == panel)[common].mean()) if n else None,
            n,
            right / m if m else None,
            m,
            low,
            high,
            float(POINTS[said].mean()) if len(said) else None,  # halves: exact in any order
        )


def judgements(verdicts: Verdicts, rule: str) -> tuple[Longs, Small]:
    """(rows, verdict) of what machine judges say, each pair of orders made one by `rule`; and what is told without an
    order, which nothing has to be held against. Invalid ones are left out."""
    machine = verdicts.by_machine
    pairs = both(verdicts, machine)
    orderless = np.flatnonzero(machine & (verdicts.first == UNKNOWN))
    rows = np.concatenate([pairs.rows_first, orderless])
    said = np.concatenate([combine(rule, pairs, verdicts).verdict, verdicts.verdict[orderless]]).astype(np.int8)
    valid = said != INVALID
    return rows[valid], said[valid]


def decide(verdicts: Verdicts, rows: Longs, said: Small, jury: Jury) -> Decision:
    """The jury's verdict on every pair. rows, said: [k], valid verdicts of judges, as of `judgements`.

    Raises ConfigError for members without verdicts, for weights of strangers, and where weights are to be found and
    nobody told what is right.
    """
    members = _members(verdicts, jury)
    place_of = np.full(len(verdicts.judge.names) + 1, UNKNOWN, np.int64)
    place_of[members] = np.arange(len(members))
    pairs = paired(verdicts)
    of, n = pairs
    label = np.full(n, INVALID, np.int8)
    label[of] = gold(verdicts, pairs)
    who = place_of[verdicts.judge.codes[rows]]
    seated = who != UNKNOWN
    rows, said, who = rows[seated], said[seated], who[seated]
    cells = settled(keys(of[rows], who), said, rows)
    at = of[cells.rows]
    by = place_of[verdicts.judge.codes[cells.rows]]
    weights, cast = _weights(jury, members, verdicts, at, by, cells.verdict, label)
    sums = np.stack([np.bincount(at, np.where(cells.verdict == code, cast, 0), n) for code in (A, B, TIE)])
    whole, most = sums.sum(0), sums.max(0, initial=0)
    verdict = np.full(n, TIE, np.int8)
    for code in (A, B):
        ahead = (sums[code] == most) & ((sums == most).sum(0) == 1)
        verdict[ahead] = code
    verdict[whole == 0] = INVALID
    with np.errstate(invalid="ignore"):
        share = np.where(whole > 0, sums[np.minimum(verdict, TIE), np.arange(n)] / whole, np.nan)
    row = np.full(n, UNKNOWN, np.int64)
    row[at[::-1]] = cells.rows[::-1]
    votes = np.bincount(at, minlength=n)
    return Decision(verdicts, jury, members, weights, at, by, cells.verdict, verdict, votes, share, label, of, row)


def _members(verdicts: Verdicts, jury: Jury) -> Longs:
    known = [name for name, human in zip(verdicts.judge.names, verdicts.humans, strict=True) if not human]
    wanted = jury.members or tuple(known)
    for name in (*wanted, *(jury.weights or {})):
        if name not in known:
            raise ConfigError(
                f"no verdict of a judge {name!r}",
                seen=f"verdicts of {', '.join(known[:10])}",
                hint=suggest(name, known),
            )
    if strangers := sorted(set(jury.weights or {}) - set(wanted)):
        raise ConfigError(f"a weight for {strangers[0]!r}, who is not of the panel", wanted=", ".join(wanted[:10]))
    if bad := [name for name, weight in (jury.weights or {}).items() if not 0 <= weight <= MOST]:
        raise ConfigError(f"the weight of {bad[0]!r} is none", wanted=f"a number from 0 to {MOST:g}")
    places = {name: code for code, name in enumerate(verdicts.judge.names)}
    return np.array(sorted(places[name] for name in wanted), np.int64)


def _weights(
    jury: Jury, members: Longs, verdicts: Verdicts, pair: Longs, who: Longs, said: Small, label: Small
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The weight of each member, and that of each vote in whole UNITs."""
    if not jury.learns:
        given = (jury.weights if jury.vote == "weighted" else None) or {}
        weights = np.array([given.get(verdicts.judge.names[code], 1.0) for code in members])
        return weights, np.rint(weights * UNIT)[who]
    told = label[pair] < TIE
    if not told.any():
        raise ConfigError(
            "nobody told which verdicts are right, so that judges cannot be weighed",
            wanted="verdicts of people (human: true) on some of the pairs, or weights: --weights JUDGE=NUMBER",
        )
    right = np.where(told, np.where(said == TIE, 0.5, said == label[pair]), 0.0)
    n = np.bincount(who[told], minlength=len(members)).astype(np.float64)
    hits = np.bincount(who, right, len(members)).astype(np.float64)
    cast = _odds(hits[who] - right, n[who] - told)
    return _odds(hits, n), np.rint(cast * UNIT)


def _odds(right: npt.NDArray[np.float64], n: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    odds: npt.NDArray[np.float64] = np.log((right + 0.5) / (n - right + 0.5))
    return np.maximum(odds, 0.0)
