"""The pedigree of a version: its card, the graph, and what of its sources is at hand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from auditor.core import places
from auditor.model.card import Card, Registered, digest_of
from auditor.model.errors import ConfigError
from auditor.model.pedigree import Pedigree
from auditor.model.rows import Dataset
from auditor.registry import versions
from auditor.registry.versions import Version
from auditor.registry.workspace import Workspace

LARGEST = 4 << 20
"""Bytes of the largest prompt that is read: a prompt of megabytes is a dataset."""


def whose(version: Version | None, digest: str, workspace: Workspace) -> tuple[Card, Registered] | None:
    """The registered version that rows are: the one asked for, or else the newest with this digest; None where nobody
    registered them."""
    from auditor.registry import cards, index

    if version is not None and version.card is not None and version.entry is not None:
        return version.card, version.entry
    known = index.by_digest(digest, workspace) if cards.names(workspace) else ()
    return index.find(known[-1], workspace) if known else None


def pedigree(
    card: Card,
    version: Registered,
    workspace: Workspace,
    today: dt.date,
    open: Callable[[str], Dataset | None],  # noqa: A002
    *,
    reader: int | None = None,
    reread: bool = False,
) -> Pedigree:
    """What the checks may know of a registered version.

    reader, reread: of the rows that are audited (see `versions.reread`).
    open: rows of `NAME@VERSION`, a URL or an absolute path; None where its bytes are not at hand.
    """
    from auditor.registry import index, kinship

    def at_hand(ref: str) -> Dataset | None:
        if versions.is_registered(ref, workspace) or versions.is_url(ref):
            return open(ref)
        try:
            return open(str(places.confined(ref, workspace.root)))
        except ConfigError:
            return None

    seeds = {str(source): at_hand(source.dataset or source.file or "") for source in version.lineage.seeds}
    return Pedigree(
        card=card,
        version=version,
        graph=index.graph(workspace),
        node=index.dataset_node(card.ref(version)),
        kinship=kinship.load(workspace),
        today=today,
        prompts=_prompts(version, workspace),
        seeds={name: rows for name, rows in seeds.items() if rows is not None},
        cards=index.cards(workspace),
        open=at_hand,
        reader=reader,
        reread=reread,
    )


def _prompts(version: Registered, workspace: Workspace) -> dict[str, str]:
    """The declared prompts whose file still has the declared content."""
    found = {}
    for prompt in version.lineage.prompts:
        if prompt.file is None:
            continue
        try:
            path = places.confined(prompt.file, workspace.root)
            if path.stat().st_size > LARGEST:
                continue
            content = path.read_bytes()
        except (ConfigError, OSError):
            continue
        if digest_of(content) == prompt.digest:
            found[prompt.digest] = content.decode("utf-8", "replace")
    return found
