"""seeds-not-reflected against plain Python, and on seeds, rows and strangers that nobody here wrote."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from auditor import fakes, readers
from auditor.checks.seeds_not_reflected import SeedsNotReflected
from auditor.core.check import Context
from auditor.engines.local import Local
from auditor.model import tiny
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

SETS = {
    "alpaca": "alpaca/random_9k.json",
    "claude": "alpaca/claude_t45.json",
    "seeds": "alpaca/seed_tasks.jsonl",
    "gsm8k": "gsm8k/train.jsonl",
    "presidio": "presidio/synth_dataset_v2.json",
    "user": "selfinstruct/user_oriented_instructions.jsonl",
    "answers": "selfinstruct/text-davinci-003_predictions.jsonl",
    "solutions": "gsm8k/example_model_solutions.jsonl",
    "gsm8k-test": "gsm8k/test.jsonl",
    "humaneval": "humaneval/HumanEval.jsonl.gz",
    "rephrased": "decontaminator/humaneval_python.jsonl",
}


def measured(rows: Dataset, seeds: Mapping[str, Dataset], check: SeedsNotReflected | None = None) -> Measurement:
    made = {"own@1": tiny.Made(seeds=tuple(seeds)), **{seed: tiny.Made("real") for seed in seeds if "@" in seed}}
    pedigree = fakes.at_hand(tiny.pedigree("own@1", made), seeds)
    return (check or SeedsNotReflected()).run(rows, Context(pedigree=pedigree), Local(1))


def reflections(measurement: Measurement) -> dict[str, float]:
    return {piece.group: float(piece.metric.value or 0) for piece in measurement.slices}


def phrases(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", text.casefold())
    return {tuple(words[i : i + 4]) for i in range(max(1, len(words) - 3))} if words else set()


def expected(rows: Sequence[str], seeds: Sequence[str]) -> tuple[float, float]:
    """(seen, reflection) by counting."""
    texts = [phrases(text) for text in dict.fromkeys(rows)]
    held = Counter(phrase for text in texts for phrase in text)
    common = max(3, len(texts) // 1000)
    shown = rare = 0
    for text in texts:
        mine = [held[phrase] - 1 for phrase in text if held[phrase] - 1 <= common]
        if 2 * sum(map(bool, mine)) <= len(mine):
            shown, rare = shown + sum(map(bool, mine)), rare + len(mine)
    theirs = [held[phrase] for text in dict.fromkeys(seeds) for phrase in phrases(text) if held[phrase] <= common]
    seen = sum(map(bool, theirs)) / len(theirs)
    return seen, seen / (shown / rare)


@pytest.mark.parametrize("seed", range(3))
def test_as_counted_in_plain_python(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(40)]

    def said(count: int) -> str:
        return " ".join(draw.choices(words, weights=range(1, 41), k=count))

    seeds = [said(20) for _ in range(250)]
    rows = [f"{draw.choice(seeds)[:40]} {said(25)}" for _ in range(500)]
    rows += [rows[0], f"{rows[1]} indeed", "The same phrase in many rows"] * 5
    measurement = measured(
        fakes.dataset([{"text": text} for text in rows], tmp_path / "rows", shard_rows=97),
        {"seeds@1": fakes.dataset([{"text": text} for text in seeds], tmp_path / "seeds")},
    )
    seen, reflection = expected(rows, seeds)
    values = {metric.name: metric.value for metric in measurement.metrics}
    assert values["seeds_not_reflected.seen"] == pytest.approx(seen)
    assert values["seeds_not_reflected.reflection"] == pytest.approx(reflection)
    (piece,) = measurement.slices
    assert piece.metric.low is not None
    assert piece.metric.high is not None
    assert piece.metric.low < reflection < piece.metric.high


def test_too_little_to_tell_is_skipped_and_says_so(tmp_path: Path) -> None:
    rows = fakes.dataset([{"text": f"row {i} says {i * 7} and {i * i} and goes"} for i in range(399)], tmp_path / "a")
    seeds = fakes.dataset([{"text": "a seed of a few words"}], tmp_path / "b")
    few = measured(rows, {"seeds@1": seeds})
    assert (few.metrics, "400 are needed" in few.notes[0]) == ((), True)
    short = measured(rows, {"seeds@1": seeds}, SeedsNotReflected(rows=100))
    assert (short.metrics, "too few to tell" in short.notes[0]) == ((), True)
    assert measured(rows, {}).notes == ("the lineage declares no seeds",)
    pedigree = tiny.pedigree("own@1", {"own@1": tiny.Made(seeds=("gone@1",)), "gone@1": tiny.Made()})
    away = SeedsNotReflected().run(rows, Context(pedigree=pedigree), Local(1))
    assert not away.metrics
    assert "gone@1" in away.notes[0]
    made = {"own@1": tiny.Made(technique="translation", seeds=("seeds@1",)), "seeds@1": tiny.Made()}
    translated = fakes.at_hand(tiny.pedigree("own@1", made), {"seeds@1": seeds})
    assert not SeedsNotReflected().run(rows, Context(pedigree=translated), Local(1)).metrics


def test_seeds_that_every_row_quotes_are_reflected(tmp_path: Path) -> None:
    draw = random.Random(1)

    def said(count: int) -> str:
        return " ".join(draw.choice("abcdefghijklmnopqrstuvwxyz") + str(draw.randrange(9)) for _ in range(count))

    questions = [said(12) for _ in range(24)]
    shared = [said(9) for _ in range(200)]
    seeds = fakes.dataset([{"text": f"{one} {said(30)}"} for one in questions], tmp_path / "seeds")
    strangers = fakes.dataset([{"text": said(42)} for _ in range(24)], tmp_path / "strangers")
    rows = [f"{draw.choice(questions)} {draw.choice(shared)} {said(8)}" for _ in range(500)]
    measurement = measured(
        fakes.dataset([{"text": text} for text in rows], tmp_path / "rows"),
        {"quoted@1": seeds, "stranger@1": strangers},
    )
    assert measurement.metrics[0].value == 1
    assert [row["related_dataset"] for row in measurement.tables["faults"].to_pylist()] == ["dataset:stranger@1"]
    assert any(note.startswith("quoted@1: quoted, ") for note in measurement.notes)
    alone = measured(fakes.dataset([{"text": text} for text in rows], tmp_path / "again"), {"quoted@1": seeds})
    assert [(metric.name, metric.value) for metric in alone.metrics] == [("seeds_not_reflected.sources", 0)]


@pytest.fixture(scope="module")
def public(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Dataset]:
    cache = tmp_path_factory.mktemp("cache")
    return lambda name: readers.open(shared_data(SETS[name]), cache=cache, name=name)


@pytest.mark.data
def test_alpaca_shows_its_seeds_and_not_gsm8k(public: Callable[[str], Dataset]) -> None:
    true = measured(public("alpaca"), {"seeds@1": public("seeds")})
    assert {metric.name: metric.value for metric in true.metrics}["seeds_not_reflected.sources"] == 0
    assert reflections(true)["seeds@1"] == pytest.approx(0.86, abs=0.01)
    assert not true.tables["faults"].num_rows
    wrong = measured(public("alpaca"), {"gsm8k@1": public("gsm8k")})
    assert {metric.name: metric.value for metric in wrong.metrics}["seeds_not_reflected.sources"] == 1
    assert reflections(wrong)["gsm8k@1"] == pytest.approx(0.12, abs=0.01)
    (fault,) = wrong.tables["faults"].to_pylist()
    assert (fault["row"], fault["related_dataset"]) == (None, "dataset:gsm8k@1")


@pytest.mark.data
@pytest.mark.parametrize(
    ("rows", "true", "wrong"),
    [
        ("claude", "seeds", ("gsm8k", "presidio")),
        ("solutions", "gsm8k-test", ("seeds", "user", "presidio")),
        ("gsm8k", "gsm8k-test", ("seeds", "user", "presidio", "humaneval")),
    ],
)
def test_true_seeds_show_and_strangers_do_not(
    rows: str, true: str, wrong: tuple[str, ...], public: Callable[[str], Dataset]
) -> None:
    found = reflections(measured(public(rows), {name: public(name) for name in (true, *wrong)}))
    assert found[true] > 4 * max(found[name] for name in wrong)
    assert found[true] > 0.8
    assert all(found[name] < 0.2 for name in wrong)


@pytest.mark.data
@pytest.mark.parametrize(("rows", "true"), [("answers", "user"), ("rephrased", "humaneval")])
def test_answers_and_rephrasings_show_what_they_were_made_from(
    rows: str, true: str, public: Callable[[str], Dataset]
) -> None:
    found = reflections(
        measured(public(rows), {true: public(true), "gsm8k": public("gsm8k")}, SeedsNotReflected(rows=100))
    )
    assert found[true] > 1
    assert found["gsm8k"] < 0.2


@pytest.mark.data
def test_samples_of_400_rows_tell(
    shared_data: Callable[[str], Path], public: Callable[[str], Dataset], tmp_path: Path
) -> None:
    records = json.loads(shared_data(SETS["alpaca"]).read_text())
    for turn in range(4):
        rows = fakes.dataset(random.Random(turn).sample(records, 400), tmp_path / str(turn))
        found = reflections(measured(rows, {"seeds": public("seeds"), "gsm8k": public("gsm8k")}))
        assert found["gsm8k"] < 0.2 < found["seeds"]
        assert not math.isnan(found["gsm8k"])
