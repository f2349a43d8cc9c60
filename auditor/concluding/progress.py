"""What is going on, told as it goes; how long each stage took, where, and by which command."""

from __future__ import annotations

import contextlib
import datetime as dt
import platform
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from auditor import trackers
from auditor.core.measure import Advance, unwatched
from auditor.model.result import Measured


class Progress(Protocol):
    """Told what is going on: `with progress.stage("read") as advance: advance(done, total)`."""

    def stage(self, name: str) -> AbstractContextManager[Advance]: ...


class Silent:
    """Nobody is watching."""

    stage = staticmethod(unwatched)


class Clock:
    """Keeps the seconds of each stage, and says where and when the audit ran."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._begun = time.perf_counter()
        self._started = dt.datetime.now(dt.UTC)
        self._seconds: dict[str, float] = {}
        self._inner = 0.0

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Advance]:
        """A stage may open another: its own time is without the inner one's."""
        begun, outer, self._inner = time.perf_counter(), self._inner, 0.0
        with self._progress.stage(name) as advance:
            yield advance
        seconds = time.perf_counter() - begun
        self._seconds[name] = self._seconds.get(name, 0.0) + seconds - self._inner
        self._inner = outer + seconds

    def run(self, measured: Sequence[Measured], places: Mapping[str, Path]) -> dict[str, Any]:
        return {
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.perf_counter() - self._begun, 3),
            "host": socket.gethostname(),
            "python": platform.python_version(),
            "platform": platform.platform(),
            "command": [trackers.redact(word) for word in (Path(sys.argv[0]).name, *sys.argv[1:])],
            "stages": {name: round(seconds, 3) for name, seconds in self._seconds.items()},
            "checks": {
                m.check: {
                    "seconds": round(m.seconds, 3),
                    "rows_per_second": round(m.rows / m.seconds) if m.seconds > 0 else None,
                }
                for m in measured
            },
            "paths": {name: str(path) for name, path in places.items()},
        }
