"""The state codec: round trips, deterministic bytes, damage noticed."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from auditor.core.state import StateStore, decode, encode, state_key


@dataclass
class Everything:
    count: int = 0
    total: float = 0.0
    name: str = ""
    seen: bool = False
    array: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    counts: dict = field(default_factory=dict)
    table: pa.Table = field(default_factory=lambda: pa.table({"a": pa.array([1, 2])}))


@given(
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    hnp.arrays(st.sampled_from([np.uint64, np.float64, np.int32, np.bool_]), hnp.array_shapes(max_dims=2)),
    st.dictionaries(st.text(), st.integers() | hnp.arrays(np.int64, 3)),
)
def test_round_trip(count: int, total: float, name: str, array: np.ndarray, counts: dict) -> None:
    state = Everything(count, total, name, True, array, counts)
    again = decode(encode(state), Everything)
    assert (again.count, again.total, again.name, again.seen) == (count, total, name, True)
    np.testing.assert_array_equal(again.array, array)
    assert again.array.dtype == array.dtype
    assert again.array.flags.writeable
    assert set(again.counts) == set(counts)
    for key, value in counts.items():
        np.testing.assert_array_equal(again.counts[key], value)
    assert again.table.equals(state.table)


def test_the_order_of_insertion_does_not_change_the_bytes() -> None:
    assert encode(Everything(counts={"a": 1, "b": 2})) == encode(Everything(counts={"b": 2, "a": 1}))


@given(st.data())
def test_any_damaged_byte_is_noticed(data: st.DataObject) -> None:
    content = bytearray(encode(Everything(count=3, array=np.arange(5))))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="state"):
        decode(bytes(content), Everything)


def test_a_foreign_type_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        encode(Everything(counts={"a": {1, 2}}))


def test_the_store_forgets_what_is_damaged(tmp_path: Path) -> None:
    store = StateStore(tmp_path)
    key = state_key("shard", "check", 1, {"a": 1})
    assert store.get(key, Everything) is None
    store.put(key, Everything(count=7))
    known = store.get(key, Everything)
    assert known is not None
    assert known.count == 7
    path = next(tmp_path.rglob("*.state"))
    path.write_bytes(path.read_bytes()[:-1])
    assert store.get(key, Everything) is None


def test_keys_differ_where_anything_differs() -> None:
    keys = {state_key("s", "c", 1, {"a": 1}), state_key("s", "c", 2, {"a": 1}), state_key("s", "c", 1, {"a": 2})}
    assert len(keys) == 3
