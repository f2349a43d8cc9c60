"""How long the arrays are that kernels work in."""

from __future__ import annotations

import numpy as np

from auditor.kernels.compiled import kernel


@kernel
def longest(lengths, most):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Bytes of the longest text, of which at most `most` are read; 1 at least."""
    found = 1
    for length in lengths:
        found = max(found, min(length, most))
    return found


@kernel
def places(count):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Of an open table for so many keys: a power of two, twice as many or more."""
    room = 16
    while room < 2 * count:
        room *= 2
    return room


@kernel
def grown(values, used, room):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """The first `used` values in a larger array."""
    larger = np.empty(room, values.dtype)
    for i in range(used):
        larger[i] = values[i]
    return larger
