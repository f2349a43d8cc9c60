"""How sure texts sound: hedges, boosters, admissions, questions back and refusals, counted in a dataset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from auditor.core.check import Engine
from auditor.kernels.hashes import hash_texts
from auditor.kernels.wording import Lists, tally
from auditor.model.rows import Dataset, Strings
from auditor.statistics import rates
from auditor.statistics.rates import Estimate

COUNTED = ("hedges", "boosters", "admissions", "questions_back", "refusals")
CATEGORIES = (*COUNTED, "reader")
"""Word lists that are counted, and all that are needed, in the order of their bits."""

LIST = 3
"""Questions to the reader from which an answer is a list of questions, or a dialogue, and asks nothing back: of 440
such sentences in 9,229 rows of Alpaca these are 326."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What was counted in one dataset. counts: int32 [rows, categories]; words: int64 [rows]; text: uint64 [rows],
    hashes. A row that is not in English has no words."""

    counts: npt.NDArray[np.int32]
    words: npt.NDArray[np.int64]
    text: npt.NDArray[np.uint64]

    def of(self, category: str) -> npt.NDArray[np.int32]:
        column: npt.NDArray[np.int32] = self.counts[:, CATEGORIES.index(category)]
        return column

    def rate(self, category: str) -> Estimate:
        return rates.per_thousand(self.of(category), self.words)

    def taken(self, rows: npt.NDArray[np.bool_]) -> Marks:
        return Marks(self.counts[rows], self.words[rows], self.text[rows])

    @property
    def rows(self) -> int:
        """Those with a word."""
        return int(np.count_nonzero(self.words))

    @property
    def distinct(self) -> int:
        return len(np.unique(self.text[self.words > 0]))

    def by_row(self, category: str) -> npt.NDArray[np.float32]:
        """Per 1,000 words of each row, NaN where it has none."""
        found = np.full(len(self.words), np.nan, np.float32)
        some = self.words > 0
        found[some] = 1000 * self.of(category)[some] / self.words[some]
        return found


def counted(rows: Dataset, column: str, known: Lists, engine: Engine, english: npt.NDArray[np.bool_]) -> Marks:
    """Of a column. known: lists of CATEGORIES. english: bool [rows], those that are counted."""
    parts = engine.gather(rows, lambda shard: _of_shard(shard.strings(column), known))
    counts, words, text = (np.concatenate(part) for part in zip(*parts, strict=True))
    asked = counts[:, CATEGORIES.index("questions_back")]
    asked[asked >= LIST] = 0
    counts[~english], words[~english] = 0, 0
    return Marks(counts, words, text)


def gap_of(mine: Marks, theirs: Marks) -> tuple[Estimate | None, str]:
    """(the logarithm of boosters over hedges, less that of the other side; why there is none)."""
    both = [side.of("boosters").any() or side.of("hedges").any() for side in (mine, theirs)]
    if not all(both):
        return None, f"neither hedges nor boosters in {'the real data' if both[0] else 'the data'}"
    ratios = (rates.log_ratio(side.of("boosters"), side.of("hedges")) for side in (mine, theirs))
    return rates.difference(*ratios), ""


def precision(mine: Marks, theirs: Marks, wide: float) -> tuple[float, float]:
    """(half an interval of the gap between sides with these marks, were they of one source; rows a side for `wide`)."""
    return rates.precision([(side.of("boosters"), side.of("hedges"), side.words) for side in (mine, theirs)], wide)


def _of_shard(
    text: Strings, known: Lists
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
    return *tally(text, known, reader="reader", question="questions_back"), hash_texts(text)[0]
