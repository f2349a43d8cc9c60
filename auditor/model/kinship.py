"""Which models are relatives, and what their makers allow: the tables, as plain data with their look-ups."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Relation = Literal["same", "family", "distilled"]

USES: Mapping[str, str] = {
    "commercial": "use for money, or in a product",
    "competing-model": "training a model that competes with the maker's",
    "other-model": "training any model outside the licence's own line",
}
"""What data may be put to, as far as terms rule it out."""

DUTIES: Mapping[str, str] = {
    "attribution": "name the source",
    "share-alike": "the same licence on what is made from it",
    "notice": "pass the licence text on",
    "pass-on": "models trained on the output are bound by the same terms",
    "name-prefix": "names of models trained on it begin so (`name-prefix:Llama`)",
}
"""What terms ask of those who use the data."""

_DATED = re.compile(
    r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest|preview|gguf|gptq|awq|fp8|int8|int4|[48]bit|bnb-4bit)$|-v\d+:\d+$|:latest$"
)
"""What snapshots, moving aliases and quantised copies of one model add to its name."""

_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4})(?:-v\d+:\d+)?$")

_VENDOR = re.compile(r"^(?:(?:us|eu|apac)\.)?(?:anthropic|meta|mistral|cohere|amazon|ai21|deepseek|openai)\.(?=[a-z])")
"""Amazon Bedrock writes `us.anthropic.claude-…`."""


@dataclass(frozen=True, slots=True)
class Family:
    """Models of one maker that came of each other. names: shell patterns of model names, lower case,
    without provider prefix (`gpt-4o*`). line: families of one line are relatives (`llama-2`, `llama-3`);
    the family's own name where there is one alone. built_on: families whose weights they were tuned
    from. distilled_from: families whose outputs they are documented to be trained on. terms: key of
    `Terms`. source: where the table's maker read it."""

    name: str
    names: tuple[str, ...]
    source: str
    line: str = ""
    built_on: tuple[str, ...] = ()
    distilled_from: tuple[str, ...] = ()
    terms: str | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence or a provider's terms say of data and outputs. forbids: of USES. requires: of
    DUTIES. names: other spellings of the licence. since: the day of the text that was read.
    source: where it stands."""

    name: str
    title: str
    source: str
    forbids: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    since: str | None = None


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose that a card may name. uses: of USES. words: phrases that mean it in a purpose written
    as prose."""

    name: str
    uses: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kinship:
    """The user's entries stand before ours; the first family whose pattern fits a name is its family."""

    families: tuple[Family, ...] = ()
    terms: Mapping[str, Terms] = field(default_factory=dict)
    purposes: tuple[Purpose, ...] = ()

    def family(self, model: str) -> Family | None:
        """The family of a model by its name, whatever provider, snapshot or quantisation it names."""
        match = self._pattern.match(bare(model))
        return self._named[int(match.lastgroup[1:])] if match and match.lastgroup else None

    def relation(self, left: str, right: str) -> Relation | None:
        """How two models are related by their names: the three relations of "Preference leakage"
        (Li et al. 2025, arXiv:2502.01534, section 3), the closest first; None where the tables know of none."""
        if same(left, right):
            return "same"
        mine, theirs = self.family(left), self.family(right)
        return self.akin(mine, theirs) if mine and theirs else None

    def akin(self, mine: Family, theirs: Family) -> Relation | None:
        """How two models of these families are related, where they are not the same model."""
        if {_line(f) for f in self._weights(mine)} & {_line(f) for f in self._weights(theirs)}:
            return "family"
        taught = _line(theirs) in {_line(f) for f in self._teachers(mine)}
        return "distilled" if taught or _line(mine) in {_line(f) for f in self._teachers(theirs)} else None

    def generations(self, model: str) -> int:
        """How many models stand behind this one, each trained on the next one's outputs, by the tables."""
        family = self.family(model)
        return self._depth(family, frozenset()) if family else 0

    def terms_of(self, model: str) -> tuple[Terms, ...]:
        """The terms over a model's output: its own, then those of the weights it was tuned from."""
        family = self.family(model)
        keys = dict.fromkeys(f.terms for f in self._weights(family) if f.terms) if family else {}
        return tuple(self.terms[key] for key in keys if key in self.terms)

    def licence(self, text: str) -> Terms | None:
        """Terms by key, title or another spelling; case, spaces and underscores do not matter."""
        return self._spelt.get(_spelling(text))

    def uses(self, purpose: str) -> frozenset[str] | None:
        """What a purpose puts data to; None where nothing in it is known. Longer phrases are read first,
        so that "non-commercial" is not "commercial"."""
        wanted = _spelling(purpose)
        for known in self.purposes:
            if wanted == _spelling(known.name):
                return frozenset(known.uses)
        phrases = sorted(((word, known) for known in self.purposes for word in known.words), key=lambda p: -len(p[0]))
        text, found = purpose.casefold(), None
        for word, known in phrases:
            pattern = rf"(?<!\w){re.escape(word)}(?!\w)"
            if re.search(pattern, text):
                text = re.sub(pattern, " ", text)
                found = (found or frozenset()).union(known.uses)
        return found

    @cached_property
    def _named(self) -> Mapping[int, Family]:
        return dict(enumerate(self.families))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        each = (
            f"(?P<f{i}>{'|'.join(fnmatch.translate(name) for name in family.names)})"
            for i, family in self._named.items()
        )
        return re.compile("|".join(each) or r"(?!)")

    @cached_property
    def _by_name(self) -> Mapping[str, Family]:
        return {family.name: family for family in reversed(self.families)}

    @cached_property
    def _spelt(self) -> Mapping[str, Terms]:
        spelt: dict[str, Terms] = {}
        for terms in self.terms.values():
            for name in (terms.name, terms.title, *terms.names):
                spelt.setdefault(_spelling(name), terms)
        return spelt

    def _weights(self, family: Family) -> list[Family]:
        """The family and those it was tuned from, through any number of tunings."""
        return self._closure(family, lambda f: f.built_on)

    def _teachers(self, family: Family) -> list[Family]:
        """Families whose outputs are in this one's weights, through any number of tunings and distillations."""
        weights = self._weights(family)
        every = self._closure(family, lambda f: (*f.built_on, *f.distilled_from))
        return [f for f in every if f not in weights]

    def _closure(self, start: Family, step: Callable[[Family], Iterable[str]]) -> list[Family]:
        seen: dict[str, Family] = {}
        queue = [start]
        while queue:
            family = queue.pop(0)
            if family.name not in seen:
                seen[family.name] = family
                queue.extend(self._by_name[name] for name in step(family) if name in self._by_name)
        return list(seen.values())

    def _depth(self, family: Family, seen: frozenset[str]) -> int:
        if family.name in seen:
            return 0
        seen |= {family.name}
        behind = [1 + self._depth(self._by_name[n], seen) for n in family.distilled_from if n in self._by_name]
        under = [self._depth(self._by_name[n], seen) for n in family.built_on if n in self._by_name]
        return max([0, *behind, *under])


def bare(model: str) -> str:
    """`us.anthropic.Claude-3-opus` or `anthropic/claude-3-opus` -> `claude-3-opus`."""
    return _VENDOR.sub("", model.strip().casefold().rpartition("/")[2])


def same(left: str, right: str) -> bool:
    """Whether two names mean one model: snapshots, aliases, quantised copies and providers aside."""
    return key(left) == key(right)


def key(model: str) -> str:
    """The name that all snapshots of a model share: `openai/gpt-4o-2024-08-06` -> `gpt-4o`."""
    name = bare(model)
    while (shorter := _DATED.sub("", name)) != name:
        name = shorter
    return name


def pinned(model: str) -> bool:
    """Whether the name alone says which weights: it ends in a snapshot's date (`gpt-4-0613`)."""
    return _SNAPSHOT.search(bare(model)) is not None


def _line(family: Family) -> str:
    return family.line or family.name


def _spelling(text: str) -> str:
    return re.sub(r"[\s_-]+", "-", text.strip().casefold())
