"""What rooms about biases share: intervals of dependent verdicts, draws and fits that know no order of the file."""

from __future__ import annotations

from dataclasses import fields, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binom

from auditor.core.judges import biases
from auditor.core.judges.biases import LENGTH, averaged, clustered, control, decided, thinned
from auditor.model.verdicts import Coded, Verdicts
from tests.judges import biased


def reordered(these: Verdicts, order: npt.NDArray[np.int64]) -> Verdicts:
    changed: dict[str, Any] = {}
    for one in fields(these):
        value = getattr(these, one.name)
        if isinstance(value, Coded):
            changed[one.name] = Coded(value.names, value.codes[order])
        elif isinstance(value, np.ndarray) and one.name != "humans":
            changed[one.name] = value[order]
    return replace(these, **changed)


def test_rates_and_means_of_dependent_verdicts_keep_their_coverage() -> None:
    """Five verdicts an item that share its chance: binomial intervals would cover two in three."""
    random = np.random.default_rng(11)
    rates = means = naive = 0
    for _ in range(400):
        chance = random.beta(1, 1, 150)
        hit = random.random((150, 5)) < chance[:, None]
        groups = np.repeat(np.arange(150), 5).astype(np.int32)
        rate = clustered("", hit.ravel(), groups, once=False)
        mean = averaged("", "share", np.stack([np.full(150, 5), hit.sum(1)], 1), 1)
        plain = clustered("", hit.ravel(), groups, once=True)
        for metric in (rate, mean, plain):
            assert metric.low is not None
            assert metric.high is not None
        rates += rate.low <= 0.5 <= rate.high  # type: ignore[operator]
        means += mean.low <= 0.5 <= mean.high  # type: ignore[operator]
        naive += plain.low <= 0.5 <= plain.high  # type: ignore[operator]
    least = binom.ppf(0.001, 400, 0.95)
    assert rates >= least
    assert means >= least
    assert naive < least


def test_a_mean_is_linearised_over_groups() -> None:
    random = np.random.default_rng(2)
    sizes, sums = random.integers(0, 4, 40), random.integers(-3, 4, 40)
    sums[sizes == 0] = 0
    metric = averaged("", "points", np.stack([sizes, sums], 1), 2)
    held = [(n, s / 2) for n, s in zip(sizes.tolist(), sums.tolist(), strict=True) if n]
    n = sum(one for one, _ in held)
    value = sum(s for _, s in held) / n
    error = sqrt(sum((s - value * one) ** 2 for one, s in held) * len(held) / (len(held) - 1)) / n
    assert metric.value == pytest.approx(value)
    assert (metric.low, metric.high) == pytest.approx((value - 1.96 * error, value + 1.96 * error), abs=1e-4)
    assert averaged("", "points", np.array([[2, 1]]), 2).low is None


@pytest.mark.parametrize("seed", range(3))
def test_draws_and_fits_are_the_same_in_any_order(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(biases, "FITTED", 250)
    these = biased(seed, longer=0.3, first=0.5)
    order = np.random.default_rng(seed + 50).permutation(len(these))
    other = reordered(these, order)
    every = np.arange(len(these))
    kept, again = thinned(these, every, 250), thinned(other, every, 250)
    np.testing.assert_array_equal(np.sort(order[again]), kept)
    assert 180 < len(kept) < 320
    pairs = {(int(these.item.codes[i]), int(these.first[i])) for i in kept}
    assert all((item, 1 - first) in pairs for item, first in pairs), "both orders stay together"
    one, same = control(these, decided(these)), control(other, decided(other))
    assert one.odds("", LENGTH) == same.odds("", LENGTH), "to the last bit"
    assert one.odds("", LENGTH).n == len(kept)


def test_a_sample_of_verdicts_tells_the_same_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    these = biased(1, items=4000, longer=0.5)
    whole = control(these, decided(these)).odds("", LENGTH)
    monkeypatch.setattr(biases, "FITTED", 2000)
    part = control(these, decided(these)).odds("", LENGTH)
    assert part.n < 2400 < whole.n
    assert part.low is not None
    assert part.high is not None
    assert whole.value is not None
    assert part.low < whole.value < part.high


def test_win_rates_at_equal_length_are_predictions_without_the_factor() -> None:
    these = biased(3, longer=1.0)
    held = control(these, decided(these))
    assert held.fit is not None
    raw = {maker: (n, share, level) for maker, n, share, level in held.equal(these, LENGTH)}
    for code, maker in enumerate(("m", "n", "o")):
        left, right = these.a.codes == code, these.b.codes == code
        wins = (these.verdict[left] == 0).sum() + (these.verdict[right] == 1).sum()
        assert raw[maker][:2] == (left.sum() + right.sum(), pytest.approx(wins / (left.sum() + right.sum())))
    assert raw["o"][2] < raw["o"][1], "the one who writes most had the advantage"
    assert raw["m"][2] > raw["m"][1]
    level = sum(n * share for n, _, share in raw.values()) / sum(n for n, _, _ in raw.values())
    assert level == pytest.approx(0.5), "someone wins every verdict"
