"""length-bias: planted odds, false alarms without any, brute force, and public verdicts."""

from __future__ import annotations

from collections.abc import Callable
from math import log
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from sklearn.linear_model import LogisticRegression

from auditor import fakes, judging
from auditor.checks.length_bias import LengthBias
from auditor.core.check import Context
from auditor.core.judges.biases import LENGTH, MARKS, control, decided
from auditor.engines.local import Local
from auditor.model.result import Measurement, Metric
from auditor.model.verdicts import Verdicts
from tests.judges import biased, verdicts

SEEDS = 200


def measured(these: Verdicts) -> dict[str, Metric]:
    measurement: Measurement = LengthBias().run(these, Context(), Local(1))
    return {metric.name.partition(".")[2]: metric for metric in measurement.metrics}


def test_no_bias_raises_no_more_alarms_than_chance_while_the_longer_wins() -> None:
    """200 judges that look at neither trait: alarms at 5 % are as many as binomial chance allows, for both traits."""
    alarms = {LENGTH: 0, MARKS: 0}
    longer = 0
    for seed in range(SEEDS):
        these = biased(seed, first=0.8)
        wanted = decided(these)
        held = control(these, wanted)
        for factor in alarms:
            odds = held.odds("", factor)
            assert odds.low is not None
            assert odds.high is not None
            alarms[factor] += not odds.low <= 1 <= odds.high
        wins = wanted.leaning(these.words_a, these.words_b).wins("", np.arange(len(wanted)))
        longer += wins.low is not None and wins.low > 0.5
    least, most = binom.ppf((0.025, 0.975), SEEDS, 0.05)
    for factor, count in alarms.items():
        assert least <= count <= most, f"{factor}: {count} alarms of {SEEDS}"
    assert longer > SEEDS * 0.9, "the longer output wins oftener than not: what the raw share tells is no bias"


@pytest.mark.parametrize("trait", ["longer", "marked"])
def test_planted_odds_lie_in_the_interval(trait: str) -> None:
    planted = log(1.8)
    held, estimates = 0, []
    for seed in range(100):
        these = biased(seed, first=-0.5, **{trait: planted})
        odds = control(these, decided(these)).odds("", {"longer": LENGTH, "marked": MARKS}[trait])
        assert odds.value is not None
        assert odds.low is not None
        assert odds.high is not None
        held += odds.low <= 1.8 <= odds.high
        estimates.append(log(odds.value))
    assert binom.ppf(0.025, 100, 0.95) <= held
    assert np.exp(np.mean(estimates)) == pytest.approx(1.8, rel=0.03)


def test_items_judged_once_have_the_binomial_interval() -> None:
    random = np.random.default_rng(4)
    words = random.integers(1, 30, (2, 500))
    verdict = random.choice(4, 500, p=[0.5, 0.35, 0.1, 0.05])
    numbers = measured(
        verdicts(item=np.arange(500), verdict=verdict, words=(words[0], words[1]), marks=(words[0], words[1]))
    )
    counted = [(v == 0) == (a > b) for v, a, b in zip(verdict, *words, strict=True) if v < 2 and a != b]
    oracle = binomtest(sum(counted), len(counted)).proportion_ci(method="wilson")
    longer = numbers["longer_wins"]
    assert (longer.value, longer.n) == (sum(counted) / len(counted), len(counted))
    assert (longer.low, longer.high) == pytest.approx((oracle.low, oracle.high))


def test_verdicts_in_both_orders_do_not_narrow_the_interval() -> None:
    once = verdicts(item=np.arange(100), verdict=np.arange(100) % 3 == 0, words=(np.full(100, 9), np.full(100, 3)))
    twice = verdicts(item=np.tile(np.arange(100), 4), verdict=np.tile(np.arange(100) % 3 == 0, 4),
                     words=(np.full(400, 9), np.full(400, 3)))  # fmt: skip
    one, other = measured(once)["longer_wins"], measured(twice)["longer_wins"]
    assert one.value == other.value
    assert (other.low, other.high) == pytest.approx((one.low, one.high), abs=0.002)


