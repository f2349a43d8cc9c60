"""Items with several texts by the same makers: that a file has one name for several questions is no judge's fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from auditor.core.judges.orders import keys, ranked
from auditor.model.verdicts import Codes

Hashes = npt.NDArray[np.uint64]


def told_apart(item: Codes, a: Codes, b: Codes, texts: Sequence[Hashes], told: list[str]) -> Codes | None:
    """What was asked (int32 [n]): the item's code, and further codes for items of whose makers there are several texts;
    None where all verdicts on an item and two makers are on the same texts. No order of the file shows in it.

    item, a, b: int32 [n]. texts: hashes (uint64 [n]) of the question and of each output, 0 where there is no text: a
    verdict without it is on the text that the others have, where that is one. told: gets a note.
    """
    if not texts or not len(item):
        return None
    pair, n = ranked(keys(item, a, b))
    shown = [_shown(text, pair, n) for text in texts]
    several = np.logical_or.reduce([more for _, more in shown])
    rows = np.flatnonzero(several[pair])
    if not len(rows):
        return None
    mine = pair[rows]
    told_by = [
        np.where((text[rows] == 0) & ~more[mine], one[mine], text[rows])
        for text, (one, more) in zip(texts, shown, strict=True)
    ]
    order = np.lexsort((*told_by, mine))
    fresh = np.ones(len(rows), np.bool_)
    fresh[1:] = np.logical_or.reduce([column[order[1:]] != column[order[:-1]] for column in (mine, *told_by)])
    other = fresh.copy()
    other[1:] &= mine[order[1:]] == mine[order[:-1]]
    other[0] = False  # of each pair the first text keeps the item's own code
    number = np.cumsum(other) + int(item.max())
    begun = np.maximum.accumulate(np.where(fresh, np.arange(len(rows)), 0))
    question = item.copy()
    at = rows[order]
    question[at] = np.where(other[begun], number, item[at])
    items, kinds = len(np.unique(item[rows])), int(fresh.sum())
    told.append(
        f"{items:,} items have several texts of the same outputs ({kinds:,} in all): each is a question of its own, "
        "and verdicts on other texts are no repeats; where these are other items, give them other names"
    )
    return question


def _shown(text: Hashes, pair: npt.NDArray[np.int64], n: int) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """A text of each pair, 0 where it has none, and whether it has another."""
    one, more = np.zeros(n, np.uint64), np.zeros(n, np.bool_)
    given = np.flatnonzero(text)
    one[pair[given]] = text[given]
    more[pair[given[text[given] != one[pair[given]]]]] = True
    return one, more
