"""Faults that depend on what a dataset does as a rule, against counting them again."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from auditor.core.content import customs
from auditor.core.rowwise import Tally


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ((100, 6, 50, 50), ["answered", "closed", "strict"]),
        ((100, 5, 50, 40), ["closed"]),  # hardly any prompt has an answer
        ((0, 0, 50, 39), []),
        ((0, 0, 0, 0), []),
    ],
)
def test_customs_hold_by_shares(counts: tuple[int, ...], expected: list[str]) -> None:
    state = Tally(hits=dict(zip(customs.COUNTED, counts, strict=True)))
    assert customs.held(state, 0.8, 0.97) == expected


@pytest.mark.parametrize("held", customs.HELD)
def test_a_tally_under_customs_is_that_of_the_faults_joined(held: tuple[str, ...]) -> None:
    random = np.random.default_rng(4)
    sure = {name: random.random(200) < 0.3 for name in ("empty", "truncated", "gibberish")}
    conditional = {name: random.random(200) < 0.3 for name in customs.CUSTOMS}
    hits: dict[str, int] = {name: int(mask.sum()) for name, mask in sure.items()} | {"long": 200}
    for one in customs.HELD:
        faults = customs.joined(sure, conditional, one)
        hits |= {customs.variant(name, one): int(faults[name].sum()) for name in customs.CUSTOMS.values()}
    by_group = {orjson.dumps(["maker", "a", name]).decode(): count for name, count in hits.items()}
    found = customs.under(Tally(200, hits, dict.fromkeys(hits, 200), by_group), held)
    expected = {name: int(mask.sum()) for name, mask in customs.joined(sure, conditional, held).items()}
    assert found.hits == expected
    assert {orjson.loads(key)[2]: count for key, count in found.sliced.items()} == expected
    assert {*found.among} == {*expected}
