"""What gives the data away: a classifier that tells it from real data, and what it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import NormalDist
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import detector as detectors
from auditor.core.content import kindred
from auditor.core.content.detector import Detector, Vocabulary, Wordings
from auditor.core.content.sides import Side, refuse, sides
from auditor.core.intervals import Z95
from auditor.core.rowwise import cut, findings, gather_groups
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.model.result import Exhibit, Measurement, Metric, Slice
from auditor.model.rows import Dataset, arrow, strings
from auditor.model.vectors import Floats
from auditor.statistics import classify
from auditor.statistics.blas import single
from auditor.statistics.classify import Auc, Linear

MINIMUM = 100
"""Different texts a side: 20 of each in a fold. Rows of one text share a fold, so that of few texts none has its like
in the rows that a fit sees: 300 copies of one row would pass for real (AUC .41; of 5 texts .84, of 20 .985)."""

FOLDS = 5
NEAR = 0.95
"""Cosine from which a row is taken for a copy of a real one."""

WORDING, MEANING = 1.0, 1000.0
"""Penalties: of features in texts of length 1 (1 to 100 give the same AUC within .02 on fastdetect), and of embeddings
of unit variance (weaker ones lose .02 to .05 there)."""

FALSE_ALARMS = 0.01
SURE = 0.01
"""Family-wise error of the features counted as tells (Bonferroni), and p below which rows are named."""

SHARE, LARGEST = 0.01, 1_000
"""Findings: the most telling rows, at most so many."""

SHOWN = 20
GROUP = 50
"""Features a side in the exhibit; rows of a group from which it has an AUC of its own."""

BLOCK = 8_192
READ = 4_000
"""Characters of a row that evidence is looked for in."""

_KINDS = ("heron", "lathe", "sonnet", "glacier", "ledger")
_CASE_REAL = tuple({"text": f"why does my {kind} {verb} at {n} oclock??"} for kind in _KINDS
                   for verb in ("break", "hum", "stop", "leak") for n in range(1, 8))  # fmt: skip
_CASE_MADE = tuple({"text": f"Certainly! Here is a comprehensive overview of the {kind} in {n} steps, with {what}."}
                   for kind in _KINDS for what in ("tips", "notes", "facts", "care") for n in range(1, 8))  # fmt: skip

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class _Side:
    """at: int64 [n], row numbers of a sample in random order. text: their texts. key: uint64 [n], hash of each.
    shared: uint64 [n, k], hashes of what a row may have in common with others, 0 for nothing."""

    at: Longs
    text: pa.ChunkedArray
    vectors: Floats
    key: Keys
    shared: Keys

    def keep(self, which: Any) -> _Side:
        at = np.arange(len(self.at))[which]
        text = self.text.take(pa.array(at))
        return _Side(self.at[at], text, self.vectors[at], self.key[at], self.shared[at])


@dataclass(frozen=True, slots=True)
class _Cut:
    """group: uint64 [n], equal for rows that share something. fold: int64 [n]; half: bool [n], the rows that p is
    tested on; a group is never cut."""

    group: Keys
    fold: Longs
    half: Mask

    @classmethod
    def of(cls, sides: tuple[_Side, _Side]) -> _Cut:
        shared = np.concatenate([side.shared for side in sides])
        group = kindred.groups(np.concatenate([side.key for side in sides]), shared)
        return cls(group, (group % np.uint64(FOLDS)).astype(np.int64), group >> np.uint64(63) == 0)

    def over_folds(self, odds: Doubles, synthetic: Mask, chosen: Any = slice(None)) -> Auc | None:
        return classify.over_folds(odds[chosen], synthetic[chosen], self.fold[chosen], self.group[chosen])


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A classifier of both sides, ours first. odds: float64 [2 n] by the fits of the folds, which did not see the row.
    tested: float64, by one fit to half of the rows, of the other half."""

    model: Linear
    odds: Doubles
    tested: Doubles


