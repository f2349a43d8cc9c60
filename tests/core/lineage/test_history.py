"""The main metrics of a history, and its series."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from auditor.core.lineage.history import MAIN, History, in_order, numbered
from auditor.model.card import Card, Judged, Lineage, Registered
from auditor.model.result import Metric, Record, Status, Verdict


def record(values: dict[str, float | None], failed: tuple[str, ...] = ()) -> Record:
    verdicts = tuple(
        Verdict("c", name, Status.FAIL if name in failed else Status.PASS, value, "<= 0.5", "")
        for name, value in values.items()
    )
    metrics = {name: Metric(name, value, "share", 10) for name, value in values.items()}
    return Record({}, {}, {}, (), metrics, (), (), verdicts, Status.FAIL if failed else Status.PASS)


def version(number: int, judged: str | None = None) -> Registered:
    date = dt.datetime(2026, 1, number, tzinfo=dt.UTC)
    verdict = Judged(judged, "default", date, "audit.json") if judged else None
    return Registered(number, date, "data.jsonl", "sha256:00", 10, Lineage(), verdict=verdict)


def test_failed_then_moved_then_not_nought() -> None:
    records = {
        1: record({"still": 0.1, "moved": 0.1, "failed": 0.2, "nought": 0.0, "none": None}, failed=("failed",)),
        2: record({"still": 0.1, "moved": 0.4, "failed": 0.2, "nought": 0.0, "none": None}),
    }
    history = History(Card("d", "synthetic", (version(1), version(2), version(3, "warn"))), records)
    assert history.main == ("failed", "moved", "still", "nought")
    assert [m.value if m else None for m in history.series("moved")] == [0.1, 0.4, None]
    assert [history.verdict(one) for one in history.versions] == ["fail", "pass", "warn"]


def test_a_slope_is_over_the_same_real_data() -> None:
    """Versions 1 and 3 were held against one real dataset, version 2 against another."""
    values = {1: (0.1, "a"), 2: (0.5, "b"), 3: (0.3, "a")}
    records = {
        number: replace(
            record({"lost_tails.lost_words": value, "low_lexical_diversity.unique_ngram_product": value}),
            references={"real": {"dataset": {"digest": real}, "metrics": {}}},
        )
        for number, (value, real) in values.items()
    }
    history = History(Card("d", "synthetic", (version(1), version(2), version(3))), records)
    against, own = (
        history.slope(name) for name in ("lost_tails.lost_words", "low_lexical_diversity.unique_ngram_product")
    )
    assert against is not None
    assert own is not None
    assert (round(against[0].value, 6), against[1], own[1]) == (0.1, 2, 3)


def test_no_more_than_fit_a_glance() -> None:
    many = record({f"m{n}": 0.5 for n in range(30)})
    assert len(History(Card("d", "synthetic", (version(1),)), {1: many}).main) == MAIN
    assert History(Card("d", "synthetic", (version(1),))).main == ()


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (("-2", "-1", "0", "0.5"), (-2, -1, 0, 0.5)),
        (("round 3", "round 10"), (3, 10)),
        (("v1.8", "v1.9", "v1.10"), (8, 9, 10)),
        (("2024-01", "2024-03"), (1, 3)),
        (("llama3-r1", "llama3-r5"), (1, 5)),
        (("2023-10", "2023-12", "2024-01"), (1, 2, 3)),
        (("base", "r1", "r2"), (1, 2)),
        (("alpha", "beta"), ()),
        ((), ()),
    ],
)
def test_rounds_have_the_number_that_differs(names: tuple[str, ...], numbers: tuple[float, ...]) -> None:
    named = [name for name in names if any(map(str.isdigit, name))]
    assert numbered(names[::-1]) == dict(zip(named, numbers, strict=True))
    assert in_order(names[::-1]) == named
