"""Rows that say the same in other words, as far as the embedder can tell: verified pairs, their clusters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import sqrt
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.content import clusters
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.space import Space
from auditor.core.rowwise import gather_groups, sliced_rates
from auditor.kernels.components import roots, unite_pairs
from auditor.kernels.pairs import alike
from auditor.kernels.texts import spans
from auditor.model.result import Measurement, Metric
from auditor.model.rows import Dataset, strings
from auditor.model.vectors import Floats, Neighbours
from auditor.sketches.sample import drawn

PAIRS = 4_096
"""Pairs that one thread compares at a time."""

FLOATS = 2e-6
"""What a float32 cosine may be off by: a cosine of 1 is one."""

WORDING, SHINGLE = 0.8, 5
"""What near-duplicates takes for one wording: Jaccard of shingles of so many words."""

LENGTHS = tuple(1000 * 2**step for step in range(4, 11))
CHANCE = (0.468, 0.589, 0.684, 0.750, 0.799, 0.831, 0.853)
"""Cosine of two texts of so many bytes that have nothing in common but that they are English: rows of Alpaca, drawn at
random and joined, no row in both (60 pairs of the first two lengths, 16 of the others; standard deviations .02 to
.002). Rows of Dolly and GSM8K are less alike. Texts of 4,000 bytes have .23: up to the first length it is let be."""

_SEA = "the quick brown fox jumps over the lazy dog near the old stone bridge by the river every single morning"

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Judge:
    """Cosine from which on two texts count as one, and by which evidence. rounded: vectors are a projection of what
    `cosines` compares, so that pairs below the threshold have to be looked at as well, and what is compared are grams,
    of which long texts have the same ones (`CHANCE`)."""

    threshold: float
    rounded: bool
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """near: the nearest of each text. left, right, score: verified pairs. first: int64 [n], the first row with the same
    text. cluster: int64 [n], the first row of each row's cluster."""

    near: Neighbours
    left: Longs
    right: Longs
    score: Doubles
    first: Longs
    cluster: Longs


JUDGES = {
    "hashed": Judge(0.9, True, "82 of 100 pairs of STS-B at .9 are rated 4 of 5 or more by people, 71 at .8"),
    "wordllama": Judge(0.9, False, "77 of 100 pairs of STS-B at .9 are rated 4 of 5 or more by people, 59 at .8"),
}
OTHER = Judge(
    0.9,
    False,
    "the default of SemHash for static embeddings, not measured for this embedder: `auditor calibrate --only "
    "semantic-duplicates` finds one in real data, to be given by --set semantic-duplicates.threshold=…",
)

NEAREST, AMONG, COPIES, FEWEST = 2_000, 10_000, 200, 50
"""To find a threshold: rows whose nearest other is looked for, rows that it is looked for among, edited copies (which
an endpoint is paid for), and distinct texts below which none is found."""

LADDER = (1_000, 3_000)
"""Rows that the shares of a registered version are recorded of as well: a tenth of a second; 10,000 take half a one, as
much as half of the search among 100,000."""

UNRELATED = 0.99
"""Of the nearest others of real rows: so many are less near than where the way to edited copies begins. Some rows of
real data are copies themselves."""


