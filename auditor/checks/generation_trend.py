"""generation-trend: diversity that goes from version to version of a dataset."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist, median
from typing import ClassVar

from auditor.core.check import Case, Context, Measure, Spec, check
from auditor.core.intervals import Z95
from auditor.core.lineage.history import History
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.model.card import Card, Lineage, Registered
from auditor.model.result import EXHIBIT_ROWS, Exhibit, Measurement, Metric, Number, Record, Status
from auditor.statistics.trend import falling, theil_sen

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

SIZED = ("few_patterns.", "low_lexical_diversity.", "lost_tails.")
"""Numbers that depend on how much was measured: compared where that differs by at most ALIKE."""

ALIKE = 0.1
ROUNDS = ("round", "generation", "iteration")
TESTED = 4
"""Values from which a series can be told from chance by its order alone (Mann 1945: 1 / 24 at four)."""

ALPHA = 0.05
COLUMNS = 8
TOPICS = ("few_patterns.largest",)
GAPS = ("lost_tails.regions",)

_STATUS = ("current", "superseded")


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

    def slope(self) -> tuple[float, float, float]:
        """Change a step as a share of the series' middle, with its interval; below nought is a loss."""
        middle = abs(median(self.numbers)) or 1.0
        slope, low, high = theil_sen(self.x, self.numbers)
        return slope / middle, low / middle, high / middle

    def p(self) -> float | None:
        return falling(self.numbers) if len(self.values) >= TESTED else None

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
    Theil and Sen, as a share a version: below nought is a loss. `lost_topics` were among the largest patterns of the
    version before, or reached by it, and are not now.

    Why it matters: each round of generation that learns from the last narrows a little; no single version looks
    bad, and the tails are gone after a few.

    Example: distinct pairs of words 0.45, 0.40, 0.31 over three versions.

    Remedy: mix real or earlier data into the next version, widen its seeds, or go back to the version before.

    Limits: reads stored audits and no rows; versions that were not audited here, or were rejected, are left out.
    Numbers that depend on the size are compared where they were measured over as much, within 10 %. Of a share of
    faults, `least` is of the share without. Topics are told by their names, two of which are one where they share
    half of their words; only those in the exhibits are known. Four versions can just be told from chance by their
    order, three cannot.

    Reference: Sen 1968, JASA 63:1379 (slope); Mann 1945, Econometrica 13:245 (test); Shumailov et al. 2024, Nature
    631:755 (collapse over generations).
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
            Measure("worst_slope", "share a version", "steepest change of any of them; below nought is a loss"),
            Measure(
                "lost_topics",
                "topics",
                "topics that the version before had and this one has not",
                "generate rows about them, from the seeds that the version before had",
            ),
        ),
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
        series = [*_versions(context), *_rounds(context)]
        if not series:
            why = "no earlier version of this dataset was audited here, and no rows carry a round"
            return Measurement((), notes=(f"{why}: auditor register NAME FILE, and audit each version",))
        node = context.pedigree.node if context.pedigree else "this version"
        tests = len(series)
        declines = {id(one): one.declines(tests, self.least) for one in series}
        faults = [
            Fault("significantly_declining", node, _sentence(one, declines[id(one)]), one.change(0))
            for one in series
            if declines[id(one)]
        ]
        lost, why = _lost(context)
        faults += [Fault("lost_topics", node, evidence) for evidence in lost]
        worst = min(series, key=lambda one: one.slope()[0])
        slope, low, high = worst.slope()
        measured = self.measured(
            Seen(
                faults,
                tests,
                {"worst_slope": slope},
                {"lost_topics": why} if why else {},
                {"worst_slope": (low, high)},
                notes=(f"steepest: {worst.metric}", *_unlike(context, series)),
            )
        )
        return Measurement(
            measured.metrics,
            notes=measured.notes,
            tables=measured.tables,
            exhibits=tuple(self._exhibit(by, series, declines) for by in dict.fromkeys(one.by for one in series)),
        )

    def _exhibit(self, by: str, series: Iterable[Series], declines: Mapping[int, str]) -> Exhibit:
        """Every series of versions, or of rounds, those that decline first: pictures show the first few."""
        mine = sorted((one for one in series if one.by == by), key=lambda one: (not declines[id(one)], one.slope()[0]))
        places = sorted({x for one in mine for x in one.x})[-COLUMNS:]
        rows: list[tuple[str | Number | None, ...]] = []
        for one in mine[:EXHIBIT_ROWS]:
            at = dict(zip(one.x, (metric.value for metric in one.values), strict=True))
            better = "more" if one.sign > 0 else "less"
            rows.append((one.metric, better, *(at.get(x) for x in places), one.slope()[0], one.p(), declines[id(one)]))
        names = [f"{by or 'version'} {x:g}" for x in places]
        heads = ("metric", "better", *names, "change a step", "p", "verdict")
        title = f"Diversity by {by}" if by else "Diversity over versions"
        note = "change a step: Theil-Sen, as a share; below nought is a loss. p: Mann-Kendall, from four values on"
        return Exhibit(self.spec.metric(f"by_{by}" if by else "series"), title, heads, tuple(rows), note)


