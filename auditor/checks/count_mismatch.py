"""Numbers of rows that the card has wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar

from auditor.core.check import Case, Context, Engine, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, Faultfinding, Seen
from auditor.model import tiny
from auditor.model.card import Generator, Lineage, Model
from auditor.model.pedigree import Pedigree
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

_ROWS = ({"prompt": "Name a prime.", "response": "7"}, {"prompt": "Name a square.", "response": "9"})


def _by(*shares: int) -> Pedigree:
    """Two rows, and how many of them the card gives to each of its generators."""
    pedigree = tiny.pedigree("train@1", {"train@1": tiny.Made(rows=2)})
    generators = tuple(Generator(Model(f"model-{i}"), rows=rows) for i, rows in enumerate(shares))
    return replace(pedigree, version=replace(pedigree.version, lineage=Lineage(generators=generators)))


@check
@dataclass(frozen=True)
class CountMismatch(Faultfinding):
    """More rows, or fewer, than the card says.

    What: how many rows more or fewer were read than the card's version counts (`rows`), rows in the
    quarantine among the missing ones; and numbers of the card that cannot be true together (`facts`):
    generators or prompts to which more rows are given than there are.

    Why it matters: rows lost on the way (a truncated upload, a filter that nobody declared, a shard left
    out) are the commonest damage to a dataset and do not show in any rate; and shares by generator are
    what licences and real-share are computed from.

    Example: the card says 9,229 rows, the file has 9,000: a job was killed while it wrote.

    Remedy: find where the rows went; register what there is as a new version.

    Limits: counts that agree prove nothing about content; digest-mismatch does that. Numbers of rows by
    generator are held against each other and the total, not against a column of the rows. Where DVC has the
    very bytes and another release's reader counted them, another number is no fault.

    Reference: Gebru et al. 2021, "Datasheets for Datasets", CACM 64(12): how many instances there are.
    """

    spec: ClassVar[Spec] = Spec(
        "count-mismatch",
        "Rows other than the card counts",
        (
            Measure(
                "rows",
                "rows",
                "rows read beyond, or short of, what the card says",
                "find where the rows went, and register what there is as a new version",
            ),
            Measure(
                "facts",
                "numbers",
                "sums of the card's own numbers by generator or prompt that exceed its rows",
                "count again, and mend the card by registering the version anew",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                _ROWS, "count_mismatch.rows", pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(rows=3)})
            ),
            Case(_ROWS, "count_mismatch.facts", pedigree=lambda: _by(2, 1)),
        ),
        quiet=(
            Case(
                _ROWS, "count_mismatch.rows", pedigree=lambda: tiny.pedigree("train@1", {"train@1": tiny.Made(rows=2)})
            ),
            Case(_ROWS, "count_mismatch.facts", pedigree=lambda: _by(1, 1)),
        ),
    )

    def run(self, rows: Dataset, context: Context, engine: Engine) -> Measurement:
        pedigree = context.pedigree
        assert pedigree is not None, "checks that need lineage are skipped without one"
        wanted, ref = pedigree.version.rows, pedigree.card.ref(pedigree.version)
        apart = abs(rows.rows - wanted)
        faults = list(self._facts(pedigree))
        if pedigree.reread:  # the bytes are those that DVC recorded
            apart = 0
        if apart:
            lost = f", and {rows.quarantine.count:,} are in the quarantine" if rows.quarantine.count else ""
            sentence = f"{rows.rows:,} rows were read, and the card of {ref} says {wanted:,}{lost}"
            faults.append(Fault("rows", pedigree.node, sentence, float(apart)))
        return self.measured(Seen(faults, rows.rows, {"rows": apart}))

    def _facts(self, pedigree: Pedigree) -> Iterator[Fault]:
        version = pedigree.version
        for what, parts in (("generators", version.lineage.generators), ("prompts", version.lineage.prompts)):
            given = sum(part.rows for part in parts if part.rows is not None)
            if given > version.rows:
                sentence = f"the card gives {given:,} rows to its {what}, and has {version.rows:,}"
                yield Fault("facts", pedigree.node, sentence, float(given - version.rows))
