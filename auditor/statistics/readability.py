"""How hard a text is to read: the grade of J. Kincaid et al. 1975 ("Derivation of new readability formulas", Naval
Technical Training Command, report 8-75), of counts.

Words, sentences and syllables are those of `auditor.kernels.stylometry`; syllables by the rules of J. Talburt 1985
("The Flesch index: an easily programmable readability analysis algorithm", SIGDOC): runs of vowels, y included; the
endings -es, -ed and -e, but not -le, do not count; a word of up to three letters has one. For English.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def grade(words: Ints, sentences: Ints, syllables: Ints) -> npt.NDArray[np.float64]:
    """Flesch-Kincaid grade, float64 [n]: US school years needed; NaN where a text has no word."""
    some = np.maximum(words, 1)
    found: npt.NDArray[np.float64] = 0.39 * words / np.maximum(sentences, 1) + 11.8 * syllables / some - 15.59
    found[words == 0] = np.nan
    return found
