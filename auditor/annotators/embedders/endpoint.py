"""Vectors from an OpenAI-compatible `/embeddings` endpoint; what was paid for is kept and never asked for again.

`--embedder https://api.openai.com/v1#text-embedding-3-small`; behind the model's name `?dimensions=256` asks for
fewer dimensions, `?price=0.02` says what a million tokens costs, so that the report tells the cost, and `?tokens=512`
that the model reads no more of a text. The key is read from AUDITOR_EMBEDDING_KEY, or else, for OpenAI's own
address, OPENAI_API_KEY, and goes into the request's header and nowhere else.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.annotators.embedders import dense
from auditor.annotators.embedders.address import TOKENS, Address
from auditor.annotators.embedders.asking import Answer, Down, Server
from auditor.annotators.embedders.buying import Batch, Purchase, batches, shortened, tokens_of
from auditor.annotators.embedders.kept import Kept
from auditor.model.rows import Strings
from auditor.model.vectors import Floats

PROBE = "dimension"
"""A text that is asked for to learn how long vectors are."""


class Endpoint:
    """name: the address without its options. Interrupted at any point, the next run asks only for what is missing.

    bought: of this run: `texts`, `tokens` and, by the address's price, `cost` of what was answered; `missing`, texts
    that there is no vector of, and `cut`, those that were shortened, where there are any.
    """

    threads = False  # requests go out together from here

    def __init__(self, address: Address, folder: Path) -> None:
        self.address, self.name = address, address.name
        self.bought: dict[str, Any] = {"texts": 0, "tokens": 0} | ({} if address.price is None else {"cost": 0.0})
        self._file = folder / address.file
        self._kept = Kept(self._file, paid=True)
        self._server = Server(address)
        self._missing, self._cut, self._bad = set[bytes](), set[bytes](), set[bytes]()
        self._counting, self._buying = threading.Lock(), threading.Lock()
        self._met = False
        self._down: Down | None = None

    @property
    def blind(self) -> str:
        return (
            f"what stands behind the first {self.address.tokens:,} tokens of a text, as estimated, and whatever its "
            "model does not see; a model behind an address may be exchanged without notice"
        )

    @cached_property
    def dimension(self) -> int:
        found = len(self._vectors([PROBE], None)[0])
        if self.address.dimensions not in (None, found):
            raise Down(
                "the embedder does not give the dimensions that were asked for",
                seen=f"{found} at {self.name}",
                wanted=f"{self.address.dimensions}",
                hint="leave ?dimensions= out of its address: not every model can shorten its vectors",
            )
        return found

    @cached_property
    def revision(self) -> str:
        cut = "" if self.address.tokens == TOKENS else f"-{self.address.tokens}t"
        return f"{self.address.dimensions or 'whole'}-{self.dimension}{cut}"

    def embed(self, texts: Strings) -> Floats:
        return dense.embedded(texts, self.dimension, lambda asked: np.stack(self._vectors(asked, self.dimension)))

    def cosines(self, left: Strings, right: Strings) -> npt.NDArray[np.float64]:
        return dense.cosines(self.embed, left, right)

    def _vectors(self, texts: Sequence[str], dimension: int | None) -> list[Floats]:
        """One a text, NaN where the model gave that. dimension: of each, None to be told."""
        asked = [shortened(text, self.address.tokens) for text in texts]
        keys = [self._key(text) for text in asked]
        with self._counting:
            self._cut |= {key for key, text, cut in zip(keys, texts, asked, strict=True) if len(cut) < len(text)}
        known = self._kept.get(keys)
        if any(key not in known for key in keys):
            # One buys while others wait: what they want may be what it buys.
            with self._buying:
                known |= self._kept.get([key for key in keys if key not in known])
                settled = known.keys() | self._bad
                if wanted := {key: text for key, text in zip(keys, asked, strict=True) if key not in settled}:
                    known |= self._bought(wanted, dimension)
        self._count()
        bad = np.full(dimension or 1, np.nan, np.float32)
        return [known.get(key, bad) for key in keys]

    def _bought(self, wanted: dict[bytes, str], dimension: int | None) -> dict[bytes, Floats]:
        self._missing |= wanted.keys()
        if self._down is not None:  # each room asks for itself
            raise Down(self._down.message, seen=self._down.seen, wanted=self._down.wanted, hint=self._down.hint)
        purchase = Purchase(self._server.ask, lambda batch, answer: self._take(batch, answer, dimension), self.name)
        try:
            with self._server.connected():
                todo = list(batches(wanted))
                first = 0 if self._met else 1  # a refused key, or another model, shows before four are under way
                purchase.run(todo[:first])
                self._met = True
                purchase.run(todo[first:])
        except Down as down:
            self._down = down
            raise
        finally:
            with self._counting:
                self._cut |= purchase.cut
            self._count()
        return purchase.made

    def _take(self, batch: Batch, answer: Answer, dimension: int | None) -> dict[bytes, Floats]:
        """What of an answer is sound, kept already. Raises where the rest need not be asked for."""
        pairs = list(zip(batch, answer.vectors, strict=True))
        made = {
            key: vector
            for (key, _), vector in pairs
            if len(vector) == (dimension or len(vector)) and np.isfinite(vector).all()
        }
        self._kept.put(made)
        self._bad.update(key for (key, _), vector in pairs if not np.isfinite(vector).all())
        self._count(len(batch), answer.tokens or round(sum(tokens_of(text) for _, text in batch)), made)
        if other := {len(vector) for _, vector in pairs} - {dimension} if dimension else set():
            raise Down(
                "the embedder's dimension changed",
                seen=f"{min(other)} at {self.name}",
                wanted=f"{dimension}, as in what it answered before",
                hint=f"another model answers under this name: move {self._file} away to ask it for all; that file is "
                "of this model alone",
            )
        if not made and (len(batch) > 1 or dimension is None):
            raise Down(
                "the embedder gave NaN or infinity for every text of a request",
                seen=f"{dense.beginning(batch[0][1])} at {self.name}",
                hint="its weights are damaged, or of a precision that its machine cannot hold",
            )
        return made

    def _count(self, texts: int = 0, tokens: int = 0, made: Iterable[bytes] = ()) -> None:
        with self._counting:
            self._missing -= set(made)
            self.bought["texts"] += texts
            self.bought["tokens"] += tokens
            if self.address.price is not None:
                self.bought["cost"] = self.bought["tokens"] * self.address.price / 1e6
            for name, keys in (("missing", self._missing), ("cut", self._cut)):
                self.bought.pop(name, None)
                if keys:
                    self.bought[name] = len(keys)

    def _key(self, text: str) -> bytes:
        about = f"{self.name}\0{self.address.dimensions}\0{text}"
        return hashlib.sha256(about.encode("utf-8", "surrogatepass")).digest()
