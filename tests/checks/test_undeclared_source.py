"""undeclared-source against brute force, and on Alpaca as two publishers cut it."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from auditor import fakes, readers
from auditor.checks.undeclared_source import UndeclaredSource
from auditor.core.check import Context
from auditor.core.lineage import traces
from auditor.engines.local import Local
from auditor.kernels.traces import NONE, lookup, meetings
from auditor.model import tiny
from auditor.model.result import Measurement
from auditor.model.rows import Dataset

VOCABULARY = [f"w{i}" for i in range(400)]


def measured(
    rows: Dataset,
    made: Mapping[str, tiny.Made],
    at_hand: Mapping[str, Dataset],
    *,
    cache: Path | None = None,
    threads: int = 1,
) -> Measurement:
    pedigree = fakes.at_hand(tiny.pedigree("own@1", made), at_hand)
    return UndeclaredSource().run(rows, Context(pedigree=pedigree, cache=cache), Local(threads))


def numbers(measurement: Measurement) -> dict[str, Any]:
    return {metric.name.removeprefix("undeclared_source."): metric.value for metric in measurement.metrics}


def shingles(text: str) -> set[tuple[str, ...]]:
    words = re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold())
    return {tuple(words[i : i + 5]) for i in range(max(1, len(words) - 4))} if words else set()


def expected(ours: Sequence[str], theirs: Sequence[str]) -> dict[int, tuple[int, float]]:
    """Row of ours -> (their row, similarity) by comparing every pair."""
    found = {}
    for i, mine in enumerate(ours):
        same = [j for j, other in enumerate(theirs) if " ".join(mine.casefold().split()) == " ".join(other.split())]
        scores = [
            (len(a & b) / len(a | b), -j)
            for j, other in enumerate(theirs)
            for a, b in [(shingles(mine), shingles(other))]
        ]
        best, at = max(scores)
        if same:
            found[i] = (same[0], 1.0)
        elif best >= 0.8:
            found[i] = (-at, best)
    return found


def changed(text: str, draw: random.Random, words: int) -> str:
    parts = text.split()
    for _ in range(words):
        parts[draw.randrange(len(parts))] = draw.choice(VOCABULARY)
    return " ".join(parts)


@pytest.mark.parametrize("seed", range(3))
def test_every_pair_compared_finds_the_same_rows(seed: int, tmp_path: Path) -> None:
    draw = random.Random(seed)
    theirs = [" ".join(draw.choices(VOCABULARY, k=draw.randint(40, 90))) for _ in range(150)]
    ours = [draw.choice(theirs).upper() for _ in range(20)]
    ours += [changed(draw.choice(theirs), draw, draw.randint(0, 3)) for _ in range(60)]
    ours += [" ".join(draw.choices(VOCABULARY, k=50)) for _ in range(60)]
    draw.shuffle(ours)
    rows = fakes.dataset([{"text": text} for text in ours], tmp_path / "ours", shard_rows=37)
    other = fakes.dataset([{"text": text} for text in theirs], tmp_path / "theirs", shard_rows=64)
    measurement = measured(rows, {"own@1": tiny.Made(), "other@1": tiny.Made()}, {"other@1": other}, threads=2)
    wanted = expected(ours, theirs)
    seen = measurement.tables["traced"].to_pylist()
    assert {(one["row"], one["theirs"]) for one in seen} == {(i, j) for i, (j, _) in wanted.items()}
    assert {one["row"]: one["strength"] for one in seen} == pytest.approx({i: s for i, (_, s) in wanted.items()})
    counts = numbers(measurement)
    assert counts["copies"] == sum(score == 1 and ours[i].casefold() == theirs[j] for i, (j, score) in wanted.items())
    assert counts["copies"] + counts["near"] == len(wanted)
    assert counts["rate"] == len(wanted) / len(ours)


def test_a_pair_at_the_threshold_meets_by_one_of_its_least_hashes() -> None:
    """What the docstring promises, on random sets whose Jaccard is exactly .8."""
    draw = np.random.default_rng(7)
    missed = 0
    for _ in range(4000):
        union = draw.integers(0, 2**63, 40, dtype=np.uint64)
        left, right = np.sort(union[:36]), np.sort(union[4:])  # 32 of 40 in both
        missed += not np.intersect1d(left[: traces.LEAST], right[: traces.LEAST]).size
    assert missed / 4000 < 0.001


@pytest.mark.parametrize(
    ("made", "found"),
    [
        ({"own@1": tiny.Made(), "other@1": tiny.Made()}, True),
        ({"own@1": tiny.Made(parents=("other@1",)), "other@1": tiny.Made()}, False),
        ({"own@1": tiny.Made(seeds=("other@1",)), "other@1": tiny.Made()}, False),
        # An evaluation set is no source: rows from it are found.
        ({"own@1": tiny.Made(evals=("other@1",)), "other@1": tiny.Made("eval")}, True),
        # Declared at a distance.
        (
            {"own@1": tiny.Made(parents=("mid@1",)), "mid@1": tiny.Made(parents=("other@1",)), "other@1": tiny.Made()},
            False,
        ),
        # Made from ours, or from another version of ours.
        ({"own@1": tiny.Made(), "other@1": tiny.Made(parents=("own@1",))}, False),
        ({"own@1": tiny.Made(), "own@2": tiny.Made(), "other@1": tiny.Made(parents=("own@2",))}, False),
    ],
)
def test_what_the_lineage_names_is_no_fault(made: dict[str, tiny.Made], found: bool, tmp_path: Path) -> None:
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(10)]
    rows = fakes.dataset(texts, tmp_path / "a")
    other = fakes.dataset([*texts[:4], {"text": "and one more of its own, which is not ours"}], tmp_path / "b")
    if len(made) == 2 and "other@1" in made and not found:
        made = {**made, "third@1": tiny.Made()}  # so that there is something to look in
    third = fakes.dataset([{"text": "nothing that anybody else has ever written down"}], tmp_path / "c")
    at_hand = {"other@1": other, "third@1": third} if "third@1" in made else {"other@1": other}
    measurement = measured(rows, made, at_hand)
    assert numbers(measurement).get("copies", 0) == (4 if found else 0)


def test_a_row_that_a_declared_source_has_too_is_explained(tmp_path: Path) -> None:
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(10)]
    rows = fakes.dataset(texts, tmp_path / "a")
    parent = fakes.dataset([*texts[:6], {"text": "and something that is the parent's alone"}], tmp_path / "b")
    other = fakes.dataset([*texts[3:8], {"text": "and something that is the other's alone"}], tmp_path / "c")
    made = {"own@1": tiny.Made(parents=("parent@1",)), "parent@1": tiny.Made(), "other@1": tiny.Made()}
    measurement = measured(rows, made, {"parent@1": parent, "other@1": other})
    assert measurement.tables["traced"].column("row").to_pylist() == [6, 7]
    assert measured(rows, made, {"other@1": other}).tables["traced"].column("row").to_pylist() == [3, 4, 5, 6, 7]


def test_datasets_of_equal_rows_are_one(tmp_path: Path) -> None:
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(10)]
    rows = fakes.dataset(texts, tmp_path / "a")
    twin = fakes.dataset(list(reversed(texts)), tmp_path / "b")
    third = fakes.dataset(texts[:3], tmp_path / "c")
    made = {"own@1": tiny.Made(), "twin@1": tiny.Made(), "third@1": tiny.Made(parents=("twin@1",))}
    measurement = measured(rows, made, {"twin@1": twin, "third@1": third, "own@1": rows})
    assert numbers(measurement)["datasets"] == 1
    assert any("twin@1" in note and "one dataset" in note for note in measurement.notes)
    declared = {"own@1": tiny.Made(seeds=("twin@1",)), "twin@1": tiny.Made(), "again@2": tiny.Made()}
    some = fakes.dataset([*texts, {"text": "a row that the audited dataset does not have"}], tmp_path / "d")
    nothing = measured(rows, declared, {"twin@1": some, "again@2": some})
    assert not nothing.metrics, "the undeclared twin of a declared source is that source"


def test_what_is_not_at_hand_is_named_and_kept_traces_answer_for_it(tmp_path: Path) -> None:
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(10)]
    rows = fakes.dataset(texts, tmp_path / "a")
    other = fakes.dataset([*texts[2:5], {"text": "and something that is the other's alone"}], tmp_path / "b")
    made = {"own@1": tiny.Made(), "other@1": tiny.Made(), "gone@1": tiny.Made()}
    measurement = measured(rows, made, {"other@1": other}, cache=tmp_path / "kept")
    assert any("gone@1" in note and "checkout" in note for note in measurement.notes)
    pedigree = fakes.at_hand(tiny.pedigree("own@1", made), {"other@1": other})
    away = replace(pedigree, open=lambda ref: None)
    again = UndeclaredSource().run(rows, Context(pedigree=away, cache=tmp_path / "kept"), Local(1))
    assert numbers(again) == numbers(measurement)
    never = UndeclaredSource().run(rows, Context(pedigree=away), Local(1))
    assert not never.metrics
    assert "at hand" in never.notes[0]


def test_a_kept_trace_of_another_order_or_a_broken_file_is_made_again(tmp_path: Path) -> None:
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(10)]
    rows = fakes.dataset(texts[:3], tmp_path / "a")
    other = fakes.dataset(texts, tmp_path / "b")
    turned = fakes.dataset(list(reversed(texts)), tmp_path / "c")
    assert other.digest == turned.digest
    made = {"own@1": tiny.Made(), "other@1": tiny.Made()}
    assert [
        one["theirs"]
        for one in measured(rows, made, {"other@1": other}, cache=tmp_path / "k").tables["traced"].to_pylist()
    ] == [0, 1, 2]
    assert [
        one["theirs"]
        for one in measured(rows, made, {"other@1": turned}, cache=tmp_path / "k").tables["traced"].to_pylist()
    ] == [9, 8, 7]
    for file in (tmp_path / "k").iterdir():
        file.write_bytes(file.read_bytes()[:100])
    assert numbers(measured(rows, made, {"other@1": other}, cache=tmp_path / "k"))["copies"] == 3


def test_large_datasets_are_looked_at_by_a_sample_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditor.checks.undeclared_source.SCREEN", 40)
    texts = [{"text": f"sentence number {i} says something that no other sentence says"} for i in range(200)]
    rows = fakes.dataset(texts[:60], tmp_path / "a")
    other = fakes.dataset(texts, tmp_path / "b")
    measurement = measured(rows, {"own@1": tiny.Made(), "other@1": tiny.Made()}, {"other@1": other})
    assert numbers(measurement)["copies"] == 60
    assert any("sample" in note for note in measurement.notes)


def test_keys_meet_as_in_plain_python() -> None:
    draw = np.random.default_rng(3)
    known = draw.integers(0, 50, 200, dtype=np.uint64)
    known[::17] = NONE
    keys = draw.integers(0, 80, 300, dtype=np.uint64)
    keys[::11] = NONE
    rows = np.arange(200) * 10
    for most in (0, 5):
        place, row = meetings(lookup(known, rows), keys, most)
        wanted = {
            (i, int(rows[j]))
            for i, key in enumerate(keys.tolist())
            for j, other in enumerate(known.tolist())
            if key == other != int(NONE)
            and (not most or (known.tolist().count(key) <= most and keys.tolist().count(key) <= most))
        }
        assert set(zip(place.tolist(), row.tolist(), strict=True)) == wanted
        assert len(place) == len(wanted)


@pytest.mark.data
def test_claude_t45_shares_935_rows_with_the_random_9k(shared_data: Callable[[str], Path], tmp_path: Path) -> None:
    def read(name: str) -> Dataset:
        return readers.open(shared_data(name), cache=tmp_path / "cache")

    own, random_9k, dolly = (read(f"alpaca/{name}.json") for name in ("claude_t45", "random_9k", "dolly_3k"))
    seeds = read("alpaca/seed_tasks.jsonl")
    made = {
        "own@1": tiny.Made(technique="self-instruct", seeds=("seeds@1",)),
        "random-9k@1": tiny.Made(technique="self-instruct", seeds=("seeds@1",)),
        "dolly@1": tiny.Made("real"),
        "seeds@1": tiny.Made("real"),
        "self-instruct-seeds@1": tiny.Made("real"),
    }
    twins = read("selfinstruct/seed_tasks.jsonl")
    assert twins.digest == seeds.digest
    at_hand = {"random-9k@1": random_9k, "dolly@1": dolly, "seeds@1": seeds, "self-instruct-seeds@1": twins}
    measurement = measured(own, made, at_hand, cache=tmp_path / "kept", threads=2)
    assert numbers(measurement) == {
        "rate": pytest.approx(935 / 5305), "copies": 935, "near": 0, "prompt_rate": 1 / 5305, "datasets": 1
    }  # fmt: skip
    # "How many states are there in the United States?" was asked by two people.
    one, other = (piece for piece in measurement.slices if piece.by == "source")
    assert (other.group, other.metric.value) == ("dolly@1", 0)
    assert (one.group, round(one.metric.value * one.metric.n)) == ("random-9k@1", 935)
    context = Context(pedigree=fakes.at_hand(tiny.pedigree("own@1", made), at_hand))
    findings = list(UndeclaredSource().locate(own, measurement, context))
    assert sum(map(len, findings)) == 935 + 1
    found = findings[0].to_pylist()[0]
    ours = own.take([found["row"]], ["text"]).column(0)[0].as_py()
    assert ours == random_9k.take([found["related"]], ["text"]).column(0)[0].as_py()
    assert found["related_dataset"] == "random-9k@1"
