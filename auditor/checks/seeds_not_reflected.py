"""Declared seeds of which the rows show no trace."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from math import exp, sqrt
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import Z95, rate
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.core.rowwise import cut
from auditor.kernels.hashes import Sets, first_rows, hash_normalised, shingle_sets
from auditor.kernels.texts import spans
from auditor.model import tiny
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement, Metric, Slice
from auditor.model.rows import Dataset, strings
from auditor.sketches.sample import bottom_k

RUN = 4
"""Words of a phrase. Three are too common and five too rare: of Alpaca's 9,229 rows the reflection of their
true seeds and of GSM8K is .78 and .29 by three, .86 and .12 by four; five need ten times the rows."""

ROWS, SEEDS = 32_768, 4_096
"""Bottom-k samples: reflection hardly depends on how many rows there are, and chance matches grow with them."""

COMMON = 0.001
"""Share of the rows from which a phrase is common: of the language, of a template. At least 3 rows."""

REPEATS = 0.5
"""A row that shares more of its rare phrases than this with others is a variant of one, and no measure of
how much rows that were made alike have in common."""

EXPECTED = 30
"""Phrases of the seeds that the rows would show, were the seeds as near to them as they are to each other:
with fewer, chance decides."""

WORDLESS = frozenset(("translation",))
"""Techniques by which rows have none of the words of their seeds."""

Longs = npt.NDArray[np.int64]

_WORDS = (
    "miller painter teacher watchman neighbour pilot lake list bird garden clock hall fence summer winter harbour "
    "letter window candle river bridge market orchard violin ladder basket meadow lantern kitchen engine station"
)


def _said(start: int, count: int) -> str:
    """Words without sense, always the same for a start (Park and Miller 1988, "minimal standard" generator)."""
    known, said = _WORDS.split(), []
    for _ in range(count):
        start = start * 48_271 % 2_147_483_647
        said.append(known[start % len(known)])
    return " ".join(said)


_SEEDS = tuple({"text": _said(seed, 12)} for seed in range(1, 25))
_ROWS = tuple({"text": f"{_said(1 + row % 24, 9)} {_said(1_000 + row, 16)}"} for row in range(60))
_WRONG = tuple({"text": _said(100 + seed, 12)} for seed in range(24))


@dataclass(frozen=True, slots=True)
class Phrases:
    """Of each text the rare phrases that others show, and all its rare ones. shown, rare: int64 [n]."""

    shown: Longs
    rare: Longs

    @property
    def share(self) -> float:
        return float(self.shown.sum() / max(1, self.rare.sum()))

    @property
    def spread(self) -> float:
        """Relative standard error of the share, texts being drawn whole (ratio estimator: Cochran 1977,
        "Sampling Techniques", 6.4)."""
        n, share, rare = len(self.rare), self.share, float(self.rare.sum())
        if n < 2 or share == 0:
            return 1.0
        apart = float(((self.shown - share * self.rare) ** 2).sum()) * n / (n - 1)
        return sqrt(apart) / rare / share


@check
@dataclass(frozen=True)
class SeedsNotReflected(Faultfinding):
    """Seeds that the card declares and the rows do not show.

    What: rows that were made from seeds share rare phrases with them. A phrase is a run of 4 words; it is
    rare where no more than one row in a thousand holds it. `seen` is the share of the seeds' rare phrases
    that stand in any row. How much that is depends on the rows, so they are their own measure: `reflection`
    is `seen` divided by the share of a row's rare phrases that stand in any other row (copies and variants
    of rows aside). Seeds that are as near to the rows as the rows to each other have 1; seeds of another
    kind of text near 0. `sources` counts the seed datasets below `least`.

    Why it matters: seeds are what makes a synthetic dataset cover what it should, and what a licence and
    an evaluation split are traced by. Seeds that leave no trace were not used: the wrong file was
    declared, or the pipeline ignored them.

    Example: of 9,229 Alpaca rows and their 175 seeds the reflection is .86, though near-copies of seeds
    were removed; with GSM8K declared as seeds it is .12.

    Remedy: declare the seeds that were used, or make the rows anew from the declared ones.

    Limits: it tells a wrong kind of text, not a wrong set of the same kind: for the same rows Dolly's
    instructions reach .32, those of 252 other tasks .43, GPT-4's tasks in code .92. A paraphrase that
    keeps no phrase leaves no trace; a translation is not looked at. At least 400 distinct rows and about 30
    expected phrases (10 of Alpaca's seeds) are needed; with less it is skipped and says so. In samples of
    400 rows of Alpaca and of its best-rated part the true seeds had .25 to 1.9, GSM8K .05 to .14. Of
    larger datasets samples are compared: 32,768 rows, 4,096 seeds.

    Reference: Wang et al. 2023, "Self-Instruct", ACL, section 2.2 (tasks made from 175 seeds, similar ones
    removed); Taori et al. 2023, Stanford Alpaca.
    """

    least: float = 0.2
    rows: int = 400

    spec: ClassVar[Spec] = Spec(
        "seeds-not-reflected",
        "Seeds without a trace",
        (
            Measure(
                "sources",
                "datasets",
                "declared seed datasets of which the rows show no trace",
                "declare the seeds that were used, or make the rows anew from the declared ones",
            ),
            Measure(
                "reflection", "times", "rare phrases of the seeds seen in the rows, to those of rows in each other"
            ),
            Measure("seen", "share", "rare phrases of the seeds that stand in the rows"),
        ),
        reads=("text",),
        needs=("lineage",),
        fires=(
            Case(
                _ROWS,
                "seeds_not_reflected.sources",
                {"rows": 50},
                references={"seeds@1": _WRONG},
                pedigree=lambda: tiny.pedigree(
                    "train@1", {"train@1": tiny.Made(seeds=("seeds@1",)), "seeds@1": tiny.Made("real")}
                ),
            ),
        ),
        quiet=(
            Case(
                _ROWS,
                "seeds_not_reflected.sources",
                {"rows": 50},
                references={"seeds@1": _SEEDS},
                pedigree=lambda: tiny.pedigree(
                    "train@1", {"train@1": tiny.Made(seeds=("seeds@1",)), "seeds@1": tiny.Made("real")}
                ),
            ),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        pedigree = context.pedigree
        assert pedigree is not None, "checks that need lineage are skipped without one"
        why = _cannot(pedigree)
        if why:
            return Measurement((), notes=(why,))
        ours, _ = _phrases(rows, ROWS)
        if len(ours) < self.rows:
            return Measurement(
                (), notes=(f"{len(ours):,} distinct texts are too few to tell: {self.rows:,} are needed",)
            )
        held, times = np.unique(ours.values, return_counts=True)
        common = max(3, int(COMMON * len(ours)))
        among = _seen(ours, held, times - 1, common)
        alone = among.shown <= REPEATS * among.rare
        measure = Phrases(among.shown[alone], among.rare[alone])
        found: dict[str, Phrases] = {}
        quoted: set[str] = set()
        notes = []
        for name, seeds in sorted(pedigree.seeds.items()):
            theirs, texts = _phrases(seeds, SEEDS)
            mine = _seen(theirs, held, times, common)
            if max(int(mine.shown.sum()), measure.share * mine.rare.sum()) < EXPECTED:
                notes.append(f"{name}: {mine.rare.sum():,} rare phrases in {len(theirs):,} seeds are too few to tell")
                continue
            bar = self.least * measure.share
            often = _often(theirs, held, times, common) if mine.share < bar else 0.0
            if often >= bar > 0:
                quoted.add(name)
                notes.append(f"{name}: quoted, {often:.0%} of its phrases stand in more than {common:,} rows each")
                continue
            found[name] = mine
            notes.append(_best(name, mine, texts))
        return self._told(found, quoted, measure, len(ours), notes, pedigree)

    def _told(
        self,
        found: Mapping[str, Phrases],
        quoted: Set[str],
        measure: Phrases,
        n: int,
        notes: list[str],
        pedigree: Pedigree,
    ) -> Measurement:
        if not found and not quoted:
            return Measurement((), notes=tuple(notes))
        known = {str(source) for source in pedigree.version.lineage.seeds}
        away = sorted(known - set(pedigree.seeds))
        notes += [f"not looked at, for their rows are not at hand: {', '.join(away)}"] if away else []
        if not found:
            told = self.measured(Seen([], len(quoted)))
            return Measurement((told.metrics[0],), (), (), tuple(notes), told.tables)
        whole = Phrases(*(np.concatenate([getattr(one, part) for one in found.values()]) for part in ("shown", "rare")))
        name = self.spec.metric("reflection")
        slices = [Slice("seeds", source, _reflection(name, one, measure, n)) for source, one in found.items()]
        faults = [
            Fault(
                "sources",
                _node(piece.group, pedigree),
                f"the rows show {found[piece.group].share:.1%} of the rare phrases of {piece.group}, and "
                f"{measure.share:.1%} of each other's: {piece.metric.value:.2f} times as many",
                piece.metric.value,
            )
            for piece in slices
            if piece.metric.value is not None and piece.metric.value < self.least
        ]
        told = self.measured(Seen(faults, len(found) + len(quoted), {"reflection": 0, "seen": 0}))
        metrics = (
            told.metrics[0],
            _reflection(name, whole, measure, n),
            rate(self.spec.metric("seen"), int(whole.shown.sum()), int(whole.rare.sum())),
        )
        return Measurement(metrics, tuple(slices), (), tuple(notes), told.tables)


def _cannot(pedigree: Pedigree) -> str:
    declared = [str(source) for source in pedigree.version.lineage.seeds]
    if not declared:
        return "the lineage declares no seeds"
    if pedigree.version.lineage.technique in WORDLESS:
        return f"{pedigree.version.lineage.technique} keeps no phrase of its seeds"
    if not pedigree.seeds:
        return f"no seeds are at hand: bring {', '.join(declared[:5])} back with `auditor checkout NAME@VERSION`"
    return ""


def _phrases(rows: Dataset, most: int) -> tuple[Sets, list[str]]:
    """The phrases of each distinct text of a sample, and the texts."""
    column = rows.take(bottom_k(rows, most), ["text"]).column(0).combine_chunks()
    view = strings(column)
    texts = spans(view.offsets, view.data, fold=True)
    left, right, filled = hash_normalised(texts.starts, texts.lengths)
    chosen = np.flatnonzero(filled & (first_rows(left, right, filled) == np.arange(len(filled))))
    some = spans(view.offsets, view.data, fold=True, rows=chosen)
    return shingle_sets(some, RUN), column.take(chosen).to_pylist()


def _seen(sets: Sets, held: npt.NDArray[np.uint64], times: Longs, common: int) -> Phrases:
    """held: phrases of the rows, ascending. times: how many rows hold each. common: beyond it none is rare."""
    place = np.minimum(np.searchsorted(held, sets.values), max(0, len(held) - 1))
    rows = np.where(held[place] == sets.values, times[place], 0)
    owner = np.repeat(np.arange(len(sets)), np.diff(sets.offsets))
    rare = rows <= common
    shown = np.bincount(owner[rare & (rows > 0)], minlength=len(sets))
    return Phrases(shown, np.bincount(owner[rare], minlength=len(sets)))


def _often(sets: Sets, held: npt.NDArray[np.uint64], times: Longs, common: int) -> float:
    """Share of the seeds' phrases that stand in so many rows that they are not rare. 175 seeds of Alpaca have
    .004 of them (the language's own), GSM8K in Alpaca .0001; 24 questions quoted by 400 rows .23."""
    values = np.unique(sets.values)
    if not len(held) or not len(values):
        return 0.0
    place = np.minimum(np.searchsorted(held, values), len(held) - 1)
    return float(np.mean((held[place] == values) & (times[place] > common)))


def _reflection(name: str, seeds: Phrases, rows: Phrases, n: int) -> Metric:
    """The ratio of two shares with its 95 % interval, on the scale of the logarithm; where nothing is seen
    it ends where 3 phrases would be (the rule of three)."""
    if rows.share == 0:
        return Metric(name, None, "times", n, why="the rows share no phrase with each other")
    value = seeds.share / rows.share
    if value == 0:
        return Metric(name, 0.0, "times", n, low=0.0, high=3 / float(seeds.rare.sum()) / rows.share)
    half = exp(Z95 * sqrt(seeds.spread**2 + rows.spread**2))
    return Metric(name, value, "times", n, low=value / half, high=value * half)


def _best(name: str, seeds: Phrases, texts: list[str]) -> str:
    at = int(np.argmax(seeds.shown))
    if not seeds.shown[at]:
        return f"{name}: no rare phrase of it stands in the rows"
    return (
        f"{name}: best reflected is {cut(texts[at], 80)!r}, {seeds.shown[at]:,} of its {seeds.rare[at]:,} rare phrases"
    )


def _node(name: str, pedigree: Pedigree) -> str:
    """The source's id in the graph, or what the card calls it."""
    edges = pedigree.graph.into(pedigree.node, frozenset(("seed",)))
    ids = {str(pedigree.graph.nodes[edge.source]): edge.source for edge in edges}
    return ids.get(name) or next((node for node in ids.values() if node.startswith(f"file:{name}@")), f"file:{name}")
