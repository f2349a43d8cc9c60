"""Rows that stand in another registered dataset, which the lineage does not name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.intervals import rate
from auditor.core.lineage import traces
from auditor.core.lineage.traces import COPY, NEAR, PROMPT, Index, Matches, Traces
from auditor.core.rowwise import cut, findings, gather_groups, sliced_rates
from auditor.model import tiny
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement, Metric, Slice
from auditor.model.rows import Dataset

SCREEN = 65_536
"""Rows of a dataset that are looked at first: its bottom-k sample. One without any meeting is left there."""

LOCATE = 20_000

KINDS = ("copies", "near", "prompt_rate")
"""Measures in the order of the kinds of `core.lineage.traces`."""
_SEA = "the quick brown fox jumps over the lazy dog near the old stone bridge by the river every single morning"
_OTHER = "a ship of three masts left the harbour at dawn and was not seen again before the winter had passed"


@dataclass(frozen=True, slots=True)
class Other:
    """A registered dataset. refs: `NAME@VERSION` of every version with this content, in order of name."""

    digest: str
    refs: tuple[str, ...]

    def __str__(self) -> str:
        return self.refs[0] if len(self.refs) == 1 else f"{self.refs[0]} (also {', '.join(self.refs[1:])})"


@dataclass
class Told:
    """What the notes must say: datasets whose bytes are not here, and those looked at in part."""

    absent: list[str] = field(default_factory=list)
    sampled: int = 0


@check
@dataclass(frozen=True)
class UndeclaredSource:
    """Rows that come from a registered dataset which is not declared.

    What: a row is traced to another dataset of the workspace where its text is the same after NFC, case
    folding and collapsing white space (`copies`); else where the Jaccard similarity of their 5-word
    shingles reaches 0.8 (`near`); else where its prompt is the same (`prompt_rate`; not part of the rate, as
    generators think of the same questions). Not looked for are sources that the lineage names, at any
    distance; other versions of the same dataset, and what was made from any of them; and datasets of
    equal content, which are one dataset under two names. A row that also stands in a declared
    source is explained by it.

    Why it matters: undeclared rows carry a licence, a generator and a history that nobody looked at. They
    make two training sets overlap, put an evaluation set into training data, and stay when the dataset
    that they came from is withdrawn (Longpre et al. 2024, "A large-scale audit of dataset licensing and
    attribution in AI", Nature Machine Intelligence 6: over 70 % of datasets had no or a wrong licence).

    Example: of the 5,305 rows of `claude_t45` (AlpaGasus), 935 stand word for word in `random_9k`.

    Remedy: declare the dataset (`auditor register … --parent NAME@VERSION`), or drop the rows.

    Limits: only registered datasets can be found, and only those whose rows are at hand; the notes name
    the others. A text or prompt of fewer than 5 words is nobody's. Every near-copy is verified, and is
    found with probability .999 at the threshold; one whose rarest phrases stand in more than 16 rows of
    either side is not. A paraphrase is not found. Of a dataset beyond 65,536 rows a bottom-k sample is
    looked at first, and all of it where anything met; a note says what may escape.

    Reference: Broder 1997, "On the resemblance and containment of documents"; Cohen and Kaplan 2007,
    "Summarizing data using bottom-k sketches".
    """

    threshold: float = 0.8

    spec: ClassVar[Spec] = Spec(
        "undeclared-source",
        "Rows of an undeclared source",
        (
            Measure("rate", "share", "rows that copy, or nearly copy, a dataset which the lineage does not name"),
            Measure(
                "copies",
                "rows",
                "rows with the same text as a row of an undeclared dataset",
                "declare the dataset as a parent, or drop the rows",
            ),
            Measure(
                "near",
                "rows",
                "rows with nearly the same text as a row of an undeclared dataset",
                "declare the dataset as a parent, or drop the rows",
            ),
            Measure(
                "prompt_rate",
                "share",
                "rows that answer the prompt of an undeclared dataset anew",
                "declare the dataset as seeds, or ask other questions",
            ),
            Measure("datasets", "datasets", "undeclared datasets that rows copy, or nearly copy"),
        ),
        reads=("text",),
        needs=("lineage",),
        fires=(
            Case(
                ({"text": _SEA}, {"text": _OTHER}),
                "undeclared_source.copies",
                references={"other@1": ({"text": _SEA.upper()},)},
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(), "other@1": tiny.Made()}),
            ),
            Case(
                ({"text": f"{_SEA} again"},),
                "undeclared_source.near",
                references={"other@1": ({"text": _SEA},)},
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(), "other@1": tiny.Made()}),
            ),
            Case(
                ({"prompt": _SEA, "response": "No."},),
                "undeclared_source.prompt_rate",
                references={"other@1": ({"prompt": _SEA, "response": _OTHER},)},
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(), "other@1": tiny.Made()}),
            ),
        ),
        quiet=(
            Case(
                ({"text": _SEA}, {"text": _OTHER}),
                "undeclared_source.rate",
                references={"other@1": ({"text": _SEA},)},
                pedigree=lambda: tiny.pedigree(
                    "train@1", {"train@1": tiny.Made(parents=("other@1",)), "other@1": tiny.Made()}
                ),
            ),
            Case(
                ({"text": _SEA}, {"text": "Yes, of course!"}),
                "undeclared_source.rate",
                references={"other@1": ({"text": _OTHER}, {"text": "Yes, of course!"})},
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(), "other@1": tiny.Made()}),
            ),
        ),
    )

    def __post_init__(self) -> None:
        if not 0.6 <= self.threshold <= 1:
            raise ValueError(f"threshold is {self.threshold}, and must be from 0.6 to 1")

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        pedigree = context.pedigree
        assert pedigree is not None, "checks that need lineage are skipped without one"
        declared, others, same = _relations(rows, pedigree)
        if not others:
            return Measurement((), notes=("no other dataset is registered that these rows could come from",))
        mine = traces.load(rows.digest, context.cache)
        if mine is None or mine.order != traces.order(rows):
            mine = traces.of(rows, engine)
            traces.save(mine, rows.digest, context.cache)
        told = Told()
        found = self._found(Index.of(rows, mine), others, context, engine, told)
        if len(told.absent) == len(others):
            return Measurement((), notes=(_absent(told.absent, "no other registered dataset is at hand"),))
        found = self._unexplained(found, rows, mine, declared, context, engine)
        return self._measurement(rows, found, [*_notes(others, same, told)])

    def _found(
        self, own: Index, others: list[Other], context: Context, engine: Engine, told: Told
    ) -> dict[str, Matches]:
        """Rows of ours by the dataset that they are in. What is kept is looked through by all threads."""
        found: dict[str, Matches] = {}
        kept = engine.map(lambda other: _kept(own, other, context), others)
        for done, (other, known) in enumerate(zip(others, kept, strict=True)):
            theirs, met, opened = _present(own, other, known, context, engine)
            if theirs is None:
                told.absent.append(str(other))
                continue
            told.sampled = max(told.sampled, len(theirs) if len(theirs) > SCREEN else 0)
            if met:
                matches = own.matches(theirs.table, opened, self.threshold)
                found |= {other.refs[0]: matches} if len(matches) else {}
            context.progress(done + 1, len(others))
        return found

    def _unexplained(
        self,
        found: Mapping[str, Matches],
        rows: Dataset,
        mine: Traces,
        declared: list[Other],
        context: Context,
        engine: Engine,
    ) -> dict[str, Matches]:
        """What is left of the traces where declared sources that are at hand account for as much."""
        if not found or not declared:
            return dict(found)
        among = np.unique(np.concatenate([one.ours for one in found.values()]))
        explained = np.zeros(rows.rows)
        for met in self._found(Index.of(rows, mine, among), declared, context, engine, Told()).values():
            explained[met.ours] = np.maximum(explained[met.ours], met.strength)
        left = {ref: one.where(one.strength > explained[one.ours]) for ref, one in found.items()}
        return {ref: one for ref, one in left.items() if len(one)}

    def _measurement(self, rows: Dataset, found: Mapping[str, Matches], notes: list[str]) -> Measurement:
        n, metric = rows.rows, self.spec.metric
        refs = sorted(found, key=lambda ref: (-len(found[ref]), ref))
        strength, source = np.zeros(n), np.full(n, -1)
        found_as, theirs = np.full(n, -1), np.zeros(n, np.int64)
        for index, ref in enumerate(refs):
            one = found[ref]
            better = one.strength > strength[one.ours]
            at = one.ours[better]
            strength[at], source[at] = one.strength[better], index
            found_as[at], theirs[at] = one.kind[better], one.theirs[better]
        counts = np.bincount(found_as[found_as >= 0], minlength=len(KINDS))
        copied = (found_as == COPY) | (found_as == NEAR)
        metrics = (
            rate(metric("rate"), int(np.count_nonzero(copied)), n),
            *(Metric(metric(KINDS[kind]), int(counts[kind]), "rows", n) for kind in (COPY, NEAR)),
            rate(metric(KINDS[PROMPT]), int(counts[PROMPT]), n),
            Metric(metric("datasets"), sum(bool((found[ref].kind < PROMPT).any()) for ref in refs), "datasets", n),
        )
        slices = [
            Slice("source", ref, rate(metric("rate"), int(np.count_nonzero(found[ref].kind < PROMPT)), n))
            for ref in refs
        ]
        for ref in refs[:5]:
            copies, near, prompts = np.bincount(found[ref].kind, minlength=3).tolist()
            notes.append(
                f"{ref}: {copies:,} rows with the same text, {near:,} nearly, {prompts:,} with the same prompt"
            )
        at = np.flatnonzero(found_as >= 0)
        columns = {"row": at, "kind": found_as[at], "theirs": theirs[at], "strength": strength[at]}
        names = np.array(refs, object)[source[at]] if len(at) else []
        table = pa.table({**{k: pa.array(v) for k, v in columns.items()}, "source": pa.array(names, pa.string())})
        by = sliced_rates(metric("rate"), copied, gather_groups(rows))
        return Measurement(metrics, (*slices, *by), (), tuple(notes), {"traced": table})

    def locate(self, rows: Dataset, measurement: Measurement, context: Context) -> Iterator[pa.Table]:
        """Every row that was traced, with the row that it was traced to."""
        traced = measurement.tables["traced"]
        for start in range(0, len(traced), LOCATE):
            part = traced.slice(start, LOCATE)
            kind = part.column("kind").to_numpy()
            for code, name in enumerate(KINDS):
                mine = part.filter(pa.array(kind == code))
                if not len(mine):
                    continue
                at = mine.column("row").to_numpy()
                seen = rows.take(at, ["prompt" if name == "prompt_rate" else "text"]).column(0).to_pylist()
                table = findings(
                    at,
                    self.spec.metric(name),
                    [cut(text) for text in seen],
                    score=None if name == "prompt_rate" else mine.column("strength").to_numpy(),
                    related=mine.column("theirs").combine_chunks(),
                )
                place = table.schema.get_field_index("related_dataset")
                yield table.set_column(place, table.schema.field(place), mine.column("source").combine_chunks())


def _relations(rows: Dataset, pedigree: Pedigree) -> tuple[list[Other], list[Other], list[str]]:
    """(declared sources, other datasets to look in, names that other datasets with these very rows have)."""
    graph, own = pedigree.graph, pedigree.card.name
    up = set(graph.upstream(pedigree.node)) | {f"dataset:{s.dataset}" for _, s in pedigree.version.lineage.sources()}
    down: set[str] = set()
    for version in pedigree.card.versions:
        down.update(graph.downstream(f"dataset:{pedigree.card.ref(version)}"))
    named: dict[str, list[str]] = {}
    for card in pedigree.cards.values():
        for version in card.versions if card.name != own else ():
            named.setdefault(version.digest, []).append(card.ref(version))
    digests = {source.digest for _, source in pedigree.version.lineage.sources()}
    declared, others = [], []
    for digest, refs in sorted(named.items(), key=lambda item: min(item[1])):
        nodes = {f"dataset:{ref}" for ref in refs}
        one = Other(digest, tuple(sorted(refs)))
        if digest in digests or nodes & up:
            declared.append(one)
        elif not nodes & down and digest not in (rows.digest, pedigree.version.digest):
            others.append(one)
    seeds = [Other(seeds.digest, (name,)) for name, seeds in sorted(pedigree.seeds.items())]
    declared += [one for one in seeds if one.digest not in {other.digest for other in declared}]
    return declared, others, sorted(named.get(rows.digest, ()))


def _kept(own: Index, other: Other, context: Context) -> tuple[Traces | None, bool]:
    """What is kept of a dataset, and whether a row of ours may be in it."""
    theirs = traces.load(other.digest, context.cache)
    return theirs, theirs is not None and _meets(own, theirs)


def _present(
    own: Index, other: Other, known: tuple[Traces | None, bool], context: Context, engine: Engine
) -> tuple[Traces | None, bool, Dataset | None]:
    """What is known, made anew from the rows where they are wanted and nothing is kept of them in this order."""
    theirs, met = known
    opened = _open(other, context) if theirs is None or met else None
    if opened is None or (theirs is not None and theirs.order == traces.order(opened)):
        return theirs, met, opened
    fresh = traces.of(opened, engine)
    traces.save(fresh, other.digest, context.cache)
    return fresh, _meets(own, fresh), opened


def _meets(own: Index, theirs: Traces) -> bool:
    return own.meets(theirs.table[:SCREEN]) and (len(theirs) <= SCREEN or own.meets(theirs.table))


def _open(other: Other, context: Context) -> Dataset | None:
    """The dataset's rows where they are at hand and are still those that were registered."""
    assert context.pedigree is not None
    for ref in other.refs:
        opened = context.pedigree.seeds.get(ref) or context.pedigree.open(ref)
        if opened is not None and opened.digest == other.digest:
            return opened
    return None


def _notes(others: list[Other], same: list[str], told: Told) -> Iterator[str]:
    yield f"looked for in {len(others) - len(told.absent):,} registered datasets"
    if told.absent:
        yield _absent(told.absent, "not looked for where no rows are at hand")
    if same:
        yield f"{', '.join(same)} has the same rows: one dataset under two names"
    if told.sampled:
        escape = 1 - SCREEN / told.sampled
        yield (
            f"of datasets beyond {SCREEN:,} rows a sample is looked at first: of the largest "
            f"({told.sampled:,} rows), 100 rows would escape with probability {escape**100:.2g}"
        )


def _absent(names: list[str], what: str) -> str:
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    return f"{what}: {', '.join(names[:5])}{more}; bring them back with `auditor checkout NAME@VERSION`"
