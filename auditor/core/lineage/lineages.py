"""Two lineages, fact by fact: what changed between two versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from auditor.model.card import Lineage, Source


@dataclass(frozen=True, slots=True)
class Difference:
    """One fact, named like `generator gpt-4o revision`, before and after; None where it was not recorded."""

    fact: str
    before: str | None
    after: str | None


def differences(before: Lineage, after: Lineage) -> list[Difference]:
    """The facts that differ, in the order of the fields of a lineage; nothing for equal lineages."""
    left, right = facts(before), facts(after)
    names = [*left, *(name for name in right if name not in left)]
    found = [Difference(name, left.get(name), right.get(name)) for name in names]
    return [one for one in found if one.before != one.after]


def facts(lineage: Lineage) -> Mapping[str, str]:
    """Every recorded fact by its name. Models, prompts and sources are told apart by name, so that
    another revision or version of one is a change of it and not another one."""
    said: dict[str, str | None] = {"technique": lineage.technique}
    for generator, name in zip(lineage.generators, _names(g.model.name for g in lineage.generators), strict=True):
        here = f"generator {name}"
        said[here] = generator.model.name if name != generator.model.name else "named"
        said[f"{here} revision"] = generator.model.revision
        said[f"{here} provider"] = generator.provider
        said |= {f"{here} {key}": str(value) for key, value in sorted(generator.decoding.items())}
        said[f"{here} system prompt"] = generator.system_prompt
        said[f"{here} follows"] = generator.follows
        said[f"{here} rows"] = _number(generator.rows)
    for prompt, name in zip(lineage.prompts, _names(p.name for p in lineage.prompts), strict=True):
        said[f"prompt {name}"] = prompt.digest
        said[f"prompt {name} version"] = prompt.version
        said[f"prompt {name} file"] = prompt.file
        said[f"prompt {name} rows"] = _number(prompt.rows)
    for role, sources in (("seed", lineage.seeds), ("parent", lineage.parents), ("eval", lineage.evals)):
        for source, name in zip(sources, _names(_name(source) for source in sources), strict=True):
            said[f"{role} {name}"] = source.digest or "unknown content"
            said[f"{role} {name} version"] = (source.dataset or "").partition("@")[2] or None
            said[f"{role} {name} rows"] = _number(source.rows)
    for judge, name in zip(lineage.judges, _names(judge.name for judge in lineage.judges), strict=True):
        said[f"judge {name}"] = judge.revision or "unknown revision"
    said |= {f"person {person}": "named" for person in lineage.people}
    said |= {f"field {column}": technique for column, technique in sorted(lineage.fields.items())}
    said |= {f"column of {fact}": column for fact, column in sorted(lineage.columns.items())}
    said |= {fact: str(value) for fact, value in sorted(lineage.facts.items())}
    return {name: value for name, value in said.items() if value is not None}


def _names(names: Iterable[str]) -> list[str]:
    """Names told apart: the second `gpt-4o` is `gpt-4o #2`."""
    seen: dict[str, int] = {}
    told = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        told.append(name if seen[name] == 1 else f"{name} #{seen[name]}")
    return told


def _name(source: Source) -> str:
    return source.dataset.partition("@")[0] if source.dataset else str(source)


def _number(rows: int | None) -> str | None:
    return None if rows is None else f"{rows:,}"
