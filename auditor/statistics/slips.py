"""Likely slips of the pen, without a dictionary: rare words one edit away from a frequent one.

The frequent words of the texts themselves are the dictionary, so nothing is shipped, and the terms of any domain are
known as soon as they are used; texts that are not looked at (answers, beside prompts) make it larger. Candidates meet
by deleting one letter from each word (W. Garbe 2012, "SymSpell"): words one edit apart (insertion, deletion,
substitution, or two neighbours swapped: Damerau 1964, CACM 7:171-176, who found four slips in five to be one of these)
share what is left.

Most words one edit apart are two words ("casual", "causal") or two forms of one. What is left out: the spellings of two
countries; another first letter (slips seldom begin a word: Pollock and Zamora 1984, CACM 27:358-368) or a change in the
last two letters, and short words, of which too many are neighbours ("stream", "scream"), unless the word has two groups
of three letters ("chnage", "suummer") that are in no word of more texts than a slip has. Without them a stem must have
LEAST letters once its ending is off.

How much it finds, and how much of that is a slip, depends on how many texts there are. In the prompts of Dolly (2,996)
beside as many of Alpaca, with the answers of both, one slip was planted in a random word of four letters or more of
every sixth prompt (2,882 in six rounds): 29 in 100 were found (a letter added 39, two swapped 34, a neighbouring key
33, one doubled 31, one left out 8), 38 in 100 of those in words of five letters or more, the shortest that are looked
at; 24 without the answers. Of the 13 words that it takes for slips in those prompts as they are 8 are slips
("avacado"), of 29 in prompts and answers 14, of 11 in GSM8K's 2. So it is a number to compare two sets of texts by,
where what is wrong with it is wrong on both sides, and not for correcting either.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from auditor.kernels.spelling import plain
from auditor.model.rows import Strings

FREQUENT = 10
"""Texts that a word must stand in to be taken for known, and the times that it must be more frequent than its slip."""

RARE = 2
"""Texts that a slip stands in at most: what more people write is a spelling."""

LEAST = 7
"""Letters of a stem from which two words one edit apart are seldom both words."""

_ODD = 2
"""Three-letter groups that no word has which more than RARE texts have: one wrong letter makes two or three."""

_TAIL = 2
"""Letters at the end whose change is an inflection and not a slip."""

_ENDING = re.compile(r"(?:ations?|ions?|ings?|ers?|ors?|ed|es|s|ly|ive|al|ous|ents?)$")


def slips(texts: Mapping[str, int], frequent: int = FREQUENT) -> dict[str, str]:
    """Slip -> the word that was meant (the most frequent one; ties by spelling).

    texts: word of small letters -> texts that it stands in. A word is known that stands in `frequent` texts, and
    meant where it stands in `frequent` times as many as its slip.
    """
    known = {word: count for word, count in texts.items() if count >= frequent}
    near: dict[str, list[str]] = defaultdict(list)
    for word in known:
        for form in _shortened(word):
            near[form].append(word)
    groups = {group for word, count in texts.items() if count > RARE for group in _groups(word)}
    found: dict[str, str] = {}
    most = max(known.values(), default=0)
    for word, count in texts.items():
        if count > RARE or count * frequent > most:
            continue
        candidates = {other for form in _shortened(word) for other in near.get(form, ())}
        strange = bool(candidates) and len(_groups(word) - groups) >= _ODD
        meant = [other for other in candidates if known[other] >= count * frequent and is_slip(word, other, strange)]
        if meant:
            found[word] = min(meant, key=lambda other: (-known[other], other))
    return found


def flagged(columns: Sequence[Strings], beside: Sequence[Strings] = ()) -> list[npt.NDArray[np.bool_]]:
    """For each text column, which of its texts have a slip; one dictionary is made of all of them, and of the texts
    `beside` them."""
    every = (*columns, *beside)
    found = [plain(column) for column in every]
    starts = np.cumsum([0, *(len(column) for column in every)])
    word = np.concatenate([one.word for one in found])
    text = np.concatenate([one.row + start for one, start in zip(found, starts, strict=False)])
    order = np.lexsort((text, word))
    fresh = np.ones(len(order), np.bool_)
    fresh[1:] = (np.diff(word[order]) != 0) | (np.diff(text[order]) != 0)
    known, first, texts = np.unique(word[order][fresh], return_index=True, return_counts=True)
    ends = np.cumsum([0, *(len(one.word) for one in found)])
    spelt = []
    for place in order[fresh][first]:
        side = int(np.searchsorted(ends, place, "right")) - 1
        one, at = found[side], place - ends[side]
        spelt.append(every[side].data[one.start[at] : one.start[at] + one.length[at]].tobytes().decode("ascii"))
    hashes = dict(zip(spelt, known.tolist(), strict=True))
    wrong = np.array([hashes[slip] for slip in slips(dict(zip(spelt, texts.tolist(), strict=True)))], np.uint64)
    masks = []
    for column, one in zip(columns, found, strict=False):
        mask = np.zeros(len(column), np.bool_)
        mask[one.row[np.isin(one.word, wrong)]] = True
        masks.append(mask)
    return masks


def is_slip(word: str, meant: str, strange: bool = False) -> bool:
    """Whether `word` is one edit away from `meant`, in a way that slips are and forms of a word are not.

    strange: it has letters together that no other word has, so that it may be short, and wrong at either end.
    """
    if word == meant or abs(len(word) - len(meant)) > 1:
        return False
    if not strange and (word[0] != meant[0] or len(_ENDING.sub("", word)) < LEAST):
        return False
    shortest = min(len(word), len(meant))
    at = next((i for i in range(shortest) if word[i] != meant[i]), shortest)
    rest, right = word[at:], meant[at:]
    tail = 0 if strange else _TAIL
    if len(word) == len(meant):
        if rest[:2] == right[1::-1] and rest[2:] == right[2:]:
            return right[:2] not in ("er", "re")  # centre, center
        return rest[1:] == right[1:] and {rest[0], right[0]} != {"s", "z"} and at < len(word) - tail
    longer, shorter = (rest, right) if len(rest) > len(right) else (right, rest)
    before = word[at - 1] if at else ""
    variant = (longer[0] == "u" and before == "o") or (longer[0] == "l" and before == "l")  # colour, travelled
    return longer[1:] == shorter and not variant and at <= shortest - tail - (not strange)


def _groups(word: str) -> set[str]:
    padded = f"^{word}$"
    return {padded[i : i + 3] for i in range(len(word))}


def _shortened(word: str) -> set[str]:
    """The word, and the word without any one of its letters: whatever is one edit away shares one of these."""
    return {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}
