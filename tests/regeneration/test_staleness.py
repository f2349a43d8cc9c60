"""What is stale, on cards small enough to say the answer by hand."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from auditor.model.card import Card, Generator, Judged, Model, Prompt, Refresh, Registered, Source
from auditor.model.seen import Seen
from auditor.regeneration.staleness import Stale, stale
from tests.regeneration.made import DAY, PROMPT, Now, card, graph, lineage

TODAY = dt.date(2026, 3, 2)


def told(
    *cards: Card,
    now: Now | None = None,
    trained: Mapping[str, tuple[str, ...]] | None = None,
    withdrawn: Mapping[str, str] | None = None,
    today: dt.date = TODAY,
    **more: object,
) -> list[Stale]:
    by_name = {each.name: each for each in cards}
    return stale(by_name, graph(by_name, trained, withdrawn), now or Now(), today, **more)  # type: ignore[arg-type]


def causes(found: list[Stale]) -> dict[str, list[str]]:
    return {each.dataset: [reason.cause for reason in each.reasons] for each in found if each.reasons}


def chain() -> tuple[Card, ...]:
    """seeds -> a -> b, and seeds -> c by another model."""
    return (
        card("seeds", lineage()),
        card("a", lineage("gpt@1", seeds=("seeds@1",))),
        card("b", lineage("llama@1", parents=("a@1",))),
        card("c", lineage("llama@1", seeds=("seeds@1",))),
    )


def test_nothing_is_stale_where_nothing_moved() -> None:
    assert told(*chain()) == []


def test_a_models_new_revision_takes_its_branch_with_it() -> None:
    found = told(*chain(), now=Now({"gpt": "2"}))
    assert causes(found) == {"a": ["model"], "b": ["ancestor"]}
    assert [each.dataset for each in found] == ["a", "b"]
    (reason,) = found[0].reasons
    assert (reason.recorded, reason.present) == ("1", "2")
    assert str(reason) == "model gpt: 1 -> 2"
    assert str(found[1].reasons[0]) == "a@1 is stale"


def test_a_newer_version_of_a_seed() -> None:
    seeds, *rest = chain()
    seeds = card("seeds", lineage(), lineage())
    found = told(seeds, *rest)
    assert causes(found) == {"a": ["source"], "b": ["ancestor"], "c": ["source"]}
    assert str(found[0].reasons[0]) == "source seeds: seeds@1 -> seeds@2"


@pytest.mark.parametrize("status", ["candidate", "rejected"])
def test_a_newer_version_that_is_not_current_changes_nothing(status: str) -> None:
    seeds = card("seeds", lineage(), lineage(), status=status)
    seeds = replace(seeds, versions=(replace(seeds.versions[0], status="current"), seeds.versions[1]))
    assert told(seeds, *chain()[1:]) == []


def test_a_newer_version_with_the_same_bytes_changes_nothing() -> None:
    seeds = card("seeds", lineage(), lineage())
    seeds = replace(seeds, versions=(seeds.versions[0], replace(seeds.versions[1], digest="sha256:seeds@1")))
    assert told(seeds, *chain()[1:]) == []


def test_prompts_files_and_judges() -> None:
    made = replace(
        lineage("gpt@1", judges=("judge@1",)),
        prompts=(Prompt("ask", PROMPT, file="prompts/ask.txt"),),
        seeds=(Source("sha256:old", file="raw/seeds.jsonl"),),
    )
    now = Now({"judge": "2"}, {"ask": "sha256:other"}, {"raw/seeds.jsonl": "sha256:new"})
    (found,) = told(card("a", made), now=now)
    assert [(r.cause, r.subject, r.present) for r in found.reasons] == [
        ("model", "judge", "2"),
        ("prompt", "prompts/ask.txt", "sha256:other"),
        ("source", "raw/seeds.jsonl", "sha256:new"),
    ]


def test_what_could_not_be_looked_up_is_unknown_and_never_fresh() -> None:
    made = replace(lineage("gpt@1"), seeds=(Source("sha256:old", file="raw.jsonl"), Source(None, "gone@1")))
    (found,) = told(card("a", made), now=Now({"gpt": None}, files={"raw.jsonl": None}))
    assert not found.reasons
    assert [(u.subject, u.why) for u in found.unknown] == [
        ("model gpt", "the server is away"),
        ("raw.jsonl", "the server is away"),
        ("gone@1", "there is no card of that name"),
    ]


def test_a_revision_that_nobody_wrote_down_is_unknown() -> None:
    (found,) = told(card("a", lineage("gpt")), now=Now({"gpt": "7"}))
    assert (found.reasons, found.unknown[0].why) == ((), "its revision was not recorded; it is 7 now")


def test_a_withdrawn_model_is_found_through_any_depth() -> None:
    found = told(*chain(), withdrawn={"gpt@1": "licence"})
    assert causes(found) == {"a": ["withdrawn"], "b": ["withdrawn", "ancestor"]}
    assert found[0].reasons[0].note == "licence"
    assert found[1].reasons[0].note == "licence (2 steps upstream)"


def test_a_withdrawn_model_reaches_through_models_trained_on_its_output() -> None:
    cards = (*chain(), card("d", lineage("ours@1")))
    found = told(*cards, trained={"ours@1": ("b@1",)}, withdrawn={"gpt@1": "licence"})
    assert causes(found)["d"] == ["withdrawn", "ancestor"]
    assert found[-1].reasons[0].note == "licence (4 steps upstream)"


def test_a_superseded_version_taints_until_the_child_is_made_again() -> None:
    a = card("a", lineage("gpt@1"), lineage("gpt@2"))
    found = told(a, card("b", lineage("llama@1", parents=("a@1",))), withdrawn={"gpt@1": "licence"})
    assert causes(found) == {"b": ["withdrawn", "source"]}


def test_a_model_of_ours_trained_on_an_older_version() -> None:
    cards = (card("a", lineage(), lineage()), card("d", lineage("ours@1")))
    (found,) = told(*cards, trained={"ours@1": ("a@1",)})
    assert str(found.reasons[0]) == "the model ours@1 was trained on a@1, and a@2 is current"
    assert told(*cards, trained={"ours@1": ("a@2",)}) == []


def test_expired_and_due() -> None:
    dated = card("a", lineage(), refresh=Refresh(dt.date(2026, 3, 10), every=5))
    assert told(dated, today=dt.date(2026, 3, 5)) == []
    assert causes(told(dated, today=dt.date(2026, 3, 6))) == {"a": ["due"]}
    assert causes(told(dated, today=dt.date(2026, 3, 10))) == {"a": ["expired", "due"]}
    again = {"a": dt.date(2026, 3, 4)}
    assert told(dated, today=dt.date(2026, 3, 6), remade=again) == []
    assert causes(told(dated, today=dt.date(2026, 3, 9), remade=again)) == {"a": ["due"]}


def test_a_verdict_is_stale_by_itself() -> None:
    a = card("a", lineage())
    judged = Judged("pass", "default", DAY, "x", {"policy": "p1", "eval:gsm8k": "e1", "real": "r1"})
    a = replace(a, versions=(replace(a.versions[0], verdict=judged),))
    assert told(a) == []
    (found,) = told(a, now=Now(verdicts={"policy": "p2", "eval:gsm8k": "e2", "real": None}))
    assert (found.reasons, [r.cause for r in found.verdict]) == ((), ["policy", "eval"])
    assert [u.subject for u in found.unknown] == ["real"]


def test_only_what_was_asked_for_with_its_ancestors_looked_at() -> None:
    found = told(*chain(), now=Now({"gpt": "2"}), names=["b"])
    assert [each.dataset for each in found] == ["b"]


def test_rounds_of_an_iteration_do_not_chase_each_other() -> None:
    """a@1 -> b@1 -> a@2 -> b@2: the next round is no news to the last one."""
    a = card("a", lineage("m@1"), lineage("m@1", parents=("b@1",)))
    b = card("b", lineage("m@1", parents=("a@1",)), lineage("m@1", parents=("a@2",)))
    assert told(a, b) == []
    itself = card("self", lineage("m@1"), lineage("m@1", parents=("self@1",)))
    assert told(itself) == []


def test_a_model_trained_on_what_it_wrote_does_not_chase_its_own_data() -> None:
    """ours@1 writes g, ours@2 learns from g: that is the next round, unless somebody says that ours@2 is in use."""

    class Newest(Now):
        def model(self, generator: Generator) -> Seen:
            return replace(super().model(generator), by_itself=True)

        def judge(self, model: Model) -> Seen | None:
            seen = super().judge(model)
            return seen and replace(seen, by_itself=True)

    g, more = card("g", lineage("ours@1", judges=("ours@1",))), card("more", lineage("llama@1", parents=("g@1",)))
    trained = {"ours@1": ("seeds@1",), "ours@2": ("more@1",)}
    seeds = card("seeds", lineage())
    assert told(seeds, g, more, now=Newest({"ours": "2"}), trained=trained) == []
    # Said, in models.lock.yaml or by what its card follows, it is as with any model.
    assert causes(told(seeds, g, more, now=Now({"ours": "2"}), trained=trained))["g"] == ["model"]
    # Trained on something else it is a better writer, and g is of the one before.
    apart = {**trained, "ours@2": ("seeds@1",)}
    assert causes(told(seeds, g, more, now=Newest({"ours": "2"}), trained=apart)) == {
        "g": ["model"],
        "more": ["ancestor"],
    }


def test_two_that_hang_on_each_others_older_versions_are_both_told() -> None:
    a = card("a", lineage(), lineage(parents=("b@1",)))
    b = card("b", lineage(), lineage(parents=("a@1",)))
    assert causes(told(a, b)) == {"a": ["source"], "b": ["source", "ancestor"]}


@pytest.mark.parametrize(
    ("recorded", "value", "also", "same"),
    [
        ("3", "2026-01", ("3",), True),
        ("abcdef12", "abcdef12" + "0" * 32, (), True),
        ("sha256:abcdef12", "sha256:abcdef12" + "0" * 56, (), True),
        ("abcdef", "abcdef" + "0" * 34, (), False),
        ("2024", "2024-08-06", (), False),
    ],
)
def test_spellings_of_a_revision(recorded: str, value: str, also: tuple[str, ...], same: bool) -> None:
    assert Seen(value, also=also).agrees(recorded) is same


def test_staleness_is_what_a_plain_recursion_says() -> None:
    """Independent oracle: random workspaces without models of our own or loops, by naive recursion."""
    for seed in range(200):
        rng = random.Random(seed)
        cards: dict[str, Card] = {}
        for i in range(12):
            sources = tuple(f"d{j}@1" for j in rng.sample(range(i), rng.randint(0, min(i, 3))))
            made = [lineage(f"m{rng.randrange(4)}@1", seeds=sources)] * rng.choice([1, 1, 1, 2])
            cards[f"d{i}"] = card(f"d{i}", *made)
        moved = {"m0": "2"}

        def is_stale(name: str, cards: Mapping[str, Card] = cards) -> bool:
            version: Registered = cards[name].versions[-1]
            parents = [str(source).split("@") for _, source in version.lineage.sources()]
            return (
                version.lineage.generators[0].model.name == "m0"
                or any(len(cards[p].versions) > int(v) for p, v in parents)
                or any(is_stale(p) for p, _ in parents)
            )

        found = told(*cards.values(), now=Now(moved))
        assert {each.dataset for each in found} == {name for name in cards if is_stale(name)}
        place = {each.dataset: i for i, each in enumerate(found)}
        for each in found:
            for source in cards[each.dataset].versions[-1].lineage.seeds:
                parent = str(source).split("@")[0]
                assert place.get(parent, -1) < place[each.dataset]


def test_ten_thousand_cards_are_no_wait() -> None:
    """Linear, not quadratic: everything stale, chains and joins, far under the budget of two seconds."""
    cards = {}
    for i in range(10_000):
        near = tuple(f"d{j}@1" for j in {i - 1, i // 2, i - i % 7} if 0 <= j < i)
        cards[f"d{i}"] = card(f"d{i}", lineage(f"m{i % 50}@1", seeds=near))
    drawn = graph(cards)
    begun = time.process_time()
    found = stale(cards, drawn, Now({"m0": "2"}), TODAY)
    assert len(found) == 10_000
    assert time.process_time() - begun < 10  # quadratic takes minutes
