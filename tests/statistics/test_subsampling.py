"""Subsampling intervals: their coverage over many draws, and the threads of BLAS."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binomtest

from auditor.statistics.blas import single
from auditor.statistics.subsampling import T95, interval, jackknife


def test_an_interval_of_a_mean_covers_it_as_often_as_it_says() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(400):
        values = rng.exponential(size=3200)
        low, high = interval(lambda at, values=values: float(values[at].mean()), len(values), float(values.mean()))
        hits += low <= 1 <= high
    # 16 blocks and a normal quantile: 2 points short of 95 %, as Student's t with 15 degrees would have it
    assert binomtest(hits, 400, 0.932).pvalue > 0.01


def test_an_interval_of_a_mean_is_the_textbooks() -> None:
    values = np.random.default_rng(3).normal(size=160_000)
    low, high = interval(lambda at: float(values[at].mean()), len(values), float(values.mean()), blocks=400)
    assert abs((high - low) / 2 / (1.96 / np.sqrt(len(values))) - 1) < 0.1


def test_within_single_blas_has_one_thread() -> None:
    from threadpoolctl import threadpool_info

    np.ones((4, 4)) @ np.ones((4, 4))
    with single():
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_jackknife() -> None:
    """Of a mean it is the textbook's standard error over the means of its parts."""
    values = np.random.default_rng(1).normal(size=800)
    parts = values.reshape(8, 100).mean(axis=1)
    low, high = jackknife(  # type: ignore[misc]
        lambda low, high: float(np.concatenate([values[:low], values[high:]]).mean()), 800, float(values.mean())
    )
    assert (high - low) / 2 == pytest.approx(T95 * parts.std(ddof=1) / math.sqrt(8))
    assert jackknife(lambda low, high: None, 800, 0.0) is None