@check
@dataclass(frozen=True)
class SemanticDuplicates:
    """Rows that say the same although they are not worded the same.

    Two rows are semantic duplicates where the cosine of their embeddings reaches the threshold; clusters are the
    connected components of such pairs, and exact copies belong to them with score 1. Each text is compared with its
    10 nearest; every pair reported is scored exactly, without what vectors round off. `threshold: 0` is the
    embedder's own: .9 for the default one and for WordLlama. For others `auditor calibrate` finds one in real data,
    halfway between rows that are nearest to one another and copies edited by it. Two long texts have the same
    grams, whatever they say, so the default one asks more of texts beyond 16 KB: .94 of 64 KB, .97 of 1 MB.

    A generator asked the same thing twice answers the same thing in another order, with another opening. No shingle
    is shared, so near-duplicates is silent, and a model trained on it still sees the same row again (Abbas et al.
    2023: half of LAION is redundant in this sense). `beyond_wording` is the share of pairs that near-duplicates, at
    its defaults, does not see.

    Example: "Name all the planets in our solar system." and "List the planets of the Solar System in order", with the
    same eight planets in the answer: .91.

    Remedy: keep one row of each cluster, and vary the prompt or seed that most of its rows share.

    Limits: an embedder sees what it sees, and the report names it. The default one compares the character 4-grams of
    words, whatever their order: it finds rows that share most of their words (reordered, reformatted, with small
    edits), takes "dog bites man" and "man bites dog" for the same, and misses a paraphrase in other words: of 164
    LLM rephrasings of HumanEval it sees none at .9 (15 have a cosine of .5); WordLlama sees 2. Rows that carry the
    same long frame, a tool's description or a system prompt, are alike by it: choose `scope: response`. So are long
    texts of few different words, such as tables of numbers. Beyond 20,000 texts, candidates come from sketches, whose
    recall is measured and stated. In a dense cluster the links of 10 nearest may leave it in parts, so that clusters
    are never too large. Audits of registered versions record the shares of 1,000 and 3,000 rows as well.

    Reference: Abbas, Tirumala, Simig, Ganguli and Morcos 2023, "SemDeDup: Data-efficient learning at web-scale
    through semantic deduplication"; Salton and Buckley 1988, "Term-weighting approaches in automatic text retrieval".
    """

    threshold: float = field(default=0.0, metadata={"words": {0.0: "the embedder's own"}})
    scope: str = "text"

    spec: ClassVar[Spec] = Spec(
        "semantic-duplicates",
        "Semantic duplicates",
        (
            *clusters.measures(
                "a semantic duplicate", "keep one row of each cluster; vary the prompt or seed its rows share"
            ),
            Measure("beyond_wording", "share", "pairs that differ in wording (Jaccard of 5-word shingles below .8)"),
        ),
        reads=("text",),
        needs=("embeddings",),
        fires=(
            Case(({"text": _SEA}, {"text": " ".join(reversed(_SEA.split()))}), "semantic_duplicates.rate"),
            Case(({"text": _SEA}, {"text": _SEA.upper()}), "semantic_duplicates.rate"),
        ),
        quiet=(
            Case(({"text": _SEA}, {"text": "Water boils at a hundred degrees."}), "semantic_duplicates.rate"),
            Case(({"text": "one of them"}, {"text": "another of them"}), "semantic_duplicates.rate"),
        ),
    )

    def __post_init__(self) -> None:
        if self.threshold and not 0.5 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, and must be from 0.5 to 1, or 0 for the embedder's own")
        refuse_scope(self.scope)

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        space, n = context.space, len(rows)
        assert space is not None
        judge = JUDGES.get(space.embedder.name, OTHER)
        judge = replace(judge, threshold=self.threshold or judge.threshold)
        found = self._found(rows, judge, context, engine)
        near = found.near
        if not len(near.rows):
            return Measurement((), notes=(f"no row has a {self.scope} to compare",))
        metrics, sizes = clusters.measured(self.spec, found.cluster)
        beyond = self._beyond(rows, found.left, found.right, engine)
        table = clusters.partners(found.cluster, found.first, *_best(n, found.left, found.right, found.score))
        slices = sliced_rates(self.spec.metric("rate"), found.cluster != np.arange(n), gather_groups(rows))
        notes = (_note(self.scope, judge.threshold, space, near), *((judge.why,) if not self.threshold else ()))
        ladder = tuple(self._ladder(rows, judge, context, engine)) if context.history is not None else ()
        return Measurement((*metrics, beyond), slices, (sizes,), notes, {"partners": table}, ladder=ladder)

    def _found(self, rows: Dataset, judge: Judge, context: Context, engine: Engine) -> Found:
        space, n, threshold = context.space, len(rows), judge.threshold
        assert space is not None
        near = space.neighbours(rows, self.scope, threshold, _floor(threshold, judge.rounded, space.embedder.dimension))
        first = np.where(near.first >= 0, near.first, np.arange(n))
        if not len(near.rows):
            none = np.zeros(0, np.int64)
            return Found(near, none, none, none.astype(np.float64), first, first)
        left, right, score = _verified(rows, self.scope, space, near, threshold, judge.rounded, context, engine)
        parent = np.arange(n)
        unite_pairs(parent, left, right)
        roots(parent)
        return Found(near, left, right, score, first, parent[first])

    def _ladder(self, rows: Dataset, judge: Judge, context: Context, engine: Engine) -> Iterator[Metric]:
        """The shares of fewer rows, compared with one another alone."""
        order, quiet = drawn(rows, LADDER[-1]), replace(context, progress=lambda done, total: None)
        for rung in LADDER:
            if rung < len(rows):
                cluster = self._found(rows.select(np.sort(order[:rung])), judge, quiet, engine).cluster
                shares, _ = clusters.measured(self.spec, cluster)
                yield from (one for one in shares if one.unit == "share")

    def tuned(self, real: Dataset, context: Context) -> tuple[SemanticDuplicates, str]:
        """The check with a threshold for an embedder of which none is known: halfway between the cosine to their
        nearest other that 99 % of real rows stay below, and the median cosine of edited copies (`_edited`) to their
        originals. The one tells how alike rows are that nobody copied, the other how alike copies stay.

        On 1,500 rows each of GSM8K, Dolly, Alpaca and Alpaca's prompts WordLlama gets .91 to .93; of the pairs of STS-B
        there 79 to 84 of 100 are rated 4 of 5 or more. With its vectors moved to one side, so that random texts have a
        cosine of .7 as by many encoders, it gets .97 to .98 (78 to 83 of 100), where .9 would have 9 to 45 % of these
        rows dropped. Less is asked by vectors of which unlike rows are far apart: the default ones would get .75 to .87
        (60 to 78 of 100).
        """
        space = context.space
        assert space is not None
        if self.threshold or space.embedder.name in JUDGES:
            return self, ""
        what = f"{self.spec.name}.threshold by {space.embedder.name}"
        present = space.vectors(real, self.scope).present
        at = drawn(real, AMONG)
        at = at[present[at]]
        texts = real.take(at, [self.scope]).column(0).to_pylist()
        first = np.array(sorted({text: place for place, text in reversed([*enumerate(texts)])}.values()), np.int64)
        if len(first) < FEWEST:
            return self, f"{what}: none found, {len(first)} distinct texts are too few to tell: {FEWEST} are needed"
        vectors = space.vectors(real, self.scope).take(at[first])
        near = float(np.quantile(_nearest(vectors), UNRELATED))
        copies = [_edited(texts[place]) for place in first[:COPIES]]
        embedded = space.embedder.embed(strings(pa.array(copies, pa.large_string())))
        kept = float(np.median(np.einsum("ij,ij->i", vectors[:COPIES], embedded)))
        measured = f"{UNRELATED:.0%} of real rows have none nearer than {near:.3f}, edited copies stay at {kept:.3f}"
        if kept <= near:
            return self, f"{what}: none found, {measured}: this embedder does not tell copies from other rows"
        found = replace(self, threshold=round(max((near + kept) / 2, 0.5), 3))
        give = f"give it to audits: --set {self.spec.name}.threshold={found.threshold:g}, or `checks:` in auditor.yaml"
        return found, f"{what}: {found.threshold:g}, halfway ({measured}); {give}"

    def _beyond(self, rows: Dataset, left: Longs, right: Longs, engine: Engine) -> Metric:
        name = self.spec.metric("beyond_wording")
        if not len(left):
            return Metric(name, None, "share", 0, why="no two texts are semantic duplicates")

        def worded(low: int) -> int:
            one, other = (strings(rows.take(side[low : low + PAIRS], [self.scope]).column(0)) for side in (left, right))
            mine, its = (spans(texts.offsets, texts.data, fold=True) for texts in (one, other))
            same = alike(mine, its, SHINGLE, WORDING)
            return len(same) - int(np.count_nonzero(same))

        return Metric(name, sum(engine.map(worded, range(0, len(left), PAIRS))) / len(left), "share", len(left))

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        return clusters.located(self.spec, rows, self.scope, measurement.tables["partners"])


