"""A table of verdicts in our own columns -> `Verdicts`: codes for names, one A for both orders, words and marks.

Every format becomes this table first. Names are coded in the order of the alphabet, and makers by one list for A and
B, so that what is computed from codes does not depend on the order of the file. No Python object per verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.judging import coding, labels, sealing, variants, wordings
from auditor.kernels import surface
from auditor.model.rows import Quarantine, strings
from auditor.model.verdicts import INVALID, TIE, UNKNOWN, A, B, Coded, Codes, Verdicts

SCHEMA = pa.schema(
    [
        ("item", pa.large_string()),  # where it is null: a hash of the question and outputs
        ("a", pa.large_string()),
        ("b", pa.large_string()),
        ("first", pa.large_string()),  # which of a and b stood first, in the words of `labels`
        ("verdict", pa.large_string()),  # in the words of `labels`, in terms of a and b, or a maker's name
        ("judge", pa.large_string()),
        ("judge_model", pa.large_string()),  # what it runs on, where it has a name of its own
        ("prompt", pa.large_string()),
        ("repeat", pa.int32()),  # where it is null: the how-manieth time the same was asked
        ("strength", pa.float32()),
        ("score_a", pa.float32()),
        ("score_b", pa.float32()),
        ("question", pa.large_string()),
        ("output_a", pa.large_string()),
        ("output_b", pa.large_string()),
        ("raw", pa.large_string()),
        ("human", pa.bool_()),
        ("tokens_in", pa.int32()),
        ("tokens_out", pa.int32()),
        ("cost", pa.float64()),  # by the judge's prices
        ("file", pa.int32()),
        ("line", pa.int64()),
    ]
)
"""Our own format; any column may be missing. Name columns may be dictionaries."""

MARKS = r"(?m)^[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]|^[ \t]{0,3}#{1,6}[ \t]|\*\*[^*\n]+\*\*"
"""Lines that begin as list items or headings, and bold runs (CommonMark 0.31, 5.2, 4.2 and 6.2, simplified)."""

ROLES = ("question", "output_a", "output_b")
"""Texts that are what was asked."""

BY_MAKERS = "self-preference and intransitive-verdicts"
"""Checks that compare makers."""

UNNAMED = "(unnamed)"
EXAMPLES = 5

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


Columns = dict[str, pa.ChunkedArray]
"""Columns of SCHEMA by name, all of one length; those of names also as dictionaries."""


def build(
    columns: Columns,
    *,
    name: str,
    format: str,  # noqa: A002  the word of `Verdicts`
    files: Sequence[str],
    shapes: Mapping[str, int],
    fields: Mapping[str, str] | None = None,
    quarantine: Quarantine | None = None,
    notes: Sequence[str] = (),
) -> Verdicts:
    """Verdicts of `columns`, which is emptied on the way, so that every column is held once. What is lacking is
    unknown; a row without a verdict has that of its two scores, or else none."""
    n = len(next(iter(columns.values())))
    told = list(notes)
    texts = {role: coding.text(columns.pop(role, None)) for role in ("question", "output_a", "output_b", "raw")}
    (a, b), makers = coding.coded_together([columns.pop("a", None), columns.pop("b", None)], n)
    first = _orders(columns.pop("first", None), n, told)
    strength, score_a, score_b = (
        coding.numbers(columns.pop(column, None), column, n, told) for column in ("strength", "score_a", "score_b")
    )
    file = coding.integers(columns.pop("file", None), np.int32, lambda: np.zeros(n, np.int32))
    verdict, silent = _verdicts(columns.pop("verdict", None), file, first, a, b, makers, told)
    single = silent & np.isfinite(score_a) & ~np.isfinite(score_b) & (b == UNKNOWN) & (first == UNKNOWN)
    if silent.any():
        by_score = silent & np.isfinite(score_a) & np.isfinite(score_b)
        verdict[by_score] = _compared(score_a[by_score], score_b[by_score])
        if scored := int(by_score.sum()):
            told.append(f"{scored:,} rows have two scores and no verdict: the higher score wins")
        if graded := int(single.sum()):
            told.append(f"{graded:,} rows have the score of one output and no verdict: scores by themselves, none wins")

    told.extend(_alike(verdict, first))
    swap = np.flatnonzero((a > b) & (b != UNKNOWN))
    for one, other in ((a, b), (score_a, score_b)):
        one[swap], other[swap] = other[swap], one[swap]
    strength[swap] = -strength[swap]
    for codes in (first, verdict):
        codes[swap] = _turned(codes[swap])
    texts["output_a"], texts["output_b"] = _exchanged(texts["output_a"], texts["output_b"], swap, n)

    hashed = {role: sealing.hashed(text) for role, text in texts.items() if text is not None}
    item = _items(columns.pop("item", None), n, hashed, a, told)
    judge = _judges(columns.pop("judge", None), n, told)
    humans = _people(columns.pop("human", None), judge, told)
    models = _models(columns.pop("judge_model", None), judge)
    prompt = coding.coded(columns.pop("prompt", None), n)
    question = variants.told_apart(item.codes, a, b, [hashed[role] for role in ROLES if role in hashed], told)
    asked = item.codes if question is None else question
    repeat = _repeats(columns.pop("repeat", None), (asked, a, b, judge.codes, prompt.codes, first), told)
    if lacking := int((((a == UNKNOWN) | (b == UNKNOWN)) & ~single).sum()):
        told.append(f"{lacking:,} verdicts do not say who made the outputs (a, b): {BY_MAKERS} leave them out")
    if selfish := int(((a == b) & (a != UNKNOWN)).sum()):
        told.append(f"{selfish:,} verdicts compare a maker with itself: kept, A is the output that is named first")
    tokens_in, tokens_out = (coding.counts(columns.pop(column, None)) for column in ("tokens_in", "tokens_out"))
    cost = coding.costs(columns.pop("cost", None))
    unmeasured = np.full(n if texts["output_a"] is None or texts["output_b"] is None else 0, UNKNOWN, np.int32)
    words_a, marks_a = _measured(texts["output_a"], unmeasured)
    words_b, marks_b = _measured(texts["output_b"], unmeasured)
    made = Verdicts(
        name,
        "",
        format,
        tuple(files),
        item,
        Coded(makers, a),
        Coded(makers, b),
        judge,
        humans,
        prompt,
        first,
        verdict,
        repeat,
        strength,
        score_a,
        score_b,
        words_a,
        words_b,
        marks_a,
        marks_b,
        coding.integers(columns.pop("line", None), np.int64, lambda: np.arange(1, n + 1, dtype=np.int64)),
        file,
        _evidence(texts),
        dict(shapes),
        dict(fields or {}),
        quarantine or Quarantine(),
        tuple(told),
        tokens_in,
        tokens_out,
        cost,
        models,
        question,
    )
    pa.default_memory_pool().release_unused()
    return replace(made, digest=sealing.digest(made, list(hashed.values())))


def _words(
    column: pa.ChunkedArray, read: Any, otherwise: int
) -> tuple[npt.NDArray[np.int8], dict[str, tuple[int, int]], npt.NDArray[np.int32], list[str]]:
    """Codes of words; those that no table has: word -> (place, rows); the place of each row's word; the words."""
    values, places = coding.dictionary(column)
    words = [str(word) for word in values.to_pylist()]
    codes = [read(word) for word in words]
    counts = np.bincount(places[places >= 0], minlength=len(words))
    strange = {
        word: (place, int(counts[place]))
        for place, (word, code) in enumerate(zip(words, codes, strict=True))
        if code is None and counts[place]
    }
    table = np.array([*(otherwise if code is None else code for code in codes), otherwise], np.int8)
    return table[places], strange, places, words


