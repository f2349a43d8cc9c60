"""Metrics of diversity and of tails over the versions or rounds of a dataset, and whether they decline beyond chance.

A series declines where its last value is worse than the one before, or of two or three than the first, by more than
their intervals allow, at 5 % over all series together; or where, of four or more, it falls in order (Mann 1945,
one-sided, 5 %) and its slope is a loss by its interval, again at 5 % over all together. A series without intervals is
judged by its order alone. A metric is a series at the size that most places share with the last, and one more at a
size of `LARGER` times that or more, where any do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from auditor.core.intervals import Z95
from auditor.core.lineage.history import at_equal_size, known, numbered
from auditor.model.result import Metric, Slice
from auditor.model.rows import ROUNDS
from auditor.statistics.trend import TELLS, Slope, error, falling, quantile, slope

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
    "lost_tails.lost_words": -1,
    "lost_tails.rare_word_mass": 1,
    "lost_tails.distance_tail": 1,
    "lost_tails.length_tail": 1,
}
"""Metrics of diversity and of tails: 1 where more is better, -1 where less is."""

SMALL = ("lost_tails.unreached_share", "lost_tails.unreached_mass", "lost_tails.lost_words")
"""Shares of what is rare: a small change of them is a large one of the tails."""

ALPHA = 0.05

LARGER = 2
"""Times the size that all places share from which those that share more are compared at that as well."""

FEWEST = 10
"""Below as many rows, words or topics a number is compared with no other."""

IN_PIECES, PIECES = ("low_lexical_diversity.", "few_patterns."), 14
"""Rooms that find the errors of their numbers from eight to sixteen pieces of a sample; and the degrees of freedom that
the error of a difference then has, 7 of each side."""


@dataclass(frozen=True, slots=True)
class Least:
    """Changes below which nothing declines, as a share: of any metric, and of those in `SMALL`."""

    usual: float
    small: float

    def of(self, metric: str) -> float:
        return self.small if metric in SMALL else self.usual


@dataclass(frozen=True, slots=True)
class Series:
    """One metric at some places in time. metric: full name. by: the field of rounds, or empty for versions. x: numbers
    of versions or rounds. sign: of `BETTER`. larger: at more than most places have, beside the series of all."""

    metric: str
    by: str
    x: tuple[float, ...]
    values: tuple[Metric, ...]
    sign: int
    larger: bool = False

    @property
    def name(self) -> str:
        """The metric, and the size of what is larger than most."""
        return f"{self.metric} over {self.values[-1].n:,}" if self.larger else self.metric

    @property
    def step(self) -> str:
        """What it goes by: `version`, or the field of rounds."""
        return self.by or "version"

    @property
    def numbers(self) -> list[float]:
        """The values so that more is better; of a share of faults the share without."""
        if self.sign > 0:
            return [float(metric.value or 0) for metric in self.values]
        whole = float(self.values[0].unit == "share")
        return [whole - float(metric.value or 0) for metric in self.values]

    @property
    def share(self) -> str:
        """What its changes are shares of."""
        faults = self.sign < 0 and self.values[0].unit == "share"
        return "a share of what was without at first" if faults else "a share of its first value"

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

    def declines(self, tests: int, least: Least) -> str:
        """How the series declines, or an empty string. tests: how many are looked at."""
        enough, freedom = least.of(self.metric), PIECES if self.metric.startswith(IN_PIECES) else None
        z = quantile(1 - ALPHA / max(tests, 1), freedom)
        if self.change(-2) <= -enough and self._apart(-2, z):
            return "worse than before"
        if self.change(0) > -enough:
            return ""
        p = self.p()
        if p is None:
            return "worse than at first" if self._apart(0, z) else ""
        high = self.slope(z).high
        told = all(metric.low is not None for metric in self.values)
        return "worsens" if p <= ALPHA and (not told or (high is not None and high < 0)) else ""

    def _apart(self, place: int, z: float) -> bool:
        """Whether the last is worse than the one at `place` by z errors of their difference."""
        errors = [error(one.low, one.high) for one in (self.values[place], self.values[-1])]
        if errors[0] is None or errors[1] is None:
            return False
        return self.numbers[place] - self.numbers[-1] > z * sqrt(errors[0] ** 2 + errors[1] ** 2)

    @property
    def told(self) -> str:
        """`12.1 (round 1), 2 more, 11.4 (4), 10.8 (5)`: the values, and which of them are not shown."""
        seen = [f"{metric.value or 0:.4g} ({at:g})" for at, metric in zip(self.x, self.values, strict=True)]
        seen[0] = f"{self.values[0].value or 0:.4g} ({self.step} {self.x[0]:g})"
        if len(seen) > 6:
            seen = [*seen[:2], f"{len(seen) - 5} more", *seen[-3:]]
        return ", ".join(seen)


def over(by: str, places: Mapping[str, Sequence[tuple[float, Sequence[Metric]]]]) -> Iterator[Series]:
    """places: metric -> for each number of a version or round, ascending, the metric over several sizes. Series of two
    values or more, all over as much as the last."""
    for name, found in places.items():
        sizes = [enough(metrics) for _, metrics in found]
        least = 0
        for larger in (False, True):
            same = at_equal_size(sizes, least)
            kept = [(x, metric) for (x, _), metric in zip(found, same, strict=True) if metric is not None]
            if len(kept) < 2 or len({x for x, _ in kept}) < len(kept):
                break
            x, metrics = zip(*kept, strict=True)
            yield Series(name, by, x, metrics, BETTER[name], larger)
            least = LARGER * metrics[-1].n


def enough(metrics: Sequence[Metric]) -> list[Metric]:
    """Those over `FEWEST` or more."""
    return [metric for metric in metrics if metric.n >= FEWEST]


def numbers_of(slices: Sequence[Slice]) -> dict[str, dict[str, float]]:
    """By each field of rounds the numbers of its rounds."""
    groups: dict[str, set[str]] = {}
    for one in slices:
        if one.by.lower() in ROUNDS:
            groups.setdefault(one.by, set()).add(one.group)
    return {by: numbered(groups[by]) for by in sorted(groups)}


def rounds(slices: Sequence[Slice]) -> Iterator[Series]:
    """Slices by a field of rounds, in the order of their numbers."""
    found: dict[tuple[str, str], list[tuple[float, Metric]]] = {}
    numbers = numbers_of(slices)
    for one in slices:
        number = numbers.get(one.by, {}).get(one.group)
        if one.metric.name in BETTER and number is not None:
            found.setdefault((one.by, one.metric.name), []).append((number, one.metric))
    for (by, name), places in sorted(found.items()):
        ranked = sorted(places, key=lambda place: place[0])
        yield from over(by, {name: [(number, known(name, [metric])) for number, metric in ranked]})
