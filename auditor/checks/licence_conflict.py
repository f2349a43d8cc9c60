"""licence-conflict: data put to a use that a licence or a provider's terms behind it rule out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from auditor.core.check import Case, Measure, Spec, check
from auditor.core.lineage.inspections import CONTENT, DATA, Fault, LineageRoom, Seen, ancestry
from auditor.model import tiny
from auditor.model.graph import Role
from auditor.model.kinship import DUTIES, USES, Terms, bare
from auditor.model.pedigree import Pedigree
from auditor.model.tiny import Facts, Made

SPOKE: frozenset[Role] = frozenset(("generator", "judge"))
PARENT: frozenset[Role] = frozenset(("parent",))
TRAINED: frozenset[Role] = frozenset(("trained_on",))
LEARNT: frozenset[Role] = frozenset(("trained_on", "base", "distilled_from"))


@dataclass(frozen=True, slots=True)
class Bond:
    """Terms that the version is under. node: the dataset or model they come from."""

    node: str
    terms: Terms


@check
@dataclass(frozen=True, slots=True)
class LicenceConflict(LineageRoom):
    """A use that the terms of a generator, a judge or a source rule out.

    What: the card's `purpose` says what the data is for (`purposes` in `expectations/lineage`; prose is
    looked through for known words). `conflicts` counts what contradicts the terms of the models that wrote or
    judged its rows or its sources' rows, and the licences of its sources, to any depth: a use that they
    forbid (training a competing model, commercial use); a share-alike parent under another licence; a model
    trained on it whose name lacks the prefix that is asked for ("Llama"). `behind_models` counts forbidden
    uses that lie further back, behind the training of a generator. `unstated` counts what is not known: a
    purpose, a source's licence, a model's terms. Duties that travel along are told as a note.

    Why it matters: a competitive-training clause binds what is made of the output, a non-commercial seed
    makes a commercial set unusable, and it is found out after the model was trained.

    Example: answers by gpt-4o, purpose `commercial-training`; seeds under CC BY-NC 4.0.

    Remedy: generate with a model whose terms allow the use, replace the source, or put your own contract with
    the provider into a table of the workspace (`terms:` under the same name, or on the card).

    Limits: this compares tables, and is no legal advice; `terms` on a card replaces those of its generators,
    and what no table knows is `unstated`.

    Source: the text of each licence, with its address and date, in `expectations/lineage/licences.yaml`;
    Longpre et al. 2023, "The data provenance initiative", arXiv:2310.16787.
    """

    spec: ClassVar[Spec] = Spec(
        name="licence-conflict",
        title="Uses that terms and licences rule out",
        measures=(
            Measure(
                "conflicts",
                "conflicts",
                "uses that terms or licences behind the rows rule out",
                "write the rows with a model, or from a source, whose terms allow the use",
            ),
            Measure(
                "behind_models",
                "conflicts",
                "forbidden uses behind the training of a generator",
                "ask counsel, or generate with a model of known origin",
            ),
            Measure(
                "unstated",
                "facts",
                "purposes, licences and terms that are not known",
                "write them on the cards, or add a table to expectations/lineage",
            ),
        ),
        needs=("lineage",),
        fires=(
            Case(
                (),
                "licence_conflict.conflicts",
                pedigree=lambda: tiny.pedigree(
                    "sft@1",
                    {"sft@1": Made(generators=("gpt-4o@2024-08-06",))},
                    cards={"sft": Facts(purpose="commercial-training")},
                ),
            ),
            Case(
                (),
                "licence_conflict.unstated",
                pedigree=lambda: tiny.pedigree("sft@1", {"sft@1": Made(generators=("gpt-4o@2024-08-06",))}),
            ),
        ),
        quiet=tuple(
            Case(
                (),
                f"licence_conflict.{measure}",
                pedigree=lambda: tiny.pedigree(
                    "sft@1",
                    {"sft@1": Made(generators=("qwen2.5-7b@1",), seeds=("seeds@1",)), "seeds@1": Made(kind="real")},
                    cards={"sft": Facts(purpose="commercial-training"), "seeds": Facts(licence="cc-by-4.0")},
                ),
            )
            for measure in ("conflicts", "behind_models", "unstated")
        ),
    )

    def look(self, pedigree: Pedigree) -> Seen:
        near = dict.fromkeys(ancestry(pedigree, DATA))
        far = [n for n in ancestry(pedigree, CONTENT) if n not in near and pedigree.graph.nodes[n].kind != "model"]
        bonds, unknown = _bonds(pedigree, near)
        behind, _ = _bonds(pedigree, far)
        uses = pedigree.kinship.uses(pedigree.card.purpose) if pedigree.card.purpose else None
        faults = [
            *_forbidden(pedigree, "conflicts", bonds, uses or frozenset()),
            *_forbidden(pedigree, "behind_models", behind, uses or frozenset()),
            *_not_alike(pedigree),
            *_not_named(pedigree, bonds),
            *(Fault("unstated", node, why) for node, why in unknown),
        ]
        if uses is None:
            purpose = pedigree.card.purpose
            said = f"has a purpose of no known meaning ({purpose})" if purpose else "names no purpose"
            faults.append(Fault("unstated", pedigree.node, f"the card of {pedigree.card.name} {said}"))
        return Seen(faults, len(bonds) + len(behind), notes=tuple(_duties(bonds)))


def _bonds(pedigree: Pedigree, nodes: Iterable[str]) -> tuple[list[Bond], list[tuple[str, str]]]:
    """The terms over the rows of these datasets, and what has none that are known."""
    graph, known = pedigree.graph, pedigree.kinship
    bonds: dict[tuple[str, str], Bond] = {}
    unknown: dict[str, str] = {}
    for node in nodes:
        about = graph.nodes[node]
        card = pedigree.cards.get(about.name) if about.kind == "dataset" else None
        if node != pedigree.node:
            licence = known.licence(card.licence) if card and card.licence else None
            if licence is not None:
                bonds[node, licence.name] = Bond(node, licence)
            elif card is not None or about.kind == "file":
                said = card.licence if card else None
                unknown[node] = f"the source {about} " + (
                    f"is under {said!r}, in no table" if said else "has no licence"
                )
        own = known.licence(card.terms) if card and card.terms else None
        for edge in graph.into(node, SPOKE):
            name = graph.nodes[edge.source].name
            terms = (own,) if own is not None else known.terms_of(name)
            bonds |= {(edge.source, each.name): Bond(edge.source, each) for each in terms}
            # A model of our own has no maker to ask.
            if not terms and not graph.into(edge.source, LEARNT):
                unknown[edge.source] = f"the terms of {name} are in no table"
    return list(bonds.values()), sorted(unknown.items())


def _forbidden(pedigree: Pedigree, measure: str, bonds: Iterable[Bond], uses: frozenset[str]) -> Iterator[Fault]:
    for bond in bonds:
        for use in sorted(uses.intersection(bond.terms.forbids)):
            if use == "other-model" and _stays_in_line(pedigree, bond):
                continue
            name = pedigree.graph.nodes[bond.node]
            sentence = f"{bond.terms.title} ({name}) forbids {USES[use]}; the purpose is {pedigree.card.purpose}"
            yield Fault(measure, bond.node, sentence)


def _stays_in_line(pedigree: Pedigree, bond: Bond) -> bool:
    """Whether every model trained on the version is of the line that its licence excepts."""
    graph, known = pedigree.graph, pedigree.kinship
    students = [graph.nodes[edge.target].name for edge in graph.out_of(pedigree.node, TRAINED)]
    teacher = graph.nodes[bond.node].name
    return bool(students) and all(known.relation(teacher, student) in ("same", "family") for student in students)


def _not_alike(pedigree: Pedigree) -> Iterator[Fault]:
    if pedigree.card.licence is None:
        return
    mine = pedigree.kinship.licence(pedigree.card.licence)
    for node in pedigree.graph.upstream(pedigree.node, roles=PARENT):
        card = pedigree.cards.get(pedigree.graph.nodes[node].name)
        theirs = pedigree.kinship.licence(card.licence) if card and card.licence else None
        if theirs is not None and "share-alike" in theirs.requires and not (mine and _later(mine.name, theirs.name)):
            sentence = f"its rows are in {pedigree.card.name}, which is under {pedigree.card.licence}"
            yield Fault("conflicts", node, f"{theirs.title} asks for the same licence: {sentence}")


def _later(mine: str, theirs: str) -> bool:
    """Whether it is the same licence, or a later version of it, as share-alike licences allow."""
    (stem, _, number), (asked, _, least) = mine.rpartition("-"), theirs.rpartition("-")
    return stem == asked and number >= least


def _not_named(pedigree: Pedigree, bonds: Iterable[Bond]) -> Iterator[Fault]:
    graph = pedigree.graph
    students = sorted({edge.target for edge in graph.out_of(pedigree.node, TRAINED)})
    for bond in bonds:
        for duty in bond.terms.requires:
            kind, _, prefix = duty.partition(":")
            for student in students if kind == "name-prefix" else ():
                name = graph.nodes[student].name
                if not _plain(bare(name)).startswith(_plain(prefix)):
                    sentence = f"{bond.terms.title} asks that {name}, trained on it, be called {prefix}…"
                    yield Fault("conflicts", student, sentence)


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _duties(bonds: Iterable[Bond]) -> Iterator[str]:
    duties: dict[str, list[str]] = {}
    for bond in bonds:
        for duty in bond.terms.requires:
            if bond.terms.title not in duties.setdefault(duty, []):
                duties[duty].append(bond.terms.title)
    for duty, titles in sorted(duties.items()):
        kind, _, prefix = duty.partition(":")
        shown = ", ".join(sorted(titles)[:4]) + (" …" if len(titles) > 4 else "")
        yield f"{kind}{f' {prefix}' if prefix else ''}: {DUTIES[kind].split(' (')[0]} ({shown})"
