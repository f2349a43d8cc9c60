"""Prompts and answers out of order: answers that repeat what was asked, and turns that no conversation has.

Scans of the rows of Arrow buffers; arrays in, arrays out. A null counts as empty.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.characters import is_blank
from auditor.kernels.compiled import kernel
from auditor.model.rows import Strings

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def echoes(prompt: Strings, response: Strings, least: int) -> Mask:
    """Bool array [n]: the response is or begins with the prompt (ASCII whitespace around both aside), which has at
    least `least` bytes."""
    found: Mask = _echoes(prompt.offsets, prompt.data, response.offsets, response.data, least)
    return found


def broken_turns(offsets: Ints, roles: npt.NDArray[np.int8], content: npt.NDArray[np.bool_]) -> Mask:
    """Bool array [n]: turns out of order. roles [turns]: 0 system, 1 user, 2 assistant, 3 tool, 4 any other.
    content [turns]: the turn says something (a turn of the assistant without content calls a tool).

    Out of order: a system message after another turn, a tool result or an answer before any question, two
    questions in a row, two answers in a row that both say something.
    """
    found: Mask = _broken_turns(offsets, roles, content)
    return found


@kernel
def _echoes(offsets: Any, data: Any, starts: Any, answers: Any, least: Any) -> Any:
    n = len(offsets) - 1
    found = np.zeros(n, np.bool_)
    for row in range(n):
        low, high = offsets[row], offsets[row + 1]
        while low < high and is_blank(data[low]):
            low += 1
        while high > low and is_blank(data[high - 1]):
            high -= 1
        at, end = starts[row], starts[row + 1]
        while at < end and is_blank(answers[at]):
            at += 1
        if high - low < least or end - at < high - low:
            continue
        same = True
        for k in range(high - low):
            if data[low + k] != answers[at + k]:
                same = False
                break
        found[row] = same
    return found


@kernel
def _broken_turns(offsets: Any, roles: Any, content: Any) -> Any:
    n = len(offsets) - 1
    found = np.zeros(n, np.bool_)
    for row in range(n):
        previous, said, asked = -1, False, False
        for turn in range(offsets[row], offsets[row + 1]):
            role = roles[turn]
            if role == 0:
                found[row] |= previous > 0
            elif role == 1:
                found[row] |= previous == 1
                asked = True
            elif role == 2:
                found[row] |= not asked or (previous == 2 and said and content[turn])
            elif role == 3:
                found[row] |= not asked
            previous, said = role, content[turn]
    return found