def _sentence(one: Series, how: str) -> str:
    seen = [f"{metric.value:.4g}" for metric in one.values if metric.value is not None]
    steps = " to ".join(seen if len(seen) <= 3 else [seen[0], *seen[-2:]])
    what = f"{one.by}s" if one.by else "versions"
    better = "" if one.sign > 0 else " (less is better)"
    return f"{one.metric}{better} {how}: {steps}, over {len(seen)} {what}"


def _known(metric: Metric | None) -> bool:
    return metric is not None and metric.value is not None


def _present(context: Context) -> dict[str, Metric]:
    return {metric.name: metric for one in context.measured.values() for metric in one.metrics}


def _standing(history: History | None) -> list[Registered]:
    """Versions with a stored audit that no gate turned away, in rising order."""
    if history is None:
        return []
    return [one for one in history.versions if one.status in _STATUS and one.version in history.records]


def _versions(context: Context) -> Iterator[Series]:
    history, now = context.history, _present(context)
    earlier = _standing(history)
    if history is None or not earlier:
        return
    last = context.pedigree.version.version if context.pedigree else earlier[-1].version + 1
    for name, sign in BETTER.items():
        current = now.get(name)
        if current is None or current.value is None:
            continue
        seen = [(one.version, history.records[one.version].metrics.get(name)) for one in earlier]
        kept = [(x, metric) for x, metric in seen if metric is not None and _alike(name, metric, current)]
        if kept:
            x, metrics = zip(*kept, (last, current), strict=True)
            yield Series(name, "", tuple(map(float, x)), tuple(metrics), sign)


def _unlike(context: Context, series: Sequence[Series]) -> Iterator[str]:
    """What was measured before and now, over another number of rows or words."""
    earlier = (
        [context.history.records[one.version].metrics for one in _standing(context.history)] if context.history else []
    )
    now, compared = _present(context), {one.metric for one in series if not one.by}
    both = [name for name in BETTER if name not in compared and _known(now.get(name))]
    left = [name for name in both if any(_known(metrics.get(name)) for metrics in earlier)]
    if left:
        yield f"measured over another number of rows or words than before, and not compared: {', '.join(left)}"


def _rounds(context: Context) -> Iterator[Series]:
    """The slices of this audit by a field of rounds, in the order of their numbers."""
    found: dict[tuple[str, str], list[tuple[float, Metric]]] = {}
    for measurement in context.measured.values():
        for one in measurement.slices:
            number = re.search(r"\d+(?:\.\d+)?", one.group)
            if one.by.lower() in ROUNDS and one.metric.name in BETTER and number and _known(one.metric):
                found.setdefault((one.by, one.metric.name), []).append((float(number[0]), one.metric))
    for (by, name), places in sorted(found.items()):
        ranked = sorted(places, key=lambda place: place[0])
        alike = [(x, metric) for x, metric in ranked if _alike(name, metric, ranked[-1][1])]
        if len(alike) > 1 and len({x for x, _ in alike}) == len(alike):
            yield Series(name, by, tuple(x for x, _ in alike), tuple(m for _, m in alike), BETTER[name])


def _alike(name: str, metric: Metric, present: Metric) -> bool:
    """Whether two numbers may be compared. Unique n-grams are of each text, and do not depend on how many there are."""
    if metric.value is None or metric.unit != present.unit:
        return False
    sized = name.startswith(SIZED) and not name.endswith(("unique_ngram_product", "largest_share"))
    return not sized or abs(metric.n - present.n) <= ALIKE * max(present.n, 1)


def _lost(context: Context) -> tuple[list[str], str]:
    """(what was lost since the version before, one sentence each; why that is not known)."""
    earlier = _standing(context.history)
    now = {exhibit.name: exhibit for one in context.measured.values() for exhibit in one.exhibits}
    if context.history is None or not earlier:
        return [], "no earlier version was audited here"
    before, version = {e.name: e for e in context.history.records[earlier[-1].version].exhibits}, earlier[-1].version
    shared = [name for name in (*TOPICS, *GAPS) if name in before and name in now]
    if not shared:
        return [], "no topics are named in both audits: few-patterns and lost-tails name them"
    lost = []
    for name in shared:
        theirs, ours = _names(before[name]), _names(now[name])
        # A gap is a loss when it is new; a pattern when it is gone.
        gone = _missing(ours, theirs) if name in GAPS else _missing(theirs, ours)
        said = "was reached by version" if name in GAPS else "was among the largest patterns of version"
        lost += [f"{topic}: {said} {version}" for topic in gone]
    return lost, ""


def _names(exhibit: Exhibit) -> list[str]:
    heads = [head.lower() for head in exhibit.columns]
    at = next((heads.index(head) for head in ("name", "topic", "region", "pattern") if head in heads), 0)
    return [str(row[at]) for row in exhibit.rows if row[at]]


def _missing(names: Sequence[str], among: Sequence[str]) -> list[str]:
    """Names of which no other shares half the words."""
    others = [set(re.findall(r"\w+", name.lower())) for name in among]
    found = []
    for name in names:
        words = set(re.findall(r"\w+", name.lower()))
        if words and all(2 * len(words & other) < len(words) for other in others):
            found.append(name)
    return found
