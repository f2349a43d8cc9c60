"""Hashes of verdicts and of their texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.kernels import hashes
from auditor.model.rows import strings
from auditor.model.verdicts import Verdicts


def digest(verdicts: Verdicts, texts: Sequence[npt.NDArray[np.uint64]]) -> str:
    """`sha256:HEX` of the verdicts in an order of their own (that of a hash of each), so that the order of the file
    does not matter. texts: hashes of each verdict's texts, uint64 [n]."""
    columns: list[npt.NDArray[Any]] = [
        *(coded.codes for coded in (verdicts.item, verdicts.a, verdicts.b, verdicts.judge, verdicts.prompt)),
        *(verdicts.first, verdicts.verdict, verdicts.repeat),
        *(column.view(np.int32) for column in (verdicts.strength, verdicts.score_a, verdicts.score_b)),
        *texts,
    ]
    key = np.zeros(len(verdicts), np.uint64)
    for column in columns:
        mix(key, column)
    order = np.argsort(key)
    del key
    seal = hashlib.sha256()
    for names in (verdicts.item.names, verdicts.a.names, verdicts.judge.names, verdicts.prompt.names):
        seal.update(hashlib.sha256("\0".join(names).encode("utf-8", "surrogatepass")).digest())
    seal.update(verdicts.humans.data)
    for column in columns:
        alike = bool((column == column[:1]).all())  # what says the same throughout needs no order
        seal.update((column if alike else column[order]).data)
    return f"sha256:{seal.hexdigest()}"


def mix(key: npt.NDArray[np.uint64], column: npt.NDArray[Any]) -> None:
    """One round of MurmurHash3's 64-bit finaliser, in place."""
    key ^= column.astype(np.uint64)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)


def hashed(text: pa.Array) -> npt.NDArray[np.uint64]:
    """A hash of every text, 0 where there is none."""
    found, _ = hashes.hash_texts(strings(text))
    return np.where(np.asarray(text.is_valid()), found, np.uint64(0))
