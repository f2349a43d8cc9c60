"""What the rows of a dataset are called in verdicts of judges, and which row a name means later."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.model.rows import Dataset

SHORT = 12
"""Hex digits of a row's digest in the name of one that shares its id: 48 bits for the few rows of one id."""


def named(rows: Dataset) -> pa.ChunkedArray:
    """A name for each row (large_string, in row order): its id, which is its content's hash where it has none.

    Rows of one id with different contents are `ID#DIGEST`, and the second copy of one content is `NAME#2`: a name
    means the same content however the file is sorted, and whichever of its rows are asked for.
    """
    parts = [(part.column("id"), part.column("digest"), part.numpy("copy")) for part in rows]
    if not parts:
        return pa.chunked_array([], pa.large_string())
    ids = pa.chunked_array([part[0] for part in parts], pa.large_string())
    coded = ids.combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy()
    if len(coded.dictionary) == len(ids):
        return ids
    digests = pa.chunked_array([part[1] for part in parts]).combine_chunks()
    copies = np.concatenate([part[2] for part in parts])
    shared = _of_several(codes, copies)
    again = copies > 0
    made = np.flatnonzero(shared | again)
    names = [
        f"{name}{f'#{digest.hex()[:SHORT]}' if several else ''}{f'#{copy + 1}' if copy else ''}"
        for name, digest, several, copy in zip(
            ids.take(pa.array(made)).to_pylist(),
            digests.take(pa.array(made)).to_pylist(),
            shared[made].tolist(),
            copies[made].tolist(),
            strict=True,
        )
    ]
    whole = ids.combine_chunks()
    whole = pc.replace_with_mask(whole, pa.array(shared | again), pa.array(names, pa.large_string()))
    return pa.chunked_array([whole])


def places(names: pa.ChunkedArray, items: pa.Array) -> npt.NDArray[np.int64]:
    """The row of each item (int64 [items]), -1 where none is called so."""
    found = pc.index_in(items.cast(pa.large_string()), value_set=names.combine_chunks())
    at: npt.NDArray[np.int64] = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    return at


def _of_several(codes: npt.NDArray[np.int32], copies: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Rows (bool) whose id other contents have as well: first copies are one for each content."""
    contents = np.bincount(codes[copies == 0], minlength=int(codes.max(initial=-1)) + 1)
    shared: npt.NDArray[np.bool_] = contents[codes] > 1
    return shared
