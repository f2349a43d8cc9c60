"""Which subjects a later set of texts has lost, told by the words that went with them.

Of each set is kept in how many of its texts a word stands, and beside which words it stands most tellingly: a few
kilobytes, by which sets can be compared that are no longer at hand. A word is going where it stands in at most LEFT of
the share of texts that it stood in, and chance is an unlikely reason: Fisher's exact test (1935, "The Design of
Experiments"), one-sided. Words that are going and stood beside one another are a subject, which is lost where chance is
ruled out for one of its words at ALPHA over all words together (Bonferroni). Texts are what is drawn, so the test holds
whatever the words of a text have to do with one another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import exp, lgamma

import numpy as np

from auditor.model.result import Vocabulary
from auditor.statistics import telling
from auditor.statistics.telling import Longs

FEWEST, LEAST = 5, 0.001
"""Texts, and the share of all, that a word which is kept stands in at the least."""

COMMON = 0.3
"""Share of the texts up to which a word is of a subject."""

MOST, LETTERS = 2_000, 40
"""Words that are kept, the commonest, and letters of the longest."""

NEAR = 3
"""Words that are kept with each word: those it stands beside most tellingly."""

LEFT, ALPHA = 0.6, 0.05
JOINS = 0.01
"""The p from which a word joins a subject that is lost for certain."""

ALONE = 100
"""By how much surer a word has to be gone that went without another: it may be a manner of speaking."""


def vocabulary(texts: Iterable[str], by: str = "", group: str = "", also: Collection[str] = ()) -> Vocabulary:
    """What is kept of these texts. by, group: as of a `Slice`. also: words that are counted however few texts have
    them, or none."""
    numbers: dict[str, int] = {}
    flat: list[int] = []
    owner: list[int] = []
    n = 0
    for text in texts:
        words = {word for word in telling.words(text) if len(word) <= LETTERS and any(map(str.isalpha, word))}
        flat.extend(numbers.setdefault(word, len(numbers)) for word in words)
        owner.extend([n] * len(words))
        n += 1
    word = np.array(flat, np.int64)
    rows = np.bincount(word, minlength=len(numbers))
    names = np.array(list(numbers), object)
    known = np.flatnonzero((rows >= max(FEWEST, LEAST * n)) & (rows <= max(FEWEST, COMMON * n)))
    known = known[np.lexsort((names[known].astype(str), -rows[known]))]
    floor = int(np.ceil(max(FEWEST, LEAST * n)))
    if len(known) > MOST:
        floor = int(rows[known[MOST]]) + 1  # all words of as many rows, or none: what is not kept is rarer
        known = known[rows[known] >= floor]
    number = np.full(len(numbers), -1, np.int64)
    number[known] = np.arange(len(known))
    kept = number[word] >= 0 if len(word) else np.zeros(0, np.bool_)
    near = _near(number[word][kept], np.array(owner, np.int64)[kept], rows[known])
    told = tuple(
        (str(names[one]), int(rows[one]), tuple(str(names[known[other]]) for other in beside))
        for one, beside in zip(known.tolist(), near, strict=True)
    )
    common = tuple(sorted(str(one) for one in names[np.flatnonzero(rows > max(FEWEST, COMMON * n))]))
    rest = set(also).difference((name for name, _, _ in told), common)
    few = [(one, int(rows[numbers[one]]) if one in numbers else 0, ()) for one in rest]
    return Vocabulary(by, group, n, floor, (*told, *sorted(few, key=lambda one: (-one[1], one[0]))), common)


def _near(word: Longs, text: Longs, rows: Longs) -> list[list[int]]:
    """Of each word those it stands beside most tellingly: the largest (observed - expected) / sqrt(expected)."""
    many, n = len(rows), int(text.max(initial=-1)) + 1
    if not many:
        return []
    order = np.lexsort((word, text))
    word, text = word[order], text[order]
    together = np.zeros(many * many, np.int64)
    starts = np.searchsorted(text, np.arange(n + 1))
    for low in range(0, n, 500):
        inside = np.zeros((min(low + 500, n) - low, many), np.float32)
        part = slice(starts[low], starts[min(low + 500, n)])
        inside[text[part] - low, word[part]] = 1
        together += (inside.T @ inside).astype(np.int64).ravel()
    counts = together.reshape(many, many)
    expected = np.outer(rows, rows) / max(n, 1)
    score = (counts - expected) / np.sqrt(expected)
    np.fill_diagonal(score, 0)
    best = np.argsort(-score, axis=1, kind="stable")[:, :NEAR]
    return [[int(other) for other in row if score[one, other] > 0] for one, row in enumerate(best)]


@dataclass(frozen=True, slots=True)
class Subject:
    """words: all that are going, the surest first. rows, left: texts that the first stood in, and stands in. bound: at
    the most, since too few have it for it to be kept."""

    words: tuple[str, ...]
    rows: int
    left: int
    bound: bool = False


def lost(before: Vocabulary, now: Vocabulary, tests: int = 1) -> list[Subject]:
    """Subjects that `before` has and `now` has lost, the largest first. tests: such comparisons that are made, over all
    of which chance is ruled out."""
    if not before.rows or not now.rows:
        return []
    here, common = {word: rows for word, rows, _ in now.words}, frozenset(now.common)
    pairs = [(word, rows, here.get(word, now.floor - 1)) for word, rows, _ in before.words if word not in common]
    # Shorter texts have less of every word.
    had, has = sum(rows for _, rows, _ in pairs), sum(left for _, _, left in pairs)
    usual = min(1.0, has / now.rows / (had / before.rows)) if had else 1.0
    going: dict[str, tuple[float, int, int]] = {}
    for word, rows, left in pairs:
        if left / now.rows <= LEFT * usual * rows / before.rows:
            p = tail(round(usual * rows), before.rows, left, now.rows)
            if p <= JOINS:
                going[word] = p, rows, left
    sure = ALPHA / max(len(before.words), 1) / tests
    found = [
        Subject(tuple(words), *going[words[0]][1:], words[0] not in here)
        for words in _together(before, going)
        if going[words[0]][0] <= (sure if len(words) > 1 else sure / ALONE)
    ]
    return sorted(found, key=lambda one: (-one.rows, one.words))


def _together(before: Vocabulary, going: Mapping[str, tuple[float, int, int]]) -> list[list[str]]:
    """The words that are going, those that stood beside one another in one list, the surest first."""
    top = {word: word for word in going}

    def found(word: str) -> str:
        while top[word] != word:
            word = top[word]
        return word

    for word, _, near in before.words:
        for other in near:
            if word in top and other in top:
                top[found(other)] = found(word)
    groups: dict[str, list[str]] = {}
    for word in sorted(going, key=lambda word: (going[word], word)):
        groups.setdefault(found(word), []).append(word)
    return list(groups.values())


def tail(rows: int, of: int, left: int, among: int) -> float:
    """Probability of `left` or fewer of all rows + left among `among` texts, drawn by lot from of + among."""
    total, every = rows + left, of + among

    def chosen(n: int, k: int) -> float:
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    whole = chosen(every, among)
    return min(
        1.0,
        sum(
            exp(chosen(total, k) + chosen(every - total, among - k) - whole)
            for k in range(max(0, total - of), left + 1)
        ),
    )
