"""A classifier of synthetic against real rows that people can read, keep as a file, and run over other data.

Two linear models add up: one of the text's embedding, one of its wording: which words and pairs of words stand in
it (by hash), and in which tenth of all texts its length, its punctuation and the like lie.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from auditor.core.check import Engine
from auditor.core.content.scopes import SCOPES
from auditor.kernels import marks
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import ALONE, TABLE, WORD, classes, normal, spans
from auditor.model.errors import InputError
from auditor.model.rows import Dataset, Rows, Strings, arrow, strings
from auditor.model.vectors import Floats, Vectors
from auditor.statistics.blas import single
from auditor.statistics.classify import Linear, probability

VERSION = 1

LARGEST = 1 << 26
"""Bytes of a detector's file that are read: a full one has 1.5 MB."""

VOCABULARY = 20_000
"""Words and pairs of words at most, the most frequent."""

RARE = 3
"""Rows that a word must stand in to be looked at."""

FALSE_ALARMS = 0.01
"""Share of the real rows of its own audit that are beyond a detector's threshold."""

MOST = 1_000
"""Rows of highest score that are findings, at most."""

BLOCK = 8_192
"""Rows that are scored at a time, whatever the shards: a sum must not depend on them."""

BINS = 10
"""Of each number: tenths of the rows of both sides together."""

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Mask = npt.NDArray[np.bool_]

NUMBERS = ("bytes", "words", "line ends", "bytes a word", "words a line", "distinct words a word",
           *(f"{name} in 1,000 bytes" for name in marks.NAMES[3:]))  # fmt: skip
"""What is measured of each text beside its words."""


@dataclass(frozen=True, slots=True)
class Wordings:
    """What a set of texts says: row i has the words values[offsets[i]:offsets[i + 1]] and numbers[i].

    offsets: int64 [n + 1]. values: uint64, hashes of the distinct words and pairs of words. numbers: float64
    [n, len(NUMBERS)]."""

    offsets: Longs
    values: Hashes
    numbers: Doubles


def read(texts: Strings, rows: Longs | None = None) -> Wordings:
    """The wordings of texts, or of those at `rows`."""
    folded = spans(texts.offsets, texts.data, fold=True, rows=rows)
    one, two = shingle_sets(folded, 1), shingle_sets(folded, 2)
    sizes = np.diff(one.offsets) + np.diff(two.offsets)
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    values = np.empty(offsets[-1], np.uint64)
    for part, skip in ((one, np.zeros(len(sizes), np.int64)), (two, np.diff(one.offsets))):
        count = np.diff(part.offsets)
        values[np.arange(len(part.values)) + np.repeat(offsets[:-1] + skip - part.offsets[:-1], count)] = part.values
    counted = marks.counts(spans(texts.offsets, texts.data, fold=False, rows=rows)).astype(np.float64)
    size, words, ends = counted[:, 0], counted[:, 1], counted[:, 2]
    least = np.maximum(words, 1)
    about = (size, words, ends, size / least, words / (ends + 1), np.diff(one.offsets) / least)
    numbers = np.column_stack((*about, counted[:, 3:] * 1000 / np.maximum(size, 1)[:, None]))
    return Wordings(offsets, values, numbers)


def words_in(text: str) -> list[str]:
    """The words of one text as `read` takes them, normalised, in order."""
    table, folded = classes(), normal(text)
    bits = [int(table[ord(one)]) if ord(one) < TABLE else WORD | ALONE for one in folded]
    words: list[str] = []
    before = 0
    for one, kind in zip(folded, bits, strict=True):
        if kind & WORD and before & WORD and not (kind | before) & ALONE:
            words[-1] += one
        elif kind & WORD:
            words.append(one)
        before = kind
    return words


def together(parts: list[Wordings]) -> Wordings:
    """Wordings one after another."""
    starts = np.cumsum([0, *(part.offsets[-1] for part in parts)])
    offsets = [part.offsets[:-1] + start for part, start in zip(parts, starts, strict=False)]
    return Wordings(
        np.concatenate([*offsets, starts[-1:]]).astype(np.int64),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.numbers for part in parts]),
    )


