"""How rows are made: the closed vocabulary of techniques, and the facts without which one is not documented.

A name outside it is an error of the card; a fact that is missing is a finding of `incomplete-lineage`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.model.card import Lineage

PARTS: Mapping[str, str] = {
    "generators": "the model that wrote the rows, with its revision",
    "prompts": "the prompt that it was given, by content",
    "seeds": "the dataset that the generation was shown",
    "parents": "the dataset whose rows are in this one, changed or not",
    "judges": "the model that chose or scored rows",
    "people": "who wrote, labelled or reviewed",
}
"""Fields of `Lineage` that a technique may ask for."""

FACTS: Mapping[str, str] = {
    "program": "the program that made the rows: a file, or a package with its version",
    "random_seed": "the seed of the program's random numbers",
    "language": "the language translated into, or through (a BCP 47 tag)",
    "roles": "the roles that the models played",
    "target": "the model that the rows were made to break",
    "verifier": "what tells a right row from a wrong one: unit tests, a solver, a checker",
    "iteration": "which round of the loop this is, from 1",
    "taxonomy": "the tree of topics that the rows were drawn from: a file or a URL",
    "origin": "where the rows lay before: a URL, a system, a log",
}
"""Keys of `Lineage.facts` that a technique may ask for."""


@dataclass(frozen=True, slots=True)
class Technique:
    """requires: names of PARTS or FACTS; `seeds|parents` is satisfied by either. written: who chose the
    words, "model", "program", "people", or "none" where the technique
    does not tell and the generators do. source: the paper that introduced or best describes it."""

    name: str
    definition: str
    requires: tuple[str, ...]
    source: str
    written: str = "model"

    def missing(self, lineage: Lineage) -> tuple[str, ...]:
        """The requirements that the lineage does not meet, as written in `requires`."""
        return tuple(wanted for wanted in self.requires if not any(_has(lineage, one) for one in wanted.split("|")))


def meaning(requirement: str) -> str:
    """A requirement in words: `seeds|parents` -> "the dataset that …, or the dataset whose …"."""
    return ", or ".join(PARTS.get(one) or FACTS[one] for one in requirement.split("|"))


def _has(lineage: Lineage, name: str) -> bool:
    if name in PARTS:
        return bool(getattr(lineage, name))
    return lineage.facts.get(name) not in (None, "")


_ALL = (
    Technique(
        "template",
        "a program fills the slots of fixed sentences; no model writes",
        ("program|prompts",),
        "Weston et al. 2015, arXiv:1502.05698 (bAbI)",
        "program",
    ),
    Technique(
        "augmentation",
        "existing rows changed by rules: synonyms, noise, swapped or dropped words",
        ("parents|seeds", "program"),
        "Wei and Zou 2019, arXiv:1901.11196 (EDA)",
        "program",
    ),
    Technique(
        "simulation",
        "a simulated world or process is run, and what happens in it is written down",
        ("program|generators", "random_seed|prompts"),
        "Lopez-Rojas et al. 2016, PaySim, EMSS 2016; by models: Park et al. 2023, arXiv:2304.03442",
        "program",
    ),
    Technique(
        "paraphrase",
        "a model says existing rows in other words, keeping what they mean",
        ("generators", "prompts", "parents|seeds"),
        "Maini et al. 2024, arXiv:2401.16380 (WRAP)",
    ),
    Technique(
        "translation",
        "a model turns existing rows into another language",
        ("generators", "parents|seeds", "language"),
        "Li et al. 2023, arXiv:2305.15011 (Bactrian-X)",
    ),
    Technique(
        "back-translation",
        "existing text is translated into another language to make the other half of a pair, or there and back",
        ("generators", "parents|seeds", "language"),
        "Sennrich et al. 2016, arXiv:1511.06709",
    ),
    Technique(
        "reverse-instruction",
        "a model writes the instruction to which an existing text is the answer",
        ("generators", "prompts", "seeds|parents"),
        "Li et al. 2023, arXiv:2308.06259 (Humpback); Köksal et al. 2023, arXiv:2304.08460 (LongForm)",
    ),
    Technique(
        "self-instruct",
        "a model is shown a few seed tasks and writes new ones, with their answers",
        ("generators", "prompts", "seeds"),
        "Wang et al. 2023, arXiv:2212.10560",
    ),
    Technique(
        "self-play",
        "one model speaks both sides of a conversation or game",
        ("generators", "prompts"),
        "Xu et al. 2023, arXiv:2304.01196 (Baize)",
    ),
    Technique(
        "multi-agent",
        "several models in roles of their own make a row together",
        ("generators", "prompts", "roles"),
        "Li et al. 2023, arXiv:2303.17760 (CAMEL)",
    ),
    Technique(
        "self-revision",
        "a model criticises its own answer and writes it again",
        ("generators", "prompts"),
        "Bai et al. 2022, arXiv:2212.08073 (Constitutional AI); Madaan et al. 2023, arXiv:2303.17651",
    ),
    Technique(
        "code-pipeline",
        "a model writes programs, and only what runs or passes its tests is kept",
        ("generators", "prompts", "verifier"),
        "Haluptzok et al. 2022, arXiv:2207.14502",
    ),
    Technique(
        "distillation",
        "a stronger model answers prompts that already exist, for a weaker one to learn from",
        ("generators", "seeds|parents"),
        "Kim and Rush 2016, arXiv:1606.07947",
    ),
    Technique(
        "persona",
        "a model writes as, or for, each of many described people",
        ("generators", "prompts", "seeds|parents"),
        "Ge et al. 2024, arXiv:2406.20094 (Persona Hub)",
    ),
    Technique(
        "adversarial",
        "rows made to break a model: attacks, red-team questions, hard negatives",
        ("generators|people", "target"),
        "Perez et al. 2022, arXiv:2202.03286",
        "none",
    ),
    Technique(
        "preference-labels",
        "a judge or people choose between answers",
        ("judges|people", "generators|parents|seeds"),
        "Lee et al. 2023, arXiv:2309.00267 (RLAIF)",
        "none",
    ),
    Technique(
        "iterative-self-improvement",
        "a model is trained on those of its own answers that were found good, round after round",
        ("generators", "prompts|parents|seeds", "judges|verifier|people", "iteration"),
        "Zelikman et al. 2022, arXiv:2203.14465 (STaR)",
    ),
    Technique(
        "taxonomy",
        "a model writes rows for every leaf of a tree of topics or skills",
        ("generators", "prompts", "taxonomy|seeds"),
        "Li et al. 2024, arXiv:2402.13064 (GLAN); Sudalairaj et al. 2024, arXiv:2403.01081 (LAB)",
    ),
    Technique(
        "retrieval-grounded",
        "a model writes rows about documents that it is given",
        ("generators", "prompts", "seeds|parents"),
        "Zhang et al. 2024, arXiv:2403.10131 (RAFT)",
    ),
    Technique(
        "human",
        "people wrote the rows for this dataset",
        ("people",),
        "Gebru et al. 2021, arXiv:1803.09010 (Datasheets for Datasets, section 3.3)",
        "people",
    ),
    Technique(
        "collected",
        "the rows existed before, and were gathered",
        ("origin|parents|seeds",),
        "Gebru et al. 2021, arXiv:1803.09010 (Datasheets for Datasets, section 3.3)",
        "people",
    ),
)

TECHNIQUES: Mapping[str, Technique] = {technique.name: technique for technique in _ALL}
