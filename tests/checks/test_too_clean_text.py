"""too-clean-text: planted habits at known shares, halves of people's prompts, awkward input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from auditor import fakes
from auditor.checks.too_clean_text import CLEAN, MESSY, TooCleanText
from auditor.core.check import Context, build
from auditor.engines.local import Local
from auditor.model.errors import ConfigError
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

EXPECTATIONS = (Path(__file__).parents[2] / "expectations",)
Records = Sequence[Mapping[str, Any]]


def run(mine: Dataset, real: Dataset, threads: int = 1, **parameters: Any) -> Measurement:
    return TooCleanText(**parameters).run(mine, Context({"real": real}, expectations=EXPECTATIONS), Local(threads))


def values(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.partition(".")[2]: metric.value for metric in measurement.metrics}


def table(measurement: Measurement) -> dict[str, dict[str, Any]]:
    (exhibit,) = measurement.exhibits
    return {str(row[0]): dict(zip(exhibit.columns, row, strict=True)) for row in exhibit.rows}


NEAT = "Explain how the number {} is written in binary."
UNTIDY = {
    "lower case": "explain how the number {} is written in binary.",
    "dropped marks": "Explain how the number {} isnt written in binary.",
    "open end": "Explain how the number {} is written in binary",
    "fragments": "Binary number {}.",
    "vague": "Fix this.",
    "casual": "Explain how the number {} is written in binary!!",
}


@pytest.mark.parametrize("habit", UNTIDY)
def test_a_habit_at_a_known_share(habit: str, tmp_path: Path) -> None:
    mine = fakes.dataset([{"prompt": NEAT.format(i), "response": "Yes."} for i in range(400)], tmp_path / "a")
    prompts = [UNTIDY[habit].format(i) if i % 4 == 0 else NEAT.format(i) for i in range(400)]
    real = fakes.dataset([{"prompt": prompt, "response": "Yes."} for prompt in prompts], tmp_path / "b")
    measurement, name = run(mine, real), habit.replace(" ", "_")
    row = table(measurement)[habit]
    assert (row["this data"], row["real data"]) == (0, 0.25)
    # Cohen's h of 0 and 1/4 is 2 arcsin(1/2) = pi / 3.
    assert row["effect"] == pytest.approx(np.pi / 3)
    assert 0 < row["low"] < np.pi / 3 < row["high"]
    signed = next(one.metric for one in measurement.slices if one.metric.name.endswith("effect") and one.group == name)
    assert (signed.value, signed.low, signed.high) == (-row["effect"], -row["high"], -row["low"])
    assert row["example from real"] in prompts
    assert values(measurement)["gap"] >= row["effect"]
    assert values(measurement)["cleaner"] >= 1
    back = run(real, mine)
    assert values(back)["cleaner"] is None, "real has no habit to be missed"
    assert values(back)["gap"] == values(measurement)["gap"]


def test_slips_are_looked_for_in_as_many_rows_of_either_side(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    words = "information government description different separate important beginning environment".split()

    def prompts(n: int, wrong: int) -> list[dict[str, str]]:
        rows = [[*random.choice(words, 6)] for _ in range(n)]
        for row in rows[:wrong]:
            row[0] = row[0][:3] + "q" + row[0][4:]
        return [{"prompt": f"Say {' '.join(row)}.", "response": "Yes."} for row in rows]

    mine, real = fakes.dataset(prompts(300, 0), tmp_path / "a"), fakes.dataset(prompts(900, 180), tmp_path / "b")
    measurement = run(mine, real)
    row = table(measurement)["slips"]
    assert row["this data"] == 0
    assert next(m.n for m in measurement.metrics if m.name.endswith("slips")) == 300
    # The same wrong word stands in many of these rows: what more than two write is no slip.
    assert row["real data"] < 0.2
    assert any("slips looked for in 300 rows a side" in note for note in measurement.notes)


def test_depth_is_of_answers_and_grade_of_prompts(tmp_path: Path) -> None:
    said = [f"{first}{vowel}t" for first in "bcdfghklmnps" for vowel in "aeiou"]  # a syllable each
    long = [{"prompt": f"Say {one} now.", "response": f"Because it rains, therefore {one} stay."} for one in said]
    short = [{"prompt": f"Say {one} now.", "response": f"{one} stay."} for one in said]
    mine, real = fakes.dataset(long, tmp_path / "a"), fakes.dataset(short, tmp_path / "b")
    found = run(mine, real)
    assert values(found)["reasoning_depth"] == 2
    assert table(found)["reasoning depth"]["real data"] == 0
    assert values(found)["grade"] == pytest.approx(0.39 * 3 + 11.8 - 15.59)
    whole = run(mine, real, scope="response")
    assert values(whole)["grade"] > values(found)["grade"]


def test_generators_are_told_apart(tmp_path: Path) -> None:
    records = [{**row, "generator": name} for rows, name in ((CLEAN, "tidy"), (MESSY, "loose")) for row in rows]
    measurement = run(fakes.dataset(records, tmp_path / "a", by=("generator",)), fakes.dataset(MESSY, tmp_path / "b"))
    share = {s.group: s.metric.value for s in measurement.slices if s.by == "generator" and "lower" in s.metric.name}
    assert share == {"tidy": 0, "loose": 1}


@pytest.mark.parametrize("prompts", [[""], ["One"], ["Ten."] * 10, ["Ten."] * 900, [None] * 60, ["", None] * 40])
def test_too_few_rows_are_declined(prompts: list[str | None], tmp_path: Path) -> None:
    few = fakes.dataset([{"prompt": one, "response": f"A {i}"} for i, one in enumerate(prompts)], tmp_path / "a")
    many = fakes.dataset(MESSY, tmp_path / "b")
    for mine, real in ((few, many), (many, few)):
        measurement = run(mine, real, scope="prompt")
        if few.rows == 60:  # no prompt at all: whole texts are compared
            assert measurement.metrics
        else:
            assert not measurement.metrics
            assert "needs at least 50 rows" in measurement.notes[0]


@pytest.mark.parametrize("text", ["same", "猫が走る", "x" * 1_000_000, "\U0001f600" * 10 + "a", "?!" * 50 + " 1"])
def test_alike_on_both_sides_has_no_gap(text: str, tmp_path: Path) -> None:
    dataset = fakes.dataset([{"text": f"{i} {text}"} for i in range(60)], tmp_path)
    found = values(run(dataset, dataset))
    assert found["gap"] == 0
    assert not found["cleaner"]


def test_equal_rows_are_no_evidence(tmp_path: Path) -> None:
    one, many = fakes.dataset([CLEAN[0]] * 900, tmp_path / "a"), fakes.dataset(MESSY, tmp_path / "b")
    for mine, real, seen in ((many, one, "60 and 1"), (one, many, "1 and 60"), (one, one, "1 and 1")):
        measurement = run(mine, real)
        assert not measurement.metrics
        assert measurement.notes == (f"needs at least 50 rows with words on both sides, no two alike, has {seen}",)


def test_a_habit_that_real_hardly_has_cannot_be_rarer(tmp_path: Path) -> None:
    """Cohen's h of 0 and p is 2 arcsin(sqrt(p)): .2, a small effect, at p = .00997."""

    def people(rows: int, shouting: int) -> Dataset:
        prompts = [(UNTIDY["casual"] if i < shouting else NEAT).format(i) for i in range(rows)]
        records = [{"prompt": prompt, "response": "Yes."} for prompt in prompts]
        return fakes.dataset(records, tmp_path / f"{rows}-{shouting}")

    neat = people(2000, 0)
    for shouting, cleaner in ((0, None), (19, None), (20, 1)):
        measurement = run(neat, people(2000, shouting))
        metric = next(one for one in measurement.metrics if one.name.endswith("cleaner"))
        assert (metric.value, metric.n) == (cleaner, cleaner or 0)
        wanted = "no habit is frequent enough in real to be missed: needs 1 % of its rows, at n >= 362 a side"
        assert metric.why == (wanted if cleaner is None else "")
        told = next(note for note in measurement.notes if note.startswith("too rare in real"))
        assert (f"casual ({shouting} of 2,000)" in told) == (cleaner is None)
    # Five in a hundred, but of 60 rows: h is .45, and its interval (Bonferroni) .49 wide on either side.
    assert values(run(people(60, 0), people(60, 3)))["cleaner"] is None
    assert values(run(people(90, 0), people(90, 5)))["cleaner"] == 1


