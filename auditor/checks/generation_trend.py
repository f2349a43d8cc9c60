"""generation-trend: diversity that goes from version to version of a dataset."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt
from statistics import NormalDist
from typing import ClassVar

from auditor.core.check import Case, Context, Measure, Spec, check
from auditor.core.intervals import Z95
from auditor.core.lineage.history import TURNED_AWAY, History, at_equal_size, in_order, known, numbered, sizes
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.model.card import Card, Lineage, Registered
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric, Number, Record, Status, Vocabulary
from auditor.model.rows import ROUNDS
from auditor.statistics.trend import TELLS, Slope, error, falling, slope
from auditor.statistics.vocabularies import lost

BETTER = {
    "few_patterns.patterns_per_row": 1,
    "few_patterns.largest_share": -1,
    "few_patterns.vendi": 1,
    "few_patterns.vendi_2": 1,
    "few_patterns.ratio_to_real": 1,
    "few_patterns.vendi_ratio_to_real": 1,
    "low_lexical_diversity.unique_ngram_product": 1,
    "low_lexical_diversity.compression_ratio": -1,
    "low_lexical_diversity.distinct_1": 1,
    "low_lexical_diversity.distinct_2": 1,
    "low_lexical_diversity.distinct_3": 1,
    "low_lexical_diversity.distinct_4": 1,
    "low_lexical_diversity.ngram_entropy": 1,
    "low_lexical_diversity.self_bleu": -1,
    "low_lexical_diversity.mtld": 1,
    "templated_text.rate": -1,
    "templated_text.largest_share": -1,
    "templated_text.opening_share": -1,
    "near_duplicates.effective_share": 1,
    "semantic_duplicates.effective_share": 1,
    "semantic_duplicates.rate": -1,
    "exact_duplicates.normalised_rate": -1,
    "lost_tails.unreached_share": -1,
    "lost_tails.unreached_mass": -1,
    "lost_tails.rare_word_mass": 1,
    "lost_tails.distance_tail": 1,
    "lost_tails.length_tail": 1,
}
"""Metrics of diversity and of tails: 1 where more is better, -1 where less is."""

ALPHA = 0.05
COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One metric at some places in time. metric: full name. by: the field of rounds, or empty for versions. x: numbers
    of versions or rounds. sign: of `BETTER`."""

    metric: str
    by: str
    x: tuple[float, ...]
    values: tuple[Metric, ...]
    sign: int

    @property
    def numbers(self) -> list[float]:
        """The values so that more is better; of a share of faults the share without."""
        if self.sign > 0:
            return [float(metric.value or 0) for metric in self.values]
        whole = float(self.values[0].unit == "share")
        return [whole - float(metric.value or 0) for metric in self.values]

    def change(self, place: int) -> float:
        """Of the last against the one at `place`, as a share of that; below nought is worse."""
        before, last = self.numbers[place], self.numbers[-1]
        if before == last:
            return 0.0
        return (last - before) / abs(before) if before else 1.0 if last > before else -1.0

    def slope(self, z: float = Z95) -> Slope:
        """Change a step as a share of the first value, z errors about it on each side; below nought is a loss."""
        numbers, errors = self.numbers, [error(metric.low, metric.high) for metric in self.values]
        base = abs(numbers[0]) or max(map(abs, numbers)) or 1.0
        return slope(self.x, [n / base for n in numbers], [None if e is None else e / base for e in errors], z)

    def p(self) -> float | None:
        return falling(self.numbers) if len(self.values) >= TELLS else None

    def apart(self, place: int, tests: int) -> bool:
        """Whether the last is worse than the one at `place` beyond their intervals, at 5 % over `tests` together."""
        left, right = self.values[place], self.values[-1]
        if left.low is None or left.high is None or right.low is None or right.high is None:
            return False
        noise = sqrt((left.high - left.low) ** 2 + (right.high - right.low) ** 2) / 2 / Z95
        fall = self.numbers[place] - self.numbers[-1]
        return fall > noise * NormalDist().inv_cdf(1 - ALPHA / max(tests, 1))

    def declines(self, tests: int, least: float) -> str:
        """How the series declines, or an empty string."""
        if self.change(-2) <= -least and self.apart(-2, tests):
            return "worse than before"
        if self.change(0) > -least:
            return ""
        p = self.p()
        if p is None:
            return "worse than at first" if self.apart(0, tests) else ""
        told = self.values[0].low is not None and self.values[-1].low is not None
        return "worsens" if p <= ALPHA and (not told or self.apart(0, 1)) else ""


