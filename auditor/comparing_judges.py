"""The straight line from recorded verdicts to judges side by side.

read -> judges x prompts -> the pairs that all of them judged -> each through the rooms of an audit -> a table

A number here is what `auditor judge audit` says of that judge and prompt over the same pairs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor import adjudicating
from auditor.concluding import Options, Progress
from auditor.core import check as checking
from auditor.core.check import Context
from auditor.core.intervals import rate
from auditor.core.judges import panels, rules
from auditor.core.judges.orders import keys, paired, ranked
from auditor.core.judges.panels import named
from auditor.core.judges.raters import raters
from auditor.core.measure import Advance
from auditor.engines.local import Local
from auditor.judging import accepting
from auditor.model.errors import ConfigError, InputError, suggest
from auditor.model.lab import NOBODY, OTHERS, PEOPLE, Comparison, Judged
from auditor.model.result import Measurement, Metric
from auditor.model.verdicts import INVALID, UNKNOWN, Coded, Verdicts
from auditor.statistics import agreement

__all__ = ["compare", "run"]

Longs = npt.NDArray[np.int64]

MOST = 100
"""Judges with a prompt that are compared: those with the most verdicts. Their names come from the files."""

LINES, MATRIX = 8, 16
"""Judges in the pictures of lengths and of agreement: more cannot be told apart."""

NANO = 10**9
"""Costs are summed as integers, in this fraction of the prices' unit: the same in any order."""

ROOMS: Mapping[str, tuple[str, str]] = {
    "accuracy": ("judge-disagreement", "accuracy"),
    "kappa": ("judge-disagreement", "kappa"),
    "consistency": ("position-inconsistency", "consistency"),
    "first_rate": ("position-inconsistency", "first_rate"),
    "longer_wins": ("length-bias", "longer_wins"),
    "parsed": ("unparsable-verdicts", "rate"),
}
"""Which room measures a column."""


@dataclass(frozen=True)
class Cells:
    """Machine verdicts by judge and prompt. rows: int64 [n]. cell: int64 [n], below `len(names)`. pair: int64 [m], of
    every verdict of the file, below `pairs`."""

    verdicts: Verdicts
    rows: Longs
    cell: Longs
    names: tuple[tuple[str, str], ...]
    pair: Longs
    pairs: int

    @cached_property
    def common(self) -> npt.NDArray[np.bool_]:
        """Pairs (bool [pairs]) of which every cell has a verdict."""
        met = np.unique(self.cell * self.pairs + self.pair[self.rows]) % self.pairs
        common: npt.NDArray[np.bool_] = np.bincount(met, minlength=self.pairs) == len(self.names)
        return common

    def pairs_of(self, cell: int) -> int:
        return len(np.unique(self.pair[self.rows[self.cell == cell]]))


def run(
    files: Sequence[str],
    options: Options,
    progress: Progress,
    *,
    form: str | None = None,
    rule: str = rules.DEFAULT,
    judges: Sequence[str] = (),
    prompts: Sequence[str] = (),
) -> Comparison:
    """Read files of verdicts, in any format of `judging.FORMATS`, and compare their judges. judges, prompts: those to
    compare; none named is all. Raises AuditorError for what cannot be read, or compared."""
    with progress.stage("read") as advance:
        verdicts = adjudicating.read(files, options, form, advance)
    with progress.stage("compare") as advance:
        return compare(verdicts, rule=rule, judges=judges, prompts=prompts, advance=advance)


