"""What Numba has no word for: wide loads from an address, 128-bit products, bit scans.

Addresses are int64. Nothing here checks a bound: callers give memory that is readable PADDING bytes
past the last byte of a text (`texts.spans` sees to it).
"""

from __future__ import annotations

from typing import Any

import numpy as np

PADDING = 64
"""Bytes that a wide load may read past the end of a text."""


class Instruction:
    """A name in kernels for one of `instructions`, which only a compiler looks up."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target

        from auditor.kernels import instructions

        cpu_target.typing_context.refresh()  # it may have been made before they were
        return cpu_target.typing_context.resolve_value_type(getattr(instructions, self.name))


def low_masks() -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """uint64 [9]: entry n keeps the first n bytes of a little-endian load."""
    return np.array([(1 << (8 * n)) - 1 for n in range(9)], np.uint64)


# To Numba these are the instructions themselves, to mypy anything.
load64: Any = Instruction("load64")
load8: Any = Instruction("load8")
word_bits: Any = Instruction("word_bits")
high_bits: Any = Instruction("high_bits")
fold_multiply: Any = Instruction("fold_multiply")
first_bit: Any = Instruction("first_bit")
count_bits: Any = Instruction("count_bits")