def _tiny(values: Sequence[float]) -> tuple[History, Mapping[str, Measurement]]:
    """A history whose versions had all but the last of `values` of one metric."""
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    name = "low_lexical_diversity.distinct_2"
    made = [Metric(name, value, "share", 200_000, "", value - 0.01, value + 0.01) for value in values]
    records = {
        number: Record({}, {}, {}, (), {name: metric}, (), (), (), Status.PASS)
        for number, metric in enumerate(made[:-1], 1)
    }
    versions = tuple(Registered(n, day, "d.jsonl", f"sha256:{n:064}", 100, Lineage()) for n in records)
    return History(Card("d", "synthetic", versions), records), {"low-lexical-diversity": Measurement((made[-1],))}


@check
@dataclass(frozen=True, slots=True)
class GenerationTrend(Faultfinding):
    """Diversity that goes, and tails that are lost, from one version of a dataset to the next.

    What: the metrics of diversity and of tails in this audit beside those in the stored audits of the earlier
    versions of the same dataset; and, where rows carry a `round`, `generation` or `iteration`, from round to round.
    A metric declines where it is worse than at the version before, or (of two or three versions) than at the first,
    by more than their intervals allow (5 % over all metrics together); or where, of four or more, it falls by Mann
    and Kendall's test (one-sided, 5 %); and always by `least` of its size. `worst_slope` is the steepest of all, by
    Theil and Sen: its change from one version to the next as a share of what it was in the first; below nought is a
    loss, -0.1 a tenth of the first value gone with each version. Its interval is from the errors of the values
    themselves (from four versions on Sen's where that is wider), and holds for all metrics together. `lost_topics` are
    words that stood beside one another in the version before and stand now in six tenths as many rows or fewer, one of
    them beyond chance (Fisher's exact test, 5 % over all words together; a word by itself at a hundredth of that).

    Why it matters: each round of generation that learns from the last narrows a little; no single version looks
    bad, and the tails are gone after a few.

    Example: distinct pairs of words 0.45, 0.40, 0.31 over three versions.

    Remedy: mix real or earlier data into the next version, widen its seeds, or go back to the version before.

    Limits: reads records and no rows, and of this version too what its stored audit says where this audit did not
    measure it; versions that were not audited here, or were rejected, are left out. Numbers that depend on the size
    are compared where they were measured over as much, within 10 %: low-lexical-diversity, few-patterns and
    templated-text record theirs at smaller sizes as well; those of duplicates and of lost-tails are compared at like
    sizes alone, and tails not by round. Of a share of faults, `least` is of the share without. Topics
    are told by words alone, of which each audit keeps the 2,000 commonest that 0.1 to 30 % of 10,000 rows have: a
    topic whose words stand elsewhere as often is not missed. Four versions can just be told from chance by their order,
    three cannot.

    Figures: of 100 splits of Alpaca, and of Dolly, in two versions, none had a topic lost. With one of 30
    topics (k-means of TF-IDF) removed from 4,600 rows of Alpaca, 5 of the 6 that were 3 % of
    the rows or more were named, 12 of the 21 of 1 to 3 %, and none of the two that were less.

    Reference: Sen 1968, JASA 63:1379 (slope); Mann 1945, Econometrica 13:245 (test); Fisher 1935 (topics); Shumailov et
    al. 2024, Nature 631:755 (collapse over generations).
    """

    least: float = 0.05

    spec: ClassVar[Spec] = Spec(
        name="generation-trend",
        title="Diversity over versions",
        measures=(
            Measure(
                "significantly_declining",
                "metrics",
                "metrics of diversity and tails that decline beyond chance",
                "mix real or earlier rows into the next version, widen its seeds, or go back to the version before",
            ),
            Measure(
                "worst_slope",
                "share a version",
                "steepest change of any of them from one version to the next, as a share of its first value",
            ),
            Measure(
                "lost_topics",
                "topics",
                "subjects that the version before had far more of, beyond chance, by their words",
                "generate rows about them, from the seeds that the version before had",
            ),
        ),
        version=2,
        fires=(
            Case(
                (),
                "generation_trend.significantly_declining",
                history=lambda: _tiny((0.45, 0.40, 0.31))[0],
                measured=lambda: _tiny((0.45, 0.40, 0.31))[1],
            ),
        ),
        quiet=(
            Case(
                (),
                "generation_trend.significantly_declining",
                history=lambda: _tiny((0.45, 0.46, 0.45))[0],
                measured=lambda: _tiny((0.45, 0.46, 0.45))[1],
            ),
        ),
    )

    def inspect(self, context: Context) -> Measurement:
        now = _now(context)
        series = [*_versions(context, now), *_rounds(context)]
        if not series:
            return Measurement((), notes=(_nothing(context, now),))
        node = context.pedigree.node if context.pedigree else "this version"
        tests = len(series)
        declines = {id(one): one.declines(tests, self.least) for one in series}
        faults = [
            Fault("significantly_declining", node, _sentence(one, declines[id(one)]), one.change(0))
            for one in series
            if declines[id(one)]
        ]
        lost, read, why = _lost(context, now)
        faults += [Fault("lost_topics", node, evidence) for evidence in lost]
        # The steepest of many is steep by chance: its interval is one that holds for all of them together.
        z = NormalDist().inv_cdf(1 - ALPHA / 2 / tests)
        told = [one for one in series if one.slope().low is not None] or series
        worst = min(told, key=lambda one: one.slope().value)
        found = worst.slope(z)
        metrics = self.measured(Seen(faults, tests, {"worst_slope": found.value}, {"lost_topics": why} if why else {}))
        places = f"{worst.by}s" if worst.by else "versions"
        return Measurement(
            tuple(_told(metric, found, read) for metric in metrics.metrics),
            notes=(
                f"steepest: {worst.metric}, a step as a share of its first value, over {len(worst.x)} {places}",
                *_unlike(context, now, series),
            ),
            tables=metrics.tables,
            exhibits=tuple(self._exhibit(by, series, declines) for by in dict.fromkeys(one.by for one in series)),
        )

    def _exhibit(self, by: str, series: Iterable[Series], declines: Mapping[int, str]) -> Exhibit:
        """Every series of versions, or of rounds, those that decline first: pictures show the first few."""
        mine = sorted(
            (one for one in series if one.by == by), key=lambda one: (not declines[id(one)], one.slope().value)
        )
        places = sorted({x for one in mine for x in one.x})[-COLUMNS:]
        rows: list[tuple[str | Number | None, ...]] = []
        for one in mine[:EXHIBIT_ROWS]:
            at = dict(zip(one.x, (metric.value for metric in one.values), strict=True))
            better = "more" if one.sign > 0 else "less"
            step = one.slope()
            seen = (step.value, step.low, step.high, one.p(), declines[id(one)])
            rows.append((one.metric, better, *(at.get(x) for x in places), *seen))
        names = [f"{by or 'version'} {x:g}" for x in places]
        heads = ("metric", "better", *names, "change a step", "low", "high", "p", "verdict")
        title = f"Diversity by {by}" if by else "Diversity over versions"
        note = (
            "change a step: Theil-Sen, as a share of the first value; below nought is a loss. low, high: its 95 % "
            "interval, from the errors of the values. p: Mann-Kendall, from four values on"
        )
        return Exhibit(self.spec.metric(f"by_{by}" if by else "series"), title, heads, tuple(rows), note)


