"""position-inconsistency: hand-counted verdicts, planted biases, and Shi et al.'s own formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.position_inconsistency import PositionInconsistency
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model.result import Measurement, Metric


def measured(records: list[dict[str, Any]]) -> Measurement:
    return PositionInconsistency().run(fakes.verdicts(records), Context(), Local(1))


def metrics(measurement: Measurement) -> dict[str, Metric]:
    return {metric.name.partition(".")[2]: metric for metric in measurement.metrics}


def twice(item: int | str, first: str, second: str, **more: Any) -> list[dict[str, Any]]:
    return [
        {"item": str(item), "judge": "j", "first": shown, "verdict": verdict, **more}
        for shown, verdict in (("a", first), ("b", second))
    ]


def judged(random: np.random.Generator, n: int, place: float) -> list[dict[str, Any]]:
    """A judge that takes the first with probability `place`, and else what it prefers (A or B at even odds)."""
    made = []
    for item in range(n):
        likes = str(random.choice(["a", "b"]))
        by_place = random.random() < place
        made += twice(item, *(("a", "b") if by_place else (likes, likes)))
    return made


def test_counted_by_hand() -> None:
    pairs = [("a", "a"), ("b", "b"), ("tie", "tie"), ("a", "b"), ("a", "b"), ("b", "a"), ("tie", "b")]
    pairs += [("invalid", "invalid"), ("a", "invalid")]
    records = [record for item, pair in enumerate(pairs) for record in twice(item, *pair)]
    found = metrics(measured([*records, {"item": "lone", "judge": "j", "first": "a", "verdict": "a"}]))
    assert found["consistency"].value == pytest.approx(4 / 9)  # twice unparsable is the same
    assert found["conflict_rate"].value == pytest.approx(4 / 9)
    assert found["primacy_share"].value == pytest.approx(3 / 4)
    assert found["preference_fairness_raw"].value == pytest.approx((1 - 3) / 7)
    assert found["preference_fairness"].value == pytest.approx((1 - 2 / 7) / 2)
    # Decided: a a, b b, a b, a b, b a, b, a: first wins are a, b, a b, a b, b, a.
    assert found["first_rate"].value == pytest.approx(8 / 12)
    assert found["both_orders"].value == pytest.approx(9 / 10)


@pytest.mark.parametrize("seed", range(10))
def test_fairness_is_the_published_formula(seed: int) -> None:
    """(PF_raw - S_min) / (S_max - S_min) x 2 - 1, with PF_raw = recency x its share - primacy x its share, and S the
    scores of a judge that is biased to one side always."""
    random = np.random.default_rng(seed)
    pairs = [tuple(random.choice(["a", "b", "tie"], 2)) for _ in range(60)]
    primacy = sum(pair in {("a", "b"), ("a", "tie"), ("tie", "b")} for pair in pairs)
    recency = sum(pair in {("b", "a"), ("b", "tie"), ("tie", "a")} for pair in pairs)
    conflicts, n = primacy + recency, len(pairs)
    raw = recency * recency / conflicts - primacy * primacy / conflicts
    wanted = (raw + n) / (2 * n) * 2 - 1
    found = metrics(measured([record for item, pair in enumerate(pairs) for record in twice(item, *pair)]))
    assert found["preference_fairness_raw"].value == pytest.approx(wanted)


def test_judges_that_take_a_place_always() -> None:
    first = metrics(measured([record for item in range(30) for record in twice(item, "a", "b")]))
    last = metrics(measured([record for item in range(30) for record in twice(item, "b", "a")]))
    assert (first["consistency"].value, first["preference_fairness"].value, first["first_rate"].value) == (0, 0, 1)
    assert (last["consistency"].value, last["preference_fairness"].value, last["first_rate"].value) == (0, 1, 0)
    assert first["first_p"].value == pytest.approx(2 * 0.5**60)


def test_a_planted_bias_is_within_its_interval() -> None:
    for place, seed in ((0.1, 1), (0.4, 2), (0.8, 3)):
        found = metrics(measured(judged(np.random.default_rng(seed), 1500, place)))
        for name, truth in (
            ("conflict_rate", place),
            ("preference_fairness_raw", -place),
            ("first_rate", 0.5 + place / 2),
            ("kappa_agreement", (1 - place) ** 2 / (1 + place**2)),
        ):
            metric = found[name]
            assert metric.low is not None
            assert metric.high is not None
            assert metric.low <= truth <= metric.high, (name, place)


def test_no_false_alarm_of_an_unbiased_judge() -> None:
    """Noise without a place: the binomial test errs at most as often as it says."""
    alarms = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        records = [
            {"item": str(item), "judge": "j", "first": str(random.choice(["a", "b"])), "verdict": str(v)}
            for item, v in enumerate(random.choice(["a", "b"], 100))
        ]
        alarms += (metrics(measured(records))["first_p"].value or 0) < 0.05
    assert alarms <= 20  # 10 are expected, 20 are three standard errors more


def test_one_order_only_says_what_cannot_be_known() -> None:
    measurement = measured([{"item": str(i), "judge": "j", "first": "a", "verdict": "ab"[i % 2]} for i in range(6)])
    found = metrics(measurement)
    for name in ("consistency", "conflict_rate", "preference_fairness", "kappa_agreement"):
        assert found[name].value is None
        assert "both orders" in found[name].why
    assert found["first_rate"].value == 0.5
    assert "mixes place with quality" in measurement.notes[0]
    unknown = measured([{"item": "q", "judge": "j", "verdict": "a"}])
    assert "does not tell" in metrics(unknown)["first_rate"].why


def test_people_are_left_out() -> None:
    people = twice("q", "a", "b", human=True)
    assert measured(people).metrics == ()
    found = metrics(measured([*people, *({**one, "judge": "machine", "human": False} for one in twice("q", "a", "a"))]))
    assert found["consistency"].value == 1


def test_judges_rules_and_gaps_are_shown() -> None:
    random = np.random.default_rng(0)
    records: list[dict[str, Any]] = []
    for item in range(200):
        strong = random.random() < 0.5
        steady = random.random() < (0.95 if strong else 0.4)
        makers = {"a": "best", "b": "worst" if strong else "second"}
        pair = ("best", "best") if steady else (makers["a"], makers["b"])
        records += [
            {"item": str(item), "judge": "j", "prompt": "p", **makers, "first": first, "verdict": "ab"[maker != "best"]}
            for first, maker in zip("ab", pair, strict=True)
        ]
    measurement = measured(records)
    shown = {exhibit.name.partition(".")[2]: exhibit for exhibit in measurement.exhibits}
    assert shown["judges"].rows[0][:3] == ("j", "p", 200)
    by_rule = {(row[0], row[1]): row[2:] for row in shown["rules"].rows}
    assert by_rule["strict", "best"][3] > 0  # rejected
    assert by_rule["tie", "best"][3] == 0
    assert by_rule["tie", "best"][1] == by_rule["strict", "best"][3]  # its ties are what strict rejects
    gaps = [row[2] for row in shown["by_gap"].rows]
    assert gaps[-1] > gaps[0]  # the wider the gap, the steadier
    assert {(one.by, one.group) for one in measurement.slices} == {("judge", "j"), ("judge_prompt", "p")}


def test_findings_name_both_verdicts() -> None:
    records = [*twice("q1", "a", "a"), *twice("q2", "a", "b"), *twice("q3", "tie", "b")]
    verdicts = fakes.verdicts(records)
    room = PositionInconsistency()
    (table,) = room.locate(verdicts, room.run(verdicts, Context(), Local(1)), Context())
    assert table.column("row").to_pylist() == [2, 4]
    assert table.column("related").to_pylist() == [3, 5]
    assert "A with A first, B with B first" in table.column("evidence").to_pylist()[0]


def by_hand(records: list[dict[str, Any]], gap_of: dict[str, float]) -> tuple[float, float]:
    """Pearson's correlation of gap and consistency, and consistency of the close ones, pair by pair."""
    said: dict[tuple[str, str], list[str]] = {}
    for one in records:
        if not one.get("human") and one["item"] in gap_of:
            said.setdefault((one["item"], one["judge"]), []).append(one["verdict"])
    gaps = [gap_of[item] for item, _ in said]
    agree = [len(set(both)) == 1 for both in said.values()]
    close = [same for same, gap in zip(agree, gaps, strict=True) if gap < 0.2]
    return float(np.corrcoef(gaps, agree)[0, 1]), float(np.mean(close))


