"""The best of many scores against sorting them all."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from auditor.kernels.nearest import beginnings, candidates, grouped, keep, told


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 12), st.integers(1, 7))
def test_equals_a_sort_of_all(seed: int, columns: int, k: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    # Few values, so that ties are the rule.
    scores = rng.integers(0, 6, (5, columns)).astype(np.float32)
    own = rng.integers(-1, columns, 5).astype(np.int32)
    into = rng.permutation(8)[:5]
    ids = np.arange(columns, dtype=np.int32)
    best, near = np.full((8, k), -1, np.float32), np.full((8, k), -1, np.int32)
    for low in range(0, columns, width):
        part = np.ascontiguousarray(scores[:, low : low + width])
        keep(part, ids[low : low + width], own, into, best, near)
    for row in range(5):
        wanted = sorted((-float(scores[row, j]), j) for j in range(columns) if j != own[row])[:k]
        missing = k - len(wanted)
        assert near[into[row]].tolist() == [j for _, j in wanted] + [-1] * missing
        assert best[into[row]].tolist() == [-score for score, _ in wanted] + [-1.0] * missing
    untouched = np.setdiff1d(np.arange(8), into)
    assert (near[untouched] == -1).all()
    assert (best[untouched] == -1).all()


@given(st.integers(0, 2**32), st.integers(2, 12), st.integers(1, 4))
def test_pairs_are_told_to_both(seed: int, m: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    left, right = np.triu_indices(m, 1)
    chosen = rng.permutation(len(left))[: int(rng.integers(0, len(left) + 1))]
    left, right = left[chosen].astype(np.int32), right[chosen].astype(np.int32)
    scores = (rng.permutation(len(left)) / len(left)).astype(np.float32) if len(left) else np.zeros(0, np.float32)
    near, best = np.full((m, k), -1, np.int32), np.full((m, k), -1, np.float32)
    told(left, right, scores, 0.25, near, best)
    for row in range(m):
        pairs = zip(left.tolist(), right.tolist(), scores.tolist(), strict=True)
        own = [(-score, a + b - row) for a, b, score in pairs if row in (a, b) and score >= 0.25]
        wanted = sorted(own)[:k]
        missing = k - len(wanted)
        assert near[row].tolist() == [other for _, other in wanted] + [-1] * missing
        assert best[row].tolist() == [-score for score, _ in wanted] + [-1.0] * missing


@given(st.integers(0, 2**32), st.integers(0, 60), st.integers(1, 5), st.integers(1, 6))
def test_grouped_is_a_stable_sort(seed: int, m: int, bits: int, further: int) -> None:
    rng = np.random.default_rng(seed)
    sketches = rng.integers(0, 2**63, (m, 4)).astype(np.uint64)
    places = rng.permutation(256)[: bits + further]
    keys = beginnings(sketches, places)
    plain = [int("".join(str(int(row[place // 64]) >> int(place % 64) & 1) for place in places), 2) for row in sketches]
    assert keys.tolist() == plain
    order, starts = grouped(keys, bits, further)
    assert order.tolist() == sorted(range(m), key=lambda row: plain[row])
    assert starts.tolist() == [sum(key >> further < bucket for key in plain) for bucket in range(2**bits + 1)]


@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 3))
def test_candidates_are_the_pairs_of_a_bucket_that_sketches_allow(seed: int, m: int, bits: int) -> None:
    rng = np.random.default_rng(seed)
    sketches = rng.integers(0, 2**63, (m, 4)).astype(np.uint64) & rng.integers(0, 2**63, (m, 4)).astype(np.uint64)
    limits = rng.integers(60, 120, m)
    near = np.where(rng.random((m, 3)) < 0.1, rng.integers(0, m, (m, 3)), -1).astype(np.int32)
    keys = rng.integers(0, 2**bits, m).astype(np.uint32) << np.uint32(4)
    order, starts = grouped(keys, bits, 4)
    left, right = candidates(order, starts, 0, 2**bits, m, m, sketches, limits, near)
    seen = {tuple(sorted(pair)) for pair in zip(left.tolist(), right.tolist(), strict=True)}
    assert len(seen) == len(left)
    wanted = {
        (a, b)
        for a in range(m)
        for b in range(a + 1, m)
        if keys[a] == keys[b]
        and sum((int(x) ^ int(y)).bit_count() for x, y in zip(sketches[a], sketches[b], strict=True))
        <= max(limits[a], limits[b])
        and b not in near[a]
        and a not in near[b]
    }
    assert seen == wanted
    for longest, most in ((5, m), (m, 1)):
        some = candidates(order, starts, 0, 2**bits, longest, most, sketches, limits, near)
        assert {tuple(sorted(pair)) for pair in zip(*(side.tolist() for side in some), strict=True)} <= seen
        assert np.bincount(some[0], minlength=1).max() <= most
