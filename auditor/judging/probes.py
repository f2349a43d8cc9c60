"""The probes that a judge is tried with: pairs written for it, whose right verdict nobody disputes (`probes.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from auditor.core import documents
from auditor.core.documents import Entry
from auditor.judging.questions import Item, Material

__all__ = ["FAMILIES", "RIGHT", "WRONG", "Probe", "family", "material", "read"]

RIGHT, WRONG = "plain", "tried"
"""Makers in the verdicts, in the order of the alphabet: who should win is A."""

Wanted = Literal["a", "not b", "tie", "same"]
"""Of both orders: A wins; B does not win; neither wins; the same verdict, whichever."""

FAMILIES: Mapping[str, Wanted] = {
    "control": "a",
    "swapped": "same",
    "identical": "tie",
    "padded": "not b",
    "empty": "a",
    "own_family": "a",
    "injected": "a",
    "formatted": "not b",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """a: what should win, or the plain one of two as good answers. name: family and number, such as `padded/2`."""

    name: str
    question: str
    a: str
    b: str


def read() -> tuple[Probe, ...]:
    """All probes, family by family."""
    document = documents.read(Path(__file__).with_name("probes.yaml"))
    families = document.mapping("probes", ("version", *FAMILIES), ("version", *FAMILIES))
    return tuple(
        _probe(f"{family}/{number}", entry)
        for family in FAMILIES
        for number, entry in enumerate(families[family].items(family), 1)
    )


def material(model: str) -> Material:
    """The probes as pairs to judge. model: the judge's own, whose name some of them bear."""
    found = [Item(one.name, one.question, (one.a, one.b.replace("{model}", model)), (RIGHT, WRONG)) for one in read()]
    return Material(lambda: iter(found), len(found), 2)


def family(item: str) -> str:
    return item.partition("/")[0]


def _probe(name: str, entry: Entry) -> Probe:
    given = entry.mapping("a probe", ("question", "a", "b"), ("question", "a"))
    b = str(given["b"].value) if "b" in given else given["a"].text("a")  # may be empty
    return Probe(name, given["question"].text("question"), given["a"].text("a"), b)
