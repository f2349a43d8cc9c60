"""Pairing two orders, people's majority and the rules, against dictionaries and lists."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.core.judges import orders, rules
from auditor.model.errors import ConfigError
from auditor.model.verdicts import INVALID, TIE, A, B

CODES = {"a": A, "b": B, "tie": TIE, "invalid": INVALID}


def majority(said: list[int]) -> int:
    valid = Counter(code for code in said if code != INVALID).most_common()
    if not valid:
        return INVALID
    return TIE if len(valid) > 1 and valid[0][1] == valid[1][1] else valid[0][0]


def drawn(seed: int, n: int = 120) -> list[dict[str, Any]]:
    random = np.random.default_rng(seed)
    made = []
    for _ in range(n):
        record: dict[str, Any] = {
            "item": f"q{random.integers(4)}",
            "a": "m",
            "b": f"n{random.integers(2)}",
            "judge": str(random.choice(["x", "y", "Ada", "Bob"])),
            "verdict": str(random.choice(list(CODES))),
            "repeat": int(random.integers(2)),
            "first": [None, "a", "b"][int(random.integers(3))],
        }
        made.append({**record, "human": record["judge"] in ("Ada", "Bob")})
    return made


@pytest.mark.parametrize("seed", range(15))
def test_both_orders_and_people(seed: int) -> None:
    records = drawn(seed)
    verdicts = fakes.verdicts(records)
    cells: dict[Any, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    people: dict[Any, list[int]] = defaultdict(list)
    for record in records:
        pair = record["item"], record["b"]
        if record["human"]:
            people[pair].append(CODES[record["verdict"]])
        elif record["first"]:
            cells[(*pair, record["judge"], record["repeat"])][record["first"]].append(CODES[record["verdict"]])
    pairs = orders.both(verdicts, verdicts.by_machine)
    wanted = Counter((majority(c["a"]), majority(c["b"])) for c in cells.values() if len(c) == 2)
    assert Counter(zip(pairs.shown_first.tolist(), pairs.shown_second.tolist(), strict=True)) == wanted
    assert len(pairs.alone) == sum(len(c) == 1 for c in cells.values())
    assert pairs.once.sum() == sum(len(c) == 2 and all(len(v) == 1 for v in c.values()) for c in cells.values())
    assert (verdicts.first[pairs.rows_first] == A).all()
    assert (verdicts.first[pairs.rows_second] == B).all()
    truth = orders.gold(verdicts)
    for place, record in enumerate(records):
        assert truth[place] == majority(people[record["item"], record["b"]])


@pytest.mark.parametrize("reach", [3, 50, 1 << 40])
def test_ranks_are_those_of_numpy(reach: int) -> None:
    key = np.random.default_rng(reach).integers(0, reach, 60)
    distinct, wanted = np.unique(key, return_inverse=True)
    rank, n = orders.ranked(key)
    assert (rank == wanted).all()
    assert n == len(distinct)
    assert orders.ranked(key[:1])[0].tolist() == [0]
    assert orders.ranked(key[:0])[1] <= 1


def test_keys_keep_order_and_do_not_overflow() -> None:
    random = np.random.default_rng(0)
    columns = [random.integers(-1, 1 << 30, 200).astype(np.int32) for _ in range(6)]
    columns[0][100:] = columns[0][:100]
    for column in columns[1:]:
        column[100:150] = column[:50]
    found = orders.keys(*columns)
    rows = list(zip(*(column.tolist() for column in columns), strict=True))
    assert len(set(found.tolist())) == len(set(rows)) == 150
    assert sorted(range(200), key=lambda i: (rows[i], i)) == sorted(range(200), key=lambda i: (int(found[i]), i))


def test_what_a_conflict_leans_to() -> None:
    """Shi et al.: AA, AC and CA (places, C a tie) are primacy, BB, BC and CB recency."""
    wanted = {(A, B): -1, (A, TIE): -1, (TIE, B): -1, (B, A): 1, (B, TIE): 1, (TIE, A): 1}
    for first in CODES.values():
        for second in CODES.values():
            none = np.zeros(1, np.int64)
            pair = orders.Both(np.array([first], np.int8), np.array([second], np.int8), none, none, none == 0, none)
            assert pair.lean[0] == wanted.get((first, second), 0)


RULED = {
    "strict": {(A, A): A, (B, B): B, (TIE, TIE): TIE},
    "tie": {(x, y): x if x == y else TIE for x in (A, B, TIE) for y in (A, B, TIE)},
    "one-win": {
        (x, y): x if x == y else (TIE if TIE not in (x, y) else min(x, y)) for x in (A, B, TIE) for y in (A, B, TIE)
    },
}
RULED["average"] = {
    **RULED["one-win"],
    **{(x, INVALID): x for x in (A, B, TIE)},
    **{(INVALID, x): x for x in (A, B, TIE)},
}


@pytest.mark.parametrize("rule", rules.RULES)
def test_rules_over_all_sixteen_pairs(rule: str) -> None:
    words = {code: word for word, code in CODES.items()}
    cases = [(x, y) for x in CODES.values() for y in CODES.values()]
    records = [
        {"item": f"{place:02d}", "judge": "j", "first": first, "verdict": words[code]}
        for place, case in enumerate(cases)
        for first, code in zip("ab", case, strict=True)
    ]
    verdicts = fakes.verdicts(records)
    combined = rules.combine(rule, orders.both(verdicts, verdicts.by_machine), verdicts)
    assert combined.verdict.tolist() == [RULED[rule].get(case, INVALID) for case in cases]
    assert (np.isnan(combined.points) == ~combined.accepted).all()


def test_an_average_weighs_how_much_each_is_preferred() -> None:
    records = [
        {"item": "q", "judge": "j", "first": "a", "verdict": "a", "strength": 0.2},
        {"item": "q", "judge": "j", "first": "b", "verdict": "b", "strength": -0.8},
    ]
    verdicts = fakes.verdicts(records)
    combined = rules.combine("average", orders.both(verdicts, verdicts.by_machine), verdicts)
    assert combined.points.tolist() == pytest.approx([0.35])
    assert combined.verdict.tolist() == [B]


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="stricct"):
        rules.known("stricct")


@pytest.mark.parametrize("most", [1, 7, 1 << 30, (1 << 62) - 1])
@pytest.mark.parametrize("n", [0, 1, 5000])
def test_rising_is_a_stable_sort(most: int, n: int) -> None:
    key = np.random.default_rng(n).integers(0, most, n, endpoint=True)
    wanted = np.argsort(key, kind="stable")
    order, risen = orders.rising(key.copy())
    assert np.array_equal(order, wanted)
    assert np.array_equal(risen, key[wanted])


def test_keys_of_some_rows_are_the_keys_of_these_alone() -> None:
    draw = np.random.default_rng(2)
    columns = [draw.integers(-1, 5, 300).astype(np.int32) for _ in range(3)]
    at = np.flatnonzero(draw.random(300) < 0.5)
    some = orders.keys(*columns, at=at)
    told = [tuple(column[row] for column in columns) for row in at]
    assert [told[i] for i in np.argsort(some, kind="stable")] == sorted(told)
    assert len(set(some.tolist())) == len(set(told))
