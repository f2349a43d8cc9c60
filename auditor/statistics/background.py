"""What all rows of a set share, which is none of its patterns, and how alike rows are by chance."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Longs = npt.NDArray[np.int64]

SCAFFOLD = 0.03
"""Median of the rows' 2 % quantiles of cosines above which all rows share a scaffold; about -0.11 where none do."""

MANY = 256
"""Different rows that a mean needs to be a background: of few patterns without a scaffold it is one of them."""

SUBTRACTED = 8.0
"""Squared length of the mean of fewer different rows from which on it is a background, times that if they were unlike:
four templates reach 4, 200 templates that share a vocabulary of common words 28."""

CENTRE = 2_000
"""Rows from which what all share is taken."""

RANDOM = 20_000
"""Random pairs from which the spread of cosines by chance is taken."""


def shared(offsets: Longs, words: npt.NDArray[np.uint64]) -> tuple[float, float]:
    """What texts have in common and what is their own: the medians, over texts, of how many of their distinct words
    stand in half of all texts or more, and of how many do not. Text i has words[offsets[i]:offsets[i + 1]] (hashes)."""
    n = len(offsets) - 1
    found, place, texts = np.unique(words, return_inverse=True, return_counts=True)
    if not n or not len(found):
        return 0.0, 0.0
    common = np.concatenate([[0], np.cumsum(2 * texts[place] >= n)])
    held = common[offsets[1:]] - common[offsets[:-1]]
    return float(np.median(held)), float(np.median(np.diff(offsets) - held))


def centred(vectors: Floats, template: bool = False) -> tuple[Floats, float]:
    """The vectors without what all share, of length 1; and the mean cosine of two of them before.

    What all share is a direction, whole, for a scaffold weighs less in a long text: the mean of a sample in which rows
    weigh the less the more rows are like them (1 / the sum of cosine**4), so that a template that makes most of the
    rows is a pattern and not the background. Where even rows that are least alike share something, likeness is what
    goes beyond it: a product of loadings, first by the lowest cosines of each row, then by the direction found.
    Nothing is subtracted where what all share is known to be a template, or where there is neither a scaffold nor
    enough different rows to have a background, and their mean is no longer than that of so many unlike rows may be.
    """
    sample = vectors[:CENTRE]
    alike = sample @ sample.T
    common = float((alike.sum(dtype=np.float64) - np.trace(alike)) / (len(sample) * (len(sample) - 1)))
    lowest = len(sample) // 50
    floor = np.maximum(np.partition(alike, lowest, axis=1)[:, lowest], 0)
    usual = float(np.median(floor))
    scaffold = usual >= SCAFFOLD and not template
    loading = np.minimum(floor / np.sqrt(usual), 0.97).astype(np.float32) if scaffold else np.zeros_like(floor)
    for _ in range(2 if scaffold else 1):
        beyond = np.maximum(alike - np.outer(loading, loading), 0)
        beyond *= beyond
        weight = 1 / np.maximum(np.einsum("ij,ij->i", beyond, beyond, dtype=np.float64), 1)
        centre = (weight @ sample).astype(np.float32)
        length = float(np.sqrt(centre @ centre))
        centre /= max(length, 1e-9)
        loading = np.maximum(sample @ centre, 0)
    different = float(weight.sum())
    few = different < min(MANY, len(sample) / 4) and (template or length**2 < SUBTRACTED * different)
    if few and not scaffold:
        return vectors, common
    moved: Floats = vectors - np.outer(vectors @ centre, centre)
    moved /= np.maximum(np.sqrt(np.einsum("ij,ij->i", moved, moved)), np.float32(1e-6))[:, None]
    return moved, common


def noise_of(rows: Floats) -> float:
    """Spread of the cosines of random pairs by chance: of the negative ones about 0, for patterns are positive.

    Between one and two times that of random directions: of few patterns each is opposite to the others' mean.
    """
    seen: list[Floats] = []
    for step in range(1, min(len(rows), 1 + max(1, RANDOM // len(rows)) * 2)):
        seen.append(np.einsum("ij,ij->i", rows[:RANDOM], np.roll(rows, step, axis=0)[:RANDOM]))
        if sum(map(len, seen)) >= RANDOM:
            break
    drawn = np.concatenate(seen).astype(np.float64)
    below = drawn[drawn < 0]
    usual = 1 / float(np.sqrt(rows.shape[1]))
    return float(np.clip(np.sqrt(np.mean(below**2)), usual, 2 * usual)) if len(below) else usual
