"""expired: days counted on a calendar."""

from __future__ import annotations

import datetime as dt

import pytest

from auditor.checks.expired import Expired
from auditor.model.card import Refresh
from auditor.model.tiny import TODAY, Facts, Made, pedigree
from tests.lineages import looked

# A tiny version was registered on 1 January 2026 and is looked at on the 31st.


@pytest.mark.parametrize(
    ("refresh", "days", "overdue"),
    [
        (Refresh(), 0, 0),
        (Refresh(expires=dt.date(2026, 1, 31)), 0, 0),
        (Refresh(expires=dt.date(2026, 1, 30)), 1, 0),
        (Refresh(expires=dt.date(2025, 1, 31)), 365, 0),
        (Refresh(expires=dt.date(2027, 1, 1)), 0, 0),
        (Refresh(every=30), 0, 0),
        (Refresh(every=29), 0, 1),
        (Refresh(every=0), 0, 30),
        (Refresh(expires=dt.date(2026, 1, 1), every=7), 30, 23),
    ],
)
def test_days_past_each_rule(refresh: Refresh, days: int, overdue: int) -> None:
    values, faults = looked(Expired(), pedigree("a@1", {"a@1": Made()}, cards={"a": Facts(refresh=refresh)}))
    assert values == {"days": days, "overdue": overdue, "sources": 0}
    assert [fault["score"] for fault in faults] == [n for n in (days, overdue) if n]


def test_expired_sources_are_found_at_any_depth_and_counted_by_version() -> None:
    versions = {
        "old@1": Made(kind="real"),
        "old@2": Made(kind="real"),
        "middle@1": Made(seeds=("old@1", "old@2")),
        "mine@1": Made(parents=("middle@1",)),
        "mine@2": Made(parents=("middle@1", "mine@1")),
    }
    past = Facts(refresh=Refresh(expires=TODAY - dt.timedelta(days=3)))
    values, faults = looked(Expired(), pedigree("mine@2", versions, cards={"old": past, "mine": past}))
    assert values == {"days": 3, "overdue": 0, "sources": 2}  # its own earlier version is its own card's
    assert {f["related_dataset"] for f in faults if f["metric"] == "expired.sources"} == {
        "dataset:old@1",
        "dataset:old@2",
    }
