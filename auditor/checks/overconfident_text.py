"""overconfident-text: answers that are surer than people's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, exp, isinf
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import lexicons
from auditor.core.content.english import english, withheld
from auditor.core.content.features import text_of
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.sureness import CATEGORIES, COUNTED, Marks, counted, gap_of, precision
from auditor.core.rowwise import findings, gather_groups
from auditor.kernels.wording import lists
from auditor.model.result import Exhibit, Measurement, Metric, Slice
from auditor.model.rows import Dataset
from auditor.statistics import rates
from auditor.statistics.rates import Estimate

UNIT = "per 1,000 words"

WIDE = 0.8
"""Half a 95 % interval of the gap from which on the check is skipped, by the marks of both sides together: whether it
runs must not depend on how they differ. Of 200 pairs of 400 rows of Dolly 198 are then measured, of 800 all, and 4 and
5 have a gap above .4; of GSM8K none is, for its answers hardly hedge (it takes 5,200 a side)."""

DISTINCT = 50
"""Distinct answers a side below which the check is skipped: copies of one answer say nothing of how answers are."""

VERSE = (4, 10, 0.5)
"""Lines from which a text is verse where they have at most so many words on average, and at most so many of them end
a sentence: a song's "never" asserts nothing."""

SURER = 3
"""Boosters more than hedges from which a row is named."""

FOUND = 500
"""Rows named at most, the surest first."""

SURE = tuple(
    {"prompt": f"Is {i} even?", "response": f"It is clearly, certainly and definitely {i}."} for i in range(160)
)
UNSURE = tuple(
    {"prompt": f"Is {i} even?", "response": f"Perhaps it is {i}, but I am not sure: maybe not. It may of course be."}
    for i in range(160)
)


