"""One name for several questions: told apart by their texts, against plain Python."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from auditor import fakes, judge_audit
from auditor.core.judges.orders import pairing
from auditor.model.verdicts import UNKNOWN

ROLES = ("question", "output_a", "output_b")


def test_other_texts_are_another_question_and_no_repeat() -> None:
    rows = [
        {
            "item": f"q{i}",
            "judge": "j",
            "first": "a",
            "verdict": "ab"[k % 2],
            "output_a": f"text {i} {k}",
            "output_b": "x",
        }
        for i in range(20)
        for k in range(3)
    ]
    report = judge_audit(rows, only="unstable-judge")
    assert "unstable_judge.rate" not in report.metrics or report.metrics["unstable_judge.rate"].n == 0
    read = fakes.verdicts(rows)
    assert not read.repeat.any()
    (note,) = [note for note in read.notes if "several texts" in note]
    assert note.startswith("20 items have several texts of the same outputs (60 in all)")


def test_the_same_text_again_is_a_repeat() -> None:
    rows = [
        {"item": "q", "judge": "j", "first": "a", "verdict": said, "output_a": text, "output_b": "x"}
        for text, said in (("one", "a"), ("one", "b"), ("two", "a"), ("two", "a"), ("two", "a"))
    ]
    report = judge_audit(rows, only="unstable-judge")
    assert (report.metrics["unstable_judge.rate"].value, report.metrics["unstable_judge.rate"].n) == (0.5, 2)
    assert fakes.verdicts(rows).repeat.tolist() == [0, 1, 0, 1, 2]


def test_a_verdict_without_texts_is_on_those_that_the_others_have() -> None:
    rows: list[dict[str, Any]] = [
        {"item": "q", "judge": "j", "verdict": "a", "output_a": "one", "output_b": "two"},
        {"item": "q", "judge": "Ann", "verdict": "a", "human": True},
        {"item": "q", "judge": "k", "verdict": "a", "output_b": "two"},
    ]
    assert fakes.verdicts(rows).question is None
    several = fakes.verdicts([*rows, {**rows[0], "output_a": "other"}])
    assert several.question is not None
    first, person, partly, other = several.question.tolist()
    assert len({first, person, other}) == 3, "which of the two a person saw is not known"
    assert person == partly


def test_in_both_orders_and_of_other_makers_it_is_the_same_item() -> None:
    pair = {"item": "q", "judge": "j", "a": "m", "b": "n", "output_a": "by m", "output_b": "by n", "verdict": "a"}
    turned = {**pair, "a": "n", "b": "m", "output_a": "by n", "output_b": "by m", "first": "a"}
    another = {**pair, "b": "o", "output_b": "by o"}
    assert fakes.verdicts([{**pair, "first": "a"}, turned, another]).question is None


def partition(codes: list[tuple[Any, ...]]) -> list[int]:
    seen: dict[tuple[Any, ...], int] = {}
    return [seen.setdefault(code, len(seen)) for code in codes]


def test_against_plain_python_in_any_order() -> None:
    draw = random.Random(5)
    rows = [
        {
            "item": draw.choice("pqr"), "a": draw.choice(["m", None]), "verdict": "a", "judge": "j",
            "output_a": draw.choice(["x", "y", "z", None]), "output_b": draw.choice(["u", None]),
        }
        for _ in range(200)
    ]  # fmt: skip
    known: dict[tuple[Any, ...], set[str]] = {}
    for row in rows:
        for role in ROLES:
            known.setdefault((row["item"], row["a"], role), set()).update(filter(None, [row.get(role)]))

    def asked(row: dict[str, Any]) -> tuple[Any, ...]:
        texts = []
        for role in ROLES:
            others = known[row["item"], row["a"], role]
            texts.append(row.get(role) or (next(iter(others)) if len(others) == 1 else None))
        return (row["item"], row["a"], *texts)

    first: dict[str, Any] = {}
    for _ in range(3):
        draw.shuffle(rows)
        built = fakes.verdicts(rows)
        mine = [tuple(map(int, codes)) for codes in zip(*pairing(built), strict=True)]
        assert partition(mine) == partition([asked(row) for row in rows])
        assert built.question is not None
        assert built.question.dtype == np.int32
        shown = {asked(row): code for row, code in zip(rows, mine, strict=True)}
        assert shown == first.setdefault("codes", shown), "whatever the order of the file"
        assert (built.a.codes == UNKNOWN).any()
