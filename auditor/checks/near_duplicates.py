"""Rows that say nearly the same: verified near-duplicates, their clusters, the effective size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Spec, check
from auditor.core.content import clusters
from auditor.core.content.scopes import refuse_scope
from auditor.core.lineage.history import RUNGS
from auditor.core.rowwise import gather_groups, sliced_rates
from auditor.kernels.banding import shared
from auditor.kernels.components import roots, unite_buckets
from auditor.kernels.hashes import Sets, first_rows, hash_rows, shingle_sets
from auditor.kernels.joins import CHAIN, link, prefix_buckets, same_sets
from auditor.kernels.signatures import Banding, band_keys, banding
from auditor.kernels.texts import spans
from auditor.model.result import Measurement, Metric
from auditor.model.rows import Dataset
from auditor.sketches.sample import drawn

METHODS = ("sketch", "exact")
BLOCK = 8_192
"""Texts that one thread reads at a time; any number gives the same result."""

SMALL, AHEAD, SET_BYTES = 512, 4, 1_280
"""The smallest block; blocks a thread makes before they are joined; what `shingle_sets` takes a text to begin with."""

_SEA = "the quick brown fox jumps over the lazy dog near the old stone bridge by the river every single morning"

Longs = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Buckets = tuple[npt.NDArray[np.int32], Longs]
Groups = list[tuple[list[Buckets], int]]


@dataclass(frozen=True, slots=True)
class Texts:
    """What a first reading tells. first: int64 [n], the first row with the same text. present: bool [n], a text
    is there. order: uint64 [n], a hash of it. filled: bool [n], the row was sketched: one of each text at
    least, where it has any words."""

    first: Longs
    present: Mask
    order: npt.NDArray[np.uint64]
    filled: Mask

    @property
    def rows(self) -> Longs:
        """int64 [m]: one representative of each distinct text, ascending."""
        return np.flatnonzero(self.present & (self.first == np.arange(len(self.first))))


@check
@dataclass(frozen=True)
class NearDuplicates:
    """Rows that are nearly the same text.

    Two rows are near-duplicates where the Jaccard similarity of their shingles (runs of 5 words after
    NFC and case folding) reaches 0.8; clusters are the connected components of such pairs, and exact
    copies belong to them with similarity 1.

    Generators repeat themselves: the same seed, asked again, gives the same answer with three words
    changed. Training on near-copies makes a model memorise them, leaks test rows that were split at
    random, and makes a dataset look larger than it is (Lee et al. 2022, "Deduplicating Training Data
    Makes Language Models Better", ACL). The effective share is what is left: one for each cluster.

    Example: "List three uses of a brick in the garden." and the same followed by "Thank you!".

    Remedy: keep one row of each cluster, and look at the prompt or seed that most of them share.

    Limits: wording is compared, not meaning; a paraphrase is not found. Every pair reported is
    verified with its exact similarity, so precision is 1 (words are compared by 64-bit hashes: two
    different ones are taken for the same with probability 2**-64). `method: sketch` finds candidates
    by bands of a sketch and may miss a pair near the threshold; the note on every measurement says
    how rarely. Candidate groups above 1,000 rows are chained rather than paired. `method: exact`
    misses none and takes longer. A text without words has no near-duplicates, only copies; an empty
    one has neither.

    Reference: Broder 1997, "On the resemblance and containment of documents"; Dahlgaard, Knudsen and
    Thorup 2017, "Fast Similarity Sketching"; Bayardo, Ma and Srikant 2007, "Scaling Up All Pairs
    Similarity Search".
    """

    threshold: float = 0.8
    shingle: int = 5
    scope: str = "text"
    method: str = "sketch"

    spec: ClassVar[Spec] = Spec(
        "near-duplicates",
        "Near-duplicates",
        clusters.measures(
            "a near-duplicate", "keep one row of each cluster; look at the prompt or seed its rows share"
        ),
        reads=("text",),
        fires=(
            Case(({"text": _SEA}, {"text": f"{_SEA} again"}), "near_duplicates.rate"),
            Case(({"text": "Yes, of course!"}, {"text": "yes of course"}), "near_duplicates.rate"),
        ),
        quiet=(
            Case(({"text": _SEA}, {"text": " ".join(reversed(_SEA.split()))}), "near_duplicates.rate"),
            Case(({"text": "one of them"}, {"text": "another of them"}), "near_duplicates.rate"),
        ),
    )

    def __post_init__(self) -> None:
        if not 0.5 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, and must be from 0.5 to 1")
        if self.shingle < 1:
            raise ValueError(f"shingle is {self.shingle}, and must be 1 word or more")
        refuse_scope(self.scope)
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}, and must be one of {', '.join(METHODS)}")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        n = len(rows)
        plan = banding(self.threshold) if self.method == "sketch" else None
        keys = _room((plan.bands if plan else 0, n), np.uint32, context, "keys")
        texts = self._read(rows, plan, keys, engine)
        if not texts.present.any():
            return Measurement((), notes=(f"no row has a {self.scope} to compare",))
        context.progress(n // 2, n)
        if plan:
            wanted, groups = self._banded(texts, plan, keys, engine)
            sets = self._sets(rows, wanted, context, engine)
        else:
            wanted = texts.rows
            sets = self._sets(rows, wanted, context, engine)
            equal = shared(same_sets(sets.offsets, sets.values), np.diff(sets.offsets) > 0)
            # Equal sets are chained; no bucket of the prefix filter is, so that no pair is left out.
            groups = [
                ([_in_order(equal, np.zeros(0), texts.order[wanted])], CHAIN),
                ([prefix_buckets(sets, self.threshold, engine.map, engine.threads)], n),
            ]
        local, found, similar = _linked(groups, sets, self.threshold, engine)
        parent, best, score = _clusters(local, wanted, n), np.full(n, -1, np.int64), np.full(n, -1.0)
        best[wanted], score[wanted] = np.where(found >= 0, wanted[found], -1), similar
        context.progress(n, n)
        note = (
            _recall(plan, self.threshold, keys, best)
            if plan
            else "candidates by an exact prefix-filter join: none is missed"
        )
        ladder = self._ladder(rows, texts, groups, sets, wanted, engine) if context.history is not None else ()
        return replace(self._measurement(rows, texts, parent, best, score, note), ladder=tuple(ladder))

    def _ladder(
        self, rows: Dataset, texts: Texts, groups: Groups, sets: Sets, wanted: Longs, engine: Engine
    ) -> Iterator[Metric]:
        """The effective share of fewer rows: of what they are candidates with, all others left out."""
        order = drawn(rows, RUNGS[-1])
        for rung in RUNGS:
            if rung < len(rows):
                mine = texts.first[order[:rung]]
                there = np.zeros(len(rows), np.bool_)
                there[mine] = True
                some = [([_among(bucket, there[wanted]) for bucket in buckets], chain) for buckets, chain in groups]
                parent = _clusters(_linked(some, sets, self.threshold, engine)[0], wanted, len(rows))
                yield Metric(self.spec.metric("effective_share"), len(np.unique(parent[mine])) / rung, "share", rung)

    def _read(self, rows: Dataset, plan: Banding | None, keys: npt.NDArray[np.uint32], engine: Engine) -> Texts:
        """Hash every text and, while it is at hand, sketch it, unless an equal one stands before it in the block."""

        def read(piece: tuple[int, int, int]) -> tuple[Any, Any, Mask, Mask]:
            shard, low, high = piece
            view = rows.shard(shard).strings(self.scope)
            start = rows.shards[shard].start
            offsets = view.offsets[low - start : high - start + 1]
            raw = spans(offsets, view.data, fold=False)
            left, right = hash_rows(raw.starts, raw.lengths)
            present = raw.lengths > 0
            filled = np.zeros(high - low, np.bool_)
            if plan:
                fresh = present & (first_rows(left, right, present) == np.arange(high - low))
                folded = raw if raw.ascii.all() else spans(offsets, view.data, fold=True)
                filled = band_keys(folded, fresh, self.shingle, plan, keys, low)
            return left, right, present, filled

        parts = engine.map(read, _by_shard(rows, np.arange(len(rows))))
        if not parts:
            none = np.zeros(0, np.int64)
            return Texts(none, none > 0, none.astype(np.uint64), none > 0)
        left, right, present, filled = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Texts(first_rows(left, right, present), present, left, filled)

    def _banded(
        self, texts: Texts, plan: Banding, keys: npt.NDArray[np.uint32], engine: Engine
    ) -> tuple[Longs, Groups]:
        """(candidate rows, their buckets by place among them): rows that share the key of a band."""
        alone = np.zeros(len(keys[0]), np.bool_)
        alone[texts.rows] = True
        alone &= texts.filled

        def bucket(band: int) -> Buckets:
            return _in_order(shared(keys[band], alone), keys[(band + 1) % plan.bands], texts.order)

        buckets = engine.map(bucket, range(plan.bands))
        candidate = np.zeros(len(alone), np.bool_)
        for members, _ in buckets:
            candidate[members] = True
        place = np.cumsum(candidate, dtype=np.int32) - np.int32(1)
        for band, (members, starts) in enumerate(buckets):
            buckets[band] = (place[members], starts)
        return np.flatnonzero(candidate), [(buckets, CHAIN)]

    def _sets(self, rows: Dataset, wanted: Longs, context: Context, engine: Engine) -> Sets:
        """Shingle sets of the wanted rows, in their order."""
        # Blocks in the making take an eighth of the budget, and time where they are very small.
        block = min(BLOCK, max(SMALL, context.memory // (8 * AHEAD * engine.threads * SET_BYTES)))
        pieces = _by_shard(rows, wanted, block)

        def extract(piece: tuple[int, int, int]) -> Sets:
            shard, low, high = piece
            view = rows.shard(shard).strings(self.scope)
            inside = wanted[low:high] - rows.shards[shard].start
            return shingle_sets(spans(view.offsets, view.data, fold=True, rows=inside), self.shingle)

        sizes = [np.zeros(1, np.int64)]
        total = done = 0
        values = _room((0,), np.uint64, context, "sets")
        # A batch of blocks at a time, so that what waits to be joined stays small.
        for batch in range(0, len(pieces), AHEAD * engine.threads):
            these = pieces[batch : batch + AHEAD * engine.threads]
            parts = engine.map(extract, these)
            need = total + sum(len(part.values) for part in parts)
            done += sum(high - low for _, low, high in these)
            if need > len(values):
                # Room for the rest as well, were it like what has been seen.
                values = _grown(values, total, need + need * (len(wanted) - done) * 17 // (16 * done), context)
            places = [total]
            for part in parts:
                sizes.append(places[-1] + part.offsets[1:])
                places.append(int(sizes[-1][-1]))
            engine.map(partial(_lay, values), zip(places, parts, strict=False))
            total = places[-1]
        return Sets(np.concatenate(sizes), values[:total])

    def _measurement(
        self, rows: Dataset, texts: Texts, parent: Longs, best: Longs, score: Any, note: str
    ) -> Measurement:
        cluster = parent[texts.first]
        metrics, sizes = clusters.measured(self.spec, cluster)
        words = "5-word shingles" if self.shingle == 5 else f"{self.shingle}-word shingles"
        notes = (f"{self.scope}, {words}, Jaccard at least {self.threshold:g}, every pair verified; {note}",)
        table = clusters.partners(cluster, texts.first, best, score)
        repeated = cluster != np.arange(len(cluster))
        slices = sliced_rates(self.spec.metric("rate"), repeated, gather_groups(rows))
        return Measurement(metrics, slices, (sizes,), notes, {"partners": table})

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        return clusters.located(self.spec, rows, self.scope, measurement.tables["partners"])


def _by_shard(rows: Dataset, wanted: Longs, block: int = BLOCK) -> list[tuple[int, int, int]]:
    """(shard, low, high): wanted[low:high] lies in that shard; at most `block` rows each."""
    ends = np.array([shard.start + shard.rows for shard in rows.shards], np.int64)
    cuts = [0, *(int(cut) for cut in np.searchsorted(wanted, ends))]
    return [
        (shard, low, min(low + block, stop))
        for shard, (start, stop) in enumerate(pairwise(cuts))
        for low in range(start, stop, block)
    ]


def _in_order(found: Buckets, following: Any, order: npt.NDArray[np.uint64]) -> Buckets:
    """Lay the rows of buckets too large to pair side by side by their next key, then by content, so
    that chains do not depend on where a row stands in the file."""
    members, starts = found
    for bucket in np.flatnonzero(np.diff(starts) > CHAIN):
        mine = members[starts[bucket] : starts[bucket + 1]]
        by = (order[mine], following[mine]) if len(following) else (order[mine],)
        members[starts[bucket] : starts[bucket + 1]] = mine[np.lexsort(by)]
    return members, starts


def _among(found: Buckets, kept: Mask) -> Buckets:
    """Without places that are not kept, and without buckets of one."""
    members, starts = found
    below = np.concatenate(([0], np.cumsum(kept[members])))
    sizes = below[starts[1:]] - below[starts[:-1]]
    several = sizes > 1
    return members[kept[members] & np.repeat(several, np.diff(starts))], np.concatenate(
        ([0], np.cumsum(sizes[several]))
    )


def _linked(groups: Groups, sets: Sets, threshold: float, engine: Engine) -> tuple[Longs, Longs, Any]:
    """(parent, best partner, its similarity) by place: verified in parallel, since buckets that share no row, even
    through others, share no state.

    groups: buckets of places in sets, each with the size from which on they are chained.
    """
    size = len(sets)
    touching, local = np.arange(size), np.arange(size)
    for buckets, _ in groups:
        for members, starts in buckets:
            unite_buckets(touching, members, starts)
    roots(touching)
    owner = (touching % engine.threads).astype(np.int32)
    found, similar = np.full(size, -1, np.int64), np.full(size, -1.0)

    def work(thread: int) -> None:
        for buckets, chain in groups:
            for members, starts in buckets:
                link(members, starts, sets.offsets, sets.values, threshold, chain, local, found, similar, owner, thread)

    engine.map(work, range(engine.threads))
    return local, found, similar


def _clusters(local: Longs, wanted: Longs, n: int) -> Longs:
    """int64 [n]: the first row of each row's cluster. wanted: the rows of the places, ascending."""
    parent = np.arange(n)
    parent[wanted] = wanted[local]
    roots(parent)
    return parent


def _recall(plan: Banding, threshold: float, keys: npt.NDArray[np.uint32], best: Longs) -> str:
    """What the sketch may have missed: in theory, and by capture and recapture of the pairs found."""
    stated = (
        f"candidates by {plan.bands} bands of {plan.rows} positions of a sketch: a pair at the threshold is found "
        f"with probability {plan.recall(threshold):.5f}"
    )
    left = np.flatnonzero(best > np.arange(len(best)))
    if not len(left):
        return stated
    right = best[left]
    halves = [np.zeros(len(left), np.bool_), np.zeros(len(left), np.bool_)]
    for band in range(plan.bands):
        halves[band % 2] |= keys[band][left] == keys[band][right]
    both = int(np.count_nonzero(halves[0] & halves[1]))
    miss = 1.0
    for half in halves:
        miss *= 1 - both / max(1, int(np.count_nonzero(half)))
    return f"{stated}; by recapture between two halves of the bands, {1 - miss:.5f} of pairs like those found were"


def _room(shape: tuple[int, ...], kind: Any, context: Context, name: str) -> Any:
    """An array in memory while it takes less than a quarter of the budget, else a file in scratch."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    if context.scratch is None or size <= context.memory // 4:
        return np.empty(shape, kind)
    import tempfile

    # A name of its own: truncating a file that another array still maps would kill the process.
    with tempfile.NamedTemporaryFile(dir=context.scratch, prefix=f"near-duplicates-{name}-", delete=False) as file:
        return np.memmap(file, kind, "w+", shape=shape)


def _lay(values: Any, piece: tuple[int, Sets]) -> None:
    """Copy a block's sets to their place: in threads, because first touching memory is what takes time."""
    at, part = piece
    values[at : at + len(part.values)] = part.values


def _grown(values: Any, used: int, size: int, context: Context) -> Any:
    larger = _room((size,), np.uint64, context, "sets")
    larger[:used] = values[:used]
    return larger
