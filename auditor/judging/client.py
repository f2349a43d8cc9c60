"""One OpenAI-compatible `/chat/completions`, asked at its own pace.

Requests of one endpoint and model share a lane: its limits a minute, its requests under way, and its circuit
breaker. What passes by itself (429, 408, 5xx, a time-out, a cut or garbled answer) is waited out; a refused key or
model stops the lane at once; a request that the server will not take (400, 413, 422 …) is an answer of its own, told
as such.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from auditor.core import waiting
from auditor.judging.judges import Judge, called, key_of
from auditor.model.errors import AuditorError

__all__ = ["Lane", "Pace", "Refused", "Said", "expected", "tokens_of"]

ATTEMPTS, PATIENCE = 8, 600.0
"""Tries of a request, and seconds for all of them together (as for embeddings)."""

WAIT_MAX = 30.0
"""Seconds between two tries at most, where the server does not say."""

BREAKER = 5
"""Requests given up in a row, with no answer between them, after which nobody is asked any more."""

SLACK = 0.25
"""Seconds of its pace that a lane may catch up after it was late: timers are."""

_ALL = (401, 402, 403, 404, 405, 410)
"""Refusals that are not of this one request: the key, the account, the address or the model's name."""

_CUT = 300
_SAYING_WHEN = 120.0


class Refused(AuditorError):
    """The server does not take this one request. status: HTTP 4xx. raw: what it said, without the key."""

    def __init__(self, status: int, raw: bytes) -> None:
        self.status, self.raw = status, raw
        super().__init__(f"HTTP {status}: {raw[:_CUT].decode('utf-8', 'replace')}")


class _Passing(Exception):
    """An answer that is none, and may be one at the next try. after: seconds that the server asks for."""

    def __init__(self, why: str, after: float | None = None) -> None:
        self.after = after
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Said:
    """text: of the message. raw: the whole body. tokens: as the server counted, or else as we guess."""

    text: str
    raw: bytes
    tokens_in: int
    tokens_out: int


