"""Text that says few different things in few different words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.wording import Wording, quotient
from auditor.core.intervals import rate
from auditor.core.lineage.history import in_order
from auditor.core.rowwise import cut, findings, gather_groups, sliced_rates
from auditor.model.result import EVIDENCE_CHARACTERS, Exhibit, Measurement, Metric, Slice, Vocabulary
from auditor.model.rows import ROUNDS, Dataset
from auditor.statistics import lexical
from auditor.statistics.subsampling import interval, jackknife
from auditor.statistics.vocabularies import vocabulary

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Groups = Mapping[str, tuple[Sequence[str], npt.NDArray[np.int32]]]

RUNGS = (1_000, 5_000, 20_000, 50_000, 200_000)
"""Words that both sides are measured over: the largest rung that both reach, so that versions of a dataset that differ
a little in size are measured over equally many."""

PAIRED, SLICED = 10_000, 20_000
"""Words, at most, of self-BLEU, and of each group of a slice."""

GROUPS, LOCATE = 12, 20_000

READ, SUBJECT = 10_000, 2_000
"""Rows of which is kept in how many a word stands, and the characters of each that are read."""

_WORDS = "ant bee cat dog eel fox gnu hen ibis jay koi lynx mole newt owl pig quail ram seal toad".split()  # noqa: SIM905


def _sentence(seed: int, words: int) -> str:
    return " ".join(_WORDS[(seed * seed + 7 * i * seed + i * i) % 20] + str((seed + i * i) % 31) for i in range(words))


_OWN = ("unique_ngram_product", "compression_ratio", *lexical.MEASURES)

_CUT = "sample with a repetition penalty or a higher temperature, and cut what repeats"
_VARY = "ask for other forms, mix generators and prompts, drop near-duplicates"


@check
@dataclass(frozen=True)
class LowLexicalDiversity:
    """Text that repeats itself: few words, few phrases, much that compresses away.

    What: `unique_ngram_product` is the share of different n-grams within each text, n = 2, 3, 4, multiplied; words are
    what stands between white space, or a character of a script written without spaces. All other numbers are of one
    run of words (case folded, without punctuation) through the rows in a drawn order: `distinct_1` to `distinct_4` the
    share of different n-grams, `ngram_entropy` the entropy of 4-grams, `compression_ratio` bytes before and after gzip,
    `self_bleu` the mean BLEU-4 of a text against the others, `mtld` how many words it takes until 28 % have stood
    before, `zipf_slope` the fall of the frequencies of words with their rank. `rate` is of rows that repeat themselves
    far more than real rows as long do or, without real data, than the others here.

    Why it matters: models fall back on the phrases they like best, and those trained on their text like
    them better still; lexical diversity is the first to go, and it does not return.

    Example: `It is important to note that … It is important to remember that …` in every answer.

    Remedy: ask for other forms, raise the temperature, mix generators and prompts, drop the rows named here.

    Limits: every number depends on how much text there is. All but the first are measured over the same number of
    words on both sides, the largest rung (1,000, 5,000, 20,000, 50,000, 200,000) that both reach: compare at equal n.
    Longer texts repeat more, so `unique_ngram_product_to_real` weighs the real texts as if they were as long as these.
    A text counts with its first 2,000 words. Diversity of words is not of meaning (few-patterns is), and low numbers
    are right where texts are alike by nature: code, forms, one kind of sum. Compare with real data of the same task.
    With real data the cut-off of `rate` is that of real rows within an octave of a row's length, on both sides: the
    rates of data and real data can be compared, and are not those without it.
    Intervals are from leaving out an eighth at a time, those of rows and of gzip from 16 subsamples. gzip's size may
    differ by a fraction of a percent between builds of zlib.

    Figures: `unique_ngram_product`, times 100, of the continuations of Su and Xu 2022, arXiv 2211.10797. As published,
    which is what their program's convention gives here to 0.01, and ours: Wikitext, people 92.98 and 93.00, contrastive
    search 89.35 and 89.25; books, people 94.68 and 94.70, contrastive search 93.06 and 93.03. Their program drops each
    text's last n-gram and rounds shares to four places, which makes 0.02 to 0.03 of it; 0.08 of Wikitext's 0.10 is one
    text that loops in Burmese, of which to us each character is a word.

    Reference: Su et al. 2022, arXiv 2202.06417 (unique n-grams); Li et al. 2016 (distinct-n); Zhang et al. 2018
    (entropy); Zhu et al. 2018 (self-BLEU); Shaib et al. 2024, arXiv 2403.00553 (compression); McCarthy and Jarvis 2010
    (MTLD).
    """

    scope: str = "text"
    words: int = 200_000
    min_words: int = 20
    """Words from which a row's own n-grams are judged."""

    least: float = 0.5
    """A row is at fault below this share of what is usual among texts as long as it, and outside the fence (Tukey 1977:
    three times the quartiles' distance below the lower one)."""

    spec: ClassVar[Spec] = Spec(
        "low-lexical-diversity",
        "Low lexical diversity",
        (
            Measure(
                "rate",
                "share",
                "rows that repeat themselves far more than real ones as long, or the others, do",
                "cut what is repeated, or generate these rows anew",
                depends="real",
            ),
            Measure(
                "unique_ngram_product",
                "share",
                "unique n-grams within a text, n = 2 to 4, multiplied",
                _CUT,
            ),
            Measure(
                "compression_ratio",
                "times",
                "bytes before and after gzip; more is more alike",
                _VARY,
                depends="size",
            ),
            Measure("distinct_1", "share", "different words among all", depends="size"),
            Measure("distinct_2", "share", "different pairs of words among all", depends="size"),
            Measure("distinct_3", "share", "different runs of three words among all", depends="size"),
            Measure("distinct_4", "share", "different runs of four words among all", depends="size"),
            Measure("ngram_entropy", "bits", "entropy of runs of four words", depends="size"),
            Measure("self_bleu", "score", "BLEU-4 of a text against the others; more is more alike", depends="size"),
            Measure("mtld", "words", "length of a run in which 72 % of the words are different"),
            Measure(
                "zipf_slope", "slope", "fall of log frequency with log rank of words; steeper is poorer", depends="size"
            ),
            Measure(
                "unique_ngram_product_to_real",
                "ratio",
                "unique n-grams, by those of real texts as long",
                _CUT,
                bad="low",
                depends="real",
            ),
            Measure(
                "compression_ratio_to_real",
                "ratio",
                "compression, by that of as many real words",
                _VARY,
                bad="high",
                depends="real",
            ),
            Measure(
                "distinct_2_to_real",
                "ratio",
                "different pairs of words, by those of as many real words",
                _VARY,
                bad="low",
                depends="real",
            ),
            Measure(
                "self_bleu_to_real",
                "ratio",
                "likeness to the others, by that of as many real words",
                _VARY,
                bad="high",
                depends="real",
            ),
        ),
        reads=("text",),
        version=2,
        fires=(
            Case(
                (
                    *({"text": _sentence(i, 40)} for i in range(60)),
                    *({"text": f"{i} is the number and this is the answer. " * 6} for i in range(3)),
                ),
                "low_lexical_diversity.rate",
            ),
            Case(tuple({"text": _sentence(i, 40)} for i in range(60)), "low_lexical_diversity.compression_ratio"),
        ),
        quiet=(
            Case(tuple({"text": _sentence(i, 40)} for i in range(60)), "low_lexical_diversity.rate"),
            Case(({"text": "Too little to say anything of."},), "low_lexical_diversity.compression_ratio"),
        ),
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.words < RUNGS[0]:
            raise ValueError(f"words is {self.words}, wanted at least {RUNGS[0]:,}")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        ours = Wording(rows, self.scope, self.words, engine)
        if len(ours.run.words) < RUNGS[0]:
            short = f"needs at least {RUNGS[0]:,} words in {self.scope!r}, has {len(ours.run.words):,}"
            return Measurement((), notes=(short,))
        real = context.references.get("real")
        theirs = None if real is None else Wording(real, self.scope, self.words, engine)
        why = "no real data to compare with: --real FILE"
        if theirs is not None and len(theirs.run.words) < RUNGS[0]:
            why = f"needs at least {RUNGS[0]:,} real words, has {len(theirs.run.words):,}"
            theirs = None
        sides = [side for side in (ours, theirs) if side is not None]
        budget = lexical.budget([len(side.run.words) for side in sides], [r for r in RUNGS if r <= self.words])
        groups = gather_groups(rows)
        mask, among = self._poor(ours, theirs)
        metrics = [rate(self.spec.metric("rate"), int(mask.sum()), int(among.sum()))]
        full = self.spec.metric
        asked = [one for one in _OWN if context.asks(full(one)) or context.asks(full(f"{one}_to_real"))]
        metrics += [self._own(name, ours, budget) for name in asked]
        beside = [] if theirs is None else [self._own(name, theirs, budget) for name in asked]
        metrics += self._to_real(metrics[1:], beside, ours, theirs, why)
        kept = {by: (labels, codes[among]) for by, (labels, codes) in groups.items()}
        at = np.flatnonzero(mask)
        lasting = context.history is not None
        return Measurement(
            tuple(metrics),
            (*sliced_rates(self.spec.metric("rate"), mask[among], kept), *self._slices(rows, ours, groups)),
            notes=(f"measured over {budget:,} words" + (" of each side" if theirs else ""),),
            tables={"rows": pa.table({"row": at, "score": ours.own[at]})},
            exhibits=(self._table(metrics, beside),) if beside else (),
            columns={"unique_ngrams": ours.own},
            ladder=tuple(self._ladder(ours, budget)) if lasting else (),
            vocabularies=(
                *([self._vocabulary(rows, ours.order)] if lasting else ()),
                *self._of_rounds(rows, ours, groups),
            ),
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        found = measurement.tables["rows"]
        for start in range(0, len(found), LOCATE):
            part = found.slice(start, LOCATE)
            at, score = part.column("row").to_numpy(), part.column("score").to_numpy()
            texts = pc.utf8_slice_codeunits(
                rows.take(at, [self.scope]).column(0), 0, EVIDENCE_CHARACTERS + 1
            ).to_pylist()
            seen = [cut(f"{own:.0%} unique: {text}") for own, text in zip(score, texts, strict=True)]
            yield findings(at, self.spec.metric("rate"), seen, score=score.astype(np.float64))

    def _poor(self, ours: Wording, theirs: Wording | None) -> tuple[Mask, Mask]:
        """(rows at fault, rows judged)."""
        least = max(self.min_words, 5)
        judged = ours.count >= least
        usual = ours if theirs is None or not (theirs.count >= least).any() else theirs
        among = usual.count >= least
        scores, known = ours.own[judged].astype(np.float64), usual.own[among].astype(np.float64)
        below = lexical.cut_offs(scores, ours.count[judged], known, usual.count[among], self.least)
        poor = np.zeros(len(judged), np.bool_)
        poor[judged] = scores < below
        return poor, judged

    def _own(self, name: str, side: Wording, budget: int) -> Metric:
        measure = next(m for m in self.spec.measures if m.name == name)
        if name == "unique_ngram_product":
            return side.product(self.spec.metric(name))
        n = min(budget, PAIRED) if name == "self_bleu" else budget
        full, unit = self.spec.metric(name), measure.unit
        if name == "compression_ratio":
            value = side.compressed(0, n)
            span = interval(lambda at: side.compressed(int(at[0]), int(at[-1]) + 1), n, value)
            return Metric(full, value, unit, n, "", *span)
        of, run = lexical.MEASURES[name], side.run
        own = of(run, 0, n)
        if own is None:
            return Metric(full, None, unit, n, why="too few words return to tell")
        found = jackknife(lambda low, high: of(lexical.without(run, low, high), 0, n - high + low), n, own)
        return Metric(full, own, unit, n, "", *(found or (None, None)))

    def _ladder(self, ours: Wording, budget: int) -> Iterator[Metric]:
        """What depends on the number of words, on every other rung."""
        for rung in RUNGS:
            if rung != budget and rung <= min(self.words, len(ours.run.words)):
                yield from (self._own(name, ours, rung) for name in _OWN[1:] if name != "self_bleu" or rung <= PAIRED)

    def _vocabulary(
        self, rows: Dataset, order: Longs, by: str = "", group: str = "", also: Collection[str] = ()
    ) -> Vocabulary:
        """In how many rows a word stands, of READ drawn ones at the most."""
        texts = rows.take(np.sort(order[:READ]), [self.scope]).column(0)
        return vocabulary(pc.fill_null(pc.utf8_slice_codeunits(texts, 0, SUBJECT), "").to_pylist(), by, group, also)

    def _of_rounds(self, rows: Dataset, ours: Wording, groups: Groups) -> Iterator[Vocabulary]:
        """Of the rows of the first and the last two rounds; in the last one what the others have is counted exactly."""
        for by, (labels, codes) in sorted(groups.items()):
            order = in_order(labels) if by.lower() in ROUNDS else []
            known: set[str] = set()
            for label in dict.fromkeys((*order[:1], *order[-2:])):
                mine = ours.order[codes[ours.order] == labels.index(label)]
                found = self._vocabulary(rows, mine, by, label, known if label == order[-1] else ())
                known.update(word for word, _, _ in found.words)
                yield found

    def _to_real(
        self, mine: Sequence[Metric], beside: Sequence[Metric], ours: Wording, theirs: Wording | None, why: str
    ) -> Iterator[Metric]:
        real = {metric.name: metric for metric in beside}
        for metric in mine:
            name = f"{metric.name}_to_real"
            if name.partition(".")[2] not in {m.name for m in self.spec.measures}:
                continue
            other = real.get(metric.name)
            if other is None or theirs is None or not metric.value or not other.value:
                yield Metric(name, None, "ratio", metric.n, why=why if other is None else "one side has no number")
                continue
            pair: tuple[float, float] | None = (float(metric.value), float(other.value))
            if metric.name.endswith("unique_ngram_product"):
                pair = lexical.standardised(
                    ours.unique, ours.total, ours.count, theirs.unique, theirs.total, theirs.count
                )
            if pair is None or not pair[1]:
                yield Metric(name, None, "ratio", metric.n, why="no texts of equal length on both sides")
                continue
            yield quotient(name, pair[0] / pair[1], metric, other)

    def _table(self, metrics: Sequence[Metric], beside: Sequence[Metric]) -> Exhibit:
        """Every measure on both sides. The ratio of unique n-grams is the one at equal lengths."""
        values = {metric.name: metric.value for metric in metrics}
        units = {self.spec.metric(m.name): (m.what, m.unit) for m in self.spec.measures}
        shown = []
        for other in beside:
            own = values[other.name]
            plain = own / other.value if own is not None and other.value else None
            both = values.get(f"{other.name}_to_real", plain)
            shown.append((other.name.partition(".")[2], *units[other.name], own, other.value, both))
        heads = ("measure", "what", "unit", "this data", "real data", "ratio")
        return Exhibit(self.spec.metric("beside_real"), "Lexical diversity beside real data", heads, tuple(shown))

    def _slices(self, rows: Dataset, ours: Wording, groups: Groups) -> list[Slice]:
        """Unique n-grams, compression and pairs of words of the largest groups, and of rounds everything; each over as
        many words."""
        found = []
        for by, (labels, codes) in sorted(groups.items()):
            sizes = np.bincount(codes, minlength=len(labels))
            sides = {}
            for code in np.lexsort((np.arange(len(sizes)), -sizes))[:GROUPS]:
                run = ours.of(rows, codes == code, min(self.words, SLICED))
                if len(run.run.words) >= RUNGS[0]:
                    sides[labels[code]] = run
            if len(sides) < 2:
                continue
            n = lexical.budget([len(side.run.words) for side in sides.values()], RUNGS)
            names = _OWN[1:] if by.lower() in ROUNDS else ("compression_ratio", "distinct_2")
            for label, side in sides.items():
                found.append(Slice(by, label, side.product(self.spec.metric("unique_ngram_product"))))
                found += [Slice(by, label, self._own(name, side, n)) for name in names]
        return found
