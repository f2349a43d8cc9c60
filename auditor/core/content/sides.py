"""The two sides of a comparison with real data by embedding: the rows that the embedder can read, in random order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.check import Context
from auditor.core.content.scopes import refuse_scope
from auditor.core.content.space import Embedder
from auditor.model.rows import Dataset
from auditor.model.vectors import Vectors
from auditor.sketches.sample import drawn


@dataclass(frozen=True, slots=True)
class Side:
    """vectors: of one column, in row order. at: int64, the rows that have one, in the order of their hashes: any run
    of them is a random sample."""

    data: Dataset
    vectors: Vectors
    at: npt.NDArray[np.int64]


def refuse(scope: str, sample: int, least: int) -> None:
    """ValueError where the scope is no column that has embeddings, or the sample is below `least` rows a side."""
    refuse_scope(scope)
    if sample < least:
        raise ValueError(f"sample is {sample}, and must be {least} rows or more")


def sides(rows: Dataset, context: Context, scope: str) -> tuple[Side, Side, Embedder]:
    """The data, the real data, and what embeds both: for checks that need `real` and `embeddings`."""
    space = context.space
    assert space is not None, "checks that need embeddings are skipped without them"
    ours, theirs = (_side(data, space.vectors(data, scope)) for data in (rows, context.references["real"]))
    return ours, theirs, space.embedder


def _side(data: Dataset, vectors: Vectors) -> Side:
    order = drawn(data, data.rows)
    return Side(data, vectors, order[vectors.present[order]])
