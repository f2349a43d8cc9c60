"""overconfident-text: answers that are surer than people's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import lexicons
from auditor.core.content.features import text_of
from auditor.core.rowwise import findings, gather_groups
from auditor.kernels.wording import Lists, lists, tally
from auditor.model.result import Exhibit, Measurement, Metric, Slice
from auditor.model.rows import Dataset
from auditor.statistics import rates
from auditor.statistics.rates import Estimate

COUNTED = ("hedges", "boosters", "admissions", "questions_back", "refusals")
CATEGORIES = (*COUNTED, "reader")
UNIT = "per 1,000 words"

WIDE = 0.8
"""Half a 95 % interval of the gap from which on the check is skipped unless the gap is beyond chance. Of 40 pairs of
400 rows of Dolly 39 are then judged and 3 are more than .4 apart, of 1,000 rows 40 and 1; of GSM8K's at most three are
judged, for its answers hardly hedge (without this rule the gap of 400 rows is known to within 2.2)."""

SURER = 3
"""Boosters more than hedges from which a row is named."""

FOUND = 500
"""Rows named at most, the surest first."""

SURE = tuple(
    {"prompt": f"Is {i} even?", "response": f"It is clearly, certainly and definitely {i}."} for i in range(160)
)
UNSURE = tuple(
    {"prompt": f"Is {i} even?", "response": f"Perhaps it is {i}, but I am not sure: maybe not."} for i in range(160)
)


@dataclass(frozen=True, slots=True)
class Side:
    """What was counted in one dataset. counts: int32 [rows, categories]; words: int64 [rows]."""

    counts: npt.NDArray[np.int32]
    words: npt.NDArray[np.int64]

    def of(self, category: str) -> npt.NDArray[np.int32]:
        column: npt.NDArray[np.int32] = self.counts[:, CATEGORIES.index(category)]
        return column

    def rate(self, category: str) -> Estimate:
        return rates.per_thousand(self.of(category), self.words)

    def taken(self, rows: npt.NDArray[np.bool_]) -> Side:
        return Side(self.counts[rows], self.words[rows])


@check
@dataclass(frozen=True)
class OverconfidentText:
    """Answers that hedge less, assert more, ask back less and admit less than those of people.

    What: words per 1,000 that hedge ("perhaps", "it depends"), that boost ("clearly", "of course"), admissions of not
    knowing, questions back to the reader and refusals, in answers, against the answers of the real data. The gap is
    the logarithm of boosters over hedges here, less that of real: 0 alike, 0.7 twice as sure, below 0 less sure.

    Why it matters: a model is as sure as what it was tuned on. Tuning on answers that never hedge makes models that
    say false things without a doubt (L. Zhou et al. 2024, "Relying on the unreliable: the impact of language models'
    reluctance to express uncertainty", ACL), and one that has never seen a question back does not ask one.

    Example: "It depends: I think it may be the pump" in real; "The problem is clearly the pump" in the data.

    Remedy: ask the generator for what it knows and how well; keep answers that admit and that ask back; take out
    boosters that carry nothing; add people's answers to questions that have none.

    Limits: English words, counted without a look at what is meant: "may" the month and a quoted "never" count, on both
    sides alike. A question back is a phrase that asks for more, or a sentence outside of quotes with "you" that ends
    in a question mark: dialogues and songs count too. Rates are over all rows, with rows as clusters, so sides may
    differ in size; topics and genre differ as well, which the gap does not take out. Of another language than English
    it says nothing. Where the gap is known no better than to within .8 and is not beyond chance, the check is skipped:
    400 of Dolly's answers a side are enough, 1,400 of GSM8K's are not. Words of your own: `words` names files of the
    form of expectations/words/drift/confidence.yaml.

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
                "how much surer than real: boosters over hedges, against the same of real",
                "rewrite it at the certainty that the facts allow, or leave the boosters out",
                bad="high",
            ),
            Measure("hedges_per_1000", UNIT, "words that withhold commitment: perhaps, may, it depends"),
            Measure("boosters_per_1000", UNIT, "words that assert: clearly, certainly, of course"),
            Measure("admissions_per_1000", UNIT, "admissions of not knowing"),
            Measure("questions_back_per_1000", UNIT, "questions back to the reader"),
            Measure("refusals_per_1000", UNIT, "sentences that decline"),
        ),
        reads=("text",),
        needs=("real",),
        fires=(Case(SURE, "overconfident_text.confidence_gap", references={"real": UNSURE}),),
        quiet=(Case(UNSURE, "overconfident_text.confidence_gap", references={"real": UNSURE}),),
    )

    def __post_init__(self) -> None:
        if self.scope not in ("response", "prompt", "text"):
            raise ValueError(f"scope must be response, prompt or text, not {self.scope!r}")
        if self.least < 1:
            raise ValueError("least must be at least 1 word")
        for path in self.words:
            lexicons.read(Path(path), CATEGORIES)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references["real"]
        if not real.rows:
            return Measurement((), notes=("the real data has no rows",))
        column, notes = text_of(rows, real, self.scope)
        lexicon = lexicons.load("confidence", context.expectations, self.words, CATEGORIES)
        known = lists(lexicon)
        mine, theirs = (_counted(side, column, known, engine) for side in (rows, real))
        read = [int(side.words.sum()) for side in (mine, theirs)]
        if min(read) < self.least:
            return Measurement(
                (), notes=(f"needs at least {self.least:,} words on both sides, has {read[0]:,} and {read[1]:,}",)
            )
        gap, why = _gap(mine, theirs)
        name = self.spec.metric
        if gap is not None and gap.low <= 0 <= gap.high and gap.high - gap.low > 2 * WIDE:
            few = min(int(side.of("boosters").sum() + side.of("hedges").sum()) for side in (mine, theirs))
            span = f"the gap is {gap.low:.2g} to {gap.high:.2g} by chance"
            return Measurement((), notes=(f"needs more hedges and boosters than {few:,} a side: {span}",))
        value = None if gap is None else gap.value
        ends = (None, None) if gap is None else (gap.low, gap.high)
        metrics = [Metric(name("confidence_gap"), value, "log ratio", min(read), why, *ends)]
        metrics += [_metric(name(f"{category}_per_1000"), mine.rate(category), read[0]) for category in COUNTED]
        surest = _surest(rows, mine, column, lexicon["boosters"]) if gap and gap.low > 0 else _table((), (), ())
        return Measurement(
            tuple(metrics),
            tuple(self._slices(rows, mine, theirs)),
            notes=(*notes, f"{column}s of {read[0]:,} and {read[1]:,} words; word lists {lexicons.digest(lexicon)}"),
            tables={"surest": surest},
            exhibits=(self._exhibit(mine, theirs),),
            columns={category: _by_row(mine, category) for category in ("hedges", "boosters")},
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        table = measurement.tables["surest"]
        if len(table):
            row, score = table.column("row").to_numpy(), table.column("score").to_numpy()
            yield findings(row, self.spec.metric("confidence_gap"), table.column("evidence").to_pylist(), score=score)

    def _slices(self, rows: Dataset, mine: Side, theirs: Side) -> Iterator[Slice]:
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
                gap, _ = _gap(group, theirs)
                if gap:
                    yield Slice(by, labels[code], _metric(name("confidence_gap"), gap, int(sizes[code]), "log ratio"))

    def _exhibit(self, mine: Side, theirs: Side) -> Exhibit:
        table = []
        for category in COUNTED:
            here, there = mine.rate(category), theirs.rate(category)
            ratio = rates.rate_ratio(here, there)
            ends = (ratio.value, ratio.low, ratio.high) if ratio else (None, None, None)
            table.append((category.replace("_", " "), here.value, there.value, *ends))
        heads = ("words that are", f"data ({UNIT})", f"real ({UNIT})", "ratio", "low", "high")
        note = "ratio: data over real, with its 95 % interval; a row is one observation, however often it says a word"
        return Exhibit(self.spec.metric("marks"), "How sure the answers sound", heads, tuple(table), note, "ratio")


def _counted(rows: Dataset, column: str, known: Lists, engine: Engine) -> Side:
    parts = engine.gather(
        rows, lambda shard: tally(shard.strings(column), known, reader="reader", question="questions_back")
    )
    return Side(np.concatenate([counts for counts, _ in parts]), np.concatenate([words for _, words in parts]))


def _gap(mine: Side, theirs: Side) -> tuple[Estimate | None, str]:
    both = [side.of("boosters").any() or side.of("hedges").any() for side in (mine, theirs)]
    if not all(both):
        return None, f"neither hedges nor boosters in {'the real data' if both[0] else 'the data'}"
    ratios = (rates.log_ratio(side.of("boosters"), side.of("hedges")) for side in (mine, theirs))
    return rates.difference(*ratios), ""


def _metric(name: str, seen: Estimate, n: int, unit: str = UNIT) -> Metric:
    return Metric(name, seen.value, unit, n, low=seen.low, high=seen.high)


def _by_row(side: Side, category: str) -> npt.NDArray[np.float32]:
    """Per 1,000 words of each row, NaN where it has none."""
    found = np.full(len(side.words), np.nan, np.float32)
    some = side.words > 0
    found[some] = 1000 * side.of(category)[some] / side.words[some]
    return found


def _surest(rows: Dataset, side: Side, column: str, boosters: Sequence[str]) -> pa.Table:
    """The rows whose boosters most outnumber their hedges, in row order."""
    ahead = side.of("boosters") - side.of("hedges")
    hits = np.flatnonzero(ahead >= SURER)
    position = np.concatenate([shard.numpy("row") for shard in rows])
    hits = np.sort(hits[np.lexsort((position[hits], side.words[hits], -ahead[hits]))][:FOUND])
    texts = rows.take(position[hits], [column]).column(column).to_pylist()
    words = sorted(boosters, key=len, reverse=True)
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", re.IGNORECASE)
    evidence = []
    for at, text in zip(hits, texts, strict=True):
        seen = dict.fromkeys(match.lower() for match in pattern.findall((text or "").replace("’", "'")[:100_000]))
        numbers = f"{side.of('boosters')[at]} boosters, {side.of('hedges')[at]} hedges in {side.words[at]:,} words"
        evidence.append(f"{numbers}: {', '.join(list(seen)[:12])}")
    return _table(position[hits].tolist(), _by_row(side, "boosters")[hits].tolist(), evidence)


def _table(row: Sequence[int], score: Sequence[float], evidence: Sequence[str]) -> pa.Table:
    columns = {"row": (row, pa.int64()), "score": (score, pa.float64()), "evidence": (evidence, pa.large_string())}
    return pa.table({name: pa.array(values, kind) for name, (values, kind) in columns.items()})
