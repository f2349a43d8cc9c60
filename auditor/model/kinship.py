"""Which models are relatives, and what their makers allow: the tables, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Relation = Literal["same", "family", "distilled"]


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one maker and line. names: shell patterns of model names, lower case, without provider
    prefix (`gpt-4o*`). distilled_from: families whose outputs the models are documented to be trained
    on. terms: key of `Terms`. source: where the table's maker read it."""

    name: str
    names: tuple[str, ...]
    source: str
    distilled_from: tuple[str, ...] = ()
    terms: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence or a provider's terms say of data. forbids: purposes it rules out
    (`competing-model`, `commercial`). requires: duties that flow downstream (`attribution`,
    `share-alike`, `name-prefix:Llama`). source: where it stands."""

    name: str
    title: str
    source: str
    forbids: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Kinship:
    """The user's entries stand before ours; the first family whose pattern fits a name is its family."""

    families: tuple[Family, ...] = ()
    terms: Mapping[str, Terms] = field(default_factory=dict)
