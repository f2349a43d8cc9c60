"""Lexical diversity of a run of words: every number here depends on how many words there are, so compare equal runs.

distinct-n: J. Li et al. 2016, "A diversity-promoting objective function", NAACL. Entropy of n-grams: Y. Zhang et al.
2018, "Generating informative and diverse conversational responses via adversarial information maximization", NeurIPS
(Ent-4). Self-BLEU: Y. Zhu et al. 2018, "Texygen", SIGIR, with BLEU-4 of Papineni et al. 2002 and smoothing method 1 of
Chen and Cherry 2014. MTLD: McCarthy and Jarvis 2010, Behavior Research Methods 42:381-392. Compression ratio: Shaib et
al. 2024, "Standardizing the measurement of text diversity", arXiv 2403.00553. Zipf's law: the slope of log frequency
over log rank.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.kernels.diversity import factors

Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Doubles = npt.NDArray[np.float64]

FACTOR = 72
"""Percent of different words at which a factor of MTLD is full (McCarthy and Jarvis 2010)."""

RANKS, OFTEN, FEW = 1000, 5, 20
"""Zipf's slope is that of the words that occur at least OFTEN times, the RANKS commonest of them at most, and needs
FEW: below, frequencies are steps and the line bends."""

ENOUGH, RARELY = 32, 4
"""Texts within an octave of length that say what is usual there, and how many times as many texts as the usual ones
must be of that length to say it themselves."""

EPSILON = 0.1
"""What stands for no match in BLEU: smoothing method 1, as in NLTK."""

_ORDERS = (1, 2, 3, 4)
_MIX = np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Stream:
    """Texts one after another as words. words: int64 [n], numbers of words. owner: int64 [n], ascending, the number of
    the text that each is of. ngrams: n -> (int64 [n], number of the n-gram that begins at each word; -1 where the text
    ends before)."""

    words: Longs
    owner: Longs
    ngrams: dict[int, Longs]


def stream(words: Hashes, owner: Longs) -> Stream:
    """words: uint64 [n], hashes; owner: int64 [n], ascending."""
    numbers = np.unique(words, return_inverse=True)[1].astype(np.int64)
    ngrams = {1: numbers}
    state = words.copy()
    for order in _ORDERS[1:]:
        # state[i] is of the words from i on; it is lengthened by the one behind.
        state = (state[:-1] ^ (words[order - 1 :] * _MIX)) * _MIX
        state ^= state >> _HALF
        found = np.full(len(words), -1, np.int64)
        whole = np.flatnonzero(owner[: len(state)] == owner[order - 1 :])
        found[whole] = np.unique(state[whole], return_inverse=True)[1]
        ngrams[order] = found
    return Stream(numbers, owner, ngrams)


def without(run: Stream, low: int, high: int) -> Stream:
    """The run without words low to high."""

    def rest(column: Longs) -> Longs:
        return np.concatenate([column[:low], column[high:]])

    return Stream(rest(run.words), rest(run.owner), {order: rest(ids) for order, ids in run.ngrams.items()})


def distinct(run: Stream, order: int, low: int, high: int) -> float:
    """The share of different n-grams among those of words low to high; 0 where there are none."""
    found = _of(run, order, low, high)
    return int(np.count_nonzero(np.bincount(found))) / len(found) if len(found) else 0.0


def entropy(run: Stream, order: int, low: int, high: int) -> float:
    """Shannon entropy of their distribution in bits."""
    found = _of(run, order, low, high)
    counts = np.bincount(found)
    shares = counts[counts > 0] / max(len(found), 1)
    return float(-(shares * np.log2(shares)).sum()) + 0.0


def _of(run: Stream, order: int, low: int, high: int) -> Longs:
    found = run.ngrams[order][low : max(low, high - order + 1)]
    return found[found >= 0]


def zipf_slope(run: Stream, low: int, high: int) -> float | None:
    """Least squares of log frequency on log rank; None where too few words occur often enough."""
    counts = np.sort(np.bincount(run.words[low:high]))[::-1]
    counts = counts[counts >= OFTEN][:RANKS]
    if len(counts) < FEW:
        return None
    x, y = np.log(np.arange(1, len(counts) + 1)), np.log(counts)
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def mtld(run: Stream, low: int, high: int) -> float | None:
    """Mean length of runs in which at least 72 % of the words are different, forward and backward; None where no word
    returns."""
    words = run.words[low:high]
    both = [factors(np.ascontiguousarray(way), FACTOR) for way in (words, words[::-1])]
    return float(np.mean([len(words) / found for found in both])) if min(both) > 0 else None


def compression_ratio(content: bytes) -> float:
    """Bytes over bytes of it after gzip: redundancy, in gzip's window of 32 KB."""
    packed = zlib.compressobj(9, zlib.DEFLATED, 31)
    return len(content) / (len(packed.compress(content)) + len(packed.flush()))


def self_bleu(run: Stream, low: int, high: int) -> float | None:
    """Mean BLEU-4 of each text against all the others, over texts wholly within words low to high; None below two."""
    owner = run.owner[low:high]
    if not len(owner):
        return None
    whole = (owner != owner[0]) if low and run.owner[low - 1] == owner[0] else np.ones(len(owner), np.bool_)
    if high < len(run.owner) and run.owner[high] == owner[-1]:
        whole &= owner != owner[-1]
    kept = low + np.flatnonzero(whole)
    text = np.unique(run.owner[kept], return_inverse=True)[1]
    n = int(text.max(initial=-1)) + 1
    if n < 2:
        return None
    lengths = np.bincount(text, minlength=n)
    logs = np.zeros(n)
    begun = np.ones(n, np.bool_)
    for order in _ORDERS:
        grams = run.ngrams[order][kept]
        there = grams >= 0
        matches = _matches(text[there], grams[there], n)
        possible = np.maximum(lengths - order + 1, 1)
        begun &= (matches > 0) | (order > 1)
        logs += np.log(np.where(matches > 0, matches, EPSILON) / possible) / len(_ORDERS)
    scores = np.where(begun, np.exp(logs) * _brevity(lengths), 0.0)
    return float(scores.mean())


