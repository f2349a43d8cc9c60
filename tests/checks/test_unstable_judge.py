"""unstable-judge and unparsable-verdicts, counted by hand and against SciPy's entropy."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.checks.unparsable_verdicts import UnparsableVerdicts
from auditor.checks.unstable_judge import UnstableJudge
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model.result import Metric


def metrics(room: Any, records: list[dict[str, Any]]) -> dict[str, Metric]:
    found = room.run(fakes.verdicts(records), Context(), Local(1)).metrics
    return {metric.name.partition(".")[2]: metric for metric in found}


@pytest.mark.parametrize("seed", range(8))
def test_stability_and_entropy(seed: int) -> None:
    from scipy.stats import entropy

    random = np.random.default_rng(seed)
    asked = [list(random.choice(["a", "b", "tie", "invalid"], random.integers(1, 6))) for _ in range(40)]
    records = [
        {"item": str(item), "judge": "j", "first": "a", "verdict": str(verdict), "repeat": repeat}
        for item, said in enumerate(asked)
        for repeat, verdict in enumerate(said)
    ]
    again = [Counter(said) for said in asked if len(said) > 1]
    found = metrics(UnstableJudge(), records)
    assert found["rate"].value == pytest.approx(np.mean([len(one) > 1 for one in again]))
    assert found["stability"].value == pytest.approx(np.mean([max(o.values()) / o.total() for o in again]), abs=1e-6)
    assert found["entropy"].value == pytest.approx(
        np.mean([entropy(list(o.values()), base=2) for o in again]), abs=1e-6
    )
    assert found["repeats"].value == pytest.approx(np.mean([one.total() for one in again]))
    for name in ("stability", "entropy"):
        metric = found[name]
        assert metric.low is not None
        assert metric.low <= (metric.value or 0) <= (metric.high or 0)


def test_the_other_order_another_prompt_or_judge_is_no_repeat() -> None:
    same = {"item": "q", "judge": "j", "first": "a", "verdict": "a", "prompt": "p"}
    others = [{**same, "first": "b"}, {**same, "prompt": "r"}, {**same, "judge": "k"}, {**same, "item": "s"}]
    assert metrics(UnstableJudge(), [same, *({**one, "verdict": "b"} for one in others)]) == {}


def test_who_wavers_is_found() -> None:
    same = {"item": "q", "judge": "j", "first": "a"}
    records = [{**same, "verdict": verdict, "repeat": i} for i, verdict in enumerate(["a", "b", "b"])]
    verdicts = fakes.verdicts([{"item": "p", "judge": "j", "verdict": "a"}, *records])
    room = UnstableJudge()
    (table,) = room.locate(verdicts, room.run(verdicts, Context(), Local(1)), Context())
    assert table.column("row").to_pylist() == [1]
    assert table.column("evidence").to_pylist() == ["q: A x 1 B x 2"]


def test_unparsable_by_order() -> None:
    said = [("a", "a"), ("invalid", "b"), ("a", "invalid"), ("invalid", "invalid"), ("tie", "a"), ("b", "b")]
    records = [
        {"item": str(item), "judge": "j", "first": first, "verdict": verdict, "raw": "Well, both." * 100}
        for item, pair in enumerate(said)
        for first, verdict in zip("ab", pair, strict=True)
    ]
    records.append({"item": "0", "judge": "Ada", "verdict": "invalid", "human": True})
    found = metrics(UnparsableVerdicts(), records)
    assert (found["rate"].value, found["rate"].n) == (pytest.approx(4 / 12), 12)
    assert found["first_order"].value == pytest.approx(2 / 6)
    assert found["swapped"].value == pytest.approx(2 / 6)
    assert found["lost_pairs"].value == pytest.approx(3 / 6)
    verdicts = fakes.verdicts(records)
    room = UnparsableVerdicts()
    (table,) = room.locate(verdicts, room.run(verdicts, Context(), Local(1)), Context())
    assert table.column("row").to_pylist() == [2, 5, 6, 7]
    assert all(len(one) <= 240 and "Well, both." in one for one in table.column("evidence").to_pylist())


def test_without_an_order_the_rate_alone_is_known() -> None:
    found = metrics(UnparsableVerdicts(), [{"item": "q", "judge": "j", "verdict": "invalid"}])
    assert found["rate"].value == 1
    assert found["first_order"].value is None
    assert "stood first" in found["first_order"].why


def test_a_score_by_itself_is_read_where_it_is_a_number() -> None:
    records = [
        {"item": str(i), "judge": "j", "verdict": None, "score_a": score} for i, score in enumerate([7, 3, None])
    ]
    found = metrics(UnparsableVerdicts(), records)
    assert (found["rate"].value, found["rate"].n) == (pytest.approx(1 / 3), 3)
