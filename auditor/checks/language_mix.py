"""Which languages the rows are in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.rowwise import findings
from auditor.model.result import Measurement, Metric, Slice
from auditor.model.rows import Dataset, Rows

UNKNOWN = "und"
"""ISO 639-3 for a language that could not be told."""

PRESENT = 0.01
"""Share of the identified rows from which a language counts as one of the dataset's."""


@dataclass
class Languages:
    """rows: all rows seen. counts: language -> rows identified as it. sliced: JSON [by, group, language] -> rows."""

    rows: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    sliced: dict[str, int] = field(default_factory=dict)


@check
@dataclass(frozen=True)
class LanguageMix:
    """Rows in a language that the dataset is not meant to be in.

    The language of each row of the sample is identified from its prose (code, markup and URLs are taken out
    first). Rows in another language than the expected ones are unexpected; where nothing is expected by
    setting, the language of at least half of the rows is.

    Why it matters: generators slip into another language, above all multilingual ones under long or foreign
    prompts, and a few rows teach a model to do the same. A language that is missing from a multilingual set
    is as bad.

    Example: In an English set made by a Chinese-English model, 1.5 % of answers begin in English and go on
    in Chinese.

    Remedy: drop the rows, or generate them again with the language named in the prompt. Where the language
    is wanted, name it: `--set language-mix.expected=en,de`.

    Limits: short texts, names, tables and code cannot be told: they count as `unknown`, never as
    unexpected. Close languages (Danish and Norwegian, Serbian and Croatian, Spanish and Galician) are
    confused with one another. By default a deterministic sample of 20,000 rows is read (`sample=0` for
    every row); the notes say so.

    Reference: py3langid, after M. Lui and T. Baldwin 2012, "langid.py: An Off-the-shelf Language
    Identification Tool", ACL.
    """

    expected: tuple[str, ...] = ()
    """Codes of the languages that rows may be in, ISO 639-1; none: the language of the majority."""

    least_confidence: float = 0.8
    """A row counts as unexpected only where the identifier is this sure."""

    sample: int = 20_000
    """Rows of the sample whose language is identified; 0 for every row."""

    spec: ClassVar[Spec] = Spec(
        name="language-mix",
        title="Languages of the rows",
        measures=(
            Measure(
                "unexpected",
                "share",
                "sampled rows in a language that is not expected",
                "drop these rows or generate them again with the language named in the prompt; "
                "where the language is wanted, add it to language-mix.expected",
            ),
            Measure("unknown", "share", "sampled rows whose language cannot be told: short, code, tables"),
            Measure("share", "share", "identified rows in the commonest language; sliced by language"),
            Measure("languages", "languages", "languages of at least 1 % of the identified rows"),
        ),
        reads=("text",),
        annotations=("language",),
        fires=(
            Case(
                (
                    {"text": "The committee will meet again on Thursday to discuss the new budget for the school."},
                    {"text": "She walked slowly along the river and thought about what her brother had told her."},
                    {"text": "Der Ausschuss trifft sich am Donnerstag wieder, um den neuen Haushalt zu besprechen."},
                ),
                "language_mix.unexpected",
            ),
        ),
        quiet=(
            Case(
                (
                    {"text": "The committee will meet again on Thursday to discuss the new budget for the school."},
                    {"text": "def total(values):\n    return sum(values)"},
                    {"text": "OK"},
                ),
                "language_mix.unexpected",
            ),
        ),
    )

    def empty(self) -> Languages:
        return Languages()

    def update(self, state: Languages, rows: Rows) -> Languages:
        state.rows += len(rows)
        codes = self._codes(rows)
        known = pc.is_valid(codes).to_numpy(zero_copy_only=False)
        for code, count in _counted(codes.drop_null()):
            state.counts[code] = state.counts.get(code, 0) + count
        for by, groups in rows.groups.items():
            pairs = zip(groups.codes[known].tolist(), codes.drop_null().to_pylist(), strict=True)
            for group, code in pairs:
                key = orjson.dumps([by, groups.labels[group], code]).decode()
                state.sliced[key] = state.sliced.get(key, 0) + 1
        return state

    def merge(self, left: Languages, right: Languages) -> Languages:
        left.rows += right.rows
        for mine, theirs in ((left.counts, right.counts), (left.sliced, right.sliced)):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        return left

    def measure(self, state: Languages, references: Mapping[str, Languages], context: Context) -> Measurement:
        name = self.spec.metric
        sampled = sum(state.counts.values())
        identified = sorted(((c, n) for c, n in state.counts.items() if c != UNKNOWN), key=lambda p: (-p[1], p[0]))
        total = sum(n for _, n in identified)
        expected, why = self._expected(identified, total)
        slices = [Slice("language", code, rate(name("share"), count, total)) for code, count in identified]
        if expected:
            hits = sum(count for code, count in identified if code not in expected)
            unexpected = rate(name("unexpected"), hits, sampled)
            slices.extend(self._slices(state, expected))
        else:
            unexpected = Metric(name("unexpected"), None, "share", sampled, why=why)
        many = sum(count >= PRESENT * total for _, count in identified)
        nothing = "" if total else "no row's language could be told"
        metrics = (
            unexpected,
            rate(name("unknown"), state.counts.get(UNKNOWN, 0), sampled),
            rate(name("share"), identified[0][1] if identified else 0, total),
            Metric(name("languages"), many if total else None, "languages", total, why=nothing),
        )
        table = pa.table({"expected": pa.array(sorted(expected), pa.string())})
        return Measurement(
            metrics, tuple(slices), notes=self._notes(state, sampled, expected), tables={"expected": table}
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        expected = set(measurement.tables["expected"].column("expected").to_pylist())
        if not expected:
            return
        fine = pa.array(sorted(expected | {UNKNOWN}), pa.string())
        for opened in rows:
            codes = self._codes(opened)
            foreign = pc.and_kleene(pc.is_valid(codes), pc.invert(pc.is_in(codes, value_set=fine)))
            hits = np.flatnonzero(foreign.to_numpy(zero_copy_only=False))
            if len(hits):
                shown = opened.batch.select(["language", "language_confidence", "text"]).take(pa.array(hits))
                confidence = shown.column("language_confidence").to_numpy(zero_copy_only=False).astype(np.float64)
                evidence = [
                    f"{code} ({sure:.0%} sure): {text}"
                    for code, sure, text in zip(
                        shown.column("language").to_pylist(), confidence, shown.column("text").to_pylist(), strict=True
                    )
                ]
                position = opened.numpy("row")[hits]
                yield findings(position, self.spec.metric("unexpected"), evidence, score=confidence)

    def _codes(self, rows: Rows) -> pa.Array:
        """The language of each sampled row, "und" where the identifier is not sure enough to accuse."""
        codes = rows.column("language")
        sure = pc.greater_equal(rows.column("language_confidence"), pa.scalar(self.least_confidence, pa.float32()))
        wanted = pc.is_in(codes, value_set=pa.array(self.expected, pa.string()))
        return pc.if_else(pc.is_null(codes), None, pc.if_else(pc.or_kleene(sure, wanted), codes, UNKNOWN))

    def _expected(self, identified: list[tuple[str, int]], total: int) -> tuple[frozenset[str], str]:
        if self.expected:
            return frozenset(self.expected), ""
        if not identified:
            return frozenset(), "no row's language could be told"
        code, count = identified[0]
        if 2 * count < total:
            return frozenset(), "no language has half of the rows: name those you want with language-mix.expected"
        return frozenset((code,)), ""

    def _slices(self, state: Languages, expected: frozenset[str]) -> Iterator[Slice]:
        hits: dict[tuple[str, str], int] = {}
        total: dict[tuple[str, str], int] = {}
        for key, count in state.sliced.items():
            by, group, code = orjson.loads(key)
            total[by, group] = total.get((by, group), 0) + count
            hits[by, group] = hits.get((by, group), 0) + (count if code not in expected and code != UNKNOWN else 0)
        for by, group in sorted(total):
            yield Slice(by, group, rate(self.spec.metric("unexpected"), hits[by, group], total[by, group]))

    def _notes(self, state: Languages, sampled: int, expected: frozenset[str]) -> tuple[str, ...]:
        read = "every row" if sampled == state.rows else f"a deterministic sample of {sampled:,} of {state.rows:,} rows"
        wanted = f"expected: {', '.join(sorted(expected))}" if expected else "nothing is expected"
        source = "as set" if self.expected else "the language of the majority"
        return (f"languages identified in {read}", wanted + (f" ({source})" if expected else ""))


def _counted(codes: pa.Array) -> Iterator[tuple[str, int]]:
    counts = pc.value_counts(codes)
    return zip(counts.field("values").to_pylist(), counts.field("counts").to_pylist(), strict=True)
