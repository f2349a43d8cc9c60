"""feature-drift: rows that look otherwise than real rows, feature by feature."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import fields
from auditor.core.content.features import Feature, features, is_identifier, spoken, values_of
from auditor.core.content.labels import LABELS, named, tally
from auditor.core.intervals import rate
from auditor.core.rowwise import cut, findings, gather_groups
from auditor.model.result import EXHIBIT_ROWS, Distribution, Exhibit, Measurement, Metric, Number, Slice
from auditor.model.rows import Dataset
from auditor.statistics import drift

Doubles = npt.NDArray[np.float64]

SHOWN = 8
"""Features whose distributions are drawn, and whose rows are named."""

FOUND = 100
"""Rows named for each of them at most."""

TAILS = (0.001, 0.999)
"""Quantiles of real between which a row is taken for usual."""

_HOW = "see which features moved, and which way: ask for the lengths and forms of the real data"

Groups = dict[str, tuple[Sequence[str], npt.NDArray[np.int32]]]


@dataclass(frozen=True, slots=True)
class Compared:
    """A feature with its numbers; p is adjusted later. here, there: what is typical of either side, in words.
    worst: effect of the rows of each group (by, label), where the rows are attributed."""

    feature: Feature
    drift: drift.Drift
    here: str
    there: str
    worst: tuple[tuple[str, str, float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """A field that is not compared. few: for want of rows, else since nearly every row has a value of its own."""

    told: str
    few: bool = False


@check
@dataclass(frozen=True)
class FeatureDrift:
    """Features whose values are spread otherwise than in real data.

    What: every surface feature (lengths, shares of letters, digits, punctuation …), typed field, label and the
    language, data against real: the Kolmogorov-Smirnov statistic (labels: total variation distance), both the
    largest difference in share that any range of values, or set of labels, shows; the population stability index over
    the deciles of real; the Jensen-Shannon divergence over the same bins; the Wasserstein distance by the
    interquartile range of real (where that is 0 by its standard deviation, and of a feature that is constant in real
    by that of both sides, each weighing half: 2 at most). A feature counts as drifted where its effect is at least
    `effect` *and* is no accident at `level` after Benjamini and Hochberg's correction: with many rows everything is
    significant, so the size of the effect decides.

    Why it matters: a model learns the lengths, the punctuation and the mix of labels along with the content. What
    drifts here is cheap to see, and often what a classifier or a user notices first.

    Example: half of the real prompts have 9 words or fewer, half of the synthetic ones 14 or more.

    On human texts and their machine continuations (Fast-DetectGPT's ten files) line feeds tell most: people's texts
    had none left; then white space, the variety of words and their length. A first look often finds such an artefact
    of the files: mend it, and look again.

    Remedy: ask for the missing lengths and labels by name, sample seeds by the real shares, drop the rows that no
    real row looks like; where real is not what you aim at, give another reference.

    Limits: one feature at a time; what is odd only in combination is for tells-of-synthesis. All rows of both sides
    are used, for these numbers compare shares and need no equal sizes; both sizes stand beside each. With `least`
    rows a side chance alone moves a KS statistic by about 0.2, with 2,000 by 0.04; the total variation of a label
    of twelve values by 0.19, with 2,000 that of fifty by 0.09. Where real has more than 50 values of a label, or fewer
    than eight rows for each, the effect is what the distance is beyond chance (0 as chance has it, 1 where no value is
    in common), and there is no index and no divergence of it. p values take rows for independent and ties (counts have
    many) as SciPy's asymptotic test does, which errs to the safe side. Identifiers are left out with a note: whole
    numbers that differ in nearly every row, and texts with fewer than two real rows a value; fields that say who or
    what made a row without one.

    Reference: see `auditor.statistics.drift`; N. Siddiqi 2006 reads an index below 0.1 as stable and above 0.25 as a
    shift; J. Cohen 1988 takes a difference of 0.1 in share for small.
    """

    effect: float = 0.1
    level: float = 0.05
    least: int = 100

    spec: ClassVar[Spec] = Spec(
        name="feature-drift",
        title="Feature drift",
        measures=(
            Measure("worst_effect", "share", "largest difference in share from real, of any feature", _HOW, bad="high"),
            Measure("drifted", "features", "features with more than a small effect, not by accident", bad="high"),
            Measure("worst_psi", "nats", "largest population stability index: above 0.25 is a shift", _HOW, bad="high"),
            Measure("worst_js", "bits", "largest Jensen-Shannon divergence: 0 alike, 1 disjoint", bad="high"),
            Measure("worst_wasserstein", "IQR", "furthest that a feature moved, by the spread of real", bad="high"),
            Measure(
                "outside",
                "share",
                "rows beyond 99.8 % of real rows in a feature that drifted",
                "drop the row, or generate it again at a usual length and form",
            ),
            Measure("features", "features", "features compared"),
        ),
        needs=("real",),
        annotations=("surface", "fields", "language"),
        version=2,
        fires=(
            Case(
                tuple({"text": f"Sentence {i} is written out at length, as a machine would. " * 3} for i in range(120)),
                "feature_drift.worst_effect",
                references={"real": tuple({"text": "short " * (1 + i % 5)} for i in range(120))},
            ),
            Case(
                tuple({"text": f"The row has the number {i}.", "topic": "sums"} for i in range(120)),
                "feature_drift.drifted",
                references={
                    "real": tuple(
                        {"text": f"The row has the number {i}.", "topic": ("sums", "law")[i % 2]} for i in range(120)
                    )
                },
            ),
        ),
        quiet=(
            Case(
                tuple({"text": "word " * (1 + i % 17), "topic": "ab"[i % 2]} for i in range(119)),
                "feature_drift.drifted",
                references={"real": tuple({"text": "word " * (1 + i % 17), "topic": "ab"[i % 2]} for i in range(238))},
            ),
        ),
    )  # fmt: skip

    def __post_init__(self) -> None:
        if not 0 < self.effect < 1 or not 0 < self.level < 1 or self.least < 2:
            raise ValueError("effect and level must lie between 0 and 1, and least must be at least 2")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references["real"]
        if min(rows.rows, real.rows) < self.least:
            seen = f"has {rows.rows:,} and {real.rows:,}"
            return Measurement((), notes=(f"needs at least {self.least:,} rows and as many real ones, {seen}",))
        compared, notes = features(rows, real)
        groups = gather_groups(rows)

        def one(feature: Feature) -> Compared | Left | None:
            return self._labels(feature, rows, real) if feature.label else self._numbers(feature, rows, real, groups)

        outcome = engine.map(one, compared)
        found = [measured for measured in outcome if isinstance(measured, Compared)]
        left = [one for one in outcome if isinstance(one, Left)]
        few, unique = ([one.told for one in left if one.few is rare] for rare in (True, False))
        notes = (*notes, *fields.left_out(self.least, few, unique))
        if not found:
            return Measurement((), notes=("no feature has enough values on both sides to compare", *notes))
        chances = drift.adjusted([measured.drift.p for measured in found]).tolist()
        order = sorted(
            zip(found, chances, strict=True), key=lambda pair: (-pair[0].drift.effect, pair[0].feature.column)
        )
        drifted = [one for one, p in order if one.drift.effect >= self.effect and p <= self.level]
        numbers = [one.feature.column for one, _ in order if not one.feature.label]
        mask, outside = _outside([c.feature.column for c in drifted if not c.feature.label][:SHOWN], rows, real)
        worst = order[0][0]
        metrics = self._metrics([one for one, _ in order], len(drifted), mask)
        moved = max((one for one, _ in order), key=lambda one: one.drift.psi or 0)
        largest = f"largest effect: {_told(worst)}"
        if moved is not worst and moved.drift.psi is not None:
            largest += f"; largest PSI: {_told(moved)}"
        return Measurement(
            metrics,
            tuple(self._slices(found)),
            tuple(self._distribution(column, rows, real) for column in numbers[:SHOWN]),
            (largest, *notes),
            {"outside": outside},
            (self._exhibit(order),),
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        outside = measurement.tables["outside"]
        if len(outside):
            score = outside.column("score").to_numpy()
            row = outside.column("row").to_numpy()
            yield findings(row, self.spec.metric("outside"), outside.column("evidence").to_pylist(), score=score)

    def _numbers(self, feature: Feature, rows: Dataset, real: Dataset, groups: Groups) -> Compared | Left | None:
        values, theirs = values_of(rows, feature.column), values_of(real, feature.column)
        known = np.isfinite(values)
        mine, theirs = values[known], np.sort(theirs[np.isfinite(theirs)])
        if min(len(mine), len(theirs)) < self.least:
            return self._few(feature, len(mine), len(theirs))
        if feature.field and (is_identifier(mine) or is_identifier(theirs)):
            return Left(fields.unique(feature.column, len(np.unique(theirs)), len(theirs)))
        worst = []
        for by, (labels, codes) in sorted(groups.items()):
            kept = codes[known]
            sizes = np.bincount(kept, minlength=len(labels))
            for code in np.flatnonzero(sizes >= self.least):
                effect = drift.ks(np.sort(mine[kept == code]), theirs)
                worst.append((by, labels[int(code)], effect, int(sizes[code])))
        here, there = (f"median {_short(2 * float(np.median(one / 2)))}" for one in (mine, theirs))  # never infinite
        return Compared(feature, drift.of_numbers(mine, theirs), here, there, tuple(worst))

    def _labels(self, feature: Feature, rows: Dataset, real: Dataset) -> Compared | Left | None:
        theirs = tally(real, feature.column)
        if theirs.tells_apart and theirs.rows >= self.least:
            return Left(fields.unique(feature.column, len(theirs.key), theirs.rows))
        mine = tally(rows, feature.column)
        n, m = mine.rows, theirs.rows
        if min(n, m) < self.least:
            return self._few(feature, n, m)
        values = np.union1d(mine.key, theirs.key)
        if len(values) < 2:
            return None
        ours, real_rows = mine.of(values), theirs.of(values)
        apart = np.abs(ours / n - real_rows / m)
        most = values[apart == apart.max()][:LABELS]
        moved: list[tuple[str, int]] = []
        for side, known in ((rows, mine), (real, theirs)):
            first = known.first_of(most)
            at = np.flatnonzero(first >= 0)
            moved += zip(named(side, feature.column, first[at]), at.tolist(), strict=True)
        label, place = min(moved)
        at = np.searchsorted(values, most[place])
        here, there = (f"{cut(label, 40)} {counts[at] / counts.sum():.1%}" for counts in (ours, real_rows))
        return Compared(feature, drift.of_labels(ours, real_rows, many=theirs.many), here, there)

    def _few(self, feature: Feature, n: int, real: int) -> Left | None:
        """A field that some rows of either side have."""
        return Left(fields.few(feature.column, n, real), few=True) if feature.field and n and real else None

    def _metrics(self, order: Sequence[Compared], drifted: int, mask: npt.NDArray[np.bool_]) -> tuple[Metric, ...]:
        name, n = self.spec.metric, min(min(one.drift.n, one.drift.real) for one in order)
        return (
            _effect(name("worst_effect"), order[0].drift),
            Metric(name("drifted"), drifted, "features", len(order)),
            _most(name("worst_psi"), [one.drift.psi for one in order], "nats", n),
            _most(name("worst_js"), [one.drift.js for one in order], "bits", n),
            _most(name("worst_wasserstein"), [one.drift.wasserstein for one in order], "IQR", n),
            rate(name("outside"), int(np.count_nonzero(mask)), len(mask)),
            Metric(name("features"), len(order), "features", n),
        )

    def _slices(self, found: Sequence[Compared]) -> Iterator[Slice]:
        for one in sorted(found, key=lambda compared: compared.feature.column):
            d = one.drift
            yield Slice("feature", one.feature.column, _effect(self.spec.metric("ks"), d))
            numbers = (("psi", "nats", d.psi), ("js", "bits", d.js))
            for name, unit, value in (*numbers, ("wasserstein", "IQR", d.wasserstein)):
                if value is not None:
                    yield Slice(
                        "feature", one.feature.column, Metric(self.spec.metric(name), value, unit, min(d.n, d.real))
                    )
        worst: dict[tuple[str, str], tuple[float, int]] = {}
        for by, label, effect, n in (entry for one in found for entry in one.worst):
            worst[by, label] = max(worst.get((by, label), (0.0, 0)), (effect, n))
        for (by, label), (effect, n) in sorted(worst.items()):
            yield Slice(by, label, Metric(self.spec.metric("worst_effect"), effect, "share", n))

    def _exhibit(self, order: Sequence[tuple[Compared, float]]) -> Exhibit:
        table: list[tuple[str | Number | None, ...]] = [
            (
                *(one.feature.column, one.drift.effect, one.there, one.here),
                *(one.drift.psi, one.drift.js, one.drift.wasserstein, p, one.drift.n, one.drift.real),
            )
            for one, p in order[:EXHIBIT_ROWS]
        ]
        heads = ("feature", "effect", "real", "data", "PSI", "JS (bits)", "Wasserstein (IQR)", "p", "rows", "real rows")
        note = (
            "effect: KS statistic, of labels the total variation distance (of many values what is beyond "
            "chance), largest first; shown of a label: the value whose share differs most; p: adjusted for the number "
            f"of features; drifted: effect of at least {self.effect:g} and p of at most {self.level:g}"
        )
        return Exhibit(self.spec.metric("features"), "Drift from real by feature", heads, tuple(table), note, "effect")

    def _distribution(self, column: str, rows: Dataset, real: Dataset) -> Distribution:
        values, theirs = (one[np.isfinite(one)] for one in (values_of(rows, column), values_of(real, column)))
        edges, counts, reference, scale = drift.overlay(values, theirs)
        title, unit = spoken(column)
        name = self.spec.metric(column)
        return Distribution(
            name, title, unit, tuple(edges.tolist()), tuple(counts.tolist()), scale, tuple(reference.tolist())
        )


def _most(name: str, values: Sequence[float | None], unit: str, n: int) -> Metric:
    known = [value for value in values if value is not None]
    return Metric(name, max(known, default=None), unit, n, "" if known else "no feature compared has one")


def _told(one: Compared) -> str:
    return f"{cut(spoken(one.feature.column)[0], 60)} ({one.there} in real, {one.here} here)"


def _effect(name: str, found: drift.Drift) -> Metric:
    n = min(found.n, found.real)
    return Metric(name, found.effect, "share", n, low=found.low, high=found.high)


def _outside(columns: Sequence[str], rows: Dataset, real: Dataset) -> tuple[npt.NDArray[np.bool_], pa.Table]:
    """Bool [rows]: beyond the usual of real in any of these columns; and the furthest of them with evidence, and how
    far beyond they are, in widths of the usual (as they are, where it has none)."""
    mask = np.zeros(rows.rows, np.bool_)
    position = np.concatenate([shard.numpy("row") for shard in rows])
    table: dict[str, list[object]] = {"row": [], "score": [], "evidence": []}
    for column in columns:
        values, theirs = values_of(rows, column), values_of(real, column)
        low, high = np.quantile(theirs[np.isfinite(theirs)], TAILS)
        # In halves, as the distance of two numbers may be more than a number holds.
        width = float(high / 2 - low / 2)
        with np.errstate(invalid="ignore"):
            beyond = np.fmax(low / 2 - values / 2, values / 2 - high / 2)
        hits = np.flatnonzero(beyond > 0)
        mask[hits] = True
        for at in hits[np.lexsort((position[hits], -beyond[hits]))][:FOUND]:
            table["row"].append(int(position[at]))
            table["score"].append(float(beyond[at]) / (width or 0.5))
            usual = f"99.8 % of real rows have {_short(low)} to {_short(high)}"
            table["evidence"].append(f"{cut(spoken(column)[0], 60)} {_short(float(values[at]))}: {usual}")
    order = np.argsort(np.array(table["row"], np.int64), kind="stable")
    kinds = {"row": pa.int64(), "score": pa.float64(), "evidence": pa.large_string()}
    return mask, pa.table({key: pa.array(table[key], kind) for key, kind in kinds.items()}).take(pa.array(order))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) < 1e15 and (abs(value) >= 100 or value == round(value)) else f"{value:.3g}"