@check
@dataclass(frozen=True)
class TellsOfSynthesis:
    """Data that a classifier can tell from real data.

    What: a classifier two-sample test on equal samples (10,000 rows a side, parameter `sample`), five folds,
    logistic regression with a fixed penalty, twice: on embeddings (`auc_embeddings`), and on features that people can
    read (`auc_features`): the words and pairs of words that stand in a row, and in which tenth of all rows its length
    and its use of each mark lie. `auc` is that of both log-odds added up, always on rows that the fit has not seen:
    0.5 where nothing tells the sides apart, 1 where every row gives itself away. `p` tests for that on one half of the
    rows with a fit to the other half, as folds share rows and so chance. `tells`
    counts the features that are significantly commoner on one side. Each row's probability of being synthetic is the
    column `score` of the features.

    Rows that share something are never cut apart by a fold: a fit that has seen the human answer to a question takes
    the machine's for human, since both speak of the same things. They are rows of one text, one prompt or one source
    (which may be the text or the prompt of a real row), and texts that begin with the same 12 words, where at most 50
    rows share it and no group grows beyond a twentieth of all. Intervals and `p` take such groups for what is drawn.

    Why it matters: what a classifier goes by, a model learns: the same openings, the same politeness, the same three
    bullet points. An AUC near 1 by a few words is cheap to mend; one by a hundred features is a style.

    Example: human articles and their continuations by five models (Fast-DetectGPT's ten files; docs/embedders.md has
    the ten figures): every file is told apart, with AUC .93 to .996, by features alone .94 to .998, and one of them
    does most of it: only the machine breaks lines.

    Remedy: read the telling words: strip scaffolding that the pipeline adds, vary prompts and generators, ask for the
    style of the real rows; drop the rows of highest score where the rest is good.

    Limits: it tells the two files apart for whatever reason: other topics or formats tell as well as synthesis does,
    so choose real data for the same task, and read the words before the number. Rows whose text is on the other side
    too, or nearly so (cosine .95 with one of its sampled rows), are left out of both first, so that copies do not
    flatter. Equal texts never stand in two folds, so that it takes 100 distinct ones a side. Pairs that no column tells
    of, such as two texts on one subject, pull the AUC down, even below .5, and a note says so (as it does by chance in
    one audit of 20 where nothing differs). `tells` takes rows for independent. Words are known by 64-bit hashes.

    Power: part of Dolly's rows replaced by Alpaca's, against other rows of Dolly; share of 60 draws in which `p` is at
    most .05, and the median `auc` (docs/embedders.md draws it):

    | rows a side | 0 % | 5 % | 10 % | 15 % | 20 % | 30 % | 40 % |
    | --- | --- | --- | --- | --- | --- | --- | --- |
    | 400 | .10 (.51) | .08 (.51) | .17 (.52) | .37 (.54) | .60 (.56) | 1 (.61) | 1 (.66) |
    | 1,000 | .03 (.50) | .05 (.51) | .35 (.53) | .80 (.55) | 1 (.57) | 1 (.63) | 1 (.68) |

    `tells` is above 0 in .78 of draws at 40 % and 400 rows, in .58 at 20 % and 1,000, and never with none. The bound of
    .9 of the default policy is for sets that are wholly of another hand: `p`, or a bound of your own, sees a mixture.

    Reference: Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests", ICLR; DeLong et al. 1988,
    Biometrics 44, Obuchowski 1997, Biometrics 53 (groups), and Nadeau and Bengio 2003, Machine Learning 52 (interval).
    """

    scope: str = "text"
    sample: int = 10_000

    spec: ClassVar[Spec] = Spec(
        "tells-of-synthesis",
        "Tells of synthesis",
        (
            Measure(
                "auc",
                "share",
                "chance that a synthetic row is told from a real one, by embedding and wording together",
                "read the telling words; vary prompts and generators, or drop the rows of highest score",
                bad="high",
            ),
            Measure("auc_embeddings", "share", "the same by embedding alone", bad="high"),
            Measure("auc_features", "share", "the same by words, phrases, length and punctuation alone", bad="high"),
            Measure("p", "probability", "chance of an AUC as high between equal distributions"),
            Measure("tells", "features", "words, phrases and marks that one side uses significantly more", bad="high"),
        ),
        reads=("text",),
        needs=("real", "embeddings"),
        version=2,
        fires=(Case(_CASE_MADE, "tells_of_synthesis.tells", references={"real": _CASE_REAL}),),
        quiet=(
            Case(
                tuple({"text": f"{one['text']} {n % 7}"} for n, one in enumerate(_CASE_REAL)),
                "tells_of_synthesis.tells",
                references={"real": tuple({"text": f"{one['text']} {n % 5}"} for n, one in enumerate(_CASE_REAL))},
            ),
        ),
    )

    def __post_init__(self) -> None:
        refuse(self.scope, self.sample, MINIMUM)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        import scipy.optimize  # noqa: F401  its BLAS must be here when all are told to keep to one thread

        mine, other, embedder = sides(rows, context, self.scope)
        real, every = other.data, mine.vectors
        ours, theirs = self._drawn(mine), self._drawn(other)
        sampled = len(ours.at)
        with single():
            own, genuine = self._apart(ours, theirs, (rows, real), engine)
            ours, theirs = ours.keep(own), theirs.keep(genuine)
            copies = sampled - len(ours.at)
            n = min(len(ours.at), len(theirs.at))
            if n < MINIMUM:
                few = f"{len(ours.at):,} and {len(theirs.at):,}, without {copies:,} copies of real rows"
                return Measurement((), notes=(f"needs at least {MINIMUM} rows with a {self.scope} a side, has {few}",))
            ours, theirs = ours.keep(slice(n)), theirs.keep(slice(n))
            texts = [len(np.unique(side.key)) for side in (ours, theirs)]
            if min(texts) < MINIMUM:
                has = f"has {texts[0]:,} and {texts[1]:,} real ones in {n:,} rows"
                return Measurement((), notes=(f"needs {MINIMUM} distinct texts a side, {has}: see exact-duplicates",))
            synthetic = np.arange(2 * n) < n
            by = _Cut.of((ours, theirs))
            wordings = detectors.together(engine.map(_read, [*_cuts(ours.text), *_cuts(theirs.text)]))
            vocabulary = Vocabulary.of(wordings)
            columns = vocabulary.rows(wordings)
            features = _by_features(columns, len(vocabulary), synthetic, by, engine)
            context.progress(1, 3)
            vectors = np.concatenate((ours.vectors, theirs.vectors))
            centre = vectors.mean(0, dtype=np.float64)
            embeddings = _by_embeddings(vectors - centre.astype(np.float32), synthetic, by, engine)
            context.progress(2, 3)
            both = features.odds + embeddings.odds
            p = classify.mann_whitney(features.tested + embeddings.tested, synthetic[by.half], by.group[by.half])
            thresholds = {"both": _threshold(both, synthetic), "features": _threshold(features.odds, synthetic)}
            z = _telling(columns, synthetic, len(vocabulary))
            metrics = self._metrics((both, embeddings.odds, features.odds), p, synthetic, by, z)
            if context.asked is not None:
                return Measurement(metrics)
            text = pa.chunked_array([*ours.text.chunks, *theirs.text.chunks])
            named = self._named(vocabulary, columns, z, text)
            made = Detector(
                self.scope,
                f"{embedder.name}@{embedder.revision}",
                real.digest,
                rows.digest,
                n,
                vocabulary,
                features.model,
                embeddings.model,
                centre,
                thresholds,
                tuple(name for name, _, score in named if score > 0),
            )
            odds = detectors.odds(rows, every, made, engine)
        odds[ours.at] = both[:n]
        odds[~every.present] = np.nan
        content = made.to_json()
        groups = gather_groups(rows)
        note = f"{self.scope}; {n:,} rows a side, {len(vocabulary):,} features; {copies:,} rows left out as real ones"
        return Measurement(
            metrics,
            self._slices(both, synthetic, by, ours.at, groups),
            notes=(note, *_kept_together(by.group), *_below_chance(metrics), f"the embedder: {embedder.blind}"),
            tables={"telling": _most(odds, p)},
            exhibits=(self._exhibit(named, columns, synthetic),),
            artifacts={"detector.json": content},
            columns={"score": (0.5 + 0.5 * np.tanh(odds / 2)).astype(np.float32)},
        )

    def _drawn(self, side: Side) -> _Side:
        at = side.at[: self.sample]
        taken = side.data.take(at, kindred.columns(self.scope))
        text, shared = taken.column(self.scope), kindred.shared(taken, self.scope)
        return _Side(at, text, side.vectors.take(at), kindred.keys(strings(text)), shared)

    def _apart(self, ours: _Side, theirs: _Side, data: tuple[Dataset, Dataset], engine: Engine) -> tuple[Mask, Mask]:
        """Which rows of either side are no copy of any row of the other, nor nearly one of its sample.

        Of both sides alike: were copies left out of one alone, the other would keep what is often said, and be told by
        that (of 150 halves of Dolly 13 were told apart at 5 %).
        """
        if not len(ours.at) or not len(theirs.at):
            return np.zeros(len(ours.at), np.bool_), np.zeros(len(theirs.at), np.bool_)

        def known(other: Dataset, keys: npt.NDArray[np.uint64]) -> Mask:
            every = engine.gather(other, lambda shard: kindred.keys(shard.strings(self.scope)))
            return np.isin(keys, np.concatenate(every))

        def nearest(start: int) -> tuple[Floats, Floats]:
            cosines = ours.vectors[start : start + 512] @ theirs.vectors.T
            return cosines.max(1), cosines.max(0)

        mine, other = zip(*engine.map(nearest, range(0, len(ours.at), 512)), strict=True)
        rows, real = data
        return (
            (np.concatenate(mine) < NEAR) & ~known(real, ours.key),
            (np.maximum.reduce(other) < NEAR) & ~known(rows, theirs.key),
        )

    def _metrics(
        self, odds: tuple[Doubles, ...], p: float | None, synthetic: Mask, by: _Cut, z: Doubles
    ) -> tuple[Metric, ...]:
        n, named = len(synthetic), self.spec.metric
        names = ("auc", "auc_embeddings", "auc_features")
        return (
            *(_share(named(name), by.over_folds(one, synthetic), n) for name, one in zip(names, odds, strict=True)),
            Metric(named("p"), p, "probability", n, why="" if p is not None else "a half has rows of one side only"),
            Metric(named("tells"), int(np.count_nonzero(np.abs(z) > _bar(len(z)))), "features", n),
        )

    def _slices(self, both: Doubles, synthetic: Mask, by: _Cut, at: Longs, groups: dict[str, Any]) -> tuple[Slice, ...]:
        """Of each group of rows against all real ones."""
        slices = []
        for name, (labels, codes) in sorted(groups.items()):
            mine = codes[at]
            for code in np.flatnonzero(np.bincount(mine) >= GROUP).tolist():
                chosen = np.concatenate((mine == code, np.ones(len(at), np.bool_)))
                found = by.over_folds(both, synthetic, chosen)
                metric = _share(self.spec.metric("auc"), found, int(np.count_nonzero(mine == code)))
                slices.append(Slice(name, labels[code], metric))
        return tuple(sorted(slices, key=lambda one: (one.by, one.group)))

    def _named(
        self, vocabulary: Vocabulary, columns: tuple[Longs, Longs], z: Doubles, text: pa.ChunkedArray
    ) -> list[tuple[str, int, float]]:
        """(name, column, z) of the features that tell most, from those of the data to those of the real data."""
        bar, words = _bar(len(z)), len(vocabulary.words)
        chosen: list[int] = []
        numbers: set[tuple[bool, str]] = set()
        for column in np.lexsort((np.arange(len(z)), -np.abs(z))).tolist():
            side = (bool(z[column] > 0), "" if column < words else vocabulary.bin(column).partition(":")[0])
            # Of a number's bins only the most telling one a side.
            if abs(z[column]) <= bar or (side[1] and side in numbers):
                continue
            numbers.add(side)
            if sum((z[one] > 0) == side[0] for one in chosen) < SHOWN:
                chosen.append(column)
        names = _names(vocabulary, columns, chosen, text)
        return [(names[column], column, float(z[column])) for column in sorted(chosen, key=lambda one: -z[one])]

    def _exhibit(self, named: list[tuple[str, int, float]], columns: tuple[Longs, Longs], synthetic: Mask) -> Exhibit:
        owner = np.repeat(np.arange(len(synthetic)), np.diff(columns[0]))
        ours = np.bincount(columns[1][synthetic[owner]], minlength=int(columns[1].max()) + 1)
        theirs = np.bincount(columns[1][~synthetic[owner]], minlength=len(ours))
        half = len(synthetic) // 2
        shown = tuple(
            (cut(name, 80), round(ours[column] / half, 4), round(theirs[column] / half, 4), round(z, 1))
            for name, column, z in named
        )
        heads = ("feature", "synthetic rows (share)", "real rows (share)", "z")
        return Exhibit(self.spec.metric("telling"), "What tells the data from real data", heads, shown)

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        most = measurement.tables["telling"]
        at = most.column("row").to_numpy()
        if not len(at):
            return
        texts = rows.take(at, [self.scope]).column(0).to_pylist()
        told = [str(row[0]) for row in measurement.exhibits[0].rows if (row[3] or 0) > 0]  # type: ignore[operator]
        seen = [_evidence(text, told) for text in texts]
        yield findings(at, self.spec.metric("auc"), seen, score=most.column("score").to_numpy())