class Pace:
    """So many units a minute, evenly (the generic cell rate algorithm, ITU-T I.371): never a burst of more than SLACK
    seconds' worth, so that any minute of the server's has no more than the rate, and what is missing is under 1 %.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._gap, self._clock = 60.0 / per_minute, clock
        self._next: float | None = None

    def take(self, amount: float = 1.0) -> float:
        """Seconds to wait before going on with `amount` units."""
        now = self._clock()
        at = now if self._next is None else max(self._next, now - SLACK)
        self._next = at + amount * self._gap
        return max(0.0, at - now)

    def settle(self, difference: float) -> None:
        """So many units more (or fewer) were used than taken."""
        if self._next is not None:
            self._next += difference * self._gap


class Lane:
    """Everything that is asked of one endpoint and model. judges: those who share it; the least limit holds.

    Use as `async with lane:`; `ask` raises Refused, or AuditorError where nobody should be asked any more.
    """

    def __init__(self, judges: tuple[Judge, ...]) -> None:
        self.judge, self.name = judges[0], ", ".join(judge.name for judge in judges)
        self.concurrency = min(judge.concurrency for judge in judges)
        rpm = [judge.rpm for judge in judges if judge.rpm]
        tpm = [judge.tpm for judge in judges if judge.tpm]
        self._requests = Pace(min(rpm)) if rpm else None
        self._tokens = Pace(min(tpm)) if tpm else None
        self._keys = {judge.name: key_of(judge) for judge in judges}
        self._callable: Callable[[Mapping[str, Any]], Any] | None = (
            called(self.judge) if self.judge.entry_point else None
        )
        self._client: Any = None
        self._held = 0.0
        self._given_up = 0
        self._stopped: AuditorError | None = None
        self.retries = 0

    async def __aenter__(self) -> Lane:
        if self._callable is None:
            import httpx2

            most = httpx2.Limits(max_connections=self.concurrency, max_keepalive_connections=self.concurrency)
            self._client = httpx2.AsyncClient(base_url=self.judge.endpoint + "/", limits=most)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.aclose()

    @property
    def stopped(self) -> bool:
        return self._stopped is not None

    def stop(self, why: AuditorError) -> None:
        """Nobody is asked any more; the first reason counts."""
        self._stopped = self._stopped or why

    async def ask(self, judge: Judge, body: Mapping[str, Any]) -> Said:
        import httpx2
        import stamina

        read, written = expected(body)
        try:
            async for attempt in stamina.retry_context(
                self._again, attempts=ATTEMPTS, timeout=PATIENCE, wait_max=WAIT_MAX
            ):
                with attempt:
                    self.retries += attempt.num > 1
                    await self._turn(read + written)
                    said = await (self._call(body) if self._callable else self._post(judge, body))
                    if self._tokens:
                        self._tokens.settle(said.tokens_in + said.tokens_out - read - written)
                    self._given_up = 0
                    return said
        except Refused as refused:
            if refused.status in _ALL:
                failed = self._turned_away(judge, refused)
                self.stop(failed)
                raise failed from None
            self._given_up = 0  # somebody is there
            raise
        except (_Passing, httpx2.HTTPError) as error:
            self._given_up += 1
            failed = self._failed(error)
            if self._given_up >= BREAKER:
                self.stop(failed)
            raise failed from None
        raise AssertionError  # `retry_context` returns or raises

    async def _turn(self, tokens: int) -> None:
        """Wait for the lane's pace, and for as long as the server asked everybody to."""
        wait = max(self._requests.take() if self._requests else 0.0, self._tokens.take(tokens) if self._tokens else 0.0)
        if wait:
            await asyncio.sleep(wait)
        while (held := self._held - time.monotonic()) > 0:
            await asyncio.sleep(held)
        if self._stopped:
            raise self._stopped

    async def _post(self, judge: Judge, body: Mapping[str, Any]) -> Said:
        key = self._keys[judge.name]
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            async with asyncio.timeout(judge.timeout):  # of the whole answer: httpx2's own are of each read
                answer = await self._client.post("chat/completions", json=body, headers=headers, timeout=None)
        except TimeoutError:
            raise _Passing(f"no answer within {judge.timeout:g} seconds") from None
        raw = answer.content if not key else answer.content.replace(key.encode(), b"***")
        status = answer.status_code
        if status in {408, 429} or status >= 500:
            after = waiting.after(answer.headers, _SAYING_WHEN)
            if status == 429 and after:
                self._held = max(self._held, time.monotonic() + after)
            raise _Passing(f"HTTP {status} {raw[:_CUT].decode('utf-8', 'replace')}".strip(), after)
        if status != 200:
            raise Refused(status, raw)
        return _said(raw, body)

    async def _call(self, body: Mapping[str, Any]) -> Said:
        assert self._callable is not None
        try:
            text = await asyncio.to_thread(self._callable, body)
            if not isinstance(text, str):
                raise TypeError(f"it returned {type(text).__name__}, and not the answer's text")
        except Exception as error:
            failed = self._failed(error)
            self.stop(failed)
            raise failed from error
        read, _ = expected(body)
        return Said(text, text.encode("utf-8", "replace"), read, tokens_of(text))

    def _again(self, error: Exception) -> bool | float:
        import httpx2

        if self._stopped or self._callable:
            return False
        if isinstance(error, _Passing):
            return True if error.after is None else error.after
        return isinstance(error, httpx2.TransportError | httpx2.DecodingError)

    def _failed(self, error: Exception) -> AuditorError:
        return AuditorError(
            f"{self.name} gave no answer: {self._veiled(str(error) or type(error).__name__)[:_CUT]}",
            seen=self.judge.endpoint,
            hint="run again: what was answered is kept, and the rest is asked for",
        )

    def _turned_away(self, judge: Judge, refused: Refused) -> AuditorError:
        if refused.status in (401, 403):
            what = f"{judge.name}: the key was refused (HTTP {refused.status})"
            hint = f"look at {judge.key}" if judge.key else f"name the variable of its key in 'key' of {judge.name}"
        else:
            what = f"{judge.name}: the endpoint answered {refused}"
            hint = f"look at 'endpoint' and 'model' ({judge.model}) of {judge.name}"
        return AuditorError(what, seen=judge.endpoint, hint=hint)

    def _veiled(self, text: str) -> str:
        for key in filter(None, self._keys.values()):
            text = text.replace(key, "***")
        return text


def tokens_of(text: str) -> int:
    """A guess, before a server has counted: four characters of ASCII a token (OpenAI's rule of thumb for English), and
    each other character one."""
    plain = len(text.encode("ascii", "ignore"))
    return plain // 4 + (len(text) - plain) + 1


def expected(body: Mapping[str, Any]) -> tuple[int, int]:
    """Tokens read and at most written."""
    most = body.get("max_tokens") or body.get("max_completion_tokens") or 0
    return sum(tokens_of(turn["content"]) + 4 for turn in body["messages"]), int(most)


def _said(raw: bytes, body: Mapping[str, Any]) -> Said:
    import orjson

    try:
        answer = orjson.loads(raw)
        message = answer["choices"][0]["message"]
        content = message.get("content")
        if isinstance(content, list):  # parts, as some servers have it
            content = "".join(part.get("text") or "" for part in content)
        text = content if content is not None else message.get("refusal") or ""
        if not isinstance(text, str):
            raise TypeError(f"content is {type(text).__name__}")
        usage = answer.get("usage") or {}
        read, written = int(usage.get("prompt_tokens") or 0), int(usage.get("completion_tokens") or 0)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise _Passing(f"not what /chat/completions gives: {type(error).__name__}: {str(error)[:120]}") from None
    return Said(text, raw, read or expected(body)[0], written or tokens_of(text))
