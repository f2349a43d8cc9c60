"""Two datasets row by row, against dictionaries."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from auditor import readers
from auditor.core.lineage import rowsets
from auditor.model.rows import Dataset

Open = Callable[[list[dict[str, Any]]], Dataset]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def read(rows: list[dict[str, Any]]) -> Dataset:
        path = tmp_path / "rows.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return readers.open(str(path), cache=tmp_path / "cache")

    return read


word = st.sampled_from(["a", "b", "c d", "e é 长"])
row = st.fixed_dictionaries({"prompt": word, "response": word}, optional={"id": st.sampled_from(["1", "2", "3"])})


def rows_of(dataset: Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for shard in dataset:
        names = ("digest", "id", "prompt", "response", "text", "meta", "source", "rejected")
        columns = {name: shard.column(name).to_pylist() for name in names}
        found += [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return found


def by_hand(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> tuple[int, set[int], set[int], set[Any]]:
    """Pair by digest, then by given id, text and prompt; the k-th with the k-th."""
    gone, new = dict(enumerate(left)), dict(enumerate(right))

    def pair(key: Callable[[dict[str, Any]], Any]) -> list[tuple[int, int]]:
        waiting = defaultdict(list)
        for n, one in new.items():
            if key(one):
                waiting[key(one)].append(n)
        pairs = []
        for n, one in list(gone.items()):
            if key(one) and waiting[key(one)]:
                other = waiting[key(one)].pop(0)
                pairs.append((n, other))
                del gone[n], new[other]
        return pairs

    same = len(pair(lambda r: r["digest"]))
    changed = pair(lambda r: None if r["id"] == r["digest"].hex() else r["id"])
    changed += pair(lambda r: r["text"])
    changed += pair(lambda r: r["prompt"])
    return same, set(gone), set(new), set(changed)


@given(st.lists(row, max_size=9), st.lists(row, max_size=9))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_like_dictionaries(opened: Open, a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    fixed: dict[str, Any] = {"prompt": "always", "response": "there"}
    left, right = opened([*a, fixed]), opened([*b, fixed])
    found = rowsets.changes(left, right)
    same, gone, new, changed = by_hand(rows_of(left), rows_of(right))
    assert found.same == same
    assert set(found.removed.tolist()) == gone
    assert set(found.added.tolist()) == new
    assert {tuple(pair) for pair in found.changed.tolist()} == changed
    assert sum(found.by.values()) == len(changed)
    assert len(left) == found.same + len(found.removed) + len(found.changed)
    assert len(right) == found.same + len(found.added) + len(found.changed)
    mine, theirs = rows_of(left), rows_of(right)
    counted: Counter[str] = Counter()
    for n, (one, other) in enumerate(found.changed.tolist()):
        for column in ("prompt", "response", "rejected", "source", "meta"):
            differs = (mine[one][column] or "") != (theirs[other][column] or "")
            assert bool(found.differs[column][n]) == differs
            counted[column] += differs
        assert any(differs[n] for differs in found.differs.values())
    assert {c: n for c, n in found.columns.items() if c in counted} == {c: n for c, n in counted.items() if n}


def test_order_and_format_are_no_change(opened: Open) -> None:
    rows = [{"prompt": f"p{n}", "response": f"r{n}"} for n in range(50)]
    found = rowsets.changes(opened(rows), opened(rows[::-1]))
    assert found.same == 50
    assert not found.any


def test_copies_are_counted_one_by_one(opened: Open) -> None:
    one = {"prompt": "p", "response": "r"}
    found = rowsets.changes(opened([one] * 5), opened([one] * 3))
    assert (found.same, found.removed.tolist(), len(found.added)) == (3, [3, 4], 0)


def test_fresh_ids_alone_are_a_change_of_the_id(opened: Open) -> None:
    rows = [{"id": f"a{n}", "prompt": "the same", "response": f"r{n}"} for n in range(4)]
    other = [{**one, "id": f"b{n}"} for n, one in enumerate(rows)]
    found = rowsets.changes(opened(rows), opened(other[::-1]))
    assert found.by == {"text": 4}
    assert found.columns == {"id": 4}
    assert found.changed.tolist() == [[0, 3], [1, 2], [2, 1], [3, 0]]


def test_a_conversation_that_differs_in_no_text(opened: Open) -> None:
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    named = [turns[0], {**turns[1], "weight": 0}]
    found = rowsets.changes(opened([{"id": "1", "messages": turns}]), opened([{"id": "1", "messages": named}]))
    assert found.by == {"id": 1}
    assert found.columns == {"messages": 1}


def test_several_shards(tmp_path: Path) -> None:
    many = [{"prompt": f"p{n}", "response": f"r{n}"} for n in range(70_000)]
    paths = []
    for name, rows in (("a", many), ("b", [*many[1_000:], {"prompt": "p500", "response": "new"}])):
        paths.append(tmp_path / f"{name}.jsonl")
        paths[-1].write_text("".join(json.dumps(one) + "\n" for one in rows))
    left, right = (readers.open(str(path), cache=tmp_path / "cache") for path in paths)
    assert len(left.shards) > 1
    found = rowsets.changes(left, right)
    assert (found.same, len(found.removed), len(found.added)) == (69_000, 999, 0)
    assert found.changed.tolist() == [[500, 69_000]]
    assert np.array_equal(found.removed, np.delete(np.arange(1_000), 500))
