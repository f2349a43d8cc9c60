"""Scores by value and scorer, against counting."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auditor.core.judges import scoring
from auditor.statistics import ranks

SCORES = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 4)), min_size=1, max_size=40)


def columns(scores: list[tuple[int, int]]) -> tuple[scoring.Longs, scoring.Doubles]:
    names = sorted({scorer for scorer, _ in scores})
    return np.array([names.index(one) for one, _ in scores]), np.array([float(score) for _, score in scores])


@given(SCORES)
def test_values_are_places_among_the_different_scores(scores: list[tuple[int, int]]) -> None:
    scorer, score = columns(scores)
    distinct = sorted(set(zip(scorer.tolist(), score.tolist(), strict=True)))
    places = [distinct.index(pair) for pair in zip(scorer.tolist(), score.tolist(), strict=True)]
    assert scoring.values(scorer, score).tolist() == places


@given(SCORES)
def test_the_commonest_score_is_the_highest_of_those_that_come_most_often(scores: list[tuple[int, int]]) -> None:
    scorer, score = columns(scores)
    expected = []
    for one, value in zip(scorer.tolist(), score.tolist(), strict=True):
        counts = Counter(score[scorer == one].tolist())
        expected.append(value == max(counts, key=lambda seen: (counts[seen], seen)))
    found = scoring.commonest(scorer, score, scoring.values(scorer, score))
    assert found.tolist() == expected


@given(SCORES)
def test_entropy_is_the_mean_of_the_scorers_by_their_scores(scores: list[tuple[int, int]]) -> None:
    scorer, score = columns(scores)
    size = int(scorer.max()) + 1
    of_each = [ranks.entropy(np.array([*Counter(score[scorer == one].tolist()).values()]))[0] for one in range(size)]
    metric = scoring.entropy("entropy", scorer, scoring.values(scorer, score), size)
    weights = np.bincount(scorer, minlength=size) / len(scorer)
    assert metric.value is not None
    assert np.isclose(metric.value, weights @ of_each)