def test_people_tell_a_bias_from_better_answers() -> None:
    """People prefer the longer in 2 of 4; the judge takes it in all: twice though it is worse."""
    records = [
        {"item": f"q{i}", "judge": judge, "human": judge == "p", "output_a": "one two three four", "output_b": "one",
         "verdict": "a" if judge == "j" or i < 2 else "b"}
        for i in range(4)
        for judge in ("j", "p")
    ]  # fmt: skip
    these = fakes.verdicts(records)
    numbers = measured(these)
    assert numbers["longer_wins"].value == 1
    assert numbers["people_longer_wins"].value == 0.5
    assert numbers["longer_though_worse"].value == 1
    assert numbers["longer_though_worse"].n == 2
    assert numbers["shorter_though_worse"].value == 0
    room = LengthBias()
    (found,) = room.locate(these, room.run(these, Context(), Local(1)), Context())
    ids = [these.item.names[these.item.codes[row]] for row in found.column("row").to_pylist()]
    assert ids == ["q2", "q3"]
    assert "4 against 1 words" in found.column("evidence")[0].as_py()


def test_what_is_not_known_has_a_reason() -> None:
    without = fakes.verdicts([{"item": "q", "verdict": "a", "judge": "j"}])
    measurement = LengthBias().run(without, Context(), Local(1))
    assert not measurement.metrics
    assert "text" in measurement.notes[0]
    few = measured(fakes.verdicts([{"item": "q", "verdict": "a", "judge": "j", "output_a": "a b", "output_b": "a"}]))
    assert few["longer_odds"].value is None
    assert "fewer than 30" in few["longer_odds"].why
    same = [
        {"item": f"q{i}", "verdict": "ab"[i % 2], "judge": "j", "output_a": "a", "output_b": "b"} for i in range(40)
    ]
    equal = measured(fakes.verdicts(same))
    assert equal["longer_wins"].value is None
    assert equal["longer_odds"].value is None
    assert equal["longer_odds"].why


def test_a_judge_that_always_takes_the_longer_has_no_finite_odds() -> None:
    random = np.random.default_rng(1)
    words = random.integers(1, 99, (2, 200))
    numbers = measured(verdicts(item=np.arange(200), verdict=words[0] <= words[1], words=(words[0], words[1])))
    assert numbers["longer_wins"].value is not None
    assert numbers["longer_wins"].value > 0.98
    assert numbers["longer_odds"].value is None
    assert "settles every verdict" in numbers["longer_odds"].why


@pytest.mark.data
def test_gpt4_on_alpaca_eval_prefers_the_longer(shared_data: Callable[[str], Path]) -> None:
    """The odds of scikit-learn on one maker's file, where the strength of both makers is an intercept; and the
    direction that Dubois et al. 2024 report for this annotator."""
    these = judging.open([shared_data("alpaca_eval/claude/annotations.json")])
    numbers = measured(these)
    longer = numbers["longer_wins"].value
    assert longer is not None
    assert longer > 0.8

    told = (these.verdict < 2) & (these.words_a >= 0) & (these.words_b >= 0)
    length = np.log2(np.maximum(these.words_a, 1)) - np.log2(np.maximum(these.words_b, 1))
    marks = np.log2(these.marks_a + 1) - np.log2(these.marks_b + 1)
    design = np.stack([length, marks], 1)[told]
    theirs = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(design, these.verdict[told] == 0)
    odds = numbers["longer_odds"].value
    assert odds == pytest.approx(float(np.exp(theirs.coef_[0][0])), rel=0.01)
    assert odds is not None
    assert odds > 1.3


@pytest.mark.data
def test_equal_length_narrows_the_lead_of_those_who_write_more(shared_data: Callable[[str], Path]) -> None:
    makers = ("alpaca-7b", "claude", "gpt4", "text_davinci_001")
    these = judging.open([shared_data(f"alpaca_eval/{maker}/annotations.json") for maker in makers])
    (level,) = (e for e in LengthBias().run(these, Context(), Local(1)).exhibits if e.name.endswith("at_equal_length"))
    rates = {row[0]: (row[2], row[3]) for row in level.rows}
    for maker in ("claude", "gpt4"):
        raw, equal = rates[maker]
        assert isinstance(raw, float)
        assert isinstance(equal, float)
        assert 0.5 < equal < raw