def compare(
    verdicts: Verdicts,
    *,
    rule: str = rules.DEFAULT,
    judges: Sequence[str] = (),
    prompts: Sequence[str] = (),
    advance: Advance = lambda done, total: None,
) -> Comparison:
    """Judges with their prompts, over the pairs that all of them judged.

    Raises InputError where there is no such pair, ConfigError for an unknown rule, judge or prompt.
    """
    rules.known(rule)
    cells, notes = _cells(verdicts, judges, prompts)
    common = cells.common
    if not common.any():
        raise _nothing_common(cells)
    shared = common[cells.pair]
    people = np.flatnonzero(~verdicts.by_machine & (verdicts.judge.codes != UNKNOWN) & shared)
    labelled = bool((verdicts.verdict[people] != INVALID).any())
    of = [cells.rows[(cells.cell == cell) & shared[cells.rows]] for cell in range(len(cells.names))]
    everyone = np.concatenate(of)
    judged, measured = [], []
    for place, ((judge, prompt), rows) in enumerate(zip(cells.names, of, strict=True)):
        against = people if labelled else np.zeros(0, np.int64)
        alone = verdicts.select(np.concatenate([rows, against]))
        held = alone if labelled else _against_others(verdicts, rows, np.setdiff1d(everyone, rows))
        rooms = _rooms(alone, held)
        judged.append(Judged(judge, prompt, len(rows), _metrics(verdicts.select(rows), rooms, rule, len(of))))
        measured.append(rooms)
        advance(place + 1, len(of))
    order = sorted(range(len(of)), key=lambda place: (*_rank(judged[place]), judged[place].name))
    in_matrix = _foremost([judged[place].judge for place in order], MATRIX)
    names, kappa = _matrix(verdicts, [of[order[place]] for place in in_matrix], people)
    return Comparison(
        verdicts.name,
        verdicts.files,
        len(np.unique(verdicts.item.codes[everyone])),
        int(common.sum()),
        len(np.unique(cells.pair[cells.rows])),
        PEOPLE if labelled else OTHERS if len(of) > 1 else NOBODY,
        rule,
        tuple(judged[place] for place in order),
        _lengths(verdicts, [judged[p] for p in order], [measured[p] for p in order], [of[p] for p in order], people),
        names,
        kappa,
        (*verdicts.notes, *notes),
    )


def _cells(verdicts: Verdicts, judges: Sequence[str], prompts: Sequence[str]) -> tuple[Cells, tuple[str, ...]]:
    rows = np.flatnonzero(verdicts.by_machine)
    for wanted, coded, noun in ((judges, verdicts.judge, "judge"), (prompts, verdicts.prompt, "prompt")):
        if wanted:
            codes = [_code(name, coded, noun) for name in wanted]
            rows = rows[np.isin(coded.codes[rows], codes)]
    if not len(rows):
        raise InputError(
            "no verdict of a machine judge", seen=", ".join(verdicts.files[:3]), wanted="verdicts that name their judge"
        )
    cell, many = ranked(keys(verdicts.judge.codes[rows], verdicts.prompt.codes[rows]))
    notes: tuple[str, ...] = ()
    if many > MOST:
        counts = np.bincount(cell)
        most = np.lexsort((np.arange(many), -counts))[:MOST]
        kept = np.isin(cell, most)
        rows, cell = rows[kept], ranked(cell[kept])[0]
        notes = (f"{many:,} judges with a prompt: the {MOST} with the most verdicts are compared",)
    first = np.unique(cell, return_index=True)[1]
    names = tuple((named(verdicts.judge, int(row)), named(verdicts.prompt, int(row))) for row in rows[first])
    pair, pairs = paired(verdicts)
    return Cells(verdicts, rows, cell, names, pair, pairs), notes


def _code(name: str, coded: Coded, noun: str) -> int:
    if name not in coded.names:
        raise ConfigError(f"no {noun} {name!r} in the verdicts", hint=suggest(name, coded.names))
    return coded.names.index(name)


def _nothing_common(cells: Cells) -> InputError:
    sizes = sorted((cells.pairs_of(place), " / ".join(filter(None, who))) for place, who in enumerate(cells.names))
    shown = ", ".join(f"{who} {size:,}" for size, who in (*sizes[:2], *sizes[2:][-1:]))
    return InputError(
        "no pair was judged by all of them",
        seen=f"pairs: {shown}"[:300],
        wanted="verdicts on the same items and outputs",
        hint="name those to compare: --judge NAME, --prompt NAME",
    )


