"""How far the data's embeddings are from the real ones: discrepancy, distance, overlap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from math import sqrt
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import kindred
from auditor.core.content.sides import refuse, sides
from auditor.core.intervals import Z95, rate
from auditor.core.rowwise import cut, findings
from auditor.model.result import EVIDENCE_CHARACTERS, Exhibit, Measurement, Metric
from auditor.model.rows import Dataset, arrow, strings
from auditor.model.vectors import Floats
from auditor.statistics import frechet, mmd, prdc
from auditor.statistics.blas import single

MINIMUM = 50
"""Rows a side below which neighbourhoods of 5 and permutations say little."""

PAIRED = 0.05
"""Share of the rows that have something in common with a real one, from which it is told."""

LARGEST, SHOWN = 1_000, 5
"""Findings at most; rows a side that the exhibit shows."""

SEED = 25
"""MAUVE's own default."""

_HOW = "read the rows far from anything real: another task, language or style than users have"

_WHAT = "generate for what is missing: `lost-tails` names it, and `--gaps FILE` lists it"

_BIRDS = ["robin", "wren", "heron", "crane", "finch", "stork", "eagle", "raven", "swift", "egret"]
_TOOLS = ["lathe", "drill", "plane", "chisel", "hammer", "wrench", "pliers", "router", "sander", "clamp"]

Longs = npt.NDArray[np.int64]


