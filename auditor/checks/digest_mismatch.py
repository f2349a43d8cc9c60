"""Rows that are not the rows which the card was written for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.model import tiny
from auditor.model.card import Source
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

REREAD = "read by another release than the card's digest is by: the bytes are those that DVC recorded"

_ROWS = ({"prompt": "Name a prime.", "response": "7"}, {"prompt": "Name a square.", "response": "9"})


@check
@dataclass(frozen=True)
class DigestMismatch(Faultfinding):
    """Content that differs from what its card says.

    What: the digest of the rows as they were read differs from the digest in the card (`rows`); a seed
    dataset as it lies here, or as its own card has it, differs from the digest that this card recorded
    when the version was made (`sources`).

    Why it matters: a card that describes other rows is worse than none. Whoever trusts its lineage,
    licence or verdict trusts them for data that nobody looked at; and a seed that has changed since
    cannot make the same rows again.

    Example: two rows were mended by hand after `auditor register`; the card still carries the verdict
    of the version before that.

    Remedy: register the rows as a new version, or bring the registered ones back with
    `auditor checkout NAME@VERSION`.

    Limits: a digest is SHA-256 over the sorted SHA-256 of the canonical rows: neither the order of rows
    nor the file format changes it, and so neither is found here. A parent's rows are not read; its
    digest is held against its card. The bytes that DVC tracks are checked where a version is resolved;
    where they are those that DVC recorded, and another release read them then, another digest is no fault.

    Reference: FIPS 180-4 (SHA-256); in-toto attestation framework, digests of subjects.
    """

    spec: ClassVar[Spec] = Spec(
        "digest-mismatch",
        "Rows other than the card's",
        (
            Measure(
                "rows",
                "digests",
                "1 where the rows read have another digest than the card says",
                "register them as a new version, or check the registered one out",
            ),
            Measure(
                "sources",
                "digests",
                "seeds and parents whose digest is no longer the one that the card recorded",
                "check the recorded version of the source out, or regenerate from the present one",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(_ROWS, "digest_mismatch.rows", pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made()})),
        ),
        quiet=(
            Case(
                _ROWS,
                "digest_mismatch.sources",
                pedigree=lambda: tiny.pedigree(
                    "train@1", {"train@1": tiny.Made(seeds=("seeds@1",)), "seeds@1": tiny.Made("real")}
                ),
            ),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        pedigree = context.pedigree
        assert pedigree is not None, "checks that need lineage are skipped without one"
        faults = [*self._own(rows, pedigree), *self._sources(pedigree)]
        notes = (REREAD,) if pedigree.reread else ()
        return self.measured(Seen(faults, 1 + len(list(pedigree.version.lineage.sources())), notes=notes))

    def _own(self, rows: Dataset, pedigree: Pedigree) -> Iterator[Fault]:
        wanted, ref = pedigree.version.digest, pedigree.card.ref(pedigree.version)
        if rows.digest != wanted and not pedigree.reread:
            yield Fault("rows", pedigree.node, f"the rows read are {rows.digest}, and the card of {ref} says {wanted}")

    def _sources(self, pedigree: Pedigree) -> Iterator[Fault]:
        for role, source in pedigree.version.lineage.sources():
            for place, seen in _present(source, pedigree):
                if source.digest and seen != source.digest:
                    sentence = f"the {role} {source} was {source.digest} when this was made, and {place} is {seen}"
                    yield Fault("sources", _node(source, pedigree), sentence)
                    break


def _present(source: Source, pedigree: Pedigree) -> Iterator[tuple[str, str]]:
    """Where the source is known, and its digest there."""
    name, _, number = (source.dataset or "").rpartition("@")
    card = pedigree.cards.get(name)
    version = card.version(int(number)) if card and number.isdigit() else None
    if version is not None:
        yield "its own card", version.digest
    seeds = pedigree.seeds.get(str(source))
    # Of a registered version DVC vouches for the bytes; another release may have read other rows in them.
    vouched = version is not None and version.dvc is not None and version.reader != pedigree.reader
    if seeds is not None and not vouched:
        yield "what lies here", seeds.digest


def _node(source: Source, pedigree: Pedigree) -> str:
    """The source's id in the graph, or what the card calls it."""
    wanted = f"dataset:{source}" if source.dataset else f"file:{source}"
    return next((edge.source for edge in pedigree.graph.into(pedigree.node) if edge.source.startswith(wanted)), wanted)
