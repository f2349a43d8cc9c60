"""Where the elements of a JSON document begin and end: one pass over its bytes, no parsing.

Quotes and brackets are followed, nothing else; whether an element is JSON is for the parser to say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel

_QUOTE, _BACKSLASH, _COMMA, _NEWLINE = 34, 92, 44, 10
_OPEN_LIST, _CLOSE_LIST, _OPEN, _CLOSE = 91, 93, 123, 125


@kernel
def split(data: npt.NDArray[np.uint8], start: int) -> npt.NDArray[np.int64]:  # pragma: no cover  compiled
    """(start, stop, line) int64 [n, 3] of every element: of the array that `data[start:]` is, or of the
    values one after another. An element that never ends, ends with the data."""
    found = np.empty((1024, 3), np.int64)
    count, line, depth, level = 0, 1, 0, 0
    inside = escaped = closed = False
    begun = at_line = np.int64(-1)
    end = np.int64(-1)
    opened = False
    for i in range(start, len(data)):
        byte = data[i]
        if byte == _NEWLINE:
            line += 1
        if inside:
            if escaped:
                escaped = False
            elif byte == _BACKSLASH:
                escaped = True
            elif byte == _QUOTE:
                inside = False
                end = np.int64(i + 1)
            continue
        if byte in (32, 9, 13, 10):
            continue
        if not opened:
            opened = True
            if byte == _OPEN_LIST:
                level = 1
                depth = 1
                continue
        # An element ends at a comma or the array's end; without an array, where the next value begins.
        starts = level == 0 and (closed or byte in (_QUOTE, _OPEN, _OPEN_LIST))
        if depth == level and begun >= 0 and (starts or (level == 1 and byte in (_COMMA, _CLOSE_LIST))):
            if count == len(found):
                larger = np.empty((2 * count, 3), np.int64)
                larger[:count] = found
                found = larger
            found[count, 0], found[count, 1], found[count, 2] = begun, end, at_line
            count += 1
            begun = np.int64(-1)
        if level == 1 and depth == 1 and byte == _CLOSE_LIST:
            depth, level = 0, 0  # whatever follows the array is told as an element that is no record
            continue
        if byte == _COMMA and depth == level == 1:
            continue
        if begun < 0:
            begun, at_line = np.int64(i), np.int64(line)
        closed = False
        if byte == _QUOTE:
            inside = True
        elif byte in (_OPEN, _OPEN_LIST):
            depth += 1
        elif byte in (_CLOSE, _CLOSE_LIST) and depth > level:
            depth -= 1
            closed = depth == level
        end = np.int64(i + 1)
    if begun >= 0:
        if count == len(found):
            larger = np.empty((count + 1, 3), np.int64)
            larger[:count] = found
            found = larger
        found[count, 0], found[count, 2] = begun, at_line
        found[count, 1] = len(data) if depth > level or inside else end
        count += 1
    return found[:count]
