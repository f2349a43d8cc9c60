"""The words that tell one group of texts from the rest: names for patterns and topics, tells of a generator.

Weighted log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' Words", Political
Analysis 16:372-403, equations 16, 19 and 22): the log-odds of a word in the group against the rest, both smoothed by
the word's own frequency in all texts, divided by its standard error. Frequent words need a real difference, and rare
ones need more than one chance sighting.

A word counts once a text: one row that says it a hundred times says nothing about its group.

Where a script has no spaces, one character says little, and where a word ends is not written: pairs of
neighbouring letters are counted, and a pair that is told is shown with what goes with it (`_run`).

    counted = count(texts, groups)                 # groups: int [n], the group of each text
    names(counted, 4)                              # [('capital', 'city', …), …], one a group
    counted.words(z_scores(counted), group=1)      # every word of group 1 with its z, most telling first
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

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

TOGETHER = 0.8
"""Share of a group's texts with a pair of letters that has the next letter behind it, for this to be shown with it."""

SELDOM = 0.25
"""Share of a group's texts below which letters name it only where nothing else does."""

SHOWN, LONGEST = 12, 40
"""Letters of a run that are shown (two to six words of Chinese or Japanese, about three of Thai), and looked for."""

SEARCHED = 50
"""Texts of a group in which runs are looked for."""

_SPACELESS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u17b4-\u17d3\u3099\u309a"
_LETTER = re.compile(rf"[{_SPACELESS}][{_MARKS}]*")
_WORDS = re.compile(rf"(?P<run>[{_SPACELESS}]+)|[^\W_{_SPACELESS}]+(?:['’][^\W_]+)*")
_WORD = re.compile(rf"[{_SPACELESS}]|[^\W_{_SPACELESS}]+(?:['’][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many texts of each group a word stands, for those that do.

    vocabulary: words in the order of their first sight. group, word, texts: int64 [m], sorted by group and
    then word; texts[i] of group[i] have vocabulary[word[i]]. groups: how many there are. unspaced: of each group the
    first SEARCHED texts that have letters of scripts without spaces, if any.
    """

    vocabulary: tuple[str, ...]
    group: Longs
    word: Longs
    texts: Longs
    groups: int
    unspaced: Mapping[int, Sequence[str]]

    def words(self, z: Doubles, group: int) -> list[tuple[str, float]]:
        """The words of a group with their scores, falling; ties by spelling. z: of `z_scores`."""
        low, high = np.searchsorted(self.group, (group, group + 1))
        found = [(self.vocabulary[self.word[at]], float(z[at])) for at in range(low, high)]
        return sorted(found, key=lambda one: (-one[1], one[0]))


def tokens(text: str) -> list[str]:
    """Words in order, case folded; a character of a script without spaces is a word of its own."""
    return _WORD.findall(text[:CHARACTERS].casefold())


def words(text: str) -> Iterator[str]:
    """As `tokens`, but of a run of two letters or more without spaces its pairs, which say more than letters do."""
    for found in _WORDS.finditer(text[:CHARACTERS].casefold()):
        letters = _LETTER.findall(found[0]) if found["run"] else []
        if len(letters) < 2:
            yield found[0]
        yield from map("".join, pairwise(letters))


def count(texts: Iterable[str], groups: Sequence[int] | Longs) -> Counted:
    """Count the words of texts. groups: int [n], from 0."""
    group_of = np.asarray(groups, np.int64)
    numbers: dict[str, int] = {}
    flat, lengths = array("q"), []
    unspaced: dict[int, list[str]] = {}
    for text, group in zip(texts, group_of.tolist(), strict=True):
        folded = text[:CHARACTERS].casefold()
        seen = set(words(text))
        if _LETTER.search(folded) and len(held := unspaced.setdefault(group, [])) < SEARCHED:
            held.append(folded)
        flat.extend(numbers.setdefault(word, len(numbers)) for word in sorted(seen))
        lengths.append(len(seen))
    many = int(group_of.max(initial=-1)) + 1
    width = max(len(numbers), 1)
    keys = np.repeat(group_of, lengths) * width + np.frombuffer(flat, np.int64)
    found, texts_of = np.unique(keys, return_counts=True)
    return Counted(tuple(numbers), found // width, found % width, texts_of.astype(np.int64), many, unspaced)


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
    found = []
    for group in range(counted.groups):
        ranked = [(word, score) for word, score in counted.words(z, group) if score > 0 and _named(word)]
        first = _first(ranked, k)
        found.append(_runs(ranked, counted.unspaced[group], k) if any(map(_LETTER.match, first)) else first)
    return found


def _runs(words: Sequence[tuple[str, float]], texts: Sequence[str], k: int) -> tuple[str, ...]:
    """The first k; pairs of letters as the runs that they are part of, each run once. Single letters, and what fewer
    than SELDOM of the texts have, name where nothing else does."""
    for letters, least in ((2, SELDOM * len(texts)), (1, 0.0)):
        told: list[str] = []
        for word, _ in words:
            if not _LETTER.match(word):
                told.append(word)
            elif not any(word in one for one in told) and len(_LETTER.findall(word)) >= letters:
                having = [text for text in texts if word in text]
                if len(having) >= max(least, 1):
                    told.append(_run(word, having, texts))
            if len(told) == k:
                break
        if told:
            return tuple(map(_shown, told))
    return ()


def _shown(run: str) -> str:
    letters = list(_LETTER.finditer(run))
    return run if len(letters) <= SHOWN else f"{run[: letters[SHOWN].start()]}…"


def _run(word: str, having: Sequence[str], texts: Sequence[str]) -> str:
    """Letters with those behind and before them that nearly all texts have there that have the word, and few others
    have: what fills a slot is not shown with the frame around it."""
    text = having[0]
    letters = [(found.start(), found.end()) for found in _LETTER.finditer(text)]
    low = next((at for at, (start, _) in enumerate(letters) if text.startswith(word, start)), None)
    if low is None:  # a mark without its letter
        return word
    high = low + len(_LETTER.findall(word)) - 1

    def goes(first: int, last: int, edge: int) -> bool:
        """Whether the letters from first to last are what a run is; edge: the first of its two new ones."""
        if first < 0 or last >= len(letters) or letters[edge][1] != letters[edge + 1][0]:
            return False
        run, new = text[letters[first][0] : letters[last][1]], text[letters[edge][0] : letters[edge + 1][1]]
        held, seen = sum(run in one for one in having), sum(new in one for one in texts)
        return held >= TOGETHER * len(having) and TOGETHER * seen <= len(having)

    while high - low < LONGEST and goes(low, high + 1, high):
        high += 1
    while high - low < LONGEST and goes(low - 1, high, low - 1):
        low -= 1
    return text[letters[low][0] : letters[high][1]]


def _first(words: Sequence[tuple[str, float]], k: int) -> tuple[str, ...]:
    """The first k of words with falling scores; ties by rarity."""
    tied = [one for one in words if one[1] >= words[min(k, len(words)) - 1][1] - EQUAL]
    rare = rarity([word for word, _ in tied])
    order = sorted(range(len(tied)), key=lambda at: (-round(tied[at][1] / EQUAL), -rare[at], tied[at][0]))
    return tuple(tied[at][0] for at in order[:k])


def _named(word: str) -> bool:
    return any(character.isalpha() for character in word)
