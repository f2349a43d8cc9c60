"""Nearest vectors and average similarities of groups, over blocks of products that BLAS made."""

from __future__ import annotations

from auditor.kernels.compiled import kernel
from auditor.kernels.nearest import place


@kernel
def keep_nearest(products, hits, row, column, near, cosine, swapped):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Take products into the lists of the nearest, falling, equal ones in the order they come.

    products: float32 [a, b], of vectors row.. with vectors column..; hits: int64, places in it (flat) that may belong
    into a list. near: int32 [n, k] and cosine: float32 [n, k] are lists that begin as -1 and the least that counts: of
    the vectors row.., or where swapped of those column... A vector is no neighbour of itself.
    """
    width = products.shape[1]
    last = near.shape[1] - 1
    for hit in hits:
        i, j = hit // width, hit % width
        value = products[i, j]
        mine, other = row + i, column + j
        if swapped:
            mine, other = other, mine
        if mine != other and value > cosine[mine, last]:
            place(near, cosine, mine, other, value)


@kernel
def products_of(sums, left, right, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """out[i] = sums[left[i]] · sums[right[i]]. sums: float32 [m, d]; out: float64."""
    width = sums.shape[1]
    for i in range(len(left)):
        a, b = left[i], right[i]
        total = 0.0
        for j in range(width):
            total += sums[a, j] * sums[b, j]
        out[i] = total


@kernel
def add_up(vectors, groups, sums):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """sums[groups[i]] += vectors[i], in order. vectors: float32 [n, d]; sums: float32 [m, d]."""
    width = vectors.shape[1]
    for i in range(len(vectors)):
        group = groups[i]
        for j in range(width):
            sums[group, j] += vectors[i, j]
