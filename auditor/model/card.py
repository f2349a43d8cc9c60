"""A dataset's card: who made it, from what, for what, and each version that was registered.

The card is `datasets/NAME.yaml` in git; this is what it says, as plain data. A version is never
changed once it is registered but for its `status` and `verdict`: lineage is recorded once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["synthetic", "real", "mixed", "eval"]
Standing = Literal["current", "superseded", "rejected", "candidate"]
Scalar = str | int | float | bool | None

_SNAPSHOT = re.compile(r"(.*[^-])-(20\d\d-\d\d-\d\d|20\d{6})", re.DOTALL)

KINDS: tuple[Kind, ...] = ("synthetic", "real", "mixed", "eval")

URN = "urn:auditor:dataset:"
"""Stands before `NAME@VERSION` of a dataset of any workspace, in what is exported."""


def digest_of(content: bytes) -> str:
    """`sha256:HEX` of bytes: how prompts, and files that hold no rows, are known by their content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Model:
    """A model at one revision: `gpt-4o@2024-08-06`. revision: None where nobody wrote it down."""

    name: str
    revision: str | None = None

    @classmethod
    def parse(cls, text: str) -> Model:
        """`NAME[@REVISION]`; a Hub name may hold a slash, and `@` splits at its last place. A day at the end of a
        name is its revision, as providers write snapshots: `gpt-4o-2024-08-06` is `gpt-4o@2024-08-06`."""
        name, at, revision = text.rpartition("@")
        if at and name:
            return cls(name, revision or None)
        dated = _SNAPSHOT.fullmatch(text)
        return cls(dated[1], dated[2]) if dated else cls(text)

    def __str__(self) -> str:
        return f"{self.name}@{self.revision}" if self.revision else self.name


@dataclass(frozen=True, slots=True)
class Generator:
    """A model as it was run. decoding: temperature, top_p, … as given. system_prompt: `sha256:HEX` of
    its text. follows: where its present revision is looked up (`mlflow:models:/NAME@ALIAS`,
    `hub:ORG/NAME`, `lock:KEY`, `weights:PATH`); None is `models.lock.yaml` where that names the model.
    rows: how many rows are by it, where rows say so themselves."""

    model: Model
    provider: str | None = None
    decoding: Mapping[str, Scalar] = field(default_factory=dict)
    system_prompt: str | None = None
    follows: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt by its content. digest: `sha256:HEX` of its UTF-8 bytes. file: workspace-relative, or
    None where it lives in a prompt registry under `name@version`."""

    name: str
    digest: str
    version: str | None = None
    file: str | None = None
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset that this one was made from, or is measured by.

    dataset: `NAME@VERSION` where it is registered, else None and `file` says where it lay
    (workspace-relative, a URL, or the `URN` of a dataset of another workspace). digest: `sha256:HEX` of its
    canonical rows (`Dataset.digest`). rows: how many of its rows were used: all of them where the card's author
    does not say otherwise.
    """

    digest: str | None
    dataset: str | None = None
    file: str | None = None
    rows: int | None = None

    def __str__(self) -> str:
        return self.dataset or self.file or self.digest or "an unnamed source"


@dataclass(frozen=True, slots=True)
class Lineage:
    """Who made the rows of one version, from what.

    technique: of `model.techniques`. seeds: datasets that the generation was shown. parents: datasets
    whose rows are in this one, changed or not. evals: what models trained on this are measured with.
    people: who wrote, labelled or reviewed. fields: canonical column -> technique, where columns
    differ ({"response": "human"}). columns: lineage fact -> field of each row that holds it
    ({"generator": "model", "prompt": "prompt_id"}). facts: what else a technique asks for.
    """

    technique: str | None = None
    generators: tuple[Generator, ...] = ()
    prompts: tuple[Prompt, ...] = ()
    seeds: tuple[Source, ...] = ()
    parents: tuple[Source, ...] = ()
    evals: tuple[Source, ...] = ()
    judges: tuple[Model, ...] = ()
    people: tuple[str, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Scalar] = field(default_factory=dict)

    def sources(self) -> Iterator[tuple[str, Source]]:
        """(role, source) of the datasets this was made from: "seed", then "parent"."""
        yield from (("seed", source) for source in self.seeds)
        yield from (("parent", source) for source in self.parents)


@dataclass(frozen=True, slots=True)
class Tracked:
    """Where DVC keeps the bytes. md5: DVC's own hash, `….dir` for a folder. size: bytes. files: of a
    folder. file: the `.dvc` file or `dvc.yaml:STAGE` that tracks it, workspace-relative."""

    md5: str
    size: int
    file: str
    files: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """The last gate over a version. policy: name. digests: policy, eval list and real reference it was
    judged with, so that a verdict whose grounds have changed is known to be stale."""

    status: str
    policy: str
    date: dt.datetime
    record: str
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Registered:
    """One version. version: from 1. digest: `sha256:HEX` of its canonical rows, in any order or format.
    path: workspace-relative, as it was registered. supersedes: the version it took the place of. reader:
    version of the reader whose rows the digest is of, None in cards of before that was said."""

    version: int
    date: dt.datetime
    path: str
    digest: str
    rows: int
    lineage: Lineage
    dvc: Tracked | None = None
    supersedes: int | None = None
    status: Standing = "current"
    verdict: Judged | None = None
    why: str = ""
    reader: int | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a dataset is due again. expires: a day, or None. every: days since its current version."""

    expires: dt.date | None = None
    every: int | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """name: a slug, the file's name. purpose: what it is for (`commercial-training`, `research`, … or
    prose). licence: of the data, an SPDX identifier where there is one. terms: of the generator, where
    the table of terms has not the right one. stage: of `dvc.yaml`, the one that makes it.
    real: reference that audits compare with, `NAME[@VERSION]` or a path. mapping: canonical column ->
    field, as `--map`. versions: in rising order."""

    name: str
    kind: Kind
    versions: tuple[Registered, ...] = ()
    owner: str | None = None
    purpose: str | None = None
    licence: str | None = None
    terms: str | None = None
    refresh: Refresh = Refresh()
    stage: str | None = None
    real: str | None = None
    policy: str | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None

    @property
    def current(self) -> Registered | None:
        """The version that others should use: the newest that a gate has not turned away."""
        return next((version for version in reversed(self.versions) if version.status == "current"), None)

    def version(self, number: int) -> Registered | None:
        return next((version for version in self.versions if version.version == number), None)

    def ref(self, version: Registered) -> str:
        return f"{self.name}@{version.version}"


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A model that must not be used any more, since when and why."""

    date: dt.date
    why: str


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a model. base: what it was tuned from. trained_on: `NAME@VERSION` of datasets.
    distilled_from: models whose outputs it learnt from, where that is not said by the datasets."""

    revision: str | None
    base: Model | None = None
    trained_on: tuple[str, ...] = ()
    distilled_from: tuple[Model, ...] = ()
    withdrawn: Withdrawal | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`models/NAME.yaml`: a model that we trained, or of which there is something to say. family: of
    the table of families, where the name does not tell. revisions: as they were registered."""

    name: str
    family: str | None = None
    revisions: tuple[Revision, ...] = ()
