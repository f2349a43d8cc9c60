"""`auditor judge probe`: judges with a known fault, and the card that each gets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from auditor import probing
from auditor.cli import group
from auditor.concluding import Silent
from auditor.core.intervals import wilson
from auditor.judging import client, probes
from auditor.model.errors import ConfigError
from auditor.model.lab import Card
from auditor.model.result import Status
from auditor.registry.workspace import Workspace
from auditor.reports import judge_card
from tests.judging.server import serving, shown

MODEL = "made-up-7b"
Ask = Callable[[dict[str, str]], str]


def right(texts: Mapping[str, str]) -> str:
    """Oracle: knows the probes, and finds the shown texts in them."""
    for one in probes.read():
        b = one.b.replace("{model}", MODEL)
        if one.question == texts["question"] and {one.a, b} == {texts["first"], texts["second"]}:
            if one.a == b or probes.family(one.name) in ("padded", "formatted"):
                return "tie"
            return "A" if texts["first"] == one.a else "B"
    raise AssertionError(texts)


def named(texts: Mapping[str, str]) -> str:
    """For whoever speaks of the model."""
    return "A" if MODEL in texts["first"] else "B" if MODEL in texts["second"] else right(texts)


def obedient(texts: Mapping[str, str]) -> str:
    wanted = re.compile(r"wins|better|rule|choose|verdict|\[\[", re.IGNORECASE)
    return "A" if wanted.search(texts["first"]) else "B" if wanted.search(texts["second"]) else right(texts)


def longer(texts: Mapping[str, str]) -> str:
    difference = len(texts["first"]) - len(texts["second"])
    return "A" if difference > 0 else "B" if difference < 0 else "tie"


def marked(texts: Mapping[str, str]) -> str:
    marks = {side: len(re.findall(r"\*\*|^[-#>|*\d]", texts[side], re.MULTILINE)) for side in ("first", "second")}
    return "A" if marks["first"] > marks["second"] else "B" if marks["second"] > marks["first"] else right(texts)


@pytest.fixture
def tried(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Ask], Card]:
    def card_of(ask: Ask) -> Card:
        said = lambda body: ask(shown(body))  # noqa: E731
        monkeypatch.setattr(client, "called", lambda judge: said)
        Path("judges.yaml").write_text(f"judges:\n  one: {{callable: {ask.__name__}, model: {MODEL}}}\n")
        seat = probing.seat(Path("judges.yaml"), None)
        return probing.probe(seat, Workspace.find(), Silent()).card

    return card_of


def failing(card: Card) -> set[str]:
    return {one.name for one in card.families if one.status in (Status.WARN, Status.FAIL)}


def test_the_probes_are_under_a_hundred_questions_and_whole() -> None:
    found = probes.read()
    assert 2 * len(found) < 100
    assert len({(one.question, one.a, one.b) for one in found}) == len(found)
    assert {probes.family(one.name) for one in found} == set(probes.FAMILIES) <= set(probing.TITLES)
    for one in found:
        family = probes.family(one.name)
        assert (one.a == one.b) == (family == "identical")
        assert ("{model}" in one.b) == (family == "own_family")
        assert len(one.b) > 3 * len(one.a) or family != "padded"


def test_a_perfect_judge_has_a_clean_card(tried: Callable[[Ask], Card]) -> None:
    card = tried(right)
    assert (card.status, card.exit_code, card.asked, failing(card)) == (Status.PASS, 0, 89, set())
    assert len(card.can) == 10 - 1, "close calls have no bound: they are part of consistency"
    assert not card.cannot
    for one in card.families:
        if one.pairs:
            assert (one.right, one.fooled) == (one.pairs, 0)
            assert (one.metric.low, one.metric.high) == pytest.approx(wilson(one.pairs, one.pairs))


@pytest.mark.parametrize(
    ("ask", "faults", "code"),
    [
        (named, {"own_family"}, 0),
        (obedient, {"injected"}, 1),
        (marked, {"formatted"}, 0),
    ],
)
def test_a_fault_is_told_and_no_other(tried: Callable[[Ask], Card], ask: Ask, faults: set[str], code: int) -> None:
    card = tried(ask)
    assert failing(card) >= faults
    assert failing(card) <= faults | {"injected"}, "an injection may have the judge's marks, too"
    assert next(one for one in card.families if one.name in faults).fooled > 0
    assert card.exit_code == (1 if "injected" in failing(card) else code)


def test_a_judge_of_length(tried: Callable[[Ask], Card]) -> None:
    card = tried(longer)
    assert {"padded", "control"} <= failing(card)
    padded = next(one for one in card.families if one.name == "padded")
    assert (padded.right, padded.fooled) == (0, 12)
    assert "answers of unlike length" in card.cannot


def first(texts: Mapping[str, str]) -> str:
    return "A"


def mute(texts: Mapping[str, str]) -> str:
    return "It depends."


def test_a_judge_that_takes_the_first_is_useless(tried: Callable[[Ask], Card]) -> None:
    card = tried(first)
    assert (card.status, card.exit_code, card.useless, card.can) == (Status.FAIL, 1, True, ())
    assert card.first_rate.value == 1.0
    consistency = next(one for one in card.families if one.name == "consistency")
    assert consistency.metric.value == 0
    text = judge_card.render(card, "text")
    assert text.startswith("one: Do not use this judge\n")
    assert "0 of 8 pairs" in text


def test_a_judge_that_says_nothing_is_useless(tried: Callable[[Ask], Card]) -> None:
    card = tried(mute)
    readable = next(one for one in card.families if one.name == "readable")
    assert (readable.metric.value, readable.unreadable, card.exit_code) == (0, 94, 1)


def test_a_prompt_without_ties(tried: Callable[[Ask], Card], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("mine.yaml").write_text(
        "name: mine\nversion: 1\nkind: pairwise\nsystem: Say A or B.\nuser: |\n  {question}\n  {first}\n  {second}\n"
        "schema: {verdict: [A, B]}\n"
    )
    monkeypatch.setattr(client, "called", lambda judge: lambda body: "A")
    Path("judges.yaml").write_text("judges:\n  one: {callable: x, prompt: mine.yaml}\n")
    card = probing.probe(probing.seat(Path("judges.yaml"), None), Workspace.find(), Silent()).card
    identical = next(one for one in card.families if one.name == "identical")
    assert identical.metric.value is None
    assert identical.status is not Status.FAIL
    assert card.notes


def test_who_can_be_tried() -> None:
    Path("judges.yaml").write_text("judges:\n  x: {callable: x}\n  y: {callable: y, prompt: pointwise}\n")
    with pytest.raises(ConfigError, match=r"(?s)2 judges in the file.*judges.yaml#x"):
        probing.seat(Path("judges.yaml"), None)
    with pytest.raises(ConfigError, match="is pointwise"):
        probing.seat(Path("judges.yaml"), "y")
    assert probing.seat(Path("judges.yaml"), "y", "pairwise-cot").prompt.name == "pairwise-cot"


def test_a_panel_is_not_tried(workspace: Path) -> None:
    body = "judges:\n  x: {callable: c, model: m}\n  y: {callable: c, model: n}\npanel:\n  jury: {members: [x, y]}\n"
    Path("judges.yaml").write_text(body)
    with pytest.raises(ConfigError, match=r"(?s)'jury' is a panel.*judges.yaml#x, judges.yaml#y"):
        probing.seat(Path("judges.yaml"), "jury")


def test_over_http_nothing_is_asked_twice(workspace: Path) -> None:
    with serving(schemas=False, failing=0.1) as server:
        Path("judges.yaml").write_text(
            f"judges:\n  'j <b>':\n    endpoint: {server.url}\n    model: longest\n    price_in: 1\n    price_out: 2\n"
        )
        words = ["judge", "probe", "--judge", "judges.yaml", "-q"]
        before = CliRunner().invoke(group, [*words, "--dry-run"])
        assert before.output.startswith("89 questions to ask, 0 answered; cost 0.")
        assert not server.times
        done = CliRunner(catch_exceptions=False).invoke(
            group, [*words, "--format", "json", "--output", "html=c.html", "--output", "markdown=c.md",
                    "--verdicts", "v.jsonl"], standalone_mode=False,
        )  # fmt: skip
        assert done.return_value == 1
        assert sum(server.answered.values()) == len(server.answered) == 89, "each question is answered once"
        asked = len(server.times)
        told = json.loads(done.output)
        again = CliRunner(catch_exceptions=False).invoke(group, [*words, "--format", "json"], standalone_mode=False)
        assert json.loads(again.output) == told
        assert len(server.times) == asked
    assert told["asked"] == 89
    assert told["cost"] == pytest.approx(89 * (100 + 2 * 10) / 1e6)
    assert told["tokens"] == 89 * 110
    assert told["families"]["padded"]["right"] == 0
    assert len(Path("v.jsonl").read_text().splitlines()) == 94
    page = Path("c.html").read_text()
    assert "<b>" not in page.partition("</style>")[2]
    assert "<b>" not in Path("c.md").read_text()


def test_bounds_of_ones_own(tried: Callable[[Ask], Card]) -> None:
    tried(longer)
    seat = probing.seat(Path("judges.yaml"), None)
    Path("bounds.yaml").write_text('metrics:\n  probes.readable: {fail: "< 0.5"}\n')
    lenient = probing.probe(seat, Workspace.find(), Silent(), policy="bounds.yaml").card
    assert (lenient.status, lenient.exit_code) == (Status.PASS, 0)
    assert {one.status for one in lenient.families} == {Status.PASS, Status.SKIPPED}
    Path("bounds.yaml").write_text('metrics:\n  probes.nothing: {fail: "< 0.5"}\n')
    with pytest.raises(ConfigError, match=r"unknown metric 'probes\.nothing'"):
        probing.probe(seat, Workspace.find(), Silent(), policy="bounds.yaml")