def _held_out(by: _Cut) -> list[Mask]:
    """Which rows a fit does not see: each fold in turn, then the half that is for testing."""
    return [*(by.fold == k for k in range(FOLDS)), by.half]


def _by_features(columns: tuple[Longs, Longs], width: int, synthetic: Mask, by: _Cut, engine: Engine) -> _Fitted:
    rows = classify.matrix(columns, width)
    whole = classify.sparse(rows, synthetic, WORDING)

    def odds(unseen: Mask) -> Doubles:
        model = classify.sparse(rows[~unseen], synthetic[~unseen], WORDING, whole)
        found: Doubles = rows[unseen] @ model.weights + model.intercept
        return found

    *parts, tested = engine.map(odds, _held_out(by))
    return _Fitted(whole, _unfolded(parts, by.fold), tested)


def _by_embeddings(vectors: Floats, synthetic: Mask, by: _Cut, engine: Engine) -> _Fitted:
    variance = float(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64)) / vectors.size
    penalty = MEANING * max(variance, 1e-9)  # an embedder may give every text the same vector

    def odds(unseen: Mask) -> Doubles:
        model = classify.dense(vectors[~unseen], synthetic[~unseen], penalty)
        found: Doubles = vectors[unseen].astype(np.float64) @ model.weights + model.intercept
        return found

    *parts, tested = engine.map(odds, _held_out(by))
    return _Fitted(classify.dense(vectors, synthetic, penalty), _unfolded(parts, by.fold), tested)


