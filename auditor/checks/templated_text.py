"""Rows that were made from the same template."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.skeletons import Name, Part, joined, kind, told_of
from auditor.core.intervals import rate, ratio
from auditor.core.rowwise import cut, found, gather_groups, sliced_rates
from auditor.kernels.texts import normal
from auditor.model.result import Exhibit, Measurement, Metric
from auditor.model.rows import Dataset, Rows
from auditor.sketches.sample import drawn
from auditor.statistics.openings import WORDS, beginnings, heads, instructions, longest, openings, worded

SHOWN = 20
LOCATE = 50_000

RUNGS = (1_000, 3_000, 10_000, 30_000, 100_000)
"""Rows that the shares of a registered version are recorded of as well."""

ALIKE = 1_000
"""Rows of an opening that say how much longer than `opening` it is."""

Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_PLANETS = ("Mercury", "Venus", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune", "Ceres", "Pluto", "Eris", "Haumea")


@check
@dataclass(frozen=True)
class TemplatedText:
    """Rows that share a skeleton with slots: one template, filled in.

    What: numbers, names (a capital within a sentence), quotations and web addresses are masked, and so is every
    word that stands in no run of three words which many rows have. Rows of which then the same words are left, at
    least `words` of them and `coverage` of what they and the slots make, are of one template; a template has at
    least `rows` rows, and `share` of all. Prompts and responses are looked at each by itself, the text where a row
    has neither; rows whose prompt and response are both of a template have a template of the whole row. Beside
    that: the commonest first words of answers (`opening` of them, numbers and names masked; shown as far as nine of ten
    rows go together), and the commonest verb with its object of instructions.

    Why it matters: a thousand rows of one template teach what one teaches, and the model learns the frame. A
    template is what a generator falls into when it is asked for more of the same, or what a program filled in.

    Example: `What is the distance of ⟨…⟩ from the sun?` in 300 rows.

    Remedy: keep a few rows of each template, and ask the generator for what the others should have been about.

    Limits: A template is found by what its rows have in common, word for word: paraphrases are few-patterns's.
    A slot that has few values is no slot: `Draw a ⟨red|blue⟩ …` are two templates. Forms that people use as well
    (`What is the difference between ⟨…⟩ and ⟨…⟩?`) are templates too: compare with real data, measured alike. The
    first 16 KB of a text are read. Verbs are looked up in a list, not parsed, in English alone. All rows are read.
    Where more than `templated` of the real rows (0.3) are of templates, as in classification or function calls, `rate`
    has no value: judge `ratio_to_real`, of as many rows of either side. The same for openings of answers, with
    `templated_openings` (0.1) and `opening_ratio_to_real`. Where all real rows are templated no rate can be too high:
    few-patterns tells one template from ten.

    Reference: after log template mining (Zhu et al. 2019, "Tools and benchmarks for automated log parsing",
    ICSE-SEIP). Wang et al. 2023, "Self-Instruct", arXiv 2212.10560, figure 2 (verbs and objects).
    """

    scope: str = "text"
    rows: int = 10
    share: float = 0.001
    words: int = 4
    coverage: float = 0.5
    opening: int = 4
    templated: float = 0.3
    templated_openings: float = 0.1

    spec: ClassVar[Spec] = Spec(
        "templated-text",
        "Templated text",
        (
            Measure(
                "rate",
                "share",
                "rows made from a template that many rows share",
                "keep a few rows of each template, and generate others about something else",
                depends="size",
                shown="largest",
            ),
            Measure("largest_share", "share", "rows of the largest template", depends="size", shown="largest"),
            Measure("templates", "templates", "templates that many rows share", depends="size", shown="largest"),
            Measure(
                "opening_share",
                "share",
                "answers that open with the same words",
                "ask for answers that begin otherwise, or cut the opening",
                depends="size",
                shown="openings",
            ),
            Measure(
                "instruction_share",
                "share",
                "instructions that ask for the same thing with the same verb",
                "ask for instructions with other verbs and objects",
                depends="size",
                shown="instructions",
            ),
            Measure(
                "ratio_to_real",
                "ratio",
                "rows of templates over those of as many real rows, if these have many",
                depends="real",
                shown="largest",
            ),
            Measure(
                "opening_ratio_to_real",
                "ratio",
                "share of the commonest opening over that of as many real answers, where that is large",
                depends="real",
                shown="openings",
            ),
        ),
        reads=("text",),
        version=2,
        fires=(
            Case(
                tuple({"text": f"What is the distance of {name} from the sun, in miles?"} for name in _PLANETS * 2),
                "templated_text.rate",
            ),
            Case(
                tuple({"prompt": f"Write a poem about {n} cats.", "response": f"{n} cats. " * n} for n in range(2, 26)),
                "templated_text.instruction_share",
            ),
        ),
        quiet=(
            Case(
                tuple(
                    {"text": " ".join(chr(97 + (7 * i + 3 * j * (i + 2)) % 26) * (1 + (i + j) % 7) for j in range(9))}
                    for i in range(30)
                ),
                "templated_text.rate",
            ),
        ),
    )

    def __post_init__(self) -> None:
        refuse_scope(self.scope)
        if self.rows < 2 or self.words < 1 or not 1 <= self.opening <= WORDS:
            raise ValueError(f"rows must be at least 2, words at least 1 and opening from 1 to {WORDS}")
        if not (0 < self.templated <= 1 and 0 < self.templated_openings <= 1):
            raise ValueError("templated and templated_openings are shares: above 0, and at most 1")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        n, least = rows.rows, self._least(rows.rows)
        if n < 2 * self.rows:
            return Measurement((), notes=(f"needs at least {2 * self.rows} rows, has {n}",))
        parts, owner, names = self._mined(rows, engine)
        mask = owner >= 0
        sizes = np.bincount(owner[mask], minlength=len(names))
        ranked = np.lexsort((np.arange(len(names)), -sizes))
        large = [int(code) for code in ranked if sizes[code] >= least]
        first = np.full(len(names), n, np.int64)
        np.minimum.at(first, owner[mask], np.flatnonzero(mask))
        used = np.flatnonzero(sizes)
        told = told_of(rows, parts, names, first, used)
        full = self.spec.metric
        answers, instructed = self._openings(rows, engine), self._instructions(rows, engine)
        own = (rate(full("rate"), int(np.count_nonzero(mask)), n), answers[0])
        (templated, beside), (opened, opened_beside) = self._beside_real(own, rows, context, engine)
        metrics = (
            templated,
            rate(full("largest_share"), int(sizes.max(initial=0)), n),
            Metric(full("templates"), len(large), "templates", n),
            opened,
            instructed[0],
            beside,
            opened_beside,
        )
        largest = Exhibit(
            full("largest"),
            "The largest templates",
            ("template", "of", "rows", "share", "example row"),
            tuple(
                (
                    told[code],
                    kind(names[code], self._parts()),
                    int(sizes[code]),
                    int(sizes[code]) / n,
                    int(first[code]),
                )
                for code in large[:SHOWN]
            ),
            "⟨…⟩ is what differs from row to row",
        )
        at = np.flatnonzero(mask)
        members = pa.table({"row": at, "template": owner[at], "first": first[owner[at]], "size": sizes[owner[at]]})
        return Measurement(
            metrics,
            sliced_rates(full("rate"), mask, gather_groups(rows)),
            notes=(f"a template has at least {least} rows",),
            tables={"members": members, "skeletons": pa.table({"text": pa.array(told, pa.large_string())})},
            exhibits=tuple(e for e in (largest, answers[1], instructed[1]) if e.rows),
            columns={"template_rows": np.where(mask, np.append(sizes, 0)[owner], 0).astype(np.float32)},
            ladder=tuple(self._ladder(rows, context, engine)),
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        members, skeletons = measurement.tables["members"], measurement.tables["skeletons"].column("text")
        for start in range(0, len(members), LOCATE):
            part = members.slice(start, LOCATE)
            evidence = skeletons.take(part.column("template")).combine_chunks()
            yield found(
                part.column("row").to_numpy(),
                self.spec.metric("rate"),
                evidence,
                score=part.column("size").to_numpy().astype(np.float64),
                cluster=part.column("first").to_numpy(),
            )

    def _parts(self) -> Sequence[str]:
        return ("prompt", "response", "text") if self.scope == "text" else (self.scope,)

    def _least(self, n: int) -> int:
        """Rows that a template has at least, of n."""
        return max(self.rows, int(self.share * n))

    def _mined(self, rows: Dataset, engine: Engine) -> tuple[list[Part], Longs, list[Name]]:
        least = self._least(rows.rows)
        parts = [Part(name, rows, engine, self.words, self.coverage, least) for name in self._parts()]
        return parts, *joined([part.mined.owner for part in parts], least)

    def _shares(self, rows: Dataset, engine: Engine) -> tuple[Metric, Metric]:
        """The rate and the opening share, of other rows than those audited."""
        return self._templated(rows, engine)[0], self._openings(rows, engine)[0]

    def _templated(self, rows: Dataset, engine: Engine) -> tuple[Metric, Metric]:
        """The rate and the largest share, of other rows than those audited."""
        owner = self._mined(rows, engine)[1]
        hits, largest = int(np.count_nonzero(owner >= 0)), int(np.bincount(owner[owner >= 0], minlength=1).max())
        name = self.spec.metric
        return rate(name("rate"), hits, rows.rows), rate(name("largest_share"), largest, rows.rows)

    def _ladder(self, rows: Dataset, context: Context, engine: Engine) -> Iterator[Metric]:
        """The shares of fewer rows, for versions of another size."""
        if context.history is not None:
            for rung in RUNGS:
                if 2 * self.rows <= rung < rows.rows:
                    part = _sized(rows, rung)
                    yield from (*self._templated(part, engine), self._openings(part, engine)[0])

    def _beside_real(
        self, own: tuple[Metric, Metric], rows: Dataset, context: Context, engine: Engine
    ) -> list[tuple[Metric, Metric]]:
        """Each of the two shares with its ratio to the real one; one of the pair has a value. Where the real rows are
        templated, the task is, and a bound for prose says nothing."""
        real = context.references.get("real")
        n = 0 if real is None else min(rows.rows, real.rows)
        theirs = self._shares(_sized(real, n), engine) if real is not None and n >= 2 * self.rows else None
        usual = (self.templated, self.templated_openings)
        above = [theirs is not None and (theirs[i].value or 0) > usual[i] for i in range(2)]
        same = self._shares(_sized(rows, n), engine) if any(above) and n < rows.rows else own
        pairs: list[tuple[Metric, Metric]] = []
        for i, short in enumerate(("ratio_to_real", "opening_ratio_to_real")):
            mine, name = own[i], self.spec.metric(short)
            if theirs is None:
                few = f"needs at least {2 * self.rows} rows a side, has {n}"
                why = "no real rows to compare with: --real FILE" if real is None else few
                pairs.append((mine, Metric(name, None, "ratio", n, why)))
            elif not above[i]:
                why = f"real rows are not templated ({theirs[i].value or 0:.3g}, at most {usual[i]:g}): see {mine.name}"
                pairs.append((mine, Metric(name, None, "ratio", n, why)))
            else:
                why = f"real rows are templated too ({theirs[i].value:.3g}, above {usual[i]:g}): see {short}"
                pairs.append((Metric(mine.name, None, "share", mine.n, why), ratio(name, same[i], theirs[i])))
        return pairs

    def _openings(self, rows: Dataset, engine: Engine) -> tuple[Metric, Exhibit]:
        name = "prompt" if self.scope == "prompt" else "response"

        def begin(shard: Rows) -> tuple[Hashes, int]:
            column = shard.column(name)
            column = pc.coalesce(column, shard.column("text")) if self.scope == "text" else column
            head = beginnings(column, self.opening)[0]
            keys = np.where(worded(head, self.opening), openings(head, self.opening), np.uint64(0))
            return keys, len(shard) - column.null_count

        def words(members: Sequence[Longs]) -> list[str]:
            seen = (rows.take(some, [name, "text"]) for some in members)
            return [longest(_whole(pc.coalesce(one.column(name), one.column("text"))), self.opening) for one in seen]

        return self._commonest("opening", "Openings of answers", engine.gather(rows, begin), words)

    def _instructions(self, rows: Dataset, engine: Engine) -> tuple[Metric, Exhibit]:
        def ask(shard: Rows) -> tuple[Hashes, int]:
            column = shard.column("prompt")
            return instructions(heads(column, WORDS))[0], len(shard) - column.null_count

        def words(members: Sequence[Longs]) -> list[str]:
            prompts = rows.take(np.array([some[0] for some in members]), ["prompt"]).column(0).combine_chunks()
            _, verb, what = instructions(heads(prompts, WORDS))
            seen = zip(prompts.to_pylist(), verb.tolist(), what.tolist(), strict=True)
            return [f"{_word(prompt, left)} … {_word(prompt, right)}" for prompt, left, right in seen]

        return self._commonest("instruction", "What instructions ask for", engine.gather(rows, ask), words)

    def _commonest(
        self,
        what: str,
        title: str,
        gathered: Sequence[tuple[Hashes, int]],
        words: Callable[[Sequence[Longs]], list[str]],
    ) -> tuple[Metric, Exhibit]:
        """The share of the commonest key that is not 0, and the commonest with the words of rows that have it."""
        keys, total = np.concatenate([keys for keys, _ in gathered]), sum(n for _, n in gathered)
        name = self.spec.metric(f"{what}_share")
        values, first, counts = np.unique(keys, return_index=True, return_counts=True)
        kept = np.flatnonzero((values != 0) & (counts > 1))
        ranked = kept[np.lexsort((first[kept], -counts[kept]))]
        top = ranked[:SHOWN]
        told = words([np.flatnonzero(keys == values[i])[:ALIKE] for i in top]) if len(top) else []
        shown = tuple(
            (cut(text), int(counts[i]), int(counts[i]) / total, int(first[i]))
            for text, i in zip(told, top, strict=True)
        )
        exhibit = Exhibit(self.spec.metric(f"{what}s"), title, ("words", "rows", "share", "example row"), shown)
        if not total:
            return Metric(name, None, "share", 0, why="no row has a prompt"), exhibit
        return rate(name, int(counts[ranked[0]]) if len(ranked) else 0, total), exhibit


def _sized(rows: Dataset, n: int) -> Dataset:
    return rows if n == rows.rows else rows.select(np.sort(drawn(rows, n)))


def _whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _word(text: str, place: int) -> str:
    """A word of a text as the kernels count them."""
    return next(islice(re.finditer(r"\w+", normal(text)), place, None))[0]
