"""Texts -> requests of a bearable size -> vectors, several requests at a time, each answer kept as it arrives.

A request that is refused for what is in it is halved, down to the one text at fault; a text that is too long for the
model is halved as well, and counted.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from auditor.annotators.embedders.asking import Answer, Refused, Stopped
from auditor.model.vectors import Floats

BATCH, TOKENS = 128, 100_000
"""Texts of a request, and tokens of them by our estimate (OpenAI takes 2,048 and 300,000, small servers fewer)."""

TOGETHER = 4
"""Requests under way at a time."""

GRACE = 10.0
"""Seconds in which what is under way may still be answered, and kept, once all is over."""

LEAST = 64
"""Tokens of a text that no model finds too long: its refusal is for something else."""

PLAIN, OTHER = 0.25, 0.4
"""Tokens a byte: four letters of English a token (OpenAI's rule of thumb); 1.2 tokens a Chinese character of three
bytes, as its cl100k vocabulary has it."""

Batch = list[tuple[bytes, str]]


class Purchase:
    """One round of buying. made: vector by key, of what `take` found sound. cut: keys of texts that were shortened.

    ask(texts, stop): one request. take(batch, answer): keeps what is sound, and returns it; raises to end the round.
    """

    def __init__(
        self,
        ask: Callable[[list[str], threading.Event], Answer],
        take: Callable[[Batch, Answer], Mapping[bytes, Floats]],
        name: str,
    ) -> None:
        self.made: dict[bytes, Floats] = {}
        self.cut: set[bytes] = set()
        self._ask, self._take, self._name = ask, take, name
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._lock = threading.Lock()

    def run(self, batches: Iterable[Batch]) -> None:
        """Returns when all are answered; raises the first error once what was under way is kept, as far as it came
        within GRACE: also where this thread is interrupted."""
        todo = deque(batches)
        # Daemons: nobody waits for a silent server at the end of the process.
        workers = [
            threading.Thread(target=self._work, args=(todo,), daemon=True) for _ in range(min(TOGETHER, len(todo)))
        ]
        try:
            for worker in workers:
                worker.start()
            for worker in workers:
                while worker.is_alive() and not self._stop.is_set():
                    worker.join(0.2)
        except BaseException:
            self._stop.set()
            raise
        finally:
            if self._stop.is_set():
                end = time.monotonic() + GRACE
                for worker in workers:
                    if worker.ident is not None:
                        worker.join(max(0.0, end - time.monotonic()))
        if self._errors:
            raise self._errors[0]

    def _work(self, todo: deque[Batch]) -> None:
        try:
            while todo and not self._stop.is_set():
                try:
                    batch = todo.popleft()
                except IndexError:
                    return
                self._buy(batch)
        except Stopped:
            return
        except BaseException as error:  # noqa: BLE001  raised again by `run`
            self._errors.append(error)
            self._stop.set()

    def _buy(self, batch: Batch) -> None:
        if self._stop.is_set():
            return
        try:
            answer = self._ask([text for _, text in batch], self._stop)
        except Refused as refused:
            if len(batch) > 1:
                middle = len(batch) // 2
                self._buy(batch[:middle])
                self._buy(batch[middle:])
                return
            key, text = batch[0]
            if tokens_of(text) <= LEAST:
                raise refused.naming(text, self._name) from None
            with self._lock:
                self.cut.add(key)
            self._buy([(key, text[: len(text) // 2])])
            return
        made = self._take(batch, answer)
        with self._lock:
            self.made.update(made)


def batches(wanted: Mapping[bytes, str]) -> Iterable[Batch]:
    """In the order given, each of at most BATCH texts and TOKENS tokens, or of one text."""
    batch: Batch = []
    room = 0.0
    for key, text in wanted.items():
        tokens = tokens_of(text)
        if batch and (len(batch) == BATCH or tokens > room):
            yield batch
            batch = []
        if not batch:
            room = TOKENS
        batch.append((key, text))
        room -= tokens
    if batch:
        yield batch


def tokens_of(text: str) -> float:
    """An estimate, for most languages a little above what a vocabulary of 100,000 pieces makes of the text."""
    plain = len(text.encode("ascii", "ignore"))
    return 1 + PLAIN * plain + OTHER * (len(text.encode("utf-8", "surrogatepass")) - plain)


def shortened(text: str, tokens: int) -> str:
    """As much of the text as is estimated to have no more tokens."""
    if tokens_of(text) <= tokens:
        return text
    points: npt.NDArray[Any] = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")
    size = 1 + (points > 0x7F) + (points > 0x7FF).astype(np.int64) + (points > 0xFFFF)
    spent = 1 + np.cumsum(np.where(points > 0x7F, OTHER * size, PLAIN))
    return text[: max(1, int(np.searchsorted(spent, tokens, side="right")))]
