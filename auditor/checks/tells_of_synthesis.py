"""What gives the data away: a classifier that tells it from real data, and what it goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import crossfit, tells
from auditor.core.content import detector as detectors
from auditor.core.content.crossfit import Folds
from auditor.core.content.detector import Detector, Vocabulary
from auditor.core.content.samples import apart, drawn
from auditor.core.content.sides import refuse, sides
from auditor.core.intervals import Z95
from auditor.core.rowwise import cut, findings, gather_groups
from auditor.model.result import Exhibit, Measurement, Metric, Slice
from auditor.model.rows import Dataset
from auditor.statistics import classify
from auditor.statistics.blas import single
from auditor.statistics.classify import Auc

MINIMUM = 100
"""Different texts a side: 20 of each in a fold. Rows of one text share a fold, so that of few texts none has its like
in the rows that a fit sees: 300 copies of one row would pass for real (AUC .41; of 5 texts .84, of 20 .985)."""

SURE, SHARE = 0.01, 0.01
"""Findings: p up to which there are any, and the share of the rows, those of highest score."""

GROUP = 50
"""Rows of a group from which it has an AUC of its own."""

_KINDS = ("heron", "lathe", "sonnet", "glacier", "ledger")
_CASE_REAL = tuple({"text": f"why does my {kind} {verb} at {n} oclock??"} for kind in _KINDS
                   for verb in ("break", "hum", "stop", "leak") for n in range(1, 8))  # fmt: skip
_CASE_MADE = tuple({"text": f"Certainly! Here is a comprehensive overview of the {kind} in {n} steps, with {what}."}
                   for kind in _KINDS for what in ("tips", "notes", "facts", "care") for n in range(1, 8))  # fmt: skip

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]


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
        ours, theirs = (drawn(side, self.sample, self.scope) for side in (mine, other))
        sampled = len(ours.at)
        with single():
            own, genuine = apart(ours, theirs, (rows, real), self.scope, engine)
            ours, theirs = ours.keep(own), theirs.keep(genuine)
            copies = sampled - len(ours.at)
            n = min(len(ours.at), len(theirs.at))
            if n < MINIMUM:
                few = f"{len(ours.at):,} and {len(theirs.at):,}"
                few += f", without {copies:,} copies of real rows" if copies else ""
                return Measurement((), notes=(f"needs at least {MINIMUM} rows with a {self.scope} a side, has {few}",))
            ours, theirs = ours.keep(slice(n)), theirs.keep(slice(n))
            texts = [len(np.unique(side.key)) for side in (ours, theirs)]
            if min(texts) < MINIMUM:
                has = f"has {texts[0]:,} and {texts[1]:,} real ones in {n:,} rows"
                return Measurement((), notes=(f"needs {MINIMUM} distinct texts a side, {has}: see exact-duplicates",))
            synthetic = np.arange(2 * n) < n
            by = Folds.of((ours, theirs))
            wordings = detectors.read_all((ours.text, theirs.text), engine)
            vocabulary = Vocabulary.of(wordings)
            columns = vocabulary.rows(wordings)
            features = crossfit.by_features(columns, len(vocabulary), synthetic, by, engine)
            context.progress(1, 3)
            vectors = np.concatenate((ours.vectors, theirs.vectors))
            centre = vectors.mean(0, dtype=np.float64)
            embeddings = crossfit.by_embeddings(vectors - centre.astype(np.float32), synthetic, by, engine)
            context.progress(2, 3)
            both = features.odds + embeddings.odds
            p = classify.mann_whitney(features.tested + embeddings.tested, synthetic[by.half], by.group[by.half])
            thresholds = {
                "both": detectors.threshold(both, synthetic),
                "features": detectors.threshold(features.odds, synthetic),
            }
            z = tells.z_scores(columns, synthetic, len(vocabulary))
            metrics = self._metrics((both, embeddings.odds, features.odds), p, synthetic, by, z)
            if context.asked is not None:
                return Measurement(metrics)
            text = pa.chunked_array([*ours.text.chunks, *theirs.text.chunks])
            named = tells.named(vocabulary, columns, z, text)
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
        note = f"{self.scope}; {n:,} rows a side, {len(vocabulary):,} features"
        note += f"; {copies:,} rows left out as real ones" if copies else ""
        return Measurement(
            metrics,
            self._slices(both, synthetic, by, ours.at, groups),
            notes=(note, *crossfit.kept_together(by.group), *_below_chance(metrics), f"the embedder: {embedder.blind}"),
            tables={"telling": detectors.highest(odds, _most(odds, p))},
            exhibits=(self._exhibit(named, columns, synthetic),),
            artifacts={"detector.json": content},
            columns={"score": classify.probability(odds).astype(np.float32)},
        )

    def _metrics(
        self, odds: tuple[Doubles, ...], p: float | None, synthetic: Mask, by: Folds, z: Doubles
    ) -> tuple[Metric, ...]:
        n, named = len(synthetic), self.spec.metric
        names = ("auc", "auc_embeddings", "auc_features")
        return (
            *(_share(named(name), by.over_folds(one, synthetic), n) for name, one in zip(names, odds, strict=True)),
            Metric(named("p"), p, "probability", n, why="" if p is not None else "a half has rows of one side only"),
            Metric(named("tells"), int(np.count_nonzero(np.abs(z) > tells.bar(len(z)))), "features", n),
        )

    def _slices(
        self, both: Doubles, synthetic: Mask, by: Folds, at: Longs, groups: dict[str, Any]
    ) -> tuple[Slice, ...]:
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
        seen = [tells.evidence(text, told) for text in texts]
        yield findings(at, self.spec.metric("auc"), seen, score=most.column("score").to_numpy())


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


def _most(odds: Doubles, p: float | None) -> int:
    """Rows that are findings: none where nothing tells the sides apart."""
    return min(detectors.MOST, int(np.ceil(SHARE * len(odds)))) if p is not None and p <= SURE else 0


def _share(name: str, found: Auc | None, n: int) -> Metric:
    if found is None:
        return Metric(name, None, "share", n, why="no fold has rows of both sides")
    half = Z95 * sqrt(found.variance)
    return Metric(name, found.value, "share", n, low=max(0.0, found.value - half), high=min(1.0, found.value + half))
