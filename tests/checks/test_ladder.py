"""What a room records of fewer rows, for versions of other sizes, is what it measures where there are no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes
from auditor.core.check import Context, build
from auditor.core.lineage.history import History
from auditor.engines.local import Local
from auditor.model.card import Card
from auditor.model.result import Measurement
from auditor.sketches.sample import drawn
from tests.checks.test_lost_tails import texts
from tests.checks.test_near_duplicates import corpus
from tests.checks.test_semantic_duplicates import sentences

HISTORY = History(Card("d", "synthetic", ()), {})


def recorded(measurement: Measurement, n: int) -> dict[str, Any]:
    return {metric.name: (metric.value, metric.low, metric.high) for metric in measurement.ladder if metric.n == n}


@pytest.mark.parametrize(
    ("check", "parameters", "of"),
    [
        ("exact-duplicates", {}, lambda: [text.lower() for text in corpus(1, 1_700)]),
        ("near-duplicates", {}, lambda: corpus(1, 1_700)),
        ("near-duplicates", {"method": "exact", "threshold": 0.6}, lambda: corpus(2, 1_700)),
        # More than a thousand rows of one bucket are chained, and in a draw paired.
        ("near-duplicates", {}, lambda: [f"{' '.join('abcdefghijklmnop')} {i % 1_500}" for i in range(3_300)]),
        ("semantic-duplicates", {}, lambda: sentences(1, 1_700)),
    ],
)
def test_duplicates(check: str, parameters: Mapping[str, Any], of: Callable[[], list[str]], tmp_path: Path) -> None:
    rows = fakes.dataset([{"text": text} for text in of()], tmp_path / "rows", shard_rows=1_000)
    assert rows.rows > 3_000
    room, context = build(check, parameters), Context(space=fakes.space(tmp_path / "space"))
    assert room.run(rows, context, Local(2)).ladder == ()
    found = room.run(rows, replace(context, history=HISTORY), Local(2))
    assert {metric.n for metric in found.ladder} == {1_000, 3_000}
    for n in (1_000, 3_000):
        alone = room.run(rows.select(np.sort(drawn(rows, n))), context, Local(1))
        measured = {metric.name: (metric.value, metric.low, metric.high) for metric in alone.metrics}
        kept = recorded(found, n)
        assert kept
        assert {name: measured[name] for name in kept} == kept


def test_tails(tmp_path: Path) -> None:
    ours, real = (
        fakes.dataset([{"text": text} for text in texts(n, seed)[0]], tmp_path / str(seed))
        for n, seed in ((1_500, 1), (1_400, 2))
    )
    context = Context(references={"real": real}, space=fakes.space(tmp_path / "space"))
    found = build("lost-tails", {}).run(ours, replace(context, history=HISTORY), Local(2))
    alone = build("lost-tails", {"sample": 1_000}).run(ours, context, Local(1))
    measured = {metric.name: (metric.value, metric.low, metric.high) for metric in alone.metrics}
    kept = recorded(found, 1_000)
    assert {"lost_tails.lost_words", "lost_tails.rare_word_mass", "lost_tails.unreached_mass"} <= set(kept)
    assert {name: measured[name] for name in kept} == kept
