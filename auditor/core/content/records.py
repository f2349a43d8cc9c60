"""Parts of a record as the kernels want them: its ids, its turns, what a model would learn to say."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditor.core.rowwise import Mask
from auditor.kernels import exchanges, ids
from auditor.model.rows import Rows

ROLES = ("system", "user", "assistant", "tool")


def given_ids(rows: Rows) -> tuple[npt.NDArray[np.uint64], Mask]:
    """(hash of each id, whether a user gave it), [n]."""
    column = rows.column("digest")
    content = column.buffers()[1]
    if content is None or not len(rows):
        return np.zeros(0, np.uint64), np.zeros(0, np.bool_)
    digests = np.frombuffer(content, np.uint8)[16 * column.offset : 16 * (column.offset + len(rows))].reshape(-1, 16)
    return ids.given_ids(rows.strings("id"), digests)


def disordered(rows: Rows) -> Mask:
    """Conversations whose turns are out of order, bool [n]."""
    messages = rows.column("messages")
    if messages.null_count == len(rows):
        return np.zeros(len(rows), np.bool_)
    offsets = messages.offsets.to_numpy().astype(np.int64)
    turns = messages.values
    known = pa.array(ROLES, pa.large_string())
    roles = pc.fill_null(pc.index_in(turns.field("role"), value_set=known), len(ROLES))
    said = pc.fill_null(pc.greater(pc.binary_length(turns.field("content")), 0), fill_value=False)
    return exchanges.broken_turns(
        offsets, roles.to_numpy(zero_copy_only=False).astype(np.int8), said.to_numpy(zero_copy_only=False)
    ) & valid(rows, "messages")


def target(rows: Rows) -> pa.Array:
    """What a model would learn to say: the response, or the text where there is none."""
    return pc.coalesce(rows.column("response"), rows.column("text"))


def valid(rows: Rows, name: str) -> Mask:
    """Rows that have a value, bool [n]."""
    found: Mask = rows.column(name).is_valid().to_numpy(zero_copy_only=False)
    return found


def number(rows: Rows, name: str) -> npt.NDArray[np.int64]:
    """A column of whole numbers, int64 [n]; 0 where there is none."""
    numbers: npt.NDArray[np.int64] = pc.fill_null(rows.column(name), 0).to_numpy(zero_copy_only=False)
    return numbers
