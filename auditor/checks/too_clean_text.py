"""too-clean-text: prompts without what people's have: slips, fragments, half-said requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sin
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import lexicons, manners
from auditor.core.content.english import english, withheld
from auditor.core.content.features import text_of
from auditor.core.content.manners import HABITS, SMALL, Z_OF_ALL, Manners
from auditor.core.content.scopes import refuse_scope
from auditor.core.intervals import rate
from auditor.core.rowwise import cut, gather_groups, sliced_rates
from auditor.kernels.wording import lists
from auditor.model.result import Exhibit, Measurement, Metric, Number, Slice
from auditor.model.rows import Dataset
from auditor.statistics import habits, rates
from auditor.statistics.rates import Estimate

Doubles = npt.NDArray[np.float64]

_NONE_DUE = (
    f"no habit is frequent enough in real to be missed: needs {100 * sin(SMALL / 2) ** 2:.1g} % of its rows, "
    f"at n >= {ceil(2 * (Z_OF_ALL / SMALL) ** 2)} a side"
)

EXAMPLE = 120
"""Characters of an example."""

_HOW = "seed generation with real requests, and ask for the habits that lack"

MESSY = tuple({"prompt": f"pls fix this {i}, i dont know y its broken", "response": "Yes."} for i in range(60))
CLEAN = tuple({"prompt": f"Explain how the number {i} is written in binary.", "response": "Yes."} for i in range(60))


@check
@dataclass(frozen=True)
class TooCleanText:
    """Text that is tidier, or reads otherwise, than what people write.

    What, of prompts: rows with a likely slip of the pen; that begin in lower case, or write i for I; that leave
    apostrophes or capitals out; that end without a mark; fragments (at most 12 words and no verb); vague requests (at
    most 8 words, one that points to something unnamed, at most 2 with content); casual marks (short forms of chats,
    emoji, letters drawn out, runs of ! and ?); the grade it takes to read them; of answers: marks of inference and
    steps a row. `gap` is the largest difference from real among them, as Cohen's h of two shares or d of two means:
    0.2 is small, 0.5 medium, 0.8 large. `cleaner` counts the habits, of those frequent enough in real to be missed,
    that are rarer here.

    Why it matters: generators write complete, polite, well-spelt requests; people do not. A model tuned on clean
    requests loses accuracy on misspelt ones (K. Zhu et al. 2023, "PromptRobust"; M. Sclar et al. 2024 for format) and
    has never seen a request that is too vague to answer.

    Example: real: "pls fix this i dont know y its broken"; data: "Please identify the error in the following code."

    Remedy: seed generation with real requests; ask for the habits that lack by name and at their real rates (the
    table has them, with a real example each); add noise of the kinds that are missing.

    Limits: English, by form and lists: rows in another language (the `language` annotation, of a sample of the rows)
    are not counted, and without any in English the check is skipped. No row is at fault by itself, so none is named.
    All rows are read, but for slips: of `sample` rows a side at most, drawn by hash, as many of each. Of one slip
    planted in every sixth prompt of Dolly 29 in 100 are found (38 in words of five letters or more; of letters left out
    8), more where there are more texts, answers among them. Of 13 words that it takes for slips in the prompts of Dolly
    and Alpaca 8 are, of 29 in prompts and answers 14; the rest are rare words, on both sides alike
    (`auditor.statistics.slips`). A habit of fewer than 1 % of the real rows cannot be rarer by a small effect, and with
    few rows only a commoner one can (it takes 362 a side for 1 %, 72 for 5 %): these are named in the notes with their
    counts, and where all are such ones `cleaner` has no value. Of Dolly's prompts 6 of 2,996 have a slip: slips say
    nothing there. Equal texts are no evidence: both sides need `least` distinct ones. Longer texts have more chances
    for a slip or a mark: look at feature-drift for lengths. Where a side has no prompts, whole texts are compared. The
    grade is Flesch and Kincaid's, which short texts and code stretch. Words of your own: `words` names files of the
    form of expectations/words/drift/casual.yaml.

    Reference: as above; the source of each list stands beside it.
    """

    scope: str = "prompt"
    sample: int = 20_000
    least: int = 50
    words: tuple[str, ...] = ()

    spec: ClassVar[Spec] = Spec(
        name="too-clean-text",
        title="Too clean text",
        measures=(
            Measure(
                "gap",
                "effect",
                "largest difference from real of any habit below (Cohen's h, d): 0.2 small, 0.5 medium, 0.8 large",
                _HOW,
                bad="high",
            ),
            Measure(
                "cleaner",
                "habits",
                "slips and casual habits that real has, and that are rarer here by more than a small effect",
                _HOW,
                bad="high",
            ),
            Measure("slips", "share", "sampled rows with a likely slip of the pen"),
            Measure("lower_case", "share", "rows that begin in lower case, or write i for I"),
            Measure("dropped_marks", "share", "rows with an apostrophe left out: dont, whats"),
            Measure("open_end", "share", "rows that end without a mark"),
            Measure("fragments", "share", "rows of at most 12 words without a verb"),
            Measure("vague", "share", "rows of at most 8 words that point to something they do not name"),
            Measure("casual", "share", "rows with short forms of chats, emoji, drawn-out letters or runs of ! and ?"),
            Measure("grade", "grade", "mean Flesch-Kincaid grade"),
            Measure("reasoning_depth", "marks", "mean marks of inference and steps an answer"),
        ),
        reads=("text",),
        needs=("real",),
        annotations=("language",),
        fires=(
            Case(CLEAN, "too_clean_text.gap", references={"real": MESSY}),
            Case(CLEAN, "too_clean_text.cleaner", references={"real": MESSY}),
        ),
        quiet=(Case(MESSY, "too_clean_text.gap", references={"real": MESSY}),),
        version=2,
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.least < 2 or self.sample < 1:
            raise ValueError("least must be at least 2, and sample at least 1")
        for path in self.words:
            lexicons.read(Path(path), habits.CATEGORIES)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        real = context.references["real"]
        if not real.rows:
            return Measurement((), notes=("the real data has no rows",))
        column, notes = text_of(rows, real, self.scope)
        answers, _ = text_of(rows, real, "response")
        spoken = english(rows), english(real)
        left_out, why = withheld(*spoken)
        if why:
            return Measurement((), notes=(why,))
        lexicon = lexicons.load("casual", context.expectations, self.words, habits.CATEGORIES)
        known = lists({**lexicon, "verbs": habits.forms(lexicon["verbs"])})
        picked = manners.picked((rows, real), spoken, self.sample)
        slipped = manners.slipped((rows, real), picked, column)
        mine, theirs = (
            manners.seen(side, column, answers, known, engine, one.rows, chosen, hits)
            for side, one, chosen, hits in zip((rows, real), spoken, picked, slipped, strict=True)
        )
        if min(mine.distinct, theirs.distinct) < self.least:
            seen = f"has {mine.distinct:,} and {theirs.distinct:,}"
            why = f"needs at least {self.least:,} rows with words on both sides, no two alike, {seen}"
            return Measurement((), notes=(why, *notes, *left_out))
        effects = manners.effects(mine, theirs)
        due = manners.due(mine, theirs)
        metrics = tuple(self._metrics(mine, effects, due))
        worst = next(iter(effects))
        fewer = effects[worst].value < 0
        how = ("less" if fewer else "more") if worst in HABITS else "lower" if fewer else "higher"
        told = f"{column}s of {mine.rows:,} and {theirs.rows:,} rows; "
        told += f"largest difference: {how} {_words(worst)} than in real"
        rarer = ", ".join(_words(habit) for habit in manners.rarer(effects, due))
        told += f"; rarer than in real: {rarer}" if rarer else ""
        sampled = f"slips looked for in {len(picked[0]):,} rows a side; word lists {lexicons.digest(lexicon)}"
        return Measurement(
            metrics,
            tuple(self._slices(rows, mine, theirs, effects)),
            notes=(*notes, *left_out, told, *_unseen(theirs, due), sampled),
            exhibits=(self._exhibit(mine, theirs, effects, _examples(real, theirs, picked[1], column)),),
        )

    def _metrics(self, side: Manners, effects: Mapping[str, Estimate], due: Sequence[str]) -> Iterator[Metric]:
        name, n = self.spec.metric, side.rows
        value, low, high = _size(next(iter(effects.values())))
        yield Metric(name("gap"), value, "effect", n, low=low, high=high)
        why = "" if due else _NONE_DUE
        yield Metric(name("cleaner"), len(manners.rarer(effects, due)) if due else None, "habits", len(due), why)
        for habit in HABITS:
            yield rate(name(habit), *side.of(habit))
        yield _mean(name("grade"), manners.values_of(side, "grade"), "grade")
        yield _mean(name("reasoning_depth"), manners.values_of(side, "reasoning_depth"), "marks")

    def _slices(
        self, rows: Dataset, mine: Manners, theirs: Manners, effects: Mapping[str, Estimate]
    ) -> Iterator[Slice]:
        name, n = self.spec.metric, mine.rows
        for feature, effect in sorted(effects.items()):
            for told, side in (("data", mine), ("real", theirs)):
                yield Slice("feature", feature, _value(name(told), side, feature))
            gap = Metric(name("effect"), effect.value, "effect", n, low=effect.low, high=effect.high)
            yield Slice("feature", feature, gap)
        groups = gather_groups(rows)
        for habit in HABITS:
            asked = mine.asked.get(habit, mine.among)
            among = {by: (labels, codes[asked]) for by, (labels, codes) in groups.items()}
            yield from sliced_rates(name(habit), mine.habits[habit][asked], among)

    def _exhibit(
        self, mine: Manners, theirs: Manners, effects: Mapping[str, Estimate], examples: Mapping[str, str]
    ) -> Exhibit:
        table: list[tuple[str | Number | None, ...]] = []
        for feature, effect in effects.items():
            here, there = (_value("", side, feature) for side in (mine, theirs))
            row = (_words(feature), here.unit, here.value, there.value, *_size(effect), examples.get(feature))
            table.append(row)
        heads = ("habit", "unit", "this data", "real data", "effect", "low", "high", "example from real")
        note = (
            "shares of rows, but for grade and depth (means); effect: size of the difference, Cohen's h or d, with its "
            "95 % interval"
        )
        return Exhibit(
            self.spec.metric("habits"), "Habits of writing, against real", heads, tuple(table), note, "effect"
        )


def _size(effect: Estimate) -> tuple[float, float, float]:
    """How large the effect is, whichever way, with its interval."""
    low, high = (effect.low, effect.high) if effect.value >= 0 else (-effect.high, -effect.low)
    return abs(effect.value), max(0.0, low), high


def _unseen(theirs: Manners, due: Sequence[str]) -> Iterator[str]:
    """The rest, with their counts."""
    rest = ", ".join("{} ({:,} of {:,})".format(_words(one), *theirs.of(one)) for one in HABITS if one not in due)
    if rest:
        yield f"too rare in real to be missed here: {rest}"


def _value(name: str, side: Manners, feature: str) -> Metric:
    return rate(name, *side.of(feature)) if feature in HABITS else _mean(name, manners.values_of(side, feature), "")


def _mean(name: str, values: Doubles, unit: str) -> Metric:
    if not len(values):
        return Metric(name, None, unit, 0, why="no rows to measure")
    seen = rates.mean(values)
    return Metric(name, seen.value, unit, len(values), low=seen.low, high=seen.high)


def _examples(real: Dataset, side: Manners, picked: npt.NDArray[np.int64], column: str) -> dict[str, str]:
    """The first drawn row of real with each habit."""
    position = np.concatenate([shard.numpy("row") for shard in real])
    order = np.argsort(position, kind="stable")
    places = order[np.searchsorted(position, picked, sorter=order)]
    chosen = {}
    for habit in HABITS:
        hits = picked[(side.habits[habit] & side.asked.get(habit, side.among))[places]]
        if len(hits):
            chosen[habit] = hits[0]
    texts = real.take(np.array(list(chosen.values()), np.int64), [column]).column(column).to_pylist()
    return {
        habit: cut(" ".join(text[: 4 * EXAMPLE].split()), EXAMPLE) for habit, text in zip(chosen, texts, strict=True)
    }


def _words(name: str) -> str:
    return name.replace("_", " ")
