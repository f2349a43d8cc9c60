"""Which way is worse, and whether chance could have done it."""

from __future__ import annotations

import pytest

from auditor.core.compare import Bad, Change, directions
from auditor.core.policy import Bound, Bounds, Policy
from auditor.model.result import Metric
from auditor.reports import changes


def change(before: float | None, after: float | None, bad: Bad, unit: str = "share", spread: float = 0.0) -> Change:
    def side(value: float | None) -> Metric | None:
        return None if value is None else Metric("a.b", value, unit, 10, low=value - spread, high=value + spread)

    return Change("a.b", side(before), side(after), bad)


@pytest.mark.parametrize(
    ("before", "after", "bad", "sense"),
    [
        (0.1, 0.2, "high", "worse"),
        (0.2, 0.1, "high", "better"),
        (0.1, 0.2, "low", "better"),
        (0.2, 0.1, "low", "worse"),
        (0.1, 0.1, "low", ""),
        (0.1, 0.2, "", ""),
        (None, 0.2, "high", ""),
        (0.1, None, "high", ""),
    ],
)
def test_worse_is_further_to_the_bad_side(before: float | None, after: float | None, bad: Bad, sense: str) -> None:
    assert change(before, after, bad).sense == sense
    assert change(before, after, bad).described()["sense"] == (sense or None)


def test_the_policy_says_which_way_before_the_check_does() -> None:
    above, below = Bound(">", 0.5), Bound("<", 0.1)
    policy = Policy("ours", {
        "near_duplicates.rate": Bounds(warn=(below,)),
        "few_patterns.vendi": Bounds(fail=(below,)),
        "lost_tails.topics": Bounds(warn=(above,), fail=(below,)),
        "lost_tails.gaps": Bounds(warn=(above,), fail=(below,)),
    })  # fmt: skip
    found = directions(policy)
    assert found["near_duplicates.rate"] == "low"
    assert found["few_patterns.vendi"] == "low"
    assert (found["lost_tails.topics"], found["lost_tails.gaps"]) == ("", "high")  # both sides bounded: as the check
    assert found["embedding_drift.coverage"] == "low"
    assert found["exact_duplicates.normalised_rate"] == "high"  # it has a remedy
    assert found["refusals_and_artifacts.rate"] == "high"
    assert found["language_mix.share"] == ""


def test_the_table_counts_what_became_worse() -> None:
    moved = [change(0.1, 0.2, "high"), change(0.1, 0.4, "high", spread=0.2), change(0.1, 0.2, "low"), change(1, 2, "")]
    assert changes.told(moved) == "4 metrics differ: 2 worse (1 beyond chance), 1 better (1 beyond chance)"
    assert changes.told(moved[3:]) == "1 metric differs"
    assert changes.told([]) == "no metric differs"
    header, rows = changes.metrics([*moved[:2], change(0.5, 0.0, "", "probability")], "old", "new")
    assert header == ["metric", "old", "new", "change", "which is", "beyond chance"]
    assert rows == [
        ["a.b", "0.1", "0.2", "+0.1", "worse", "yes"],
        ["a.b", "0.1", "0.4", "+0.3", "worse", "no"],
        ["a.b", "0.5", "<1e-300", "-0.5", "", "yes"],
    ]
