"""Pace, and what a chat endpoint may answer."""

from __future__ import annotations

import asyncio

import pytest

from auditor.judging import client
from auditor.judging.client import Lane, Pace, Said, tokens_of
from auditor.judging.judges import Judge
from tests.judging.server import serving

BODY = {"model": "m", "messages": [{"role": "user", "content": "x" * 400}], "max_tokens": 20}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_pace_is_even_and_catches_up_little() -> None:
    clock = Clock()
    pace = Pace(60, clock)  # one a second
    assert [pace.take() for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]
    clock.now = 100.0
    waits = [pace.take() for _ in range(3)]
    assert waits == pytest.approx([0.0, 1.0 - client.SLACK, 2.0 - client.SLACK])
    pace.settle(-1)
    assert pace.take() == pytest.approx(2.0 - client.SLACK)


def test_no_minute_has_more_than_the_rate() -> None:
    """Whoever comes whenever: in any minute no more than the rate, and what SLACK allows."""
    clock, pace, times = Clock(), Pace(600, Clock()), []
    pace = Pace(600, clock)
    for step in range(3000):
        clock.now += 0.5 if step % 97 == 0 else 0.0
        times.append(clock.now + pace.take())
        clock.now = max(clock.now, times[-1])
    for start in times[::50]:
        assert sum(start <= at < start + 60 for at in times) <= 600 + 600 * client.SLACK / 60 + 1


def said(answer: str) -> Said:
    async def ask() -> Said:
        with serving() as server:
            server.script = [(200, answer, {})]
            async with Lane((judge := Judge("j", server.url, "m"),)) as lane:
                return await lane.ask(judge, BODY)

    return asyncio.run(ask())


def test_answers_of_several_servers() -> None:
    parts = said('{"choices": [{"message": {"content": [{"type": "text", "text": "A"}, {"text": "B"}]}}]}')
    assert parts.text == "AB"
    assert (parts.tokens_in, parts.tokens_out) == (101 + 4, tokens_of("AB")), "guessed where nobody counted"
    refusal = said('{"choices": [{"message": {"content": null, "refusal": "no"}}], "usage": {"prompt_tokens": 7}}')
    assert (refusal.text, refusal.tokens_in) == ("no", 7)
    assert said('{"choices": [{"message": {"content": null}}]}').text == ""


@pytest.mark.parametrize(
    "answer",
    ["[]", '{"choices": []}', '{"choices": [{"message": "A"}]}', '{"choices": [{"message": {"content": 3}}]}', "\\"],
)
def test_what_is_no_answer_is_asked_for_again(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "WAIT_MAX", 0.01)

    async def ask() -> Said:
        with serving() as server:
            good = '{"choices": [{"message": {"content": "A"}}]}'
            server.script = [(200, answer, {}), (200, good, {})]
            async with Lane((judge := Judge("j", server.url, "m"),)) as lane:
                return await lane.ask(judge, BODY)

    assert asyncio.run(ask()).text == "A"
