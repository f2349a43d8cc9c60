"""A version's entry on its card: the one that the rows have already, or the next."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from auditor import readers
from auditor.core import objects
from auditor.core.secrets import veiled
from auditor.model.card import Card, Kind, Lineage, Refresh, Registered
from auditor.model.errors import ConfigError
from auditor.model.rows import Dataset
from auditor.registration.differences import differences
from auditor.registration.request import Request
from auditor.registry import plain

_BY_PEOPLE = ("human", "collected")


def facts(request: Request, before: Card | None, lineage: Lineage) -> Card:
    """The card with the facts of the request put in."""
    kind = request.kind or (before.kind if before else _kind(lineage))
    card = before or Card(request.name, kind)
    given = veiled({fact: getattr(request, fact) for fact in plain.FACTS if getattr(request, fact)})
    refresh = Refresh(request.refresh.expires or card.refresh.expires, request.refresh.every or card.refresh.every)
    mapping = {**card.mapping, **request.mapping}
    return replace(card, kind=kind, refresh=refresh, mapping=mapping, **given)


def _kind(lineage: Lineage) -> Kind:
    if lineage.generators:
        return "synthetic"
    if lineage.technique in _BY_PEOPLE:
        return "real"
    raise ConfigError(
        "is the data synthetic or real?",
        wanted="--kind synthetic, real, mixed or eval",
        hint="or name what made it: --generator MODEL@REVISION, --technique human",
    )


def has(version: Registered, rows: Dataset, content: objects.Content | None) -> bool:
    """Whether these are the version's rows: by their digest, or by their bytes where another reader read them then."""
    bytes_ = version.dvc is not None and content is not None and version.dvc.md5 == content.md5
    return version.digest == rows.digest or (bytes_ and version.reader != readers.VERSION)


def known(
    request: Request, before: Card | None, rows: Dataset, content: objects.Content | None, lineage: Lineage
) -> Registered | None:
    """The version that these rows are already; None where they are new."""
    same = [version for version in before.versions if has(version, rows, content)] if before else []
    if not same or before is None:
        return None
    newest = same[-1]
    for version in reversed(same):
        if not list(differences(version.lineage, lineage)):
            stands = version.status in ("current", "candidate") or version is before.versions[-1]
            return version if stands or not request.again else None
    if request.remade or (request.again and newest.status in ("superseded", "rejected")):
        return None
    raise ConfigError(
        f"these rows are registered as {before.ref(newest)} with another lineage",
        seen="; ".join(f"{name}: {old} -> {new}" for name, old, new in differences(newest.lineage, lineage)),
        wanted="the same lineage, or other rows",
        hint=f"lineage is recorded once: where it is wrong, mend it in datasets/{before.name}.yaml",
    )


def following(
    request: Request, card: Card, rows: Dataset, lineage: Lineage, shown: str, notes: list[str]
) -> Registered:
    """The next version of the card."""
    now = dt.datetime.now(dt.UTC).replace(microsecond=0)
    last = card.versions[-1] if card.versions else None
    if last is not None and last.date > now:
        notes.append(f"the clock says {now.isoformat()}, before version {last.version} was registered: is it right?")
    current = card.current
    return Registered(
        version=last.version + 1 if last else 1,
        date=now,
        path=shown,
        digest=rows.digest,
        rows=rows.rows,
        lineage=lineage,
        supersedes=current.version if current else None,
        status=request.status,
        why=request.why,
        reader=readers.VERSION,
    )


def entered(card: Card, version: Registered) -> Card:
    """The card with the version in it: a new one that is current supersedes the one that was."""
    others = [one for one in card.versions if one.version != version.version]
    if version.status == "current":
        others = [replace(one, status="superseded") if one.status == "current" else one for one in others]
    return replace(card, versions=tuple(sorted((*others, version), key=lambda one: one.version)))
