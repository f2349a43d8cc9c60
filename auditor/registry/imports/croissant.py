"""A Croissant description (1.0, 1.1): licence, makers, and provenance in PROV-O.

http://mlcommons.org/croissant/1.1, "Provenance Representation". What we export ourselves comes back whole;
a dataset that it names is that of the workspace it was exported from, and perhaps of no other (`card.URN`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from auditor.model.card import KINDS, URN, Generator, Kind, Lineage, Model, Prompt, Scalar, Source
from auditor.model.techniques import TECHNIQUES
from auditor.registry.imports.declared import LONGEST, Declared, each, licence, mapping, texts

_SPACES = {
    "http://www.w3.org/ns/prov#": "prov:",
    "http://mlcommons.org/croissant/RAI/": "rai:",
    "http://schema.org/": "",
    "https://schema.org/": "",
    "sc:": "",
    "schema:": "",
}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SYNTHETIC = re.compile(r"\bsynthetic\b|\bLLM[- ]generated\b", re.IGNORECASE)


def is_croissant(document: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a description of a dataset in JSON-LD."""
    kinds = texts(document.get("@type"))
    return "@context" in document and any(kind.rpartition("/")[2].rpartition(":")[2] == "Dataset" for kind in kinds)


def description(document: Mapping[str, Any]) -> Declared:
    """What the description says, whatever prefixes it is written with."""
    about = _short(document)
    notes: list[str] = []
    activities = [mapping(one) for one in each(about.get("prov:wasGeneratedBy"))]
    technique = next((name for a in activities for name in _labels(a) if name in TECHNIQUES), None)
    generators: list[Generator] = []
    people: list[str] = []
    prompts: list[Prompt] = []
    for activity in activities:
        if not any(name in TECHNIQUES for name in _labels(activity)):
            notes += [f"not understood: the activity {name[:80]!r}" for name in _labels(activity)]
        for agent in each(activity.get("prov:wasAssociatedWith")):
            _agent(agent, generators, people, notes)
        prompts += [prompt for used in each(activity.get("prov:used")) if (prompt := _prompt(used))]
    keywords = {word.lower() for word in texts(about.get("keywords"))}
    derived = [
        (source, texts(mapping(one).get("additionalType")) == ["seed"])
        for one in each(about.get("prov:wasDerivedFrom"))
        if (source := _source(one, notes))
    ]
    lineage = Lineage(
        technique,
        tuple(generators),
        tuple(prompts),
        seeds=tuple(source for source, seed in derived if seed),
        parents=tuple(source for source, seed in derived if not seed),
        judges=tuple(Model.parse(tool) for tool in texts(about.get("rai:machineAnnotationTools"))),
        people=tuple(people),
    )
    owners = [
        *_named(about.get("prov:wasAttributedTo")),
        *_named(about.get("creator")),
        *_named(about.get("publisher")),
    ]
    said = [licence(text) for one in each(about.get("license")) for text in (texts(one) or _named(one))]
    prose = texts(about.get("description"))
    return Declared(
        "a Croissant description",
        lineage,
        _kind(keywords, generators, about),
        " AND ".join(said) or None,
        owners[0] if owners else None,
        prose[0][:LONGEST] if prose else None,
        tuple(notes),
    )


def _short(value: Any) -> Any:
    """Keys with the usual prefixes instead of IRIs, at every depth."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    if not isinstance(value, dict):
        return value
    found = {}
    for key, one in value.items():
        space = next((space for space in _SPACES if key.startswith(space)), "")
        found[_SPACES.get(space, "") + key.removeprefix(space)] = _short(one)
    return found


def _kind(keywords: set[str], generators: list[Generator], about: Mapping[str, Any]) -> Kind | None:
    for kind in KINDS:
        if kind in keywords:
            return kind
    collected = " ".join(texts(about.get("rai:dataCollectionType")))
    return "synthetic" if generators or _SYNTHETIC.search(" ".join(keywords) + collected) else None


def _labels(thing: Mapping[str, Any]) -> list[str]:
    return texts(thing.get("prov:label")) or texts(thing.get("name")) or texts(thing.get("rdfs:label"))


def _named(value: Any) -> list[str]:
    """Names of agents: texts, or things with a label, a name or a URL."""
    found = []
    for one in each(value):
        thing = mapping(one)
        found += texts(one) or _labels(thing) or texts(thing.get("url")) or texts(thing.get("@id"))
    return found


def _agent(agent: Any, generators: list[Generator], people: list[str], notes: list[str]) -> None:
    thing = mapping(agent)
    kinds = {kind.rpartition(":")[2] for kind in texts(thing.get("@type"))}
    named = _named(agent)
    if not named:
        return
    if "Person" in kinds:
        people.append(named[0])
    elif "SoftwareAgent" in kinds:
        facts: dict[str, Scalar] = {}
        for one in each(thing.get("additionalProperty")):
            value = mapping(one).get("value")
            if isinstance(value, str | int | float | bool):
                facts[str(mapping(one).get("name"))] = value
        provider, system, rows = facts.pop("provider", None), facts.pop("system prompt", None), facts.pop("rows", None)
        generators.append(
            Generator(
                Model.parse(named[0]),
                str(provider) if provider is not None else None,
                facts,
                str(system) if system is not None else None,
                rows=rows if isinstance(rows, int) else None,
            )
        )
    else:
        notes.append(f"not understood: the agent {named[0][:80]!r}, which is neither a person nor software")


def _prompt(used: Any) -> Prompt | None:
    thing = mapping(used)
    digests = [text for text in texts(thing.get("identifier")) if _DIGEST.fullmatch(text)]
    if not digests or not any(kind.endswith("Plan") for kind in texts(thing.get("@type"))):
        return None
    name, _, version = (_labels(thing) or ["prompt"])[0].removeprefix("prompt ").partition("@")
    return Prompt(name or "prompt", digests[0], version or None)


def _source(given: Any, notes: list[str]) -> Source | None:
    thing = mapping(given)
    where = (texts(given) or texts(thing.get("@id")) or texts(thing.get("url")) or _labels(thing) or [""])[0]
    digests = [text for text in texts(thing.get("identifier")) if _DIGEST.fullmatch(text)]
    if where:
        return Source(digests[0] if digests else None, file=unquote(where) if where.startswith(URN) else where)
    notes.append("not understood: a source without a name")
    return None
