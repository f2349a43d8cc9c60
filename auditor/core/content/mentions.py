"""How often texts name groups of people, and which rows name men and women."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from auditor.core.check import Engine
from auditor.core.content.groups import SEXES, Group, Groups
from auditor.core.content.shares import Compared, Counts, to_sample, to_target
from auditor.kernels.wording import Lists, lists, tally
from auditor.model.rows import Dataset, Rows

ANY = "(any)"
"""In the place of a label: rows that name some group of the dimension."""


@dataclass
class Mentions:
    """What the texts of a dataset name. rows: of each group; by (dimension, ANY), of any of the dimension. first: the
    first row of it. sexes: bool [size, 2], rows that name a man, a woman. size: rows in all."""

    rows: dict[Group, int] = field(default_factory=dict)
    first: dict[Group, int] = field(default_factory=dict)
    sexes: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros((0, 2), np.bool_))
    size: int = 0

    def add(self, other: Mentions) -> None:
        for group, count in other.rows.items():
            self.rows[group] = self.rows.get(group, 0) + count
            self.first.setdefault(group, other.first[group])
        self.sexes = np.concatenate([self.sexes, other.sexes])
        self.size += other.size


def mentions(datasets: Sequence[Dataset], column: str, groups: Groups, engine: Engine) -> Mentions:
    """Which groups the texts of these datasets name."""
    labels = tuple(groups.words)
    known = lists({"/".join(label): groups.words[label] for label in labels}) if labels else None
    whole = Mentions()
    for dataset in datasets:
        for part in engine.gather(dataset, lambda shard: _shard(shard, column, known, labels)):
            whole.add(part)
    return whole


def _shard(shard: Rows, column: str, known: Lists | None, groups: Sequence[Group]) -> Mentions:
    n, place = len(shard), shard.numpy("row")
    found = Mentions(sexes=np.zeros((n, 2), np.bool_), size=n)
    if known is None:
        return found
    seen = tally(shard.strings(column), known)[0] > 0
    for at, group in enumerate(groups):
        hits = np.flatnonzero(seen[:, at])
        if len(hits):
            found.rows[group], found.first[group] = len(hits), int(place[hits[0]])
    for dimension in {one for one, _ in groups}:
        hits = np.flatnonzero(seen[:, [one == dimension for one, _ in groups]].any(axis=1))
        if len(hits):
            found.rows[dimension, ANY], found.first[dimension, ANY] = len(hits), int(place[hits[0]])
    if all(one in groups for one in SEXES):
        found.sexes = seen[:, [groups.index(one) for one in SEXES]]
    return found


def by_dimension(
    mine: Mentions,
    sides: Mapping[str, Mentions],
    groups: Groups,
    targets: Mapping[str, Mapping[str, float]],
    least: int,
) -> Iterator[Compared]:
    """Each dimension against its target, else the first of real data and seeds that names it often enough: then shares
    are of all rows, and the first line tells how many name it at all."""
    for dimension, names in groups.dimensions.items():
        ours = {one: mine.rows.get((dimension, one), 0) for one in names}
        if dimension in targets:
            yield to_target(dimension, ours, sum(ours.values()), targets[dimension], least)
            continue
        beside = {
            role: np.array([side.rows.get((dimension, one), 0) for one in names], np.int64)
            for role, side in sides.items()
        }
        if not beside:
            continue
        against = next((role for role, rows in beside.items() if rows.sum() >= least), min(beside))
        side, theirs = sides[against], beside[against]
        first = [side.first.get((dimension, one), -1) if against == "real" else -1 for one in names]
        own = np.array([*ours.values()], np.int64)
        counts = Counts(dimension, own, theirs, (mine.size, side.size), tuple(names), np.array(first, np.int64))
        compared = to_sample(counts, against, least)
        named, due = (one.rows.get((dimension, ANY), 0) / max(1, one.size) for one in (mine, side))
        if theirs.sum() >= least and named != due:
            compared = replace(compared, lines=((ANY, named, due), *compared.lines))
        yield compared
