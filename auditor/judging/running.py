"""Asking judges: every question in both orders and as often as wanted, each answer kept before the next is asked for.

    items -> asks (judge x repeat x order) -> store -> verdicts.jsonl, in our own format

An interrupted run goes on with the questions that the store has no answer to.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from auditor.judging.client import Lane, Refused, expected
from auditor.judging.questions import Ask, Material, Seat, about, asks, each, settled
from auditor.judging.store import Answer, Store
from auditor.model.errors import AuditorError, ConfigError

__all__ = ["Estimate", "Tally", "estimate", "run"]

HOPELESS = 20
"""Questions refused, with none answered, after which the fault is not in the questions."""

GRACE = 10.0
"""Seconds in which what is under way may still be answered, and kept, once a lane was stopped."""

NEWS = 10.0
"""Seconds between two lines about how it goes."""


@dataclass(slots=True)
class Tally:
    """How it went. done: requests with an answer, `before` of them from earlier runs. refused: that a server would
    not take. lost: given up for now. cost: of this run, by the judges' prices."""

    total: int = 0
    done: int = 0
    before: int = 0
    refused: int = 0
    lost: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """requests: still to be made. before: answered already. tokens_in: guessed; tokens_out: at most."""

    requests: int
    before: int
    tokens_in: int
    tokens_out: int
    cost: float | None


def estimate(material: Material, seat: Seat, store: Store) -> Estimate:
    """What a run would ask for and cost at most, going by the length of the texts. The same question is asked once:
    both orders of two equal texts, or a row that occurs twice."""
    requests = before = read = written = 0
    seat, seen = settled(seat, store), set[bytes]()
    for ask in each(material, [seat]):
        if ask.asked in seen:
            continue
        seen.add(ask.asked)
        if store.has(ask.asked):
            before += 1
            continue
        more = expected(ask.body)
        requests, read, written = requests + 1, read + more[0], written + more[1]
    cost = seat.judge.cost(read, written) if seat.judge.priced else None
    return Estimate(requests, before, read, written, cost)


def run(
    material: Material,
    seats: Sequence[Seat],
    store: Store,
    *,
    budget: float | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
    say: Callable[[str], None] = lambda words: None,
    tally: Tally | None = None,
) -> Tally:
    """Have every question of `seats` about the material answered; answers are in the store.

    budget: in the unit of the judges' prices, not gone beyond: what is under way counts with the most it can cost, by
    a guess of the tokens it has and the limit of those it gets.
    tally: kept up to date, for whoever looks when this ends early.

    Raises AuditorError where a key is refused, an endpoint is down, the budget is used up, or questions remain
    without an answer; run again then, and only they are asked.
    """
    if budget is not None and (free := [seat.judge.name for seat in seats if not seat.judge.priced]):
        raise ConfigError(
            f"judge {free[0]!r} has no price", wanted="price_in and price_out, for --budget", hint="0 where it is free"
        )
    # Its line for every try would drown ours.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    poll = _Poll(material, seats, store, budget, advance, say, tally or Tally())
    asyncio.run(poll.run())
    if poll.tally.refused and poll.tally.refused == poll.tally.done:
        raise poll.hopeless()
    if poll.tally.lost:
        raise AuditorError(
            f"{poll.tally.lost:,} of {poll.tally.total:,} judgments have no answer yet",
            seen=poll.last,
            hint="run again: what was answered is kept, and the rest is asked for",
        )
    return poll.tally


