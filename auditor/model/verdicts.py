"""Recorded verdicts of judges on pairs, as arrays: the one shape that rooms over verdicts see, whatever the file was.

A verdict is told in terms of the item's pair (A, B), however the two were shown: `first` says which stood first.
Where the two outputs have makers, A is the one whose name comes first in the alphabet, so that both orders of a
pair, and all judges of it, speak of the same A.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.model.rows import Dataset, Quarantine, Rows

A, B, TIE, INVALID = range(4)
"""Codes of `verdict`. `first` is A or B, or UNKNOWN."""

UNKNOWN = -1
WORDS = ("A", "B", "tie", "invalid")

Codes = npt.NDArray[np.int32]

_PLAIN = (
    "first", "verdict", "repeat", "strength", "score_a", "score_b", "words_a", "words_b", "marks_a", "marks_b", "line",
    "file", "tokens_in", "tokens_out", "cost", "question",
)  # fmt: skip
"""Columns of `Verdicts` that are plain arrays, or None."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A column of names. codes: int32 [n], places in `names`; UNKNOWN where there is none."""

    names: tuple[str, ...]
    codes: Codes

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class Verdicts:
    """n verdicts. The fields from `name` to `by` are those of a `Dataset`, for records and reports.

    item: what was judged (prompt, question), one name a pair of outputs to it. a, b: their makers. judge: who
    judged; humans: bool [judges], people (or a gold label). prompt: the judge's instructions, by name or hash.
    first, verdict: int8 [n]. repeat: int32 [n], 0 for the first time the same was asked. strength: float32 [n], how
    much A is preferred, -1 to 1, NaN where only the verdict is known. score_a, score_b: float32 [n], scores
    that a judge gave each output, NaN where none. words_a, words_b: int32 [n], length of the outputs in words
    (`str.split()`); UNKNOWN without their text. marks_a, marks_b: int32 [n], lines that begin as list items or
    headings, and bold runs; UNKNOWN likewise. line: int64 [n], line or record in its file, from 1. file: int32 [n].
    texts: columns prompt, response (A's output), rejected (B's), text (the judge's own words), a row a verdict, for
    evidence; None where the file has none of them. tokens_in, tokens_out: int32 [n], read and written by the judge,
    UNKNOWN where it is not told; cost: float64 [n], by its prices, NaN likewise; None where the file tells none.
    models: what each judge runs on, of those that have a name of their own. question: int32 [n], the item, but for
    items with several texts by the same makers: each of these has a number of its own; None where there are none.
    """

    name: str
    digest: str
    format: str
    files: tuple[str, ...]
    item: Coded
    a: Coded
    b: Coded
    judge: Coded
    humans: npt.NDArray[np.bool_]
    prompt: Coded
    first: npt.NDArray[np.int8]
    verdict: npt.NDArray[np.int8]
    repeat: Codes
    strength: npt.NDArray[np.float32]
    score_a: npt.NDArray[np.float32]
    score_b: npt.NDArray[np.float32]
    words_a: Codes
    words_b: Codes
    marks_a: Codes
    marks_b: Codes
    line: npt.NDArray[np.int64]
    file: Codes
    texts: pa.Table | None = None
    shapes: Mapping[str, int] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    quarantine: Quarantine = field(default_factory=Quarantine)
    notes: tuple[str, ...] = ()
    tokens_in: Codes | None = None
    tokens_out: Codes | None = None
    cost: npt.NDArray[np.float64] | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    question: Codes | None = None

    def __len__(self) -> int:
        return len(self.verdict)

    def __iter__(self) -> Iterator[Rows]:
        return iter(())

    @property
    def rows(self) -> int:
        return len(self.verdict)

    @property
    def shards(self) -> tuple[()]:
        """None: verdicts are held whole, 70 bytes each."""
        return ()

    @property
    def by(self) -> Mapping[str, tuple[str, ...]]:
        """Who judged, and by which instructions: every finding tells both."""
        return {"judge": self.judge.names, "judge_prompt": self.prompt.names}

    @property
    def columns(self) -> tuple[str, ...]:
        return ("row", "id", "file", "line", "judge", "judge_prompt", "prompt", "response", "rejected", "text")

    @property
    def by_machine(self) -> npt.NDArray[np.bool_]:
        """Whether (bool [n]) the verdict is a model's, not a person's or a gold label."""
        known = np.append(~self.humans, False)  # an unknown judge is nobody's
        found: npt.NDArray[np.bool_] = known[self.judge.codes]
        return found

    @property
    def graded(self) -> npt.NDArray[np.bool_]:
        """Whether (bool [n]) it is one output's score by itself: nothing it was held against could win."""
        found: npt.NDArray[np.bool_] = np.isfinite(self.score_a) & ~np.isfinite(self.score_b)
        found &= (self.b.codes == UNKNOWN) & (self.first == UNKNOWN) & (self.verdict == INVALID)
        return found

    def select(self, rows: npt.NDArray[np.int64]) -> Verdicts:
        """These verdicts alone, in the order given, with the names of all: codes stay what they are."""
        coded = {name: getattr(self, name) for name in ("item", "a", "b", "judge", "prompt")}
        columns: dict[str, Any] = {name: Coded(one.names, one.codes[rows]) for name, one in coded.items()}
        for name in _PLAIN:
            column = getattr(self, name)
            columns[name] = None if column is None else column[rows]
        columns["texts"] = None if self.texts is None else self.texts.take(pa.array(rows))
        return replace(self, **columns)

    def take(self, rows: Sequence[int] | npt.NDArray[np.int64], columns: Sequence[str]) -> pa.Table:
        """Columns of the given verdicts, in the order given: for evidence."""
        at = np.asarray(rows, np.int64)
        return pa.table({name: self._column(name, at) for name in columns})

    def _column(self, name: str, at: npt.NDArray[np.int64]) -> pa.Array | pa.ChunkedArray:
        coded = {"id": self.item, "judge": self.judge, "judge_prompt": self.prompt}
        if name in coded:
            return _named(coded[name], at)
        plain: dict[str, npt.NDArray[Any]] = {"row": at, "file": self.file, "line": self.line}
        if name in plain:
            return pa.array(at if name == "row" else plain[name][at])
        known: list[str | None] = [None] * len(at)
        if self.texts is not None and name in self.texts.column_names:
            known = self.texts.column(name).take(pa.array(at)).to_pylist()
        if name == "text":  # never null, as that of a row
            known = [
                f"{self.item.names[self.item.codes[i]]}: {WORDS[self.verdict[i]]}" if text is None else text
                for i, text in zip(at, known, strict=True)
            ]
        return pa.array(known, pa.large_string())


Audited = Dataset | Verdicts
"""What an audit is of."""


def _named(column: Coded, at: npt.NDArray[np.int64]) -> pa.Array:
    codes = column.codes[at]
    places = pa.array(codes, mask=codes < 0)
    return pa.array(column.names, pa.large_string()).take(places)
