"""The lineage of the next version: that of the last one, with what its sources are now put in."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from auditor.model.card import Card, Generator, Lineage, Model, Prompt, Registered, Source
from auditor.model.seen import Seen
from auditor.regeneration.staleness import Present


def renewed(version: Registered, name: str, cards: Mapping[str, Card], present: Present) -> Lineage:
    """What `version`'s stage would make its rows from today. What cannot be looked up stays as recorded;
    numbers of rows are left out, because they are of the next version.

    name: of the dataset; a source that is its own predecessor stays the one that it was made from.
    """
    said = version.lineage

    def source(was: Source) -> Source:
        return _source(was, name, cards, present)

    return replace(
        said,
        generators=tuple(_generator(was, present.model(was)) for was in said.generators),
        prompts=tuple(_prompt(was, present.prompt(was)) for was in said.prompts),
        seeds=tuple(map(source, said.seeds)),
        parents=tuple(map(source, said.parents)),
        evals=tuple(map(source, said.evals)),
        judges=tuple(_model(was, present.judge(was)) for was in said.judges),
    )


def declared(lineage: Lineage, present: Present) -> Lineage:
    """A renewed lineage as registration takes it: makers that only the rows name are left for the new rows to name."""
    generators, prompts = lineage.generators, lineage.prompts
    if "generator" in lineage.columns:
        generators = tuple(one for one in generators if one.follows or present.model(one).value is not None)
    if "prompt" in lineage.columns:
        prompts = tuple(one for one in prompts if one.file or one.version)
    return replace(lineage, generators=generators, prompts=prompts)


def identity(lineage: Lineage) -> Hashable:
    """What decides which rows come out: equal where a stage would have been run with the same sources."""
    return (
        tuple(sorted({str(generator.model) for generator in lineage.generators})),
        tuple(sorted({prompt.digest for prompt in lineage.prompts})),
        tuple(sorted({(role, source.digest or str(source)) for role, source in lineage.sources()})),
        tuple(sorted({str(judge) for judge in lineage.judges})),
    )


def _model(was: Model, seen: Seen | None) -> Model:
    if seen is None or seen.value is None or (was.revision is not None and seen.agrees(was.revision)):
        return was
    return Model(was.name, seen.value)


def _generator(was: Generator, seen: Seen) -> Generator:
    return replace(was, model=_model(was.model, seen), rows=None)


def _prompt(was: Prompt, seen: Seen) -> Prompt:
    if seen.value is None or seen.agrees(was.digest or was.version or ""):
        return replace(was, rows=None)
    # A registry tells the number of the version that it has shown; an alias stays the alias.
    numbered = was.version is not None and was.version.isdigit() and bool(seen.also)
    return replace(was, digest=seen.value, version=seen.also[0] if numbered else was.version, rows=None)


def _source(was: Source, name: str, cards: Mapping[str, Card], present: Present) -> Source:
    if was.dataset is None:
        digest = present.file(was).value if was.file else None
        return replace(was, digest=digest or was.digest, rows=was.rows if digest in (None, was.digest) else None)
    of = was.dataset.rpartition("@")[0]
    card = cards.get(of)
    if of == name or card is None or card.current is None:
        return was
    current = card.current
    if current.digest == was.digest:
        return was
    return Source(current.digest, card.ref(current), was.file, current.rows)