def _orders(column: pa.ChunkedArray | None, n: int, told: list[str]) -> npt.NDArray[np.int8]:
    if column is None:
        return np.full(n, UNKNOWN, np.int8)
    codes, strange, _, _ = _words(column, labels.order, UNKNOWN)
    _tell(strange, "an order of showing is in words that are in no table, and taken as unknown", told)
    return codes


def _verdicts(
    column: pa.ChunkedArray | None,
    file: npt.NDArray[np.int32],
    first: npt.NDArray[np.int8],
    a: npt.NDArray[np.int32],
    b: npt.NDArray[np.int32],
    makers: tuple[str, ...],
    told: list[str],
) -> tuple[npt.NDArray[np.int8], Bools]:
    """Verdicts in terms of columns a and b, and where none is written. A maker's own name is a verdict for it, whatever
    else it may mean."""
    if column is None:
        return np.full(len(first), INVALID, np.int8), np.ones(len(first), np.bool_)
    codes, strange, places, words = _words(column, labels.verdict, INVALID)
    makers_of = {name: place for place, name in enumerate(makers)}
    for place, word in enumerate(words):
        maker = makers_of.get(word)
        if maker is not None:
            mine = places == place
            codes[mine & (a == maker)], codes[mine & (b == maker) & (a != maker)] = A, B
            strange.pop(word, None)
    _tell(strange, "a verdict is in words that are in no table, and counted as invalid", told)
    told.extend(wordings.left_open(words, places, file, set(makers)))
    placed = np.flatnonzero(codes >= labels.STOOD_FIRST)
    if len(placed):
        shown = np.where(first[placed] == B, B, A)  # an order that nobody told is that of the columns
        codes[placed] = np.where(codes[placed] == labels.STOOD_FIRST, shown, 1 - shown)
    empty = np.array([*(labels.plain(word) in labels.SILENT for word in words), True], np.bool_)
    return codes, empty[places] & (codes == INVALID)


