"""Rows that are no independent draws: of one text, one prompt, one source, or one beginning.

A classifier that has seen the human answer to a question takes the machine's answer for human, since both speak of the
same things. So a test by fits and folds keeps what belongs together in one fold, as scikit-learn's `GroupKFold` does
with groups that are given.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels.components import roots, unite_pairs
from auditor.kernels.hashes import hash_normalised
from auditor.kernels.texts import spans
from auditor.model.rows import Strings, strings
from auditor.statistics.openings import heads, openings

OPENING = 12
"""Words of a beginning that are no accident. Those of Fast-DetectGPT's pairs share 13 and more (25 in the median); of
Dolly, Alpaca and GSM8K's questions at most 1 % of the rows share 12 with another, and never more than five."""

STOCK = 50
"""Rows that share a prompt or beginning from which it is a stock one: what one of them adds to a fit is little then."""

SHARE = 20
"""A group is at most one in so many of all rows, so that folds stay of a size: larger ones are taken apart."""

Keys = npt.NDArray[np.uint64]
Longs = npt.NDArray[np.int64]


def keys(texts: Strings) -> Keys:
    """uint64 [n]: hash of each text without case and white space; 0 of one that has nothing else."""
    folded = spans(texts.offsets, texts.data, fold=True)
    hashes, _, filled = hash_normalised(folded.starts, folded.lengths)
    return np.where(filled, hashes, np.uint64(0))


def beginnings(texts: pa.Array) -> Keys:
    """uint64 [n]: hash of each text's first OPENING words; 0 of one that has fewer."""
    return openings(heads(texts, OPENING), OPENING)


def columns(scope: str) -> list[str]:
    """What `shared` reads of a row whose column `scope` is looked at."""
    return [*{scope: 0, "text": 0, "prompt": 0, "source": 0}]


def shared(taken: pa.Table, scope: str) -> Keys:
    """uint64 [n, k], 0 for nothing: hashes of each row's prompt and source, and of how its text begins. taken: of
    `columns(scope)`."""
    whole = [keys(strings(taken.column(name))) for name in ("prompt", "source")]
    begun = [beginnings(taken.column(name)) for name in {scope: 0, "text": 0}]
    return np.column_stack((*whole, *begun))


def groups(text: Keys, shared: Keys) -> Keys:
    """uint64 [n]: equal for rows of one text, and for rows that share a hash, directly or by way of others.

    text: uint64 [n], hash of each row's text. shared: uint64 [n, k], of what else it has, 0 for nothing: one's source
    may be the text or the prompt of another. The result depends on the rows, and not on their order; a row that shares
    nothing keeps the hash of its text.
    """
    n, k = shared.shape
    most = n // SHARE
    rows, joined = np.arange(n), np.arange(n)
    unite_pairs(joined, *_likes(text, rows, n))
    unite_pairs(joined, *_likes(np.concatenate((text, shared.T.ravel())), np.tile(rows, k + 1), min(STOCK, most)))
    roots(joined)
    _, first = np.unique(text, return_index=True)
    total = np.zeros(n, np.uint64)
    np.add.at(total, joined[first], text[first])
    crowded = np.bincount(joined, minlength=n)[joined] > most
    return np.where(crowded, text, total[joined])


def _likes(hashes: Keys, rows: Longs, most: int) -> tuple[Longs, Longs]:
    """Pairs that chain all rows of one hash, where it is not 0 and at most `most` have it. rows: whose each is."""
    order = np.lexsort((rows, hashes))
    hashes, rows = hashes[order], rows[order]
    distinct = np.concatenate(([True], (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])))[: len(rows)]
    hashes, rows = hashes[distinct], rows[distinct]
    _, place, count = np.unique(hashes, return_inverse=True, return_counts=True)
    joins = (place[1:] == place[:-1]) & (hashes[1:] != 0) & (count[place[1:]] <= most)
    return rows[:-1][joins], rows[1:][joins]
