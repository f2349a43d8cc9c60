"""One `/embeddings` of the OpenAI kind, asked for the vectors of a few texts at a time.

What passes by itself (429, 408, 5xx, a lost connection) is waited out and told; a request that the server will not
take as it is (400, 413, 422) is `Refused`, for whoever asks to make it smaller; whatever else ends everything (`Down`).
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from auditor.annotators.embedders.address import Address
from auditor.annotators.embedders.dense import beginning
from auditor.core import waiting
from auditor.core.secrets import MASK, redact
from auditor.model.errors import AuditorError
from auditor.model.vectors import Floats

_log = logging.getLogger("auditor.embeddings")

ATTEMPTS, PATIENCE = 8, 600.0
"""Tries of a request, and seconds for all of them together."""

WAIT, LONGEST = 0.25, 120.0
"""Seconds before the second try, doubled before each further one; and at most, if a server says how long."""

NEWS = 10.0
"""Seconds between two lines about waiting."""

TIMEOUT = 60.0
"""Seconds of silence after which a server is taken for dead."""

LARGEST = 1 << 28
"""Bytes of an answer: 128 vectors of 65,536 numbers in full are less."""

REFUSAL, SAID = 4096, 200
"""Bytes of a refusal that are read, and characters of it that are told."""

SIZE = (400, 413, 422)
"""Refusals that may be of this one request: too many texts or tokens in it, or in a text."""


class Down(AuditorError):
    """Nothing more is to be had of the embedder in this run."""


class Refused(AuditorError):
    """The server does not take these texts as they are."""

    def naming(self, text: str, name: str) -> AuditorError:
        """As told of the one text that is left."""
        return AuditorError(self.message, seen=f"{beginning(text)} at {name}", hint=self.hint)


class Stopped(Exception):
    """What was waited for is not wanted any more."""


class _Passing(Exception):
    """No answer, and perhaps one at the next try. after: seconds that the server asks for. all: of everybody."""

    def __init__(self, why: str, after: float | None = None, all: bool = False) -> None:  # noqa: A002
        self.after, self.all = after, all
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Answer:
    """vectors: float32, one a text, as they came. tokens: as the server counted, 0 where it did not."""

    vectors: list[Floats]
    tokens: int


class Server:
    """An endpoint in use: by several threads, all of which wait where one of them is told that it is too many (429)."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._held, self._told = 0.0, -NEWS
        self._client: Any = None
        self._key = _key_of(address)

    @contextmanager
    def connected(self) -> Iterator[None]:
        import httpx2

        self._key = _key_of(self._address)
        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        with httpx2.Client(base_url=self._address.base + "/", headers=headers, timeout=TIMEOUT) as self._client:
            yield

    def ask(self, texts: list[str], stop: threading.Event) -> Answer:
        """Raises Refused, Down, and Stopped where `stop` is set while it waits."""
        body: dict[str, Any] = {"model": self._address.model, "input": texts, "encoding_format": "float"}
        if self._address.dimensions:
            body["dimensions"] = self._address.dimensions
        end = time.monotonic() + PATIENCE
        for tried in range(1, ATTEMPTS + 1):
            while (held := self._held - time.monotonic()) > 0:
                if stop.wait(held):
                    raise Stopped
            try:
                return self._read(self._post(body), len(texts))
            except _Passing as passing:
                wait = WAIT * 2 ** (tried - 1) if passing.after is None else passing.after
                now = time.monotonic()
                if tried == ATTEMPTS or now + wait > end:
                    raise Down(
                        f"the embedder {passing}", seen=self._address.name, hint="run again: what was answered is kept"
                    ) from None
                if passing.all:
                    self._held = max(self._held, now + wait)
                if now - self._told >= NEWS:
                    self._told = now
                    _log.warning(
                        "the embedder %s; trying again in %.3g s (try %d of %d)", passing, wait, tried + 1, ATTEMPTS
                    )
                if stop.wait(wait):
                    raise Stopped from None
        raise AssertionError  # the last try returns or raises

    def _post(self, body: Mapping[str, Any]) -> bytes:
        """The answer to one request. Raises _Passing, Refused, Down."""
        import httpx2

        end = time.monotonic() + PATIENCE
        try:
            with self._client.stream("POST", "embeddings", json=body) as answer:
                if answer.status_code == 200:
                    return _content(answer, end)
                said = _words(answer, end, self._key)
        except httpx2.HTTPError as error:
            raise _Passing(f"cannot be reached: {type(error).__name__}") from None
        status = answer.status_code
        what = f"answered {status}{said and ': '}{said}"
        if status in (408, 429) or status >= 500:
            raise _Passing(what, waiting.after(answer.headers, LONGEST), all=status == 429)
        if status in (401, 403):
            raise Down(f"the embedder {what}", seen=self._address.name, hint=f"set {' or '.join(self._address.keys)}")
        hint = "see to what it names (model, address, quota): what was answered is kept"
        raise (Refused if status in SIZE else Down)(f"the embedder {what}", seen=self._address.name, hint=hint)

    def _read(self, content: bytes, wanted: int) -> Answer:
        try:
            answer = json.loads(content)
        except ValueError as error:  # cut short, or of a proxy on the way
            raise _Passing(f"gave an answer that is no JSON: {str(error)[:120]}") from None
        except RecursionError as error:
            raise _strange(str(error)) from None
        try:
            rows = sorted(answer["data"], key=lambda one: int(one["index"]))
            if [int(one["index"]) for one in rows] != list(range(wanted)):
                raise ValueError(f"{len(rows)} vectors for {wanted} texts")
            with np.errstate(over="ignore"):  # what no float32 holds is infinity, and told as that
                vectors = [np.array(one["embedding"], np.float32) for one in rows]
            if not all(vector.ndim == 1 and vector.size for vector in vectors):
                raise ValueError("an embedding that is no list of numbers")
            usage = answer.get("usage") or {}
            return Answer(vectors, int(usage.get("total_tokens") or usage.get("prompt_tokens") or 0))
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
            raise _strange(f"{type(error).__name__}: {str(error)[:120]}") from None


def _content(answer: Any, end: float) -> bytes:
    import httpx2

    content = bytearray()
    for part in answer.iter_bytes():
        content += part
        if len(content) > LARGEST:
            raise _strange(f"more than {LARGEST:,} bytes")
        if time.monotonic() > end:  # each part in time, the whole never
            raise httpx2.ReadTimeout(f"no end after {PATIENCE:g} s")
    return bytes(content)


def _strange(seen: str) -> Down:
    return Down(
        "the embedder's answer is not what /embeddings gives",
        seen=seen,
        wanted='{"data": [{"index": 0, "embedding": [...]}, ...]}',
    )


def _words(answer: Any, end: float, key: str | None) -> str:
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
    if key:  # OpenAI repeats a wrong key's first and last characters
        parts = (key[:6], key[-4:])
        text = " ".join(MASK if any(part in word for part in parts) else word for word in text.split())
    line = " ".join(redact(text).split())
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= SAID else line[: SAID - 1] + "…"


def _key_of(address: Address) -> str | None:
    return next((value.strip() for name in address.keys if (value := os.environ.get(name))), None)
