"""Sides of a comparison by embedding."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor import fakes
from auditor.core.check import Context
from auditor.core.content.sides import refuse, sides
from auditor.sketches.sample import drawn


def test_a_side_has_the_rows_that_can_be_read_in_drawn_order(tmp_path: Path) -> None:
    records = [{"prompt": f"question {i}", "response": "" if i % 3 else f"answer {i}"} for i in range(90)]
    rows = fakes.dataset(records, tmp_path / "ours", shard_rows=20)
    real = fakes.dataset(records[:30], tmp_path / "real")
    ours, theirs, embedder = sides(
        rows, Context(references={"real": real}, space=fakes.space(tmp_path / "space")), "response"
    )
    for side, data in ((ours, rows), (theirs, real)):
        assert side.data is data
        assert side.at.tolist() == [row for row in drawn(data, len(data)).tolist() if row % 3 == 0]
        assert len(side.vectors) == len(data)
    assert ours.vectors.embedder == f"{embedder.name}@{embedder.revision}"


def test_no_column_and_too_small_a_sample_are_refused() -> None:
    refuse("prompt", 50, 50)
    with pytest.raises(ValueError, match="scope is 'rejected', and must be one of text, prompt, response"):
        refuse("rejected", 50, 50)
    with pytest.raises(ValueError, match="sample is 49, and must be 50 rows or more"):
        refuse("text", 49, 50)