def _alike(verdict: npt.NDArray[np.int8], first: npt.NDArray[np.int8]) -> Iterator[str]:
    """What verdicts that are all alike leave open."""
    valid = verdict[verdict != INVALID]
    if len(valid) > 1 and (valid == TIE).all():
        yield f"all {len(valid):,} valid verdicts are ties: who wins, and by what bias, cannot be told"
    if len(first) > 1 and first[0] != UNKNOWN and (first == first[0]).all():
        shown = "A" if first[0] == A else "B"
        yield f"one order only, {shown} first: what the order decides cannot be told; judge the outputs exchanged, too"


def _compared(score_a: Floats, score_b: Floats) -> npt.NDArray[np.int8]:
    """Who has the higher score."""
    return np.select([score_a > score_b, score_a < score_b], [A, B], TIE).astype(np.int8)


def _tell(strange: Mapping[str, tuple[int, int]], what: str, told: list[str]) -> None:
    if strange:
        often = sorted(strange.items(), key=lambda one: (-one[1][1], one[0]))
        shown = ", ".join(f"{_cut(word)} ({rows:,})" for word, (_, rows) in often[:EXAMPLES])
        more = f" and {len(often) - EXAMPLES:,} more" if len(often) > EXAMPLES else ""
        told.append(f"{sum(rows for _, rows in strange.values()):,} times {what}: {shown}{more}")


def _cut(word: str) -> str:
    return ascii(word if len(word) <= 40 else word[:39] + "…") if not word.isprintable() else repr(word[:40])


