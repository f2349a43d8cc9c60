"""overconfident-text against a plain count, on planted boosters, on halves of people's answers, on awkward input."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from auditor import fakes
from auditor.checks.overconfident_text import SURE, UNSURE, OverconfidentText
from auditor.core.check import Context, build
from auditor.core.content.sureness import COUNTED
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

EXPECTATIONS = (Path(__file__).parents[2] / "expectations",)
Records = Sequence[Mapping[str, Any]]


def run(mine: Dataset, real: Dataset, threads: int = 1, **parameters: Any) -> Measurement:
    context = Context({"real": real}, expectations=EXPECTATIONS)
    return OverconfidentText(**parameters).run(mine, context, Local(threads))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.partition(".")[2]: metric.value for metric in measurement.metrics}


def said(text: str, rows: int = 100) -> list[dict[str, Any]]:
    """The text in so many rows, each with one more word: copies of one answer are declined."""
    return [{"prompt": f"Question {i}?", "response": f"{text} {i}"} for i in range(rows)]


def test_rates_and_gap_by_hand(tmp_path: Path) -> None:
    # 14 words: boosters clearly, never; hedge may. 13 words: hedges perhaps, it depends; admission i don't know.
    mine = said("This is clearly what they never do, though it may be that once.")
    real = said("Perhaps it depends, and I don’t know. Do you? We will see.")
    found = run(fakes.dataset(mine, tmp_path / "a"), fakes.dataset(real, tmp_path / "b"))
    assert values(found)["boosters_per_1000"] == pytest.approx(1000 * 2 / 14)
    assert values(found)["hedges_per_1000"] == pytest.approx(1000 * 1 / 14)
    assert values(found)["confidence_gap"] == pytest.approx(log(200.5 / 100.5) - log(0.5 / 200.5))
    table = {row[0]: row[1:3] for row in found.exhibits[0].rows}
    assert table["admissions"] == (0, pytest.approx(1000 / 13))
    assert table["questions back"] == (0, pytest.approx(1000 / 13))
    assert table["hedges"][1] == pytest.approx(2000 / 13)
    assert found.columns["boosters"].tolist() == pytest.approx([1000 * 2 / 14] * 100)


def test_the_surest_rows_are_named(tmp_path: Path) -> None:
    plain = said("It may rain in the north, and it may snow in the south.", 90)
    sure = said("Clearly it will. It always does, obviously, and “never” stops; without doubt.", 30)
    song = [{"prompt": "Sing", "response": "Never, oh never,\nalways and ever,\nclearly for sure\nno doubt. 1\n"}]
    mine = fakes.dataset([*plain[:40], *sure, *song, *plain[40:]], tmp_path / "a")
    real = fakes.dataset(said("It may rain, or perhaps it will clearly snow in the south.", 90), tmp_path / "b")
    measurement = run(mine, fakes.dataset(plain, tmp_path / "c"), least=500)
    assert values(measurement)["confidence_gap"] > 0
    found = OverconfidentText(least=500).locate(mine, measurement, Context())
    rows = [row for table in found for row in table.to_pylist()]
    assert [row["row"] for row in rows] == [*range(40, 70)], "and not the song"
    assert rows[0]["evidence"] == "5 boosters, 0 hedges in 13 words: clearly, always, obviously, never, without doubt"
    meek = fakes.dataset(plain, tmp_path / "d")
    less = run(meek, real, least=500)
    assert values(less)["confidence_gap"] < 0
    assert not list(OverconfidentText().locate(meek, less, Context()))


def test_generators_are_told_apart(tmp_path: Path) -> None:
    sure, unsure = ([{**row, "generator": name} for row in rows] for rows, name in ((SURE, "bold"), (UNSURE, "meek")))
    measurement = run(
        fakes.dataset([*sure, *unsure], tmp_path / "a", by=("generator",)), fakes.dataset(UNSURE, tmp_path / "b")
    )
    gap = {s.group: s.metric.value for s in measurement.slices if s.metric.name.endswith("confidence_gap")}
    assert gap["bold"] > 3
    assert gap["meek"] == 0


def test_neither_hedge_nor_booster_is_no_number(tmp_path: Path) -> None:
    dull, unsure = (
        fakes.dataset(said("One two three four five six seven.", 200), tmp_path / "a"),
        fakes.dataset(UNSURE, tmp_path / "b"),
    )
    for mine, real, side in ((dull, unsure, "the data"), (unsure, dull, "the real data")):
        gap = run(mine, real).metrics[0]
        assert gap.value is None
        assert gap.why == f"neither hedges nor boosters in {side}"
    assert run(dull, dull).notes[0] == "needs hedges and boosters: one of them stands in neither side"


def test_copies_of_few_answers_say_nothing(tmp_path: Path) -> None:
    same = fakes.dataset(
        [{"prompt": f"{i}?", "response": "Clearly it is, or perhaps not."} for i in range(300)], tmp_path
    )
    found = run(same, same)
    assert not found.metrics
    assert found.notes == ("needs at least 50 distinct texts on both sides, has 1 and 1",)


ABROAD = {
    "de": "Das ist vielleicht richtig, aber niemand weiß es genau, und morgen sehen wir nach Nummer {}.",
    "zh": "这个问题的答案大概是正确的，但是没有人真正知道，我们明天再看看第{}号。",
}


@pytest.mark.parametrize("language", ABROAD)
def test_of_another_language_it_says_nothing(language: str, tmp_path: Path) -> None:
    abroad = [{"prompt": f"{i}", "response": ABROAD[language].format(i)} for i in range(200)]
    english = said("Perhaps it is so, and it is clearly so for all of us who have seen it before.", 200)
    mixed = [row for pair in zip(abroad, english, strict=True) for row in pair]
    only, both, alone = (
        fakes.dataset(rows, tmp_path / name, annotate=("language",))
        for name, rows in (("a", abroad), ("b", mixed), ("c", english))
    )
    declined = run(only, only)
    assert not declined.metrics
    share = f"0 of 200 rows (100 % {language})"
    assert declined.notes[0] == f"needs English text: {share}, {share} of the real data"
    assert run(alone, only).notes[0] == f"needs English text: {share} of the real data"
    # Of a mixture the English half is counted, and alike in every number to that half alone.
    found, same = run(both, alone), run(alone, alone)
    assert values(found) == values(same)
    assert f"only rows in English are counted: 200 of 400 rows (50 % {language})" in found.notes
    assert np.isnan(found.columns["hedges"][::2]).all()
    assert (found.columns["hedges"][1::2] > 0).all()


def test_lists_of_questions_ask_nothing_back(tmp_path: Path) -> None:
    marks = "It is perhaps so and clearly so."
    asks = said(f"{marks} Which one do you have?")
    lists = said(f"{marks} Do you run? Do you swim? Do you sing?")
    real = fakes.dataset(said(marks, 200), tmp_path / "r")
    for rows, wanted in ((asks, 100), (lists, 0)):
        mine = fakes.dataset(rows, tmp_path / str(wanted))
        counted = next(m for m in run(mine, real).metrics if m.name.endswith("questions_back_per_1000"))
        assert counted.value == pytest.approx(1000 * wanted / counted.n)


@pytest.mark.parametrize("texts", [[""], ["a"], ["short answer"] * 10, ["猫" * 20], [None, "b"]])
def test_too_few_words_are_declined(texts: list[str | None], tmp_path: Path) -> None:
    few = fakes.dataset([{"prompt": "Q", "response": text} for text in texts], tmp_path / "a")
    many = fakes.dataset(UNSURE, tmp_path / "b")
    for mine, real in ((few, many), (many, few)):
        measurement = run(mine, real)
        assert not measurement.metrics
        assert "needs at least 1,000 words" in measurement.notes[0]


def test_texts_without_answers_are_compared_whole(tmp_path: Path) -> None:
    mine = fakes.dataset([{"text": f"Clearly so, and it may be so {i}."} for i in range(200)], tmp_path / "a")
    measurement = run(mine, fakes.dataset(UNSURE, tmp_path / "b"))
    assert measurement.notes[0] == "the data has no response: whole texts are compared"
    assert values(measurement)["boosters_per_1000"] == pytest.approx(125)


def test_no_real_rows_are_told(tmp_path: Path) -> None:
    measurement = run(fakes.dataset(UNSURE, tmp_path / "a"), fakes.dataset([], tmp_path / "b"))
    assert not measurement.metrics
    assert measurement.notes == ("the real data has no rows",)


def test_any_sharding_order_and_thread_count_measure_the_same(tmp_path: Path) -> None:
    mixed = [*SURE, *UNSURE, {"prompt": "Q", "response": "x " * 300_000}]
    real = fakes.dataset(UNSURE, tmp_path / "real")
    seen = [
        run(fakes.dataset(rows, tmp_path / str(i), shard_rows=size), real, threads)
        for i, (rows, size, threads) in enumerate(((mixed, 999, 1), (mixed, 37, 3), (mixed[::-1], 50, 2)))
    ]
    assert seen[0].metrics == seen[1].metrics == seen[2].metrics
    assert seen[0].tables["surest"].equals(seen[1].tables["surest"])
    assert seen[0].slices == seen[2].slices


def test_lists_of_one_s_own(tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("- {category: boosters, phrases: [period]}\n")
    mine, real = (
        fakes.dataset(said("It may be so period that is it", 200), tmp_path / "a"),
        fakes.dataset(SURE, tmp_path / "b"),
    )
    assert values(run(mine, real))["boosters_per_1000"] == 0
    assert values(run(mine, real, words=(str(more),)))["boosters_per_1000"] == pytest.approx(1000 / 9)
    with pytest.raises(ConfigError, match="cannot read"):
        build("overconfident-text", {"words": str(tmp_path / "none.yaml")})
    with pytest.raises(ConfigError, match="scope"):
        build("overconfident-text", {"scope": "answer"})


def records(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = orjson.loads(path.read_bytes())
    return rows


@pytest.mark.data
def test_alpaca_hedges_less_than_people(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    alpaca, dolly = (records(shared_data(f"alpaca/{name}.json")) for name in ("random_9k", "dolly_3k"))
    measurement = run(fakes.dataset(alpaca, tmp_path / "a"), fakes.dataset(dolly, tmp_path / "b"))
    gap = measurement.metrics[0]
    assert gap.low is not None
    assert gap.low > 0
    table = {row[0]: row for row in measurement.exhibits[0].rows}
    assert table["hedges"][5] < 1 < table["questions back"][4]
    # The same by a plain expression over the same words, to the last count.
    hits = sum(len(re.findall(r"(?<![\w'’])with(?![\w'’])", row["output"], re.IGNORECASE)) for row in dolly)
    only = tmp_path / "expectations" / "words" / "drift"
    only.mkdir(parents=True)
    (only / "confidence.yaml").write_text(
        "- {category: hedges, phrases: [with]}\n- {category: boosters, phrases: [the]}\n"
    )
    people = fakes.dataset(dolly, tmp_path / "b")
    context = Context({"real": people}, expectations=(tmp_path / "expectations",))
    alone = OverconfidentText().run(people, context, Local(1))
    words = alone.metrics[1].n
    assert values(alone)["hedges_per_1000"] == pytest.approx(1000 * hits / words)


@pytest.mark.data
def test_halves_of_people_s_answers_lie_within_their_intervals(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    dolly = records(shared_data("alpaca/dolly_3k.json"))
    whole = fakes.dataset(dolly, tmp_path)
    wrong = dict.fromkeys((*COUNTED[:2], "gap"), 0)
    splits = 40
    for seed in range(splits):
        order = np.random.default_rng(seed).permutation(len(dolly))
        mine, real = (whole.select(np.sort(half)) for half in np.array_split(order, 2))
        measurement = run(mine, real)
        gap = measurement.metrics[0]
        assert gap.low is not None
        assert gap.high is not None
        wrong["gap"] += not gap.low <= 0 <= gap.high
        for row in measurement.exhibits[0].rows[:2]:
            low, high = row[4:]
            assert isinstance(low, float)
            assert isinstance(high, float)
            wrong[str(row[0])] += not low <= 1 <= high
    # 5 % of 40 is 2; the 99.9 % point of the binomial is 7.
    assert max(wrong.values()) <= 7


@pytest.mark.data
def test_halves_of_one_source_seldom_have_a_gap_and_always_a_number(
    shared_data: Callable[[str], Path], tmp_path: Path
) -> None:
    dolly = records(shared_data("alpaca/dolly_3k.json"))
    whole = fakes.dataset(dolly, tmp_path)
    gaps = []
    for seed in range(60):
        order = np.random.default_rng(seed).permutation(len(dolly))
        mine, real = (whole.select(np.sort(part)) for part in (order[:800], order[800:1600]))
        gaps.append(run(mine, real).metrics[0].value)
    assert None not in gaps
    # 2.5 % of 60 are above 0 by the interval; the 99.9 % point of the binomial is 7.
    assert sum(gap > 0 for gap in gaps if gap is not None) <= 7
    assert sum(gap == 0 for gap in gaps) >= 50


def test_whether_it_is_given_does_not_depend_on_the_difference(tmp_path: Path) -> None:
    """Six marks in 150 rows: samples of one source are a factor of two apart by chance, and none is judged, however
    far; with eighty times as many rows all are, and keep the bound of the default policy."""
    rng = np.random.default_rng(5)
    words = ("It is perhaps so in all that is there.", "It is clearly so in all that is there.", "It is so. " * 8)

    def half(rows: int) -> list[dict[str, Any]]:
        kinds = rng.choice(3, rows, p=(0.02, 0.02, 0.96))
        return [{"prompt": "Q?", "response": f"{words[kind]} {i}"} for i, kind in enumerate(kinds)]

    for number in range(20):
        sides = [fakes.dataset(half(150), tmp_path / f"{number}{side}") for side in "ab"]
        found = run(*sides)
        assert not found.metrics
        assert found.notes[0].startswith(("needs about", "needs hedges and boosters"))
    sides = [fakes.dataset(half(12_000), tmp_path / side) for side in "ab"]
    gap = run(*sides).metrics[0]
    assert gap.value is not None
    assert gap.value < 0.4