def steady(random: np.random.Generator, item: int, gap: float) -> list[dict[str, Any]]:
    """The wider the gap, the steadier."""
    return twice(item, *(("a", "a") if random.random() < 0.3 + 0.7 * gap else ("a", "b")))


def test_the_gap_by_people() -> None:
    random = np.random.default_rng(3)
    records: list[dict[str, Any]] = []
    gap_of = {}
    for item in range(120):
        wins = int(random.integers(0, 11))
        gap_of[str(item)] = abs(wins - 5) / 5
        votes = ["a"] * wins + ["b"] * (10 - wins)
        records += [
            {"item": str(item), "judge": f"person {i}", "human": True, "verdict": vote} for i, vote in enumerate(votes)
        ]
        records += steady(random, item, gap_of[str(item)])
    measurement = measured(records)
    found = metrics(measurement)
    correlation, close = by_hand(records, gap_of)
    assert found["gap_correlation"].value == pytest.approx(correlation, abs=2e-3)  # gaps are told to 1 / 1024
    assert found["close_consistency"].value == pytest.approx(close)
    low, high = found["gap_correlation"].low, found["gap_correlation"].high
    assert low is not None
    assert high is not None
    assert 0 < low < correlation < high
    (shown,) = (exhibit for exhibit in measurement.exhibits if exhibit.name.endswith("by_gap"))
    assert "people's win rate" in shown.note
    assert sum(int(row[1] or 0) for row in shown.rows) == 120


