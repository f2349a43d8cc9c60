"""Which ids a user gave, and their hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.model.rows import Strings

Mask = npt.NDArray[np.bool_]

_SEED = np.uint64(0x9E3779B97F4A7C15)
_MULTIPLIER = np.uint64(0xD6E8FEB86659FD93)


def given_ids(ids: Strings, digests: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint64], Mask]:
    """(64-bit hashes of the ids, which of them a user gave: not the hex of the row's digest).

    digests: uint8 [n, 16]. Two of a million different ids share a hash once in 40 million datasets.
    """
    hashes, given = _given_ids(ids.offsets, ids.data, digests)
    return hashes, given


@kernel
def _given_ids(offsets: Any, data: Any, digests: Any) -> Any:
    n = len(offsets) - 1
    hashes = np.zeros(n, np.uint64)
    given = np.zeros(n, np.bool_)
    for row in range(n):
        start, end = offsets[row], offsets[row + 1]
        word = _SEED
        for at in range(start, end):
            word = (word ^ np.uint64(data[at])) * _MULTIPLIER
            word ^= word >> np.uint64(32)
        hashes[row] = word
        same = end - start == 32
        if same:
            for k in range(16):
                for half in range(2):
                    digit = (digests[row, k] >> 4) if half == 0 else (digests[row, k] & 15)
                    if data[start + 2 * k + half] != (48 + digit if digit < 10 else 87 + digit):
                        same = False
        given[row] = end > start and not same
    return hashes, given
