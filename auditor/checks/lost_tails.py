"""Rare things of the real data that the synthetic rows no longer have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import gaps
from auditor.core.content.bags import said
from auditor.core.content.gaps import Side
from auditor.core.content.scopes import refuse_scope
from auditor.core.intervals import rate
from auditor.core.lineage.history import numbered
from auditor.core.rowwise import cut, gather_groups
from auditor.model.result import Distribution, Exhibit, Measurement, Metric, Slice
from auditor.model.rows import ROUNDS, Dataset
from auditor.sketches.sample import drawn
from auditor.statistics import losses, reach, tails, topics
from auditor.statistics.reach import Reach, Share
from auditor.statistics.tails import Ratio
from auditor.statistics.topics import Each, Topics

MINIMUM = 200
"""Rows a side below which there are no tails to speak of: eight topics of 25."""

RUNGS = (1_000, 3_000, 10_000)
"""Rows a side that a registered version is compared at as well, for versions of other sizes."""

GROUPS = 12
"""Groups of a slice, the largest."""

LOST, SURE = 12, 0.05
"""Lost words that are named, and the p from which on they are."""

DECILES = tuple(float(edge) for edge in range(11))
QUANTILES = (0.01, 0.05, 0.95, 0.99)

OF_TOPICS = ("unreached_share", "unreached_mass", "unreached_by_chance", "unreached_excess", "gaps", "topics")
WHOLE = ("unreached_by_chance", "topics")
"""Measures that say nothing of one group or one size."""

Longs = npt.NDArray[np.int64]

_HOW = "generate rows like the examples: `auditor audit FILE --real REAL --gaps gaps.jsonl` lists what to make next"
_SEED = "seed the generator with real rows of what is lost, such as those with the words named"
_SPREAD = "generate each topic as often as the real data has it: rows seeded with real ones drawn at random"


def _about(subject: str, count: int) -> tuple[dict[str, str], ...]:
    """Texts on one subject, none like another: the cases' own."""
    words = [f"{subject}{ending}" for ending in "aeiou"] + [f"{subject}{ending}n" for ending in "aeiou"]
    return tuple(
        {"text": " ".join(words[(row * step + step * step + row // 10) % 10] for step in range(1, 13))}
        for row in range(count)
    )


_COMMON = tuple(row for subject in ("brem", "colt", "dusk", "fald", "gorp") for row in _about(subject, 60))
_RARE = _about("vynz", 14)


@dataclass(frozen=True, slots=True)
class Place:
    """Real rows and the topics learnt from them, with the share that chance leaves out."""

    real: Side
    topics: Topics
    chance: Share | None


@dataclass(frozen=True, slots=True)
class Compared:
    """A sample beside as many real rows. counts: its rows in each topic. reach: None where no topic is judged."""

    counts: Longs
    reach: Reach | None
    metrics: tuple[Metric, ...]
    slices: tuple[Slice, ...]


@check
@dataclass(frozen=True)
class LostTails:
    """Rare subjects, words and lengths of the real data that the synthetic rows do not have.

    What: the real rows are cut into topics (k-means on embeddings, begun where texts are dense; at most one topic in
    25 rows), and the synthetic rows, as many as real ones, are looked up in them: a row reaches a topic if it lies
    within the radius that holds 95 % of the topic's own rows. `unreached_share`: topics that no row reaches, of the
    tenth of topics that are rarest in the real data. `unreached_mass`: share of real rows in topics that no row
    reaches; `unreached_by_chance` is the same for one half of the real rows against the other, and
    `unreached_excess` the difference. `gaps` counts topics that have less than `part` of the rows due to them and
    fewer than chance explains (binomial test, Holm's correction: in 95 of 100 samples of the real data itself there is
    none). `topic_effect` says how differently the topics are filled over all (Cramér's V; 0.1 small, 0.3 medium, 0.5
    large). Beside topics: how often words and pairs of words that are rare in the real data are used, as a ratio
    to real; and ratios of the outer quantiles (1, 5, 95 and 99 %) of length and of distance from the centre of the real
    rows. Classes of labels that are lost or too few are `skewed-labels`' to tell.

    Rounds (`round`, `generation`, `iteration`) and groups of an attribution (`--by`) of 200 rows or more are each held
    against as many real rows, all at the size of the smallest; smaller ones are named and left out. `generation-trend`
    tells whether tails go from round to round. Audits of registered versions record 1,000, 3,000 and 10,000 rows a side
    as well, for versions of other sizes. Both without `loss_p`.

    Why it matters: what a generator has seen seldom it writes seldomer still, and a model trained on its rows seldomer
    again: tails vanish first, averages stay as they were, and no metric of averages notices.

    Example: of 10,000 real questions 30 are on tax law; the 10,000 synthetic ones ask of the same subjects but that
    one. `gaps` is 1, and its exhibit names "tax, deduction, filing" with one of the real questions.

    Remedy: generate what is missing. `--gaps FILE` writes it as JSON Lines: the name of each gap, how many rows the
    real data has of it, the data has and lacks (of the whole datasets, from the rows compared), and up to 5 real
    examples to seed a generator with.

    Limits: a topic of fewer than `least` real rows in the sample can be missed by chance and is not judged; 20,000
    rows a side are compared (`sample`). Topics are as good as the embedder: the default one sees wording, so a
    subject told in other words counts as lost, and two subjects in the same words as one; distances from the centre
    hardly differ in its 256 places. A subject too small for a topic is told by its words alone: `lost_words` is the
    share of rare words' rows (2 to 40 rows of both sides together) whose word no row of the data has; its interval is
    of the data being drawn, these real rows being given. Where no word of a subject tells by itself, the rows that
    share its words stand together, and those of the data are not among them. `loss_p` is the chance of as much loss, by
    words and by places together, where both sides are of one source (1,023 labellings of the rows by lot, exact). Other
    wording, or shorter texts, lose words and places as lost subjects do. What is a piece of a wide subject, with words
    and neighbours elsewhere, is not told by `loss_p`.

    Power, generated topics of Zipf sizes with vocabularies of their own, 10,000 rows a side, the rarest left out. Of
    100 topics 2 % (32 rows lost): `unreached_share` is above 0 in .95 of 40 draws and a gap named in .90; of 200 topics
    (6 rows each) `unreached_share` in .48. `loss_p` is at most .05 (below .01) in so many of 20 draws: 100 topics of
    short texts in wide vocabularies (60 words a topic, half of a text of 6 to 20 words common to all), 1 and 2 %: 20
    (20); 200 topics of such texts, 9 rows each, 2 %: 20 (16), 5 %: 10 of 10; 200 topics of long texts, 1 %: 20 (19);
    mixtures over 12,000 words that all topics share, 1 %: 20 (20); topics that are choices of common words, 2 %: 19
    (18); 200 topics of 3 to 10 rows that share words with nine others, 2 %: 10 (6); 5 % of 200 topics at 4,000 rows: 15
    (9). Four rows lost in all are not told, nor are k-means pieces of Alpaca and Dolly (1 to 10 %): their words and
    neighbours are elsewhere too. Nothing lost: 11 of 220 halves of GSM8K, Dolly and Alpaca at .05, none at .01.
    `unreached_share` above .1 tells of 5 and 10 % of 100 topics, and no less.

    Reference: Shumailov et al. 2024, "AI models collapse when trained on recursively generated data", Nature 631
    (tails are lost first); Naeem et al. 2020, ICML (coverage by balls of the real rows' own radius); the statistics
    name theirs.
    """

    scope: str = "text"
    sample: int = 20_000
    least: int = 8
    part: float = 0.25

    spec: ClassVar[Spec] = Spec(
        name="lost-tails",
        title="Lost tails",
        measures=(
            Measure(
                "unreached_share", "share", "rarest real topics that no row reaches", _HOW, bad="high", shown="regions"
            ),
            Measure(
                "unreached_mass", "share", "real rows in topics that no row reaches", _HOW, bad="high", shown="regions"
            ),
            Measure("unreached_by_chance", "share", "the same for one half of the real rows against the other"),
            Measure(
                "unreached_excess",
                "share",
                "real rows in unreached topics beyond what chance leaves",
                _HOW,
                bad="high",
                shown="regions",
            ),
            Measure(
                "gaps",
                "topics",
                "real topics with far fewer rows than are due to them",
                _HOW,
                bad="high",
                shown="regions",
            ),
            Measure("topics", "topics", "real topics with rows enough to judge"),
            Measure(
                "topic_effect",
                "share",
                "difference between the topics of data and reality (Cramér's V)",
                _SPREAD,
                bad="high",
            ),
            Measure(
                "rare_word_mass",
                "times",
                "use of words that are rare in the real data, to real",
                _SEED,
                bad="low",
                shown="lost",
            ),
            Measure(
                "rare_ngram_mass",
                "times",
                "use of pairs of words that are rare in the real data, to real",
                _SEED,
                bad="low",
                shown="lost",
            ),
            Measure(
                "lost_words",
                "share",
                "rare words' rows whose word no row of the data has",
                _SEED,
                bad="high",
                shown="lost",
            ),
            Measure(
                "loss_p",
                "probability",
                "chance of as much loss between equal distributions",
                _SEED,
                bad="low",
                shown="lost",
            ),
            Measure("length_tail", "times", "the longest 1 % of rows begins at this length, to real"),
            Measure(
                "distance_tail", "times", "the outermost 1 % of rows begins at this distance, to real", _SEED, bad="low"
            ),
        ),
        reads=("text",),
        needs=("real", "embeddings"),
        version=3,
        fires=(
            Case(_COMMON, "lost_tails.unreached_share", references={"real": _COMMON + _RARE}),
            Case(_COMMON, "lost_tails.gaps", references={"real": _COMMON + _RARE}),
        ),
        quiet=(
            Case(_COMMON + _RARE, "lost_tails.unreached_share", references={"real": _COMMON + _RARE}),
            Case(_COMMON + _RARE, "lost_tails.gaps", references={"real": _COMMON}),
        ),
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.sample < MINIMUM or self.least < 1 or not 0 <= self.part < 1:
            raise ValueError(f"sample must be at least {MINIMUM}, least at least 1, and part from 0 to below 1")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references["real"]
        ours, theirs = (self._drawn(one, context) for one in (rows, real))
        n = min(len(ours), len(theirs))
        if n < MINIMUM:
            seen = f"has {len(ours):,} and {len(theirs):,}"
            return Measurement((), notes=(f"needs at least {MINIMUM} rows a side with text, {seen}",))
        mine, reference = self._side(rows, ours[:n], context), self._side(real, theirs[:n], context)
        place = self._place(reference, engine.map)
        whole = self._compared(place, mine, engine.map)
        chance, lost, told = self._chance(mine, reference, engine.map)
        groups, few = self._groups(rows, ours, reference, context, engine.map)
        missing = np.zeros(0, np.int64) if whole.reach is None else whole.reach.gaps
        table = gaps.table(place.topics, whole.counts, missing, reference, rows, context)
        judged = reach.judged(place.topics, self.least)
        return Measurement(
            (*whole.metrics, chance),
            (*whole.slices, *groups),
            (self._coverage(place.topics, whole.counts),) if judged.any() else (),
            (*self._notes(n, rows, real, place.topics, context), *few, *told),
            {"gaps": table},
            (*gaps.exhibit(self.spec.metric("regions"), table, n), *lost),
            ladder=tuple(self._ladder(mine, reference, engine.map)) if context.history is not None else (),
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        found = measurement.tables["gaps"]
        if len(found):
            yield gaps.findings(self.spec.metric("gaps"), found)

    def _drawn(self, dataset: Dataset, context: Context) -> Longs:
        """Rows of the sample that the embedder can read."""
        assert context.space is not None, "checks that need embeddings are skipped without a space"
        sample = drawn(dataset, self.sample)
        return sample[context.space.vectors(dataset, self.scope).present[sample]]

    def _side(self, dataset: Dataset, sample: Longs, context: Context) -> Side:
        assert context.space is not None
        texts = dataset.take(sample, [self.scope]).column(0).combine_chunks()
        return Side(sample, context.space.vectors(dataset, self.scope).take(sample), texts)

    def _place(self, real: Side, each: Each) -> Place:
        return Place(real, topics.learn(real.vectors, each), reach.by_chance(real.vectors, self.least, each))

    def _compared(self, place: Place, mine: Side, each: Each) -> Compared:
        found = place.topics
        counts = found.count(found.reached(mine.vectors, each))
        seen = reach.reach(found, counts, len(place.real.rows), self.least, self.part)
        ratios, slices = self._ratios(mine, place.real)
        return Compared(counts, seen, (*self._reached(seen, place), *ratios), slices)

    def _groups(
        self, rows: Dataset, ours: Longs, real: Side, context: Context, each: Each
    ) -> tuple[list[Slice], list[str]]:
        """Every group of an attribution beside real rows, all at the size of the smallest; what is too small, as
        notes. Of rounds, those that have a number."""
        found, few = [], []
        places: dict[int, Place] = {}
        for by, (labels, codes) in sorted(gather_groups(rows).items()):
            code = codes[ours]
            counts = np.bincount(code, minlength=len(labels))
            named = numbered(labels) if by.lower() in ROUNDS else dict.fromkeys(labels)
            chosen = [at for at, label in enumerate(labels) if counts[at] and label in named]
            large = sorted((at for at in chosen if counts[at] >= MINIMUM), key=lambda at: (-counts[at], at))[:GROUPS]
            small = [f"{labels[at]} ({counts[at]:,})" for at in chosen if counts[at] < MINIMUM]
            if small and large:
                seen = ", ".join(cut(one, 40) for one in small[:GROUPS]) + (" …" if len(small) > GROUPS else "")
                few.append(f"by {by}, groups of fewer than {MINIMUM} rows are left out: {seen}")
            if len(large) < 2:
                continue
            n = min(len(real.rows), *(int(counts[at]) for at in large))
            if n not in places:
                places[n] = self._place(real.first(n), each)
            few.append(f"by {by}, each group compared at {n:,} rows a side")
            for at in large:
                one = self._compared(places[n], self._side(rows, ours[code == at][:n], context), each)
                found += [Slice(by, labels[at], metric) for metric in one.metrics if self._told(metric)]
        return found, few

    def _told(self, metric: Metric) -> bool:
        """Whether it says something of one group, or at one size."""
        return metric.value is not None and metric.name.partition(".")[2] not in WHOLE

    def _ladder(self, mine: Side, real: Side, each: Each) -> Iterator[Metric]:
        for rung in RUNGS:
            if rung < len(real.rows):
                some = real.first(rung)
                one = self._compared(Place(some, topics.learn(some.vectors, each), None), mine.first(rung), each)
                yield from filter(self._told, one.metrics)

    def _reached(self, seen: Reach | None, place: Place) -> Iterator[Metric]:
        name, n = self.spec.metric, len(place.real.rows)
        if seen is None:
            why = f"no topic of the real data has {self.least} rows in the sample"
            for measure in self.spec.measures[: len(OF_TOPICS) + 1]:
                yield Metric(name(measure.name), None, measure.unit, n, why)
            return
        mass, chance = seen.mass, place.chance
        yield rate(name("unreached_share"), seen.missed, seen.rarest)
        yield Metric(name("unreached_mass"), mass[0], "share", n, low=mass[1], high=mass[2])
        if chance is None:
            why = f"no topic of half of the real data has {self.least} rows in the sample"
            yield from (Metric(name(m), None, "share", n, why) for m in ("unreached_by_chance", "unreached_excess"))
        else:
            excess = tails.difference(mass, chance)
            yield Metric(name("unreached_by_chance"), chance[0], "share", n // 2, low=chance[1], high=chance[2])
            yield Metric(name("unreached_excess"), excess[0], "share", n, low=excess[1], high=excess[2])
        yield Metric(name("gaps"), len(seen.gaps), "topics", seen.topics)
        yield Metric(name("topics"), seen.topics, "topics", n)
        yield Metric(name("topic_effect"), seen.effect, "share", n)

    def _ratios(self, mine: Side, real: Side) -> tuple[tuple[Metric, ...], tuple[Slice, ...]]:
        n = len(real.rows)
        metrics = [
            self._metric("rare_word_mass", tails.rare_mass(mine.words, real.words), n),
            self._metric("rare_ngram_mass", tails.rare_mass(mine.pairs, real.pairs), n),
            self._metric("lost_words", tails.lost_share(mine.words, real.words, losses.SEEN), n),
        ]
        centre = real.vectors.mean(axis=0, dtype=np.float64)
        values = {
            "length_tail": [pc.utf8_length(side.texts).to_numpy() for side in (mine, real)],
            "distance_tail": [np.linalg.norm(side.vectors - centre, axis=1) for side in (mine, real)],
        }
        slices = []
        for measure, (ours, theirs) in values.items():
            by = [self._metric(measure, tails.of_quantiles(ours, theirs, q), n) for q in QUANTILES]
            slices += [Slice("quantile", f"{q:.0%}", metric) for q, metric in zip(QUANTILES, by, strict=True)]
            metrics.append(by[-1])
        return tuple(metrics), tuple(slices)

    def _chance(self, mine: Side, real: Side, each: Each) -> tuple[Metric, tuple[Exhibit, ...], tuple[str, ...]]:
        """How likely as much loss is; by what, as an exhibit that names some words where it is no accident, else as
        notes."""
        name, n = self.spec.metric("loss_p"), len(real.rows)
        found = losses.lost(mine.words, real.words, each)
        if found is None:
            low, high = losses.SEEN
            why = f"nothing stands in {low} to {high} rows of both sides together"
            return Metric(name, None, "probability", n, why), (), ()
        metric = Metric(name, found.p, "probability", n)
        if found.p <= SURE:
            words = ", ".join(said(found.items[:LOST], real.texts))
            lines = (
                ("rare words", words, found.share, found.by_chance, found.words),
                ("places", "rows with real ones only around them", None, None, found.places),
            )
            heads = ("lost", "such as", "share", "share by chance", "p")
            note = "share: of the rows that rare words stand in, those whose word no row of the data has"
            lost = self.spec.metric("lost")
            return metric, (Exhibit(lost, "What is lost, and by chance would be", heads, lines, note),), ()
        near = f"rows with real ones only around them: p = {found.places:.2g}; with words, {found.p:.2g}"
        if found.share is None:
            return metric, (), (near,)
        chance = f"{found.by_chance:.1%} by chance (p = {found.words:.2g})"
        return metric, (), (near, f"rare words lost: {found.share:.1%} of their rows, {chance}")

    def _metric(self, measure: str, ratio: Ratio, n: int) -> Metric:
        unit = next(one.unit for one in self.spec.measures if one.name == measure)
        return Metric(self.spec.metric(measure), ratio.value, unit, n, ratio.why, ratio.low, ratio.high)

    def _coverage(self, found: Topics, counts: Longs) -> Distribution:
        """Rows in the topics, from the rarest tenth of the topics to the commonest."""
        chosen = np.flatnonzero(reach.judged(found, self.least))
        chosen = chosen[np.lexsort((chosen, found.around[chosen]))]
        tenth = np.arange(len(chosen)) * 10 // len(chosen)
        ours, theirs = (np.bincount(tenth, side[chosen], 10).astype(np.int64) for side in (counts, found.sizes))
        title = "Rows by how rare their topic is in the real data"
        name = self.spec.metric("coverage")
        return Distribution(
            name,
            title,
            "tenth of topics, the rarest first",
            DECILES,
            tuple(map(int, ours)),
            "linear",
            tuple(map(int, theirs)),
        )

    def _notes(self, n: int, rows: Dataset, real: Dataset, found: Topics, context: Context) -> tuple[str, ...]:
        assert context.space is not None
        embedder = context.space.embedder
        small = 1 - float(found.sizes[reach.judged(found, self.least)].sum()) / n
        there = context.rows_of("data", rows), context.rows_of("real", real)
        drawn_from = "" if there == (n, n) else f", drawn from {there[0]:,} and {there[1]:,}"
        return (
            f"compared at {n:,} rows a side{drawn_from}",
            f"{small:.0%} of the real rows lie in topics of fewer than {self.least} rows, or in none: not judged",
            f"embedder {embedder.name}: {embedder.blind}",
        )
