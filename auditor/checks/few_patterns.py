"""N rows, K effective patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import exp, hypot, log
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content.grouped import OWN, Side, compared, patterns, side
from auditor.core.content.pictured import Mapped, mapped, named
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.space import Space
from auditor.core.intervals import rate
from auditor.core.rowwise import findings, gather_groups
from auditor.model.result import Exhibit, Measurement, Metric, Slice
from auditor.model.rows import ROUNDS, Dataset
from auditor.model.vectors import Floats
from auditor.statistics import vendi
from auditor.statistics.blas import single
from auditor.statistics.normal import Z95
from auditor.statistics.patterns import Patterns, deviation, effective
from auditor.statistics.subsampling import jackknife

LEAST = 20
"""Rows below which nothing is said."""

ENOUGH = 32
"""Rows that an interval of a Vendi score needs."""

CROWD = 10
"""Rows that a pattern has at the least to be called a crowd."""

LOCATED = 1_000
"""Rows of one pattern that are found at most."""

GROUPS, GROUP = 12, 50
"""Groups of an attribution that are compared at most, and the rows that each has at the least."""

SHARED = 0.2
"""Cosine of two random rows from which on the notes say that all rows share a scaffold: .03 to .14 in Dolly, Alpaca,
GSM8K, HumanEval and GPTeacher's code, .28 in its Toolformer rows, which share a prompt, and .30 to .34 in sets of one
pattern of which two fifths of every row are replaced."""

RUNGS = (1_000, 3_000, 10_000, 30_000)
"""Rows that patterns and scores of a registered version are recorded of as well."""

Longs = npt.NDArray[np.int64]


_SYLLABLES = "bacedifoguhajekilomunaperisotuvawexiyozu"
_TOPICS = ("tell me which river flows through the city of", "how many grams of sugar are in one ounce of")


def _word(seed: int) -> str:
    starts = (2 * ((seed * 7919 // 20**place) % 20) for place in range(3))
    return "".join(_SYLLABLES[start : start + 2] for start in starts)


def _words(seed: int, many: int = 9) -> str:
    return " ".join(_word(seed * 131 + place * 17 + 5) for place in range(many))


@check
@dataclass(frozen=True)
class FewPatterns:
    """Rows that are few patterns said over and over.

    What: rows are grouped into patterns, groups of texts that vary about a common core, and `effective_patterns` is
    exp(entropy) of their sizes: as many equally large patterns would be as diverse (Hill 1973; Jost 2006). The Vendi
    score says the same without groups, from the similarities alone: how many wholly different rows the set is worth,
    of order 1 and, for what is common, of order 2. With a real reference as many rows of both sides are grouped
    together, so that a pattern is the same on both, and the ratio of what each side has is the headline.

    Why it matters: a generator asked a hundred thousand times has a few dozen answers in it. No row copies another, so
    deduplication leaves them all, and a model trained on them learns the fifty patterns and how often each comes.

    Example: 10,000 rows "What is the capital of …?" and "Write a … about …" with names from a list are 2 patterns.

    Remedy: look at the largest patterns and their words: cut each down to what its share in real data is, vary the
    seeds and prompts that they come from, and raise the temperature last. More rows from the same prompt do not help.

    Limits: of more than `whole` rows (50,000) `sample` (30,000) are grouped, `vendi_sample` (4,000) scored, drawn by
    hash; two sides are compared by `whole` rows of both, or half of `sample` of each. Patterns are groups of vectors:
    the default embedder groups wording, not meaning. What all rows share is subtracted as a scaffold, unless half of
    the rows add no more than four words to it: then it is a template, and the notes tell. Rows that have less than a
    quarter of their wording in common are no pattern. One pattern that makes nearly all rows is taken for the scaffold,
    and the set for diverse: with two fifths of every row replaced where it makes nine rows of ten (below a system
    prompt seven), with 10 to 30 % where it makes 99 of 100; the notes tell how alike random rows are, so that this can
    be seen. Two or three such patterns in 2,000 rows are counted as up to 80, five as five. Where the real rows have
    fewer than `templated` patterns a row (0.1), as in a task of templates, `patterns_per_row` has no value: judge the
    ratio. The interval is a jackknife's, of the groups found: it does not hold the error of grouping, which in
    `effective_patterns` may be large where templates share parts (of ten verbs by eight objects 13 to 18 patterns are
    counted, rarely more). Vendi is that of the embedder's cosines and at most its dimension.

    Figures, default embedder: 50, 200, 1,000 and 5,000 planted patterns in 10,000 and 50,000 rows are found to 3 %
    where slots take up to half of the text, 5 to 35 % of it is edited below a system prompt, two clauses change places
    and 30 % of the words are others, or 40 % of the words of every single row are; to 6 % where those words are real
    English or slots have one to ten words of which a few are everywhere; to 10 % in sentences of 8 to 12 words of which
    10 to 40 % are others. In such sentences with 40 % of every row replaced: to 3 % with 50 rows a pattern or more, 17
    % too many for ten rows of each of 1,000; ten of each of 5,000 are counted three times. Two rows a pattern, 5,000 in
    10,000: to 14 % where 10 to 40 % is replaced, 23 to 58 % too many where 40 % of every row is, for two rows that
    share a third of their words are as alike as any two of GSM8K. Not seen: slots of three quarters of the text, and
    half of the words of every row replaced in ten rows a pattern; templates that differ in one word of ten are one.
    Dolly is .66 patterns a row (a twentieth is quiz templates), Alpaca .75, GSM8K .85, GPTeacher's Toolformer .002 to
    .008 and its code .05 (390 of 4,535 rows compute factorials). Halves of GSM8K, 150 to 3,736 rows each, are to each
    other as .98 to 1.02, of Alpaca as .97 to 1.05, of Dolly as .90 to 1.07 (150 rows: .79); of sets of 80 templates,
    600 rows each, the interval held 1 in 96 % of 680 draws.

    Reference: Friedman and Dieng 2023 (Vendi); Hill 1973, Ecology 54:427; Monroe, Colaresi and Quinn 2008 (names).
    `auditor.statistics.patterns` has the rule of grouping and its sources.
    """

    scope: str = "text"
    whole: int = 50_000
    sample: int = 30_000
    vendi_sample: int = 4_000
    crowd: float = 0.01
    templated: float = 0.1

    spec: ClassVar[Spec] = Spec(
        "few-patterns",
        "Few patterns",
        (
            Measure(
                "effective_patterns",
                "patterns",
                "exp(entropy) of the sizes of the patterns among the rows sampled",
                depends="size",
            ),
            Measure(
                "patterns",
                "patterns",
                "groups of rows that vary about a common core, single rows among them",
                depends="size",
            ),
            Measure("patterns_per_row", "patterns per row", "effective patterns for each row sampled", depends="size"),
            Measure("largest_share", "share", "rows that belong to the largest pattern", depends="size"),
            Measure(
                "crowded",
                "share",
                "rows in patterns that hold a hundredth of the rows or more (`crowd`), and ten at the least",
                "thin the pattern out to its share in real data, and vary the prompt and seeds that it comes from",
                depends="size",
            ),
            Measure("vendi", "rows", "Vendi score: wholly different rows that the sample is worth", depends="size"),
            Measure("vendi_2", "rows", "Vendi score of order 2, which weighs what is common", depends="size"),
            Measure(
                "ratio_to_real",
                "ratio",
                "effective patterns over those of as many real rows",
                bad="low",
                depends="real",
            ),
            Measure(
                "vendi_ratio_to_real", "ratio", "Vendi score over that of as many real rows", bad="low", depends="real"
            ),
        ),
        needs=("embeddings",),
        version=3,
        fires=(
            Case(
                tuple({"text": f"{_TOPICS[i % 2]} {_word(i)}"} for i in range(40)),
                "few_patterns.crowded",
            ),
            Case(
                tuple({"prompt": _words(i), "response": f"{_words(1000 + i % 2, 12)} {_word(i)}"} for i in range(30)),
                "few_patterns.crowded",
                {"scope": "response"},
            ),
        ),
        quiet=(Case(tuple({"text": _words(i)} for i in range(30)), "few_patterns.crowded"),),
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if min(self.whole, self.sample, self.vendi_sample) < LEAST:
            raise ValueError(f"whole, sample and vendi_sample are {LEAST} rows or more")
        if not 0 < self.crowd <= 1:
            raise ValueError(f"crowd is a share above 0, not {self.crowd}")
        if not 0 <= self.templated <= 1:
            raise ValueError(f"templated is from 0 to 1, not {self.templated}")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        with single():
            return self._run(rows, context, engine)

    def _run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        assert context.space is not None  # `needs`
        if rows.rows and self.scope not in rows.columns:
            return Measurement((), notes=(f"no row has a {self.scope!r}",))
        ours = side(rows, context.space, self.scope, self.whole, self.sample)
        n = len(ours.rows)
        if n < LEAST:
            return Measurement((), notes=(f"needs at least {LEAST} rows with a {self.scope}, has {n:,}",))
        found = patterns(ours, n, context, engine)
        context.progress(1, 3)
        real = context.references.get("real")
        theirs = None
        if real is not None and self.scope in real.columns:
            theirs = side(real, context.space, self.scope, self.whole, self.sample)
        equal = 0 if theirs is None else min(n, len(theirs.rows))
        equal = equal if 2 * equal <= self.whole else min(equal, max(LEAST, self.sample // 2))
        same, beside = found, None
        if theirs is not None and equal >= LEAST:
            same, beside = compared(ours, theirs, equal, context, engine)
        context.progress(2, 3)
        usual = 1.0 if beside is None else beside.effective / equal
        metrics = [*self._sizes(found, n, usual), *self._vendi(ours)]
        metrics += self._ratios(ours, same, theirs, beside, equal)
        if context.asked is not None:
            return Measurement(tuple(metrics))
        names, examples = named(rows, ours, found)
        sides: list[Mapped] = [(rows, ours, found, names)]
        if real is not None and theirs is not None and len(theirs.rows):
            sides.append((real, theirs, beside, [] if beside is None else named(real, theirs, beside)[0]))
        return Measurement(
            tuple(metrics),
            self._slices(rows, ours, found),
            notes=tuple(self._notes(ours, found, context.space)),
            tables={
                "sizes": _ranked(same, beside),
                "map": mapped(sides, engine),
                "rows": self._crowds(ours, found, names),
            },
            exhibits=(self._largest(found, n, names, examples),) if names else (),
            ladder=tuple(self._ladder(ours, usual, context, engine)) if context.history is not None else (),
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Rows of the crowded patterns among those sampled, at most LOCATED of each."""
        crowds = measurement.tables["rows"]
        for start in range(0, len(crowds), LOCATED):
            part = crowds.slice(start, LOCATED)
            at = part.column("row").to_numpy()
            seen = pc.utf8_slice_codeunits(rows.take(at, [self.scope]).column(0), 0, 160).to_pylist()
            evidence = [f"{name}: {text}" for name, text in zip(part.column("name").to_pylist(), seen, strict=True)]
            yield findings(
                at,
                self.spec.metric("crowded"),
                evidence,
                score=part.column("share").to_numpy(),
                cluster=part.column("first").to_numpy(),
            )

    def _sizes(self, found: Patterns, n: int, usual: float) -> Iterator[Metric]:
        """usual: effective patterns for each of as many real rows, 1 where there are none."""
        value, spread = max(1.0, found.effective), exp(Z95 * deviation(found.sizes))
        bounds = max(1.0, value / spread), min(float(n), value * spread)
        name = self.spec.metric
        yield Metric(name("effective_patterns"), value, "patterns", n, low=bounds[0], high=bounds[1])
        yield Metric(name("patterns"), len(found.sizes), "patterns", n)
        if usual < self.templated:
            why = (
                f"real rows are templated too ({usual:.3g} patterns a row, below {self.templated:g}): see ratio_to_real"
            )
            yield Metric(name("patterns_per_row"), None, "patterns per row", n, why)
        else:
            a_row = (value / n, bounds[0] / n, bounds[1] / n)
            yield Metric(name("patterns_per_row"), a_row[0], "patterns per row", n, low=a_row[1], high=a_row[2])
        yield rate(name("largest_share"), int(found.sizes[0]), n)
        yield rate(name("crowded"), int(found.sizes[self._crowded(found)].sum()), n)

    def _crowded(self, found: Patterns) -> npt.NDArray[np.bool_]:
        crowded: npt.NDArray[np.bool_] = found.sizes >= max(CROWD, self.crowd * float(found.sizes.sum()))
        return crowded

    def _vendi(self, side: Side) -> Iterator[Metric]:
        chosen = side.vectors[: self.vendi_sample]
        n = len(chosen)
        whole, rest = vendi.spectrum(chosen), _rest(chosen)
        for order, measure in ((1, "vendi"), (2, "vendi_2")):

            def scored(low: int, high: int, order: int = order) -> float:
                return log(vendi.score(rest(low, high), order))

            value = max(1.0, vendi.score(whole, order))  # sums of shares are a rounding off
            low, high = (n >= ENOUGH and jackknife(scored, n, log(value))) or (0.0, log(n))
            yield Metric(
                self.spec.metric(measure), value, "rows", n, low=max(1.0, exp(low)), high=min(float(n), exp(high))
            )

    def _ladder(self, ours: Side, usual: float, context: Context, engine: Engine) -> Iterator[Metric]:
        """Patterns and scores of fewer rows, for versions of another size."""
        scored = min(len(ours.rows), self.vendi_sample)
        for rung in RUNGS:
            if rung < len(ours.rows):
                sizes = self._sizes(patterns(ours, rung, context, engine), rung, usual)
                yield from (one for one in sizes if one.name.endswith("patterns_per_row"))
            if rung < scored:
                yield from self._vendi(replace(ours, vectors=ours.vectors[:rung]))

    def _ratios(
        self, ours: Side, same: Patterns, theirs: Side | None, beside: Patterns | None, equal: int
    ) -> Iterator[Metric]:
        name = self.spec.metric
        if theirs is None or beside is None:
            why = "no real rows to compare with: --real FILE"
            if theirs is not None:
                why = f"needs at least {LEAST} real rows with a {self.scope}, has {len(theirs.rows):,}"
            for measure in ("ratio_to_real", "vendi_ratio_to_real"):
                yield Metric(name(measure), None, "ratio", equal, why=why)
            return

        value = same.effective / beside.effective
        spread = exp(Z95 * hypot(deviation(same.sizes), deviation(beside.sizes)))
        yield Metric(name("ratio_to_real"), value, "ratio", equal, low=value / spread, high=value * spread)
        scored = min(equal, self.vendi_sample)
        left, right = ours.vectors[:scored], theirs.vectors[:scored]

        ours_rest, real_rest = _rest(left), _rest(right)

        def score_ratio(low: int, high: int) -> float:
            return log(vendi.score(ours_rest(low, high))) - log(vendi.score(real_rest(low, high)))

        value = vendi.score(vendi.spectrum(left)) / vendi.score(vendi.spectrum(right))
        told = scored >= ENOUGH and jackknife(score_ratio, scored, log(value))
        low, high = told or (-log(scored), log(scored))
        yield Metric(name("vendi_ratio_to_real"), value, "ratio", scored, low=exp(low), high=exp(high))

    def _largest(self, found: Patterns, n: int, names: Sequence[str], examples: Sequence[str]) -> Exhibit:
        lines = tuple(
            (one + 1, int(found.sizes[one]), round(int(found.sizes[one]) / n, 6), names[one], examples[one])
            for one in range(len(names))
        )
        return Exhibit(
            self.spec.metric("largest"),
            "The largest patterns",
            ("pattern", "rows", "share", "name", "a typical row"),
            lines,
            "Names are the words that tell a pattern's rows from all others.",
        )

    def _crowds(self, ours: Side, found: Patterns, names: Sequence[str]) -> pa.Table:
        """Rows of the crowded patterns that have a name, ascending."""
        parts: list[pa.Table] = []
        for one in np.flatnonzero(self._crowded(found))[: len(names)]:
            mine = np.sort(ours.rows[found.labels == one])
            kept = mine[:LOCATED]
            share = np.full(len(kept), len(mine) / len(ours.rows))
            parts.append(
                pa.table(
                    {
                        "row": kept,
                        "first": np.full(len(kept), mine[0]),
                        "share": share,
                        "name": pa.array([names[one]] * len(kept), pa.string()),
                    }
                )
            )
        if not parts:
            return pa.table({"row": pa.array([], pa.int64())})
        return pa.concat_tables(parts).sort_by("row").combine_chunks()

    def _slices(self, rows: Dataset, ours: Side, found: Patterns) -> tuple[Slice, ...]:
        """Patterns per row of every group of an attribution, all groups at the size of the smallest; of rounds Vendi
        scores too."""
        slices: list[Slice] = []
        for by, (labels, codes) in sorted(gather_groups(rows).items()):
            code = codes[ours.rows]
            counts = np.bincount(code, minlength=len(labels))
            kept = [int(one) for one in np.argsort(-counts, kind="stable")[:GROUPS] if counts[one] >= GROUP]
            if len(kept) < 2:
                continue
            size = int(min(counts[one] for one in kept))
            for one in kept:
                mine = np.flatnonzero(code == one)[:size]
                value = effective(np.bincount(found.labels[mine])) / size
                metric = Metric(self.spec.metric("patterns_per_row"), value, "patterns per row", size)
                slices.append(Slice(by, labels[one], metric))
                if by.lower() in ROUNDS:
                    scores = self._vendi(replace(ours, vectors=ours.vectors[mine]))
                    slices += [Slice(by, labels[one], score) for score in scores]
        return tuple(sorted(slices, key=lambda s: (s.by, s.group)))

    def _notes(self, ours: Side, found: Patterns, space: Space) -> Iterator[str]:
        n = len(ours.rows)
        many = f"{found.effective:.3g}" if found.effective < 100 else f"{found.effective:,.0f}"
        yield f"{n:,} rows, {many} effective {'pattern' if many == '1' else 'patterns'}"
        if n < ours.total:
            yield f"{n:,} of {ours.total:,} rows are grouped: those with a {self.scope}, sampled beyond {self.whole:,}"
        yield f"embedder {space.embedder.name}: {space.embedder.blind}"
        if ours.template:
            yield f"half of all rows differ in no more than {OWN} words from what all share: one template"
        elif found.common >= SHARED:
            yield (
                f"any two rows have a cosine of {found.common:.2f} on average: a scaffold that all share was "
                "subtracted; if there is none, the whole set is one template"
            )


def _rest(vectors: Floats) -> Callable[[int, int], npt.NDArray[np.float64]]:
    """The spectrum of all rows but those from low to high, made once."""
    return cache(lambda low, high: vendi.spectrum(np.delete(vectors, slice(low, high), axis=0)))


def _ranked(found: Patterns, beside: Patterns | None) -> pa.Table:
    """Sizes by rank; the real ones at the size of the comparison."""
    sides = [("synthetic", found.sizes)] + ([] if beside is None else [("real", beside.sizes)])
    return pa.table(
        {
            "side": pa.array([side for side, sizes in sides for _ in sizes], pa.string()),
            "rank": np.concatenate([np.arange(1, len(sizes) + 1) for _, sizes in sides]),
            "size": np.concatenate([sizes for _, sizes in sides]),
        }
    )
