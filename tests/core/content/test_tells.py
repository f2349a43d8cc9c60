"""Which features tell, against SciPy's test of two proportions, and what they are called."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from auditor.core.content import detector, tells
from auditor.core.content.detector import Vocabulary
from auditor.engines.local import Local
from auditor.statistics.classify import probability

MADE = pa.chunked_array([pa.array([f"certainly row {n}" for n in range(60)], pa.large_string())])
REAL = pa.chunked_array([pa.array([f"perhaps row {n}" for n in range(60)], pa.large_string())])


def test_z_is_that_of_two_proportions() -> None:
    from scipy.stats import chi2_contingency

    random = np.random.default_rng(5)
    n, width = 80, 6
    has = random.random((2 * n, width)) < np.array([0.1, 0.3, 0.5, 0.7, 0.9, 0.5])
    has[:, 5] = False
    offsets = np.concatenate(([0], np.cumsum(has.sum(1))))
    synthetic = np.arange(2 * n) < n
    z = tells.z_scores((offsets, np.nonzero(has)[1]), synthetic, width)
    for column in range(width - 1):
        ours, theirs = int(has[:n, column].sum()), int(has[n:, column].sum())
        squared = chi2_contingency([[ours, n - ours], [theirs, n - theirs]], correction=False).statistic
        assert z[column] ** 2 == pytest.approx(squared)
        assert np.sign(z[column]) == np.sign(ours - theirs)
    assert z[5] == 0


def test_telling_words_are_named_and_found_in_a_text() -> None:
    wordings = detector.read_all((MADE, REAL), Local(2))
    vocabulary = Vocabulary.of(wordings)
    columns = vocabulary.rows(wordings)
    z = tells.z_scores(columns, np.arange(120) < 60, len(vocabulary))
    named = tells.named(vocabulary, columns, z, pa.chunked_array([*MADE.chunks, *REAL.chunks]))
    names = [name for name, _, _ in named]
    assert {"“certainly”", "“certainly row”", "“perhaps”", "“perhaps row”"} <= {*names}
    assert [score for *_, score in named] == sorted((score for *_, score in named), reverse=True)
    assert tells.evidence("Certainly, a row.", names).startswith("“certainly”: Certainly")
    assert tells.evidence("Nothing of it.", names) == "Nothing of it."


def test_the_rows_of_highest_score() -> None:
    odds = np.array([1.0, np.nan, 3.0, 2.0, 3.0, -1.0])
    assert detector.highest(odds, 3).column("row").to_pylist() == [2, 3, 4]
    assert detector.highest(odds, 0).num_rows == 0
    assert detector.highest(odds, 99).column("row").to_pylist() == [0, 2, 3, 4, 5]
    assert detector.highest(odds, 1).column("score").to_pylist() == [pytest.approx(1 / (1 + np.exp(-3)))]
    assert probability(np.array([-1000.0, 0.0, 1000.0])).tolist() == [0.0, 0.5, 1.0]


def test_a_threshold_lets_one_real_row_in_a_hundred_pass() -> None:
    random = np.random.default_rng(6)
    odds = np.concatenate((random.normal(2, 1, 400), random.normal(0, 1, 400)))
    at, found = detector.threshold(odds, np.arange(800) < 400)
    assert np.mean(odds[400:] > at) <= detector.FALSE_ALARMS < np.mean(odds[400:] >= np.sort(odds[400:])[-5])
    assert found == np.mean(odds[:400] > at)