def _sentence(one: Series, how: str) -> str:
    seen = [f"{metric.value:.4g}" for metric in one.values if metric.value is not None]
    steps = " to ".join(seen if len(seen) <= 3 else [seen[0], *seen[-2:]])
    what = f"{one.by}s" if one.by else "versions"
    better = "" if one.sign > 0 else " (less is better)"
    return f"{one.metric}{better} {how}: {steps}, over {len(seen)} {what}"


@dataclass(frozen=True, slots=True)
class _Now:
    """What is known of the rows that are audited: by this audit, and for what it did not measure by the stored one of
    the same rows."""

    metrics: tuple[Metric, ...]
    ladder: tuple[Metric, ...]
    vocabularies: tuple[Vocabulary, ...]

    def sizes(self, name: str) -> list[Metric]:
        return known(name, self.metrics, self.ladder)


def _now(context: Context) -> _Now:
    made = list(context.measured.values())
    metrics = [metric for one in made for metric in one.metrics]
    stored = context.history.present if context.history else None
    if stored is None:
        return _Now(
            tuple(metrics),
            tuple(metric for one in made for metric in one.ladder),
            tuple(v for one in made for v in one.vocabularies),
        )
    rooms = {metric.name.partition(".")[0] for metric in metrics}
    rest = [metric for metric in stored.metrics.values() if metric.name.partition(".")[0] not in rooms]
    steps = [metric for metric in stored.ladder if metric.name.partition(".")[0] not in rooms]
    words = tuple(v for one in made for v in one.vocabularies)
    return _Now(
        (*metrics, *rest),
        (*(metric for one in made for metric in one.ladder), *steps),
        words or stored.vocabularies,
    )


def _nothing(context: Context, now: _Now) -> str:
    """Why there is nothing to compare."""
    history, rooms = context.history, "low-lexical-diversity, few-patterns or templated-text"
    rounds = f"this audit measured no rounds (a field round, generation or iteration, or --by FIELD, and {rooms})"
    if history is None:
        return f"not a registered version, and {rounds}: auditor register NAME FILE, and audit each version"
    if not _standing(history):
        return f"no earlier version of this dataset was audited here, and {rounds}: audit the versions before"
    if not any(now.sizes(name) for name in BETTER):
        return f"this version has no number of diversity or tails, in this audit or a stored one: audit it with {rooms}"
    return (
        "the earlier versions have no number that can be compared with this one: audit them again with the same rooms"
    )