ABROAD = {
    "de": "erkläre mir bitte, wie man die Zahl {} in der Schule richtig schreibt",
    "zh": "请告诉我怎样用中文写数字{}的完整说明和例子",
}


@pytest.mark.parametrize("language", ABROAD)
def test_of_another_language_it_says_nothing(language: str, tmp_path: Path) -> None:
    answer = {"de": "Man schreibt sie so, wie man sie in Deutschland spricht.", "zh": "就这样写，大家都明白这个意思。"}
    abroad = [{"prompt": ABROAD[language].format(i), "response": answer[language]} for i in range(80)]
    english = [{"prompt": NEAT.format(i), "response": "It is written with ones and zeros."} for i in range(80)]
    mixed = [row for pair in zip(abroad, english, strict=True) for row in pair]
    only, both, alone = (
        fakes.dataset(rows, tmp_path / name, annotate=("language",))
        for name, rows in (("a", abroad), ("b", mixed), ("c", english))
    )
    declined = run(only, only)
    assert not declined.metrics
    share = f"0 of 80 rows (100 % {language})"
    assert declined.notes == (f"needs English text: {share}, {share} of the real data",)
    found, same = run(alone, both), run(alone, alone)
    assert found.metrics == same.metrics
    assert f"only rows in English are counted: 80 of 160 rows (50 % {language}) of the real data" in found.notes
    assert run(both, alone).metrics == same.metrics