def _verified(
    rows: Dataset,
    column: str,
    space: Space,
    near: Neighbours,
    threshold: float,
    rounded: bool,
    context: Context,
    engine: Engine,
) -> tuple[Longs, Longs, Doubles]:
    """(left, right, score): pairs of first rows at or above the threshold, each once, left before right."""
    text, place = np.nonzero(near.near >= 0)
    other = near.near[text, place].astype(np.int64)
    pair = np.minimum(text, other) * len(near.rows) + np.maximum(text, other)
    pair, where = np.unique(pair, return_index=True)
    left, right = near.rows[pair // len(near.rows)], near.rows[pair % len(near.rows)]
    if not rounded:
        return left, right, near.cosine[text, place][where].astype(np.float64)
    done = [0]

    def score(low: int) -> Doubles:
        part = slice(low, low + PAIRS)
        found = space.cosines(rows, column, left[part], right[part])
        done[0] += len(found)
        context.progress(len(rows) * done[0] // len(left), len(rows))
        return found

    exact = np.concatenate([*engine.map(score, range(0, len(left), PAIRS)), np.zeros(0)])
    size = np.concatenate(engine.gather(rows, lambda shard: np.diff(shard.strings(column).offsets)))
    # Equal grams give a cosine of 1 but for the last bits of its sum.
    kept = exact >= needed(threshold, np.minimum(size[left], size[right])) - 1e-12
    return left[kept], right[kept], exact[kept]


def needed(threshold: float, lengths: Longs) -> Doubles:
    """float64 [n]: the cosine that a pair needs whose shorter text has so many bytes: where longer texts are alike by
    chance, the threshold holds for what is left between chance and 1 (as the adjusted Rand index is made: Hubert and
    Arabie 1985, "Comparing partitions", equation 5)."""
    chance = np.interp(np.log2(np.maximum(lengths, 1)), np.log2(LENGTHS), CHANCE)
    risen = (chance - CHANCE[0]) / (1 - CHANCE[0])
    required: Doubles = threshold + (1 - threshold) * risen
    return required


def _nearest(vectors: Floats) -> Doubles:
    """Cosine of the first `NEAREST` rows to the nearest other of all; float64 [min(NEAREST, n)]."""
    found = []
    for low in range(0, min(NEAREST, len(vectors)), 256):
        block = vectors[low : min(low + 256, NEAREST)]
        cosines = block @ vectors.T
        cosines[np.arange(len(block)), low + np.arange(len(block))] = -1
        found.append(cosines.max(1))
    return np.concatenate(found).astype(np.float64)


def _edited(text: str) -> str:
    """A copy that says the same for whoever compares wording: every tenth word left out, the second half first; by
    characters where there are no words."""
    words = text.split()
    parts, between = (words, " ") if len(words) > 3 else (list(text), "")
    kept = [part for place, part in enumerate(parts) if place % 10 != 9]
    return between.join([*kept[len(kept) // 2 :], *kept[: len(kept) // 2]])


def _floor(threshold: float, rounded: bool, dimension: int) -> float:
    """Cosine of vectors from which on pairs are looked at."""
    # A projection into d places moves a cosine c by (1 - c^2) / sqrt(d), one standard deviation. On 36,634 pairs of
    # real rows at .9 it was .0096 and on 18,061 at .8 .0203, where this says .0119 and .0225; the lowest of them were
    # 4.0 and 4.3 of those below.
    return threshold - FLOATS - (5 * (1 - threshold**2) / sqrt(dimension) if rounded else 0.0)


def _best(n: int, left: Longs, right: Longs, score: Doubles) -> tuple[Longs, Doubles]:
    """(int64 [n], float64 [n]): the most similar other of each row, the first of equals; -1 where there is none."""
    one, other, scored = np.concatenate([left, right]), np.concatenate([right, left]), np.concatenate([score, score])
    order = np.lexsort((other, -scored, one))
    row, at = np.unique(one[order], return_index=True)
    best, most = np.full(n, -1, np.int64), np.full(n, -1.0)
    best[row], most[row] = other[order][at], scored[order][at]
    return best, most


def _note(scope: str, threshold: float, space: Space, near: Neighbours) -> str:
    found = (
        "among all others"
        if near.index == "flat"
        else f"by {near.index}, which found {near.recall:.4f} of the pairs at {near.judged:g} of a sample"
    )
    return (
        f"{scope}, cosine at least {threshold:g} by the embedder {space.embedder.name}, every pair scored exactly; the "
        f"{near.near.shape[1]} nearest of each text {found}. What this embedder cannot see: {space.embedder.blind}"
    )
