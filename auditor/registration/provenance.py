"""Who made the rows of a version: what is declared, what was so of the version before, what the rows say themselves."""

from __future__ import annotations

from dataclasses import replace

from auditor.core import objects
from auditor.engines.local import Local
from auditor.model.card import Card, Lineage, Registered
from auditor.model.rows import Dataset
from auditor.registration import entries, makers
from auditor.registration.request import Request
from auditor.registration.sources import Lookup
from auditor.registry import index


def provenance(
    request: Request, before: Card | None, rows: Dataset, content: objects.Content | None, lookup: Lookup
) -> Lineage:
    last = (before.current or before.versions[-1]) if before and before.versions else None
    if request.like is None and request.lineage is None and last is not None and entries.has(last, rows, content):
        return last.lineage
    if request.like is not None:
        _, model = index.find(request.like, lookup.workspace)
        declared = over(request.lineage, _carried(model, rows, lookup, f"what was not given is that of {request.like}"))
    else:
        declared = request.lineage or Lineage()
        if request.lineage is None and last is not None:
            note = f"lineage is that of version {last.version}: nothing else was given"
            declared = _carried(last, rows, lookup, note)
    found, notes = makers.by_row(
        lookup.lineage(declared),
        rows,
        Local(request.threads),
        lookup.workspace.cache,
        unasked=request.by_row,
    )
    lookup.notes.extend(notes)
    return found


def over(lineage: Lineage | None, base: Lineage) -> Lineage:
    """`base` with what `lineage` says in its place, fact by fact."""
    said = {name: getattr(lineage, name) for name in Lineage.__dataclass_fields__} if lineage else {}
    return replace(base, **{name: value for name, value in said.items() if value})


def _carried(last: Registered, rows: Dataset, lookup: Lookup, note: str) -> Lineage:
    """The lineage of another version, for one of which less is said: prompts as they are
    now, and of what only rows named nothing, since these are other rows."""
    lookup.notes.append(note)
    old = last.lineage
    named = {fact for fact, name in old.columns.items() if name in rows.fields}
    return replace(
        old,
        generators=tuple(
            replace(generator, rows=None)
            for generator in old.generators
            if generator.rows is None or generator.model.revision or "generator" not in named
        ),
        prompts=tuple(
            replace(prompt, rows=None, digest="" if prompt.file else prompt.digest)
            for prompt in old.prompts
            if prompt.rows is None or prompt.file or "prompt" not in named
        ),
        columns={fact: name for fact, name in old.columns.items() if fact in named},
    )
