"""The least hashes of shingles, and exact similarity of chosen pairs, against plain Python."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.kernels.traces import NONE, least_shingles, similar
from auditor.model.rows import strings

TEXTS = [
    "",
    "one",
    "one two three four five",
    "one two three four five six seven eight nine ten",
    "a b a b a b a b a b a b a b",  # two shingles, again and again
    "Ünïcödé wörds are földed, and so is THIS one, however long it may become in the end",
    "猫が好きですか、犬が好きですか",
    " ".join(f"w{i}" for i in range(500)),
]


def test_the_least_distinct_hashes_of_each_text() -> None:
    view = strings(pa.array(TEXTS, pa.large_string()))
    texts = spans(view.offsets, view.data, fold=True)
    sets = shingle_sets(texts, 5)
    for count in (1, 4, 8):
        least, words = least_shingles(texts, 5, count)
        for row in range(len(TEXTS)):
            wanted = sets.values[sets.offsets[row] : sets.offsets[row + 1]][:count].tolist()
            assert least[row].tolist() == wanted + [int(NONE)] * (count - len(wanted))
        assert words.tolist()[:5] == [0, 1, 5, 10, 14]


def test_similar_is_exact() -> None:
    view = strings(pa.array(TEXTS, pa.large_string()))
    sets = shingle_sets(spans(view.offsets, view.data, fold=True), 5)
    left, right = (axis.ravel() for axis in np.meshgrid(np.arange(len(TEXTS)), np.arange(len(TEXTS))))
    plain = [set(sets.values[sets.offsets[i] : sets.offsets[i + 1]].tolist()) for i in range(len(TEXTS))]
    score = similar(sets, sets, left, right, 0.01)
    for i, j, seen in zip(left, right, score, strict=True):
        union = plain[i] | plain[j]
        jaccard = len(plain[i] & plain[j]) / len(union) if union else 0.0
        assert seen == (pytest.approx(jaccard) if jaccard >= 0.01 else -1.0)
