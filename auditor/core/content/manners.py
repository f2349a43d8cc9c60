"""Habits of writing that a dataset has, and how far it is from another in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.core.check import Engine
from auditor.core.content.english import English
from auditor.core.rowwise import Mask
from auditor.kernels.hashes import hash_texts
from auditor.kernels.wording import Lists
from auditor.model.rows import Dataset, Rows, strings
from auditor.sketches.sample import drawn
from auditor.statistics import habits, rates
from auditor.statistics.rates import Estimate
from auditor.statistics.slips import flagged

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]

HABITS = ("slips", *habits.HABITS)
"""What a row has or has not."""

SMALL = 0.2
"""An effect that is small (Cohen 1988, sections 2.2 and 6.2: d and h alike)."""

Z_OF_ALL = 2.69
"""Normal quantile of 0.05 / 2 / 7: seven habits are looked at (Bonferroni)."""


@dataclass(frozen=True, slots=True)
class Manners:
    """What was seen in one dataset. among: rows with a word; habits: name -> rows that have it (bool [rows], within
    those asked); asked: name -> rows asked, where not all of `among`; grade, depth: float64 [rows], NaN where none.
    text: uint64 [rows], hashes. Of rows that are not in English nothing is seen."""

    among: Mask
    habits: Mapping[str, Mask]
    asked: Mapping[str, Mask]
    grade: Doubles
    depth: Doubles
    text: npt.NDArray[np.uint64]

    @property
    def rows(self) -> int:
        return int(np.count_nonzero(self.among))

    @property
    def distinct(self) -> int:
        return len(np.unique(self.text[self.among]))

    def of(self, habit: str) -> tuple[int, int]:
        asked = self.asked.get(habit, self.among)
        return int(np.count_nonzero(self.habits[habit] & asked)), int(np.count_nonzero(asked))


def picked(sides: Sequence[Dataset], spoken: Sequence[English], sample: int) -> list[Longs]:
    """Rows that are looked at for slips, as many of either side (at most `sample`), in the order of their
    hashes. spoken: of either."""
    most = min(sample, *(int(np.count_nonzero(one.rows)) for one in spoken))
    return [
        drawn(side, most) if one.rows.all() else _among(drawn(side, side.rows), side, one.rows)[:most]
        for side, one in zip(sides, spoken, strict=True)
    ]


def slipped(sides: Sequence[Dataset], picked: Sequence[Longs], column: str) -> list[Mask]:
    """Which of the picked rows of either side have a slip, by the words of both: of answers, beside prompts, too."""
    other = {"prompt": ["response"], "response": ["prompt"]}.get(column, [])
    taken = [side.take(rows, [column, *other]) for side, rows in zip(sides, picked, strict=True)]
    beside = [strings(table.column(name)) for table in taken for name in other]
    return flagged([strings(table.column(column)) for table in taken], beside)


def seen(
    rows: Dataset,
    column: str,
    answers: str,
    known: Lists,
    engine: Engine,
    spoken: Mask,
    picked: Longs,
    hits: Mask,
) -> Manners:
    """Of a column, and of marks of reasoning in `answers`. known: lists of `habits.CATEGORIES`. spoken: rows in
    English. picked, hits: rows that were looked at for slips, and which have one."""
    parts = engine.gather(rows, lambda shard: _of_shard(shard, column, answers, known))
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    among = whole["among"] & spoken
    position = np.concatenate([shard.numpy("row") for shard in rows])
    had = {name: whole[name] for name in habits.HABITS} | {"slips": np.isin(position, picked[hits])}
    asked = {"slips": np.isin(position, picked) & among, "lower_case": whole["cased"] & among}
    grade, depth = (np.where(spoken, whole[name], np.nan) for name in ("grade", "depth"))
    return Manners(among, had, asked, grade, depth, whole["text"])


def effects(mine: Manners, theirs: Manners) -> dict[str, Estimate]:
    """Effects of what both sides have enough of, largest first."""
    found: dict[str, Estimate] = {}
    for habit in HABITS:
        (hits, n), (real_hits, m) = mine.of(habit), theirs.of(habit)
        if n and m:
            found[habit] = rates.cohens_h(hits / n, n, real_hits / m, m)
    for name in ("grade", "reasoning_depth"):
        here, there = (values_of(side, name) for side in (mine, theirs))
        if len(here) > 1 and len(there) > 1:
            found[name] = rates.cohens_d(here, there)
    return dict(sorted(found.items(), key=lambda pair: (-abs(pair[1].value), pair[0])))


def values_of(side: Manners, name: str) -> Doubles:
    """Ascending, so that their sums are the same whatever the order of rows."""
    values = side.grade if name == "grade" else side.depth
    return np.sort(values[np.isfinite(values)])


def due(mine: Manners, theirs: Manners) -> list[str]:
    """Habits that would be found rarer here if no row had them: those that real has often enough, for so many rows."""
    found = []
    for habit in HABITS:
        n, (hits, m) = mine.of(habit)[1], theirs.of(habit)
        if n and m and _is_rarer(rates.cohens_h(0, n, hits / m, m)):
            found.append(habit)
    return found


def rarer(effects: Mapping[str, Estimate], due: Sequence[str]) -> list[str]:
    """Habits that are rarer here by more than a small effect, and not by accident."""
    return [habit for habit in due if _is_rarer(effects[habit])]


def _is_rarer(effect: Estimate) -> bool:
    return effect.value <= -SMALL and effect.value + Z_OF_ALL * effect.error < 0


def _among(picked: Longs, side: Dataset, rows: Mask) -> Longs:
    """Those of the picked rows that are among `rows` (bool, in the order of shards)."""
    position = np.concatenate([shard.numpy("row") for shard in side])
    return picked[np.isin(picked, position[rows])]


def _of_shard(rows: Rows, column: str, answers: str, known: Lists) -> dict[str, npt.NDArray[Any]]:
    text = rows.strings(column)
    return {
        **habits.of(text, known),
        "depth": habits.depth(rows.strings(answers), known),
        "text": hash_texts(text)[0],
    }
