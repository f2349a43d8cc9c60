"""Which recorded verdicts can be trusted: pairs judged in both orders, made one by a rule; and what is lost with the
rest, since dropping is itself a bias. How it is written is `judging.writing`.

    accepted = accept(verdicts, "strict")
    writing.write(accepted, Path("clean.jsonl"))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt

from auditor.core.intervals import wilson
from auditor.core.judges import juries, rules
from auditor.core.judges.juries import Decision, Jury
from auditor.core.judges.orders import both, keys, pairing, settled
from auditor.model.errors import ConfigError
from auditor.model.verdicts import INVALID, TIE, UNKNOWN, WORDS, A, Verdicts

Longs = npt.NDArray[np.int64]
Small = npt.NDArray[np.int8]
Form = Literal["verdicts", "pairs"]

KEPT, CONFLICT, UNREADABLE, ALONE, ORDERLESS, TIED, OUTVOTED, TEXTLESS, STRANGER = range(9)
REASONS = (
    "kept",
    "the two orders conflict",
    "a verdict is unparsable",
    "judged in one order only",
    "the order is not told",
    "a tie: nothing is chosen",
    "other judgements of the pair outvote it",
    "no text of the outputs",
    "its judge is not of the panel",
)

LENGTHS = (50, 200, 500)
"""Edges of length classes in words, the mean of both outputs: a line, a paragraph, a page, more."""

RATIOS = (1.1, 1.5, 2.0)
"""Edges of the longer output's words by the shorter one's."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Of the judgements of one class, how many were kept; by verdict, a pair in both orders is half a judgement of
    what each order said. low, high: 95 % interval of the share lost."""

    by: str
    group: str
    judged: float
    kept: float
    low: float
    high: float

    @property
    def lost(self) -> float:
        return 1 - self.kept / self.judged


@dataclass(frozen=True, slots=True)
class Accepted:
    """Judgements, u of them: a pair asked of a judge in both orders is one. rows: int64 [u], a verdict of each.
    verdict: int8 [u], by the rule. fate: int8 [u], a place in REASONS. said: int8 [u, 2], the verdict with A first
    and with B first, or twice the only one. decision: of the panel, where there is one; what it does not share is
    outvoted."""

    verdicts: Verdicts
    rule: str
    form: Form
    rows: Longs
    verdict: Small
    fate: Small
    said: Small
    decision: Decision | None = None

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        kept: npt.NDArray[np.bool_] = self.fate == KEPT
        return kept

    def reasons(self) -> dict[str, int]:
        """Judgements by what became of them, those kept first."""
        counts = np.bincount(self.fate, minlength=len(REASONS))
        return {REASONS[code]: int(counts[code]) for code in range(len(REASONS)) if counts[code] or code == KEPT}

    def losses(self) -> list[Loss]:
        """By verdict, judge, prompt and length: the classes of each with the most judgements first."""
        verdicts, rows = self.verdicts, self.rows
        shorter = np.minimum(verdicts.words_a[rows], verdicts.words_b[rows]).astype(np.float64)
        longer = np.maximum(verdicts.words_a[rows], verdicts.words_b[rows]).astype(np.float64)
        known = shorter != UNKNOWN
        size = np.where(known, np.searchsorted(LENGTHS, (shorter + longer) / 2, side="right"), UNKNOWN)
        ratio = np.where(known, np.searchsorted(RATIOS, longer / np.maximum(shorter, 1), side="right"), UNKNOWN)
        return [
            *self._by("verdict", WORDS, *self.said.T),
            *self._by("judge", verdicts.judge.names, verdicts.judge.codes[rows]),
            *self._by("prompt", verdicts.prompt.names, verdicts.prompt.codes[rows]),
            *self._by("words", _classes(LENGTHS, ""), size),
            *self._by("longer by", _classes(RATIOS, " x"), ratio),
        ]

    def longer_wins(self) -> tuple[float | None, float | None]:
        """The share of decided verdicts won by the longer output: of all, both orders of each pair, and of those
        kept."""
        a, b = self.verdicts.words_a[self.rows], self.verdicts.words_b[self.rows]
        apart = (a != b) & (a != UNKNOWN) & (b != UNKNOWN)
        shares: list[float | None] = []
        for verdict, some in ((self.said, apart), (self.verdict[:, None], apart & self.kept)):
            decided = some[:, None] & (verdict < TIE)
            longer = (verdict == A) == (a > b)[:, None]
            shares.append(float(longer[decided].mean()) if decided.any() else None)
        return shares[0], shares[1]

    def _by(self, by: str, names: Sequence[str], *codes: npt.NDArray[np.integer]) -> list[Loss]:
        """codes: integers [u], the class of each judgement; where there are several, it is as much of each."""
        every, kept_too = np.concatenate(codes), np.tile(self.kept, len(codes))
        judged = np.bincount(every[every >= 0], minlength=len(names))
        kept = np.bincount(every[(every >= 0) & kept_too], minlength=len(names))
        order = np.lexsort((np.arange(len(names)), -judged)) if by in ("judge", "prompt") else range(len(names))
        counts = [(code, int(judged[code]) / len(codes), int(kept[code]) / len(codes)) for code in map(int, order)]
        return [Loss(by, names[code], n, left, *wilson(n - left, n)) for code, n, left in counts if n]


def accept(
    verdicts: Verdicts, rule: str = rules.DEFAULT, form: Form | None = None, jury: Jury | None = None
) -> Accepted:
    """Verdicts of machine judges that hold in both orders, by `rule`; those in one order only are kept by none but
    `average`. form: "pairs" for chosen and rejected texts, one row a pair, by the majority of what judges have left;
    "verdicts" for every judge's; None is pairs where the texts are there. jury: whose vote decides each pair.

    Raises ConfigError for an unknown rule, for pairs without texts, where no machine judged, and as `juries.decide`.
    """
    rules.known(rule)
    machine = verdicts.by_machine
    if not machine.any():
        raise ConfigError("no verdict of a machine judge", hint="the judge is whom the file names in `judge`")
    has = verdicts.texts is not None and {"response", "rejected"} <= set(verdicts.texts.column_names)
    if form == "pairs" and not has:
        raise ConfigError("the outputs' texts are not in the file", wanted="output_a and output_b, or --as verdicts")
    form = form or ("pairs" if has else "verdicts")
    pairs = both(verdicts, machine)
    combined = rules.combine(rule, pairs, verdicts).verdict
    rejected = np.where(pairs.valid, CONFLICT, UNREADABLE)
    orderless = np.flatnonzero(machine & (verdicts.first == UNKNOWN))
    singles = np.concatenate([pairs.alone, orderless])
    single = verdicts.verdict[singles]
    lone = np.repeat([ALONE, ORDERLESS], [len(pairs.alone), len(orderless)])
    if rule == "average":
        lone = np.where(single == INVALID, UNREADABLE, KEPT)
    made = Accepted(
        verdicts,
        rule,
        form,
        np.concatenate([pairs.rows_first, singles]),
        np.concatenate([combined, single]).astype(np.int8),
        np.concatenate([np.where(combined == INVALID, rejected, KEPT), lone]).astype(np.int8),
        np.stack([np.concatenate([one, single]) for one in (pairs.shown_first, pairs.shown_second)], 1).astype(np.int8),
    )
    if jury is not None:
        made = _voted(made, jury)
    return _chosen(made) if form == "pairs" else made


def _voted(made: Accepted, jury: Jury) -> Accepted:
    """What the jury decides of it, and which judgements it shares."""
    verdicts, fate = made.verdicts, made.fate.copy()
    kept = made.kept
    decision = juries.decide(verdicts, made.rows[kept], made.verdict[kept], jury)
    fate[~np.isin(verdicts.judge.codes[made.rows], decision.members)] = STRANGER
    fate[(fate == KEPT) & (decision.verdict[decision.of[made.rows]] != made.verdict)] = OUTVOTED
    return replace(made, fate=fate, decision=decision)


def _chosen(made: Accepted) -> Accepted:
    """What of it gives a chosen and a rejected text: no ties, nothing that the majority is against."""
    verdicts, fate = made.verdicts, made.fate.copy()
    assert verdicts.texts is not None
    absent = np.zeros(len(verdicts), np.bool_)
    for column in ("response", "rejected"):
        absent |= np.asarray(verdicts.texts.column(column).is_null())
    fate[(fate == KEPT) & absent[made.rows]] = TEXTLESS
    fate[(fate == KEPT) & (made.verdict == TIE)] = TIED
    kept = np.flatnonzero(fate == KEPT)
    pair = paired(verdicts, made.rows[kept])
    cells = settled(pair.copy(), made.verdict[kept], kept)
    fate[kept[cells.verdict[np.searchsorted(cells.keys, pair)] != made.verdict[kept]]] = OUTVOTED
    return replace(made, fate=fate)


def paired(verdicts: Verdicts, rows: Longs) -> Longs:
    """The pair of outputs that each of these verdicts is of, as a number (int64 [rows])."""
    return keys(*(column[rows] for column in pairing(verdicts)))


def _classes(edges: Sequence[float], unit: str) -> list[str]:
    inner = [f"{low:g} to {high:g}{unit}" for low, high in pairwise(edges)]
    return [f"below {edges[0]:g}{unit}", *inner, f"{edges[-1]:g}{unit} and more"]