@check
@dataclass(frozen=True)
class EmbeddingDrift:
    """Data whose embeddings are distributed otherwise than those of real data.

    What, between equal samples of both sides (10,000 rows, parameter `sample`):
    `mmd`, the maximum mean discrepancy of a Gaussian kernel as wide as the median distance: the root of the unbiased
    estimate of its square, 0 where that is below 0. All pairs up to 5,000 rows, 1,024 random Fourier features
    beyond. `mmd_p` is its p by 499 permutations.
    `frechet`, the squared Fréchet distance of the two sides taken for Gaussians, extrapolated to infinitely many
    rows: no bias, and below 0 by chance where nothing differs.
    `precision` and `density` (synthetic rows that lie among real ones, and how deep), `recall` and `coverage` (real
    rows that synthetic ones come near), by the 5 nearest neighbours. Their intervals are those of rates, given the
    neighbourhoods. Two samples from one distribution have coverage .97, density 1, and equal precision and recall.
    `mauve`, where asked for (parameter `mauve`, package `mauve-text`).

    Why it matters: a model trained on data that covers a part of what users write is good at that part. Fidelity
    (precision) and diversity (coverage) fail apart: a generator that repeats its best answer has perfect precision.

    Example: Alpaca against Dolly; GSM8K against its own other half, where p is uniform.

    Power: share of 60 draws of GSM8K rows, some replaced by Dolly's, in which `mmd_p` is at most .05 (docs/embedders.md
    draws it):

    | rows a side | 0 % | 1 % | 2 % | 5 % | 10 % | 20 % |
    | --- | --- | --- | --- | --- | --- | --- |
    | 200 | .08 | .07 | .03 | .05 | .18 | .77 |
    | 1,000 | .00 | .00 | .00 | .13 | .90 | 1 |
    | 3,000 | .05 | .05 | .10 | .80 | 1 | 1 |

    Remedy: read the rows farthest from anything real, and generate for the real rows that nothing comes near
    (`lost-tails` names them).

    Limits: an embedder sees what it sees (the default one: wording, so that other names and topics are drift as well as
    another style). At 10,000 rows the test finds differences too small to matter: judge `mmd`, not p. Coverage,
    density, precision and recall depend on the sample's size and are comparable at equal ones only. MAUVE is biased at
    small samples, depends on its number of clusters, and is no substitute for a test. Where the reference holds the
    very same rows, everything looks better than it is: see `near-duplicates`.
    Where both sides answer the same prompts (or share texts, sources or beginnings, and more than rows of one side do),
    `mmd` leaves such pairs out and its test swaps them, instead of mixing all rows. So a 6B model's solutions of 650
    questions of GSM8K are as far from people's (.024, p .002) as from people's of other questions (.023, p .002); 100
    questions tell them apart in 39 of 40 draws, and in none without pairs. The rest still looks better there: coverage
    is 1 and not .96, `frechet` too low; by answers alone (`scope: response`) coverage is .995 and .95. A note says so.
    Several rows of one side to a prompt count as independent, which makes p too low: with four to each prompt, against
    one, .2 of equal sides have p below .05.

    Reference: Gretton et al. 2012, "A kernel two-sample test", JMLR 13; Rahimi and Recht 2007; Heusel et al. 2017;
    Chong and Forsyth 2020; Naeem et al. 2020, "Reliable fidelity and diversity metrics"; Pillutla et al. 2021, "MAUVE".
    """

    scope: str = "text"
    sample: int = 10_000
    mauve: bool = False

    spec: ClassVar[Spec] = Spec(
        "embedding-drift",
        "Embeddings far from real ones",
        (
            Measure("mmd", "kernel", "maximum mean discrepancy from the real data, 0 to 1.4", _HOW, bad="high"),
            Measure("mmd_p", "probability", "chance of a discrepancy as large between equal distributions"),
            Measure(
                "frechet",
                "squared distance",
                "Fréchet distance from the real data, corrected for bias",
                _HOW,
                bad="high",
            ),
            Measure(
                "precision",
                "share",
                "rows that lie among real ones",
                _HOW,
                bad="low",
            ),
            Measure("density", "ratio", "how deep rows lie among real ones, 1 where nothing differs", _HOW, bad="low"),
            Measure("recall", "share", "real rows that lie among synthetic ones", _WHAT, bad="low"),
            Measure(
                "coverage",
                "share",
                "real rows that have a synthetic one in their neighbourhood",
                _WHAT,
                bad="low",
            ),
            Measure("mauve", "share", "MAUVE score, 1 where nothing differs (on request)", bad="low"),
        ),
        reads=("text",),
        needs=("real", "embeddings"),
        version=2,
        fires=(
            Case(
                tuple({"text": f"The {a} sings to the {b}."} for a in _BIRDS for b in _BIRDS),
                "embedding_drift.mmd",
                references={"real": tuple({"text": f"Mend a {a} with one {b}."} for a in _TOOLS for b in _TOOLS)},
            ),
        ),
        quiet=(
            Case(
                tuple({"text": f"The {a} sings to the {b}."} for a in _BIRDS for b in _BIRDS),
                "embedding_drift.mmd",
                references={"real": tuple({"text": f"The {a} sings to the {b}."} for a in _BIRDS for b in _BIRDS)},
            ),
        ),
    )

    def __post_init__(self) -> None:
        refuse(self.scope, self.sample, MINIMUM)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        mine, other, embedder = sides(rows, context, self.scope)
        n = min(len(mine.at), len(other.at), self.sample)
        if n < MINIMUM:
            few = f"{len(mine.at):,} in the data and {len(other.at):,} in the real data"
            return Measurement((), notes=(f"needs at least {MINIMUM} rows with a {self.scope} a side, has {few}",))
        ours, theirs = mine.at[:n], other.at[:n]
        synthetic, human = mine.vectors.take(ours), other.vectors.take(theirs)
        pairs, shared = self._pairs((rows, ours), (other.data, theirs))
        with single():
            permutations = mmd.PERMUTATIONS if context.asks(self.spec.metric("mmd_p")) else 0
            found = mmd.discrepancy(synthetic, human, engine.map, permutations=permutations, pairs=pairs)
            context.progress(1, 3)
            distance = self._frechet(synthetic, human, engine, jackknife=context.asked is None)
            context.progress(2, 3)
            overlap = prdc.overlap(human, synthetic, engine.map)
            score = (self._mauve(human, synthetic),) if self.mauve else ()
        named = self.spec.metric
        balls = overlap.balls / prdc.K
        density, spread = float(balls.mean()), Z95 * float(balls.std()) / sqrt(n)
        metrics = (
            Metric(named("mmd"), _root(found.squared), "kernel", n, low=_root(found.low), high=_root(found.high)),
            _chance(named("mmd_p"), found.p, n),
            distance,
            rate(named("precision"), int(overlap.precise.sum()), n),
            Metric(named("density"), density, "ratio", n, low=max(0.0, density - spread), high=density + spread),
            rate(named("recall"), int(overlap.recalled.sum()), n),
            rate(named("coverage"), int(overlap.covered.sum()), n),
            *score,
        )
        if context.asked is not None:
            return Measurement(tuple(one for one in metrics if context.asks(one.name)))
        exhibit = self._far(((ours, overlap.to_real, rows), (theirs, overlap.to_synthetic, other.data)), context)
        return Measurement(
            metrics,
            notes=(
                *self._notes(n, rows.rows, other.data.rows, found, f"embedder {embedder.name}: {embedder.blind}"),
                *self._told(shared, len(pairs)),
            ),
            tables={"far": _outside(ours, overlap)},
            exhibits=(exhibit,),
        )

    def _frechet(self, synthetic: Floats, human: Floats, engine: Engine, *, jackknife: bool) -> Metric:
        name, (n, dimension) = self.spec.metric("frechet"), synthetic.shape
        if not frechet.enough(n, dimension):
            needed = frechet.ENOUGH * dimension
            return Metric(name, None, "squared distance", n, why=f"needs at least {needed:,} rows a side, has {n:,}")
        value, low, high = frechet.distance(synthetic, human, engine.map, jackknife=jackknife)
        return Metric(name, value, "squared distance", n, low=low, high=high)

    def _mauve(self, human: Floats, synthetic: Floats) -> Metric:
        name, n = self.spec.metric("mauve"), len(human)
        try:
            package: Any = import_module("mauve.compute_mauve")  # 2 s, when it is asked for
        except ImportError:
            return Metric(name, None, "share", n, why="the package is not here: pip install mauve-text")
        with _few_points_are_meant(package):
            score = package.compute_mauve(p_features=human, q_features=synthetic, seed=SEED, verbose=False).mauve
        return Metric(name, float(score), "share", n)

    def _notes(self, n: int, ours: int, theirs: int, found: mmd.Discrepancy, embedder: str) -> tuple[str, ...]:
        how = f"{found.frequencies:,} random frequencies" if found.frequencies else "all pairs"
        drawn = "" if n == ours == theirs else f", drawn from {ours:,} and {theirs:,}"
        expected = prdc.expected_coverage(n)
        kernel = f"a Gaussian kernel of width {found.width:.3f} over {how}"
        notes = [
            f"compared by {self.scope} at {n:,} rows a side{drawn}",
            f"MMD by {kernel}, its p by {mmd.PERMUTATIONS} permutations",
            f"samples of this size from one distribution would have a coverage of {expected:.2f}",
            embedder,
        ]
        if self.mauve:
            notes.append("MAUVE: clusters of 10 rows; biased at a few thousand, comparable at equal sizes only")
        return tuple(notes)

    def _pairs(self, *sides: tuple[Dataset, Longs]) -> tuple[Longs, float]:
        """Rows that answer one prompt, for the test to swap, and the share of the data's that have one of the other."""
        taken = [data.take(at, kindred.columns(self.scope)) for data, at in sides]
        text = np.concatenate([kindred.keys(strings(one.column(self.scope))) for one in taken])
        group = kindred.groups(text, np.concatenate([kindred.shared(one, self.scope) for one in taken]))
        ours, theirs = group[: len(taken[0])], group[len(taken[0]) :]
        return mmd.partners(ours, theirs), float(np.isin(ours, theirs).mean())

    def _told(self, shared: float, pairs: int) -> Iterator[str]:
        if shared > PAIRED:
            share = f"{shared:.0%} of the rows share a text, prompt, source or beginning with a real one"
            if pairs:
                answers = "; answers alone are compared by scope=response" if self.scope == "text" else ""
                yield (
                    f"{share}: MMD leaves {pairs:,} such pairs out and its p swaps them, but coverage, density, "
                    f"precision and recall are higher for them, and the Fréchet distance is lower{answers}"
                )
            else:
                yield f"{share}, but not more than with rows of their own side: MMD's p takes all rows for independent"

    def _far(self, sides: tuple[tuple[Longs, Floats, Dataset], ...], context: Context) -> Exhibit:
        """The rows of each side that are farthest from the other."""
        shown: list[tuple[str | int | float | None, ...]] = []
        for side, (at, squares, data) in zip(("data", "real"), sides, strict=True):
            farthest = np.lexsort((at, -squares))[:SHOWN]
            texts = data.take(at[farthest], [self.scope]).column(0).to_pylist()
            cosines = 1 - squares[farthest].astype(np.float64) / 2
            shown += [
                (side, int(row), round(float(cosine), 3), cut(text, 120))
                for row, cosine, text in zip(context.numbers(side, at[farthest]), cosines, texts, strict=True)
            ]
        title = "Farthest from the other side"
        columns = ("side", "row", "nearest (cosine)", "text")
        return Exhibit(
            self.spec.metric("far"),
            title,
            columns,
            tuple(shown),
            "side: whose rows; real ones have nothing like them in the data",
        )

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        import pyarrow.compute as pc  # 0.03 s, when there is something to locate

        far = measurement.tables["far"]
        at = far.column("row").to_numpy()
        if len(at):
            seen = pc.utf8_slice_codeunits(rows.take(at, [self.scope]).column(0), 0, EVIDENCE_CHARACTERS + 1)
            score = 1 - far.column("cosine").to_numpy()  # the farthest first
            yield findings(at, self.spec.metric("precision"), seen.to_pylist(), score=score)


