"""Groups of people that texts name, as data: the words of each, and gendered words by pairs.

They lie in `words/drift/groups.yaml` of a folder of expectations, the user's before ours; files that are named are
added to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.core import documents
from auditor.core.content import lexicons
from auditor.model.errors import ConfigError

MOST = 62
"""Groups that can be counted at once."""

SEXES = (("gender", "male"), ("gender", "female"))

Group = tuple[str, str]
"""Dimension and group: ("religion", "hindu")."""


@dataclass(frozen=True, slots=True)
class Groups:
    """words: of each group. swaps: gendered words by pairs."""

    words: Mapping[Group, tuple[str, ...]]
    swaps: tuple[tuple[str, str], ...]

    @property
    def dimensions(self) -> dict[str, list[str]]:
        """The groups of each dimension, both by name."""
        found: dict[str, list[str]] = {}
        for dimension, group in sorted(self.words):
            found.setdefault(dimension, []).append(group)
        return found


def load(folders: Sequence[Path], more: Sequence[str]) -> Groups:
    """The lists of the first of `folders` that has them, and those of the files `more`. Raises ConfigError where there
    are none, or where they are too many."""
    words: dict[Group, tuple[str, ...]] = {}
    swaps: tuple[tuple[str, str], ...] = ()
    for path in (lexicons.first("groups", folders), *map(Path, more)):
        one = read(path)
        swaps += one.swaps
        for label, phrases in one.words.items():
            words[label] = words.get(label, ()) + phrases
    if len(words) > MOST:
        raise ConfigError(f"{len(words)} groups are too many to count", wanted=f"at most {MOST}")
    return Groups(words, swaps)


def read(path: Path) -> Groups:
    """The lists of one file. Raises ConfigError where it is none."""
    words: dict[Group, tuple[str, ...]] = {}
    swaps: list[tuple[str, str]] = []
    for entry in documents.read(path).items("a list of groups"):
        given = entry.mapping("a list of groups", ("dimension", "group", "words", "pairs"), required=("dimension",))
        dimension = given["dimension"].text("dimension")
        if "pairs" in given:
            if set(given) != {"dimension", "pairs"} or dimension != SEXES[0][0]:
                entry.refuse("pairs are words of gender, and stand without a group")
            for pair in given["pairs"].items("pairs"):
                both = [one.text("a word") for one in pair.items("a pair")]
                if len(both) != 2 or any(len(word.split()) != 1 for word in both):
                    pair.refuse("a pair is two words")
                swaps.append((both[0], both[1]))
        elif {"group", "words"} <= set(given):
            label = dimension, given["group"].text("group")
            words[label] = words.get(label, ()) + tuple(one.text("a word") for one in given["words"].items("words"))
        else:
            entry.refuse("a list of groups has neither group and words nor pairs")
    for side, label in enumerate(SEXES) if swaps else ():
        words[label] = tuple(dict.fromkeys(pair[side] for pair in swaps))
    return Groups(words, tuple(swaps))