@check
@dataclass(frozen=True)
class OverconfidentText:
    """Answers that hedge less, assert more, ask back less and admit less than those of people.

    What: words per 1,000 that hedge ("perhaps", "it depends"), that boost ("clearly", "of course"), admissions of not
    knowing, questions back to the reader and refusals, in answers, against the answers of the real data. The gap is
    the logarithm of boosters over hedges here, less that of real: 0.7 twice as sure, below 0 less sure, and 0 where
    chance explains the difference (its interval has 0 in it; the notes tell the difference itself).

    Why it matters: a model is as sure as what it was tuned on. Tuning on answers that never hedge makes models that
    say false things without a doubt (L. Zhou et al. 2024, "Relying on the unreliable: the impact of language models'
    reluctance to express uncertainty", ACL), and one that has never seen a question back does not ask one.

    Example: "It depends: I think it may be the pump" in real; "The problem is clearly the pump" in the data.

    Remedy: ask the generator for what it knows and how well; keep answers that admit and that ask back; take out
    boosters that carry nothing; add people's answers to questions that have none.

    Limits: English words, counted without a look at what is meant: "may" the month and a quoted "never" count, on both
    sides alike. Rows in another language (the `language` annotation, of a sample of the rows) are not counted, and
    without any in English the check is skipped. A question back is a phrase that asks for more, or a sentence outside
    of quotes with "you" that ends in a question mark; three in one answer are a list or a dialogue and not counted, but
    letters, jokes and posts that ask their reader are. Verse counts, but is not named: rows of four lines or more, of
    ten words at most on average, most of which end no sentence. Rates are over all rows, with rows as clusters, so
    sides may differ in size; topics and genre differ as well, which the gap does not take out. Where the marks of both
    sides together would not show a gap to within .8, or a side has fewer than 50 distinct answers, the check is
    skipped: 400 of Dolly's answers a side are enough, 3,700 of GSM8K's are not. Of 200 pairs of samples of one source
    (Dolly, 800 answers each) 5 have a gap above .4. Words of your own: `words` names files of the form of
    expectations/words/drift/confidence.yaml.

    Reference: K. Hyland 2005, "Metadiscourse" (hedges and boosters); the source of each list stands beside it.
    """

    scope: str = "response"
    least: int = 1000
    words: tuple[str, ...] = ()

    spec: ClassVar[Spec] = Spec(
        name="overconfident-text",
        title="Overconfident text",
        measures=(
            Measure(
                "confidence_gap",
                "log ratio",
                "how much surer than real: boosters over hedges, against the same of real; 0 where chance explains it",
                "rewrite it at the certainty that the facts allow, or leave the boosters out",
                bad="high",
            ),
            Measure("hedges_per_1000", UNIT, "words that withhold commitment: perhaps, may, it depends"),
            Measure("boosters_per_1000", UNIT, "words that assert: clearly, certainly, of course"),
            Measure("admissions_per_1000", UNIT, "admissions of not knowing"),
            Measure("questions_back_per_1000", UNIT, "questions back to the reader, of answers with one or two"),
            Measure("refusals_per_1000", UNIT, "sentences that decline"),
        ),
        reads=("text",),
        needs=("real",),
        annotations=("language",),
        fires=(Case(SURE, "overconfident_text.confidence_gap", references={"real": UNSURE}),),
        quiet=(Case(UNSURE, "overconfident_text.confidence_gap", references={"real": UNSURE}),),
        version=2,
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.least < 1:
            raise ValueError("least must be at least 1 word")
        for path in self.words:
            lexicons.read(Path(path), CATEGORIES)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references["real"]
        if not real.rows:
            return Measurement((), notes=("the real data has no rows",))
        column, notes = text_of(rows, real, self.scope)
        read = english(rows), english(real)
        left_out, why = withheld(*read)
        if why:
            return Measurement((), notes=(why,))
        lexicon = lexicons.load("confidence", context.expectations, self.words, CATEGORIES)
        known = lists(lexicon)
        mine, theirs = (
            counted(side, column, known, engine, one.rows) for side, one in zip((rows, real), read, strict=True)
        )
        words = [int(side.words.sum()) for side in (mine, theirs)]
        if why := self._too_few(mine, theirs):
            return Measurement((), notes=(why, *notes, *left_out))
        gap, why = gap_of(mine, theirs)
        name = self.spec.metric
        metrics = [_gap_metric(name("confidence_gap"), gap, min(words), why)]
        metrics += [_metric(name(f"{category}_per_1000"), mine.rate(category), words[0]) for category in COUNTED]
        surest = _surest(rows, mine, column, lexicon["boosters"]) if gap and gap.low > 0 else _table((), (), ())
        return Measurement(
            tuple(metrics),
            tuple(self._slices(rows, mine, theirs)),
            notes=(
                *notes,
                *left_out,
                *([_said(gap)] if gap else []),
                f"{column}s of {words[0]:,} and {words[1]:,} words; word lists {lexicons.digest(lexicon)}",
            ),
            tables={"surest": surest},
            exhibits=(self._exhibit(mine, theirs),),
            columns={category: mine.by_row(category) for category in ("hedges", "boosters")},
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        table = measurement.tables["surest"]
        if len(table):
            row, score = table.column("row").to_numpy(), table.column("score").to_numpy()
            yield findings(row, self.spec.metric("confidence_gap"), table.column("evidence").to_pylist(), score=score)

    def _too_few(self, mine: Marks, theirs: Marks) -> str:
        """Why the two cannot be told apart, or an empty string."""
        words = int(mine.words.sum()), int(theirs.words.sum())
        if min(words) < self.least:
            return f"needs at least {self.least:,} words on both sides, has {words[0]:,} and {words[1]:,}"
        if min(mine.distinct, theirs.distinct) < DISTINCT:
            seen = f"has {mine.distinct:,} and {theirs.distinct:,}"
            return f"needs at least {DISTINCT} distinct texts on both sides, {seen}"
        half, enough = precision(mine, theirs, WIDE)
        if isinf(half):
            return "needs hedges and boosters: one of them stands in neither side"
        if half > WIDE:
            seen = f"with {mine.rows:,} and {theirs.rows:,} the gap is known to within {half:.2g}, and {WIDE} is wanted"
            return f"needs about {_rounded(enough):,} rows a side like these: {seen}"
        return ""

    def _slices(self, rows: Dataset, mine: Marks, theirs: Marks) -> Iterator[Slice]:
        name = self.spec.metric
        for category in COUNTED:
            here, there = mine.rate(category), theirs.rate(category)
            yield Slice("feature", category, _metric(name("data"), here, int(mine.words.sum())))
            yield Slice("feature", category, _metric(name("real"), there, int(theirs.words.sum())))
            if ratio := rates.rate_ratio(here, there):
                n = min(int(mine.words.sum()), int(theirs.words.sum()))
                yield Slice("feature", category, _metric(name("ratio"), ratio, n, "times"))
        for by, (labels, codes) in sorted(gather_groups(rows).items()):
            sizes = np.bincount(codes, mine.words, minlength=len(labels))
            for code in np.flatnonzero(sizes >= self.least).tolist():
                group = mine.taken(codes == code)
                for category in COUNTED:
                    metric = _metric(name(f"{category}_per_1000"), group.rate(category), int(sizes[code]))
                    yield Slice(by, labels[code], metric)
                gap, why = gap_of(group, theirs)
                if gap and precision(group, theirs, WIDE)[0] <= WIDE:
                    yield Slice(by, labels[code], _gap_metric(name("confidence_gap"), gap, int(sizes[code]), why))

    def _exhibit(self, mine: Marks, theirs: Marks) -> Exhibit:
        table = []
        for category in COUNTED:
            here, there = mine.rate(category), theirs.rate(category)
            ratio = rates.rate_ratio(here, there)
            ends = (ratio.value, ratio.low, ratio.high) if ratio else (None, None, None)
            table.append((category.replace("_", " "), here.value, there.value, *ends))
        heads = ("words that are", f"data ({UNIT})", f"real ({UNIT})", "ratio", "low", "high")
        note = (
            "ratio: data over real, with its 95 % interval; a row is one observation, however often it says a word; "
            "questions back: letters and posts that ask their reader count too"
        )
        return Exhibit(self.spec.metric("marks"), "How sure the answers sound", heads, tuple(table), note, "ratio")


def _rounded(rows: float) -> int:
    """Upwards, to two digits."""
    unit = int(10 ** max(0, len(str(ceil(rows))) - 2))
    return ceil(rows / unit) * unit


def _gap_metric(name: str, gap: Estimate | None, n: int, why: str) -> Metric:
    """The gap, 0 where chance explains it."""
    if gap is None:
        return Metric(name, None, "log ratio", n, why)
    return Metric(name, 0.0 if _by_chance(gap) else gap.value, "log ratio", n, low=gap.low, high=gap.high)


def _by_chance(gap: Estimate) -> bool:
    return gap.low <= 0 <= gap.high


def _said(gap: Estimate) -> str:
    times = f"{exp(gap.value):.2g} times that of real (95 %: {exp(gap.low):.2g} to {exp(gap.high):.2g})"
    return f"boosters over hedges: {times}{', which chance explains' if _by_chance(gap) else ''}"


def _metric(name: str, seen: Estimate, n: int, unit: str = UNIT) -> Metric:
    return Metric(name, seen.value, unit, n, low=seen.low, high=seen.high)


def _surest(rows: Dataset, side: Marks, column: str, boosters: Sequence[str]) -> pa.Table:
    """The rows whose boosters most outnumber their hedges, but for verse, in row order."""
    ahead = side.of("boosters") - side.of("hedges")
    hits = np.flatnonzero(ahead >= SURER)
    position = np.concatenate([shard.numpy("row") for shard in rows])
    hits = hits[np.lexsort((position[hits], side.words[hits], -ahead[hits]))][: 2 * FOUND]
    texts = ["" if text is None else text for text in rows.take(position[hits], [column]).column(column).to_pylist()]
    plain = [(at, text) for at, text in zip(hits.tolist(), texts, strict=True) if not _verse(text)]
    named = sorted(plain[:FOUND], key=lambda one: int(position[one[0]]))
    hits = np.array([at for at, _ in named], np.int64)
    words = sorted(boosters, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    evidence = []
    for at, text in named:
        seen = dict.fromkeys(match.lower() for match in pattern.findall(text.replace("’", "'")[:100_000]))
        numbers = f"{side.of('boosters')[at]} boosters, {side.of('hedges')[at]} hedges in {side.words[at]:,} words"
        evidence.append(f"{numbers}: {', '.join(list(seen)[:12])}")
    return _table(position[hits].tolist(), side.by_row("boosters")[hits].tolist(), evidence)


def _verse(text: str) -> bool:
    lines = [line for line in text[:100_000].split("\n") if line.strip()]
    least, words, stops = VERSE
    ends = sum(line.rstrip().endswith((".", "!", "?", ":")) for line in lines)
    return (
        len(lines) >= least
        and sum(map(len, map(str.split, lines))) <= words * len(lines)
        and ends <= stops * len(lines)
    )


def _table(row: Sequence[int], score: Sequence[float], evidence: Sequence[str]) -> pa.Table:
    columns = {"row": (row, pa.int64()), "score": (score, pa.float64()), "evidence": (evidence, pa.large_string())}
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})
