"""Sketches against theory and datasketch; buckets, joins and components against plain Python."""

import random
from collections import defaultdict

import numpy as np
import pytest
from datasketch import MinHash
from datasketch.hashfunc import sha1_hash32

from auditor.kernels.banding import shared
from auditor.kernels.components import roots, unite
from auditor.kernels.hashes import Sets
from auditor.kernels.joins import jaccard
from auditor.kernels.signatures import banding, permutations, permuted, sketch
from tests.kernels import oracle


def random_sets(seed: int, n: int) -> list[set[int]]:
    rng = random.Random(seed)
    pool = [rng.getrandbits(64) for _ in range(400)]
    made = [set(rng.sample(pool, rng.choice((0, 1, 2, 5, 30, 90)))) for _ in range(n)]
    for base in list(made):
        kept = set(rng.sample(sorted(base), round(len(base) * rng.choice((0.8, 0.9, 1.0)))))
        made.append(kept | {rng.getrandbits(64) for _ in range(rng.choice((0, 1, 4)))})
    return made


def csr(sets: list[set[int]]) -> Sets:
    offsets = np.cumsum([0, *(len(s) for s in sets)])
    return Sets(offsets, np.array([value for s in sets for value in sorted(s)], np.uint64))


@pytest.mark.parametrize("count", [1, 16, 128])
@pytest.mark.parametrize("seed", [1, 42])
def test_classic_signatures_equal_datasketch_s(count: int, seed: int) -> None:
    sets = [[f"t{i}-{j}".encode() for j in range(size)] for i, size in enumerate((0, 1, 7, 300))]
    hashes = np.array([sha1_hash32(token) for tokens in sets for token in tokens], np.uint32)
    offsets = np.cumsum([0, *(len(tokens) for tokens in sets)])
    mine = permuted(hashes, offsets, *permutations(count, seed))
    for row, tokens in enumerate(sets):
        theirs = MinHash(num_perm=count, seed=seed)
        theirs.update_batch(tokens)
        assert mine[row].tolist() == theirs.hashvalues.tolist()


@pytest.mark.parametrize("size", [1, 3, 12, 60, 400])
def test_sketches_agree_as_often_as_sets_are_similar(size: int) -> None:
    """The mean over many pairs lies within five standard errors of the similarity, and the variance is
    no larger than that of independent permutations (Dahlgaard et al. 2017, theorem 1)."""
    rng = np.random.default_rng(size)
    k, turns, apart = 105, 400, max(1, size // 10)
    left, right = np.empty(k, np.uint64), np.empty(k, np.uint64)
    agreed = []
    for _ in range(turns):
        values = rng.integers(0, 1 << 64, size + apart, dtype=np.uint64)
        sketch(values[:size].copy(), size, left)
        sketch(values[apart:].copy(), size, right)
        agreed.append(float(np.mean(left == right)))
    true = (size - apart) / (size + apart)
    deviation = (true * (1 - true) / k) ** 0.5
    assert abs(np.mean(agreed) - true) <= 5 * deviation / turns**0.5 + 1e-12
    assert np.std(agreed) <= 1.25 * deviation + 1e-12


def test_sketches_ignore_order_and_repeats() -> None:
    values = np.random.default_rng(0).integers(0, 1 << 64, 50, dtype=np.uint64)
    once, twice = np.empty(64, np.uint64), np.empty(64, np.uint64)
    sketch(values, 50, once)
    sketch(np.concatenate((values[::-1], values)), 100, twice)
    assert once.tolist() == twice.tolist()


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_are_chosen_for_their_recall(threshold: float) -> None:
    plan = banding(threshold)
    assert plan.recall(threshold) >= 0.9997
    assert plan.bands * plan.rows <= 192


def test_buckets_are_the_groups_of_a_dictionary() -> None:
    rng = np.random.default_rng(3)
    for n, spread in ((0, 1), (1, 1), (1000, 10), (5000, 4000), (5000, 1 << 32)):
        keys = rng.integers(0, spread, n, dtype=np.uint32) * np.uint32(2654435761)
        present = rng.random(n) < 0.9
        groups = defaultdict(list)
        for row in range(n):
            if present[row]:
                groups[int(keys[row])].append(row)
        rows, starts = shared(keys, present)
        mine = [rows[starts[i] : starts[i + 1]].tolist() for i in range(len(starts) - 1)]
        assert mine == [groups[key] for key in sorted(groups) if len(groups[key]) > 1]


def test_jaccard_is_exact_or_declined() -> None:
    sets = random_sets(5, 60)
    packed = csr(sets)
    for threshold in (0.5, 0.8, 1.0):
        for i, left in enumerate(sets):
            for j, right in enumerate(sets):
                true = len(left & right) / len(left | right) if left | right else -1.0
                seen = jaccard(packed.offsets, packed.values, i, j, threshold)
                assert seen == (true if true >= threshold else -1.0)


def test_components_have_their_smallest_row_as_root() -> None:
    rng = random.Random(4)
    edges = [(rng.randrange(300), rng.randrange(300)) for _ in range(200)]
    parent = np.arange(300)
    for left, right in edges:
        unite(parent, left, right)
    roots(parent)
    assert parent.tolist() == oracle.clusters(edges, 300)
