"""The words of rows as bags of hashes, and the words behind the hashes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.core.rowwise import cut
from auditor.kernels.hashes import shingle_sets
from auditor.kernels.texts import spans
from auditor.model.rows import strings
from auditor.statistics import telling
from auditor.statistics.tails import Bags

LETTERS = 40
"""Of a word that is shown."""


def bags(texts: pa.Array, size: int) -> Bags:
    """Each row's distinct words, or runs of `size` words: a row that says it again says nothing new."""
    view = strings(texts)
    sets = shingle_sets(spans(view.offsets, view.data, fold=True), size)
    return Bags(sets.offsets, sets.values)


def said(words: npt.NDArray[np.uint64], texts: pa.Array) -> list[str]:
    """Words by their hashes, in the order given, as the first text has them that does."""
    all_words = bags(texts, 1)
    places = {int(word): np.flatnonzero(all_words.values == word) for word in words}
    rows = {word: int(np.searchsorted(all_words.offsets, at[0], "right")) - 1 for word, at in places.items() if len(at)}
    found: dict[int, str] = {}
    for row in sorted(set(rows.values())):
        tokens = pa.array(telling.tokens(texts[row].as_py()), pa.large_string())
        each = bags(tokens, 1)
        for at in np.flatnonzero(np.diff(each.offsets) == 1).tolist():
            found.setdefault(int(each.values[each.offsets[at]]), tokens[at].as_py())
    return [cut(found[word], LETTERS) for word in rows if word in found]