def read_all(texts: Sequence[pa.ChunkedArray], engine: Engine) -> Wordings:
    """The wordings of several columns, one after another."""
    cuts = [text.slice(start, BLOCK) for text in texts for start in range(0, len(text), BLOCK)]
    return together(engine.map(lambda text: read(strings(text)), cuts))


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The features that a wording is looked at by. words: uint64 ascending. edges: of the bins of each number."""

    words: Hashes
    edges: tuple[Doubles, ...]

    @classmethod
    def of(cls, wordings: Wordings) -> Vocabulary:
        """The commonest words and the quantiles of these texts, whoever wrote them."""
        found, rows = np.unique(wordings.values, return_counts=True)
        frequent = np.flatnonzero(rows >= RARE)
        frequent = frequent[np.lexsort((found[frequent], -rows[frequent]))[:VOCABULARY]]
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = tuple(np.unique(np.quantile(column, inner, method="lower")) for column in wordings.numbers.T)
        return cls(np.sort(found[frequent]), edges)

    def __len__(self) -> int:
        return len(self.words) + sum(len(edges) + 1 for edges in self.edges)

    def rows(self, wordings: Wordings) -> tuple[Longs, Longs]:
        """(offsets int64 [n + 1], columns int64): which features each text has."""
        n = len(wordings.offsets) - 1
        place = np.searchsorted(self.words, wordings.values)
        place[place == len(self.words)] = 0
        known = self.words[place] == wordings.values if len(self.words) else np.zeros(len(place), np.bool_)
        owner = np.repeat(np.arange(n), np.diff(wordings.offsets))[known]
        counts = np.bincount(owner, minlength=n)
        starts = len(self.words) + np.cumsum([0, *(len(edges) + 1 for edges in self.edges[:-1])])
        bins = np.column_stack(
            [
                start + np.searchsorted(edges, column, side="left")
                for start, edges, column in zip(starts, self.edges, wordings.numbers.T, strict=True)
            ]
        )
        offsets = np.concatenate(([0], np.cumsum(counts + bins.shape[1])))
        columns = np.empty(offsets[-1], np.int64)
        before = np.cumsum(counts) - counts
        columns[np.arange(len(owner)) - before[owner] + offsets[owner]] = place[known]
        columns[(offsets[1:] - bins.shape[1])[:, None] + np.arange(bins.shape[1])] = bins
        return offsets, columns

    def bin(self, column: int) -> str:
        """What a column beyond the words says: `, in 1,000 bytes: 12 to 15`."""
        at = column - len(self.words)
        for name, edges in zip(NUMBERS, self.edges, strict=True):
            if at <= len(edges):
                low = f"{edges[at - 1]:.3g}" if at else ""
                high = f"{edges[at]:.3g}" if at < len(edges) else ""
                said = f"{low} to {high}" if low and high else f"above {low}" if low else f"up to {high}"
                return f"{name}: {'none' if said == 'up to 0' else said if low or high else 'any'}"
            at -= len(edges) + 1
        raise IndexError(column)


@dataclass(frozen=True)
class Detector:
    """scope: the column it reads. embedder: name and revision that its vectors came from. real, synthetic: digests
    of the sides it was fitted to. scale: by which vectors are multiplied after `centre` is taken off.
    thresholds: part ("both", "features") -> (log-odds, share of synthetic rows above it) at a false-alarm rate of 1 %,
    both on rows it was not fitted to. said: the features that tell most, for people."""

    scope: str
    embedder: str
    real: str
    synthetic: str
    rows: int
    vocabulary: Vocabulary
    wording: Linear
    meaning: Linear
    centre: Doubles
    thresholds: Mapping[str, tuple[float, float]]
    said: tuple[str, ...] = field(default=())

    def features(self, wordings: Wordings) -> Doubles:
        """float64 [n]: log-odds of being synthetic, by wording."""
        return score(self.vocabulary.rows(wordings), self.wording)

    def embeddings(self, vectors: Floats) -> Doubles:
        """float64 [n]: log-odds by embedding; 0 for a text without one."""
        found: Doubles = (vectors.astype(np.float64) - self.centre) @ self.meaning.weights + self.meaning.intercept
        return np.where(np.einsum("ij,ij->i", vectors, vectors) > 0, found, 0.0)

    def to_json(self) -> bytes:
        about = {
            "detector": VERSION,
            "scope": self.scope,
            "embedder": self.embedder,
            "real": self.real,
            "synthetic": self.synthetic,
            "rows": self.rows,
            "thresholds": {part: list(pair) for part, pair in sorted(self.thresholds.items())},
            "said": list(self.said),
            "meaning": [*self.meaning.weights.tolist(), self.meaning.intercept],
            "centre": self.centre.tolist(),
            "edges": [edges.tolist() for edges in self.vocabulary.edges],
            "words": [f"{word:016x}" for word in self.vocabulary.words.tolist()],
            "wording": [*self.wording.weights.tolist(), self.wording.intercept],
        }
        return orjson.dumps(about, option=orjson.OPT_APPEND_NEWLINE)

    @classmethod
    def from_json(cls, content: bytes, file: str) -> Detector:
        """Raises InputError where the content is no whole detector of this version."""
        try:
            about = orjson.loads(content)
            if about["detector"] != VERSION:
                raise ValueError(f"version {about['detector']!r}")
            words = np.array([int(word, 16) for word in about["words"]], np.uint64)
            vocabulary = Vocabulary(words, tuple(np.array(edges, np.float64) for edges in about["edges"]))
            wording, meaning = (np.array(about[name], np.float64) for name in ("wording", "meaning"))
            centre = np.array(about["centre"], np.float64)
            thresholds = {str(part): (float(at), float(found)) for part, (at, found) in about["thresholds"].items()}
            numbers = (wording, meaning, centre, *vocabulary.edges, np.array(list(thresholds.values())))
            if (
                about["scope"] not in SCOPES
                or len(vocabulary.edges) != len(NUMBERS)
                or any(edges.ndim != 1 or (np.diff(edges) <= 0).any() for edges in vocabulary.edges)
                or not wording.ndim == meaning.ndim == centre.ndim == 1
                or len(wording) != len(vocabulary) + 1
                or len(meaning) != len(centre) + 1
                or not set(thresholds) >= {"both", "features"}
                or not (np.diff(words.astype(np.float64)) >= 0).all()
                or not all(np.isfinite(values).all() for values in numbers)
                or not all(0 <= found <= 1 for _, found in thresholds.values())
                or int(about["rows"]) < 0
            ):
                raise ValueError("its parts do not fit together")
            return cls(
                str(about["scope"]),
                str(about["embedder"]),
                str(about["real"]),
                str(about["synthetic"]),
                int(about["rows"]),
                vocabulary,
                Linear(wording[:-1], float(wording[-1])),
                Linear(meaning[:-1], float(meaning[-1])),
                centre,
                thresholds,
                tuple(map(str, about["said"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise InputError(
                f"cannot be read as a detector: {error}",
                file=file,
                hint="audit generated data with --real: tells-of-synthesis keeps a detector",
            ) from error


def odds(rows: Dataset, vectors: Vectors | None, made: Detector, engine: Engine) -> Doubles:
    """float64 [rows]: log-odds of every row being synthetic; by wording alone where there are no vectors."""

    def wording(shard: Rows) -> Doubles:
        view, n = shard.strings(made.scope), len(shard)
        parts = [made.features(read(view, np.arange(at, min(at + BLOCK, n)))) for at in range(0, n, BLOCK)]
        return np.concatenate(parts) if parts else np.zeros(0)

    found: Doubles = np.concatenate([np.zeros(0), *engine.gather(rows, wording)])
    if vectors is None:
        return found

    def meaning(start: int) -> Doubles:
        return made.embeddings(vectors.take(np.arange(start, min(start + BLOCK, len(vectors)))))

    with single():
        found += np.concatenate([np.zeros(0), *engine.map(meaning, range(0, len(vectors), BLOCK))])
    return found


def threshold(odds: Doubles, synthetic: Mask) -> tuple[float, float]:
    """(log-odds that FALSE_ALARMS of the real rows exceed, share of the synthetic rows above it)."""
    at = float(np.quantile(odds[~synthetic], 1 - FALSE_ALARMS, method="higher"))
    return at, float(np.mean(odds[synthetic] > at))


def highest(odds: Doubles, many: int) -> pa.Table:
    """The rows of highest log-odds, at most `many`, in row order, with their probability as `score`; NaN has none."""
    order = np.lexsort((np.arange(len(odds)), -np.nan_to_num(odds, nan=-np.inf)))[:many]
    at = np.sort(order[np.isfinite(odds[order])])
    return pa.table({"row": arrow(at), "score": arrow(probability(odds[at]))})


def score(rows: tuple[Longs, Longs], model: Linear) -> Doubles:
    """float64 [n]: log-odds of texts by their features; each text's features together weigh 1 in length."""
    offsets, columns = rows
    sizes = np.diff(offsets)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    total = np.bincount(owner, model.weights[columns], len(sizes)) / np.sqrt(np.maximum(sizes, 1))
    found: Doubles = total + model.intercept
    return found
