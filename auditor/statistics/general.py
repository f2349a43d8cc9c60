"""How rare wording is in general English: what telling words are told from where there is nothing else.

The table holds the inverse document frequencies of character 4-grams in the docstrings and help topics of Python's
standard library (`docs/idf.py` makes it); the weight-free embedder weighs its grams by the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels.grams import document_frequency
from auditor.kernels.texts import spans
from auditor.model.rows import strings
from auditor.model.vectors import Floats

TABLE = Path(__file__).with_name("idf.npy")


@cache
def idf() -> Floats:
    """float32 [65536]: 1 + ln((1 + n) / (1 + df)) by the first 16 bits of a gram's hash."""
    sixteenths: npt.NDArray[np.uint8] = np.load(TABLE)
    return sixteenths.astype(np.float32) / np.float32(16)


def rarity(words: Sequence[str]) -> npt.NDArray[np.float64]:
    """float64 [n]: the mean idf of each word's grams; 1.4 of `the`, 5.0 of `window`, 7.6 of `answer`."""
    table, found = idf(), []
    for word in words:
        view = strings(pa.array([word], pa.large_string()))
        grams = document_frequency(spans(view.offsets, view.data, fold=True), len(table)) > 0
        found.append(float(table[grams].mean()) if grams.any() else 0.0)
    return np.array(found, np.float64)
