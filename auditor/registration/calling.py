"""`auditor.register`: the command line's words as arguments of a function."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path
from typing import Any

from auditor.auditing import Progress
from auditor.model.errors import ConfigError, suggest
from auditor.registration import registering, words
from auditor.registration.request import Registration, Request
from auditor.registration.words import Words
from auditor.registry.workspace import Workspace

_MANY = ("generators", "prompts", "seeds", "parents", "evals", "judges", "people")
_HOW = ("status", "again", "like", "by_row", "dvc", "max_bad_rows", "threads")


def register(
    name: str,
    path: str | os.PathLike[str],
    *,
    progress: Progress | None = None,
    push: bool = False,
    track: bool = False,
    uri: str | None = None,
    dry_run: bool = False,
    **said: Any,
) -> Registration:
    """Register a version of a dataset in the workspace of the current folder, as `auditor register` does.

        register("sft", "data/sft.jsonl", generators="gpt-4o@2024-08-06", prompts="prompts/sft.txt",
                 seeds=["seeds@1"], technique="self-instruct", licence="CC-BY-4.0", expires="90d")

    said: lineage as words (generators, prompts, seeds, parents, evals, judges, people: a word or several;
    technique, provider, decoding, system_prompt, follows, fields, columns, facts), facts of the card (kind,
    owner, purpose, licence, terms, description, stage, real, policy, mapping, expires, every, why), and
    fields of `Request` (status, again, by_row, dvc, max_bad_rows, threads). card: a card file with all of it.

    Raises AuditorError as `registration.register` does, and ConfigError for a word that is none of these.
    """
    lineage = {word: said.pop(word) for word in Words.__dataclass_fields__ if word in said}
    for word in _MANY:
        if isinstance(lineage.get(word), str):
            lineage[word] = (lineage[word],)
    how = {word: said.pop(word) for word in _HOW if word in said}
    card = said.pop("card", None)
    known = {*Request.__dataclass_fields__, "expires", "every"} - {
        "name",
        "path",
        "lineage",
        "named_in",
        "refresh",
        "remade",
        *_HOW,
    }
    if unknown := sorted(set(said) - known):
        raise ConfigError(f"register() has no {unknown[0]!r}", hint=suggest(unknown[0], [*known, *_MANY, *_HOW]))
    if isinstance(said.get("expires"), str):
        said["expires"] = words.expiry(said["expires"], dt.datetime.now(dt.UTC).date())
    if isinstance(said.get("every"), str):
        said["every"] = words.every(said["every"])
    request = words.request(name, os.fspath(path), Words(**lineage), said, card=Path(card) if card else None, **how)
    return registering.register(request, Workspace.find(), progress, push=push, track=track, uri=uri, dry_run=dry_run)