def _turned(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
    """A for B and B for A."""
    return np.where((codes == A) | (codes == B), 1 - codes, codes).astype(np.int8)


def _exchanged(
    a: pa.Array | None, b: pa.Array | None, swap: npt.NDArray[np.intp], n: int
) -> tuple[pa.Array | None, pa.Array | None]:
    """The outputs, with those in the rows `swap` in each other's place."""
    if not len(swap) or (a is None and b is None):
        return a, b
    mask = np.zeros(n, np.bool_)
    mask[swap] = True
    null = pa.nulls(n, pa.large_string())
    left, right = (null if text is None else text for text in (a, b))
    return pc.if_else(pa.array(mask), right, left), pc.if_else(pa.array(mask), left, right)


def _items(
    column: pa.ChunkedArray | None,
    n: int,
    hashed: Mapping[str, npt.NDArray[np.uint64]],
    a: npt.NDArray[np.int32],
    told: list[str],
) -> Coded:
    """The items' names; one without a name is called by its question, and by its outputs where nobody made them."""
    named = coding.coded(column, n)
    lacking = named.codes == UNKNOWN
    if not lacking.any():
        return named
    key = np.zeros(n, np.uint64)
    for role in ROLES:
        if role in hashed:
            sealing.mix(key, hashed[role] if role == "question" else np.where(a == UNKNOWN, hashed[role], np.uint64(0)))
    distinct, places = np.unique(key[lacking], return_inverse=True)
    made = [f"{value:016x}" if value else UNNAMED for value in distinct.tolist()]
    told.append(f"{int(lacking.sum()):,} verdicts name no item: called by a hash of their question and outputs")
    return coding.renamed(named, lacking, made, places)


def _judges(column: pa.ChunkedArray | None, n: int, told: list[str]) -> Coded:
    judge = coding.coded(column, n)
    nameless = judge.codes == UNKNOWN
    if not nameless.any():
        return judge
    told.append(f"{int(nameless.sum()):,} verdicts name no judge: their judge is called {UNNAMED}")
    return coding.renamed(judge, nameless, [UNNAMED], np.zeros(int(nameless.sum()), np.int32))


def _models(column: pa.ChunkedArray | None, judge: Coded) -> dict[str, str]:
    """The model of every judge of whom one is told; of several, the first by the alphabet."""
    if column is None or column.null_count == len(column):
        return {}
    model = coding.coded(column, len(judge))
    told = (model.codes != UNKNOWN) & (judge.codes != UNKNOWN)
    cells = np.unique(judge.codes[told].astype(np.int64) * len(model.names) + model.codes[told])[::-1].tolist()
    return {judge.names[cell // len(model.names)]: model.names[cell % len(model.names)] for cell in cells}


def _people(column: pa.ChunkedArray | None, judge: Coded, told: list[str]) -> Bools:
    """Those of the judges (bool) of whom any verdict says that it is a person's."""
    people = np.zeros(len(judge.names), np.bool_)
    if column is None or column.null_count == len(column):
        return people
    if not pa.types.is_boolean(column.type):
        values, places = coding.dictionary(column)
        known = np.array([*(bool(labels.truth(str(value))) for value in values.to_pylist()), False], np.bool_)
        human = known[places]
    else:
        human = np.array(pc.fill_null(column, False), np.bool_)
    people[np.unique(judge.codes[human])] = True
    mixed = int(people[judge.codes[~human]].sum())
    if mixed:
        told.append(f"{mixed:,} verdicts are of a judge who is a person elsewhere: counted as a person's")
    return people


def _repeats(
    column: pa.ChunkedArray | None, parts: Sequence[npt.NDArray[Any]], told: list[str]
) -> npt.NDArray[np.int32]:
    """The how-manieth time the same was asked, in the order of the file, where the file does not say."""
    if column is not None and not column.null_count:
        return np.array(column.to_numpy(), np.int32)
    n = len(parts[0])
    key = coding.packed(parts)
    order = np.argsort(key, kind="stable").astype(np.int32)
    key = key[order]
    fresh = np.ones(n, np.bool_)
    np.not_equal(key[1:], key[:-1], out=fresh[1:])
    del key
    place = np.arange(n, dtype=np.int32)
    begun = np.maximum.accumulate(np.where(fresh, place, np.int32(0)))
    repeat = np.empty(n, np.int32)
    repeat[order] = place - begun
    if column is not None and column.null_count < n:
        known = np.asarray(column.is_valid())
        return np.where(known, pc.fill_null(column, 0).to_numpy(), repeat).astype(np.int32)
    if again := int((repeat > 0).sum()):
        told.append(f"{again:,} verdicts answer what was asked before (item, makers, order, judge, prompt): repeats")
    return repeat


def _measured(text: pa.Array | None, unmeasured: Codes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Words (`str.split()`) and marks of every output, UNKNOWN where there is no text: `unmeasured` where none has."""
    if text is None:
        return unmeasured, unmeasured
    absent = ~np.asarray(text.is_valid())
    words = surface.lengths(strings(text))[1]
    marks = pc.fill_null(pc.count_substring_regex(text, pattern=MARKS), 0).to_numpy()
    return (np.where(absent, UNKNOWN, words).astype(np.int32), np.where(absent, UNKNOWN, marks).astype(np.int32))


def _evidence(texts: Mapping[str, pa.Array | None]) -> pa.Table | None:
    roles = {"prompt": "question", "response": "output_a", "rejected": "output_b", "text": "raw"}
    columns = {column: texts[role] for column, role in roles.items() if texts[role] is not None}
    return pa.table(columns) if columns else None
