"""Samples in hash order, disjoint splits, and selections of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from auditor import fakes
from auditor.sketches.sample import bottom_k, drawn, split

RECORDS = [{"prompt": f"question {i}", "response": f"answer {i % 70}", "kind": str(i % 3)} for i in range(200)]


def texts(dataset, rows) -> list[str]:  # type: ignore[no-untyped-def]
    return dataset.take(rows, ["prompt"]).column(0).to_pylist()


def test_drawn_rows_do_not_depend_on_shards_or_on_the_order_of_the_file(tmp_path: Path) -> None:
    whole = fakes.dataset(RECORDS, tmp_path / "a")
    parts = fakes.dataset(RECORDS, tmp_path / "b", shard_rows=17)
    turned = fakes.dataset(RECORDS[::-1], tmp_path / "c", shard_rows=50)
    assert drawn(whole, 40).tolist() == drawn(parts, 40).tolist()
    assert texts(whole, drawn(whole, 40)) == texts(turned, drawn(turned, 40))
    assert sorted(drawn(whole, 40)) == bottom_k(whole, 40).tolist()
    assert sorted(drawn(whole, 999)) == list(range(200))


def test_splits_have_no_row_in_common_and_differ_by_seed(tmp_path: Path) -> None:
    whole = fakes.dataset(RECORDS, tmp_path / "a", shard_rows=31)
    turned = fakes.dataset(RECORDS[::-1], tmp_path / "b")
    seen = set()
    for seed in range(20):
        left, right = split(whole, 100, seed)
        assert sorted([*left, *right]) == list(range(200))
        assert (np.diff(left) > 0).all()
        seen.add(tuple(left))
        assert sorted(texts(whole, left)) == sorted(texts(turned, split(turned, 100, seed)[0]))
    assert len(seen) == 20
    with pytest.raises(ValueError, match="no two samples"):
        split(whole, 101, 0)


def test_each_row_falls_to_either_side_alike(tmp_path: Path) -> None:
    whole = fakes.dataset(RECORDS, tmp_path)
    left = np.zeros(200)
    for seed in range(300):
        left[split(whole, 100, seed)[0]] += 1
    assert abs(left - 150).max() < 5 * np.sqrt(300 * 0.25)


@pytest.mark.parametrize("shard_rows", [200, 17])
def test_a_selection_reads_as_a_dataset_of_its_rows(tmp_path: Path, shard_rows: int) -> None:
    whole = fakes.dataset(RECORDS, tmp_path / "a", shard_rows=shard_rows, annotate=("surface",), by=("kind",))
    wanted = np.array([0, 3, 4, 16, 17, 90, 199])
    chosen = whole.select(wanted)
    assert len(chosen) == 7
    assert np.concatenate([rows.numpy("row") for rows in chosen]).tolist() == list(range(7))
    assert texts(chosen, [6, 0, 3]) == texts(whole, [199, 0, 16])
    assert chosen.shard(0).groups["kind"].labels == whole.shard(0).groups["kind"].labels
    words = np.concatenate([rows.numpy("words") for rows in chosen])
    assert words.tolist() == np.concatenate([rows.numpy("words") for rows in whole])[wanted].tolist()
    assert len({shard.digest for shard in chosen.shards} | {shard.digest for shard in whole.shards}) == len(
        chosen.shards
    ) + len(whole.shards)


def test_a_selection_of_a_selection_is_of_the_whole(tmp_path: Path) -> None:
    whole = fakes.dataset(RECORDS, tmp_path / "a", shard_rows=64)
    wanted, again = np.arange(1, 200, 3), np.array([0, 5, 6, 40, 65])
    chosen = whole.select(wanted).select(again)
    at_once = whole.select(wanted[again])
    for one, other in zip(chosen, at_once, strict=True):
        assert one.batch.equals(other.batch)
    for shard in chosen.shards:
        assert shard.of in whole.shards
    assert {shard.digest for shard in chosen.shards}.isdisjoint(shard.digest for shard in at_once.shards)
    vectors = fakes.space(tmp_path / "space").vectors
    assert np.array_equal(vectors(chosen, "prompt").take(np.arange(5)), vectors(whole, "prompt").take(wanted[again]))


def test_vectors_of_a_selection_are_those_of_the_whole(tmp_path: Path) -> None:
    whole = fakes.dataset(RECORDS, tmp_path / "a", shard_rows=64)
    space = fakes.space(tmp_path / "space")
    wanted = np.array([1, 5, 70, 130, 131])
    assert np.array_equal(
        space.vectors(whole.select(wanted), "prompt").take(np.arange(5)), space.vectors(whole, "prompt").take(wanted)
    )
    files = list((tmp_path / "space").rglob("*.arrow"))
    assert len(files) == len(whole.shards), "a selection is not embedded again"