def _standing(history: History | None) -> list[Registered]:
    """Versions with a stored audit that no gate turned away, in rising order."""
    if history is None:
        return []
    return [one for one in history.versions if one.status not in TURNED_AWAY and one.version in history.records]


def _versions(context: Context, now: _Now) -> Iterator[Series]:
    history = context.history
    earlier = _standing(history)
    if history is None or not earlier:
        return
    last = context.pedigree.version.version if context.pedigree else earlier[-1].version + 1
    places = [*(one.version for one in earlier), last]
    for name, sign in BETTER.items():
        found = at_equal_size([*(sizes(history.records[one.version], name) for one in earlier), now.sizes(name)])
        kept = [(float(x), metric) for x, metric in zip(places, found, strict=True) if metric is not None]
        if len(kept) > 1:
            x, metrics = zip(*kept, strict=True)
            yield Series(name, "", x, metrics, sign)


def _unlike(context: Context, now: _Now, series: Sequence[Series]) -> Iterator[str]:
    """Series that are over less than all there is, and what could not be compared."""
    whole = {metric.name: metric.n for metric in now.metrics}
    less: dict[int, list[str]] = {}
    for one in series:
        if not one.by and one.values[-1].n != whole.get(one.metric):
            less.setdefault(one.values[-1].n, []).append(one.metric)
    for n, names in sorted(less.items()):
        yield f"brought to equal size, {n:,}: {', '.join(names)}"
    history, compared = context.history, {one.metric for one in series if not one.by}
    records = [history.records[one.version] for one in _standing(history)] if history else []
    left = [name for name in BETTER if name not in compared and now.sizes(name)]
    left = [name for name in left if any(sizes(record, name) for record in records)]
    if left:
        yield f"measured over another number of rows or words than before, and not compared: {', '.join(left)}"


def _rounds(context: Context) -> Iterator[Series]:
    """The slices of this audit by a field of rounds, in the order of their numbers."""
    found: dict[tuple[str, str], list[tuple[float, Metric]]] = {}
    for measurement in context.measured.values():
        for one in measurement.slices:
            number = numbered(one.group)
            if one.by.lower() in ROUNDS and one.metric.name in BETTER and number is not None:
                found.setdefault((one.by, one.metric.name), []).append((number, one.metric))
    for (by, name), places in sorted(found.items()):
        ranked = sorted(places, key=lambda place: place[0])
        same = at_equal_size([known(name, [metric]) for _, metric in ranked])
        kept = [(x, metric) for (x, _), metric in zip(ranked, same, strict=True) if metric is not None]
        if len(kept) > 1 and len({x for x, _ in kept}) == len(kept):
            x, metrics = zip(*kept, strict=True)
            yield Series(name, by, x, metrics, BETTER[name])


def _lost(context: Context, now: _Now) -> tuple[list[str], int, str]:
    """(what was lost since the version or round before, one sentence each; rows that tell; why that is not known)."""
    pairs = list(_before_and_now(context, now))
    if not pairs:
        return [], 0, "no words are kept of both versions: audit each with low-lexical-diversity"
    told = [
        f"{', '.join(one.words)}: {one.words[0]!r} stood in {one.rows:,} of {before.rows:,} rows of {place}, "
        f"and stands in {'at most ' if one.bound else ''}{one.left:,} of {here.rows:,}"
        for place, before, here in pairs
        for one in lost(before, here)
    ]
    return told, pairs[0][2].rows, ""


def _before_and_now(context: Context, now: _Now) -> Iterator[tuple[str, Vocabulary, Vocabulary]]:
    history, here = context.history, {(v.by, v.group): v for v in now.vocabularies}
    whole = here.get(("", ""))
    earlier = [(one.version, history.records[one.version]) for one in _standing(history)] if history else []
    kept = [(version, v) for version, record in earlier for v in record.vocabularies if not v.by]
    if whole is not None and kept:
        version, theirs = kept[-1]
        yield f"version {version}", theirs, whole
    for by in sorted({v.by for v in now.vocabularies if v.by}):
        order = in_order(group for of, group in here if of == by)
        for before, last in pairwise(order[-2:]):
            yield f"{by} {numbered(before):g}", here[by, before], here[by, last]


def _told(metric: Metric, steepest: Slope, read: int) -> Metric:
    """With the interval of the slope, and lost topics over the rows that were read."""
    if metric.name.endswith("worst_slope"):
        return replace(metric, low=steepest.low, high=steepest.high)
    return replace(metric, n=read) if metric.name.endswith("lost_topics") else metric