def _unfolded(parts: list[Doubles], fold: Longs) -> Doubles:
    odds = np.empty(len(fold))
    for k, part in enumerate(parts):
        odds[fold == k] = part
    return odds


def _kept_together(group: Keys) -> Iterator[str]:
    sizes = np.unique(group, return_counts=True)[1]
    if many := int(sizes[sizes > 1].sum()):
        yield f"{many:,} rows share a text, prompt, source or beginning with another: kept in one fold"


def _below_chance(metrics: Iterable[Metric]) -> Iterator[str]:
    low = [one for one in metrics if one.unit == "share" and one.high is not None and one.high < 0.5]
    if low:
        said = ", ".join(
            f"{one.name.partition('.')[2]} {one.value:.2f} ({one.low:.2f} to {one.high:.2f})" for one in low
        )
        yield (
            f"below 0.5 with all of its interval: {said}. Unless by chance (one audit in 20), rows of both sides come "
            "in pairs that no column tells of, of one seed or subject, so that a fit takes each for its partner's side "
            "and the sides differ more than this says: `--map source=FIELD`, or take real rows of other subjects"
        )


def _cuts(text: pa.ChunkedArray) -> list[pa.ChunkedArray]:
    return [text.slice(start, BLOCK) for start in range(0, len(text), BLOCK)]


