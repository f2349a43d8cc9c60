"""Verdicts built from records: against plain Python over the same records."""

from __future__ import annotations

import dataclasses
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes, judging
from auditor.core.judges.orders import pairing
from auditor.judging import labels
from auditor.model.verdicts import INVALID, TIE, UNKNOWN, A, B, Coded, Verdicts

TEXTS = ["", "one two  three", "- a\n* b\n1. c\n## head\n**bold** and **more**", "été 猫\u2003x", None]


def records(n: int, seed: int) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    makers = ["gpt-4", "llama", "claude", None]
    return [
        {
            "item": draw.choice(["q1", "q2", "q3"]),
            "a": draw.choice(makers),
            "b": draw.choice(makers),
            "first": draw.choice(["a", "b", None]),
            "verdict": draw.choice(["a", "b", "tie", "invalid"]),
            "judge": draw.choice(["x", "y"]),
            "prompt": draw.choice(["p", "q", None]),
            "strength": draw.choice([None, 0.5, -0.25]),
            "score_a": draw.choice([None, 3, 9]),
            "score_b": draw.choice([None, 4, 8]),
            "output_a": draw.choice(TEXTS),
            "output_b": draw.choice(TEXTS),
        }
        for _ in range(n)
    ]


def name(column: Coded, row: int) -> str | None:
    code = column.codes[row]
    return None if code == UNKNOWN else column.names[code]


def number(value: float | None) -> float:
    return float("nan") if value is None else value


def marks(text: str | None) -> int:
    """Line by line, in plain Python."""
    if text is None:
        return UNKNOWN
    lines = sum(bool(re.match(r"\s*([-*+•]|\d{1,3}[.)])\s|\s{0,3}#{1,6}\s", line)) for line in text.split("\n"))
    return lines + len(re.findall(r"\*\*[^*\n]+\*\*", text))


def test_every_verdict_is_told_of_the_maker_whose_name_comes_first() -> None:
    given = records(400, 1)
    built = fakes.verdicts(given)
    other = {"a": "b", "b": "a"}
    codes = {"a": A, "b": B, "tie": TIE, "invalid": INVALID, None: UNKNOWN}
    for row, record in enumerate(given):
        swap = record["a"] is not None and record["b"] is not None and record["a"] > record["b"]
        own, their = ("b", "a") if swap else ("a", "b")
        assert name(built.a, row) == record[own]
        assert name(built.b, row) == record[their]
        verdict, first = record["verdict"], record["first"]
        assert built.verdict[row] == codes[other.get(verdict, verdict) if swap else verdict]
        assert built.first[row] == codes[other.get(first, first) if swap else first]
        strength = number(record["strength"]) * (-1 if swap else 1)
        assert np.array_equal(built.strength[row], strength, equal_nan=True)
        assert np.array_equal(built.score_a[row], number(record[f"score_{own}"]), equal_nan=True)
        assert np.array_equal(built.score_b[row], number(record[f"score_{their}"]), equal_nan=True)
        mine, theirs = record[f"output_{own}"], record[f"output_{their}"]
        assert (built.words_a[row], built.words_b[row]) == tuple(
            UNKNOWN if text is None else len(text.split()) for text in (mine, theirs)
        )
        assert (built.marks_a[row], built.marks_b[row]) == (marks(mine), marks(theirs))
        assert name(built.prompt, row) == record["prompt"]
        evidence = built.take([row], ["response", "rejected", "id", "judge"]).to_pylist()[0]
        assert evidence == {"response": mine, "rejected": theirs, "id": record["item"], "judge": record["judge"]}


def test_the_same_question_again_is_a_repeat() -> None:
    given = records(300, 2)
    built = fakes.verdicts(given)
    seen: dict[tuple[Any, ...], int] = {}
    for row in range(len(given)):
        key = tuple(int(c[row]) for c in (*pairing(built), built.judge.codes))
        key += (int(built.prompt.codes[row]), int(built.first[row]))
        assert built.repeat[row] == seen.get(key, 0)
        seen[key] = seen.get(key, 0) + 1
    assert any("repeats" in note for note in built.notes)


