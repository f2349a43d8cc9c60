"""Nearest rows by weighted words, and sums over who is near whom under many relabellings at once."""

from __future__ import annotations

import numpy as np

from auditor.kernels.compiled import kernel


@kernel
def nearest(starts, words, weights, first, rows, norms, low, budget, near):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """The rows most alike to rows low.., falling, equal ones by place: into near, int32 [m, k], that begins as -1.

    starts, words: int64, each row's words, the one in the fewest rows first; first: int64, rows: int32, the rows of
    each word. weights: float32, squares by word; norms: float32, one by each row's length. Likeness is the sum of the
    weights of shared words by the other row's length, over words until `budget` rows were met.
    """
    m, k = near.shape
    n = len(norms)
    sums = np.zeros(n, np.float32)
    met = np.empty(n, np.int32)
    best = np.empty(k, np.float32)
    for i in range(m):
        many = 0
        left = budget
        for place in range(starts[low + i], starts[low + i + 1]):
            word = words[place]
            weight = weights[word]
            for at in range(first[word], first[word + 1]):
                row = rows[at]
                if sums[row] == 0:
                    met[many] = row
                    many += 1
                sums[row] += weight
            left -= first[word + 1] - first[word]
            if left <= 0:
                break
        found = 0
        for at in range(many):
            row = met[at]
            value = sums[row] * norms[row]
            sums[row] = 0
            if row == low + i:
                continue
            if found < k:
                place = found
                found += 1
            elif value > best[k - 1] or (value == best[k - 1] and row < near[i, k - 1]):
                place = k - 1
            else:
                continue
            while place > 0 and (best[place - 1] < value or (best[place - 1] == value and near[i, place - 1] > row)):
                best[place] = best[place - 1]
                near[i, place] = near[i, place - 1]
                place -= 1
            best[place] = value
            near[i, place] = row


@kernel
def paths(starts, links, total, squares):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """Ways of two steps from each row: how many, and the sum of squares of how many lead to the same row: int64 [n]."""
    n = len(starts) - 1
    times = np.zeros(n, np.int64)
    for i in range(n):
        for one in range(starts[i], starts[i + 1]):
            for two in range(starts[links[one]], starts[links[one] + 1]):
                times[links[two]] += 1
                total[i] += 1
        for one in range(starts[i], starts[i + 1]):
            for two in range(starts[links[one]], starts[links[one] + 1]):
                squares[i] += times[links[two]] ** 2
                times[links[two]] = 0


@kernel
def add_links(starts, links, labels, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """out[i] = labels of the rows that row i links to, summed. labels, out: int16 [n, b]."""
    width = labels.shape[1]
    for i in range(len(starts) - 1):
        out[i] = 0
        for at in range(starts[i], starts[i + 1]):
            row = links[at]
            for j in range(width):
                out[i, j] += labels[row, j]


@kernel
def add_gains(starts, links, sums, gain, cost, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """out[k, j] += gain[k, i] * (the sum of `sums` at the links of row i) - cost[k, i], where that is more than 0.

    sums: int16 [n, b]; gain, cost: float64 [m, n]; out: float64 [m, b].
    """
    width = sums.shape[1]
    found = np.empty(width, np.int64)
    for i in range(len(starts) - 1):
        found[:] = 0
        for at in range(starts[i], starts[i + 1]):
            row = links[at]
            for j in range(width):
                found[j] += sums[row, j]
        for k in range(len(gain)):
            for j in range(width):
                more = gain[k, i] * found[j] - cost[k, i]
                if more > 0:
                    out[k, j] += more


@kernel
def add_whole(first, rows, labels, out):  # type: ignore[no-untyped-def]  # pragma: no cover  compiled
    """out[j] += rows of every word all of whose rows are labelled 1. labels: int16 [n, b]; out: int64 [b]."""
    width = labels.shape[1]
    found = np.empty(width, np.int64)
    for word in range(len(first) - 1):
        size = first[word + 1] - first[word]
        found[:] = 0
        for at in range(first[word], first[word + 1]):
            row = rows[at]
            for j in range(width):
                found[j] += labels[row, j]
        for j in range(width):
            if found[j] == size:
                out[j] += size