def _read(text: pa.ChunkedArray) -> Wordings:
    return detectors.read(strings(text))


def _threshold(odds: Doubles, synthetic: Mask) -> tuple[float, float]:
    at = float(np.quantile(odds[~synthetic], 1 - FALSE_ALARMS, method="higher"))
    return at, float(np.mean(odds[synthetic] > at))


def _telling(columns: tuple[Longs, Longs], synthetic: Mask, width: int) -> Doubles:
    """float64 [width]: z of each feature's share of the synthetic rows against its share of the real ones (the pooled
    two-proportion test: rows have a feature or not, and both sides are of one size)."""
    owner = synthetic[np.repeat(np.arange(len(synthetic)), np.diff(columns[0]))]
    theirs, ours = (np.bincount(columns[1][owner == side], minlength=width) for side in (False, True))
    both, n = ours + theirs, len(synthetic)
    # n / 2 rows a side, so that the variance of the difference of the counts is both * (1 - both / n).
    z: Doubles = (ours - theirs) / np.sqrt(np.maximum(both * np.maximum(1 - both / n, 0), 1e-9))
    return np.where((both > 0) & (both < n), z, 0.0)


def _bar(features: int) -> float:
    """|z| beyond which a feature tells, with any false one among all of them at SURE."""
    return NormalDist().inv_cdf(1 - SURE / 2 / features)