def _against_others(verdicts: Verdicts, mine: Longs, others: Longs) -> Verdicts:
    """The verdicts `mine`, and each other judge's opinion of the same pairs as a person's: so the room that holds
    judges against people holds this one against the majority of the others."""
    rest = verdicts.select(others)
    said = raters(rest, paired(rest)).said
    made = verdicts.select(np.concatenate([mine, others[said.rows]]))
    late = np.arange(len(made)) >= len(mine)
    judge = np.where(late, len(verdicts.judge.names), made.judge.codes).astype(np.int32)
    return replace(
        made,
        judge=Coded((*verdicts.judge.names, OTHERS), judge),
        humans=np.append(verdicts.humans, True),
        verdict=np.concatenate([made.verdict[: len(mine)], said.verdict]).astype(np.int8),
        first=np.where(late, UNKNOWN, made.first).astype(np.int8),
    )


def _rooms(alone: Verdicts, held: Verdicts) -> dict[str, Measurement]:
    """What the rooms of an audit measure of one judge. held: with those whom it is held against."""
    rooms = dict.fromkeys(room for room, _ in ROOMS.values())
    return {
        room: checking.build(room, {}).run(held if room == "judge-disagreement" else alone, Context(), Local(1))
        for room in rooms
    }


def _metrics(mine: Verdicts, rooms: Mapping[str, Measurement], rule: str, judges: int) -> dict[str, Metric]:
    found = {}
    for column, (room, measure) in ROOMS.items():
        full = f"{room.replace('-', '_')}.{measure}"
        metric = next((one for one in rooms[room].metrics if one.name == full), None)
        why = "; ".join(rooms[room].notes) or "nothing to measure it by"
        found[column] = replace(metric, name=column) if metric else Metric(column, None, "share", 0, why)
    found["parsed"] = _rest(found["parsed"])
    if judges == 1 and found["accuracy"].value is None:
        for column in ("accuracy", "kappa"):
            found[column] = Metric(
                column, None, found[column].unit, 0, "no person judged these pairs, nor another judge"
            )
    return found | _accepted(mine, rule)


def _rest(metric: Metric) -> Metric:
    """One minus a share."""
    low, value, high = (None if one is None else 1 - one for one in (metric.low, metric.value, metric.high))
    return replace(metric, value=value, low=high, high=low)


def _accepted(mine: Verdicts, rule: str) -> dict[str, Metric]:
    """The share that holds by the rule, and what one that holds has cost."""
    accepted = accepting.accept(mine, rule, "verdicts")
    kept = accepted.rows[accepted.kept]
    found = {"accepted": rate("accepted", len(kept), len(accepted.rows))}
    tokens = None
    if mine.tokens_in is not None and mine.tokens_out is not None:
        told = (mine.tokens_in >= 0) & (mine.tokens_out >= 0)
        tokens = np.where(told, mine.tokens_in.astype(np.int64) + mine.tokens_out, -1)
    costs = None if mine.cost is None else np.where(np.isnan(mine.cost), -1, np.rint(np.nan_to_num(mine.cost) * NANO))
    for column, unit, spent, grain in (("cost", "", costs, NANO), ("tokens", "tokens", tokens, 1)):
        found[column] = _price(column, unit, mine, kept, spent, grain)
    return found