class _Poll:
    """One run: a lane an endpoint and model, in each as many askers as may be under way at a time."""

    def __init__(
        self,
        material: Material,
        seats: Sequence[Seat],
        store: Store,
        budget: float | None,
        advance: Callable[[int, int], None],
        say: Callable[[str], None],
        tally: Tally,
    ) -> None:
        self.tally = tally
        self._material, self._seats, self._store, self._budget = material, seats, store, budget
        self._advance, self._say = advance, say
        self._under_way: set[bytes] = set()
        self._tried_out: set[bytes] = set()
        self._held = 0.0
        self.last: str | None = None
        self._stopped: AuditorError | None = None
        self._begun = self._told = time.monotonic()
        tally.total = sum(seat.calls(material.outputs) for seat in seats) * material.count

    async def run(self) -> None:
        lanes: dict[tuple[str, str], list[Seat]] = {}
        for seat in self._seats:
            lanes.setdefault(seat.judge.lane, []).append(seat)
        async with contextlib.AsyncExitStack() as stack:
            opened = [
                (await stack.enter_async_context(Lane(tuple(seat.judge for seat in seats))), seats)
                for seats in lanes.values()
            ]
            tasks = [asyncio.create_task(self._lane(lane, seats)) for lane, seats in opened]
            try:
                await asyncio.gather(*tasks)
            finally:
                self.tally.retries = sum(lane.retries for lane, _ in opened)
        self._advance(self.tally.done, self.tally.total)
        if self._stopped:
            raise self._stopped

    async def _lane(self, lane: Lane, seats: Sequence[Seat]) -> None:
        settled = [await self._tried(lane, seat) for seat in seats]
        shared = each(self._material, settled)
        askers = {asyncio.create_task(self._asker(lane, shared)) for _ in range(lane.concurrency)}
        try:
            while askers:
                done, askers = await asyncio.wait(askers, timeout=GRACE if self._stopped else None)
                for task in done:
                    task.result()  # what nobody expected goes up
                if self._stopped and not done:
                    return
        finally:
            for task in askers:
                task.cancel()
            await asyncio.gather(*askers, return_exceptions=True)

    async def _asker(self, lane: Lane, shared: Iterator[Ask]) -> None:
        for ask in shared:
            if self._stopped:
                lane.stop(self._stopped)
                return
            if self._store.has(ask.asked):
                self.tally.before += ask.asked not in self._tried_out
                self._count()
                if not self.tally.done % 1000:
                    await asyncio.sleep(0)
            elif ask.asked in self._under_way:
                self._count()  # a copy of what is just being asked
            elif self._affordable(ask):
                await self._ask(lane, ask)
            else:
                return

    async def _ask(self, lane: Lane, ask: Ask) -> None:
        most = ask.seat.judge.cost(*expected(ask.body))
        self._under_way.add(ask.asked)
        self._held += most
        try:
            refused = not await self._keep(lane, ask)
        except AuditorError as error:
            self.tally.lost += 1
            self.last = str(error)
            if lane.stopped and self._stopped is None:
                self._stopped = error
        else:
            self.tally.refused += refused
            self._count()
            if refused and self.tally.done == self.tally.refused >= HOPELESS:
                self._stopped = self._stopped or self.hopeless()
        finally:
            self._held -= most
            self._under_way.discard(ask.asked)

    async def _keep(self, lane: Lane, ask: Ask) -> bool:
        """Whether the server took the question; what it said is kept either way."""
        try:
            said = await lane.ask(ask.seat.judge, ask.body)
        except Refused as refused:
            self.last = str(refused)
            await self._store.keep(Answer(ask.asked, refused.status, "", refused.raw, 0, 0, ask.seat.judge.name))
            return False
        self.tally.tokens_in += said.tokens_in
        self.tally.tokens_out += said.tokens_out
        self.tally.cost += ask.seat.judge.cost(said.tokens_in, said.tokens_out)
        name = ask.seat.judge.name
        await self._store.keep(Answer(ask.asked, 200, said.text, said.raw, said.tokens_in, said.tokens_out, name))
        return True

    async def _tried(self, lane: Lane, seat: Seat) -> Seat:
        """The seat with or without a schema, as its endpoint takes it: found out with the first question to it."""
        seat = settled(seat, self._store)
        name = about(seat)
        if seat.judge.structured != "auto" or seat.judge.entry_point or self._store.fact(name):
            return seat
        first = next((ask for ask in each(self._material, [seat]) if not self._store.has(ask.asked)), None)
        if first is None or self._stopped or not self._affordable(first):
            return seat
        most = seat.judge.cost(*expected(first.body))
        self._held += most
        try:
            if await self._keep(lane, first):
                self._tried_out.add(first.asked)
                self._store.note(name, "yes")
                return seat
            bare = replace(seat, schema=False)
            again = next(
                one for one in asks(first.item, bare) if (one.places, one.repeat) == (first.places, first.repeat)
            )
            if await self._keep(lane, again):
                self._tried_out.add(again.asked)
                self._store.note(name, "no")
                return bare
        except AuditorError as error:  # the askers ask it again
            if lane.stopped:
                self._stopped = self._stopped or error
        finally:
            self._held -= most
        return seat

    def hopeless(self) -> AuditorError:
        return AuditorError(
            f"all of the first {self.tally.refused:,} questions were refused", seen=self.last,
            hint="look at what the endpoint says of them; 'structured: no', 'temperature: null' or "
            "'max_completion_tokens' may be what it wants",
        )  # fmt: skip

    def _affordable(self, ask: Ask) -> bool:
        if self._budget is None:
            return True
        most = ask.seat.judge.cost(*expected(ask.body))
        if self.tally.cost + self._held + most <= self._budget:
            return True
        self._stopped = self._stopped or AuditorError(
            f"the budget ends here: {self.tally.done:,} of {self.tally.total:,} judgments are answered",
            seen=f"{self.tally.cost:.4f} spent in this run, and the next may cost {most:.4f}",
            hint="run again with a larger --budget: what was answered is kept",
        )
        return False

    def _count(self) -> None:
        self.tally.done += 1
        self._advance(self.tally.done, self.tally.total)
        now = time.monotonic()
        if now - self._told >= NEWS:
            self._told = now
            self._say(self._news(now - self._begun))

    def _news(self, seconds: float) -> str:
        made = self.tally.done - self.tally.before
        rest = self.tally.total - self.tally.done
        words = f"{self.tally.done:,} of {self.tally.total:,} judgments, {made / seconds:.1f}/s"
        if made and any(seat.judge.priced for seat in self._seats):
            words += f", cost {self.tally.cost:.4f}, about {self.tally.cost * (1 + rest / made):.4f} in all"
        return words + (f", {rest * seconds / made / 60:.1f} min left" if made else "")