def _names(
    vocabulary: Vocabulary, columns: tuple[Longs, Longs], chosen: list[int], text: pa.ChunkedArray
) -> dict[int, str]:
    """What features are called: words are looked for in the first text that has them."""
    names, wanted = {}, {}
    owner = np.repeat(np.arange(len(columns[0]) - 1), np.diff(columns[0]))
    for column in chosen:
        if column >= len(vocabulary.words):
            names[column] = vocabulary.bin(column)
        else:
            names[column] = f"#{int(vocabulary.words[column]):016x}"
            wanted[int(vocabulary.words[column])] = column
    at = {int(owner[int(np.argmax(columns[1] == column))]) for column in wanted.values()}
    for row in sorted(at):
        words = detectors.words_in(text[row].as_py())
        pairs = [" ".join(pair) for pair in pairwise(words)]
        for size, phrases in ((1, words), (2, pairs)):
            view = strings(pa.array(phrases, pa.large_string()))
            hashes = shingle_sets(spans(view.offsets, view.data, fold=True), size)
            for phrase, start in zip(phrases, hashes.offsets[:-1].tolist(), strict=True):
                if (named := wanted.get(int(hashes.values[start]))) is not None:
                    names[named] = f"“{phrase}”"
    return names


def _most(odds: Doubles, p: float | None) -> pa.Table:
    """The rows of highest score, in row order; none where nothing tells the sides apart."""
    many = min(LARGEST, int(np.ceil(SHARE * len(odds)))) if p is not None and p <= SURE else 0
    order = np.lexsort((np.arange(len(odds)), -np.nan_to_num(odds, nan=-np.inf)))[:many]
    at = np.sort(order[np.isfinite(odds[order])])
    return pa.table({"row": arrow(at), "score": arrow(0.5 + 0.5 * np.tanh(odds[at] / 2))})


def _share(name: str, found: Auc | None, n: int) -> Metric:
    if found is None:
        return Metric(name, None, "share", n, why="no fold has rows of both sides")
    half = Z95 * sqrt(found.variance)
    return Metric(name, found.value, "share", n, low=max(0.0, found.value - half), high=min(1.0, found.value + half))


def _evidence(text: str, told: list[str]) -> str:
    """The telling words that stand in the text, then the text."""
    folded = f" {' '.join(detectors.words_in(text[:READ]))} "
    inside = [name for name in told if name.startswith("“") and f" {name[1:-1]} " in folded][:5]
    return f"{', '.join(inside)}: {text}" if inside else text
