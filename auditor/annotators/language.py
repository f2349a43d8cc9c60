"""The language of each sampled row, by py3langid (a maintained fork of langid.py: M. Lui and T. Baldwin
2012, "langid.py: an off-the-shelf language identification tool", ACL demo).

Fenced code, inline code, markup tags, URLs and e-mail addresses are taken out first, and the
first `READ_CHARACTERS` of the rest are read. What is too short or too uncertain to tell is "und"
(ISO 639-3 for undetermined). Rows outside the sample are null.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditor.files import atomic, slug
from auditor.kernels.languages import Model, classify
from auditor.kernels.surface import LETTER, UPPER, count
from auditor.model.rows import Rows, strings

VERSION = 1

SAMPLE = 20_000
"""Rows identified by default: a rate of 1 % is then known within 0.14 points (95 %)."""

READ_CHARACTERS = 800
"""More changes no verdict on prose, and the identifier's time grows with it."""

UNKNOWN = "und"

LEAST_LETTERS = 20
"""Fewer letters than this are not asked about. A letter beyond ASCII counts its bytes more, for a Han
character says more than a Latin letter."""

LEAST_CONFIDENCE = 0.5
"""The identifier's normalised probability below which its first guess is not taken."""

SAME = {"yue": "zh", "wuu": "zh", "nb": "no", "nn": "no", "zxx": UNKNOWN}
"""Labels folded together: written Cantonese and Mandarin, or the two Norwegian standards, are told
apart unreliably in a line or two; `zxx` is the identifier's "no linguistic content"."""

_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|<[^<>\n]{1,200}>|(?:https?://|www\.)\S+|\S+@\S+\.\S+", re.DOTALL)

_ARRAYS = ("labels", "moves", "row", "feature", "weights", "prior")

_loading = threading.Lock()
_loaded: list[Model] = []


def language(rows: Rows, sample: npt.NDArray[np.int64], models: Path | None = None) -> pa.RecordBatch:
    """Columns language (string) and language_confidence (float32) with values at `sample`, positions
    within the shard. models: see `identify`."""
    codes: list[str | None] = [None] * len(rows)
    confidences: list[float | None] = [None] * len(rows)
    texts = rows.column("text").take(pa.array(sample)).to_pylist()
    for position, (code, confidence) in zip(sample.tolist(), identify(texts, models), strict=True):
        codes[position], confidences[position] = code, confidence
    return pa.RecordBatch.from_arrays(
        [pa.array(codes, pa.string()), pa.array(confidences, pa.float32())], names=["language", "language_confidence"]
    )


def identify(texts: Sequence[str], models: Path | None = None) -> list[tuple[str, float]]:
    """(language code, confidence) of each text; ("und", 0.0) where there is too little to tell.

    models: a folder where the model is kept unpacked, so that the next process loads it in a third of the time.
    """
    prose = strings(pa.array([_prose(text) for text in texts], pa.large_string()))
    counts = count(prose)
    letters = counts.classes[:, LETTER] + counts.classes[:, UPPER]
    enough = letters + np.minimum(counts.wide_bytes, 3 * letters) >= LEAST_LETTERS
    if not enough.any():
        return [(UNKNOWN, 0.0)] * len(texts)
    model = load(models)
    best, confidence = classify(prose, model)
    sure = confidence >= LEAST_CONFIDENCE
    return [
        ((SAME.get(model.labels[label], model.labels[label]) if known else UNKNOWN), score) if told else (UNKNOWN, 0.0)
        for label, score, known, told in zip(
            best.tolist(), confidence.tolist(), sure.tolist(), enough.tolist(), strict=True
        )
    ]


def _prose(text: str) -> str:
    """What is read of a text, in the form that the model was trained on."""
    cut = _NOT_PROSE.sub(" ", text[: 8 * READ_CHARACTERS])[:READ_CHARACTERS]
    return unicodedata.normalize("NFC", cut.lower() if cut.isupper() else cut)


def load(models: Path | None = None) -> Model:
    """The identifier's model, once a process whichever thread comes first."""
    with _loading:
        if not _loaded:
            _loaded.append(_unpacked(models) if models else _package())
        return _loaded[0]


def _unpacked(models: Path) -> Model:
    from py3langid import __version__

    path = models / f"py3langid-{slug(__version__)}-{VERSION}.npz"
    try:
        with np.load(path, allow_pickle=False) as arrays:  # a damaged archive fails its checksums
            kept = {name: arrays[name] for name in _ARRAYS}
        return Model(tuple(kept.pop("labels").tolist()), **{**kept, "weights": kept["weights"].astype(np.float32)})
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        model = _package()
    with atomic(path) as file:
        arrays = {name: np.asarray(getattr(model, name)) for name in _ARRAYS}
        np.savez(file, **{**arrays, "weights": arrays["weights"].astype(np.float16)})  # as they are in the package
    return model


def _package() -> Model:
    from py3langid.langid import MODEL_DIR, MODEL_FILE
    from py3langid.modelio import load_model

    weights, prior, labels, moves, row, feature = load_model(MODEL_DIR / MODEL_FILE)
    return Model(
        tuple(labels),
        np.asarray(moves, np.uint32),
        np.asarray(row, np.uint32),
        np.asarray(feature, np.int32),
        np.asarray(weights, np.float32),
        np.asarray(prior, np.float32),
    )
