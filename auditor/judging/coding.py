"""Columns of Arrow -> arrays: names as codes, numbers as they are; a column that is missing says nothing of any row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.model.verdicts import UNKNOWN, Coded, Codes

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def text(column: pa.ChunkedArray | None) -> pa.Array | None:
    """The column, or None where it says nothing at all."""
    if column is None or column.null_count == len(column):
        return None
    return pa.chunked_array(column.cast(pa.large_string()), pa.large_string()).combine_chunks()


def dictionary(column: pa.ChunkedArray) -> tuple[pa.Array, npt.NDArray[np.int32]]:
    """Distinct values, and the place of each row's (UNKNOWN for a null)."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    column = column.unify_dictionaries()
    values = column.chunk(0).dictionary if column.num_chunks else pa.array([], pa.large_string())
    places, at = np.empty(len(column), np.int32), 0
    for chunk in column.chunks:
        places[at : at + len(chunk)] = pc.fill_null(chunk.indices, UNKNOWN)
        at += len(chunk)
    return values.cast(pa.large_string()), places


def coded_together(
    columns: list[pa.ChunkedArray | None], n: int
) -> tuple[list[npt.NDArray[np.int32]], tuple[str, ...]]:
    """Codes of several columns by one list of names, in the order of the alphabet. An empty name is none."""
    known = []
    while columns:
        column = columns.pop(0)
        known.append(None if column is None else dictionary(column))
        del column
    every = pa.chunked_array([values for values, _ in filter(None, known)], pa.large_string())
    used = pc.unique(every)
    used = used.filter(pc.and_kleene(pc.is_valid(used), pc.not_equal(used, "")))
    names = used.take(pc.sort_indices(used))
    codes = []
    for one in known:
        if one is None:
            codes.append(np.full(n, UNKNOWN, np.int32))
        else:
            values, places = one
            mapped = pc.fill_null(pc.index_in(values, value_set=names), UNKNOWN).to_numpy(zero_copy_only=False)
            codes.append(np.append(mapped, UNKNOWN).astype(np.int32)[places])
    return codes, tuple(names.to_pylist())


def coded(column: pa.ChunkedArray | None, n: int) -> Coded:
    """The same of one column."""
    (codes,), names = coded_together([column], n)
    return Coded(names, codes)


def renamed(known: Coded, lacking: Bools, names: Sequence[str], places: npt.NDArray[Any]) -> Coded:
    """The rows of `lacking` called names[places]."""
    codes = known.codes.copy()
    codes[lacking] = len(known.names) + places
    values = pa.array([*known.names, *names], pa.large_string())
    return coded(pa.chunked_array([pa.DictionaryArray.from_arrays(pa.array(codes), values)]), len(codes))


def numbers(column: pa.ChunkedArray | None, name: str, n: int, told: list[str]) -> Floats:
    """float32 [n], NaN where there is none; what is infinite or no number is told, and is none."""
    if column is None:
        return np.full(n, np.nan, np.float32)
    cast = column.cast(pa.float32(), safe=False)
    values = np.array(pc.fill_null(cast, np.nan).to_numpy(), np.float32)
    endless = np.isinf(values)
    if endless.any():
        told.append(f"{int(endless.sum()):,} values of {name} are infinite, and taken as none")
    if absent := int(np.isnan(values).sum()) - cast.null_count:
        told.append(f"{absent:,} values of {name} are not a number, and taken as none")
    values[endless] = np.nan
    return values


def integers(column: pa.ChunkedArray | None, kind: Any, otherwise: Callable[[], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """The column, or `otherwise` where it does not say it of every row."""
    if column is None or column.null_count:
        return otherwise()
    found: npt.NDArray[Any] = column.to_numpy().astype(kind, copy=False)
    return found


def counts(column: pa.ChunkedArray | None) -> Codes | None:
    """Numbers of tokens, UNKNOWN where none is told; None where none is told of any."""
    if column is None or column.null_count == len(column):
        return None
    return np.maximum(np.asarray(pc.fill_null(column, UNKNOWN), np.int32), UNKNOWN)


def costs(column: pa.ChunkedArray | None) -> npt.NDArray[np.float64] | None:
    """Costs, NaN where none is told or it is none; None where none is told of any."""
    if column is None or column.null_count == len(column):
        return None
    found = np.array(pc.fill_null(column, np.nan), np.float64)
    return np.where(np.isfinite(found) & (found >= 0), found, np.nan)


def packed(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.int64]:
    """One number for each combination of codes."""
    key = np.zeros(len(parts[0]), np.int64)
    most = 1
    for part in parts:
        kinds = int(part.max(initial=UNKNOWN)) + 2
        if most * kinds >= 2**62:
            _, key = np.unique(key, return_inverse=True)
            most = len(key)
        key *= kinds
        key += part
        key += 1
        most *= kinds
    return key
