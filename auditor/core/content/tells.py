"""The features that tell synthetic rows from real ones: how surely, what they are called, where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.content import detector as detectors
from auditor.core.content.detector import Vocabulary
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.model.rows import strings

SURE = 0.01
"""Family-wise error of the features counted as tells (Bonferroni)."""

SHOWN = 20
"""Features a side that are named."""

READ = 4_000
"""Characters of a row that telling words are looked for in."""

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


def z_scores(columns: tuple[Longs, Longs], synthetic: Mask, width: int) -> Doubles:
    """float64 [width]: z of each feature's share of the synthetic rows against its share of the real ones (the pooled
    two-proportion test: rows have a feature or not, and both sides are of one size)."""
    owner = synthetic[np.repeat(np.arange(len(synthetic)), np.diff(columns[0]))]
    theirs, ours = (np.bincount(columns[1][owner == side], minlength=width) for side in (False, True))
    both, n = ours + theirs, len(synthetic)
    # n / 2 rows a side, so that the variance of the difference of the counts is both * (1 - both / n).
    z: Doubles = (ours - theirs) / np.sqrt(np.maximum(both * np.maximum(1 - both / n, 0), 1e-9))
    return np.where((both > 0) & (both < n), z, 0.0)


def bar(features: int) -> float:
    """|z| beyond which a feature tells, with any false one among all of them at SURE."""
    return NormalDist().inv_cdf(1 - SURE / 2 / features)


def named(
    vocabulary: Vocabulary, columns: tuple[Longs, Longs], z: Doubles, text: pa.ChunkedArray
) -> list[tuple[str, int, float]]:
    """(name, column, z) of the features that tell most, from those of the data to those of the real data."""
    least, words = bar(len(z)), len(vocabulary.words)
    chosen: list[int] = []
    numbers: set[tuple[bool, str]] = set()
    for column in np.lexsort((np.arange(len(z)), -np.abs(z))).tolist():
        side = (bool(z[column] > 0), "" if column < words else vocabulary.bin(column).partition(":")[0])
        # Of a number's bins only the most telling one a side.
        if abs(z[column]) <= least or (side[1] and side in numbers):
            continue
        numbers.add(side)
        if sum((z[one] > 0) == side[0] for one in chosen) < SHOWN:
            chosen.append(column)
    names = _names(vocabulary, columns, chosen, text)
    return [(names[column], column, float(z[column])) for column in sorted(chosen, key=lambda one: -z[one])]


def evidence(text: str, told: Sequence[str]) -> str:
    """The telling words that stand in the text, then the text."""
    folded = f" {' '.join(detectors.words_in(text[:READ]))} "
    inside = [name for name in told if name.startswith("“") and f" {name[1:-1]} " in folded][:5]
    return f"{', '.join(inside)}: {text}" if inside else text


def _names(
    vocabulary: Vocabulary, columns: tuple[Longs, Longs], chosen: list[int], text: pa.ChunkedArray
) -> dict[int, str]:
    """What features are called: words are looked for in the first text that has them."""
    names, wanted = {}, {}
    owner = np.repeat(np.arange(len(columns[0]) - 1), np.diff(columns[0]))
    for column in chosen:
        if column >= len(vocabulary.words):
            names[column] = vocabulary.bin(column)
        else:
            names[column] = f"#{int(vocabulary.words[column]):016x}"
            wanted[int(vocabulary.words[column])] = column
    at = {int(owner[int(np.argmax(columns[1] == column))]) for column in wanted.values()}
    for row in sorted(at):
        words = detectors.words_in(text[row].as_py())
        pairs = [" ".join(pair) for pair in pairwise(words)]
        for size, phrases in ((1, words), (2, pairs)):
            view = strings(pa.array(phrases, pa.large_string()))
            hashes = shingle_sets(spans(view.offsets, view.data, fold=True), size)
            for phrase, start in zip(phrases, hashes.offsets[:-1].tolist(), strict=True):
                if (place := wanted.get(int(hashes.values[start]))) is not None:
                    names[place] = f"“{phrase}”"
    return names