def _price(column: str, unit: str, mine: Verdicts, kept: Longs, spent: npt.NDArray[Any] | None, grain: int) -> Metric:
    """What was spent on all verdicts, by those that hold. spent: [n] in 1 / grain, -1 where it is not told."""
    if spent is None or (spent < 0).any():
        return Metric(column, None, unit, len(kept), "the verdicts do not tell what they cost")
    draw = panels.panel(mine, np.arange(len(mine))).draw
    wide = int(draw.max(initial=0)) + 1
    table = np.stack([np.bincount(draw, spent, wide).astype(np.int64), np.bincount(draw[kept], minlength=wide)], 1)

    def each(sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        with np.errstate(divide="ignore", invalid="ignore"):
            one: npt.NDArray[np.float64] = sums[..., 0] / sums[..., 1] / grain
        return one

    return panels.estimated(column, unit, table, each, len(kept), "no verdict holds")


def _rank(judged: Judged) -> tuple[float, float]:
    """The most accurate first, then the most consistent; those of whom neither is known last."""
    accuracy, consistency = (judged.metrics[column].value for column in ("accuracy", "consistency"))
    return -(-1.0 if accuracy is None else accuracy), -(-1.0 if consistency is None else consistency)


def _foremost(judges: Sequence[str], most: int) -> list[int]:
    """Places of at most so many of them, in their order: the first of each judge before a second of any."""
    seen: dict[str, int] = {}
    turn = []
    for judge in judges:
        turn.append(seen.get(judge, 0))
        seen[judge] = turn[-1] + 1
    return sorted(sorted(range(len(judges)), key=lambda place: (turn[place], place))[:most])


def _lengths(
    verdicts: Verdicts,
    judged: Sequence[Judged],
    measured: Sequence[Mapping[str, Measurement]],
    rows: Sequence[Longs],
    people: Longs,
) -> dict[str, tuple[tuple[str, Metric], ...]]:
    """Where there are too many judges with a prompt, a judge's prompts are taken together."""
    if len(judged) <= LINES:
        of = {one.name: rooms["length-bias"] for one, rooms in zip(judged, measured, strict=True)}
    else:
        names = list(dict.fromkeys(one.judge for one in judged))[:LINES]
        room = checking.build("length-bias", {})
        of = {}
        for name in names:
            mine = [some for one, some in zip(judged, rows, strict=True) if one.judge == name]
            of[name] = room.run(verdicts.select(np.concatenate([*mine, people])), Context(), Local(1))
    found = {name: tuple(_bins(measurement, 1)) for name, measurement in of.items()}
    if people.size and of:
        found[PEOPLE] = tuple(_bins(next(iter(of.values())), 4))
    return {name: bins for name, bins in found.items() if bins}


def _bins(measurement: Measurement, at: int) -> Iterator[tuple[str, Metric]]:
    """The room's own table: (times as long, verdicts, longer wins, low, high, people: longer wins)."""
    for exhibit in measurement.exhibits:
        if exhibit.name == "length_bias.by_gap":
            for label, n, wins, low, high, theirs in exhibit.rows:
                value, ends = (wins, (low, high)) if at == 1 else (theirs, (None, None))
                if isinstance(value, int | float):
                    first, last = (float(end) if isinstance(end, int | float) else None for end in ends)
                    yield str(label), Metric("longer_wins", value, "share", int(n or 0), low=first, high=last)


def _matrix(
    verdicts: Verdicts, rows: Sequence[Longs], people: Longs
) -> tuple[tuple[str, ...], tuple[tuple[float | None, ...], ...]]:
    """Kappa of every two raters: judges in the order given, then people."""
    some = verdicts.select(np.concatenate([*rows, people]))
    everyone = raters(some, paired(some))
    wanted = [" / ".join(filter(None, _who(verdicts, one))) for one in rows]
    names = [*wanted, *sorted(set(everyone.names) - set(wanted))]
    place = {name: at for at, name in enumerate(names)}
    table: list[list[float | None]] = [[None] * len(names) for _ in names]
    for at in range(len(names)):
        table[at][at] = 1.0
    for left, right, cells in everyone.crossed(len(names)):
        scale = agreement.used(cells)
        value = float(agreement.kappa(cells[scale][:, scale]))
        one, other = place[everyone.names[left]], place[everyone.names[right]]
        table[one][other] = table[other][one] = None if np.isnan(value) else value
    return tuple(names), tuple(map(tuple, table))


def _who(verdicts: Verdicts, rows: Longs) -> tuple[str, str]:
    row = int(rows[0])
    return named(verdicts.judge, row), named(verdicts.prompt, row)
