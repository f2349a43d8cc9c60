"""preference-pairs: pairs of a chosen and a rejected answer that teach nothing, or the wrong thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.check import Case, Context, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.rowwise import Bins, Flags, Mask, Rowwise, Tally, findings
from auditor.kernels.hashes import hash_texts
from auditor.kernels.pairs import alike, may_share_letters
from auditor.kernels.texts import Spans, spans
from auditor.model.result import Measurement
from auditor.model.rows import Dataset, Rows, arrow

Hashes = npt.NDArray[np.uint64]

MARKUP = r"[\s*_`#>~|\\.,;:!?\"'“”‘’()\[\]-]+"
"""What `format_only` does not look at: white space, Markdown's marks and punctuation."""

SHINGLE = 3
"""Words a shingle: order counts, and one changed word in twenty still gives a Jaccard above 0.7."""


@dataclass
class Pairs(Tally):
    """A tally with the two directions of every pair: one entry a pair that is not identical.

    forward, backward: uint64 [k], hashes of (prompt, chosen, rejected) and (prompt, rejected, chosen).
    """

    forward: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))
    backward: Hashes = field(default_factory=lambda: np.zeros(0, np.uint64))


@check
@dataclass(frozen=True)
class PreferencePairs(Rowwise):
    """Preference pairs whose two answers do not differ in what matters.

    Why it matters: a pair of equal answers has no gradient worth having, and DPO on pairs of nearly
    equal answers lowers the likelihood of both (A. Pal et al. 2024, "Smaug: fixing failure modes of
    preference optimisation with DPO-Positive"). The same pair in both directions cancels itself. Where the
    longer answer nearly always wins, length is what is learnt (P. Singhal et al. 2023, "A long way to go:
    investigating length correlations in RLHF").

    Example: chosen "Paris." with rejected "**paris**": they differ in format only.

    Remedy: drop pairs without a difference; of a pair in both directions keep the one that a second
    judgement confirms; balance lengths, or normalise by length in training.

    Limits: compares words, not meaning. Nearly identical is a Jaccard of word 3-gram sets (words as in
    near-duplicates: punctuation and case do not count) of at least `similarity` (A. Broder 1997, "On the
    resemblance and containment of documents"; of the answers themselves as one shingle where they are
    shorter). A length is counted in characters. Directions are compared by 64-bit hashes: among a million
    pairs a false hit has a chance of about 10^-7. Rows without a rejected answer are outside every share.

    Reference: as above.
    """

    similarity: float = 0.95

    spec: ClassVar[Spec] = Spec(
        name="preference-pairs",
        title="Preference pairs",
        measures=(
            Measure("rate", "share", "pairs with any of these faults, seen in the pair alone"),
            Measure("identical", "share", "chosen and rejected are the same text", "drop the pair"),
            Measure("nearly_identical", "share", "they share nearly all word 3-grams", "drop the pair"),
            Measure("format_only", "share", "they differ in case, space or marks only", "drop it, or judge again"),
            Measure("empty_rejected", "share", "the rejected answer is empty", "drop it, or generate a losing answer"),
            Measure("empty_chosen", "share", "the chosen answer is empty", "drop the pair: its labels look swapped"),
            Measure(
                "both_directions",
                "share",
                "pairs that stand elsewhere the other way round",
                "judge both again",
                depends="size",
            ),
            Measure("longer_wins", "share", "pairs of unequal length whose chosen answer is longer"),
        ),
        reads=("rejected", "response"),
        version=2,
        fires=(
            Case(({"prompt": "Q", "chosen": "Same.", "rejected": "Same."},), "preference_pairs.identical"),
            Case(({"prompt": "Q", "chosen": "Yes, Sir", "rejected": "**yes** sir"},), "preference_pairs.format_only"),
            Case(({"prompt": "Q", "chosen": "A fine answer.", "rejected": " "},), "preference_pairs.empty_rejected"),
            Case(({"prompt": "Q", "chosen": "", "rejected": "A fine answer."},), "preference_pairs.empty_chosen"),
            Case(
                (
                    {"prompt": "Q", "chosen": "Red is best.", "rejected": "Blue wins."},
                    {"prompt": "Q", "chosen": "Blue wins.", "rejected": "Red is best."},
                ),
                "preference_pairs.both_directions",
            ),
            Case(
                (
                    {
                        "prompt": "Count.",
                        "chosen": " ".join(f"w{i}" for i in range(90)),
                        "rejected": " ".join(f"w{i}" for i in range(91)),
                    },
                ),
                "preference_pairs.nearly_identical",
            ),
        ),
        quiet=(
            Case(
                (
                    {"prompt": "Capital of France?", "chosen": "Paris.", "rejected": "It is the city of Lyon."},
                    {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"},
                    {"prompt": "2 - 2?", "chosen": "5", "rejected": "4"},
                ),
                "preference_pairs.rate",
            ),
        ),
    )
    bins: ClassVar[Mapping[str, Bins]] = {
        "length_ratio": Bins(
            "Chosen length over rejected length (log2)", "doublings", tuple(i / 2 for i in range(-12, 13))
        )
    }

    def __post_init__(self) -> None:
        if not 0 < self.similarity <= 1:
            raise ValueError(f"similarity must be above 0 and at most 1, not {self.similarity}")

    def flag(self, rows: Rows) -> Flags:
        chosen, rejected = rows.column("response"), rows.column("rejected")
        pair = _mask(pc.and_(pc.is_valid(chosen), pc.is_valid(rejected)))
        blank_chosen, blank_rejected = (_mask(pc.equal(pc.utf8_trim_whitespace(c), "")) for c in (chosen, rejected))
        identical = _mask(pc.equal(chosen, rejected))
        both = pair & ~blank_chosen & ~blank_rejected
        format_only = np.zeros(len(rows), np.bool_)
        likely = np.flatnonzero(both & ~identical)
        likely = likely[may_share_letters(*_spans(rows, likely, fold=False))]
        bare_chosen, bare_rejected = (_bare(column.take(arrow(likely))) for column in (chosen, rejected))
        format_only[likely] = _mask(pc.equal(bare_chosen, bare_rejected))
        left_length, right_length = (_lengths(column) for column in (chosen, rejected))
        # Sets of so different a size cannot reach the threshold; a factor of two leaves room for long words.
        shorter, longer = np.minimum(left_length, right_length), np.maximum(left_length, right_length)
        asked = np.flatnonzero(both & ~identical & ~format_only & (shorter * 2 >= self.similarity * longer))
        nearly = np.zeros(len(rows), np.bool_)
        nearly[asked] = alike(*_spans(rows, asked, fold=True), SHINGLE, self.similarity)
        unequal = both & (left_length != right_length)
        ratio = np.log2(left_length[both] / right_length[both])
        masks = {
            "identical": identical & pair,
            "nearly_identical": nearly,
            "format_only": format_only,
            "empty_rejected": blank_rejected & pair,
            "empty_chosen": blank_chosen & pair,
        }
        faults = np.logical_or.reduce(list(masks.values()))
        masks |= {"rate": faults, "longer_wins": unequal & (left_length > right_length)}
        among = {name: unequal if name == "longer_wins" else pair for name in masks}
        return Flags(masks, among, {"length_ratio": ratio})

    def empty(self) -> Pairs:
        return Pairs()

    def update(self, state: Tally, rows: Rows) -> Tally:
        assert isinstance(state, Pairs)
        super().update(state, rows)
        _, forward, backward = _directions(rows)
        state.forward = np.sort(np.concatenate([state.forward, forward]))
        state.backward = np.sort(np.concatenate([state.backward, backward]))
        return state

    def merge(self, left: Tally, right: Tally) -> Tally:
        assert isinstance(left, Pairs)
        assert isinstance(right, Pairs)
        super().merge(left, right)
        left.forward = np.sort(np.concatenate([left.forward, right.forward]))
        left.backward = np.sort(np.concatenate([left.backward, right.backward]))
        return left

    def measure(self, state: Tally, references: Mapping[str, Tally], context: Context) -> Measurement:
        assert isinstance(state, Pairs)
        measured = super().measure(state, references, context)
        swapped = int(np.isin(state.forward, state.backward).sum())
        both = rate(self.spec.metric("both_directions"), swapped, state.among.get("identical", 0))
        return replace(measured, metrics=tuple(both if m.name == both.name else m for m in measured.metrics))

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        if all(metric.n == 0 for metric in measurement.metrics):
            return
        parts = [(opened.numpy("row"), *_directions(opened)) for opened in rows]
        position = np.concatenate([row[at] for row, at, _, _ in parts])
        forward, backward = (np.concatenate([part[i] for part in parts]) for i in (2, 3))
        order = np.argsort(forward, kind="stable")
        place = np.minimum(np.searchsorted(forward[order], backward), max(len(order) - 1, 0))
        swapped = forward[order][place] == backward if len(order) else np.zeros(0, np.bool_)
        partner = dict(zip(position[swapped].tolist(), position[order][place][swapped].tolist(), strict=True))
        name = self.spec.metric("both_directions")
        for opened in rows:
            yield from self._of_shard(opened)
            here = [row for row in opened.numpy("row").tolist() if row in partner]
            if here:
                related = [partner[row] for row in here]
                seen = [f"row {other} has the same prompt and answers, the other way round" for other in related]
                yield findings(np.array(here), name, seen, related=pa.array(related, pa.int64()))

    def _of_shard(self, rows: Rows) -> Iterator[pa.Table]:
        flags, position = self.flag(rows), rows.numpy("row")
        for measure in ("identical", "nearly_identical", "format_only", "empty_rejected", "empty_chosen"):
            hits = np.flatnonzero(flags.masks[measure])
            if len(hits):
                yield findings(position[hits], self.spec.metric(measure), self.evidence(rows, measure, hits))

    def evidence(self, rows: Rows, measure: str, hits: npt.NDArray[np.int64]) -> Sequence[str]:
        taken = pa.array(hits)
        pairs = zip(
            rows.column("response").take(taken).to_pylist(),
            rows.column("rejected").take(taken).to_pylist(),
            strict=True,
        )
        return [f"chosen: {chosen[:100]!r} rejected: {rejected[:100]!r}" for chosen, rejected in pairs]


def _mask(array: pa.Array) -> Mask:
    mask: Mask = np.array(pc.fill_null(array, False).to_numpy(zero_copy_only=False), np.bool_)
    return mask


def _bare(column: pa.Array) -> pa.Array:
    """Without marks, white space and case. Where nothing is left, the text itself: "?" is not "!"."""
    bare = pc.replace_substring_regex(pc.utf8_lower(column), MARKUP, "")
    return pc.if_else(pc.equal(bare, ""), column, bare)


def _lengths(column: pa.Array) -> npt.NDArray[np.int64]:
    lengths: npt.NDArray[np.int64] = pc.fill_null(pc.utf8_length(column), 0).to_numpy(zero_copy_only=False)
    return lengths.astype(np.int64)


def _spans(rows: Rows, at: npt.NDArray[np.int64], *, fold: bool) -> tuple[Spans, Spans]:
    """Chosen and rejected answers of the rows at these positions."""
    chosen, rejected = rows.strings("response"), rows.strings("rejected")
    return (
        spans(chosen.offsets, chosen.data, fold=fold, rows=at),
        spans(rejected.offsets, rejected.data, fold=fold, rows=at),
    )


def _directions(rows: Rows) -> tuple[npt.NDArray[np.int64], Hashes, Hashes]:
    """(positions within the shard, forward, backward) of the pairs whose answers differ."""
    prompt, chosen, rejected = (_hashes(rows, name) for name in ("prompt", "response", "rejected"))
    valid = pc.and_(pc.is_valid(rows.column("response")), pc.is_valid(rows.column("rejected")))
    at = np.flatnonzero(_mask(valid) & (chosen != rejected))
    return at, _mix(prompt, chosen, rejected)[at], _mix(prompt, rejected, chosen)[at]


def _hashes(rows: Rows, name: str) -> Hashes:
    return hash_texts(rows.strings(name))[0]


def _mix(*parts: Hashes) -> Hashes:
    """One hash of several in order: multiply and fold, by the constants of splitmix64 (Steele et al. 2014)."""
    mixed = np.zeros(len(parts[0]), np.uint64)
    for part in parts:
        mixed = (mixed ^ part) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed ^= mixed >> np.uint64(31)
    return mixed
