"""The words that tell one group of texts from the rest: names for patterns and topics, tells of a generator.

Weighted log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words", Political
Analysis 16:372-403, equations 16, 19 and 22): the log-odds of a word in the group against the rest, both smoothed by
the word's own frequency in all texts, divided by its standard error. Frequent words need a real difference, and rare
ones need more than one chance sighting.

A word counts once a text: one row that says it a hundred times says nothing about its group.

    counted = count(texts, groups)                 # groups: int [n], the group of each text
    names(counted, 4)                              # [('capital', 'city', …), …], one a group
    counted.words(z_scores(counted), group=1)      # every word of group 1 with its z, most telling first
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.statistics.general import rarity

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

CHARACTERS = 4_000
"""Characters of a text that are read."""

PRIOR = 500.0
"""Words that the prior is worth: a group of fewer is pulled to what all texts say."""

EQUAL = 1e-6
"""Scores that differ by less are equal."""

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many texts of each group a word stands, for those that do.

    vocabulary: words (or phrases) in the order of their first sight. group, word, texts: int64 [m], sorted by group and
    then word; texts[i] of group[i] have vocabulary[word[i]]. groups: how many there are.
    """

    vocabulary: tuple[str, ...]
    group: Longs
    word: Longs
    texts: Longs
    groups: int

    def words(self, z: Doubles, group: int) -> list[tuple[str, float]]:
        """The words of a group with their scores, falling; ties by spelling. z: of `z_scores`."""
        low, high = np.searchsorted(self.group, (group, group + 1))
        found = [(self.vocabulary[self.word[at]], float(z[at])) for at in range(low, high)]
        return sorted(found, key=lambda one: (-one[1], one[0]))


def tokens(text: str) -> list[str]:
    """Words in order, case folded; a character of a script without spaces is a word of its own."""
    return _WORD.findall(text[:CHARACTERS].casefold())


def count(texts: Iterable[str], groups: Sequence[int] | Longs, phrase: int = 1) -> Counted:
    """Count the words of texts, and their runs of up to `phrase` words. groups: int [n], from 0."""
    group_of = np.asarray(groups, np.int64)
    numbers: dict[str, int] = {}
    flat, lengths = array("q"), []
    for text in texts:
        words = tokens(text)
        seen = set(words)
        for length in range(2, phrase + 1):
            seen.update(" ".join(words[at : at + length]) for at in range(len(words) - length + 1))
        flat.extend(numbers.setdefault(word, len(numbers)) for word in sorted(seen))
        lengths.append(len(seen))
    many = int(group_of.max(initial=-1)) + 1
    width = max(len(numbers), 1)
    keys = np.repeat(group_of, lengths) * width + np.frombuffer(flat, np.int64)
    found, texts_of = np.unique(keys, return_counts=True)
    return Counted(tuple(numbers), found // width, found % width, texts_of.astype(np.int64), many)


def z_scores(counted: Counted, prior: float = PRIOR) -> Doubles:
    """float64 [m]: weighted log-odds of each word that stands in a group, that group against all others."""
    if not len(counted.texts):
        return np.zeros(0)
    here = counted.texts.astype(np.float64)
    overall = np.bincount(counted.word, here, len(counted.vocabulary))
    total = np.bincount(counted.group, here, counted.groups)
    everything = float(overall.sum())
    pull = prior * overall[counted.word] / everything
    there = overall[counted.word] - here
    size, rest = total[counted.group], everything - total[counted.group]
    # A word that is all there is has infinite odds on both sides, which tell nothing: the half keeps them finite.
    inside = np.log(here + pull) - np.log(np.maximum(size + prior - here - pull, 0.5))
    outside = np.log(there + pull) - np.log(np.maximum(rest + prior - there - pull, 0.5))
    scores: Doubles = (inside - outside) / np.sqrt(1 / (here + pull) + 1 / (there + pull))
    return scores


def names(counted: Counted, k: int, prior: float = PRIOR) -> list[tuple[str, ...]]:
    """The k most telling words of every group (fewer where only so many speak for it), most telling first; numbers
    name nothing. Of words that tell as much, those first that are rarer in general English. A group that has no other
    to be told from is named by words that many of its texts have and general English seldom."""
    z = (
        z_scores(counted, prior)
        if counted.groups > 1
        else counted.texts * rarity(counted.vocabulary)[counted.word] ** 2
    )
    ranked = (counted.words(z, group) for group in range(counted.groups))
    return [_first([(word, score) for word, score in words if score > 0 and _named(word)], k) for words in ranked]


def _first(words: Sequence[tuple[str, float]], k: int) -> tuple[str, ...]:
    """The first k of words with falling scores; ties by rarity."""
    tied = [one for one in words if one[1] >= words[min(k, len(words)) - 1][1] - EQUAL]
    rare = rarity([word for word, _ in tied])
    order = sorted(range(len(tied)), key=lambda at: (-round(tied[at][1] / EQUAL), -rare[at], tied[at][0]))
    return tuple(tied[at][0] for at in order[:k])


def _named(word: str) -> bool:
    return any(character.isalpha() for character in word)