def test_repeats_that_the_file_tells_are_kept() -> None:
    built = fakes.verdicts([{"item": "q", "verdict": "a", "repeat": 3}, {"item": "q", "verdict": "a", "repeat": 1}])
    assert built.repeat.tolist() == [3, 1]


def test_codes_do_not_depend_on_the_order_of_the_file() -> None:
    given = records(200, 3)
    order = list(range(200))
    random.Random(4).shuffle(order)
    one, other = fakes.verdicts(given), fakes.verdicts([given[i] for i in order])
    for column in ("item", "a", "b", "judge", "prompt"):
        left, right = getattr(one, column), getattr(other, column)
        assert left.names == right.names == tuple(sorted(left.names))
        assert np.array_equal(left.codes[order], right.codes)
    assert one.a.names is one.b.names


def test_the_digest_is_of_the_verdicts_and_not_of_their_order() -> None:
    given = [{**record, "repeat": 0} for record in records(50, 5)]
    digest = fakes.verdicts(given).digest
    assert fakes.verdicts(given[::-1]).digest == digest
    assert digest.startswith("sha256:")
    for change in ({"verdict": "tie"}, {"judge": "z"}, {"output_a": "other"}, {"strength": 1.0}, {"human": True}):
        changed = [{**given[0], **change}, *given[1:]]
        assert fakes.verdicts(changed).digest != digest, change
    assert fakes.verdicts(given[1:]).digest != digest
    assert fakes.verdicts([*given, given[0]]).digest != digest


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("A", A), ("a", A), ("[[A]]", A), ("model_a", A), ("model_1", A), ("1", A), ("1.0", A), ("Output (a)", A),
        ("Response 1", A), ("assistant A", A), ("A>>B", A), ("A > B", A), ("B<A", A), ("[[A>B]]", A), ("left", A),
        ("B", B), ("[[B]]", B), ("model_b", B), ("2", B), ("Output (b)", B), ("B>A", B), ("A<<B", B), ("output_2", B),
        ("tie", TIE), ("Tie", TIE), ("C", TIE), ("[[C]]", TIE), ("tie (bothbad)", TIE), ("tie (inconsistent)", TIE),
        ("A=B", TIE), ("0", TIE), ("both_bad", TIE), ("draw.", TIE),
        ("error", INVALID), ("", INVALID), ("None", INVALID), ("-1", INVALID), ("NaN", INVALID),
    ],
)  # fmt: skip
def test_words_of_verdicts(word: str, code: int) -> None:
    assert labels.verdict(word) == code
    assert fakes.verdicts([{"item": "q", "verdict": word}]).verdict[0] == code


@pytest.mark.parametrize("word", ["I think A is better", "A and B", "D", "3", "garbage", "A>B>C", "not a"])
def test_what_is_in_no_table_is_invalid_and_told(word: str) -> None:
    built = fakes.verdicts([{"item": "q", "verdict": word}])
    assert built.verdict[0] == INVALID
    assert any("in no table" in note and word in note for note in built.notes)


def test_a_maker_s_name_is_a_verdict_for_it() -> None:
    given = [{"item": "q", "a": "zeta", "b": "alpha", "verdict": word} for word in ("zeta", "alpha", "beta")]
    built = fakes.verdicts(given)
    assert built.a.names[built.a.codes[0]] == "alpha"
    assert built.verdict.tolist() == [B, A, INVALID]


def test_places_are_turned_to_outputs() -> None:
    given = [
        {"item": "q", "verdict": word, "first": first} for first in ("a", "b", None) for word in ("first", "second")
    ]
    assert fakes.verdicts(given).verdict.tolist() == [A, B, B, A, A, B]


