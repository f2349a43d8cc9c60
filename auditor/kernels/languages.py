"""Language identification of many texts: the classifier of py3langid over Arrow buffers.

The model is langid.py's (M. Lui and T. Baldwin 2012, ACL): byte n-gram features found by a finite
automaton, weighed by log(1 + count) in a multinomial naive Bayes; the scores, divided by the root of
the text's length in bytes, become probabilities. py3langid computes this text by text in Python, about
a hundred times slower and holding the interpreter's lock; tests hold this one against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.kernels.compiled import kernel
from auditor.model.rows import Strings


@dataclass(frozen=True, slots=True)
class Model:
    """An automaton and a classifier.

    labels: one a class; a label may stand twice. moves: [rows * 256], next state by shared row and byte.
    row: uint32 [states], the state's shared row. feature: int32 [states], the feature met there or -1.
    weights: float32 [features, classes]. prior: float32 [classes].
    """

    labels: tuple[str, ...]
    moves: npt.NDArray[np.uint32]
    row: npt.NDArray[np.uint32]
    feature: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    prior: npt.NDArray[np.float32]

    @property
    def first(self) -> npt.NDArray[np.int64]:
        """The first class with each class's label, int64 [classes]: classes of one label are added up."""
        return np.array([self.labels.index(label) for label in self.labels], np.int64)


def classify(text: Strings, model: Model) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """(index of the likeliest label, its probability) of each text, int64 [n] and float64 [n]."""
    best, probability = _classify(
        text.offsets, text.data, model.moves, model.row, model.feature, model.weights, model.prior, model.first
    )
    return best, probability


@kernel
def _classify(offsets: Any, data: Any, moves: Any, row: Any, feature: Any, weights: Any, prior: Any, first: Any) -> Any:
    n, classes = len(offsets) - 1, len(prior)
    best, probability = np.zeros(n, np.int64), np.zeros(n, np.float64)
    counts = np.zeros(len(weights), np.int32)
    met = np.zeros(len(weights), np.int64)  # features of this text, in the order in which they were met
    for text in range(n):
        state, many = np.int64(0), 0
        for at in range(offsets[text], offsets[text + 1]):
            state = np.int64(moves[(np.int64(row[state]) << 8) + np.int64(data[at])])
            found = feature[state]
            if found >= 0:
                if counts[found] == 0:
                    met[many] = found
                    many += 1
                counts[found] += 1
        scores = np.zeros(classes, np.float64)
        if many:
            for k in range(classes):
                scores[k] = prior[k]
        for i in range(many):
            weight = np.log1p(np.float64(counts[met[i]]))
            counts[met[i]] = 0
            for k in range(classes):
                scores[k] += weight * weights[met[i], k]
        # Written out: arithmetic on whole arrays calls into Numba's runtime, and such code is not kept.
        length = np.sqrt(np.float64(max(offsets[text + 1] - offsets[text], 1)))
        highest, total = -np.inf, 0.0
        for k in range(classes):
            scores[k] /= length
            highest = max(highest, scores[k])
        for k in range(classes):
            scores[k] = np.exp(scores[k] - highest)
            total += scores[k]
        for k in range(classes):
            if first[k] != k:
                scores[first[k]] += scores[k]
                scores[k] = 0.0
        best[text] = np.argmax(scores)
        probability[text] = scores[best[text]] / total
    return best, probability