def test_the_gap_by_other_judges_leaves_the_judges_own_out() -> None:
    random = np.random.default_rng(4)
    records: list[dict[str, Any]] = []
    for item in range(60):
        for judge in "jklm":
            verdict = "a" if random.random() < 0.8 else "b"
            pair = (verdict, verdict) if random.random() < 0.7 else ("a", "b")
            records += [{**one, "judge": judge} for one in twice(item, *pair)]
    found = metrics(measured(records))
    gaps, agree = [], []
    for item in range(60):
        for judge in "jklm":
            mine = [one["verdict"] for one in records if one["item"] == str(item) and one["judge"] == judge]
            others = [one["verdict"] for one in records if one["item"] == str(item) and one["judge"] != judge]
            gaps.append(2 * abs(others.count("a") / len(others) - 0.5))
            agree.append(mine[0] == mine[1])
    assert found["gap_correlation"].value == pytest.approx(np.corrcoef(gaps, agree)[0, 1], abs=2e-3)


def test_the_gap_by_makers_is_the_papers_overall_win_rate_but_for_the_pair_itself() -> None:
    random = np.random.default_rng(5)
    pairs = []
    for item in range(150):
        weak = ("even", "weak", "weakest")[item % 3]
        p = {"even": 0.5, "weak": 0.8, "weakest": 1.0}[weak]
        won = "a" if random.random() < p else "b"
        pairs.append((weak, (won, won) if random.random() < 0.2 + 0.8 * abs(2 * p - 1) else ("a", "b")))
    makers = {"even": "m1", "weak": "m2", "weakest": "m3"}
    records = [one for i, (b, pair) in enumerate(pairs) for one in twice(i, *pair, a="a model", b=makers[b])]
    found = metrics(measured(records))
    worth = [1.0 if pair == ("a", "a") else 0.0 if pair == ("b", "b") else 0.5 for _, pair in pairs]
    gaps = []
    for i, (b, _) in enumerate(pairs):
        others = [worth[j] for j, (c, _) in enumerate(pairs) if c == b and j != i]
        gaps.append(2 * abs(sum(others) / len(others) - 0.5))
    agree = [len(set(pair)) == 1 for _, pair in pairs]
    assert found["gap_correlation"].value == pytest.approx(np.corrcoef(gaps, agree)[0, 1], abs=2e-3)
    assert found["gap_correlation"].value > 0.2


def test_where_no_gap_is_known_none_is_told() -> None:
    found = metrics(measured([one for item in range(20) for one in twice(item, "a", "ab"[item % 2])]))
    for name in ("gap_correlation", "close_consistency"):
        assert found[name].value is None
        assert "several judges" in found[name].why