def _matches(text: Longs, grams: Longs, n: int) -> Doubles:
    """How many of each text's n-grams some other text has, each at most as often as one other has it: float64 [n]."""
    if not len(text):
        return np.zeros(n)
    order = np.lexsort((text, grams))
    text, grams = text[order], grams[order]
    edge = np.flatnonzero(np.concatenate([[True], (text[1:] != text[:-1]) | (grams[1:] != grams[:-1])]))
    counts = np.diff(np.append(edge, len(text)))
    text, grams = text[edge], grams[edge]
    first = np.flatnonzero(np.concatenate([[True], grams[1:] != grams[:-1]]))
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(grams))))
    most = np.maximum.reduceat(counts, first)
    holds = counts == most[group]
    several = np.add.reduceat(holds.astype(np.int64), first) > 1
    second = np.maximum.reduceat(np.where(holds, 0, counts), first)
    others = np.where(holds & ~several[group], second[group], most[group])
    return np.bincount(text, np.minimum(counts, others), minlength=n).astype(np.float64)


def _brevity(lengths: Longs) -> Doubles:
    """BLEU's brevity penalty of each text against the other whose length is nearest, the shorter of two."""
    order = np.argsort(lengths, kind="stable")
    ranked = lengths[order].astype(np.float64)
    before = np.concatenate([[-np.inf], ranked[:-1]])
    after = np.concatenate([ranked[1:], [np.inf]])
    nearest = np.where(ranked - before <= after - ranked, before, after)
    penalty = np.empty(len(lengths))
    penalty[order] = np.where(ranked > nearest, 1.0, np.exp(np.minimum(0.0, 1 - nearest / ranked)))
    return penalty


def product(unique: Longs, total: Longs) -> float | None:
    """The product over n of unique / total n-grams, each summed over texts (Su et al. 2022, arXiv 2202.06417, section
    4.1: diversity). unique, total: int64 [texts, orders]. None where no text is long enough."""
    whole = total.sum(axis=0)
    return float(np.prod(unique.sum(axis=0) / whole)) if whole.all() else None


def standardised(
    unique: Longs, total: Longs, words: Longs, other_unique: Longs, other_total: Longs, other_words: Longs
) -> tuple[float, float] | None:
    """(product of ours, of the others') as if the others' texts were as long as ours: longer texts repeat more.

    The others' share at each length (a quarter octave of words) weighs as many n-grams as ours have there. Lengths
    that one side lacks are left out; None where nothing is left.
    """
    mine, theirs = (np.floor(4 * np.log2(np.maximum(count, 1))).astype(np.int64) for count in (words, other_words))
    bins = int(max(mine.max(initial=0), theirs.max(initial=0))) + 1
    ours, expected = 1.0, 1.0
    for order in range(total.shape[1]):
        met, had, other_met, other_had = (
            np.bincount(place, column[:, order], minlength=bins)
            for place, column in ((mine, unique), (mine, total), (theirs, other_unique), (theirs, other_total))
        )
        both = (had > 0) & (other_had > 0)
        if not both.any():
            return None
        ours *= met[both].sum() / had[both].sum()
        expected *= (had[both] * other_met[both] / other_had[both]).sum() / had[both].sum()
    return float(ours), float(expected)


def budget(words: Sequence[int], rungs: Sequence[int]) -> int:
    """The largest rung that every side reaches; 0 where one does not reach the first."""
    return max((rung for rung in rungs if rung <= min(words)), default=0)


def cut_offs(scores: Doubles, words: Longs, usual: Doubles, usual_words: Longs, least: float) -> Doubles:
    """float64 [n]: for each text the score below which it is far out: below `least` of the median of what is usual, and
    beyond Tukey's outer fence (1977, "Exploratory Data Analysis"). scores, words: of n texts, and their lengths. usual,
    usual_words: of the texts that say what is usual, one at least.

    Usual is what texts of the same octave of length have, for longer ones repeat more; with fewer than ENOUGH of them
    all, unless that length is common here and hardly known there: then these texts themselves say it.
    """
    below = np.zeros(len(words))
    mine, theirs = (np.log2(np.maximum(one, 1)).astype(np.int64) for one in (words, usual_words))
    for octave in np.unique(mine):
        here = mine == octave
        known, many = usual[theirs == octave], int(np.count_nonzero(here))
        if len(known) < ENOUGH:
            known = scores[here] if many >= ENOUGH and RARELY * len(known) < many else usual
        low, middle, high = np.quantile(known, (0.25, 0.5, 0.75))
        below[here] = min(least * middle, low - 3 * (high - low))
    return below


MEASURES: dict[str, Callable[[Stream, int, int], float | None]] = {
    "distinct_1": lambda run, low, high: distinct(run, 1, low, high),
    "distinct_2": lambda run, low, high: distinct(run, 2, low, high),
    "distinct_3": lambda run, low, high: distinct(run, 3, low, high),
    "distinct_4": lambda run, low, high: distinct(run, 4, low, high),
    "ngram_entropy": lambda run, low, high: entropy(run, 4, low, high),
    "self_bleu": self_bleu,
    "mtld": mtld,
    "zipf_slope": zipf_slope,
}
"""What is measured of a run of words, from one to another."""
