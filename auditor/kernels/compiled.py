"""How every kernel is compiled: once a machine, without the GIL, and loaded again without a compiler.

Numba's own cache prepares the whole compiler (its registries of Python, NumPy and SciPy functions,
0.25 s) before it loads machine code that needs none of it. Ours loads first; the compiler prepares
itself when there is something to compile.
"""

from __future__ import annotations

from typing import Any

from numba import njit
from numba.core.caching import FunctionCache
from numba.core.runtime.nrt import rtsys


class Ready(FunctionCache):
    """Numba's cache on disk, minus the preparation of a compiler for a function that is found there."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        # The runtime's memory for arrays is all that compiled code needs.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)  # type: ignore[no-untyped-call]


def kernel(function: Any) -> Any:
    """`numba.njit(cache=True, nogil=True)`, quick to load: threads over shards, never `parallel=True`."""
    compiled: Any = njit(nogil=True)(function)
    # What `cache=True` does, with our cache; there is no public way to give a function another one.
    compiled._cache = Ready(function)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return compiled