@contextmanager
def _few_points_are_meant(package: Any) -> Iterator[None]:
    """MAUVE's clusters are of ten rows, and Faiss warns on standard error of fewer than 39, whoever asks."""
    faiss = package.faiss
    package.faiss = SimpleNamespace(Kmeans=partial(faiss.Kmeans, min_points_per_centroid=1))
    try:
        yield
    finally:
        package.faiss = faiss


def _chance(name: str, p: float, n: int) -> Metric:
    """The smallest p that the permutations can show is an upper bound, and is told as one."""
    smallest = 1 / (mmd.PERMUTATIONS + 1)
    bound = (0.0, p) if p <= smallest else (None, None)
    return Metric(name, p, "probability", n, low=bound[0], high=bound[1])


def _outside(at: Longs, overlap: prdc.Overlap) -> pa.Table:
    """Rows that lie among no real ones, the farthest of them, in row order, with the cosine of the nearest real one."""
    outside = np.flatnonzero(~overlap.precise)
    farthest = outside[np.lexsort((at[outside], -overlap.to_real[outside]))[:LARGEST]]
    farthest = farthest[np.argsort(at[farthest])]
    cosine = 1 - overlap.to_real[farthest].astype(np.float64) / 2
    return pa.table({"row": arrow(at[farthest]), "cosine": arrow(cosine)})


def _root(squared: float) -> float:
    return sqrt(max(0.0, squared))
