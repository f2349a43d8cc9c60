"""One thread a product: BLAS sums in another order with another number of threads, and numbers must not move."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class _Held:
    """The limit belongs to the process. within: how many are, on all threads together. modules: how many were imported
    when its libraries were last looked at. limits: what to undo."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    within: int = 0
    modules: int = 0
    limits: list[Any] = field(default_factory=list)


_held = _Held()


@contextmanager
def single() -> Iterator[None]:
    """Within this, every BLAS runs on one thread; run blocks in parallel by `Engine.map` instead.

    Any number of threads may be within, in any order: whoever leaves last gives the threads back. A BLAS that was
    loaded since (SciPy has one of its own) is told by whoever enters next.
    """
    from threadpoolctl import OpenBLASController, ThreadpoolController

    with _held.lock:
        # Looking for libraries takes 3 ms, and a library comes with a module.
        if not _held.within or _held.modules != len(sys.modules):
            _held.modules = len(sys.modules)
            libraries = ThreadpoolController().select(user_api="blas")
            if any(library["num_threads"] != 1 for library in libraries.info()):
                # From 3.8 on only the thread that was the first to set OpenBLAS's threads may set them again.
                OpenBLASController.clear_controlling_thread(force=True)
                _held.limits.append(libraries.limit(limits=1))
        _held.within += 1
    try:
        yield
    finally:
        with _held.lock:
            _held.within -= 1
            if not _held.within and _held.limits:
                OpenBLASController.clear_controlling_thread(force=True)
                while _held.limits:
                    _held.limits.pop().restore_original_limits()
                OpenBLASController.clear_controlling_thread(force=True)
