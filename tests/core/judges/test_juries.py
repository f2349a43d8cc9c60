"""Votes of juries against brute force over plain records."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest

from auditor import fakes
from auditor.core.judges import juries
from auditor.core.judges.juries import Jury, decide, judgements
from auditor.model.errors import ConfigError
from auditor.model.verdicts import INVALID, WORDS, Verdicts

CODES = {"a": "A", "b": "B", "tie": "tie"}
MEMBERS = ("gpt", "llama", "mistral", "qwen")


def said(seed: int, items: int = 60, labels: float = 0.5) -> list[dict[str, Any]]:
    """Four judges of different worth, in both orders, with conflicts, invalid and missing verdicts, and repeats; and
    people on some pairs."""
    rng = random.Random(seed)
    found: list[dict[str, Any]] = []
    for item in range(items):
        truth = rng.choice("ab")
        for judge, skill in zip(MEMBERS, (0.9, 0.7, 0.55, 0.3), strict=True):
            if rng.random() < 0.15:
                continue
            for repeat in range(rng.choice((1, 1, 2, 3))):
                right = truth if rng.random() < skill else "ba"["ab".index(truth)]
                word = rng.choices((right, "tie"), (8, 1))[0]
                for first in "ab":
                    shown = rng.choices((word, "invalid", first), (10, 1, 2))[0]
                    about = {"item": f"q{item}", "a": "m", "b": "n", "judge": judge, "repeat": repeat}
                    found.append({**about, "first": first, "verdict": shown})
        if rng.random() < labels:
            person = rng.choices((truth, "tie"), (9, 1))[0]
            found.append({"item": f"q{item}", "a": "m", "b": "n", "judge": "Ada", "human": True, "verdict": person})
    rng.shuffle(found)
    return found


def plurality(votes: Mapping[str, int | Fraction]) -> str:
    if not sum(votes.values()):
        return "invalid"
    best = max(votes.values())
    leaders = [word for word, count in votes.items() if count == best]
    return leaders[0] if len(leaders) == 1 else "tie"


def by_hand(records: list[dict[str, Any]]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """item -> judge -> vote, by the strict rule and the majority of repeats; item -> label."""
    asked: dict[tuple[str, str, int], dict[str, str]] = {}
    labels: dict[str, str] = {}
    for one in records:
        if one.get("human"):
            labels[one["item"]] = one["verdict"]
        else:
            asked.setdefault((one["item"], one["judge"], one["repeat"]), {})[one["first"]] = one["verdict"]
    kept: dict[tuple[str, str], list[str]] = {}
    for (item, judge, _), both in asked.items():
        if both["a"] == both["b"] != "invalid":
            kept.setdefault((item, judge), []).append(both["a"])
    votes: dict[str, dict[str, str]] = {}
    for (item, judge), words in kept.items():
        votes.setdefault(item, {})[judge] = plurality(Counter(words))
    return votes, labels


def concluded(verdicts: Verdicts, jury: Jury) -> dict[str, str]:
    made = decide(verdicts, *judgements(verdicts, "strict"), jury)
    words = {pair: WORDS[code].lower() for pair, code in enumerate(made.verdict)}
    return {verdicts.item.names[verdicts.item.codes[row]]: words[pair] for row, pair in enumerate(made.of)}


@pytest.mark.parametrize("seed", range(5))
def test_majority_is_that_of_brute_force(seed: int) -> None:
    records = said(seed)
    votes, _ = by_hand(records)
    wanted = {one["item"]: plurality(Counter(votes.get(one["item"], {}).values())) for one in records}
    assert concluded(fakes.verdicts(records), Jury()) == wanted
    assert {"a", "b", "tie"} <= set(wanted.values())


@pytest.mark.parametrize("seed", range(5))
def test_given_weights_are_those_of_brute_force(seed: int) -> None:
    records, weights = said(seed), {"gpt": 2.0, "qwen": 0.5, "mistral": 0.0}
    jury = Jury("jury", MEMBERS, "weighted", weights)
    votes, _ = by_hand(records)
    wanted = {}
    for item in {one["item"] for one in records}:
        sums: dict[str, Fraction] = {}
        for judge, word in votes.get(item, {}).items():
            sums[word] = sums.get(word, Fraction(0)) + Fraction(weights.get(judge, 1.0))
        wanted[item] = plurality(sums) if sums else "invalid"
    assert concluded(fakes.verdicts(records), jury) == wanted


@pytest.mark.parametrize("seed", range(5))
def test_weights_of_labels_leave_the_pairs_own_label_out(seed: int) -> None:
    records = said(seed)
    votes, labels = by_hand(records)

    def odds(judge: str, without: str | None) -> float:
        right = wrong = 0.0
        for item, label in labels.items():
            if label != "tie" and item != without and judge in votes.get(item, {}):
                points = 0.5 if votes[item][judge] == "tie" else float(votes[item][judge] == label)
                right, wrong = right + points, wrong + 1 - points
        return max(0.0, math.log((right + 0.5) / (wrong + 0.5)))

    wanted, clear = {}, set()
    for item in {one["item"] for one in records}:
        sums: dict[str, float] = {}
        for judge, word in votes.get(item, {}).items():
            sums[word] = sums.get(word, 0.0) + odds(judge, item)
        wanted[item] = plurality(sums) if sums else "invalid"
        if sorted(sums.values())[-2:-1] != sorted(sums.values())[-1:]:
            clear.add(item)
    verdicts = fakes.verdicts(records)
    made = concluded(verdicts, Jury(vote="weighted"))
    assert {item: made[item] for item in clear} == {item: wanted[item] for item in clear}
    decision = decide(verdicts, *judgements(verdicts, "strict"), Jury(vote="weighted"))
    by_name = {one.name: one for one in decision.standings()}
    for judge in MEMBERS:
        assert by_name[judge].weight == pytest.approx(odds(judge, None), abs=1e-9)
    assert by_name["qwen"].weight == 0.0, "a judge that is right less often than a coin has no say"


def test_standings_are_those_of_brute_force() -> None:
    records = said(7)
    votes, labels = by_hand(records)
    panel = {item: plurality(Counter(mine.values())) for item, mine in votes.items()}
    verdicts = fakes.verdicts(records)
    first, *members = decide(verdicts, *judgements(verdicts, "strict"), Jury("jury")).standings()
    points = {"a": 1.0, "b": 0.0, "tie": 0.5}
    assert (first.name, first.weight, first.agreement) == ("jury", None, 1.0)
    for one in (first, *members):
        mine = panel if one is first else {item: v[one.name] for item, v in votes.items() if one.name in v}
        told = [item for item in mine if labels.get(item, "tie") != "tie"]
        assert one.votes == len(mine)
        assert one.agreement == pytest.approx(sum(mine[item] == panel[item] for item in mine) / len(mine))
        assert one.labelled == len(told)
        assert one.accuracy == pytest.approx(sum(mine[item] == labels[item] for item in told) / len(told))
        assert one.win_rate == pytest.approx(sum(points[word] for word in mine.values()) / len(mine))


def test_nothing_depends_on_the_order_of_the_file() -> None:
    records = said(3)
    jury = Jury(vote="weighted")
    assert concluded(fakes.verdicts(records), jury) == concluded(fakes.verdicts(records[::-1]), jury)


def test_missing_votes_and_members() -> None:
    records = [
        {"item": "p", "judge": judge, "first": first, "verdict": verdict}
        for judge, verdict in (("x", "a"), ("y", "b"), ("z", "b"))
        for first in "ab"
    ]
    verdicts = fakes.verdicts([*records, {"item": "q", "judge": "x", "first": "a", "verdict": "a"}])
    assert concluded(verdicts, Jury()) == {"p": "b", "q": "invalid"}
    assert concluded(verdicts, Jury(members=("x", "y"))) == {"p": "tie", "q": "invalid"}
    made = decide(verdicts, *judgements(verdicts, "strict"), Jury(members=("x",)))
    assert made.votes.tolist() == [1, 0]
    assert made.share[0] == 1.0
    assert math.isnan(made.share[1])
    assert made.verdict.tolist().count(INVALID) == 1


def test_what_cannot_be() -> None:
    verdicts = fakes.verdicts(said(1, labels=0.0))
    given = judgements(verdicts, "strict")
    with pytest.raises(ConfigError, match="nobody told which verdicts are right"):
        decide(verdicts, *given, Jury(vote="weighted"))
    with pytest.raises(ConfigError, match="no verdict of a judge 'gtp'") as error:
        decide(verdicts, *given, Jury(members=("gtp",)))
    assert "gpt" in str(error.value)
    with pytest.raises(ConfigError, match="who is not of the panel"):
        decide(verdicts, *given, Jury(members=("gpt",), vote="weighted", weights={"qwen": 1}))
    with pytest.raises(ConfigError, match="weight of 'gpt' is none"):
        decide(verdicts, *given, Jury(vote="weighted", weights={"gpt": float("nan")}))
    assert juries.VOTES == ("majority", "weighted")