def test_no_real_rows_are_told(tmp_path: Path) -> None:
    measurement = run(fakes.dataset(MESSY, tmp_path / "a"), fakes.dataset([], tmp_path / "b"))
    assert not measurement.metrics
    assert measurement.notes == ("the real data has no rows",)


def test_any_sharding_and_row_order_measure_the_same(tmp_path: Path) -> None:
    mixed = [*CLEAN, *MESSY, {"prompt": "recieve " * 5, "response": "Yes."}]
    real = fakes.dataset(MESSY, tmp_path / "real")
    seen = [
        run(fakes.dataset(rows, tmp_path / str(i), shard_rows=size), real, threads)
        for i, (rows, size, threads) in enumerate(((mixed, 999, 1), (mixed, 37, 3), (mixed[::-1], 50, 2)))
    ]
    assert seen[0].metrics == seen[1].metrics
    assert seen[0].exhibits == seen[1].exhibits
    assert seen[0].metrics == seen[2].metrics


def test_parameters_are_checked(tmp_path: Path) -> None:
    for wrong in ({"scope": "prompts"}, {"least": 1}, {"sample": 0}):
        with pytest.raises(ConfigError):
            build("too-clean-text", wrong)


@pytest.mark.data
def test_alpaca_is_tidier_than_people(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    alpaca, dolly = (
        fakes.dataset(orjson.loads(shared_data(f"alpaca/{name}.json").read_bytes()), tmp_path / name)
        for name in ("random_9k", "dolly_3k")
    )
    measurement = run(alpaca, dolly)
    rows = table(measurement)
    # People begin in lower case twelve times as often, and leave apostrophes out eight times as often.
    assert rows["lower case"]["this data"] < 0.005 < 0.02 < rows["lower case"]["real data"]
    for habit in ("dropped marks", "reasoning depth"):
        assert rows[habit]["this data"] < rows[habit]["real data"]
        assert rows[habit]["low"] > 0
    assert 0.2 < values(measurement)["gap"] < 0.3
    assert values(measurement)["cleaner"] == 1


@pytest.mark.data
def test_halves_of_people_s_prompts_are_alike(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    dolly = orjson.loads(shared_data("alpaca/dolly_3k.json").read_bytes())
    whole = fakes.dataset(dolly, tmp_path)
    outside = looked = 0
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(len(dolly))
        mine, real = (whole.select(np.sort(half)) for half in np.array_split(order, 2))
        measurement = run(mine, real)
        assert values(measurement)["gap"] < 0.2
        assert values(measurement)["cleaner"] == 0
        for row in table(measurement).values():
            outside += not row["low"] <= 0 <= row["high"]
            looked += 1
    assert outside <= 0.12 * looked
