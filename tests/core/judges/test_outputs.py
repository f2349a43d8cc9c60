"""Distinct outputs against plain Python."""

from __future__ import annotations

import numpy as np

from auditor import fakes
from auditor.core.judges.outputs import outputs


def test_distinct_texts_their_first_verdict_and_items() -> None:
    random = np.random.default_rng(7)
    texts = ["", "yes", "no", "naïve é", "a longer text of several words\nand lines", "猫"]
    records = [
        {"item": f"q{random.integers(5)}", "judge": "j", "verdict": "a", "output_a": texts[random.integers(6)],
         **({"output_b": texts[random.integers(6)]} if random.random() < 0.8 else {})}
        for _ in range(60)
    ]  # fmt: skip
    these = fakes.verdicts(records)
    found = outputs(these)
    assert found is not None
    told = found.texts.to_pylist()
    assert sorted(told) == sorted(
        {text for r in records for k in ("output_a", "output_b") if (text := r.get(k)) is not None}
    )
    items = found.items(these)
    for place, text in enumerate(told):
        mine = [i for i, r in enumerate(records) if text in (r.get("output_a"), r.get("output_b"))]
        assert found.row[place] == mine[0]
        assert items[place] == len({records[i]["item"] for i in mine})
    for i, record in enumerate(records):
        assert told[found.of_a[i]] == record["output_a"]
        assert (told[found.of_b[i]] if found.of_b[i] >= 0 else None) == record.get("output_b")


def test_files_without_texts_have_none() -> None:
    assert outputs(fakes.verdicts([{"item": "q", "verdict": "a"}])) is None
