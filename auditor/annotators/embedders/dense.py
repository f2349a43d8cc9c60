"""What embedders of dense vectors share: texts as Python strings, sound vectors of length 1, cosines of pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from auditor.model.errors import AuditorError
from auditor.model.rows import Strings
from auditor.model.vectors import Floats

Encode = Callable[[Sequence[str]], npt.NDArray[np.floating]]

CHARACTERS = 32_768
"""Of a text that a model is given: more than any of them reads (8,192 tokens), and a row of 200 MB is no request."""


class Unsound(AuditorError):
    """Texts of which the model made NaN or infinity. places: among those given. text: the first, for telling."""

    def __init__(
        self, places: Sequence[int], total: int, text: str, *, file: str | None = None, line: int | None = None
    ) -> None:
        self.places, self.text = tuple(places), text
        super().__init__(
            f"the embedder gave NaN or infinity for {len(places):,} of {total:,} texts",
            file=file,
            line=line,
            seen=text,
            hint="leave these rows out, or use another model; half-precision weights overflow on some texts",
        )


class Dense:
    """An embedder by a function that encodes texts. name: as given. revision: of the weights. encode: strings ->
    [n, dimension]. blind: what it cannot see. Its runtime has threads of its own."""

    threads = False

    def __init__(self, name: str, revision: str, dimension: int, encode: Encode, blind: str) -> None:
        self.name, self.revision, self.dimension, self.blind = name, revision, dimension, blind
        self.encode = encode

    def embed(self, texts: Strings) -> Floats:
        return embedded(texts, self.dimension, self.encode)

    def cosines(self, left: Strings, right: Strings) -> npt.NDArray[np.float64]:
        return cosines(self.embed, left, right)


def embedded(texts: Strings, dimension: int, encode: Encode) -> Floats:
    """float32 [n, dimension] of length 1; 0 where a text is null or blank, for which `encode` is not asked.

    Raises Unsound where a vector is not finite, AuditorError where they have another dimension.
    """
    vectors = np.zeros((len(texts), dimension), np.float32)
    asked = [(row, text) for row in range(len(texts)) if (text := _text(texts, row)).strip()]
    if not asked:
        return vectors
    made = np.asarray(encode([text for _, text in asked]))
    if made.shape != (len(asked), dimension):
        raise AuditorError(
            "the embedder gave vectors of another shape",
            seen=f"{made.shape}",
            wanted=f"({len(asked)}, {dimension})",
            hint="a model was exchanged under its name: start again, so that its revision is read anew",
        )
    bad = np.flatnonzero(~np.isfinite(made).all(1)).tolist()
    if bad:
        raise Unsound([asked[place][0] for place in bad], len(asked), beginning(asked[bad[0]][1]))
    length = np.linalg.norm(made.astype(np.float64), axis=1, keepdims=True)
    vectors[[row for row, _ in asked]] = np.divide(made, length, out=np.zeros(made.shape), where=length > 0)
    return vectors


def cosines(embed: Callable[[Strings], Floats], left: Strings, right: Strings) -> npt.NDArray[np.float64]:
    """float64 [n] of pairs; -1 where one of them has no text."""
    one, other = embed(left).astype(np.float64), embed(right).astype(np.float64)
    told = (np.abs(one).sum(1) > 0) & (np.abs(other).sum(1) > 0)
    return np.where(told, np.einsum("ij,ij->i", one, other), -1.0)


def beginning(text: str) -> str:
    """The first characters of a text, as a message may have them."""
    return repr(text[:60] + ("…" if len(text) > 60 else ""))


def fingerprint(files: Iterable[Path]) -> str:
    """A revision for weights on disk: of the names and bytes of their files, 16 hex digits."""
    digest = hashlib.sha256()
    for file in sorted(files):
        with file.open("rb") as opened:
            digest.update(f"{file.name}:{hashlib.file_digest(opened, 'sha256').hexdigest()};".encode())
    return digest.hexdigest()[:16]


def _text(texts: Strings, row: int) -> str:
    if texts.valid is not None and not texts.valid[row]:
        return ""
    low, high = int(texts.offsets[row]), int(texts.offsets[row + 1])
    return texts.data[low : min(high, low + 4 * CHARACTERS)].tobytes().decode("utf-8", "replace")[:CHARACTERS]
