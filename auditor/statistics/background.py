"""What all rows of a set share, which is none of its patterns, and how alike rows are by chance."""

from __future__ import annotations

from dataclasses import dataclass

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

FEW = 3
"""Different rows below which nothing is shared, and nothing grouped."""

CENTRE = 2_000
"""Rows from which what all share is taken."""

SAME = 0.8
"""Cosine of what two sets share, each by itself, from which on it is the same: .94 to 1 for halves of a set of 300 rows
a side, .02 to .68 for different sets of one language, .36 to .48 for the same rows below two system prompts."""

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


@dataclass(frozen=True, slots=True)
class Background:
    """What all of some rows share. centre: float32 [d], its direction. subtracted: whether it is none of their
    patterns. common: mean cosine of two rows."""

    centre: Floats
    subtracted: bool
    common: float

    def off(self, vectors: Floats) -> Floats:
        """The vectors without it, of length 1."""
        if not self.subtracted:
            return vectors
        moved: Floats = vectors - np.outer(vectors @ self.centre, self.centre)
        moved /= np.maximum(np.sqrt(np.einsum("ij,ij->i", moved, moved)), np.float32(1e-6))[:, None]
        return moved


def background(vectors: Floats, template: bool = False) -> Background:
    """What all rows share. vectors: float32 [n, d] of length 1. template: it is known to be a template, and a pattern.

    What all share is a direction, whole, for a scaffold weighs less in a long text: the mean of a sample in which rows
    weigh the less the more rows are like them (1 / the sum of cosine**4), so that a template that makes most of the
    rows is a pattern and not the background. Where even rows that are least alike share something, likeness is what
    goes beyond it: a product of loadings, first by the lowest cosines of each row, then by the direction found.
    Nothing is subtracted where what all share is known to be a template, or where there is neither a scaffold nor
    enough different rows to have a background, and their mean is no longer than that of so many unlike rows may be.
    """
    sample = vectors[:CENTRE]
    if len(sample) < FEW:
        return Background(np.zeros(vectors.shape[1], np.float32), False, 1.0)
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
    return Background(centre, scaffold or not few, common)


def backgrounds(left: Floats, right: Floats, templates: tuple[bool, bool]) -> tuple[Background, Background]:
    """What all rows of each of two sides share: where it is the same it is taken from both together, for whether it is
    subtracted may be a matter of chance, and must not be so on one side alone."""
    apart = background(left, templates[0]), background(right, templates[1])
    if apart[0].centre @ apart[1].centre < SAME:
        return apart
    half = CENTRE // 2
    both = background(np.concatenate([left[:half], right[:half]]), all(templates))
    return both, both


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
