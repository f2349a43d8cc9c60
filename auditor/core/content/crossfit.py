"""Classifiers of two samples, and how synthetic each row looks to a fit that has not seen it, nor its like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.core.check import Engine
from auditor.core.content import kindred
from auditor.core.content.samples import Sample
from auditor.model.vectors import Floats
from auditor.statistics import classify
from auditor.statistics.classify import Auc, Linear

FOLDS = 5

WORDING, MEANING = 1.0, 1000.0
"""Penalties: of features in texts of length 1 (1 to 100 give the same AUC within .02 on fastdetect), and of embeddings
of unit variance (weaker ones lose .02 to .05 there)."""

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Keys = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Folds:
    """group: uint64 [n], equal for rows that share something. fold: int64 [n]; half: bool [n], the rows that p is
    tested on; a group is never cut."""

    group: Keys
    fold: Longs
    half: Mask

    @classmethod
    def of(cls, sides: Sequence[Sample]) -> Folds:
        shared = np.concatenate([side.shared for side in sides])
        group = kindred.groups(np.concatenate([side.key for side in sides]), shared)
        return cls(group, (group % np.uint64(FOLDS)).astype(np.int64), group >> np.uint64(63) == 0)

    def over_folds(self, odds: Doubles, synthetic: Mask, chosen: Any = slice(None)) -> Auc | None:
        return classify.over_folds(odds[chosen], synthetic[chosen], self.fold[chosen], self.group[chosen])


@dataclass(frozen=True, slots=True)
class Fitted:
    """A classifier of both sides, ours first. odds: float64 [2 n] by the fits of the folds, which did not see the row.
    tested: float64, by one fit to half of the rows, of the other half."""

    model: Linear
    odds: Doubles
    tested: Doubles


def by_features(columns: tuple[Longs, Longs], width: int, synthetic: Mask, by: Folds, engine: Engine) -> Fitted:
    """Of the features that rows have: columns as of `Vocabulary.rows`, below `width`. synthetic: bool [2 n]."""
    rows = classify.matrix(columns, width)
    whole = classify.sparse(rows, synthetic, WORDING)

    def odds(unseen: Mask) -> Doubles:
        model = classify.sparse(rows[~unseen], synthetic[~unseen], WORDING, whole)
        found: Doubles = rows[unseen] @ model.weights + model.intercept
        return found

    *parts, tested = engine.map(odds, _held_out(by))
    return Fitted(whole, _unfolded(parts, by.fold), tested)


def by_embeddings(vectors: Floats, synthetic: Mask, by: Folds, engine: Engine) -> Fitted:
    """Of vectors [2 n, d] around their centre."""
    variance = float(np.einsum("ij,ij->", vectors, vectors, dtype=np.float64)) / vectors.size
    penalty = MEANING * max(variance, 1e-9)  # an embedder may give every text the same vector

    def odds(unseen: Mask) -> Doubles:
        model = classify.dense(vectors[~unseen], synthetic[~unseen], penalty)
        found: Doubles = vectors[unseen].astype(np.float64) @ model.weights + model.intercept
        return found

    *parts, tested = engine.map(odds, _held_out(by))
    return Fitted(classify.dense(vectors, synthetic, penalty), _unfolded(parts, by.fold), tested)


def kept_together(group: Keys) -> Iterator[str]:
    """A note of the rows that share something, where there are any."""
    sizes = np.unique(group, return_counts=True)[1]
    if many := int(sizes[sizes > 1].sum()):
        yield f"{many:,} rows share a text, prompt, source or beginning with another: kept in one fold"


def _held_out(by: Folds) -> list[Mask]:
    """Which rows a fit does not see: each fold in turn, then the half that is for testing."""
    return [*(by.fold == k for k in range(FOLDS)), by.half]


def _unfolded(parts: list[Doubles], fold: Longs) -> Doubles:
    odds = np.empty(len(fold))
    for k, part in enumerate(parts):
        odds[fold == k] = part
    return odds
