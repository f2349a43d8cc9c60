"""Asking the judges of a poll, until the interval is narrow enough or all is asked; what they said is written down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from auditor.asking.polling import Poll, Wanted
from auditor.concluding import Progress
from auditor.core.intervals import wilson
from auditor.judging import recording, running
from auditor.judging.questions import Material, Seat
from auditor.judging.running import Estimate, Tally
from auditor.judging.store import Store
from auditor.registry.workspace import Workspace

STORE = "judgments.db"

FIRST_LOOK, GROWTH = 50, 1.5
"""Items before the first look at the interval, and by how much each look has more."""


@dataclass(frozen=True, slots=True)
class Asked:
    """How it went. verdicts: how many of each. items: that were judged in the end. started, ended: ISO times."""

    tally: Tally
    verdicts: Mapping[str, int]
    items: int
    started: str
    ended: str


def estimates(poll: Poll, workspace: Workspace) -> list[tuple[Seat, Estimate]]:
    """What a run would ask and cost at most; nobody is asked."""
    store = Store(workspace.answers / STORE)
    try:
        return [(seat, running.estimate(poll.material, seat, store)) for seat in poll.seats]
    finally:
        store.close()


def ask(
    poll: Poll,
    out: Path,
    wanted: Wanted,
    workspace: Workspace,
    progress: Progress,
    say: Callable[[str], None] = lambda words: None,
) -> Asked:
    """Ask, and write the verdicts to `out`: whole, or not at all. Interrupted, it goes on where it was."""
    tally, started = Tally(), _now()
    with workspace.lock("judging"):
        store = Store(workspace.answers / STORE)
        try:
            material = poll.material
            with progress.stage("judge") as advance:
                for count in _looks(material.count, wanted.stop):
                    part = material.first(count)
                    running.run(
                        part, poll.seats, store, budget=_left(wanted.budget, tally), advance=advance, say=say,
                        tally=(now := Tally()),
                    )  # fmt: skip
                    tally = _together(tally, now)
                    if wanted.stop and wanted.precision and _narrow(part, poll.seats, store, wanted.precision):
                        material = part
                        break
            with progress.stage("write"):
                verdicts = recording.write(out, material, poll.seats, store)
        finally:
            store.close()
    return Asked(tally, verdicts, material.count, started, _now())


def _looks(count: int, stop: bool) -> Iterator[int]:
    """Items at each look: one at the end, or several on the way there."""
    look = float(FIRST_LOOK)
    while stop and look < count:
        yield int(look)
        look *= GROWTH
    yield count


def _narrow(material: Material, seats: Sequence[Seat], store: Store, precision: float) -> bool:
    """Whether every judge's win rate of A, over the pairs that it decided alike in both orders, is known as well as
    wanted. The width is looked at and not where the rate lies, so that looking often does not bias the rate
    (Chow and Robbins 1965, Annals of Mathematical Statistics 36:457-462)."""
    for seat in seats:
        wins, decided = recording.decided(material, seat, store)
        if not decided:
            return False
        low, high = wilson(wins, decided)
        if (high - low) / 2 > precision:
            return False
    return True


def _left(budget: float | None, tally: Tally) -> float | None:
    return None if budget is None else budget - tally.cost


def _together(before: Tally, now: Tally) -> Tally:
    """Of two looks: the later one has answers of the earlier one as well."""
    return replace(
        now,
        before=max(0, now.before - (before.done - before.before)),
        retries=before.retries + now.retries,
        tokens_in=before.tokens_in + now.tokens_in,
        tokens_out=before.tokens_out + now.tokens_out,
        cost=before.cost + now.cost,
    )


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
