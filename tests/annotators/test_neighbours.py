"""Neighbours against scikit-learn and brute force, however rows are sorted and sharded, and from a damaged cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from auditor import fakes
from auditor.annotators import buckets, embedders
from auditor.annotators import neighbours as module
from auditor.annotators.neighbours import NEAR, Mixed
from auditor.annotators.space import Spaces
from auditor.engines.local import Local
from auditor.model.rows import Dataset
from auditor.model.vectors import Floats, Neighbours, Vectors
from auditor.statistics.blas import single


def texts(seed: int, count: int) -> list[str]:
    """Sentences of a few words, half of them an earlier one with a word changed; copies and empty texts too."""
    rng = np.random.default_rng(seed)
    words = np.array(["".join(rng.choice(list("abcdefghijkl"), 6)) for _ in range(400)])
    made = [" ".join(rng.choice(words, int(rng.integers(5, 14)))) for _ in range(count // 2)]
    for text in made[: count // 2]:
        parts = text.split(" ")
        parts[int(rng.integers(len(parts)))] = str(rng.choice(words))
        made.append(" ".join(parts))
    made += [*made[:20], "", "", " "]
    return [made[place] for place in rng.permutation(len(made))]


def rows(folder: Path, of: Sequence[str], shard_rows: int = 1000) -> Dataset:
    return fakes.dataset([{"text": text} for text in of], folder, shard_rows=shard_rows)


def space(folder: Path, threads: int = 1) -> Spaces:
    return Spaces(embedders.load("hashed", folder), folder, Local(threads))


def told(found: Neighbours, of: Sequence[str]) -> dict[str, list[float]]:
    """By text: the cosines of its nearest."""
    return {of[row]: found.cosine[place].tolist() for place, row in enumerate(found.rows)}


def test_equal_scikit_learn(tmp_path: Path) -> None:
    from sklearn.neighbors import NearestNeighbors

    of = texts(1, 1200)
    data = rows(tmp_path / "rows", of)
    made = space(tmp_path / "space")
    found, vectors = made.neighbours(data, "text", 0.9, -1.0), made.vectors(data, "text")
    distinct = sorted({text: row for row, text in reversed(list(enumerate(of))) if text.strip()}.values())
    assert found.rows.tolist() == distinct
    assert found.first.tolist() == [of.index(text) if text.strip() else -1 for text in of]
    held = vectors.take(found.rows)
    wanted = 1 - NearestNeighbors(n_neighbors=NEAR + 1, metric="cosine").fit(held).kneighbors(held)[0][:, 1:]
    np.testing.assert_allclose(found.cosine, wanted, atol=2e-6)
    assert not (found.near == np.arange(len(found.rows))[:, None]).any()
    np.testing.assert_allclose(np.einsum("id,ikd->ik", held, held[found.near]), found.cosine, atol=2e-6)
    assert (found.index, found.recall) == ("flat", 1.0)


@pytest.mark.parametrize("flat", [20_000, 100])
def test_sharding_threads_and_order_move_nothing(flat: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FLAT", flat)
    of = texts(2, 1500)
    whole = space(tmp_path / "one").neighbours(rows(tmp_path / "whole", of, 5000), "text", 0.9, 0.84)
    parts = space(tmp_path / "two", 3).neighbours(rows(tmp_path / "parts", of, 170), "text", 0.9, 0.84)
    for name in ("first", "rows", "near", "cosine"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))
    assert (whole.index, whole.recall) == (parts.index, parts.recall)
    turned = of[::-1]
    other = space(tmp_path / "three").neighbours(rows(tmp_path / "turned", turned, 700), "text", 0.9, 0.84)
    assert told(other, turned) == told(whole, of)
    assert other.recall == whole.recall
    assert (whole.index == "flat") == (flat > 1500)


def test_kept_and_made_again_when_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = rows(tmp_path / "rows", texts(3, 60))
    made = space(tmp_path / "space").neighbours(data, "text", 0.9, 0.84)
    (file,) = (tmp_path / "space" / "neighbours").rglob("*.arrow")
    before = file.read_bytes()
    with monkeypatch.context() as broken:
        broken.setattr(module, "_found", lambda *_: pytest.fail("made twice"))
        np.testing.assert_array_equal(space(tmp_path / "space").neighbours(data, "text", 0.9, 0.84).near, made.near)
    middle = len(before) // 2
    for damaged in (before[:-40], before[:middle] + bytes([before[middle] ^ 1]) + before[middle + 1 :], b""):
        file.unlink()  # the other file is still mapped
        file.write_bytes(damaged)
        again = space(tmp_path / "space").neighbours(data, "text", 0.9, 0.84)
        np.testing.assert_array_equal(again.near, made.near)
        assert file.read_bytes() == before


def test_those_of_a_selection_are_its_own(tmp_path: Path) -> None:
    of = texts(6, 400)
    data = rows(tmp_path / "rows", of, 100)
    half = np.arange(1, len(of), 2)
    chosen = space(tmp_path / "space").neighbours(data.select(half), "text", 0.9, 0.84)
    alone = [of[row] for row in half]
    assert told(chosen, alone) == told(
        space(tmp_path / "other").neighbours(rows(tmp_path / "alone", alone), "text", 0.9, 0.84), alone
    )
    assert not (tmp_path / "space" / "neighbours").exists()


@pytest.mark.parametrize("of", [[], ["one"], ["one", "one"], ["", ""], ["a b c", "d e f"]])
def test_few_texts_have_few_neighbours(of: list[str], tmp_path: Path) -> None:
    found = space(tmp_path / "space").neighbours(rows(tmp_path / "rows", of), "text", 0.9, -1.0)
    distinct = len({text for text in of if text})
    assert found.near.shape == found.cosine.shape == (distinct, NEAR)
    assert ((found.near >= 0).sum(1) == max(0, distinct - 1)).all()
    assert (found.cosine[found.near < 0] == -1).all()


def mixed(vectors: Floats) -> Mixed:
    return Mixed(Vectors((vectors[:7000], vectors[7000:]), vectors.shape[1], "test"), np.arange(len(vectors)))


def searched(vectors: Floats) -> tuple[Floats, float, list[int]]:
    told: list[int] = []
    with single():
        near, cosine, _ = buckets.search(mixed(vectors), NEAR, 0.9, 0.85, Local(2), lambda done, of: told.append(done))
        recall = module._recall(mixed(vectors), cosine, 0.9, Local(2))
    there = near >= 0
    np.testing.assert_allclose(
        np.einsum("id,ikd->ik", vectors, vectors[np.maximum(near, 0)])[there], cosine[there], atol=2e-6
    )
    assert (cosine[there] >= 0.85).all()
    assert (cosine[~there] == -1).all()
    assert not (near == np.arange(len(near))[:, None]).any()
    assert all(len(set(row[row >= 0].tolist())) == (row >= 0).sum() for row in near)
    return cosine, recall, told


def test_the_search_finds_what_is_near() -> None:
    """Groups of three around 4,000 directions with a common mean, as texts have: recall as measured by the module
    equals a count in plain NumPy over all texts that were asked."""
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(4000, 64)) + 1.0
    vectors = (np.repeat(centres, 3, axis=0) + 0.15 * rng.normal(size=(12_000, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = vectors[rng.permutation(len(vectors))]
    cosine, recall, told = searched(vectors)
    every = vectors[-1000:] @ vectors.T
    every[np.arange(1000), np.arange(11_000, 12_000)] = -1
    exact = np.sort(every, axis=1)[:, ::-1][:, :NEAR]
    wanted = (exact >= 0.9).sum()
    found = sum(
        (row[row >= 0.9][:, None] >= best[best >= 0.9][-1:] - 1e-6).sum()
        for row, best in zip(cosine[-1000:], exact, strict=True)
    )
    assert wanted > 1500
    assert recall == pytest.approx(found / wanted)
    assert recall > 0.97
    assert told[-1] == 12_000


def test_recall_tells_of_what_was_missed(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    vectors = rng.normal(size=(3000, 16)).astype(np.float32)
    vectors[1500:] = vectors[:1500]
    vectors = vectors[rng.permutation(3000)]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    with single():
        near, cosine = module._exact(mixed(vectors), 3000, -1.0, Local(2))
        assert module._recall(mixed(vectors), cosine, 0.9, Local(1)) == 1.0
        lost = cosine.copy()
        lost[2000::2] = -1
        recall = module._recall(mixed(vectors), lost, 0.9, Local(1))
    asked = cosine[2000:]
    assert recall == pytest.approx((asked[1::2] >= 0.9).sum() / (asked >= 0.9).sum())
    assert near.shape == (3000, NEAR)


def test_texts_that_are_all_alike_take_time_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    """One bucket of all texts is compared in pieces, and every text still has neighbours."""
    compared: list[int] = []
    plain = buckets.told
    monkeypatch.setattr(buckets, "told", lambda *given: (compared.append(len(given[0])), plain(*given))[1])
    vectors = np.full((9000, 16), 0.25, np.float32)
    cosine, recall, _ = searched(vectors)
    assert recall == 1
    assert cosine.min() > 0.999
    assert sum(compared) < 9000 * buckets.CLOSE * 20


def test_a_hundred_rows_of_each_frame_are_linked_to_their_own() -> None:
    """Dense groups, of which nobody's ten nearest are told apart in time: each text is near ten of its own group."""
    rng = np.random.default_rng(8)
    frames = rng.normal(size=(60, 64))
    vectors = (np.repeat(frames, 100, axis=0) + 0.1 * rng.normal(size=(6000, 64))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine, _, _ = searched(vectors[rng.permutation(6000)])
    assert (cosine[:, -1] >= 0.9).mean() > 0.999


def test_on_public_rows(shared_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    of = [json.dumps(record) for record in json.loads(shared_data("alpaca/dolly_3k.json").read_text())]
    flat = space(tmp_path / "flat").neighbours(rows(tmp_path / "rows", of), "text", 0.9, 0.84)
    monkeypatch.setattr(module, "FLAT", 100)
    indexed = space(tmp_path / "indexed").neighbours(rows(tmp_path / "rows", of), "text", 0.9, 0.84)
    assert indexed.index.startswith("sketches of 256 bits, ")
    pairs = flat.cosine >= 0.9
    assert (indexed.cosine >= flat.cosine - 1e-6)[pairs].mean() > 0.97
    assert indexed.recall > 0.97
