"""Vectors from an OpenAI-compatible `/embeddings` endpoint; what was paid for is kept and never asked for again.

`--embedder https://api.openai.com/v1#text-embedding-3-small`; behind the model's name `?dimensions=256` asks for
fewer dimensions and `?price=0.02` says what a million tokens costs, so that the report tells the cost. The key is read
from AUDITOR_EMBEDDING_KEY, or else OPENAI_API_KEY, and goes into the request's header and nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import numpy.typing as npt

from auditor.annotators.embedders import dense
from auditor.core.secrets import MASK, redact
from auditor.model.errors import AuditorError, ConfigError
from auditor.model.rows import Strings
from auditor.model.vectors import Floats

BATCH = 128
"""Texts of a request (OpenAI takes 2,048, small servers fewer)."""

TOGETHER = 4
"""Requests under way at a time."""

ATTEMPTS, PATIENCE = 8, 600.0
"""Tries of a request, and seconds for all of them together."""

TIMEOUT = 60.0
"""Seconds of silence after which a server is taken for dead."""

LARGEST = 1 << 28
"""Bytes of an answer: 128 vectors of 65,536 numbers in full are less."""

REFUSAL, SAID = 4096, 200
"""Bytes of a refusal that are read, and characters of it that are told."""

SEAL = 8
"""Bytes of the digest that a vector is kept with."""

KEYS = ("AUDITOR_EMBEDDING_KEY", "OPENAI_API_KEY")


@dataclass(frozen=True, slots=True)
class Address:
    """base: URL up to /v1. dimensions: asked for, or None. price: of a million tokens, or None."""

    base: str
    model: str
    dimensions: int | None
    price: float | None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises ConfigError for an address that does not say which model, or has a key in it."""
        base, _, rest = text.partition("#")
        model, _, query = rest.partition("?")
        try:
            parts = urlsplit(base)
            host = parts.hostname and (parts.port or True)
        except ValueError as error:
            raise ConfigError(f"not an address: {error}", seen=redact(base), wanted="https://HOST/v1#MODEL") from None
        if parts.password or parts.username or parts.query:
            raise ConfigError(
                "an embedder's address holds no key", seen=redact(base), hint=f"put the key into {KEYS[0]}"
            )
        if not host:
            raise ConfigError("an address without a host", seen=redact(base), wanted="https://HOST/v1#MODEL")
        if not model:
            raise ConfigError(
                "which model of the endpoint?", seen=redact(text), wanted="https://HOST/v1#MODEL", hint="append #MODEL"
            )
        given = parse_qs(query)
        unknown = set(given) - {"dimensions", "price"}
        try:
            dimensions = int(given["dimensions"][0]) if "dimensions" in given else None
            price = float(given["price"][0]) if "price" in given else None
        except ValueError as error:
            raise ConfigError("not a number", seen=redact(query), wanted="?dimensions=256&price=0.02") from error
        if unknown:
            raise ConfigError(f"unknown option {min(unknown)!r}", seen=redact(query), wanted="dimensions, price")
        return cls(base.rstrip("/"), model, dimensions, price)


