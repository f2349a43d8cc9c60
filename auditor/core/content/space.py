"""What rooms may ask of embeddings: vectors, neighbours, exact similarities; made once and kept by content."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from auditor.model.rows import Dataset, Strings
from auditor.model.vectors import Floats, Neighbours, Vectors

Doubles = npt.NDArray[np.float64]
Longs = npt.NDArray[np.int64]


class Embedder(Protocol):
    """Texts -> vectors. A text's vector depends on nothing but the text and the revision.

    name: as `--embedder` has it. revision: changes whenever a vector might. threads: whether `embed` may
    run in many threads at once. blind: one line, what this embedder cannot see, for the report.
    """

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def dimension(self) -> int: ...
    @property
    def threads(self) -> bool: ...
    @property
    def blind(self) -> str: ...

    def embed(self, texts: Strings) -> Floats:
        """float32 [n, dimension]; rows of length 1, or 0 where a text is null, empty or unreadable."""
        ...

    def cosines(self, left: Strings, right: Strings) -> Doubles:
        """float64 [n]: similarity of left[i] and right[i], -1 to 1, without whatever `embed` rounded off."""
        ...


class Space(Protocol):
    """The embedder at work on datasets. Results lie in the cache under the content and the embedder's revision.

    Columns are `text`, `prompt`, `response` and `rejected`.
    """

    @property
    def embedder(self) -> Embedder: ...

    def vectors(self, rows: Dataset, column: str) -> Vectors: ...

    def neighbours(self, rows: Dataset, column: str, judged: float, floor: float) -> Neighbours:
        """Those at a cosine of `floor` or more; the search is for pairs at `judged`, where its recall is measured."""
        ...

    def cosines(
        self, rows: Dataset, column: str, left: Longs, right: Longs, other: Dataset | None = None, across: str = ""
    ) -> Doubles:
        """float64 [m]: exact similarity of rows left[i] and right[i] (of `other`, in column `across`, where given)."""
        ...