def test_what_is_missing_is_named() -> None:
    built = fakes.verdicts([{"verdict": "a"}, {"item": "q", "verdict": None, "judge": "x", "first": "sideways"}])
    assert built.item.names == ("(unnamed)", "q")
    assert built.judge.names == ("(unnamed)", "x")
    assert built.by_machine.all()
    assert built.verdict.tolist() == [A, INVALID]
    assert built.first.tolist() == [UNKNOWN, UNKNOWN]
    told = " | ".join(built.notes)
    assert "name no item" in told
    assert "name no judge" in told
    assert "'sideways'" in told


def test_items_without_a_name_are_told_apart_by_their_texts() -> None:
    pair = {"question": "Q?", "output_a": "x", "output_b": "y", "verdict": "a"}
    made = {**pair, "a": "m", "b": "n"}
    built = fakes.verdicts([pair, pair, {**pair, "output_b": "z"}, made, {**made, "output_a": "other"}])
    codes = built.item.codes
    assert codes[0] == codes[1] != codes[2]
    assert codes[3] == codes[4], "where makers are known the question names the item"


def test_strange_numbers_are_none_and_told() -> None:
    given = [{"item": "q", "verdict": "a", "score_a": value} for value in (float("nan"), float("inf"), 2.5, None)]
    built = fakes.verdicts(given)
    assert np.array_equal(built.score_a, np.array([np.nan, np.nan, 2.5, np.nan], np.float32), equal_nan=True)
    assert any("infinite" in note for note in built.notes)
    assert any("not a number" in note for note in built.notes)


def test_self_comparisons_are_kept_and_told() -> None:
    built = fakes.verdicts([{"item": "q", "a": "m", "b": "m", "verdict": "b"}])
    assert built.verdict[0] == B
    assert any("with itself" in note for note in built.notes)


def test_people_are_not_machines() -> None:
    built = fakes.verdicts(
        [{"item": "q", "verdict": "a", "judge": "Ann", "human": True}, {"item": "q", "verdict": "a", "judge": "m"}]
    )
    assert built.by_machine.tolist() == [False, True]


def test_nothing_at_all() -> None:
    built = fakes.verdicts([])
    assert isinstance(built, Verdicts)
    assert len(built) == 0
    assert built.by_machine.tolist() == []


def test_what_verdicts_cost(tmp_path: Path) -> None:
    file = tmp_path / "votes.csv"
    file.write_text("item,verdict,cost,tokens_in,tokens_out\nq1,a,0.25,100,3\nq2,b,,,\nq3,a,-1,x,1e99\nq4,a,inf,7,0\n")
    read = judging.open([file])
    assert read.cost is not None
    assert np.isnan(read.cost).tolist() == [False, True, True, True]
    assert read.cost[0] == 0.25
    assert read.tokens_in is not None
    assert read.tokens_in.tolist() == [100, -1, -1, 7]
    file.write_text("item,verdict\nq1,a\nq2,b\nq3,a\nq4,a\n")
    bare = judging.open([file])
    assert (bare.cost, bare.tokens_in, bare.tokens_out) == (None, None, None)
    assert bare.digest == read.digest, "the same verdicts, whatever they cost"


def test_some_verdicts_are_every_column_of_them() -> None:
    given = [{**one, "cost": 0.5, "tokens_in": 3, "tokens_out": 4, "raw": "x"} for one in records(60, 7)]
    whole = fakes.verdicts(given)
    places = np.array([41, 3, 3, 17])
    some = whole.select(places)
    for field in dataclasses.fields(Verdicts):
        before, after = getattr(whole, field.name), getattr(some, field.name)
        if isinstance(before, Coded):
            assert after.names == before.names
            before, after = before.codes, after.codes
        if isinstance(before, np.ndarray) and len(before) == len(whole):
            np.testing.assert_array_equal(after, before[places], err_msg=field.name)
    assert some.texts is not None
    assert whole.texts is not None
    assert some.texts.to_pylist() == [whole.texts.to_pylist()[place] for place in places]
