"""Material to judge, and the run of it by itself: `python -m tests.judging.asked URL STORE OUT N [RPM]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from auditor.judging import prompts, recording, running
from auditor.judging.judges import Judge
from auditor.judging.questions import Item, Material, Seat
from auditor.judging.store import Store


def material(count: int, outputs: int = 2) -> Material:
    def items() -> Iterator[Item]:
        for number in range(count):
            texts = (f"left {'x' * (number % 7)} {number}", f"rite {'y' * (number % 5)} {number}")
            yield Item(f"q{number}", f"question {number}", texts[:outputs], ("left", "right")[:outputs])

    return Material(items, count, outputs)


def seat(url: str, prompt: str = "pairwise", repeats: int = 1, **more: object) -> Seat:
    judge = Judge(endpoint=url, model="longest-1", **{"name": "longest", "price_in": 1.0, "price_out": 10.0, **more})  # type: ignore[arg-type]
    return Seat(judge, prompts.load(prompt), repeats)


def main(url: str, store: str, out: str, count: str, rpm: str | None = None) -> None:
    kept = Store(Path(store))
    seats = [seat(url) if rpm is None else seat(url, rpm=float(rpm), concurrency=16)]
    running.run(material(int(count)), seats, kept)
    recording.write(Path(out), material(int(count)), seats, kept)
    kept.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