class Endpoint:
    """name: the address without its options. bought: texts, tokens and, by the address's price, cost of what was asked
    for since it was made. Interrupted at any point, the next run asks only for what is missing."""

    threads = False  # requests go out together from here
    blind = "whatever its model does not see; a model behind an address may be exchanged without notice"

    def __init__(self, address: Address, store: Path) -> None:
        self.address = address
        self.name = f"{address.base}#{address.model}"
        self.bought: dict[str, Any] = {"texts": 0, "tokens": 0} | ({} if address.price is None else {"cost": 0.0})
        self._store = _Store(store)
        self._lock = threading.Lock()

    @cached_property
    def dimension(self) -> int:
        return len(self._vectors(["dimension"])[0])

    @property
    def revision(self) -> str:
        return f"{self.address.dimensions or 'whole'}-{self.dimension}"

    def embed(self, texts: Strings) -> Floats:
        return dense.embedded(texts, self.dimension, self._encoded)

    def cosines(self, left: Strings, right: Strings) -> npt.NDArray[np.float64]:
        return dense.cosines(self.embed, left, right)

    def _encoded(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        vectors = self._vectors(texts)
        sizes = {len(vector) for vector in vectors} - {self.dimension}
        if sizes:
            raise AuditorError(
                "the embedder's dimension changed",
                seen=f"{min(sizes)}",
                wanted=f"{self.dimension}, as in what it answered before",
                hint="another model answers under this name: delete .auditor/answers/embeddings.db to ask it for all",
            )
        return np.stack(vectors)

    def _vectors(self, texts: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        keys = [self._key(text) for text in texts]
        known = self._store.get(keys)
        missing = list(dict.fromkeys(place for place, key in enumerate(keys) if key not in known))
        first = {keys[place]: place for place in reversed(missing)}
        wanted = sorted(first.values())
        batches = [wanted[at : at + BATCH] for at in range(0, len(wanted), BATCH)]
        with ThreadPoolExecutor(TOGETHER) as pool, self._client() as client:
            asked = [pool.submit(self._ask, client, [texts[place] for place in batch]) for batch in batches]
            try:
                for batch, answer in zip(batches, asked, strict=True):
                    made = dict(zip([keys[place] for place in batch], answer.result(), strict=True))
                    self._store.put(made)
                    known |= made
            except BaseException:
                for one in asked:
                    one.cancel()
                # What is under way is paid for: keep it.
                for batch, one in zip(batches, asked, strict=True):
                    if not one.cancelled() and one.exception() is None:
                        self._store.put(dict(zip([keys[place] for place in batch], one.result(), strict=True)))
                raise
        return [known[key] for key in keys]

    def _ask(self, client: Any, texts: list[str]) -> list[npt.NDArray[np.float32]]:
        import httpx2
        import stamina

        body: dict[str, Any] = {"model": self.address.model, "input": texts, "encoding_format": "float"}
        if self.address.dimensions:
            body["dimensions"] = self.address.dimensions
        try:
            for attempt in stamina.retry_context(_again, attempts=ATTEMPTS, timeout=PATIENCE, wait_max=30.0):
                with attempt:
                    return self._read(_answer(client, body), len(texts))
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            said = "".join(getattr(error, "__notes__", ()))
            raise AuditorError(
                f"the embedder answered {status}{said and ': '}{said}", seen=self.name, hint=_mend(status)
            ) from None
        except httpx2.HTTPError as error:
            raise AuditorError(
                f"the embedder cannot be reached: {type(error).__name__}",
                seen=self.name,
                hint="run again: what was answered is kept",
            ) from None
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise AuditorError(
                "the embedder's answer is not what /embeddings gives",
                seen=f"{type(error).__name__}: {str(error)[:120]}",
                wanted='{"data": [{"index": 0, "embedding": [...]}, ...]}',
            ) from None
        raise AssertionError  # `retry_context` returns or raises

    def _read(self, answer: Any, wanted: int) -> list[npt.NDArray[np.float32]]:
        rows = sorted(answer["data"], key=lambda one: int(one["index"]))
        if [int(one["index"]) for one in rows] != list(range(wanted)):
            raise ValueError(f"{len(rows)} vectors for {wanted} texts")
        with np.errstate(over="ignore"):  # what no float32 holds is found below
            vectors = [np.array(one["embedding"], np.float32) for one in rows]
        if len({vector.shape for vector in vectors}) != 1 or vectors[0].ndim != 1 or not vectors[0].size:
            raise ValueError("vectors of different shapes")
        if not all(np.isfinite(vector).all() for vector in vectors):  # kept, it would stand in the way of every run
            raise ValueError("NaN or infinity in a vector")
        tokens = int((answer.get("usage") or {}).get("total_tokens") or 0)
        with self._lock:
            self.bought["texts"] += wanted
            self.bought["tokens"] += tokens
            if self.address.price is not None:
                self.bought["cost"] = self.bought["tokens"] * self.address.price / 1e6
        return vectors

    def _client(self) -> Any:
        import httpx2

        key = _own_key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return httpx2.Client(base_url=self.address.base + "/", headers=headers, timeout=TIMEOUT)

    def _key(self, text: str) -> bytes:
        about = f"{self.name}\0{self.address.dimensions}\0{text}"
        return hashlib.sha256(about.encode("utf-8", "surrogatepass")).digest()


def _own_key() -> str | None:
    return next((value for name in KEYS if (value := os.environ.get(name))), None)


def _mend(status: int) -> str:
    """What helps against a status that no more tries were made against."""
    if status in (401, 403):
        return f"set {KEYS[0]} or {KEYS[1]}"
    if _passes(status):
        return "run again: what was answered is kept"
    return "see to what it names (model, address, quota): what was answered is kept"


def _passes(status: int) -> bool:
    return status == 429 or status >= 500


def _answer(client: Any, body: dict[str, Any]) -> Any:
    """The JSON that a request is answered with. Raises httpx2.HTTPError, ValueError for what is none or is endless."""
    import httpx2

    end = time.monotonic() + PATIENCE
    with client.stream("POST", "embeddings", json=body) as answer:
        try:
            answer.raise_for_status()
        except httpx2.HTTPStatusError as error:
            error.add_note(_words(answer, end))
            raise
        content = bytearray()
        for part in answer.iter_bytes():
            content += part
            if len(content) > LARGEST:
                raise ValueError(f"more than {LARGEST:,} bytes")
            if time.monotonic() > end:  # each part in time, the whole never
                raise httpx2.ReadTimeout(f"no end after {PATIENCE:g} s")
    return json.loads(content)


def _words(answer: Any, end: float) -> str:
    """What a server says of its refusal: a line of at most SAID characters, without our key or a part of it."""
    import httpx2

    content = bytearray()
    with suppress(httpx2.HTTPError):
        for piece in answer.iter_bytes(REFUSAL):
            content += piece
            if len(content) >= REFUSAL or time.monotonic() > end:
                break
    text = bytes(content[:REFUSAL]).decode("utf-8", "replace")
    with suppress(ValueError, RecursionError):
        said: Any = json.loads(text)
        for name in ("error", "message", "detail"):
            said = said.get(name, said) if isinstance(said, dict) else said
        text = said if isinstance(said, str) else text
    key = _own_key()
    if key:  # OpenAI repeats a wrong key's first and last characters
        parts = (key[:6], key[-4:])
        text = " ".join(MASK if any(part in word for part in parts) else word for word in text.split())
    line = " ".join(redact(text).split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= SAID else line[: SAID - 1] + "…"


def _again(error: Exception) -> bool | float:
    """Whether to try again; a server that says when is believed."""
    import httpx2

    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        if not _passes(status):
            return False
        after = error.response.headers.get("retry-after", "")
        return min(float(after), 60.0) if after.isascii() and after.replace(".", "", 1).isdigit() else True
    return isinstance(error, httpx2.TransportError)


class _Store:
    """Vectors by the hash of what was asked for, in SQLite: durable as soon as they are answered.

    A vector is kept with a digest of it and of what was asked: one that a fault of the disk altered is asked for again.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._lock = path, threading.Lock()
        with self._whole():
            self._open = sqlite3.connect(path, check_same_thread=False, timeout=60)
            self._open.execute("PRAGMA journal_mode=WAL")
            self._open.execute("CREATE TABLE IF NOT EXISTS vectors (asked BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def get(self, keys: Sequence[bytes]) -> dict[bytes, npt.NDArray[np.float32]]:
        found = {}
        with self._whole(), self._lock:
            for key in keys:
                row = self._open.execute("SELECT vector FROM vectors WHERE asked = ?", (key,)).fetchone()
                if row and row[0][-SEAL:] == _seal(key, row[0][:-SEAL]):
                    found[key] = np.frombuffer(row[0][:-SEAL], "<f4")
        return found

    def put(self, made: dict[bytes, npt.NDArray[np.float32]]) -> None:
        content = [(key, vector.astype("<f4").tobytes()) for key, vector in made.items()]
        rows = [(key, vector + _seal(key, vector)) for key, vector in content]
        with self._whole(), self._lock, self._open:
            self._open.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)

    @contextmanager
    def _whole(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            raise AuditorError(
                f"vectors that were paid for cannot be read or kept: {error}",
                file=str(self._path),
                hint="a damaged file has to be deleted: what it held is asked for again",
            ) from error


def _seal(key: bytes, vector: bytes) -> bytes:
    return hashlib.blake2b(key + vector, digest_size=SEAL).digest()
