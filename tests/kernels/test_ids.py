"""Ids of users and of ours, by example."""

import numpy as np

from auditor.kernels import ids as kernel
from tests.kernels.in_python import column


def test_ids_of_users_and_ids_of_ours() -> None:
    digests = np.arange(64, dtype=np.uint8).reshape(4, 16)
    ids = [digests[0].tobytes().hex(), "a", "a", digests[0].tobytes().hex()]
    hashes, given_ = kernel.given_ids(column(ids), digests)
    assert given_.tolist() == [False, True, True, True]
    assert hashes[1] == hashes[2]
    assert hashes[1] != hashes[0]
