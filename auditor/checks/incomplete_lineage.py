"""incomplete-lineage: a version whose card leaves out what its technique makes necessary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import Fault, LineageRoom, Seen
from auditor.model import kinship, tiny
from auditor.model.pedigree import Pedigree
from auditor.model.techniques import TECHNIQUES, meaning
from auditor.model.tiny import Facts, Made

SEEDS = Made(kind="real", technique="human", people=("annotators",))
WHOLE = Made(
    technique="self-instruct",
    generators=("gpt-4o@2024-08-06",),
    prompts=("Come up with a series of tasks",),
    seeds=("seeds@1",),
)
TOLD = Facts(owner="data team", purpose="research", licence="cc-by-4.0")


@check
@dataclass(frozen=True, slots=True)
class IncompleteLineage(LineageRoom):
    """A card that leaves out facts without which the version cannot be made again or answered for.

    What: `missing` counts the facts that the version's technique requires and the card does not give
    (of each column's technique, where columns differ); a technique that is not said is one of them.
    `unpinned` counts models without a revision and sources without a digest: the name stays and the
    content changes. `card` counts owner, purpose and licence where they are not said.

    Why it matters: when a model is withdrawn, a prompt is found to leak, or a seed turns out to be a test
    set, only what was written down can be traced. An audit of 1,800 text datasets found the licence left out
    for more than 70 % of them where they are hosted (Longpre et al. 2023).

    Example: `technique: self-instruct` with a generator and seeds, but no prompt.

    Remedy: give the fact to `auditor register` (`--prompt`, `--seeds`, `--generator MODEL@REVISION`), or
    write it into the card. A model whose name ends in a snapshot's date is pinned by its name.

    Limits: a fact that is there may be wrong; the checks of verified lineage read the rows.

    Source: requirements as in `auditor.model.techniques`, each with its paper; Gebru et al. 2021, "Datasheets
    for datasets", arXiv:1803.09010; Longpre et al. 2023, "The data provenance initiative", arXiv:2310.16787.
    """

    spec: ClassVar[Spec] = Spec(
        name="incomplete-lineage",
        title="Facts of lineage that are not written down",
        measures=(
            Measure(
                "missing",
                "facts",
                "facts that the technique requires and the card leaves out",
                "register the version again with the fact, or write it into the card",
            ),
            Measure(
                "unpinned",
                "facts",
                "models without a revision, sources without a digest",
                "name the revision that was run (MODEL@REVISION), and register the source",
            ),
            Measure("card", "facts", "owner, purpose or licence not said", "write it into the dataset's card"),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "incomplete_lineage.missing",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": Made(generators=("gpt-4o@2024-08-06",))}),
            ),
            Case(
                (),
                "incomplete_lineage.unpinned",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": Made(generators=("gpt-4o",))}),
            ),
        ),
        quiet=tuple(
            Case(
                (),
                f"incomplete_lineage.{measure}",
                pedigree=lambda: tiny.pedigree("train@1", {"train@1": WHOLE, "seeds@1": SEEDS}, cards={"train": TOLD}),
            )
            for measure in ("missing", "unpinned", "card")
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        faults = (*_missing(pedigree), *_unpinned(pedigree), *_unsaid(pedigree))
        lineage = pedigree.version.lineage
        techniques = {name for name in (lineage.technique, *lineage.fields.values()) if name in TECHNIQUES}
        return Seen(faults, among=1 + sum(len(TECHNIQUES[name or ""].requires) for name in techniques))


def _missing(pedigree: Pedigree) -> Iterator[Fault]:
    lineage, node = pedigree.version.lineage, pedigree.node
    if lineage.technique is None and not lineage.fields:
        yield Fault("missing", node, "the card does not say how the rows were made (technique)")
    made = {lineage.technique or "": "the rows"}
    made |= {name: f"the {column!r} column" for column, name in lineage.fields.items() if name not in made}
    for name, what in made.items():
        technique = TECHNIQUES.get(name)
        if technique is not None:
            for wanted in technique.missing(lineage):
                needed = wanted.replace("|", " or ")
                yield Fault("missing", node, f"{what} came by {name}, and {needed} is not given: {meaning(wanted)}")


def _unpinned(pedigree: Pedigree) -> Iterator[Fault]:
    lineage, node = pedigree.version.lineage, pedigree.node
    models = [("generator", generator.model) for generator in lineage.generators]
    for role, model in (*models, *(("judge", judge) for judge in lineage.judges)):
        if not model.revision and not kinship.pinned(model.name):
            yield Fault("unpinned", node, f"the {role} {model.name} has no revision: which weights wrote is not known")
    for prompt in lineage.prompts:
        if not prompt.digest:
            yield Fault("unpinned", node, f"the prompt {prompt.name} has no digest: its words are not known")
    for role, source in lineage.sources():
        if source.digest is None:
            yield Fault("unpinned", node, f"the {role} {source} has no digest: which rows it had is not known")


def _unsaid(pedigree: Pedigree) -> Iterator[Fault]:
    card = pedigree.card
    for name, value in (("owner", card.owner), ("purpose", card.purpose), ("licence", card.licence)):
        if not value:
            yield Fault("card", pedigree.node, f"the card of {card.name} names no {name}")
