"""Reading ranges in processes of our own: Python objects are made under the GIL, so threads do not help.

Not `multiprocessing`: its children import the caller's main script again, which runs a script that
has no `if __name__ == "__main__"` a second time. A worker is `python -m auditor.readers.workers`; it
gets ranges on standard input and ends with it, so that no worker outlives a killed parent.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from auditor.model.errors import AuditorError, StorageError
from auditor.readers import jsons
from auditor.readers.shapes import Shapes
from auditor.readers.snapshot import Written

WORTH = 48 << 20
"""Bytes from which a second process pays: starting one costs about 0.4 s, and so do 20-30 MB of JSON."""


def run(
    ranges: Iterable[jsons.Range], size: int, mapping: Mapping[str, str], cache: Path, processes: int
) -> Iterator[Written]:
    """Shards of the ranges, in order. size: bytes of all, which decides whether workers are worth it."""
    if processes < 2 or size < WORTH:
        shapes = Shapes(mapping)
        for task in ranges:
            yield jsons.read(task, shapes, cache)
        return
    with ExitStack() as stack:
        free: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()
        for _ in range(processes):
            free.put(stack.enter_context(_worker(mapping, cache)))
        threads = ThreadPoolExecutor(processes)
        stack.callback(threads.shutdown, wait=False, cancel_futures=True)

        def one(task: jsons.Range) -> Written:
            worker = free.get()
            try:
                return _ask(worker, task)
            finally:
                free.put(worker)

        waiting: list[Future[Written]] = []
        for task in ranges:
            waiting.append(threads.submit(one, task))
            if len(waiting) > 2 * processes:  # a bounded number of results is in memory
                yield waiting.pop(0).result()
        for future in waiting:
            yield future.result()


@contextmanager
def _worker(mapping: Mapping[str, str], cache: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", "from auditor.readers.workers import serve; serve()"]
    # The worker must import this very package, wherever its caller found it.
    path = os.pathsep.join(part for part in sys.path if part)
    worker = subprocess.Popen(  # noqa: S603  our own interpreter and a fixed text
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
    )
    try:
        _send(worker.stdin, (dict(mapping), cache))
        yield worker
    finally:
        worker.kill()
        worker.wait()
        for pipe in (worker.stdin, worker.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:  # unsent bytes to a worker that is gone
                    continue


def _ask(worker: subprocess.Popen[bytes], task: jsons.Range) -> Written:
    try:
        _send(worker.stdin, task)
        answer = pickle.load(worker.stdout)  # type: ignore[arg-type]  # noqa: S301  our own child's pipe
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        raise StorageError(
            "a reading process ended unexpectedly",
            seen=f"exit code {worker.poll()}",
            hint="the machine may be out of memory: give fewer --threads",
        ) from error
    if isinstance(answer, _Failed):
        raise answer.error
    written: Written = answer
    return written


class _Failed:
    def __init__(self, error: AuditorError | OSError) -> None:
        self.error = error

    def __reduce__(self) -> tuple[Any, ...]:
        # An AuditorError's constructor takes other arguments than pickle's default would give it.
        error = self.error
        if isinstance(error, AuditorError):
            fields = {name: getattr(error, name) for name in ("file", "line", "seen", "wanted", "hint")}
            return (_failed, (type(error), error.message, fields))
        return (_failed, (type(error), error.errno, error.strerror))


def _failed(kind: type[Any], first: Any, second: Any) -> _Failed:
    return _Failed(kind(first, **second) if issubclass(kind, AuditorError) else kind(first, second))


def _send(pipe: Any, value: Any) -> None:
    pickle.dump(value, pipe, pickle.HIGHEST_PROTOCOL)
    pipe.flush()


def serve() -> None:
    """Read ranges from standard input, write their shards, and answer, until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing printed can end up among the answers
    mapping, cache = pickle.load(sys.stdin.buffer)  # noqa: S301  our own parent's pipe
    shapes = Shapes(mapping)
    gc.disable()  # rows are trees: counting references frees them, looking for cycles is wasted
    while True:
        try:
            task = pickle.load(sys.stdin.buffer)  # noqa: S301  same
        except EOFError:
            return
        answer: Written | _Failed
        try:
            answer = jsons.read(task, shapes, cache)
        except (AuditorError, OSError) as error:
            answer = _Failed(error)
        try:
            _send(out, answer)
        except BrokenPipeError:
            return
